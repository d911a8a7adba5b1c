"""The command that goes on where a run stopped, as text for a shell."""

from __future__ import annotations

import shlex

from .program_name import invocation_here

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

_ROWS = ("row_name", "id_field", "ts_field", "csv", "delimiter")
_NOT_REPEATED = ("command", "parser", "run", "hint", "file", "resume_from", "name")  # given anew, or not with --file
_NAMES = {"row_name": "as"}  # options that are stored under a name of their own


def command_line(
    arguments: argparse.Namespace, paths: Sequence[str], position: int = 1, *, has_rows: bool = True
) -> str:
    """Return the command that sends these files with every other option of this run.

    ``position``: the number of the first line. ``has_rows``: False for what an earlier run left, which is events.
    """
    words = [_option("file", path) for path in paths]
    if position > 1:
        words.append(_option("resume-from", str(position)))
    for name, value in vars(arguments).items():
        if name in _NOT_REPEATED or (name in _ROWS and not has_rows) or value == arguments.parser.get_default(name):
            continue
        option = _NAMES.get(name, name).replace("_", "-")
        is_bare = value is True or (name == "dev" and not value)
        words.append(f"--{option}" if is_bare else _option(option, str(value)))
    return " ".join([invocation_here(), arguments.command, *words])


def _option(name: str, value: str) -> str:
    glue = "=" if value.startswith("-") and value != "-" else " "  # else it would be taken for an option
    return f"--{name}{glue}{shlex.quote(value)}"
