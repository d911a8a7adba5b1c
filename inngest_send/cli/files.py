"""``send --file``: many events, from files and pipes."""

from __future__ import annotations

import contextlib
import time
from functools import partial

from ..batching import MAX_BATCH_EVENTS
from ..errors import ArgumentInvalidError
from . import row_options
from .dry_run import show_requests
from .exit_codes import ACCEPTED, BAD_INPUT, NOT_ACCEPTED, SIGNALLED, SKIPPED
from .file_run import FileRun
from .ids import Ids
from .options import open_client, timeout_of
from .output import Output, pluralize, print_error, write_stderr
from .report import Report
from .signals import Signals
from .source import Source
from .summary import Summary
from .unsent import UnsentFile

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
    ids = group.add_mutually_exclusive_group()
    ids.set_defaults(ids="random")
    ids.add_argument(
        "--stable-ids",
        dest="ids",
        action="store_const",
        const="stable",
        help="derive missing ids from content and position: for 24 hours the same file starts nothing twice "
        "(default: random ids)",
    )
    ids.add_argument("--no-ids", dest="ids", action="store_const", const="none", help="add no ids")
    group.add_argument("--unsent", metavar="PATH", help="what is left to send, for --file; empty when nothing is")
    group.add_argument("--resume-from", metavar="N", type=int, default=1, help="begin at this line of the first file")
    group.add_argument("--concurrency", metavar="N", type=int, default=4, help="requests at once (default: 4)")
    group.add_argument(
        "--batch-size", metavar="N", type=int, default=BATCH_SIZE, help="events a request (default: %(default)s)"
    )
    row_options.add_options(parser)


def check_usage(arguments: argparse.Namespace) -> None:
    """Raise ArgumentInvalidError for what cannot work."""
    if not arguments.file and (
        arguments.check or arguments.skip_bad or arguments.unsent is not None or arguments.ids != "random"
    ):
        raise ArgumentInvalidError("--check, --skip-bad, --unsent, --stable-ids and --no-ids go with --file")
    for option, value, most in (
        ("--resume-from", arguments.resume_from, None),
        ("--concurrency", arguments.concurrency, None),
        ("--batch-size", arguments.batch_size, MAX_BATCH_EVENTS),
    ):
        if value < 1 or (most is not None and value > most):
            raise ArgumentInvalidError(f"{option}: expected {'1 or more' if most is None else f'1 to {most}'}")
    row_options.check_usage(arguments)


def send_files(arguments: argparse.Namespace) -> int:
    """Send what the files hold, or only look at it, and return the exit code. Raises Error, OSError."""
    output = Output()
    with contextlib.ExitStack() as stack:
        sources: list[Source] = []
        for path in arguments.file:
            reader = row_options.reader_of(arguments, path)
            sources.append(Source(path, reader, 1 if sources else arguments.resume_from))
            stack.callback(sources[-1].close)
        client = None if arguments.check else stack.enter_context(open_client(arguments))
        report = Report(output, sources, is_json=arguments.json, is_quiet=arguments.quiet)
        run = FileRun(
            sources,
            partial(client.send_sync, timeout=timeout_of(arguments)) if client is not None else _send_nothing,
            report,
            ids=Ids(arguments.ids),
            skip_bad=arguments.skip_bad or arguments.check,
            concurrency=arguments.concurrency,
            batch_size=arguments.batch_size,
        )
        signals = stack.enter_context(Signals(run.stop))
        if client is None or arguments.dry_run:
            code = _look(run, output, client, is_quiet=arguments.quiet)
            return code if signals.first is None else SIGNALLED + signals.first
        file = _unsent_file(arguments, stack)
        began_at = time.monotonic()
        run.run(client.close)
        is_written = file is not None and _write_remaining(run, file, signals)
        summary = Summary(run, sources, file if is_written else None)
        report.finish()
        if arguments.json:
            summary.print_json(output)
        if not arguments.quiet or run.resume_at is not None:
            summary.print_text(time.monotonic() - began_at)
        if signals.first is not None:
            return SIGNALLED + signals.first
        if run.resume_at is not None:
            return NOT_ACCEPTED if run.has_sent else BAD_INPUT
        if output.has_failed or (file is not None and not is_written):
            return NOT_ACCEPTED
        return SKIPPED if run.bad_lines else ACCEPTED


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
        file = UnsentFile(arguments.unsent)
    except OSError as err:
        raise ArgumentInvalidError(f"--unsent: {err}") from None
    stack.callback(file.discard)
    return file


def _write_remaining(run: FileRun, file: UnsentFile, signals: Signals) -> bool:
    """Write what is left to send; return whether that could be done."""
    count = max(1, signals.count)  # the first one stops the run; if that had ended already, it does not stop this
    try:
        run.write_remaining(file, lambda: signals.count > count)
        file.commit()
    except OSError as err:
        print_error(f"cannot write {file.path}: {err}")
        return False
    return True


def _send_nothing(events: list[Event]) -> list[str]:
    raise AssertionError("--check sends nothing")
