"""Runs tasks in a process of its own, under any interpreter: requests and samples are lines of JSON."""

import json
import os
import subprocess
import sys

from tests.benchmark.programs import environment
from tests.helpers.library import ROOT


class Worker:
    """A process of the interpreter ``python`` that runs the tasks it is given. ``more`` goes into its environment.

    ``before``: a program that is to run it. ``folder``: where it finds the library, and these tests.
    """

    def __init__(self, python, more, before=(), folder=ROOT):
        self._process = subprocess.Popen(
            [*before, python, "-m", __name__, json.dumps(more)],
            cwd=folder,
            env=environment(more),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._process.stdin.close()  # which ends it
        self._process.wait()
        self._process.stdout.close()

    def run(self, task, **arguments):
        """Return the sample of a task."""
        self._process.stdin.write(json.dumps([task, arguments]).encode() + b"\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"the task {task} failed; what it raised is above")
        return json.loads(line.decode())


def peak_memory():
    """Return the most memory that this process ever had in use, in bytes."""
    try:
        with open("/proc/self/status", encoding="ascii") as status:
            return next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmHWM"))
    except OSError:  # not Linux
        import resource

        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak if sys.platform == "darwin" else peak * 1024


def main():
    """Run tasks until standard input ends."""
    from tests.benchmark.tasks import TASKS

    os.environ.update(json.loads(sys.argv[1]))  # what ``tests`` has just taken away, so that no test depends on it
    for line in sys.stdin:
        task, arguments = json.loads(line)
        sample = TASKS[task](**arguments)
        print(json.dumps(dict(sample, peak=peak_memory())), flush=True)


if __name__ == "__main__":
    main()
