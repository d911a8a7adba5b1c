"""``send``: one event from the arguments, or many from files."""

from __future__ import annotations

import argparse
import json
import zlib

from ..errors import ArgumentInvalidError, Error
from ..event import Event
from ..send_error import SendEventsError
from . import file_options
from .chunks import unpack_if_gzip
from .client_options import add_client_options, open_client, read_bytes, set_up_logging, take_dev_name, timeout_of
from .dry_run import show_requests
from .exit_codes import ACCEPTED, BAD_INPUT, NOT_ACCEPTED
from .json_text import BadLineError, read_json
from .output import Output, print_error
from .records import BOM, wrong_encoding
from .send_files import send_files

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

DESCRIPTION = """\
Send one event, or all events of files: one JSON object a line (name, data,
id, ts), or one JSON array. With --as NAME each line, or each record of CSV,
is the data of an event of that name. Files compressed with gzip are unpacked.
The ids are printed one a line, in the order of the input.
"""

EXAMPLES = """\
examples:
  %(prog)s app/user.created --data '{"id": 7}'
  %(prog)s --file orders.ndjson --unsent left.ndjson
  %(prog)s --file orders.ndjson --check
  tail -n 100 orders.ndjson | %(prog)s --file - --skip-bad
  %(prog)s --as shop/order --file orders.csv

exit codes: 0 all accepted; 1 some not; 2 bad input or usage, nothing sent;
3 bad lines skipped; 130 after Ctrl-C, 143 after SIGTERM, 129 on hangup.

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
    file_options.add_options(parser)
    group = parser.add_argument_group("output")
    group.add_argument("--dry-run", action="store_true", help="print the requests, the key redacted; send nothing")
    group.add_argument("--json", action="store_true", help="print an object for each result, and a summary")
    group.add_argument("--quiet", action="store_true", help="no progress, no summary when all is accepted")
    group.add_argument("--verbose", action="store_true", help="the library's log")
    parser.set_defaults(run=run, hint=hint, parser=parser)


def hint(arguments: argparse.Namespace) -> str:
    """Return what to do about words that are no option and have no place."""
    if arguments.file:
        return "--file takes one path; write --file before each, as --file a.ndjson --file b.ndjson"
    return "NAME takes no more; the data goes behind --data, as --data '{\"id\": 7}'"


def run(arguments: argparse.Namespace) -> int:
    """Send, and return the exit code."""
    take_dev_name(arguments)
    set_up_logging(arguments.verbose)
    try:
        _check_usage(arguments)
        return send_files(arguments) if arguments.file else _send_one(arguments)
    except SendEventsError as err:
        print_error(err)
        return NOT_ACCEPTED
    except (Error, TypeError, OSError) as err:
        print_error(err)
        return BAD_INPUT


def _check_usage(arguments: argparse.Namespace) -> None:
    if bool(arguments.file) == (arguments.name is not None):
        problem = "expected either the NAME of an event, or --file"
        if arguments.file:
            raise ArgumentInvalidError(f"{problem}; several files take one --file each, and rows --as NAME")
        raise ArgumentInvalidError(f"{problem} (see --help)")
    if arguments.file and (arguments.data is not None or arguments.id is not None or arguments.ts is not None):
        raise ArgumentInvalidError("--data, --id and --ts go with NAME; in a file each line has its own")
    if arguments.local and (arguments.dev is not None or arguments.base_url):
        raise ArgumentInvalidError("--local sends to a server of its own, so --dev and --base-url do not go with it")
    if [arguments.data, arguments.event_key_file, *arguments.file].count("-") > 1:
        raise ArgumentInvalidError("standard input can be read once only")
    if arguments.max_attempts is not None and arguments.max_attempts < 1:
        raise ArgumentInvalidError("--max-attempts: expected 1 or more")
    file_options.check_usage(arguments)


def _send_one(arguments: argparse.Namespace) -> int:
    event = Event(arguments.name, _data(arguments.data), arguments.id, arguments.ts)
    output = Output()
    with open_client(arguments) as client:
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


def _data(argument: str | None) -> Any:
    """Return the value of ``--data``, read as a file of events would be. Raises ArgumentInvalidError, OSError."""
    if argument is None:
        return None
    source, content = "--data", argument.encode("utf-8", "surrogatepass")
    if argument == "-" or argument.startswith("@"):
        path = argument if argument == "-" else argument[1:]
        source, content = f"--data: {path}", read_bytes(path, "--data")
    try:
        text = b"".join(unpack_if_gzip(iter([content]))).strip()
        problem = wrong_encoding(text)
        if not problem:
            return read_json(text[len(BOM) :].strip() if text.startswith(BOM) else text)
    except (EOFError, zlib.error, BadLineError) as err:
        problem = str(err)
    raise ArgumentInvalidError(f"{source} is {problem}" if problem.startswith("not ") else f"{source}: {problem}")
