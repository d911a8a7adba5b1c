"""The event: a dataclass, validated by hand when it is made and again when it is sent.

Its data is walked over when it is made. As long as ``data`` is that same object, and no hook had the event in hand, it
is only encoded when it is sent: what was changed in place since is refused by the encoder, or shows in the text (see
``serialization.encoding``). Not seen is what the encoder writes its own way, put deeper into the same data later: Enum
members that are also a str or a number and have another value, instances of a dict's subclass with an ``items()`` of
its own, two keys of a str's subclass with one text, more than 512 levels, one part a million times over.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from .errors import EventInvalidError
from .runtime.signals import raise_if_from_signal_handler
from .serialization.validation import is_normal, normalize
from .typecheck import exact_str, is_instance, names_of_bases, qualified_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from typing import Any, SupportsIndex

    Data = Mapping[str, object]
else:
    Data = Mapping  # to cattrs, which asks while a program runs, `object` is a class that it knows nothing of

# As measured on a server: the limits are inclusive, the size is that of the event's own JSON text.
MIN_TS = 315532800000  # 1980-01-01
MAX_TS = 4102444800000  # 2100-01-01
MAX_EVENT_SIZE = 3145728  # bytes

_MAX_WALK = 4 * MAX_EVENT_SIZE  # bytes; between these two the send refuses an event, and says how large it is
_EPOCH = 719163  # the ordinal of 1970-01-01
_HOLDS_NUL = "expected text without U+0000: with it, a server on PostgreSQL accepts the event, and never stores it"


class _Timestamp:
    """Sets ``ts``: a datetime becomes the int that it stands for, at once, so that ``ts`` is never read as one.

    It is stored in the event's ``__dict__``, where reading finds it without a call, as there is no ``__get__``.
    """

    if TYPE_CHECKING:

        def __get__(self, event: Event | None, owner: type[Event]) -> int: ...

    def __set__(self, event: Event, value: int | datetime | None) -> None:
        event.__dict__["ts"] = value if type(value) is int else _without_datetime(value)


class _Memory:
    """What an event remembers, outside of its ``__dict__``: ``vars(event)``, copies and pickles have nothing of it.

    ``_normal_data``: its data, if that was normal when the event was made, and so is only encoded when it is sent.
    """

    __slots__ = ("_normal_data",)
    if TYPE_CHECKING:
        _normal_data: Any

    def __reduce_ex__(self, protocol: SupportsIndex) -> Any:
        _remember(self, None)
        _forget(self)
        return super().__reduce_ex__(max(int(protocol), 2))  # older ones know no slots


# Not by setattr and delattr, which a subclass may have made its own.
_remember: Callable[[_Memory, object], None] = _Memory.__dict__["_normal_data"].__set__
_forget: Callable[[_Memory], None] = _Memory.__dict__["_normal_data"].__delete__


@dataclass(repr=False)
class Event(_Memory):
    """An event to send. Raises EventInvalidError, also a ValueError, for one that Inngest would refuse or alter.

    ``name``: not empty; names that begin with ``inngest/`` are reserved.
    ``data``: a mapping with str keys of JSON values; also datetime, date, time, timedelta, UUID, Decimal, Enum,
    dataclass instances, named tuples, sets, deques and mappings, at every depth. It is kept as it is, and
    validated again when it is sent. At the top, ``_inngest`` is reserved.
    ``id``: an idempotency key of your own: for 24 hours a second event with it starts no run. ``""`` means none.
    ``ts``: milliseconds since 1970, from 1980 to 2100, or an aware datetime, which is kept as these. In the future,
    runs start then. 0 means "when received".
    """

    name: str
    data: Data = field(default_factory=dict)
    id: str = ""
    if TYPE_CHECKING:
        ts: _Timestamp = _Timestamp()

        def __init__(  # None is welcome, and never read back
            self, name: str, data: Data | None = None, id: str | None = "", ts: int | datetime | None = 0
        ) -> None: ...

    else:
        ts: int = 0

    _encoded = b""  # the text of an event that the command line read: goes out as it is

    def __post_init__(self) -> None:
        if self.data is None:
            self.data = {}
        if self.id is None:
            self.id = ""
        try:
            if _checked(self)["data"] is self.data:
                _remember(self, self.data)
        except EventInvalidError as err:
            raise err.with_traceback(None)  # noqa: B904  # the frames in between hold data

    def __repr__(self) -> str:
        try:
            count = len(self.data)
            size = "<1 key>" if count == 1 else f"<{count} keys>"
        except Exception:  # noqa: BLE001  # no mapping, or one whose own code raises
            size = f"<{qualified_name(self.data)}>"
        return f"{type(self).__name__}(name={self.name!r}, data={size}, id={self.id!r}, ts={self.ts!r})"


if not TYPE_CHECKING:
    Event.ts = _Timestamp()  # not sooner, else dataclass takes it for the default


def encode_event(
    event: Event, encode: Callable[[object], bytes], encode_again: Callable[[object], bytes] | None
) -> bytes:
    """Return the event as the JSON text that goes out, validated again. Raises EventInvalidError.

    The frames of that error hold data. ``encode`` and ``encode_again`` are those of serialization.encoding, which loads
    json: not on import, and not here, where each event would pay for the look-up. Without ``encode_again`` the whole of
    the data is looked at again, as it must be after others had the event in their hands.
    """
    if event._encoded:
        return event._encoded
    text = b""
    if encode_again is not None:
        data = getattr(event, "_normal_data", None)
        if data is not None and data is event.data:
            text = encode_again(_checked(event, data))
    if not text:
        text = encode(_checked(event))
    if len(text) > MAX_EVENT_SIZE:
        raise EventInvalidError(f"{len(text):,} bytes of JSON; Inngest takes events of up to {MAX_EVENT_SIZE:,}")
    return text


def has_normal_data(event: Event) -> bool:
    """Return whether the text that was made stands, whatever is in it. Raises EventInvalidError.

    It does where the data was normalized for it, and where the encoder wrote what is certainly normal still.
    """
    data = getattr(event, "_normal_data", None)
    return data is None or data is not event.data or is_normal(data, _MAX_WALK)


def _checked(event: Event, normal_data: Mapping[str, object] | None = None) -> dict[str, object]:
    """Return the event as a JSON object of normalized data, which ``normal_data`` is already.

    ``id`` and ``ts`` are left off where unset: Inngest sets ``ts`` to when it receives the event, and a client's
    clock that runs ahead would delay runs.
    """
    # What is usual is told by its exact type, without a call: these checks are a good part of the time of a send.
    name = event.name
    if type(name) is not str or not name.isascii():
        name = _checked_text(name, "name")
    if not name:
        raise EventInvalidError("expected a non-empty str, got an empty one", "name")
    if name[0] in "iI\u0130" and name[:8].replace("\u0130", "i").lower() == "inngest/":  # U+0130: as Go lower-cases it
        raise EventInvalidError("expected a name of your own; those that begin with 'inngest/' are reserved", "name")
    if "\0" in name:
        raise EventInvalidError(_HOLDS_NUL, "name")
    data = normal_data
    if data is None:
        try:
            data = normalize({} if event.data is None else event.data, _MAX_WALK)
        except EventInvalidError as err:
            err.prepend("data")
            raise
    if "_inngest" in data:
        raise EventInvalidError("leave it out: Inngest removes it", "data._inngest")
    fields: dict[str, object] = {"name": name, "data": data}
    id = event.id
    if type(id) is not str or id:
        if type(id) is not str or not id.isascii():
            id = "" if id is None else _checked_text(id, "id")
        if "\0" in id:
            raise EventInvalidError(_HOLDS_NUL, "id")
        if id:
            fields["id"] = id
    ts = event.ts
    if type(ts) is not int or ts:
        if type(ts) is not int or not MIN_TS <= ts <= MAX_TS:
            ts = _checked_ts(ts)
        if ts:
            fields["ts"] = ts
    return fields


def _checked_text(value: object, path: str) -> str:
    if not is_instance(value, str):
        raise EventInvalidError(f"expected a str, got {qualified_name(value)}", path)
    text = exact_str(value)
    if not text.isascii() and any("\ud800" <= character <= "\udfff" for character in text):
        raise EventInvalidError("expected text that UTF-8 can encode, got a lone surrogate", path)
    return text


def _checked_ts(value: object) -> int:
    value = _without_datetime(value)
    if not is_instance(value, int) or is_instance(value, bool):
        problem = "expected an int of milliseconds since 1970, or an aware datetime, got"
        raise EventInvalidError(f"{problem} {qualified_name(value)}", "ts")
    ts = int.__int__(value)  # type: ignore[arg-type]  # as above
    if ts and not MIN_TS <= ts <= MAX_TS:
        seconds = MIN_TS <= ts * 1000 <= MAX_TS
        problem = "looks like seconds; ts is in milliseconds" if seconds else "out of range"
        raise EventInvalidError(f"{problem}: expected 0, or from {MIN_TS} (1980) to {MAX_TS} (2100)", "ts")
    return ts


def _without_datetime(value: object) -> object:
    """Return a datetime in milliseconds, None as 0, and all else as it is. Raises EventInvalidError."""
    if value is None:
        return 0
    return _milliseconds(value) if "datetime.datetime" in names_of_bases(value) else value


def _milliseconds(moment: Any) -> int:
    """Return a datetime in milliseconds since 1970, its microseconds cut. Raises EventInvalidError."""
    problem = "expected an aware datetime, got a naive one; give it its time zone, as in datetime.now(timezone.utc)"
    try:
        offset = moment.utcoffset()
        if offset is not None:
            days: int = moment.toordinal() - _EPOCH - offset.days
            seconds = (days * 24 + moment.hour) * 3600 + moment.minute * 60 + moment.second - offset.seconds
            milliseconds: int = (seconds * 1000000 + moment.microsecond - offset.microseconds) // 1000
            if milliseconds:
                return milliseconds
            problem = "out of range: the start of 1970 would stand for 0, which is when Inngest receives the event"
    except Exception as err:  # noqa: BLE001  # the code of a time zone may raise anything
        raise_if_from_signal_handler(err)
        problem = f"reading {qualified_name(moment)} raised {qualified_name(err)}"
    raise EventInvalidError(problem, "ts")
