"""How the program was started: as a module, by its command, or from a zip archive; help and messages name it so."""

from __future__ import annotations

import os
import shlex
import shutil
import sys

_COMMAND = "inngest-send"  # as setup.cfg has it


def program_name() -> str:
    """Return the name that errors begin with."""
    if _is_command():
        return _COMMAND
    return os.path.basename(sys.argv[0]) if _is_archive() else "inngest_send"


def invocation() -> str:
    """Return how to start it, for the help."""
    if _is_command():
        return _COMMAND
    if _is_archive():
        return f"python3 {shlex.quote(sys.argv[0])}"
    return f"python3 -m {(__package__ or '').rpartition('.')[0]}"


def invocation_here() -> str:
    """Return the same as it works in this shell, where another ``python3`` or command may come first."""
    program, *rest = invocation().split(" ", 1)
    started = os.path.abspath(sys.argv[0]) if _is_command() else sys.executable
    if started and shutil.which(program) != started:
        program = shlex.quote(started)
    return " ".join([program, *rest])


def _is_command() -> bool:
    return os.path.splitext(os.path.basename(sys.argv[0]))[0] == _COMMAND


def _is_archive() -> bool:
    spec = getattr(sys.modules["__main__"], "__spec__", None)
    return spec is not None and spec.name == "__main__"
