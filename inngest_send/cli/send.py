"""``send``: one event from the arguments, or many from files."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import time
from functools import partial

from ..batching import MAX_BATCH_EVENTS
from ..errors import ArgumentInvalidError, Error
from ..event import Event
from ..send_error import SendEventsError
from .dry_run import show_requests
from .file_run import FileRun
from .options import add_client_options, make_client, read_text, set_up_logging, take_dev_name, timeout_of
from .output import Output, event_line, pluralize, print_error, write_stderr
from .report import Report
from .signals import Signals
from .source import Source
from .unsent import UnsentFile

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any, List, Optional

    from ..client import Inngest
    from ..testing import StoredEvent

ACCEPTED, NOT_ACCEPTED, BAD_INPUT, SKIPPED = 0, 1, 2, 3
SIGNALLED = 128  # plus the signal's number
KEEP = 10000  # events of a stand-in server
BATCH_SIZE = 1000  # events; more were measured to be no faster, and to take more memory

DESCRIPTION = """\
Send one event, or all events of files: one JSON object a line (name, data,
id, ts), or one JSON array; names that end with .gz are unpacked. The ids are
printed one a line, in the order of the input.
"""

EXAMPLES = """\
examples:
  %(prog)s app/user.created --data '{"id": 7}'
  %(prog)s --file orders.ndjson --unsent left.ndjson
  %(prog)s --file orders.ndjson --check
  gzip -cd orders.gz | %(prog)s --file - --skip-bad

exit codes: 0 all accepted; 1 some not; 2 bad input or usage, nothing sent;
3 bad lines skipped; 130, 143 and 129 after Ctrl-C, SIGTERM and
the loss of the terminal.

The event key is never an argument: set INNGEST_EVENT_KEY, or use
--event-key-file.
"""


def add_parser(commands: Any) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "send",
        help="send events, and print their ids",
        description=DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog=EXAMPLES,
        allow_abbrev=False,
    )
    parser.add_argument("name", metavar="NAME", nargs="?", help="the event's name, as app/user.created")
    parser.add_argument("--data", metavar="JSON", help="its data: a JSON object, @FILE, or - for stdin")
    parser.add_argument("--id", metavar="ID", help="its idempotency key, good for 24 hours")
    parser.add_argument("--ts", metavar="MS", type=int, help="milliseconds since 1970: when its runs start")
    add_client_options(parser)
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
    group = parser.add_argument_group("output")
    group.add_argument("--dry-run", action="store_true", help="print the requests, the key redacted; send nothing")
    group.add_argument("--json", action="store_true", help="print an object for each result, and a summary")
    group.add_argument("--quiet", action="store_true", help="no progress, no summary when all is accepted")
    group.add_argument("--verbose", action="store_true", help="the library's log")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Send, and return the exit code."""
    take_dev_name(arguments)
    set_up_logging(arguments.verbose)
    try:
        _check_usage(arguments)
        return _send_files(arguments) if arguments.file else _send_one(arguments)
    except SendEventsError as err:
        print_error(err)
        return NOT_ACCEPTED
    except (Error, TypeError, OSError) as err:
        print_error(err)
        return BAD_INPUT


def _check_usage(arguments: argparse.Namespace) -> None:
    if bool(arguments.file) == (arguments.name is not None):
        raise ArgumentInvalidError("expected either the NAME of an event, or --file (see --help)")
    if arguments.file and (arguments.data is not None or arguments.id is not None or arguments.ts is not None):
        raise ArgumentInvalidError("--data, --id and --ts go with NAME; in a file each line has its own")
    if arguments.local and (arguments.dev is not None or arguments.base_url):
        raise ArgumentInvalidError("--local sends to a server of its own, so --dev and --base-url do not go with it")
    if [arguments.data, arguments.event_key_file, *arguments.file].count("-") > 1:
        raise ArgumentInvalidError("standard input can be read once only")
    if not arguments.file and (
        arguments.check or arguments.skip_bad or arguments.unsent is not None or arguments.ids != "random"
    ):
        raise ArgumentInvalidError("--check, --skip-bad, --unsent, --stable-ids and --no-ids go with --file")
    for option, value, most in (
        ("--resume-from", arguments.resume_from, None),
        ("--concurrency", arguments.concurrency, None),
        ("--batch-size", arguments.batch_size, MAX_BATCH_EVENTS),
        ("--max-attempts", arguments.max_attempts, None),
    ):
        if value < 1 or (most is not None and value > most):
            raise ArgumentInvalidError(f"{option}: expected {'1 or more' if most is None else f'1 to {most}'}")


def _send_one(arguments: argparse.Namespace) -> int:
    event = Event(arguments.name, _data(arguments.data), arguments.id, arguments.ts)
    output = Output()
    with _client(arguments) as client:
        try:
            if arguments.dry_run:
                show_requests(client, [event], output)
            else:
                (id,) = client.send_sync(event, timeout=timeout_of(arguments))
                output.write(json.dumps({"accepted": True, "id": id}) if arguments.json else id)
        except SendEventsError as err:
            if arguments.json:
                result = {"accepted": False, "error": str(err), "maybe_delivered": err.maybe_delivered}
                output.write(json.dumps(result))
            raise
        finally:
            output.flush()
    return NOT_ACCEPTED if output.has_failed else ACCEPTED


def _send_files(arguments: argparse.Namespace) -> int:
    output = Output()
    with contextlib.ExitStack() as stack:
        sources: List[Source] = []
        for path in arguments.file:
            sources.append(Source(path))
            stack.callback(sources[-1].close)
        client = None if arguments.check else stack.enter_context(_client(arguments))
        report = Report(output, sources, is_json=arguments.json, is_alive=arguments.quiet)
        bulk = FileRun(
            sources,
            partial(client.send_sync, timeout=timeout_of(arguments)) if client is not None else _send_nothing,
            report,
            ids=arguments.ids,
            skip_bad=arguments.skip_bad or arguments.check,
            concurrency=arguments.concurrency,
            batch_size=arguments.batch_size,
            resume_from=arguments.resume_from,
        )
        signals = stack.enter_context(Signals(bulk.stop))
        if client is None or arguments.dry_run:
            good_lines = 0
            for batch in bulk.batches():
                good_lines += len(batch.events)
                if client is not None and batch.events:
                    show_requests(client, batch.events, output)
            output.flush()
            if signals.first is not None:
                return SIGNALLED + signals.first
            if client is None and not arguments.quiet:
                write_stderr(f"{pluralize(good_lines, 'good line')}, {pluralize(bulk.bad_lines, 'bad line')}")
            if bulk.bad_lines or bulk.has_ended:
                return BAD_INPUT
            return NOT_ACCEPTED if output.has_failed else ACCEPTED
        leftover = _leftover(arguments, stack)
        began_at = time.monotonic()
        bulk.run(client.close)
        rest = _write_rest(bulk, leftover, signals)
        report.summarize(bulk, seconds=time.monotonic() - began_at, unsent=arguments.unsent, rest=rest)
        if signals.first is not None:
            return SIGNALLED + signals.first
        if bulk.resume_at is not None:
            return NOT_ACCEPTED if bulk.has_sent else BAD_INPUT
        if output.has_failed or (leftover is not None and rest is None):
            return NOT_ACCEPTED
        return SKIPPED if bulk.bad_lines else ACCEPTED


def _leftover(arguments: argparse.Namespace, stack: contextlib.ExitStack) -> Optional[UnsentFile]:
    if arguments.unsent is None:
        return None
    try:
        leftover = UnsentFile(arguments.unsent)
    except OSError as err:
        raise ArgumentInvalidError(f"--unsent: {err}") from None
    stack.callback(leftover.discard)
    return leftover


def _write_rest(bulk: FileRun, leftover: Optional[UnsentFile], signals: Signals) -> Optional[int]:
    """Write what is left to send; return how many lines, None when there is no file or it cannot be written."""
    if leftover is None:
        return None
    count = max(1, signals.count)  # the first one ends the run; if that had ended already, it does not end this
    try:
        bulk.write_remaining(leftover, lambda: signals.count > count)
        leftover.commit()
    except OSError as err:
        print_error(f"cannot write {leftover.path}: {err}")
        return None
    return leftover.lines


@contextlib.contextmanager
def _client(arguments: argparse.Namespace) -> Iterator[Inngest]:
    if not arguments.local:
        with make_client(arguments) as client:
            yield client
        return
    from ..testing import EventServer

    def show(event: StoredEvent) -> None:
        if not arguments.quiet:
            write_stderr(event_line(event))

    os.environ["NO_PROXY"] = os.environ["no_proxy"] = "127.0.0.1"  # a proxy cannot reach into this process
    with EventServer(keep=KEEP, on_event=show) as server:
        if not arguments.quiet:
            write_stderr(f"stand-in Event API at {server.url} receives:")
        with make_client(arguments, is_production=False, event_api_base_url=server.url) as client:
            yield client


def _data(argument: Optional[str]) -> Any:
    if argument is None:
        return None
    text = argument
    if argument == "-" or argument.startswith("@"):
        text = read_text(argument if argument == "-" else argument[1:], "--data")
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as err:
        raise ArgumentInvalidError(f"--data is not JSON: {err}") from None


def _send_nothing(events: List[Event]) -> List[str]:
    raise AssertionError("--check sends nothing")
