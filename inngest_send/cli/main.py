"""Reads the arguments, and runs a command."""

from __future__ import annotations

import sys

from .._version import __version__
from . import send, serve
from .output import open_missing_streams
from .parser import Parser
from .program_name import invocation

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command that ``argv`` asks for, and return the exit code. Raises SystemExit for wrong usage."""
    open_missing_streams()
    parser = Parser(
        prog=invocation(),
        description="Send events to Inngest from shell scripts, cron jobs and files.",
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"inngest-send {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    commands.required = True
    for command in (send, serve):
        command.add_parser(commands)
    arguments, unknown = parser.parse_known_args(sys.argv[1:] if argv is None else argv)
    if unknown:
        options = [text for text in unknown if text.startswith("-")]  # what is none may be data, and is not repeated
        parser.error(f"unrecognized arguments: {' '.join(options)}" if options else arguments.hint(arguments))
    try:
        return int(arguments.run(arguments))
    except KeyboardInterrupt:
        return 130
