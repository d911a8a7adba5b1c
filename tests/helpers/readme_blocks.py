"""Ways to run the code blocks of a README. Each is a function of a stage and a block that raises AssertionError."""

import ast
import asyncio
import contextlib
import gc
import importlib.util
import inspect
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import unittest
from collections import namedtuple
from unittest import mock

from tests.helpers.library import NAME, ROOT, inngest, module
from tests.helpers.servers import without_delays

TIMEOUT = 60  # seconds for a process; only a failing test waits so long

Rule = namedtuple("Rule", "section start run arrive")
Rule.__doc__ = """How to run the block of a section that begins with ``start``; ``arrive`` names the events it sends."""


class Context:
    """What AWS Lambda passes to a handler, as far as the README uses it."""

    aws_request_id = "8f507cfc-example"

    def get_remaining_time_in_millis(self):
        return 5000


ARGUMENTS = {"event": {}, "context": Context(), "order_id": 7}  # of the functions that blocks define, by name


def rule_for(block, rules):
    """Return the first rule that covers a block. There must be one, so that no block is left unrun."""
    for rule in rules:
        if rule.section == block.section and block.text.startswith(rule.start):
            return rule
    first = block.text.splitlines()[0]
    raise AssertionError(f"no rule says how to run {block.file}:{block.line}: {block.section}: {first}")


def copy_project(folder):
    """Make a folder as a clone would be, with this interpreter as ``python3`` in ``.bin``."""
    package = NAME.split(".")[0]
    for name in (package, "tests"):
        ignore = shutil.ignore_patterns("__pycache__")
        shutil.copytree(os.path.join(ROOT, name), os.path.join(folder, name), ignore=ignore)
    for name in ("README.rst", "setup.cfg", "setup.py"):
        shutil.copy(os.path.join(ROOT, name), folder)
    os.mkdir(os.path.join(folder, ".bin"))
    python = os.path.join(folder, ".bin", "python3")
    with open(python, "w", encoding="utf-8") as file:
        file.write(f"#!/bin/sh\nexec '{sys.executable}' \"$@\"\n")
    os.chmod(python, 0o755)


class Stage(contextlib.ExitStack):
    """Where the blocks of one section are run, in order, in front of a stand-in server.

    ``folder`` is a copy of the project. ``names`` are what the Python blocks share, with ``inngest`` and ``client``
    as the README's first block makes them.
    """

    def __init__(self, folder):
        super().__init__()
        self.folder = folder
        self.server = module("testing").EventServer()
        self.names = {"inngest": inngest, "__name__": "readme"}

    def __enter__(self):
        super().__enter__()
        self.enter_context(self.server)
        self.enter_context(mock.patch.dict(os.environ, self.environment(), clear=True))
        self.callback(self._forget)
        self.names["client"] = inngest.Inngest(app_id="my_app")
        return self

    def environment(self):
        path = os.path.join(self.folder, ".bin") + os.pathsep + os.environ.get("PATH", os.defpath)
        return {**os.environ, "INNGEST_DEV": self.server.url, "PATH": path, "PYTHONDONTWRITEBYTECODE": "1"}

    def run(self, block, rule):
        """Run a block as its rule says, and check that what it should send arrived."""
        self.server.clear()
        block = block._replace(text=retargeted(block.text))
        rule.run(self, block)
        check(block, "events", [event.name for event in self.server.events], list(rule.arrive))

    def write(self, files):
        for name, text in files.items():
            with open(os.path.join(self.folder, name), "w", encoding="utf-8") as file:
                file.write(text)

    def _forget(self):
        for value in self.names.values():
            if isinstance(value, inngest.Inngest):
                value.close()
        self.names.clear()
        gc.collect()


def retargeted(code):
    """Return code of the README with the package's name as the tests have it."""
    return re.sub(r"((?:\bimport|\bfrom|(?<!\S)-m) )inngest_send\b", r"\g<1>" + NAME, code)


def check(block, what, found, expected):
    if found != expected:
        where = f"{block.file}:{block.line}: {what}"
        raise AssertionError(f"{where}: expected {expected!r}, got {found!r}")


class Watch:
    """Notes which lines and functions of a README's code are run, and what each line prints."""

    def __init__(self, file):
        self.file = file
        self.lines = set()
        self.called = set()
        self.printed = {}

    def __enter__(self):
        self._before = sys.gettrace()
        sys.settrace(self._trace)
        return self

    def __exit__(self, kind, error, traceback):
        sys.settrace(self._before)

    def print(self, *values):
        """Stands in for the built-in function."""
        line = sys._getframe(1).f_lineno
        self.printed.setdefault(line, set()).add(" ".join(map(str, values)))

    def _trace(self, frame, kind, argument):
        if frame.f_code.co_filename != self.file:
            return None
        self.called.add(frame.f_code)
        if kind == "line":
            self.lines.add(frame.f_lineno)
        return self._trace


def python(before=None, then=None):
    """Return a way to run a Python block in this process.

    ``before`` and ``then`` are called with the stage. What the block defines and does not call is called after it.
    Every statement must be run, and what ``print(...)  # text`` prints must be ``text``, with ``...`` for anything.
    """

    def run(stage, block):
        tree = ast.parse("\n" * (block.line - 1) + block.text, block.file)  # so that tracebacks show its lines
        if before is not None:
            before(stage)
        with Watch(block.file) as watch, without_delays():
            stage.names["print"] = watch.print
            exec(compile(tree, block.file, "exec", dont_inherit=True), stage.names)
            for value in list(stage.names.values()):
                if inspect.isfunction(value) and value.__code__.co_filename == block.file:
                    if value.__code__.co_firstlineno >= block.line and value.__code__ not in watch.called:
                        _call(value)
            if then is not None:
                then(stage)
        check(block, "lines not run", sorted(_first_lines(tree) - watch.lines), [])
        for number, line in enumerate(block.text.splitlines(), block.line):
            comment = re.match(r" *print\(.*\)  # (.+)", line)
            if comment:
                pattern = re.escape(comment.group(1)).replace(r"\.\.\.", ".*")
                printed = sorted(watch.printed[number])
                if len(printed) != 1 or not re.fullmatch(pattern, printed[0], re.DOTALL):
                    check(block._replace(line=number), "output", printed, [comment.group(1)])

    return run


def _call(function):
    """Call a function with arguments by their names, and run what it returns when that is a coroutine."""
    result = function(**{name: ARGUMENTS[name] for name in inspect.signature(function).parameters})
    if inspect.iscoroutine(result):
        asyncio.run(result)


def _first_lines(tree):
    """Return the lines on which the statements begin, but for those that make no code."""
    return {
        node.lineno
        for node in ast.walk(tree)
        if isinstance(node, ast.stmt)
        and not isinstance(node, (ast.Pass, ast.Global, ast.Nonlocal))
        and not (isinstance(node, ast.Expr) and type(node.value).__name__ in ("Constant", "Str", "Ellipsis"))
    }


def shell(output="", files=None, without=None, code=0):
    """Return a way to run a block of shell commands in the copy of the project.

    ``output`` is the pattern of all they print, ``files`` what must be there before. ``without`` is the one line that
    is not run: it must be there exactly so.
    """

    def run(stage, block):
        lines = block.text.splitlines()
        if without is not None:
            found = [line for line in lines if line.split()[:3] == without.split()[:3]]
            check(block, "the line not run", found, [without])
            lines.remove(without)
        stage.write(files or {})
        _run_shell(stage, block, "\n".join(lines), output, code)

    return run


def cron(output="", files=None):
    """Return a way to run the commands of crontab lines, as cron would but at once. The arguments are as in shell()."""

    def run(stage, block):
        stage.write(files or {})
        for line in block.text.splitlines():
            times = re.match(r"(?:[\d*/,-]+ +){5}|@\w+ +", line)
            check(block, "a time, or a comment, before each command", bool(times) or line.startswith("#"), True)
            if times:
                command = re.sub(r"(?<!\\)%.*", "", line[times.end() :])  # cron ends the command at a bare percent sign
                _run_shell(stage, block, command.replace("\\%", "%"), output, 0)

    return run


def _run_shell(stage, block, text, output, code):
    process = subprocess.run(
        [_sh(), "-e", "-c", text],
        cwd=stage.folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        universal_newlines=True,
        timeout=TIMEOUT,
    )
    check(block, f"exit code, with {process.stderr!r}", process.returncode, code)
    if not re.fullmatch(output, process.stdout):
        check(block, "output", process.stdout, output)


def until_interrupted(announces, options=""):
    """Return a way to run a command that goes on until Ctrl-C: it must first print a line, and end with exit code 0.

    ``announces`` is the pattern of that line. ``options`` are added to the command, to give it a free port.
    """

    def run(stage, block):
        command = f"exec {block.text.strip()} {options}"
        process = subprocess.Popen(
            [_sh(), "-c", command],
            cwd=stage.folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            universal_newlines=True,
        )
        watchdog = threading.Timer(TIMEOUT, process.kill)
        watchdog.start()
        with process:
            try:
                line = process.stdout.readline()
                if not re.search(announces, line):
                    check(block, "first line", line, announces)
                process.send_signal(signal.SIGINT)
                check(block, "exit code after Ctrl-C", process.wait(), 0)
            finally:
                watchdog.cancel()
                watchdog.join()
                process.kill()

    return run


def _sh():
    path = shutil.which("sh")
    if path is None:
        raise unittest.SkipTest("there is no sh on this machine: the README's shell commands were not run")
    return path


def unittest_file(stage, block):
    """Run a block that is a file of unittest tests."""
    _run_tests(block, ["-W", "error", "-X", "dev", "-m", "unittest", "test_example"], "Ran {} tests?")


def pytest_file(stage, block):
    """Run a block that is a file of pytest tests, where there is pytest."""
    if importlib.util.find_spec("pytest") is None:
        raise unittest.SkipTest(f"{sys.executable} has no pytest: the README's example was not run")
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"  # what else is installed is not under test
    arguments = ["-X", "dev", "-m", "pytest", "-W", "error", "-p", "no:cacheprovider", "test_example.py"]
    _run_tests(block, arguments, "{} passed")


def _run_tests(block, arguments, summary):
    """Run a block as a file in an empty folder, and check that all of its tests ran and nothing was complained of."""
    with tempfile.TemporaryDirectory() as folder:
        with open(os.path.join(folder, "test_example.py"), "w", encoding="utf-8") as file:
            file.write(block.text)
        process = subprocess.run(
            [sys.executable, *arguments],
            cwd=folder,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, [ROOT, os.environ.get("PYTHONPATH")]))},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            universal_newlines=True,
            timeout=TIMEOUT,
        )
    count = len(re.findall(r"^ *def test_", block.text, re.MULTILINE))
    complaint = re.search("Exception ignored|Warning", process.stdout)
    if process.returncode != 0 or complaint or not re.search(r"\b" + summary.format(count) + r"\b", process.stdout):
        raise AssertionError(f"{block.file}:{block.line}: {process.stdout}")
