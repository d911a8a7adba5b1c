"""Turns the client's arguments and the environment into settings. Nothing here does I/O.

Precedence is argument, then environment, then default; an empty string counts as unset.
"""

from __future__ import annotations

import re
import sys
from urllib.parse import quote

from .errors import ArgumentInvalidError, URLInvalidError
from .typecheck import exact_str, expect, is_instance, qualified_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    import ssl
    from collections.abc import Mapping
    from datetime import timedelta
    from typing import Any, Union

    Duration = Union[int, timedelta]

DEV_MODE = "for a Dev Server on this machine set INNGEST_DEV=1"
CLOUD_ORIGIN = "https://inn.gs/"
DEV_ORIGIN = "http://127.0.0.1:8288/"
DEV_PORT = 8288
DEFAULT_REQUEST_TIMEOUT = 30.0  # seconds, as in the official SDK

_SMALL_INT = 1000

_TRUE = frozenset(("1", "true", "yes", "on"))
_FALSE = frozenset(("", "0", "false", "no", "off"))
_ENV_VARIABLES = ("INNGEST_ENV", "RAILWAY_GIT_BRANCH", "RENDER_GIT_BRANCH", "VERCEL_GIT_COMMIT_REF")
_BASE_URL = re.compile(
    r"(?:(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://)?"
    r"(?P<authority>(?P<host>\[[^/?#]*\]|[^:/?#]*)(?::(?P<port>[^/?#]*))?(?P<junk>[^/?#]*))"
    r"(?P<path>[^?#]*)(?P<query>.*)",
    re.DOTALL,
)
_HOST = re.compile(r"[a-z0-9_]([a-z0-9_.-]*[a-z0-9_.])?|\[[0-9a-f:.]+\]")
_PATH_SAFE = "/%:@!$&'()*+,;=~"


class Settings:
    """What the arguments and the environment come to; durations in seconds."""

    def __init__(
        self,
        environ: Mapping[str, str],
        *,
        app_id: str,
        event_key: str | None,
        env: str | None,
        is_production: bool | None,
        event_api_base_url: str | None,
        request_timeout: Duration | None,
        max_attempts: int,
        max_concurrency: int,
        ssl_context: ssl.SSLContext | None,
    ) -> None:
        """Raises TypeError for an argument of the wrong type, ArgumentInvalidError for a value that cannot work."""
        expect(app_id, str, "app_id")
        self.app_id: str = exact_str(app_id)  # a subclass's own methods may do anything
        if not self.app_id:
            raise ArgumentInvalidError("app_id: expected a non-empty str")
        self.is_production: bool = _is_production(is_production, environ)
        self.event_key, self.event_key_source = _event_key(event_key, environ)
        self.env: str | None = _env(env, environ)
        self.event_api_origin: str = _event_api_origin(event_api_base_url, environ, self.is_production)
        self.request_timeout: float = DEFAULT_REQUEST_TIMEOUT
        self.request_timeout_hint = unit_hint(request_timeout)
        if request_timeout is not None:
            self.request_timeout = seconds(request_timeout, "request_timeout")
            if self.request_timeout <= 0:
                raise ArgumentInvalidError("request_timeout: expected more than 0 milliseconds")
        self.max_attempts: int = _positive_int(max_attempts, "max_attempts")
        self.max_concurrency: int = _positive_int(max_concurrency, "max_concurrency")
        self.ssl_context: ssl.SSLContext | None = _ssl_context(ssl_context)


def seconds(duration: Any, name: str) -> float:
    """Return milliseconds as int, or a timedelta, in seconds. Raises TypeError for anything else."""
    if is_instance(duration, int) and not is_instance(duration, bool):
        milliseconds = int.__int__(duration)
        try:
            return milliseconds / 1000
        except OverflowError:
            return float("inf") if milliseconds > 0 else float("-inf")
    datetime = sys.modules.get("datetime")  # without it no argument can be a timedelta
    if datetime is not None and is_instance(duration, datetime.timedelta):
        return float(datetime.timedelta.total_seconds(duration))
    raise TypeError(f"{name}: expected milliseconds as int, or a timedelta, got {qualified_name(duration)}")


def unit_hint(duration: Any) -> str:
    """Return what an error adds when this argument ended something: an int so small is often meant as seconds."""
    is_small = is_instance(duration, int) and int.__int__(duration) < _SMALL_INT
    return "; timeouts are in milliseconds" if is_small else ""


def _positive_int(value: int, name: str) -> int:
    """Return ``value``. Raises TypeError or ArgumentInvalidError when it is no int of 1 or more."""
    expect(value, int, name)
    number = int.__int__(value)
    if number < 1:
        raise ArgumentInvalidError(f"{name}: expected 1 or more")
    return number


def optional_text(value: str | None, name: str) -> str:
    """Return ``value`` without surrounding whitespace, "" for None.

    Raises TypeError for what is no str, ArgumentInvalidError for one in quotes.
    """
    if value is None:
        return ""
    expect(value, str, name)
    text = exact_str(value).strip()
    if text[:1] in ("'", '"') and text[0] == text[-1]:
        raise ArgumentInvalidError(
            f"{name}: the quotes around the value are part of it; leave them out, as in an env file of Docker's"
        )
    return text


def environment_name(value: str | None, source: str) -> str | None:
    """Return the name of a branch environment, or None. It goes into a header, so it must be printable ASCII."""
    name = optional_text(value, source)
    if not (name.isascii() and name.isprintable()):
        # Not left out: a preview's events would go to production.
        way_out = "" if source in ("env", "INNGEST_ENV") else "; set INNGEST_ENV to a name that has only those"
        raise ArgumentInvalidError(f"{source}: expected printable ASCII characters only{way_out}")
    return name or None


def _is_production(argument: bool | None, environ: Mapping[str, str]) -> bool:
    if argument is not None:
        expect(argument, bool, "is_production")
        return argument
    return optional_text(environ.get("INNGEST_DEV"), "INNGEST_DEV").lower() in _FALSE


def _env(argument: str | None, environ: Mapping[str, str]) -> str | None:
    name = environment_name(argument, "env")
    for variable in _ENV_VARIABLES:
        name = name or environment_name(environ.get(variable), variable)
    return name


def _ssl_context(argument: ssl.SSLContext | None) -> ssl.SSLContext | None:
    ssl = sys.modules.get("ssl")  # without it no argument can be an SSLContext
    if argument is not None and (ssl is None or not is_instance(argument, ssl.SSLContext)):
        raise TypeError(f"ssl_context: expected an ssl.SSLContext, got {qualified_name(argument)}")
    return argument


def _event_key(argument: str | None, environ: Mapping[str, str]) -> tuple[str | None, str]:
    """Return the event key, and where it came from; None and "" without one."""
    for value, source in ((argument, "event_key"), (environ.get("INNGEST_EVENT_KEY"), "INNGEST_EVENT_KEY")):
        key = optional_text(value, source)
        if not key:
            continue
        if key in (".", ".."):
            raise ArgumentInvalidError(f"{source}: an event key of dots alone would leave the path of the Event API")
        if any(ord(character) < 32 or 127 <= ord(character) < 160 for character in key):
            raise ArgumentInvalidError(f"{source}: the event key holds a control character")
        if any("\ud800" <= character <= "\udfff" for character in key):
            raise ArgumentInvalidError(f"{source}: the event key is not valid Unicode")
        return key, source if source == "INNGEST_EVENT_KEY" else f"the argument {source}"
    return None, ""


def _event_api_origin(argument: str | None, environ: Mapping[str, str], is_production: bool) -> str:
    scheme = "https" if is_production else "http"
    from_dev = None
    if not is_production:
        dev = optional_text(environ.get("INNGEST_DEV"), "INNGEST_DEV")
        if dev.lower() not in _TRUE | _FALSE:
            from_dev = dev_origin(dev, "INNGEST_DEV")
    for value, source in (
        (argument, "event_api_base_url"),
        (environ.get("INNGEST_EVENT_API_BASE_URL"), "INNGEST_EVENT_API_BASE_URL"),
        (environ.get("INNGEST_BASE_URL"), "INNGEST_BASE_URL"),
    ):
        url = optional_text(value, source)
        if url:
            return base_url(url, source, scheme)
    return from_dev or (CLOUD_ORIGIN if is_production else DEV_ORIGIN)


def dev_origin(value: str, source: str) -> str:
    """Return the base URL of a Dev Server, given as a URL, host and port, or localhost. Raises URLInvalidError."""
    if not re.search(r"[.:]", value):
        if value.lower() != "localhost":
            raise URLInvalidError(f"{source}: expected 1, 0, or the URL of a Dev Server")
        value = f"{value}:{DEV_PORT}"
    return base_url(value, source, "http")


def base_url(value: str, source: str, default_scheme: str) -> str:
    """Return a base URL in its normal form, with its path and a slash at the end.

    Raises URLInvalidError naming ``source``, which is an argument or an environment variable. The message does not
    quote the URL, since it may hold a password.
    """
    match = _BASE_URL.fullmatch(value)
    assert match is not None  # it matches every text; what follows says what is wrong with the parts
    scheme = (match["scheme"] or default_scheme).lower()
    host, port = _host(match["host"]), match["port"]
    problem = None
    if not value.isprintable() or " " in value or "\\" in value:
        problem = "it holds whitespace, a backslash or a character that is not printable"
    elif scheme not in ("http", "https"):
        problem = "its scheme must be http or https"
    elif "@" in match["authority"]:
        problem = "it has user info; the event key is passed as event_key"
    elif match["query"]:
        problem = "it has a query or a fragment"
    elif re.search(r"/e(/[^/]*)?/*$", match["path"]):
        problem = "its path ends as that of the Event API; the base URL is what comes before, and the key is event_key"
    elif match["junk"] or not host:
        problem = "its host is not valid"
    elif port is not None and not (port.isdigit() and port.isascii() and 1 <= int(port[:6]) <= 65535):
        problem = "its port is not a number from 1 to 65535"
    if problem is not None:
        raise URLInvalidError(f"{source} is not a base URL that can work: {problem}")
    authority = host if port is None else f"{host}:{int(port)}"
    path = quote(match["path"], safe=_PATH_SAFE).rstrip("/")
    return f"{scheme}://{authority}{path}/"


def _host(name: str) -> str:
    """Return a host as it stands in a URL, in lower case and ASCII, or "" for what can be none."""
    if not name.isascii():
        try:
            name = name.encode("idna").decode("ascii")
        except UnicodeError:
            return ""
    name = name.lower()
    if any(len(label) > 63 for label in name.split(".")) or ".." in name:
        return ""
    return name if _HOST.fullmatch(name) else ""
