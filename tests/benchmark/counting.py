"""Counts instructions, with valgrind's tool callgrind.

Times on a busy machine shake by a third and more; how many instructions a process runs does not, whatever runs beside
it. What it runs before and after the work to be counted is left out by the difference of two processes, of which one
does more of that work. The server is a process of its own, and not counted.
"""

import os
import shutil
import subprocess

from tests.benchmark.bench import Bench
from tests.benchmark.contestants import OURS, PEER
from tests.benchmark.figures import Bar
from tests.benchmark.programs import environment
from tests.benchmark.worker import Worker
from tests.helpers.library import NAME, ROOT

MISSING = "--instructions needs valgrind, which is not on PATH; apt-get, dnf or brew install valgrind"

_BARS_ARE_FOR = "3.11."
_ELSEWHERE = 1.3  # times its bar is what a row may take on another version


def version():
    """Return what valgrind says that it is, None where there is none."""
    found = shutil.which("valgrind")
    return found and subprocess.check_output([found, "--version"]).decode().strip()


def is_checkout(path):
    """Return whether there is this library in a folder."""
    return os.path.isfile(os.path.join(path, NAME, "__init__.py"))


class Counting(Bench):
    """What the rows run on: as a Bench, but what a run returns is instructions.

    ``against``: another checkout of this project, which takes part. The tests that run it are those of this one.
    """

    def __init__(self, *arguments, against=None, **options):
        super().__init__(*arguments, **options)
        self._checkouts = {}
        if against is not None:
            self._checkouts[f"{OURS} of {against}"] = _staged(self.folder, against)
        self._counts = os.path.join(self.folder, "callgrind.")
        self._valgrind = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={self._counts}%p", "--quiet"]
        # The order of a set decides how many comparisons a look-up takes.
        self._environment["PYTHONHASHSEED"] = "0"
        told = subprocess.check_output([self.python, "--version"]).decode()
        self._slack = 1 if told.split()[1].startswith(_BARS_ARE_FOR) else _ELSEWHERE

    def own_names(self):
        """Return this library, and the other checkout of it if that takes part."""
        return [OURS, *self._checkouts]

    def names(self, *floors):
        """Return what ``Bench.names`` does, and the other checkout."""
        return [*super().names(*floors), *self._checkouts]

    def bar(self, subject, against, at_most):
        """Return a bar, which is wider on a version that it was not made for."""
        return Bar("instructions", subject, against, at_most=round(at_most * self._slack, 3))

    def task(self, task, name, few, many, **arguments):
        """Return what counts a unit of a task: it is done ``few`` and ``many`` times, in two processes."""
        worker, own = self._worker(name), OURS if name in self._checkouts else name
        with Worker(self.python, self._environment, folder=self._checkout(name)) as plain:
            plain.run(task, name=own, count=few, **arguments)  # which leaves byte code behind

        def run():
            children = worker.run("in_children", name=own, child_task=task, counts=[few, many], **arguments)
            less, more = map(self._total, children["pids"])  # each with what their parent had run before the fork
            return {"instructions": (more - less) / (many - few)}

        return run

    def programs(self, name, codes, **variables):
        """Return what counts a unit: ``codes`` holds two programs, by how many units each does."""
        few, many = codes

        def total(count):
            return self._program_total(name, codes[count], variables)

        return lambda: {"instructions": (total(many) - total(few)) / (many - few)}

    def program(self, name, code, **variables):
        """Return what counts a whole program, the interpreter's start and end included."""
        return lambda: {"instructions": self._program_total(name, code, variables)}

    def _worker(self, name):
        # A process takes seconds to start under valgrind, so that all tasks are run in forked children of one.
        whose = name if name == PEER or name in self._checkouts else OURS
        if whose not in self._workers:
            self._workers[whose] = Worker(self.python, self._environment, self._valgrind, self._checkout(name))
        return self._workers[whose]

    def _program_total(self, name, code, variables):
        command = [self.python, "-c", code]
        options = {
            "cwd": self._checkout(name),
            "env": environment({**self._environment, **variables}),
            "stdin": subprocess.DEVNULL,
            "stdout": subprocess.DEVNULL,
            "stderr": subprocess.PIPE,
        }
        subprocess.run(command, check=True, **options)  # so that byte code is where it is on any day but the first
        with subprocess.Popen([*self._valgrind, *command], **options) as process:
            problem = process.stderr.read()
        if process.returncode:
            raise RuntimeError("a program failed:\n" + problem.decode())
        return self._total(process.pid)

    def _checkout(self, name):
        return self._checkouts.get(name, ROOT)

    def _total(self, pid):
        with open(f"{self._counts}{pid}", encoding="utf-8", errors="replace") as file:
            return next(int(line.split()[1]) for line in file if line.startswith(("summary:", "totals:")))


def _staged(folder, checkout):
    """Return a folder that holds the package of another checkout, and these tests."""
    staged = os.path.join(folder, "against")
    os.mkdir(staged)
    package = os.path.join(os.path.abspath(checkout), NAME)
    os.symlink(package, os.path.join(staged, NAME))
    os.symlink(os.path.join(ROOT, "tests"), os.path.join(staged, "tests"))
    return staged
