"""When to try again, and when to give up. Pure: the clock and the random source are passed in."""

from __future__ import annotations

import random
import re
from email.utils import mktime_tz, parsedate_tz

from .runtime.signals import raise_if_from_signal_handler

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

MAX_RETRY_AFTER = 30.0  # seconds
BASE_DELAY = 0.1  # seconds
MAX_DELAY = 30.0  # seconds, before the jitter: capped after it, clients would retry in step
MAX_JITTER = 0.1  # seconds

_MAX_SECONDS = 1e9  # more than 30 years; so that no response makes an infinity of an error's attribute


def is_retriable_status(status: int) -> bool:
    """Return whether a request whose response had this status may succeed when it is sent again."""
    return status in (408, 429) or status >= 500


def retry_delay(
    attempt: int, retry_after: float | None = None, random: Callable[[], float] = random.random
) -> float | None:
    """Return the seconds to wait after attempt number ``attempt``, from 1; None when the server asks for too long.

    The delay before retry n, from 0, is ``0.1 * 2**n`` s, at most 30 s, plus up to 0.1 s of jitter, as in the
    official SDKs, or what the server asked for with Retry-After where that is longer.
    """
    delay: float = min(MAX_DELAY, BASE_DELAY * 2 ** min(attempt - 1, 30)) + MAX_JITTER * random()
    if retry_after is None:
        return delay
    return max(delay, retry_after) if retry_after <= MAX_RETRY_AFTER else None


def parse_retry_after(value: str | None, now: float, date: str | None = None) -> float | None:
    """Return the seconds that a Retry-After header asks to wait, or None when it says nothing that can be used.

    It may be a point in time (RFC 9110, section 10.2.3). That counts from ``date``, what the response has for a Date
    header, since the clock here may be wrong; where that says nothing, from ``now``, the Unix time in seconds.
    """
    if value is None:
        return None
    value = value.strip()
    if re.fullmatch(r"[0-9]+(\.[0-9]+)?", value):
        return min(float(value), _MAX_SECONDS)
    until = _unix_time(value)
    if until is None:
        return None
    since = _unix_time(date)
    return min(max(0.0, until - (now if since is None else since)), _MAX_SECONDS)


def _unix_time(date: str | None) -> float | None:
    try:
        parsed = parsedate_tz(date) if date else None
        return None if parsed is None else mktime_tz(parsed)
    except (TypeError, ValueError, IndexError, OverflowError) as err:  # which of them depends on the Python version
        raise_if_from_signal_handler(err)
        return None
