"""The command line as a process, and what the tests of it share."""

import contextlib
import io
import json
import os
import subprocess
import tempfile
import unittest
from unittest import mock

from tests.helpers import processes
from tests.helpers.forks import Forker
from tests.helpers.library import NAME, module
from tests.helpers.processes import environment, finish

EventServer = module("testing").EventServer
KEY = "s3cr3t-key"
COMMAND = ["-m", NAME]

forker = Forker()


def patched(**values):
    """Return the command with other values of names of ``cli.file_run``."""
    code = "import importlib; module = importlib.import_module\n"
    code += f"vars(module({NAME + '.cli.file_run'!r})).update({values!r}); module({NAME + '.__main__'!r}).run()"
    return ["-c", code]


def start(*arguments, command=COMMAND, env=None, **options):
    """Start the command."""
    env = environment() if env is None else env
    return processes.start([*command, *arguments], **{"env": env, "stdin": subprocess.PIPE, **options})


def run(*arguments, input="", env=None, **kwargs):
    """Run the command; return exit code, standard output, standard error."""
    env = environment() if env is None else env
    if forker.suits(env) and not kwargs:
        return forker.run(list(arguments), env, input)
    return finish(start(*arguments, env=env, **kwargs), input)


def dry_run(variables, arguments):
    """Do what ``send_here`` does, and send nothing."""
    return send_here(variables, [*arguments, "--dry-run"])


def send_here(variables, arguments):
    """Run ``send`` in this process; return exit code, standard output, standard error."""
    output, errors = io.StringIO(), io.StringIO()
    with mock.patch.dict(os.environ, variables, clear=True):
        with contextlib.redirect_stdout(output), contextlib.redirect_stderr(errors):
            try:
                code = module("cli").main(["send", *arguments])
            except SystemExit as end:
                code = end.code
    return code, output.getvalue(), errors.getvalue()


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

    def send(self, *arguments, input="", env=None, **kwargs):
        """Run ``send``; return exit code, standard output, standard error."""
        env = self.env if env is None else env
        if forker.suits(env) and not kwargs:
            return forker.run(["send", *arguments], env, input)
        return finish(self.start(*arguments, env=env, **kwargs), input)

    def send_all(self, *cases, input=""):
        """Run ``send`` with the arguments of each case; return what ``send`` does for each."""
        return [self.send(*arguments, input=input) for arguments in cases]

    def numbers(self, events=None):
        """Return the numbers in the data of what was stored, or of other events."""
        events = self.server.events if events is None else events
        return [event["data"]["n"] if isinstance(event, dict) else event.data["n"] for event in events]
