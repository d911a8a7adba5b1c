"""Runs interpreters: the one place where the tests of the library start processes, and wait for them."""

import atexit
import os
import re
import signal
import subprocess
import sys
import tempfile

from tests.helpers.library import ROOT, TIME_LIMIT

# So that not every process compiles the library anew. Python 3.7 knows no other place for that than the library's own.
if sys.version_info >= (3, 8):
    folder = tempfile.TemporaryDirectory()
    atexit.register(folder.cleanup)
    BYTECODE = {"PYTHONPYCACHEPREFIX": folder.name}
else:
    BYTECODE = {"PYTHONDONTWRITEBYTECODE": "1"}

# What a shell starts in the background of a script ignores Ctrl-C, what nohup runs ignores hangups, and so would every
# process started here. A handler is not inherited, and this process goes on to ignore them.
for name in ("SIGINT", "SIGHUP"):
    if hasattr(signal, name) and signal.getsignal(getattr(signal, name)) == signal.SIG_IGN:
        signal.signal(getattr(signal, name), lambda *_: None)


# In dev mode asyncio names each step of a task that takes 0.1 s, as any does while the machine is busy elsewhere.
_SLOW_STEPS = re.compile(r"^Executing <.*> took [0-9.]+ seconds\n", re.MULTILINE)


def environment(**variables):
    """Return a clean environment for a process, with what the interpreter itself needs."""
    kept = {name: os.environ[name] for name in ("PATH", "SYSTEMROOT", "HOME") if name in os.environ}
    return {**kept, **BYTECODE, **variables}


def start(arguments, before=(), **options):
    """Start an interpreter whose warnings are errors; ``before`` is a program that is to run it.

    What it prints is read as UTF-8, whatever the locale of the tests is: each process has an environment of its own.
    """
    pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen(
        [*before, sys.executable, "-W", "error", *arguments],
        **{"cwd": ROOT, "encoding": "utf-8", "errors": "surrogateescape", **pipes, **options},
    )


def finish(process, input=None, timeout=TIME_LIMIT):
    """Return exit code, standard output, standard error of a process. Kills it, and fails, when it takes too long."""
    with process:
        try:
            output, errors = process.communicate(input, timeout=timeout)
        except subprocess.TimeoutExpired:
            process.kill()
            raise
    return process.returncode, output, errors


def run(arguments, **options):
    """Return exit code, standard output, standard error of an interpreter."""
    return finish(start(arguments, **options))


def run_program(code, *arguments):
    """Return exit code, standard output, standard error of an interpreter in dev mode that runs ``code``."""
    code, output, errors = run(["-X", "dev", "-c", code, *arguments])
    return code, output, _SLOW_STEPS.sub("", errors)
