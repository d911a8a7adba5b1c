"""The processes in which the mutants are tried.

A worker is a process of an environment of its own, with its own copy of the checkout, so that processes which a test
starts import the changed package, too, and say which lines they reach: a ``.pth`` file sees to it. The worker has the
standard library loaded, and forks for each mutant.
"""

from __future__ import annotations

import compileall
import contextlib
import glob
import importlib
import json
import os
import py_compile
import resource
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest
import venv

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
PACKAGE = "inngest_send"
MAX_MEMORY = 8 * 2**30  # bytes: a loop may have lost its end
PRELOADED = """
    asyncio concurrent.futures csv dataclasses decimal email.utils gzip http.client http.server logging multiprocessing
    pickle ssl unittest.mock urllib.request uuid zipfile
"""

# In every interpreter of a worker's environment. A line is written down at once: the process may be killed.
HOOK = """
import os, sys

def start():
    # A copy's own bytecode is taken only where it has the source's hash.
    sys.pycache_prefix, sys.dont_write_bytecode = None, True
    path = os.path.join(sys.prefix, "reached")
    if os.path.exists(path):
        import _mutation_trace
        _mutation_trace.start(path)
"""
TRACE = """
import os, sys
from os import O_APPEND, O_WRONLY, close, open, write  # a test may replace those in os

def start(path, monitoring=sys.monitoring):
    def reached(code, line):
        name = code.co_filename
        at = name.rfind("/PACKAGE/")
        if at >= 0:
            waiting.append(f"{name[at + 1:]}:{line}\\n")
            try:
                file = open(path, O_WRONLY | O_APPEND)
                write(file, "".join(waiting).encode())
                close(file)
                waiting.clear()
            except OSError:  # no descriptor is free: with the next line
                pass
        return monitoring.DISABLE

    waiting = []
    monitoring.use_tool_id(3, "mutation")
    monitoring.register_callback(3, monitoring.events.LINE, reached)
    monitoring.set_events(3, monitoring.events.LINE)
""".replace("PACKAGE", PACKAGE)


class Tests(unittest.TestResult):
    """Tells the worker which test has begun, and stops at the first that fails."""

    def __init__(self, output):
        super().__init__()
        self.failfast = True
        self._output = output

    def startTest(self, test):  # noqa: N802
        """Say so."""
        super().startTest(test)
        self.say(began=test.id())

    def say(self, **values):
        """Write a line to the worker."""
        os.write(self._output, json.dumps(values).encode() + b"\n")

    def outcome(self):
        """Return which test failed, and why."""
        failed = self.errors + self.failures + [(test, "unexpected success") for test in self.unexpectedSuccesses]
        if not failed:
            return {}
        test, text = failed[0]
        return {"failed": getattr(test, "test_case", test).id(), "why": text.strip().splitlines()[-1][:200]}


def run_tests(names, output):
    """In the forked process: run the tests, and end it."""
    os.setsid()
    resource.setrlimit(resource.RLIMIT_AS, (MAX_MEMORY, resource.getrlimit(resource.RLIMIT_AS)[1]))
    null = os.open(os.devnull, os.O_RDWR)
    for descriptor in range(3):
        os.dup2(null, descriptor)
    result = Tests(output)
    try:
        sys.modules["_mutation"].start()
        result.say(began=None)
        unittest.TestSuite(map(unittest.defaultTestLoader.loadTestsFromName, names)).run(result)
        result.say(done=True, **result.outcome())
    except BaseException as error:  # noqa: BLE001
        result.say(done=True, failed="?", why=repr(error)[:200])
    finally:
        os._exit(0)


def try_tests(tests, patience):
    """In the worker: run the tests in a process; return what came of it. ``tests``: seconds by name."""
    start, (reading, writing) = time.monotonic(), os.pipe()
    child = os.fork()
    if not child:
        os.close(reading)
        run_tests(list(tests), writing)
    os.close(writing)
    try:
        outcome = hear(reading, tests, patience)
    finally:
        os.close(reading)
        kill_all(child)
    return {**outcome, "seconds": round(time.monotonic() - start, 3)}


def hear(reading, tests, patience):
    """Return what the forked process says at its end, or why it says nothing."""
    heard, began, outcome = b"", None, {}
    while "done" not in outcome:
        if not select.select([reading], [], [], patience + 10 * tests.get(began, 0))[0]:
            return {"failed": began or "?", "why": "timeout"}
        data = os.read(reading, 65536)
        if not data:
            return {"failed": began or "?", "why": "the process died"}
        *lines, heard = (heard + data).split(b"\n")
        for line in map(json.loads, lines):
            began, outcome = line.get("began", began), line
    del outcome["done"]
    return outcome


def kill_all(child):
    """Kill a forked process and all that it started, wherever they went: this process is their reaper."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child, signal.SIGKILL)
    with contextlib.suppress(ChildProcessError):
        while True:
            for name in glob.glob("/proc/self/task/*/children"):
                with open(name) as file, contextlib.suppress(ProcessLookupError):
                    for number in file.read().split():
                        os.kill(int(number), signal.SIGKILL)
            os.waitpid(-1, 0)


def work():
    """Be a worker, in its checkout: do what the lines of the standard input ask for."""
    import ctypes

    ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)  # PR_SET_CHILD_SUBREAPER
    sys.path[0] = os.getcwd()
    for name in PRELOADED.split():
        importlib.import_module(name)
    reached, temporary = os.path.join(sys.prefix, "reached"), tempfile.gettempdir()
    for line in sys.stdin:
        task = json.loads(line)
        with contextlib.ExitStack() as stack:
            folder = tempfile.TemporaryDirectory(dir=temporary, ignore_cleanup_errors=True)
            tempfile.tempdir = os.environ["TMPDIR"] = stack.enter_context(folder)
            for file, (_, text) in task["sources"].items():
                with open(file, "wb") as output:
                    output.write(text.encode())
            if task["is_measured"]:
                open(reached, "w").close()
            outcome = try_tests(task["tests"], task["patience"])
            for file, (text, _) in task["sources"].items():
                with open(file, "wb") as output:
                    output.write(text.encode())
            if task["is_measured"]:
                with open(reached) as file:
                    outcome["reached"] = sorted(set(file.read().split()))
                os.remove(reached)
        print(json.dumps(outcome), flush=True)


class Worker:
    """A worker as its parent has it."""

    def __init__(self, folder):
        checkout, environment = os.path.join(folder, "checkout"), os.path.join(folder, "venv")
        shutil.copytree(ROOT, checkout, ignore=shutil.ignore_patterns(".git", "__pycache__", ".*_cache"))
        by_hash = py_compile.PycInvalidationMode.CHECKED_HASH
        for top in (PACKAGE, "tests"):
            compileall.compile_dir(os.path.join(checkout, top), quiet=2, invalidation_mode=by_hash)
        venv.create(environment, symlinks=True)
        (packages,) = glob.glob(f"{environment}/lib/python*/site-packages")
        start = "import _mutation; _mutation.start()\n"
        for name, text in (("_mutation.py", HOOK), ("_mutation_trace.py", TRACE), ("_mutation.pth", start)):
            with open(os.path.join(packages, name), "w") as file:
                file.write(text)
        variables = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
        self._process = subprocess.Popen(
            [f"{environment}/bin/python", "-W", "error", os.path.abspath(__file__)],
            cwd=checkout, env=variables, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip

    def do(self, tests, patience, sources=(), is_measured=False):
        """Run tests, with the sources (before, after) of some files changed; return what came of it."""
        task = {"tests": tests, "patience": patience, "sources": dict(sources), "is_measured": is_measured}
        print(json.dumps(task), file=self._process.stdin, flush=True)
        return json.loads(self._process.stdout.readline())

    def close(self):
        """End the process."""
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()


if __name__ == "__main__":
    work()
