"""``send --file``: many events, from files and pipes."""

from __future__ import annotations

import contextlib
import os
import time
from functools import partial

from ..errors import ArgumentInvalidError
from . import row_options
from .bad_lines import BadLinesFile
from .client_options import naming, open_client, timeout_of
from .dry_run import show_requests
from .exit_codes import ACCEPTED, BAD_INPUT, NOT_ACCEPTED, SIGNALLED, SKIPPED
from .file_options import only_looks
from .file_run import FileRun
from .ids import Ids, new_seed
from .output import Output, pluralize, print_error, waiting_until, write_stderr
from .run_report import Report
from .run_summary import Summary
from .signals import Signals
from .source import Source
from .unsent import UnsentFile, is_same_file

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse

    from ..client import Inngest
    from ..event import Event


def send_files(arguments: argparse.Namespace) -> int:
    """Send what the files hold, or only look at it, and return the exit code. Raises Error, OSError."""
    output = Output()
    with contextlib.ExitStack() as stack:
        unsent = None if only_looks(arguments) else _unsent_file(arguments, stack)
        sources = _open_sources(arguments, stack)
        client = None if arguments.check else stack.enter_context(open_client(arguments))
        bad = None if arguments.bad is None or only_looks(arguments) else BadLinesFile(arguments.bad)
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
        would_lose_input = unsent is not None and not all(source.is_file for source in sources)
        is_beginning = not run.has_sent and signals.first is None and not would_lose_input
        if run.is_option_wrong and is_beginning:
            report.finish()
            if arguments.json:
                Summary(run, sources, arguments, unsent=None, bad=bad).print_json(output)
            write_stderr("nothing was sent" if unsent is None else f"nothing was sent; {unsent.path} is as it was")
            return BAD_INPUT
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
        with naming("--file", path):
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
