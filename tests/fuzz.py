"""Arbitrary input: ``python3 -m tests.fuzz --cases 100000 --seed 1``.

Throws arbitrary objects at ``Event``, at events changed since they were made, at the client's arguments and
environment, and arbitrary bytes at what reads answers. Nothing but ``Error`` and ``TypeError`` may come out, in no
message or traceback may a value or the event key show, and nothing may hang. Each value holds a marker to look for.
"""

import argparse
import collections
import copy
import datetime
import decimal
import enum
import faulthandler
import os
import pickle
import random
import re
import sys
import traceback
import types
import uuid
from collections import Counter
from unittest import mock

from tests.helpers.library import inngest, module

MARKER = "s3cr3t"
LIMIT = 60  # seconds for one case; beyond it the process ends with a traceback

batching, config, protocol, retry = (module(name) for name in ("batching", "config", "protocol", "retry"))


class Colour(enum.Enum):
    RED = MARKER
    DEEP = (MARKER, {"k": float("nan")})


class Liar:
    """Raises whatever it is asked, with the marker in the error."""

    def __getattribute__(self, name):
        raise RuntimeError(MARKER)

    def __repr__(self):
        raise ValueError(MARKER)


class BadMapping(collections.abc.Mapping):
    def __init__(self, error):
        self._error = error

    def __getitem__(self, key):
        raise self._error(MARKER)

    def __iter__(self):
        return iter(("a", "b"))

    def __len__(self):
        return 2


class Text(str):
    def __eq__(self, other):
        raise RuntimeError(MARKER)

    def __hash__(self):
        return 1

    def isascii(self):
        raise RuntimeError(MARKER)

    def __bool__(self):
        raise RuntimeError(MARKER)


class BadZone(datetime.tzinfo):
    def utcoffset(self, moment):
        raise ArithmeticError(MARKER)


def cyclic():
    result = [MARKER]
    result.append({"again": result})
    return result


def shared():
    result = [MARKER]
    for _ in range(30):
        result = [result] * 2
    return result


def nested(rng):
    result = MARKER
    wrap = rng.choice(
        (lambda x: [x], lambda x: {"k": x}, lambda x: (x,), types.MappingProxyType, lambda x: {Colour: x})
    )
    for _ in range(rng.choice((3, 400, 511, 512, 513, 1500, 20000))):
        result = wrap({"k": result} if wrap is types.MappingProxyType else result)
    return result


def text(rng):
    pieces = (
        "",
        " ",
        "a",
        MARKER,
        "\x00",
        "\n",
        "\u00e9",
        "\U0001f600",
        "\ud800",
        "\udfff",
        "inngest/",
        "\u0130nngest/",
        "%",
        "/",
        ".",
        "://",
    )
    return "".join(rng.choice(pieces) for _ in range(rng.randint(0, 6)))


SCALARS = (
    lambda rng: text(rng),
    lambda rng: MARKER,
    lambda rng: rng.choice(
        (None, True, False, 0, -1, 2**53, 2**53 + 1, 10**400, -(10**5000), 1700000000, 1700000000000)
    ),
    lambda rng: rng.choice((0.0, -0.0, 1e308, float("nan"), float("inf"), -float("inf"), 1700000000000.0)),
    lambda rng: rng.choice(
        (MARKER.encode(), bytearray(b"\xff"), memoryview(b"x"), 1j, range(3), object(), Liar(), Liar)
    ),
    lambda rng: rng.choice(
        (Colour.RED, Colour.DEEP, Colour, len, lambda: MARKER, types, Exception(MARKER), Text(MARKER))
    ),
    lambda rng: rng.choice(
        (decimal.Decimal("1.10"), decimal.Decimal("NaN"), decimal.Decimal("sNaN"), uuid.UUID(int=3))
    ),
    lambda rng: rng.choice(
        (
            datetime.datetime.max,
            datetime.datetime.min.replace(tzinfo=datetime.timezone(datetime.timedelta(hours=1))),
            datetime.datetime(2024, 1, 2, tzinfo=datetime.timezone.utc),
            datetime.datetime(2024, 1, 2, tzinfo=BadZone()),
            datetime.date.min,
            datetime.time(1),
            datetime.timedelta.max,
        )
    ),
    lambda rng: (MARKER for _ in "ab"),
    lambda rng: BadMapping(
        rng.choice((KeyError, RecursionError, MemoryError, AttributeError, StopIteration))
    ),
    lambda rng: cyclic(),
    lambda rng: nested(rng),
    lambda rng: shared() if rng.random() < 0.02 else MARKER,
    lambda rng: MARKER * rng.choice((1, 1000, 600000)) if rng.random() < 0.05 else MARKER,
)


def anything(rng, size):
    """Return an arbitrary object of about ``size`` parts."""
    if size <= 1 or rng.random() < 0.3:
        return rng.choice(SCALARS)(rng)
    parts = [anything(rng, size // 3) for _ in range(rng.randint(0, 4))]
    shape = rng.randrange(8)
    if shape < 3:
        return {key(rng): part for part in parts}
    if shape == 3:
        return types.MappingProxyType({key(rng): part for part in parts})
    if shape == 4:
        return collections.UserDict({key(rng): part for part in parts})
    return rng.choice((list, tuple, collections.deque))(parts)


def key(rng):
    return rng.choice(
        ("a", "b c", "", "\u00e9", "\ud800", 1, None, True, 1.5, ("a",), Colour.RED, "x" * 300, "it's\n", "_inngest")
    )


def make_event(rng, size):
    inngest.Event(*[anything(rng, size) for _ in range(rng.randint(0, 5))])


def make_event_with_data(rng, size):
    event = inngest.Event("a", {key(rng): anything(rng, size) for _ in range(3)}, text(rng))
    batching.Batcher([event]).next()
    repr(event)
    assert pickle.loads(pickle.dumps(event)).id == copy.deepcopy(event).id == event.id


def change_event(rng, size):
    event = inngest.Event("a")
    for _ in range(rng.randint(1, 2)):
        setattr(event, rng.choice(("name", "data", "id", "ts")), anything(rng, size))
    batching.Batcher([event]).next()


def change_data(rng, size):
    """Put something into data in place, deep, and compare what goes out with what a second walk over it makes.

    Left out, as what the encoder writes its own way: what is nested beyond the limit, parts that are shared a million
    times over, and Enum members that are str or int, dict subclasses and str subclasses whose own code says otherwise.
    """
    data = {"list": [1], "dict": {"k": "v"}, "deep": [{"x": [text(rng)]}]}
    try:
        event = inngest.Event("a", data, text(rng))
    except inngest.Error:
        return
    item = plain(rng, size)
    name = key(rng)
    rng.choice((data["list"].append, data["deep"][0]["x"].append, lambda item: data["dict"].update({name: item})))(item)
    first, second = (outcome(event, may_be_changed) for may_be_changed in (False, True))
    assert first == second, f"{first!r} is not {second!r}"


def outcome(event, may_be_changed):
    """Return the body with the event, or the text of the error."""
    try:
        return batching.Batcher([event], may_be_changed=may_be_changed).next().body
    except inngest.Error as error:
        return str(error)


def plain(rng, size):
    """Return what ``anything`` does, of the parts that a change is compared with."""
    if size <= 1 or rng.random() < 0.3:
        return rng.choice((*SCALARS[:5], *SCALARS[6:9], number_like))(rng)
    parts = [plain(rng, size // 3) for _ in range(rng.randint(0, 4))]
    if rng.random() < 0.5:
        return {key(rng): part for part in parts}
    return rng.choice((list, tuple, collections.deque))(parts)


def number_like(rng):
    """Return text and numbers that look alike in JSON."""
    digits = str(rng.randrange(10 ** rng.randint(1, 20)))
    return rng.choice((digits, "-" + digits, int(digits), -int(digits), float(digits), {digits: 1}, {int(digits): 1}))


def send_anything(rng, size):
    url = "http://localhost:1"  # http, since each https client loads the system's certificates; nothing is sent
    client = inngest.Inngest(app_id="a", is_production=True, event_key=None, event_api_base_url=url)
    client.send_sync(anything(rng, size))


def configure(rng, size):
    names = (
        "app_id event_key env is_production event_api_base_url request_timeout max_attempts max_concurrency logger "
        "middleware ssl_context api_base_url"
    ).split()
    arguments = {name: anything(rng, size) for name in rng.sample(names, rng.randint(0, 3))}
    arguments.setdefault("app_id", "a")
    variables = "EVENT_KEY ENV DEV EVENT_API_BASE_URL BASE_URL".split()
    environ = {"INNGEST_" + name: text(rng).replace("\0", "") for name in rng.sample(variables, 2)}
    for name, value in list(environ.items()):
        environ[name] = os.fsdecode(value.encode("utf-8", "replace"))
    environ["http_proxy"] = rng.choice(("", "http://u:" + MARKER + "@h:1", "socks5://h", "http://[", "h:x"))
    with mock.patch.dict(os.environ, environ, clear=True):
        client = inngest.Inngest(**arguments)
        repr(client)
        client.close()


def read_response(rng, size):
    pieces = (
        b'{"ids":',
        b"[",
        b"]",
        b'"A"',
        b'""',
        b",",
        b"}",
        b'"status":200',
        b'"error":',
        b"null",
        b"\xff",
        b"\0",
        b"5",
    )
    pieces += (
        MARKER.encode(),
        b"/e/" + MARKER.encode(),
        b"[" * 100000,
        b"9" * 5000,
        b"NaN",
        b"<html>",
        b"\xef\xbb\xbf",
        b":",
    )
    body = b"".join(rng.choice(pieces) for _ in range(rng.randint(0, size)))
    count = rng.randint(1, 4)
    location = rng.choice((None, "", text(rng), "http://h/e/" + MARKER, "http://[", "//u:" + MARKER + "@h/"))
    status = rng.choice((200, 201, 204, 302, 400, 401, 500, 599))
    ids, problem = protocol.read_response(status, location, body, count, MARKER)
    assert len(ids) == count and all(isinstance(id, str) for id in ids)
    assert problem or all(ids)
    assert MARKER not in problem, problem
    assert len(problem) < 300 and problem.isprintable(), problem


def read_retry_after(rng, size):
    value = rng.choice(
        (
            text(rng),
            "-1",
            "1e9",
            "9" * 400,
            "Wed, 21 Oct 2015 07:28:00 GMT",
            "Mon, 99 Foo 99999 99:99:99 +9999",
        )
    )
    seconds = retry.parse_retry_after(value, rng.choice((0.0, 1e9, 1e18)))
    assert seconds is None or seconds >= 0


TARGETS = (
    make_event,
    make_event_with_data,
    change_event,
    change_data,
    send_anything,
    configure,
    read_response,
    read_retry_after,
)


def problem_of(target, seed, size):
    """Run one case; return what is wrong with what came out, or None."""
    try:
        target(random.Random(seed), size)
    except (inngest.Error, TypeError) as error:
        shown = [str(error), repr(error), traceback.format_exc()]
        while error is not None:
            shown.append(str(error))
            error = error.__cause__ or error.__context__
        lines = "\n".join(line for line in "\n".join(shown).splitlines() if "MARKER" not in line)
        lines = re.sub(r"add \S+ to NO_PROXY", "", lines)  # that names the host, which is no secret
        return f"the marker shows: {shown}" if MARKER in lines else None
    except Exception:
        return traceback.format_exc()
    return None


def run(cases, seed):
    """Run so many cases; return how many there were of each target, and the problems, each with its smallest case."""
    counts = Counter()
    problems = []
    for case in range(cases):
        target = TARGETS[case % len(TARGETS)]
        counts[target.__name__] += 1
        case_seed = f"{seed}:{case}"
        faulthandler.dump_traceback_later(LIMIT, exit=True)
        try:
            if problem_of(target, case_seed, 30) is None:
                continue
            for size in range(31):
                problem = problem_of(target, case_seed, size)
                if problem is not None:
                    problems.append(
                        f"{target.__name__}(random.Random({case_seed!r}), {size}):\n{problem}"
                    )
                    break
        finally:
            faulthandler.cancel_dump_traceback_later()
    return counts, problems


def main():
    parser = argparse.ArgumentParser(prog="python3 -m tests.fuzz", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--cases", type=int, default=20000)
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    arguments = parser.parse_args()
    print(f"seed {arguments.seed}")
    counts, problems = run(arguments.cases, arguments.seed)
    for name, count in sorted(counts.items()):
        print(f"{name:24} {count:>9,} cases")
    print(f"{'problems':24} {len(problems):>9,}")
    for problem in problems[:10]:
        print(problem)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
