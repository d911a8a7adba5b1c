"""Copies of the library under other names and in other places, and a program that sends with them."""

import os
import shutil
import subprocess
import sys
import unittest

from tests.helpers.library import NAME, inngest

PACKAGE = os.path.dirname(inngest.__file__)

# What is dropped is gone at once: elsewhere, as on PyPy, when the garbage collector comes round.
counts_references = unittest.skipUnless(hasattr(sys, "getrefcount"), "needs an interpreter that counts references")

SENDER = """
import importlib, sys
place, name, url = sys.argv[1:]
sys.path.insert(0, place)
inngest = importlib.import_module(name)

async def send(event):
    return await client.send(event)

client = inngest.Inngest(app_id="test", event_key="key", event_api_base_url=url)
ids = client.send_sync([inngest.Event(name="first"), inngest.Event(name="second", data={"a": [1, 2.5, None]})])
import asyncio
ids += asyncio.run(send(inngest.Event(name="third")))
try:
    client.send_sync([inngest.Event(name="fourth"), 5])
except TypeError as error:
    ids.append(type(error).__name__)
client.close()
print(*ids, sep=", ")
print(inngest.__spec__.origin)
"""
SENT = "id of first, id of second, id of third, TypeError"


def copy_library(folder, name=NAME):
    """Copy the library to where ``import name`` finds it when ``folder`` is on the path; return the copy's folder."""
    *parents, last = name.split(".")
    for parent in parents:
        folder = os.path.join(folder, parent)
        os.makedirs(folder, exist_ok=True)
        open(os.path.join(folder, "__init__.py"), "a").close()
    return shutil.copytree(PACKAGE, os.path.join(folder, last), ignore=shutil.ignore_patterns("__pycache__"))


def start(arguments, **options):
    """Start an interpreter whose warnings are errors, with nothing of Inngest in its environment."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("INNGEST_")}
    options = {"env": environment, "cwd": os.path.dirname(__file__), **options}
    return subprocess.Popen(
        [sys.executable, "-W", "error", *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        universal_newlines=True,
        **options,
    )


def run(arguments, **options):
    """Return the exit code of an interpreter, the lines that it printed, and its standard error."""
    with start(arguments, **options) as program:
        try:
            output, errors = program.communicate(timeout=30)
        except subprocess.TimeoutExpired:
            program.kill()
            raise
    return program.returncode, output.splitlines(), errors
