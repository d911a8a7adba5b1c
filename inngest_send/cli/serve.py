"""``serve``: a stand-in Event API to develop against."""

from __future__ import annotations

import signal
import threading

from .output import Output, event_line, pluralize, print_error, write_stderr

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from typing import Any

KEEP = 10000  # events


def add_parser(commands: Any) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "serve",
        help="run a stand-in Event API for development",
        description="Take events where a Dev Server would, and print a line for each. No functions are run. "
        "For development only: it keeps the newest 10,000 events, in memory.",
    )
    parser.add_argument("--host", default="127.0.0.1", help="where to listen (default: %(default)s, this machine only)")
    parser.add_argument("--port", type=int, default=8288, help="where to listen (default: %(default)s; 0: a free one)")
    parser.add_argument("--event-key-file", metavar="F", help="refuse every event key but the one in this file")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Serve until a signal comes, and return the exit code."""
    from ..testing import EventServer  # takes a third of the time that it takes to start, and "send" needs it not

    stop = threading.Event()
    output = Output()
    count = 0

    def show_line(text: str) -> None:
        output.write(text)
        output.flush()

    def show(event: Any) -> None:
        nonlocal count
        count += 1
        show_line(event_line(event))

    try:
        event_key = None
        if arguments.event_key_file is not None:
            with open(arguments.event_key_file, encoding="utf-8") as file:
                event_key = file.read().strip()
        server = EventServer(event_key, arguments.host, arguments.port, keep=KEEP, on_event=show).start()
    except (OSError, ValueError) as err:
        print_error(f"cannot serve on {arguments.host}:{arguments.port}: {err}")
        return 2
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    with server:
        show_line(f"stand-in Event API for development at {server.url} (no functions are run)")
        while not stop.wait(3600):  # without a limit, Windows would not see Ctrl-C
            pass
    write_stderr(f"{pluralize(count, 'event')} received")
    return 0
