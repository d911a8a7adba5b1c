"""What is counted in instructions: for each row its contestants, and the bars it is held against."""

import os

from tests.benchmark import programs
from tests.benchmark.bench import Measure
from tests.benchmark.contestants import HTTP_CLIENT, KEY, MAX_BATCH, OURS, PACKAGES, PEER
from tests.benchmark.events import NAME, flat_data, small_data, write_csv, write_file, write_rows
from tests.benchmark.measures import DATACLASSES
from tests.benchmark.tasks import LIST

SCRIPT = "urllib.request and dataclasses"


def _in_lists(bench, name, title, kind, few, many, bars):
    runs = {
        name: bench.task("in_lists", name, few * LIST, many * LIST, url=bench.urls["plain"], kind=kind)
        for name in bench.names(HTTP_CLIENT)
    }
    title = f"{title}, made and sent in lists of {LIST}"
    return Measure(name, title, "event", bench.rounds(1), runs, bars)


def small(bench):
    """Small events."""
    bars = [bench.bar(OURS, HTTP_CLIENT, 1.9), bench.bar(OURS, PEER, 0.45)]
    few, many = bench.count((20, 60), (1, 2))
    return _in_lists(bench, "small", "a small event", "small", few, many, bars)


def large(bench):
    """Events with much data."""
    bars = [bench.bar(OURS, HTTP_CLIENT, 1.7), bench.bar(OURS, PEER, 0.7)]
    few, many = bench.count((2, 5), (1, 2))
    return _in_lists(bench, "24 KB", "an event of 24 KB, 400 rows", "rows", few, many, bars)


def digits(bench):
    """Events whose text looks as if there could be something wrong with it."""
    few, many = bench.count((20, 60), (1, 2))
    return _in_lists(bench, "digits", "an event of dates, ids and ratios", "digits", few, many, [])


def alone(bench):
    """One event in a call."""
    few, many = bench.count((100, 500), (1, 2))
    runs = {
        name: bench.task("one_by_one", name, few, many, url=bench.urls["plain"])
        for name in bench.names(HTTP_CLIENT)
    }
    bars = [bench.bar(OURS, HTTP_CLIENT, 0.92)]
    return Measure("alone", "one event, made and sent alone", "send", bench.rounds(1), runs, bars)


def files(bench):
    """``send --file``. The official SDK's is a loop with json.loads."""
    counts = bench.count((MAX_BATCH, 3 * MAX_BATCH), (10, 20))
    variables = {"INNGEST_EVENT_KEY": KEY, "INNGEST_EVENT_API_BASE_URL": bench.urls["plain"]}
    forms = (("a line", "ndjson", write_file), ("a row", "json", write_rows), ("a CSV record", "csv", write_csv))
    runs = {}
    for form, suffix, write in forms:
        paths = {count: os.path.join(bench.folder, f"{count}.{suffix}") for count in counts}
        for count, path in paths.items():
            write(path, count, flat_data if write is write_csv else small_data)
        arguments = ["send"] if write is write_file else ["send", "--as", NAME]
        codes = {count: programs.command([*arguments, "--file", path]) for count, path in paths.items()}
        for name in bench.own_names():
            runs[f"{name}, {form}"] = bench.programs(name, codes, **variables)
        if write is write_file and bench.has_peer:
            url = bench.urls["plain"]
            codes = {count: programs.sending_file(PACKAGES[PEER], url, path) for count, path in paths.items()}
            runs[f"{PEER}, a line"] = bench.programs(PEER, codes)
    line = f"{OURS}, a line"
    bars = [
        bench.bar(line, f"{PEER}, a line", 0.48),
        bench.bar(f"{OURS}, a row", line, 1.2),
        bench.bar(f"{OURS}, a CSV record", line, 1.2),
    ]
    return Measure("files", "send --file", "event", bench.rounds(1), runs, bars)


def imports(bench):
    """A new process that does nothing but import."""
    modules = {**{name: PACKAGES.get(name, PACKAGES[OURS]) for name in bench.names()}, DATACLASSES: DATACLASSES}
    runs = {name: bench.program(name, f"import {module}") for name, module in modules.items()}
    title = "a new process that does nothing but import"
    return Measure("import", title, "", bench.rounds(1), runs, [bench.bar(OURS, DATACLASSES, 1.2)])


def cold(bench):
    """A new process that sends one event, beside a script of the two modules that this library is bound to use."""
    url = bench.urls["plain"]
    runs = {
        name: bench.program(name, programs.sending(PACKAGES.get(name, PACKAGES[OURS]), url)) for name in bench.names()
    }
    runs[SCRIPT] = bench.program(SCRIPT, programs.sending_with_dataclass(url))
    title = "a new process that sends one event, and a script that does it"
    return Measure("cold", title, "", bench.rounds(1), runs, [bench.bar(OURS, SCRIPT, 1.1)])


MEASURES = (small, large, digits, alone, files, imports, cold)
