"""What type checkers say, run by a Python into which the library, mypy and pyright are installed.

All accept the package's source and ``tests/typing/typical.py``, and report the marked lines of
``tests/typing/wrong.py`` and no others. Those files see what is installed, so that ``py.typed`` must be there too.
"""

import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
from importlib.metadata import version

from mypy import defaults

PACKAGE = "inngest_send"
USES = pathlib.Path("tests/typing")
OLDEST = "3.7"  # pyright knows it still


def mypy(folder, path, python):
    """Return the errors that mypy reports, by file and line."""
    cache = os.path.join(tempfile.gettempdir(), "mypy-cache")
    options = ["--strict", "--python-version", python, "--cache-dir", cache, "--no-error-summary", "--no-pretty"]
    lines = output(folder, "mypy", *options, path).splitlines()
    errors = re.findall(r"^([^:]+:\d+): error: (.*)$", "\n".join(lines), re.MULTILINE)
    assert bool(errors) == bool(lines), lines  # else it did not get so far
    return dict(errors)


def pyright(folder, path, python):
    """Return the errors that pyright reports, by file and line."""
    options = ["--outputjson", "--pythonversion", python, "--pythonpath", sys.executable]
    report = json.loads(output(folder, "pyright", *options, path))
    assert report["summary"]["filesAnalyzed"], report
    found = {}
    for error in report["generalDiagnostics"]:
        file = os.path.relpath(error["file"], os.path.realpath(folder))
        found[f"{file}:{error['range']['start']['line'] + 1}"] = error["message"]
    return found


def output(folder, checker, *arguments):
    """Return what a checker prints. It exits with 0, or with 1 when there is something to report."""
    command = [sys.executable, "-m", checker, *arguments]
    done = subprocess.run(command, cwd=folder, stdout=subprocess.PIPE, text=True)
    assert done.returncode in (0, 1), done.stdout
    return done.stdout


def marked(path):
    """Return the lines of a file that are marked as wrong, each as file and number."""
    lines = path.read_text().splitlines()
    return {f"{path.name}:{number}" for number, line in enumerate(lines, 1) if line.endswith("  # wrong")}


def problems(checker, python, folder, wrong):
    """Yield what a checker reports and should not, and what it does not report and should."""
    for root, path, expected in ((".", PACKAGE, set()), (folder, "typical.py", set()), (folder, "wrong.py", wrong)):
        errors = checker(root, path, python)
        context = f"{checker.__name__} for Python {python}"
        yield from (f"{context}: {line}: {error}" for line, error in errors.items() if line not in expected)
        yield from (f"{context}: {line}: no error is reported" for line in sorted(expected - errors.keys()))


def main():
    """Check; print what is wrong, or in a line what is right. Return the exit code."""
    wrong = marked(USES / "wrong.py")
    oldest, newest = (f"{major}.{minor}" for major, minor in (defaults.PYTHON3_VERSION_MIN, sys.version_info[:2]))
    with tempfile.TemporaryDirectory() as folder:
        for file in USES.glob("*.py"):
            shutil.copy(file, folder)
        runs = [(mypy, oldest), (mypy, newest), (pyright, OLDEST), (pyright, newest)]
        found = [problem for run in runs for problem in problems(*run, folder, wrong)]
    print(*found, sep="\n")
    mypy_name, pyright_name = (f"{name} {version(name)}" for name in ("mypy", "pyright"))
    print(
        f"{mypy_name} for {oldest} and {newest}, {pyright_name} for {OLDEST} and {newest}:"
        f" {len(wrong)} wrong uses, {len(found)} problems"
    )
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
