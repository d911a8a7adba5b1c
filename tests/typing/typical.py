# pyright: strict
"""Typical uses, which type checkers accept. Never run: ``.ci/typed.py`` checks it against the installed package."""

from __future__ import annotations

import datetime
import decimal
import enum
import functools
import logging
import ssl
import types
import uuid
from collections import deque
from dataclasses import dataclass, replace
from typing import AsyncIterator, Dict, Iterator, List, Mapping, NamedTuple, Optional, Tuple

from typing_extensions import assert_type

import inngest_send as inngest
from inngest_send.testing import FAULTS, EventServer, ReceivedRequest, StoredEvent


def clients() -> List[inngest.Inngest]:
    everything = inngest.Inngest(
        app_id="my_app",
        event_key="key",
        env="branch",
        is_production=False,
        event_api_base_url="https://gateway.example/inngest/",
        request_timeout=datetime.timedelta(seconds=10),
        max_attempts=3,
        max_concurrency=16,
        logger=logging.getLogger("my_app"),
        middleware=[Stamp, Counter(), functools.partial(Tuned, level=3), by_function],
        ssl_context=ssl.create_default_context(),
        api_base_url="https://api.inngest.com/",
        app_version="1.2.3",
        serializer=object(),
        signing_key="signkey-test-12345678",
    )
    nothing = inngest.Inngest(
        app_id="my_app",
        event_key=None,
        env=None,
        is_production=None,
        event_api_base_url=None,
        request_timeout=None,
        logger=None,
        middleware=None,
        ssl_context=None,
    )
    return [everything, nothing, inngest.Inngest(app_id="my_app", request_timeout=10000, middleware=(Stamp,))]


class Colour(enum.Enum):
    RED = "red"


@dataclass
class Item:
    price: decimal.Decimal


class Point(NamedTuple):
    x: int
    y: int


def events(number: int, text: Optional[str], headers: Mapping[str, str]) -> List[inngest.Event]:
    typed: Dict[str, int] = {"number": number}
    return [
        inngest.Event("app/user.created"),
        inngest.Event("app/user.created", {"a": [1, 2.5, None, True, {"b": "c"}]}, "own-id", 1700000000000),
        inngest.Event(name="app/user.created", data={}, id="", ts=0),
        inngest.Event(name="app/user.created", data=None, id=None, ts=None),
        inngest.Event(name="app/user.created", data=typed, id=text),
        inngest.Event(name="app/user.created", ts=datetime.datetime.now(datetime.timezone.utc)),
        inngest.Event(name="app/user.created", data=headers),
        inngest.Event(name="app/user.created", data=types.MappingProxyType(typed)),
        inngest.Event(
            name="app/user.created",
            data={
                "when": datetime.datetime.now(datetime.timezone.utc),
                "day": datetime.date.today(),
                "takes": datetime.timedelta(hours=1),
                "id": uuid.uuid4(),
                "price": decimal.Decimal("19.99"),
                "colour": Colour.RED,
                "item": Item(decimal.Decimal(1)),
                "point": Point(1, 2),
                "tags": {"a", "b"},
                "queue": deque([1, 2]),
                "pair": ("a", 1),
            },
        ),
    ]


def send_sync(client: inngest.Inngest, event: inngest.Event) -> List[str]:
    def generator() -> Iterator[inngest.Event]:
        yield event
        yield inngest.Event(name="another")

    ids: List[str] = client.send_sync(event)
    ids += client.send_sync([event, event], timeout=5000)
    ids += client.send_sync((event, event), timeout=datetime.timedelta(seconds=5))
    ids += client.send_sync(generator(), timeout=None)
    ids += client.send_sync(inngest.Event(name=str(number)) for number in range(3))
    ids += client.send_sync({"first": event}.values(), env="branch", skip_middleware=True)
    ids += client.send_sync(deque([event]), env=None)
    ids += client.send_sync([])
    return ids


async def send(client: inngest.Inngest, event: inngest.Event) -> List[str]:
    ids: List[str] = await client.send(event)
    ids += await client.send([event], skip_middleware=True, env="branch", timeout=datetime.timedelta(minutes=1))
    ids += await client.send((event for _ in range(3)), timeout=60000)
    async with inngest.Inngest(app_id="my_app") as other:
        ids += await other.send([event, event])
    return ids


async def handler(client: inngest.Inngest) -> AsyncIterator[str]:
    for id in await client.send(inngest.Event(name="one")):
        yield id.lower()


def with_statement() -> str:
    with inngest.Inngest(app_id="my_app") as client:
        client.set_logger(logging.getLogger("other"))
        client.set_logger(None)
        client.add_middleware(Stamp)
        (id,) = client.send_sync(inngest.Event(name="one"))
        client.close()
    return id.lower()


def attributes(client: inngest.Inngest, event: inngest.Event) -> Tuple[str, Optional[str], Optional[str], str, bool]:
    event.name = event.name.upper()
    event.data = {**event.data, "source": "billing"}
    event.id = event.id or "mine"
    event.ts += 1000
    event.ts = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(hours=1)
    event = replace(event, name="another")
    return client.app_id, client.env, client.event_key, client.event_api_origin, client.is_production


class Stamp(inngest.MiddlewareSync):
    def before_send_events(self, events: List[inngest.Event]) -> None:
        for event in events:
            event.data = {**event.data, "app": self.client.app_id}
        events.append(inngest.Event(name="stamped"))

    def after_send_events(self, result: inngest.SendEventsResult) -> None:
        self.client.logger.info("%d sent, %s", len(result.ids), result.error)
        if result.error is not None:
            result.error.upper()


class Exact(inngest.MiddlewareSync):
    """What is declared loosely for those who evaluate hints at run time is exact here."""

    def before_send_events(self, events: List[inngest.Event]) -> None:
        assert_type(self.client, inngest.Inngest)
        assert_type(events[0].data, Mapping[str, object])
        assert_type(events[0].name, str)
        assert_type(events[0].id, str)
        assert_type(events[0].ts, int)

    def after_send_events(self, result: inngest.SendEventsResult) -> None:
        assert_type(result.ids, List[str])
        assert_type(result.error, Optional[str])


def exact_error(err: inngest.SendEventsError) -> None:
    assert_type(err.ids, List[str])
    assert_type(err.unsent, List[inngest.Event])
    assert_type(err.maybe_delivered, bool)
    assert_type(err.status, Optional[int])
    assert_type(err.attempts, int)
    assert_type(err.retry_after, Optional[float])
    assert_type(err.is_retriable, bool)


class Tuned(Stamp):
    def __init__(self, client: inngest.Inngest, raw_request: object, level: int) -> None:
        super().__init__(client, raw_request)
        self.level = level


class Counter:
    """Needs no base class: a factory that returns what has the hooks."""

    def __call__(self, client: inngest.Inngest, raw_request: object) -> Counter:
        return self

    def after_send_events(self, result: inngest.SendEventsResult) -> None:
        self.last = result.ids


def by_function(client: inngest.Inngest, raw_request: object) -> inngest.MiddlewareSync:
    return Stamp(client, raw_request)


def errors(client: inngest.Inngest, events: List[inngest.Event]) -> List[inngest.Event]:
    try:
        client.send_sync(events)
    except inngest.EventInvalidError as err:
        print(err.path.split("."))
    except (inngest.EventKeyUnspecifiedError, inngest.URLInvalidError, inngest.AsyncUnsupportedError) as err:
        print(err.is_retriable)
    except inngest.SendEventsError as err:
        status: Optional[int] = err.status
        retry_after: Optional[float] = err.retry_after
        print(status, retry_after, err.attempts + 1, err.maybe_delivered, err.is_retriable, [*err.ids])
        return err.unsent
    except inngest.Error as err:
        raise ValueError(str(err)) from err
    return []


def stand_in_server() -> List[StoredEvent]:
    strict = EventServer("key", port=0, keep=100, on_event=print, on_refusal=print, allowed_hosts=["dev.example"])
    with EventServer() as server, strict:
        server.fail_next()
        server.fail_next("stored_reset", times=2)
        server.fail_next(status=429, headers={"Retry-After": "1"}, body=b"busy")
        server.fail_randomly(0.1, seed=1, kinds=list(FAULTS))
        requests: List[ReceivedRequest] = strict.requests
        print(server.url.upper(), server.host, server.port + 1, [request.body.decode() for request in requests])
        print([(refusal.status + 1, refusal.error.upper(), refusal.accepted + 1) for refusal in strict.refusals])
        stored = server.wait_for(1, timeout=2.5) + server.events + server.runs
        print([(event.name, event.data, event.id, event.ts, event.internal_id, event.seed) for event in stored])
        server.clear()
    return stored


version: str = inngest.__version__
