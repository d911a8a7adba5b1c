"""What the measures run on: the server, an interpreter for each contestant, and how long it may all take."""

import functools
import sys

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

    ``certificate`` is the file with the authority that the server's is signed by. ``folder`` is for files. ``peer`` is the
    interpreter of the official SDK, or None. ``short``: as little of everything as shows that it works. ``rounds``:
    how many to take, whatever the measure.
    """

    def __init__(self, server, certificate, folder, peer=None, short=False, rounds=None):
        self.urls = server.urls
        self.folder = folder
        self.peer = peer
        self._server = server
        self._environment = {"SSL_CERT_FILE": certificate}
        self._short = short
        self._rounds = rounds

    def __enter__(self):
        self._workers = {sys.executable: Worker(sys.executable, self._environment)}
        if self.peer is not None:
            self._workers[self.peer] = Worker(self.peer, self._environment)
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
        return [OURS, *floors, *([PEER] if self.peer is not None else [])]

    def python(self, name):
        """Return the interpreter of a contestant."""
        return self.peer if name == PEER else sys.executable

    def warm(self, task, name, **arguments):
        """Return what runs a task in the contestant's worker, which lives as long as the benchmark."""
        return functools.partial(self._workers[self.python(name)].run, task, name=name, **arguments)

    def fresh(self, task, name, **arguments):
        """Return what runs a task in a worker of its own, so that its peak memory is its own."""

        def run():
            with Worker(self.python(name), self._environment) as worker:
                return worker.run(task, name=name, **arguments)

        return run

    def program(self, name, code, **environment):
        """Return what runs a program with the contestant's interpreter."""
        environment = dict(self._environment, **environment)
        run = functools.partial(programs.run, self.python(name), code, environment)
        run()  # so that byte code and files are where they are on any day but the first
        return run

    def connections(self, run, listener):
        """Return what runs ``run`` and adds to its sample the connections that the server took for it."""

        def counted():
            before = self._server.totals()["connections"][listener]
            sample = run()
            return dict(sample, connections=self._server.totals()["connections"][listener] - before)

        return counted
