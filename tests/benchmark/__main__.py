"""The command: measures, prints what it found, and writes it to files."""

import argparse
import json
import os
import sys
import tempfile

from tests.benchmark import chart, counting, instructions, machine, measures, report
from tests.benchmark.bench import Bench
from tests.benchmark.counting import Counting
from tests.benchmark.server import Server
from tests.helpers.servers import CERTIFICATES


def parse(argv=None):
    """Return the arguments. Ends the process when they cannot be followed."""
    parser = argparse.ArgumentParser(
        prog="python3 -m tests.benchmark",
        description="Time the library beside the two floors, urllib.request.urlopen and one http.client connection.",
    )
    parser.add_argument("--peer", metavar="PYTHON", help="an interpreter that has the official SDK, to run everything")
    parser.add_argument("--instructions", action="store_true", help="count instructions, with valgrind, and no times")
    parser.add_argument("--against", metavar="PATH", help="count those of another checkout of this project, too")
    names = f"of {', '.join(_names(False))}; with --instructions {', '.join(_names(True))}"
    parser.add_argument("--only", metavar="NAME", action="append", help="take this measure only; " + names)
    parser.add_argument("--rounds", type=int, help="take so many of each measure")
    parser.add_argument("--short", action="store_true", help="as little as shows that it works; judge nothing by it")
    parser.add_argument("--json", metavar="FILE", help="write all figures to FILE, - for standard output only")
    parser.add_argument("--svg", metavar="FILE", help="write a chart to FILE")
    arguments = parser.parse_args(argv)
    names = _names(arguments.instructions)
    unknown = sorted(set(arguments.only or ()).difference(names))
    if unknown:
        parser.error(f"no measure {', '.join(unknown)}; there are {', '.join(names)}")
    if arguments.against is not None and not arguments.instructions:
        parser.error("--against goes with --instructions")
    if arguments.against is not None and not counting.is_checkout(arguments.against):
        parser.error(f"--against: {arguments.against} is no checkout of this project")
    if arguments.instructions and counting.version() is None:
        parser.exit(1, counting.MISSING + "\n")
    return arguments


def _names(is_counted):
    return [function.__name__ for function in (instructions if is_counted else measures).MEASURES]


def main(argv=None):
    """Measure."""
    arguments = parse(argv)
    out = sys.stderr if arguments.json == "-" else sys.stdout
    python, has_peer = arguments.peer or sys.executable, arguments.peer is not None
    taken = []
    with tempfile.TemporaryDirectory() as folder, Server() as server:
        found = machine.machine(python, has_peer)
        authority = os.path.join(CERTIFICATES, "authority.pem")
        common = (server, authority, folder, python, has_peer, arguments.short, arguments.rounds)
        if arguments.instructions:
            functions, bench = instructions.MEASURES, Counting(*common, against=arguments.against)
            found["valgrind"] = counting.version()
        else:
            functions, bench = measures.MEASURES, Bench(*common)
            found.update(machine.servers(server, 500 if arguments.short else 20000))
        print(machine.text(found), file=out)
        with bench:
            for function in functions:
                if arguments.only and function.__name__ not in arguments.only:
                    continue
                measure = function(bench)
                measure.take()
                taken.append(measure)
                print("", report.text(measure), sep="\n", file=out, flush=True)
    print("", report.summary(taken), sep="\n", file=out)
    document = report.document(found, taken)
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
