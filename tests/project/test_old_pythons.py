"""On a Python that is too old, the last line says so, and no SyntaxError does."""

import glob
import os
import shutil
import subprocess
import unittest

from tests.helpers.library import NAME, ROOT

NAMES = ("python2", "python2.7", "python3.4", "python3.5", "python3.6")
VERSION = "import sys; print('%d.%d.%d' % sys.version_info[:3])"


def interpreters():
    """Return the path of one interpreter of each version before 3.7, by its version: those of PATH, and pyenv's."""
    root = os.environ.get("PYENV_ROOT", os.path.expanduser("~/.pyenv"))
    candidates = [shutil.which(name) for name in NAMES] + sorted(glob.glob(f"{root}/versions/*/bin/python"))
    found = {}
    for path in filter(None, candidates):
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
        done = subprocess.run([path, "-S", "-c", VERSION], timeout=60, **pipes)
        version = done.stdout.decode().strip()
        if version and tuple(map(int, version.split("."))) < (3, 7):
            found[version] = path
    return found


class OldPythonTest(unittest.TestCase):
    def test_the_last_line_names_the_version_that_is_needed_and_the_one_that_is_there(self):
        old = interpreters()
        if not old:
            self.skipTest("there is no Python before 3.7 on this machine: what they print was not seen")
        for version, path in old.items():
            for arguments in (["-c", f"import {NAME}"], ["-m", NAME, "send", "a"]):
                with self.subTest(version=version, arguments=arguments):
                    done = subprocess.run(
                        [path, "-B", *arguments], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60
                    )
                    expected = f"{NAME} needs Python 3.7 or newer; this is {version}"
                    self.assertNotEqual(done.returncode, 0)
                    self.assertEqual(done.stderr.decode().splitlines()[-1], f"ImportError: {expected}")
