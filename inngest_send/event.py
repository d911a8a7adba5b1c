"""The event: a dataclass, validated by hand when it is made and again when it is sent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from .errors import EventInvalidError
from .serialization.conversion import Refused
from .serialization.validation import MAX_EXPANSION, normalize
from .typecheck import exact_str, is_instance, qualified_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    Data = Mapping[str, object]
else:
    Data = Mapping  # to cattrs, which asks while a program runs, `object` is a class that it knows nothing of

# As measured on a server: the limits are inclusive, the size is that of the event's own JSON text.
MIN_TS = 315532800000  # 1980-01-01
MAX_TS = 4102444800000  # 2100-01-01
MAX_EVENT_SIZE = 3145728  # bytes

_MAX_WALK = 4 * MAX_EVENT_SIZE  # bytes: data that is too large is walked up to here, so that its size can be told


@dataclass(repr=False)
class Event:
    """An event to send. Raises EventInvalidError, also a ValueError, for one that Inngest would refuse or alter.

    ``name``: not empty; names that begin with ``inngest/`` are reserved.
    ``data``: a mapping with str keys of JSON values; also datetime, date, time, timedelta, UUID, Decimal, Enum,
    dataclass instances, named tuples, sets, deques and mappings, at every depth. It is kept as it is, and
    validated again when it is sent.
    ``id``: an idempotency key of your own: for 24 hours a second event with it starts no run. ``""`` means none.
    ``ts``: milliseconds since 1970, from 1980 to 2100. In the future, runs start then. 0 means "when received".
    """

    name: str
    data: Data = field(default_factory=dict)
    id: str = ""
    ts: int = 0

    if TYPE_CHECKING:  # None is welcome in the constructor, and never read back

        def __init__(
            self,
            name: str,
            data: Data | None = None,
            id: str | None = "",
            ts: int | None = 0,
        ) -> None: ...

    def __post_init__(self) -> None:
        if self.data is None:
            self.data = {}
        if self.id is None:
            self.id = ""
        if self.ts is None:
            self.ts = 0
        _, bound = _checked(self)
        if bound * MAX_EXPANSION > MAX_EVENT_SIZE:
            from .serialization.encoding import encode

            encode_event(self, encode)  # only now can it be too large

    def __repr__(self) -> str:
        try:
            size = f"<{len(self.data)} keys>"
        except TypeError:
            size = f"<{qualified_name(self.data)}>"
        return f"{type(self).__name__}(name={self.name!r}, data={size}, id={self.id!r}, ts={self.ts!r})"

    def __getstate__(self) -> tuple[dict[str, object], bytes | None]:
        """Return the state to pickle or copy: the attributes, but the data as JSON text.

        A mappingproxy can be neither pickled nor copied, and for deep data both take more stack than sending does.
        """
        from .serialization.encoding import encode

        state = dict(self.__dict__)
        try:
            text = encode(normalize({} if self.data is None else self.data, _MAX_WALK)[0])
        except Refused:
            return state, None  # made invalid since; it can be pickled and copied if its data can
        del state["data"]
        return state, text

    def __setstate__(self, state: tuple[dict[str, object], bytes | None]) -> None:
        import json

        attributes, text = state
        self.__dict__.update(attributes)
        if text is not None:
            self.data = json.loads(text.decode())


class EncodedEvent(Event):
    """An event that was read from ``text``, and goes out as that, without another look at what it says."""

    text = b""


def encode_event(event: Event, encode: Callable[[object], bytes]) -> bytes:
    """Return the event as the JSON text that goes out, validated again. Raises EventInvalidError.

    ``encode`` is jsontext's, which loads json: not on import, and not here, where each event would pay for the look-up.
    """
    if type(event) is EncodedEvent and event.text:
        return event.text
    fields, _ = _checked(event)
    try:
        text = encode(fields)
    except Refused as refused:
        problem = refused.problem
    else:
        if len(text) <= MAX_EVENT_SIZE:
            return text
        problem = f"{len(text):,} bytes of JSON; Inngest takes events of up to {MAX_EVENT_SIZE:,}"
    raise EventInvalidError(problem)


def _checked(event: Event) -> tuple[dict[str, object], int]:
    """Return the event as a JSON object of plain data, and a lower bound of its size in bytes.

    ``id`` and ``ts`` are left off where unset: Inngest sets ``ts`` to when it receives the event, and a client's
    clock that runs ahead would delay runs.
    """
    # What is usual is told by its exact type, without a call: these checks are a good part of the time of a send.
    name = event.name
    if type(name) is not str or not name.isascii():
        name = _text(name, "name")
    if not name:
        raise EventInvalidError("expected a non-empty str, got an empty one", "name")
    if name[:8].lower() == "inngest/":
        raise EventInvalidError("expected a name of your own; those that begin with 'inngest/' are reserved", "name")
    data: object = None
    size = 0
    refused = None
    try:
        data, size = normalize({} if event.data is None else event.data, _MAX_WALK)
    except Refused as err:
        refused = err.problem, "data" + err.path
    if refused is not None:  # raised out here, so that no value hangs on it as its context
        raise EventInvalidError(*refused)
    fields: dict[str, object] = {"name": name, "data": data}
    bound = len(name) + size
    id = event.id
    if type(id) is not str or id:
        if type(id) is not str or not id.isascii():
            id = "" if id is None else _text(id, "id")
        if id:
            fields["id"] = id
            bound += len(id)
    ts = event.ts
    if type(ts) is not int or ts:
        ts = 0 if ts is None else _milliseconds(ts)
        if ts:
            fields["ts"] = ts
    return fields, bound


def _text(value: object, path: str) -> str:
    if not is_instance(value, str):
        raise EventInvalidError(f"expected a str, got {qualified_name(value)}", path)
    text = exact_str(value)
    if not text.isascii() and any("\ud800" <= character <= "\udfff" for character in text):
        raise EventInvalidError("expected text that UTF-8 can encode, got a lone surrogate", path)
    return text


def _milliseconds(value: object) -> int:
    if not is_instance(value, int) or is_instance(value, bool):
        raise EventInvalidError(f"expected an int of milliseconds since 1970, got {qualified_name(value)}", "ts")
    ts = int.__int__(value)  # type: ignore[arg-type]  # as above
    if ts and not MIN_TS <= ts <= MAX_TS:
        seconds = MIN_TS <= ts * 1000 <= MAX_TS
        problem = "looks like seconds; ts is in milliseconds" if seconds else "out of range"
        raise EventInvalidError(f"{problem}: expected 0, or from {MIN_TS} (1980) to {MAX_TS} (2100)", "ts")
    return ts
