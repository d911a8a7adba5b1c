"""The options that the client takes, and the client that they make."""

from __future__ import annotations

import argparse
import contextlib
import logging
import re
import sys
from datetime import timedelta

from ..client import Inngest
from ..config import DEV_MODE, base_url, dev_origin, optional_text
from ..errors import ArgumentInvalidError, EventKeyUnspecifiedError
from . import descriptor_io
from .chunks import CHUNK
from .output import write_stderr

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any, NoReturn

    from ..testing import StoredEvent

KEEP = 10000  # events of a stand-in server
ATTEMPTS = 5  # of a request, as the client has it
FILE_ATTEMPTS = 10  # so that a run outlasts the restart of a server: the waits between these add up to 51 s

_DEV_URL = re.compile(r".*://.*|[\w.-]+:[0-9]+|\[.*\]:[0-9]+|localhost")


def add_client_options(parser: argparse.ArgumentParser) -> None:
    """Add the options to a parser. The event key is no argument: process lists show arguments."""
    group = parser.add_argument_group("where to", "without these, the environment decides, as for the client")
    group.add_argument("--dev", metavar="URL", nargs="?", const="", help="a Dev Server, by default at 127.0.0.1:8288")
    group.add_argument("--base-url", metavar="URL", help="the base URL of the Event API")
    group.add_argument("--env", metavar="NAME", help="the branch environment")
    group.add_argument("--app-id", metavar="ID", default="inngest_send", help="the app's id (default: %(default)s)")
    group.add_argument("--event-key", action=_RefuseKey, help=argparse.SUPPRESS)
    group.add_argument("--event-key-file", metavar="PATH", help="read the event key from a file, or - for stdin")
    group.add_argument("--local", action="store_true", help="a stand-in server; show what it receives")
    group = parser.add_argument_group("how")
    group.add_argument(
        "--timeout", metavar="SECONDS", type=_seconds, help="bounds a request, with all its attempts and waits"
    )
    group.add_argument(
        "--max-attempts",
        metavar="N",
        type=int,
        help=f"for a request (default: {ATTEMPTS}; {FILE_ATTEMPTS} with --file, which takes almost a minute)",
    )


def take_dev_name(arguments: argparse.Namespace) -> None:
    """Give back to NAME what ``--dev NAME`` took for a URL."""
    if arguments.dev and arguments.name is None and not arguments.file and not _DEV_URL.fullmatch(arguments.dev):
        arguments.name, arguments.dev = arguments.dev, ""


@contextlib.contextmanager
def open_client(arguments: argparse.Namespace) -> Iterator[Inngest]:
    """Provide the client, with ``--local`` a server for it too. Raises what ``_make_client`` raises."""
    if not arguments.local:
        with _make_client(arguments) as client:
            yield client
        return
    from ..testing import EventServer
    from .stand_in_log import event_line, terminal_width

    def show(event: StoredEvent) -> None:
        if not arguments.quiet:
            write_stderr(event_line(event, terminal_width(sys.stderr)))

    with EventServer(keep=KEEP, on_event=show) as server:
        if not arguments.quiet:
            write_stderr(f"stand-in Event API at {server.url} receives:")
        with _make_client(arguments, is_production=False, event_api_base_url=server.url) as client:
            yield client


def _make_client(arguments: argparse.Namespace, **overrides: Any) -> Inngest:
    """Return a client. Raises what the client raises, and ArgumentInvalidError for the file of the key."""
    options: dict[str, Any] = {"event_api_base_url": arguments.base_url, "env": arguments.env}
    if arguments.dev is not None:
        options["is_production"] = False
        if not arguments.base_url and arguments.dev:
            options["event_api_base_url"] = dev_origin(arguments.dev, "--dev")
    if arguments.base_url:  # which the client would call by its own name for it
        base_url(optional_text(arguments.base_url, "--base-url"), "--base-url", "https")
    if arguments.event_key_file is not None:
        options["event_key"] = read_event_key(arguments.event_key_file)
    options.update(overrides)
    attempts = arguments.max_attempts or (FILE_ATTEMPTS if arguments.file else ATTEMPTS)
    client = Inngest(app_id=arguments.app_id, max_attempts=attempts, **options)
    if client.is_production and client.event_key is None and not arguments.dry_run:
        client.close()
        problem = f"no event key: set INNGEST_EVENT_KEY, or pass --event-key-file; {DEV_MODE} or pass --dev"
        raise EventKeyUnspecifiedError(problem)
    if arguments.event_key_file is not None:  # a 401 then names the file, which the client cannot know
        client._settings.event_key_source = f"--event-key-file {arguments.event_key_file}"
    return client


def set_up_logging(is_verbose: bool) -> None:
    """Show the library's log on standard error, or nothing of it: then an error is one line, and retries are silent."""
    logger = logging.getLogger((__package__ or "").rpartition(".")[0])
    handler: logging.Handler = logging.NullHandler()
    if is_verbose:
        handler = _StderrHandler()
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
        logger.setLevel(logging.DEBUG)
    logger.addHandler(handler)


def timeout_of(arguments: argparse.Namespace) -> timedelta | None:
    """Return ``--timeout`` as the client takes it."""
    return None if arguments.timeout is None else timedelta(seconds=arguments.timeout)


class _StderrHandler(logging.Handler):
    """Writes records to standard error as all else is written there: none is lost when it cannot be had at once."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write a record as a line."""
        write_stderr(self.format(record))


class _RefuseKey(argparse.Action):
    """Says what to do instead; as an unknown option it would be printed with the key."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> NoReturn:
        parser.error("the event key is never an argument: set INNGEST_EVENT_KEY, or use --event-key-file")


def read_event_key(path: str) -> str:
    """Return the key in a file, or, for ``-``, in the first line of standard input. Raises ArgumentInvalidError."""
    try:
        text = read_bytes(path, "--event-key-file", is_line=True).decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ArgumentInvalidError(f"--event-key-file: {path} is not UTF-8") from None
    key = optional_text(text, f"--event-key-file {path}")  # which refuses quotes, too
    if not key:
        raise ArgumentInvalidError(f"--event-key-file: no key in {path}")
    return key


@contextlib.contextmanager
def naming(option: str, path: str) -> Iterator[None]:
    """Name the option in what is raised when its file cannot be had. Raises ArgumentInvalidError."""
    try:
        yield
    except OSError as err:
        raise ArgumentInvalidError(f"{option} {path}: {err.strerror or err}") from None


def read_bytes(path: str, option: str, is_line: bool = False) -> bytes:
    """Return what a file holds, or, for ``-``, standard input or its first line. Raises ArgumentInvalidError."""
    if path != "-":
        with naming(option, path), open(path, "rb") as file:
            return file.read()
    content = b""
    for chunk in iter(lambda: descriptor_io.read(sys.stdin.buffer, CHUNK), b""):
        content += chunk
        if is_line and b"\n" in content:
            return content.partition(b"\n")[0]
    return content


def _seconds(text: str) -> float:
    with contextlib.suppress(ValueError):
        if 0 < float(text) < 1e9:
            return float(text)
    raise argparse.ArgumentTypeError(f"expected a number of seconds, more than 0 and less than 1e9, got {text!r}")
