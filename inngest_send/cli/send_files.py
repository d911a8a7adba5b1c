"""``send --file``: many events, from files and pipes."""

from __future__ import annotations

import contextlib
import os
import stat
import sys
import time
from functools import partial

from ..batching import MAX_BATCH_EVENTS
from ..errors import ArgumentInvalidError
from . import row_options
from .bad_lines import BadLinesFile
from .client_options import open_client, timeout_of
from .dry_run import show_requests
from .exit_codes import ACCEPTED, BAD_INPUT, NOT_ACCEPTED, SIGNALLED, SKIPPED
from .file_run import FileRun
from .ids import Ids, new_seed, own_name
from .output import Output, pluralize, print_error, waiting_until, write_stderr
from .run_report import Report
from .run_summary import Summary
from .signals import Signals
from .source import Source
from .unsent import CAN_LOCK, UnsentFile, is_same_file

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse

    from ..client import Inngest
    from ..event import Event

BATCH_SIZE = 1000  # events; more were measured to be no faster, and to take more memory


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that go with ``--file``."""
    group = parser.add_argument_group("many events")
    group.add_argument("--file", metavar="PATH", action="append", default=[], help="may be repeated; - for stdin")
    group.add_argument("--check", action="store_true", help="report all bad lines, and send nothing")
    group.add_argument("--skip-bad", action="store_true", help="leave bad lines out, instead of stopping there")
    group.add_argument("--bad", metavar="PATH", help="add the bad lines that --skip-bad leaves out to this file")
    ids = group.add_mutually_exclusive_group()
    ids.add_argument(
        "--id-seed",
        metavar="TEXT",
        help="derive missing ids from this, line and position: for 24 hours another run with the same starts nothing "
        "twice (default: a random one)",
    )
    ids.add_argument("--no-ids", action="store_true", help="add no ids")
    lock = "one run's at a time" if CAN_LOCK else "not for two runs at a time, which this platform cannot prevent"
    group.add_argument("--unsent", metavar="PATH", help=f"gets what is left to send, or is emptied; {lock}")
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
    if _only_looks(arguments):
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


def _only_looks(arguments: argparse.Namespace) -> bool:
    return bool(arguments.check or arguments.dry_run)


def send_files(arguments: argparse.Namespace) -> int:
    """Send what the files hold, or only look at it, and return the exit code. Raises Error, OSError."""
    output = Output()
    with contextlib.ExitStack() as stack:
        unsent = None if _only_looks(arguments) else _unsent_file(arguments, stack)
        sources = _open_sources(arguments, stack)
        client = None if arguments.check else stack.enter_context(open_client(arguments))
        bad = None if arguments.bad is None or _only_looks(arguments) else BadLinesFile(arguments.bad)
        if bad is not None:
            stack.callback(bad.close)
        is_seed_new = arguments.id_seed is None and not arguments.no_ids
        if is_seed_new:
            arguments.id_seed = new_seed()
        report = Report(output, sources, is_json=arguments.json, is_quiet=arguments.quiet)
        run = FileRun(
            sources,
            partial(client.send_sync, timeout=timeout_of(arguments)) if client is not None else _send_nothing,
            report,
            ids=Ids(arguments.id_seed),
            skip_bad=arguments.skip_bad or arguments.check,
            bad_file=bad,
            concurrency=arguments.concurrency,
            batch_size=arguments.batch_size,
        )
        signals = stack.enter_context(Signals(run.stop))
        stack.enter_context(waiting_until(run.is_given_up))
        if client is None or arguments.dry_run:
            code = _look(run, output, client, is_quiet=arguments.quiet)
            return code if signals.first is None else SIGNALLED + signals.first
        if is_seed_new and not arguments.quiet:
            write_stderr(f"--id-seed {arguments.id_seed} gives this run's ids again")
        began_at = time.monotonic()
        run.run(client.close)
        is_kept = unsent is not None and _write_remaining(run, unsent, sources, signals)
        summary = Summary(run, sources, arguments, unsent=unsent if is_kept else None, bad=bad)
        report.finish()
        if arguments.json:
            summary.print_json(output)
        if not arguments.quiet or run.resume_at is not None:
            summary.print_text(time.monotonic() - began_at)
        if signals.first is not None:
            return SIGNALLED + signals.first
        if run.resume_at is not None:
            return NOT_ACCEPTED if run.has_sent else BAD_INPUT
        if output.has_failed or (unsent is not None and not is_kept):
            return NOT_ACCEPTED
        return SKIPPED if run.bad_lines else ACCEPTED


def _open_sources(arguments: argparse.Namespace, stack: contextlib.ExitStack) -> list[Source]:
    """Open the files. One that is not there and is ``--unsent`` is empty: nothing was left yet. Raises OSError."""
    sources: list[Source] = []
    for path in arguments.file:
        if arguments.unsent is not None and not os.path.exists(path) and is_same_file(path, arguments.unsent):
            continue
        reader = row_options.reader_of(arguments, path)
        sources.append(Source(path, reader, 1 if sources else arguments.resume_from))
        stack.callback(sources[-1].close)
    return sources


def _look(run: FileRun, output: Output, client: Inngest | None, *, is_quiet: bool) -> int:
    """Show the requests that ``client`` would send, or without one look for bad lines; return the exit code."""
    good_lines = 0
    for batch in run.batches():
        good_lines += len(batch.events)
        if client is not None and batch.events:
            show_requests(client, batch.events, output)
    output.flush()
    if client is None and not is_quiet and not run.is_stopped:
        write_stderr(f"{pluralize(good_lines, 'good line')}, {pluralize(run.bad_lines, 'bad line')}")
    if run.bad_lines or run.has_ended:
        return BAD_INPUT
    return NOT_ACCEPTED if output.has_failed else ACCEPTED


def _unsent_file(arguments: argparse.Namespace, stack: contextlib.ExitStack) -> UnsentFile | None:
    if arguments.unsent is None:
        return None
    try:
        file = UnsentFile(arguments.unsent, [path for path in arguments.file if path != "-"])
    except OSError as err:
        raise ArgumentInvalidError(f"--unsent: {err}") from None
    stack.callback(file.discard)
    return file


def _write_remaining(run: FileRun, file: UnsentFile, sources: list[Source], signals: Signals) -> bool:
    """Write what is left to send; return whether it is on the disk, at ``file.place``."""
    count = max(1, signals.count)  # the first one stops the run; if that had ended already, it does not stop this
    try:
        run.write_remaining(file, lambda: signals.count > count)
        if all(source.is_finished or not is_same_file(source.path, file.path) for source in sources):
            file.commit()
            return True
        problem = f"{file.path} was not read to its end, so it stays as it was"
    except OSError as err:
        problem = f"cannot write {file.path}: {err.strerror or err}"
    if file.place != file.path:
        print_error(f"{problem}; what is left is in {file.place}")
        return True
    if any(not source.is_file for source in sources):  # what came through a pipe is nowhere else
        file.keep()
    if file.place != file.path:
        problem += f"; {pluralize(file.lines, 'line')} of what is left could be written to {file.place}"
    print_error(problem)
    return False


def _send_nothing(events: list[Event]) -> list[str]:
    raise AssertionError("--check sends nothing")
