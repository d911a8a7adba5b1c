"""Mutation testing: changes the package in one small place at a time, and tells which changes no test notices.

``python3.13 .ci/mutation.py measure`` runs each test once, apart from all others, and notes which lines it reaches, in
its own process and in those it starts. ``run`` then tries the mutants, each against tests that reach its line, until
one fails; ``report`` prints what came of it. All go on where they were interrupted; what is measured is good for one
state of the package, while tests may be added. ``run --survived --seconds 60`` tries more tests on what is left, the
new ones, too, once they are measured. Mutants that change nothing anybody can tell stand in ``equivalent_mutants.txt``,
each with the reason. Needs Linux, CPython 3.12 or newer, and only the standard library.
"""

from __future__ import annotations

import argparse
import collections
import contextlib
import difflib
import glob
import json
import os
import queue
import random
import sys
import tempfile
import threading
import time
import unittest
import zlib

from mutant_worker import PACKAGE, ROOT, Worker
from mutants import function_lines, mutants

OUTCOMES = ("killed", "timed out", "survived", "not reached", "equivalent")
EQUIVALENT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "equivalent_mutants.txt")


def all_tests(prefixes):
    """Return the names of the tests; of those of the project as a whole, most read the source or run for long."""
    sys.path.insert(0, ROOT)
    suites, names = [unittest.defaultTestLoader.discover("tests", top_level_dir=".")], []
    for suite in suites:
        for test in suite:
            if isinstance(test, unittest.TestSuite):
                suites.append(test)
            elif not test.id().startswith("tests.project.") or test.id().startswith("tests.project.test_import."):
                names.append(test.id())
    return [name for name in dict.fromkeys(names) if name.startswith(prefixes or "")]


def sources(only):
    """Return the package's modules, by name."""
    found = {}
    for name in sorted(glob.glob(f"{PACKAGE}/**/*.py", recursive=True)):
        if name.startswith(only or ""):
            with open(name, "rb") as file:
                found[name] = file.read()
    return found


def state():
    """Return what changes whenever the package does."""
    return zlib.crc32(b"".join(sources(None).values()))


def read(path):
    """Yield what the lines of a file say; the last may be cut off."""
    with contextlib.suppress(FileNotFoundError), open(path) as file:
        for line in file:
            with contextlib.suppress(ValueError):
                yield json.loads(line)


def for_each(items, jobs, path, do):
    """Call ``do(worker, item)`` for each item, by ``jobs`` workers; append each result to a file."""
    start, count, total, lock = time.monotonic(), 0, len(items), threading.Lock()
    waiting = queue.SimpleQueue()
    for item in items:
        waiting.put(item)

    def work(folder):
        nonlocal count
        with contextlib.closing(Worker(folder)) as worker, contextlib.suppress(queue.Empty):
            while True:
                result = do(worker, waiting.get_nowait())
                with lock:
                    count += 1
                    print(json.dumps(result), file=output, flush=True)
                    minutes = (time.monotonic() - start) / 60
                    print(f"\r{count} of {total}, {count / minutes:.0f} a minute ", end="", file=sys.stderr, flush=True)

    with open(path, "a") as output, tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        threads = [threading.Thread(target=work, args=(f"{folder}/{number}",), daemon=True) for number in range(jobs)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    print(file=sys.stderr)


def measure(options):
    """Run each test that is not measured yet twice: first to see the lines it reaches, then for the time it takes."""

    def do(worker, name):
        first = worker.do({name: 0}, 120, is_measured=True)
        lines = collections.defaultdict(list)
        for place in first["reached"]:
            file, _, line = place.rpartition(":")
            lines[file].append(int(line))
        outcome = worker.do({name: 0}, 120)
        if "failed" in outcome:
            print(f"\rleft out, since it fails: {name}: {outcome['why']}", file=sys.stderr)
        return {"test": name, "state": now, "lines": lines, **outcome}

    now = state()
    path = os.path.join(options.data, "coverage.jsonl")
    known = {record["test"] for record in read(path)}
    names = [name for name in all_tests(options.tests) if options.again or name not in known]
    for_each(names, options.jobs, path, do)


class Choice:
    """Chooses the tests for a mutant."""

    def __init__(self, options, by_file):
        self._options = options
        self._kills = collections.defaultdict(collections.Counter)  # of tests, by file
        records = {record["test"]: record for record in read(os.path.join(options.data, "coverage.jsonl"))}
        found = set(all_tests(None))  # one that is gone would fail whatever the mutant is
        good = {test: record for test, record in records.items() if test in found and "failed" not in record}
        self._seconds = {test: record["seconds"] for test, record in good.items()}
        self._lines = collections.defaultdict(dict)
        for test in self._seconds:
            for file, lines in records[test]["lines"].items():
                self._lines[file][test] = set(lines)
        if {record["state"] for record in records.values()} - {state()}:
            print("The package is not as it was measured: its lines may be others. `measure --again`", file=sys.stderr)
        self._inner = {file: function_lines(source) for file, source in by_file.items()}

    def killed(self, mutant, test):
        """Take note: what has killed a mutant is likely to kill its neighbour."""
        self._kills[mutant.file][test] += 1

    def tests(self, mutant):
        """Return names and seconds of tests that reach the mutant, the best first, as many as the time allows.

        What runs at import is reached by all who import it: of them those are meant that run something in it.
        """
        of_file = self._lines[mutant.file]
        wanted = self._inner[mutant.file] if mutant.is_at_import else set(mutant.lines)
        reaching = [test for test, lines in of_file.items() if lines & wanted]
        if mutant.is_at_import and not reaching:
            reaching = list(of_file)
        kills, total, seen, chosen = self._kills[mutant.file], 0, set(), {}
        own = ".test_" + os.path.basename(mutant.file)[: -len(".py")] + "."
        around = set(range(mutant.line - 20, mutant.line + 21))
        near = {test: of_file[test] & around for test in reaching}

        def worth(test):  # tests of the command line cost the same: one that goes another way says more than a second
            news = 1 + len(near[test] - seen)
            return news * (1 + kills[test] + (10 if own in test else 0)) / self._seconds[test]

        while near and total < self._options.seconds:
            test = max(near, key=worth)
            chosen[test] = self._seconds[test]
            total += self._seconds[test]
            seen |= near.pop(test)
        return chosen


def chosen_mutants(options, by_file):
    """Return those that the options ask for: at random, but the same ones whichever files are asked for."""
    found = [mutant for file, source in by_file.items() for mutant in mutants(file, source)]
    found = [mutant for mutant in found if random.Random(f"{options.seed} {mutant.id}").random() < options.sample]
    return [mutant for mutant in found if mutant.id in options.ids] if options.ids else found


def run(options):
    """Try the mutants that were not tried yet."""
    by_file = sources(options.only)
    path = os.path.join(options.data, "unchanged.jsonl" if options.unchanged else "results.jsonl")
    results = {record["id"]: record for record in read(path)}
    choice = Choice(options, by_file)

    def is_wanted(mutant):
        outcome = results.get(mutant.id, {}).get("outcome")
        return options.ids or not outcome or (options.survived and outcome in ("survived", "not reached"))

    def do(worker, mutant):
        result = {"id": mutant.id, "outcome": "not reached"}
        tests = choice.tests(mutant)
        if tests:
            source = by_file[mutant.file]
            changed = source if options.unchanged else mutant.apply(source)
            found = worker.do(tests, options.patience, {mutant.file: (source.decode(), changed.decode())})
            outcome = "timed out" if found.get("why") == "timeout" else "killed" if "failed" in found else "survived"
            result.update(outcome=outcome, tests=len(tests), **found)
            if outcome == "killed":
                choice.killed(mutant, found["failed"])
        if options.ids or (options.unchanged and "failed" in result):
            print(f"\r{difference(mutant, by_file[mutant.file])}\n{json.dumps(result)}", flush=True)
        return result

    wanted = [mutant for mutant in chosen_mutants(options, by_file) if is_wanted(mutant)]
    for_each(wanted, options.jobs, path, do)
    if not options.ids and not options.unchanged:
        report(options)


def difference(mutant, source):
    """Return a mutant as a unified diff of the lines it changes, without context."""
    before, after = source.decode().splitlines(), mutant.apply(source).decode().splitlines()
    lines = difflib.unified_diff(before, after, lineterm="", n=0)
    return "\n".join([mutant.id, *(line for line in lines if not line.startswith(("---", "+++", "@@")))])


def in_one_line(mutant, source):
    """Return a mutant as the list of those that change nothing has it: without comments, and without its place."""
    lines = [line for line in difference(mutant, source).splitlines()[1:] if line.startswith(("-", "+"))]
    texts = [" ".join(line[1:].partition("  # ")[0].strip() for line in lines if line[0] == sign) for sign in "-+"]
    return f"{mutant.file}: {' -> '.join(texts)}"


def equivalent_mutants():
    """Return those that change nothing, as ``in_one_line`` has them."""
    with open(EQUIVALENT) as file:
        return {line.rpartition("  # ")[0] for line in file if line[:1] not in "#\n"}


def report(options):
    """Print the survivors but for those that change nothing, and a table by module."""
    by_file, equivalent = sources(options.only), equivalent_mutants()
    results = {record["id"]: record["outcome"] for record in read(os.path.join(options.data, "results.jsonl"))}
    table = collections.defaultdict(collections.Counter)
    for mutant in chosen_mutants(options, by_file):
        outcome = results.get(mutant.id, "not tried")
        if outcome in ("survived", "not reached") and in_one_line(mutant, by_file[mutant.file]) in equivalent:
            outcome = "equivalent"
        for row in (mutant.file, "all"):
            table[row][outcome] += 1
        if outcome in ("survived", "not reached"):
            print(difference(mutant, by_file[mutant.file]), f"# {outcome}\n", sep="  ")
    columns = ("mutants", *OUTCOMES, "not tried")
    print(f"{'module':45}", *[f"{column:>11}" for column in columns])
    for row in [*(file for file in by_file if file in table), "all"]:
        counts = [sum(table[row].values()), *(table[row][outcome] for outcome in columns[1:])]
        print(f"{row:45}", *[f"{count:11,}" for count in counts])


def main():
    """Do what the arguments ask for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("command", choices=("measure", "run", "report"))
    add("ids", nargs="*", metavar="MUTANT", help="run: only these, again, and say which test killed them")
    add("--data", default=os.path.join(tempfile.gettempdir(), "mutation"), help="the folder of what is found")
    add("--jobs", type=int, default=os.cpu_count())
    add("--tests", metavar="PREFIX", help="measure: only these; as tests.http.test_pool")
    add("--again", action="store_true", help="measure: also what is measured")
    add("--only", metavar="PREFIX", help=f"run, report: only these modules; as {PACKAGE}/http/")
    add("--survived", action="store_true", help="run: try again what survived")
    add("--unchanged", action="store_true", help="run: change nothing; what is killed then, is killed by chance")
    add("--sample", type=float, default=1, help="run, report: a part of the mutants, up to 1")
    add("--seed", type=int, default=1, help="of the sample")
    add("--seconds", type=float, default=8, help="run: what the tests of a mutant may take")
    add("--patience", type=float, default=20, help="run: seconds that a test may take, beside 10 times its own")
    options = parser.parse_intermixed_args()
    os.chdir(ROOT)
    options.data = os.path.abspath(options.data)
    os.makedirs(options.data, exist_ok=True)
    {"measure": measure, "run": run, "report": report}[options.command](options)


if __name__ == "__main__":
    main()
