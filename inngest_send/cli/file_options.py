"""The options of ``send --file``, and what of them cannot work together."""

from __future__ import annotations

import contextlib
import os
import stat
import sys

from ..batching import MAX_BATCH_EVENTS
from ..errors import ArgumentInvalidError
from . import row_options
from .ids import own_name
from .unsent import CAN_LOCK, is_same_file

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse

BATCH_SIZE = 1000  # events; more were measured to be no faster, and to take more memory


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that go with ``--file``."""
    group = parser.add_argument_group("many events")
    group.add_argument("--file", metavar="PATH", action="append", default=[], help="may be repeated; - for stdin")
    group.add_argument("--check", action="store_true", help="report all bad lines, send nothing")
    group.add_argument("--skip-bad", action="store_true", help="leave bad lines out, instead of stopping there")
    group.add_argument("--bad", metavar="PATH", help="add the bad lines that --skip-bad leaves out to this file")
    ids = group.add_mutually_exclusive_group()
    ids.add_argument(
        "--id-seed",
        metavar="TEXT",
        help="derive missing ids from this, the file, line and text: sent again within 24 hours, they start nothing "
        "twice (default: a random one)",
    )
    ids.add_argument("--no-ids", action="store_true", help="add no ids to events that have none")
    lock = "one run's at a time" if CAN_LOCK else "not for two runs at a time, which this platform cannot prevent"
    group.add_argument("--unsent", metavar="PATH", help=f"write what is left to send, or empty it; {lock}")
    group.add_argument("--resume-from", metavar="N", type=int, default=1, help="begin at this line of the first file")
    group.add_argument("--concurrency", metavar="N", type=int, default=4, help="requests at once (default: 4)")
    group.add_argument(
        "--batch-size", metavar="N", type=int, default=BATCH_SIZE, help="events a request (default: %(default)s)"
    )
    row_options.add_options(parser)


def check_usage(arguments: argparse.Namespace) -> None:
    """Raise ArgumentInvalidError for what cannot work."""
    if not arguments.file:
        for name in ("check", "skip_bad", "bad", "unsent", "id_seed", "no_ids"):
            if getattr(arguments, name) not in (None, False):
                raise ArgumentInvalidError(f"--{name.replace('_', '-')} goes with --file")
    for option, path in (("--unsent", arguments.unsent), ("--bad", arguments.bad)):
        if path == "":
            raise ArgumentInvalidError(f"{option}: expected the path of a file, got an empty one")
    if "" in arguments.file:
        raise ArgumentInvalidError("--file: expected the path of a file, got an empty one")
    if arguments.bad is not None and not arguments.skip_bad:
        raise ArgumentInvalidError("--bad goes with --skip-bad")
    if arguments.id_seed == "":
        raise ArgumentInvalidError("--id-seed: expected a text, got an empty one")
    _check_paths(arguments)
    for option, value, most in (
        ("--resume-from", arguments.resume_from, None),
        ("--concurrency", arguments.concurrency, None),
        ("--batch-size", arguments.batch_size, MAX_BATCH_EVENTS),
    ):
        if value < 1 or (most is not None and value > most):
            raise ArgumentInvalidError(f"{option}: expected {'1 or more' if most is None else f'1 to {most}'}")
    row_options.check_usage(arguments)


def _check_paths(arguments: argparse.Namespace) -> None:
    inputs = [path for path in arguments.file if path != "-"]
    for option, path in (("--unsent", arguments.unsent), ("--bad", arguments.bad)):
        if path == "-":
            raise ArgumentInvalidError(f"{option}: expected the path of a file")
        if path is not None and path.endswith(".gz"):
            raise ArgumentInvalidError(f"{option} {path}: it is written as plain text, so its name must not end so")
    for option, paths in (("--unsent", [arguments.unsent]), ("--bad", [arguments.bad]), ("--file", inputs)):
        for path in paths:
            if path is not None and _is_printed_to(path):
                raise ArgumentInvalidError(f"{option} {path} is where standard output or standard error goes, too")
    if arguments.bad is not None and any(is_same_file(arguments.bad, path) for path in inputs):
        raise ArgumentInvalidError(f"--bad {arguments.bad} is read as --file, too")
    if only_looks(arguments):
        return
    if not arguments.no_ids and arguments.id_field is None:
        _check_own_names(arguments.file)
    if arguments.unsent is None:
        return
    if arguments.bad is not None and is_same_file(arguments.bad, arguments.unsent):
        raise ArgumentInvalidError("--bad and --unsent are the same file")
    if arguments.skip_bad and arguments.bad is None and any(is_same_file(arguments.unsent, path) for path in inputs):
        problem = f"--skip-bad would destroy the bad lines of {arguments.unsent}, which is --file and --unsent"
        raise ArgumentInvalidError(f"{problem}: say with --bad PATH where they are to go")
    if arguments.resume_from > 1 and inputs[:1] == arguments.file[:1] and is_same_file(inputs[0], arguments.unsent):
        problem = f"--resume-from would destroy the lines before it of {arguments.unsent}, which is --file and --unsent"
        raise ArgumentInvalidError(f"{problem}: leave it out, or remove them from the file yourself")


def _check_own_names(paths: list[str]) -> None:
    """Refuse two files with one name: an id is made of it, and of two events with the same id the second never runs."""
    seen: dict[str, str] = {}
    for path in paths:
        other = seen.setdefault(own_name(path), path)
        if other is not path:
            problem = f"{other} and {path} have the same name, so equal lines would get the same id, and run once"
            raise ArgumentInvalidError(f"{problem}: send each in a run of its own, with another --id-seed, or --no-ids")


def _is_printed_to(path: str) -> bool:
    """Tell whether a path leads to the file that a standard stream is redirected to."""
    with contextlib.suppress(OSError):
        file = os.stat(path)
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(OSError):  # a test's stream has no descriptor
                if stat.S_ISREG(file.st_mode) and os.path.samestat(file, os.fstat(stream.fileno())):
                    return True
    return False


def only_looks(arguments: argparse.Namespace) -> bool:
    """Return whether nothing is to be sent or written."""
    return bool(arguments.check or arguments.dry_run)
