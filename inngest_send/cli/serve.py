"""``serve``: a stand-in Event API to develop against."""

from __future__ import annotations

import errno
import signal
import sys
import time

from ..errors import Error
from .client_options import KEEP, read_event_key
from .output import Output, pluralize, print_error, write_stderr

POLL = 0.1  # seconds between looks at whether a signal came

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from typing import Any

    from ..testing import Refusal, StoredEvent


def add_parser(commands: Any) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "serve",
        help="run a stand-in Event API for development",
        description="Take events where a Dev Server would, and print a line for each event and each refusal. Its URL "
        "shows them on a page, and GET /v1/events to programs. No functions are run. For development only: it keeps "
        "the newest 10,000 events, in memory.",
    )
    parser.add_argument(
        "--host",
        default="127.0.0.1",
        help="where to listen (default: %(default)s, this machine only); who can reach it can read the events",
    )
    parser.add_argument("--port", type=int, default=8288, help="where to listen (default: %(default)s; 0: a free one)")
    parser.add_argument("--event-key-file", metavar="F", help="refuse every event key but the one in this file")
    parser.add_argument(
        "--allow-host",
        metavar="NAME",
        action="append",
        default=[],
        help="show events under this host name, too, besides IP addresses, localhost, names without a dot, and --host; "
        "may be repeated",
    )
    parser.add_argument("--json", action="store_true", help="print a JSON object for each event and each refusal")
    parser.set_defaults(run=run, hint=lambda arguments: "serve takes nothing but options")


def run(arguments: argparse.Namespace) -> int:
    """Serve until a signal comes, and return the exit code."""
    from ..testing import EventServer  # takes a third of the time that it takes to start, and "send" needs it not
    from .stand_in_log import event_line, json_line, refusal_line, terminal_width

    signals: list[int] = []  # no Event: a handler that sets one waits for its lock, which the waiting thread may have
    output = Output()
    events = refusals = 0

    def print_line(text: str) -> None:
        output.write(text)
        output.flush()

    def show_event(event: StoredEvent) -> None:
        nonlocal events
        events += 1
        print_line(json_line(event) if arguments.json else event_line(event, terminal_width(sys.stdout)))

    def show_refusal(refusal: Refusal) -> None:
        nonlocal refusals
        refusals += 1
        print_line(json_line(refusal) if arguments.json else refusal_line(refusal, terminal_width(sys.stdout)))

    try:
        server = EventServer(
            None if arguments.event_key_file is None else read_event_key(arguments.event_key_file),
            arguments.host,
            arguments.port,
            keep=KEEP,
            on_event=show_event,
            on_refusal=show_refusal,
            allowed_hosts=arguments.allow_host,
        ).start()
    except (Error, OSError, ValueError) as err:
        problem = str(err)
        if isinstance(err, OSError) and err.errno == errno.EADDRINUSE:
            problem = f"{err.strerror}; stop what listens there, or pass --port 0"
        print_error(f"cannot serve on {arguments.host}:{arguments.port}: {problem}")
        return 2
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda number, _: signals.append(number))
    with server:
        started = f"stand-in Event API for development at {server.url} (no functions are run)"
        if arguments.json:
            write_stderr(started)  # standard output holds nothing but objects
        else:
            print_line(started)
        while not signals:
            time.sleep(POLL)
    refused = f", {pluralize(refusals, 'request')} refused" if refusals else ""
    write_stderr(f"{pluralize(events, 'event')} received{refused}")
    return 0
