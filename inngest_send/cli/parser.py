"""A parser whose complaints are one line, as all others are."""

from __future__ import annotations

import argparse

from .exit_codes import BAD_INPUT
from .output import print_error

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn


class Parser(argparse.ArgumentParser):
    """Parses arguments, without the fifteen lines of usage before an error."""

    def error(self, message: str) -> NoReturn:
        """Print an error, and exit."""
        print_error(f"{message} (see --help)")
        raise SystemExit(BAD_INPUT)
