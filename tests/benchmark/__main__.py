"""The command: measures, prints what it found, and writes it to files."""

import argparse
import json
import os
import sys
import tempfile

from tests.benchmark import chart, machine, report
from tests.benchmark.bench import Bench
from tests.benchmark.measures import MEASURES
from tests.benchmark.server import Server
from tests.helpers.servers import CERTIFICATES


def parse(argv=None):
    """Return the arguments."""
    parser = argparse.ArgumentParser(
        prog="python3 -m tests.benchmark",
        description="Time the library beside the two floors, urllib.request.urlopen and one http.client connection.",
    )
    names = ", ".join(function.__name__ for function in MEASURES)
    parser.add_argument("--peer", metavar="PYTHON", help="an interpreter that has the official SDK, to run everything")
    parser.add_argument("--only", metavar="NAME", action="append", help="take this measure only; of " + names)
    parser.add_argument("--rounds", type=int, help="take so many of each measure")
    parser.add_argument("--short", action="store_true", help="as little as shows that it works; judge no time by it")
    parser.add_argument("--json", metavar="FILE", help="write all figures to FILE, - for standard output only")
    parser.add_argument("--svg", metavar="FILE", help="write a chart to FILE")
    arguments = parser.parse_args(argv)
    unknown = set(arguments.only or ()) - {function.__name__ for function in MEASURES}
    if unknown:
        parser.error(f"no measure {', '.join(sorted(unknown))}; there are {names}")
    return arguments


def main(argv=None):
    """Measure."""
    arguments = parse(argv)
    out = sys.stderr if arguments.json == "-" else sys.stdout
    python, has_peer = arguments.peer or sys.executable, arguments.peer is not None
    measures = []
    with tempfile.TemporaryDirectory() as folder, Server() as server:
        found = machine.machine(server, python, has_peer, 500 if arguments.short else 20000)
        print(machine.text(found), file=out)
        authority = os.path.join(CERTIFICATES, "authority.pem")
        with Bench(server, authority, folder, python, has_peer, arguments.short, arguments.rounds) as bench:
            for function in MEASURES:
                if arguments.only and function.__name__ not in arguments.only:
                    continue
                measure = function(bench)
                measure.take()
                measures.append(measure)
                print("", report.text(measure), sep="\n", file=out, flush=True)
    print("", report.summary(measures), sep="\n", file=out)
    document = report.document(found, measures)
    if arguments.json == "-":
        print(json.dumps(document, indent=1))
    elif arguments.json:
        with open(arguments.json, "w", encoding="utf-8") as file:
            json.dump(document, file, indent=1)
    if arguments.svg:
        with open(arguments.svg, "w", encoding="utf-8") as file:
            file.write(chart.svg(document))


if __name__ == "__main__":
    main()
