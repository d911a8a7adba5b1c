"""The command line: ``python3 -m inngest_send send`` and ``serve``."""

from .main import main

__all__ = ["main"]
