"""How the program is started: help, errors and the command to go on with name it so."""

import os
import shlex
import shutil
import subprocess
import sys
import unittest
import zipapp

from tests.helpers.commands import CommandTest, numbered
from tests.helpers.environments import PACKAGE, copy_library
from tests.helpers.library import NAME, TIME_LIMIT

SCRIPT = """\
#!{python}
import sys
sys.path.insert(0, {folder!r})
from {name}.__main__ import run
run()
"""


@unittest.skipUnless(os.name == "posix", "needs scripts as POSIX has them")
class ProgramTest(CommandTest):
    def run_program(self, *words, **variables):
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "stdin": subprocess.DEVNULL}
        env = {**self.env, "PYTHONPATH": os.path.dirname(PACKAGE), **variables}
        done = subprocess.run(words, cwd=self.folder, env=env, universal_newlines=True, timeout=TIME_LIMIT, **pipes)
        return done.returncode, done.stdout, done.stderr

    def check(self, words, invocation, name, **variables):
        """See how it calls itself, and that what it says to go on with does go on."""
        self.server.clear()
        self.assertIn(f"usage: {invocation} send", self.run_program(*words, "send", "--help", **variables)[1])
        self.server.fail_next(status=400)
        path = self.write("events", numbered(2))
        code, _, errors = self.run_program(*words, "send", "--file", path, **variables)
        self.assertEqual(code, 1)
        self.assertIn(f"\n{name}: 0 of 2 events ", errors)
        command = errors.splitlines()[-1]
        self.assertEqual(self.run_program("sh", "-c", command, **variables)[0], 0, command)
        self.assertEqual(self.numbers(), [1, 2])
        return command

    def test_as_a_module(self):
        package = os.path.basename(PACKAGE)
        command = self.check([sys.executable, "-m", package], f"python3 -m {package}", "inngest_send")
        self.assertIn(f" -m {package} send --file ", command)

    def test_as_a_zip_archive(self):
        copy_library(self.path("app"), "inngest_send")
        archive = self.path("my tools.pyz")
        zipapp.create_archive(self.path("app"), archive, main="inngest_send.__main__:run")
        command = self.check([sys.executable, archive], f"python3 {shlex.quote(archive)}", "my tools.pyz")
        self.assertIn(f" {shlex.quote(archive)} send --file ", command)

    def test_as_the_command_that_pip_installs(self):
        copy_library(self.path("lib"), "inngest_send")
        os.mkdir(self.path("bin"))
        script = self.path("bin/inngest-send")
        with open(script, "w") as file:
            file.write(SCRIPT.format(python=sys.executable, folder=self.path("lib"), name="inngest_send"))
        os.chmod(script, 0o755)
        self.assertIn(f"  {shlex.quote(script)} send --file ", self.check([script], "inngest-send", "inngest-send"))
        path = os.path.dirname(script) + os.pathsep + os.environ["PATH"]
        command = self.check(["inngest-send"], "inngest-send", "inngest-send", PATH=path)
        self.assertTrue(command.startswith("  inngest-send send --file "), command)

    def test_another_python_than_the_first_one_is_named(self):
        os.mkdir(self.path("bin"))
        os.symlink(shutil.which("true"), self.path("bin/python3"))
        path = self.path("bin") + os.pathsep + os.environ["PATH"]
        package = os.path.basename(PACKAGE)
        command = self.check([sys.executable, "-m", package], f"python3 -m {package}", "inngest_send", PATH=path)
        self.assertTrue(command.startswith(f"  {sys.executable} -m {NAME.rpartition('.')[2]} send"), command)
