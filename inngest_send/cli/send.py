"""``send``: one event from the arguments."""

from __future__ import annotations

import json
import os
import sys

from ..client import Inngest
from ..errors import Error, SendEventsError
from ..event import Event
from .output import complain, event_line

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from typing import Any

ACCEPTED, NOT_ACCEPTED, BAD_INPUT = 0, 1, 2


def add_parser(commands: Any) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser("send", help="send an event, and print its id")
    parser.add_argument("name", metavar="NAME", help="the event's name, as app/user.created")
    parser.add_argument("--data", metavar="JSON", help="its data: a JSON object, @FILE, or - for standard input")
    parser.add_argument("--id", metavar="ID", default="", help="its idempotency key, good for 24 hours")
    parser.add_argument("--ts", metavar="MS", type=int, default=0, help="milliseconds since 1970: when runs start")
    parser.add_argument("--local", action="store_true", help="send to a stand-in server, and show what came")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Send, and return the exit code."""
    try:
        event = Event(arguments.name, _data(arguments.data), arguments.id, arguments.ts)
        ids = _send_locally(event) if arguments.local else _send(event)
    except SendEventsError as err:
        complain(err)
        return NOT_ACCEPTED
    except (Error, TypeError, OSError) as err:
        complain(err)
        return BAD_INPUT
    for id in ids:
        print(id)
    return ACCEPTED


def _data(argument: str) -> Any:
    if argument is None:
        return None
    if argument == "-":
        text = sys.stdin.read()
    elif argument.startswith("@"):
        with open(argument[1:], encoding="utf-8") as file:
            text = file.read()
    else:
        text = argument
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as err:
        raise Error(f"--data is not JSON: {err}") from None


def _send(event: Event, **options: Any) -> Any:
    with Inngest(app_id="inngest_send", **options) as client:
        return client.send_sync(event)


def _send_locally(event: Event) -> Any:
    from ..testing import EventServer

    os.environ["NO_PROXY"] = os.environ["no_proxy"] = "127.0.0.1"  # a proxy cannot reach into this process
    with EventServer() as server:
        print(f"stand-in Event API at {server.url} received:", file=sys.stderr)
        try:
            return _send(event, is_production=False, event_api_base_url=server.url)
        finally:
            for received in server.events:
                print(event_line(received), file=sys.stderr)
