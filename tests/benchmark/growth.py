"""What is measured of growth: how the time of one call grows with how much is sent in it."""

from tests.benchmark.bench import Measure, each
from tests.benchmark.contestants import HTTP_CLIENT, OURS
from tests.benchmark.figures import Bar


def growth_in_count(bench):
    """Lists of ever more events."""
    return _growth(bench, "growth", "as_list", "count", (1, 10, 100, 1000, 10000, 100000), 1000, "event", "events")


def growth_in_size(bench):
    """Ever larger events."""
    sizes = (1000, 10000, 100000, 1000000, 3000000)
    return _growth(bench, "growth in size", "of_size", "size", sizes, 100000, "byte", "bytes")


def _growth(bench, name, task, argument, steps, straight_from, unit, units):
    steps = steps if bench.count(True, False) else steps[:3]
    runs = {}
    for contestant in bench.names(HTTP_CLIENT):
        for step in steps:
            run = bench.warm(task, contestant, url=bench.urls["plain"], **{argument: step})
            runs[f"{contestant}, {step:,}"] = each(run, step)
    bars = []
    if steps[-1] > straight_from:
        bars = [Bar("wall", f"{OURS}, {steps[-1]:,}", f"{OURS}, {straight_from:,}", at_most=1.25)]
    return Measure(name, f"{name}: warm, one call of so many {units}", unit, bench.rounds(5), runs, bars)
