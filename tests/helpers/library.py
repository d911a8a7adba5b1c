"""The library under test. To run the whole suite against a vendored copy, change the one line."""

import importlib
import os

NAME = "inngest_send"

inngest = importlib.import_module(NAME)
TIME_LIMIT = 60.0  # seconds that a test waits for what must happen: only one that fails waits so long
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def module(name):
    """Return a module of the library, as ``module("protocol")``."""
    return importlib.import_module(f"{NAME}.{name}")
