"""What tests of events share: how an event is refused, what of it is sent, data that is deep."""

import json
import traceback

from tests.helpers.library import inngest, module

Event, EventInvalidError = inngest.Event, inngest.EventInvalidError

SECRET = "s3cr3t"
MAX_SIZE = 3145728  # bytes
EMPTY_SIZE = len('{"name":"a/b","data":{"x":""}}')


def encoded(event):
    """Return the text that goes out for an event."""
    return module("batching").Batcher([event], name_index=False).next().body[1:-1]


def refusal(*args, **kwargs):
    """Return the error that making this Event raises, after a look that it carries nothing else along."""
    return refusal_of(Event, *args, **kwargs)


def refusal_of(function, *args, **kwargs):
    try:
        result = function(*args, **kwargs)
    except EventInvalidError as error:
        assert error.__cause__ is None and error.__context__ is None, "an error that shows a value may hang on it"
        assert SECRET not in f"{error} {error!r} {error.args}"
        assert SECRET not in "".join(traceback.format_exception_only(type(error), error))
        return error
    raise AssertionError(f"accepted: {result!r}"[:200])


def sent(value):
    """Return what the server gets for a value of data, which must not depend on the depth."""
    shallow = json.loads(encoded(Event("a/b", {"x": value})).decode())["data"]["x"]
    deep = json.loads(encoded(Event("a/b", {"a": [{"b": (value,)}]})).decode())["data"]["a"][0]["b"][0]
    assert repr(shallow) == repr(deep)  # repr: 1, 1.0 and True are equal
    return shallow


def nested(depth):
    """Return a mapping that many containers deep, dicts and lists by turns."""
    value = {}
    for level in range(depth - 1, 0, -1):
        value = {"d": value} if level % 2 else [value]
    return value
