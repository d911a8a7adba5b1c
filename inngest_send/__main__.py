"""``python3 -m inngest_send``: the command line."""

from __future__ import annotations

import sys

from .cli import main

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn


def run() -> NoReturn:
    """Run the command line, and exit with its code. A zipapp names this as its entry point."""
    sys.exit(main())


if __name__ == "__main__":
    run()
