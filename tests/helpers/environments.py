"""Copies of the library under other names and in other places, and a program that sends with them."""

import os
import shutil
import sys
import unittest

from tests.helpers.library import NAME, inngest
from tests.helpers.processes import run

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


def run_apart(arguments, **options):
    """Run an interpreter in a folder where the library is not; return exit code, lines printed, standard error."""
    code, output, errors = run(arguments, **{"cwd": os.path.dirname(__file__), **options})
    return code, output.splitlines(), errors
