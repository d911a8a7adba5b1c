"""The command line as a process, and what the tests of it share."""

import atexit
import json
import os
import signal
import subprocess
import sys
import tempfile
import unittest

from tests.helpers.library import NAME, ROOT, module

EventServer = module("testing").EventServer
KEY = "s3cr3t-key"
COMMAND = [sys.executable, "-W", "error", "-m", NAME]

# So that not every process compiles the library anew. Python 3.7 knows no other place for that than the library's own.
if sys.version_info >= (3, 8):
    folder = tempfile.TemporaryDirectory()
    atexit.register(folder.cleanup)
    BYTECODE = {"PYTHONPYCACHEPREFIX": folder.name}
else:
    BYTECODE = {"PYTHONDONTWRITEBYTECODE": "1"}

# What a shell starts in the background of a script ignores Ctrl-C, and so would every process started here.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def environment(**variables):
    """Return a clean environment for a process, with what the interpreter itself needs."""
    kept = {name: os.environ[name] for name in ("PATH", "SYSTEMROOT", "HOME") if name in os.environ}
    return {**kept, **BYTECODE, **variables}


def patched(**values):
    """Return the command with other values of names of ``cli.file_run``."""
    code = "import importlib; module = importlib.import_module\n"
    names = NAME + ".cli.file_run", values, NAME + ".__main__"
    code += "vars(module({!r})).update({!r}); module({!r}).run()".format(*names)
    return [sys.executable, "-W", "error", "-c", code]


def start(*arguments, before=(), command=COMMAND, env=None, **kwargs):
    """Start the command; ``before`` is a program that is to run it."""
    options = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    options.update(kwargs)
    return subprocess.Popen(
        [*before, *command, *arguments],
        cwd=ROOT,
        env=environment() if env is None else env,
        universal_newlines=True,
        **options
    )


def finish(process, input=None, timeout=30):
    """Return exit code, standard output, standard error of a process. Kills it, and fails, when it takes too long."""
    with process:
        try:
            output, errors = process.communicate(input, timeout=timeout)
        except subprocess.TimeoutExpired:
            process.kill()
            raise
    return process.returncode, output, errors


def run(*arguments, input="", **kwargs):
    """Run the command; return exit code, standard output, standard error."""
    return finish(start(*arguments, **kwargs), input)


def lines(events):
    """Return events as the text of a file, one a line."""
    return "".join(json.dumps(event) + "\n" for event in events)


def numbered(count, **fields):
    """Return so many events, the number of its line in the data of each."""
    return [{"name": "test/event", "data": {"n": number}, **fields} for number in range(1, count + 1)]


class CommandTest(unittest.TestCase):
    """A server, a folder, and the command configured to send to that server."""

    def setUp(self):
        self.server = EventServer().start()
        self.addCleanup(self.server.close)
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        self.env = environment(INNGEST_DEV=self.server.url)

    def path(self, name):
        return os.path.join(self.folder, name)

    def write(self, name, content):
        """Write a file, of bytes, text or events; return its path."""
        if not isinstance(content, (bytes, str)):
            content = lines(content)
        with open(self.path(name), "wb") as file:
            file.write(content if isinstance(content, bytes) else content.encode())
        return self.path(name)

    def read(self, name):
        """Return the events in a file that the command wrote."""
        with open(self.path(name), encoding="utf-8") as file:
            return [json.loads(line) for line in file]

    def start(self, *arguments, **kwargs):
        """Start ``send``. It is killed when the test ends before it."""
        process = start("send", *arguments, **{"env": self.env, **kwargs})
        self.addCleanup(process.__exit__, None, None, None)
        self.addCleanup(process.kill)
        return process

    def send(self, *arguments, input="", **kwargs):
        return finish(self.start(*arguments, **kwargs), input)

    def send_all(self, *cases, input=""):
        """Run ``send`` with the arguments of each case, all at once; return what ``send`` does for each."""
        processes = [self.start(*arguments) for arguments in cases]
        return [finish(process, input) for process in processes]

    def numbers(self, events=None):
        """Return the numbers in the data of what was stored, or of other events."""
        events = self.server.events if events is None else events
        return [event["data"]["n"] if isinstance(event, dict) else event.data["n"] for event in events]
