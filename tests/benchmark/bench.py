"""What the measures run on: the server, the interpreter, and how long it may all take."""

import functools

from tests.benchmark import programs
from tests.benchmark.contestants import OURS, PEER
from tests.benchmark.figures import alternate
from tests.benchmark.worker import Worker


class Measure:
    """One measure. ``runs`` has for each contestant, by name, what returns a sample; ``unit`` is what it is of."""

    def __init__(self, name, title, unit, rounds, runs, bars=()):
        self.name = name
        self.title = title
        self.unit = unit
        self.rounds = rounds
        self.runs = runs
        self.bars = bars
        self.samples = {}

    def take(self):
        """Run all rounds."""
        self.samples = alternate(self.rounds, self.runs)

    def verdicts(self):
        """Return the bars for which there are samples."""
        return [bar for bar in self.bars if bar.value(self.samples) is not None]


class Bench:
    """What the measures run on.

    ``python``: the interpreter that runs every contestant, so that all start from the same; ``has_peer``: the official
    SDK is installed there, and takes part. ``certificate``: the file with the authority behind the server's.
    ``folder``: for files. ``short``: as little of everything as shows that it works. ``rounds``: how many to take,
    whatever the measure.
    """

    def __init__(self, server, certificate, folder, python, has_peer=False, short=False, rounds=None):
        self.urls = server.urls
        self.folder = folder
        self.python = python
        self.has_peer = has_peer
        self._server = server
        self._environment = {"SSL_CERT_FILE": certificate}
        self._short = short
        self._rounds = rounds
        self._workers = {}

    def __enter__(self):
        return self

    def __exit__(self, *error):
        for worker in self._workers.values():
            worker.__exit__(*error)

    def rounds(self, rounds):
        """Return how many rounds to take where ``rounds`` are called for."""
        return self._rounds or (2 if self._short else rounds)

    def count(self, count, short):
        """Return how much to do at once."""
        return short if self._short else count

    def names(self, *floors):
        """Return this library, the floors named, and the official SDK if it takes part."""
        return [OURS, *floors, *([PEER] if self.has_peer else [])]

    def warm(self, task, name, **arguments):
        """Return what runs a task in the contestant's worker, which lives as long as the benchmark."""
        return functools.partial(self._worker(name).run, task, name=name, **arguments)

    def _worker(self, name):
        # One would do, but the official SDK's objects in it would slow down every contestant's collections.
        whose = PEER if name == PEER else OURS
        if whose not in self._workers:
            self._workers[whose] = Worker(self.python, self._environment)
        return self._workers[whose]

    def fresh(self, task, name, **arguments):
        """Return what runs a task in a worker of its own, so that its peak memory is its own."""

        def run():
            with Worker(self.python, self._environment) as worker:
                return worker.run(task, name=name, **arguments)

        return run

    def program(self, code, **environment):
        """Return what runs a program."""
        run = functools.partial(programs.run, self.python, code, dict(self._environment, **environment))
        run()  # so that byte code and files are where they are on any day but the first
        return run

    def connections(self, run, listener):
        """Return what runs ``run`` and adds to its sample the connections that the server took for it."""

        def counted():
            before = self._server.totals()["connections"][listener]
            sample = run()
            return dict(sample, connections=self._server.totals()["connections"][listener] - before)

        return counted


def each(run, count):
    """Return what runs ``run`` and divides its times by ``count``."""

    def divided():
        sample = run()
        return dict(sample, wall=sample["wall"] / count, cpu=sample["cpu"] / count)

    return divided
