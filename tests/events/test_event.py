"""The Event: what it takes and refuses, what it says then, and what it becomes as JSON."""

import collections
import datetime
import decimal
import enum
import json
import traceback
import types
import unittest
import uuid
from collections.abc import Mapping
from dataclasses import dataclass

from tests.helpers.events import SECRET, Event, encoded, refusal, refusal_of, sent
from tests.helpers.library import inngest


class Colour(enum.Enum):
    RED = "red"
    NUMBER = 5
    ALIEN = b"s3cr3t"


class Level(enum.IntEnum):
    HIGH = 3


class Word(str, enum.Enum):
    YES = "yes"


class Text(str):
    """A str whose own code is not to be trusted."""

    def __str__(self):
        return "something else"

    __repr__ = __len__ = __str__


@dataclass
class Item:
    price: object
    tags: tuple = ()


Point = collections.namedtuple("Point", "x y")


class Pairs(Mapping):
    def __init__(self, pairs):
        self.pairs = dict(pairs)

    def __getitem__(self, key):
        return self.pairs[key]

    def __iter__(self):
        return iter(self.pairs)

    def __len__(self):
        return len(self.pairs)


class BrokenMapping(Pairs):
    def __getitem__(self, key):
        raise KeyError(SECRET)


class BrokenIteration(Pairs):
    def __iter__(self):
        raise ZeroDivisionError(SECRET)


class Unsized(Pairs):
    def __len__(self):
        raise LookupError(SECRET)


@dataclass
class BrokenDataclass:
    price: object = 1

    def __getattribute__(self, name):
        if name == "price":
            raise LookupError(SECRET)
        return object.__getattribute__(self, name)


class BrokenEnum(enum.Enum):
    A = 1

    @property
    def value(self):
        raise OSError(SECRET)


class EndlessEnum(enum.Enum):
    A = 1

    @property
    def value(self):
        return self


@dataclass
class RefusingDataclass:
    """Its own code raises this library's error: what that says is not about the data it stands in."""

    price: object = 1

    def __getattribute__(self, name):
        if name == "price":
            raise inngest.EventInvalidError(SECRET, SECRET)
        return object.__getattribute__(self, name)


class UnboundProxy:
    """Like a LocalProxy of werkzeug outside of its context."""

    @property
    def __class__(self):
        raise RuntimeError(SECRET)


class BrokenZone(datetime.tzinfo):
    def utcoffset(self, moment):
        raise ArithmeticError(SECRET)


def nested_tuples(depth):
    value = SECRET
    for _ in range(depth):
        value = (value,)
    return value


class FieldTest(unittest.TestCase):
    def test_fields_are_taken_by_position_and_by_keyword(self):
        event = Event("a/b", {"x": 1}, "id-1", 1700000000000)
        self.assertEqual(event, Event(ts=1700000000000, id="id-1", data={"x": 1}, name="a/b"))
        self.assertEqual((event.name, event.data, event.id, event.ts), ("a/b", {"x": 1}, "id-1", 1700000000000))

    def test_what_is_unset_or_none_gets_its_default(self):
        for event in (Event("a"), Event("a", None, None, None), Event(name="a", data={}, id="", ts=0)):
            self.assertEqual((event.data, event.id, event.ts), ({}, "", 0))
            self.assertEqual(encoded(event), b'{"name":"a","data":{}}')
        self.assertIsNot(Event("a").data, Event("a").data)

    def test_an_unknown_field_is_a_type_error_as_in_any_dataclass(self):
        for unknown in ({"user": {}}, {"v": "1"}):
            with self.assertRaises(TypeError):
                Event(name="a", **unknown)

    def test_every_field_goes_out_as_compact_json_in_raw_utf8(self):
        event = Event("ä/b", {"x": ["é", None]}, "☃", 315532800000)
        text = '{"name":"ä/b","data":{"x":["é",null]},"id":"☃","ts":315532800000}'
        self.assertEqual(encoded(event).decode(), text)

    def test_names_that_the_server_takes_are_taken(self):
        for name in ("a", " ", "inngest", "inngestfoo", "a/inngest/b", "n" * 513, "\n", Text("a/b"), Word.YES):
            with self.subTest(name=name[:20]):
                text = json.loads(encoded(Event(name)).decode())["name"]
                self.assertEqual(text, "".join([name]))  # as it is: str.__str__ of PyPy runs the code of the class

    def test_other_names_are_refused(self):
        for name in ("", Text(""), None, 5, b"a", ["a"], UnboundProxy(), "inngest/", "InnGest/foo", "a\ud800"):
            with self.subTest(type(name).__name__):
                self.assertEqual(refusal(name).path, "name")
        self.assertIn("reserved", str(refusal("INNGEST/x")))
        self.assertEqual(str(refusal(5)), "name: expected a str, got int")

    def test_reserved_is_what_the_server_lower_cases_to_inngest(self):
        # In Go, U+0130 becomes a plain i, and U+0131 stays what it is.
        for name in ("\u0130nngest/x", "\u0130NNGEST/", "\u0130nNgEsT/x"):
            self.assertIn("reserved", str(refusal(name)))
        for name in ("\u0131nngest/x", "\u0130nngest", "\u0130nngestx/", "i\u0307nngest/x", "\uff49nngest/x"):
            self.assertEqual(json.loads(encoded(Event(name)).decode())["name"], name)

    def test_a_name_or_an_id_with_a_nul_would_never_be_stored(self):
        for text in ("\0", "a\0", "\0a", "é\0", Text("a\0b")):
            for field in ("name", "id"):
                with self.subTest(text="".join([text]), field=field):
                    error = refusal(**dict({"name": "a"}, **{field: text}))
                    self.assertEqual(error.path, field)
                    self.assertIn("U+0000", str(error))
                    self.assertIn("PostgreSQL accepts the event, and never stores it", str(error))
        self.assertEqual(sent({"\0": "\0"}), {"\0": "\0"})

    def test_an_id_is_a_str(self):
        for value in (5, 0, False, b"", (), uuid.UUID(int=1), "\udfff"):
            with self.subTest(type(value).__name__):
                self.assertEqual(refusal("a", id=value).path, "id")

    def test_repr_shows_the_fields_and_of_data_only_its_size(self):
        shown = repr(Event("a/b", {"k": SECRET, "l": 1}, "id-1", 1700000000000))
        for part in ("a/b", "id-1", "1700000000000", "2"):
            self.assertIn(part, shown)
        self.assertNotIn(SECRET, shown)
        self.assertIn("data=<1 key>,", repr(Event("a", {"k": SECRET})))
        event = Event("a")
        for data in (5, Unsized({SECRET: SECRET}), SECRET):
            event.data = data
            self.assertNotIn(SECRET, repr(event))

    def test_every_refusal_is_a_value_error_and_an_error_of_the_library(self):
        error = refusal("")
        self.assertIsInstance(error, ValueError)
        self.assertIsInstance(error, inngest.Error)


class DataTest(unittest.TestCase):
    def test_what_is_not_a_mapping_is_refused_as_data(self):
        for data in ([], (), "", 0, False, b"", SECRET, [SECRET], {SECRET}, Colour.RED, Item(1), Point(1, 2)):
            with self.subTest(type(data).__name__):
                error = refusal("a", data)
                self.assertEqual(error.path, "data")
                self.assertIn("expected a mapping with str keys, got ", str(error))

    def test_any_mapping_can_be_data(self):
        class Sub(dict):
            pass

        pairs = {"k": [1]}
        kinds = (dict, Sub, types.MappingProxyType, collections.UserDict, collections.OrderedDict, Pairs)
        for kind in kinds + (lambda pairs: collections.ChainMap(pairs, {}),):
            with self.subTest(kind.__name__):
                self.assertEqual(encoded(Event("a", kind(pairs))), b'{"name":"a","data":{"k":[1]}}')
                self.assertEqual(sent(kind(pairs)), pairs)

    def test_what_inngest_removes_is_refused_and_only_where_it_does(self):
        class Sub(dict):
            pass

        for data in ({"_inngest": None}, {"a": 1, "_inngest": {"b": 2}}, {Text("_inngest"): 1}, Sub(_inngest=1)):
            error = refusal("a", data)
            self.assertEqual(str(error), "data._inngest: leave it out: Inngest removes it")
            self.assertEqual(error.path, "data._inngest")
        for kept in ({"_inngest": 1}, [{"_inngest": 1}]):
            self.assertEqual(sent(kept), kept)
        self.assertEqual(encoded(Event("_inngest", {"_inngest_": 1}, "_inngest")).count(b"_inngest"), 3)

    def test_json_values_go_out_as_they_are(self):
        numbers = (0, -1, 2**53, -(2**53), 2**54, 2**1000, 1.5, -0.0, 1e308)
        for value in ("", "é\x00", "\U0001f600", True, False, None, [], {}) + numbers:
            with self.subTest(value=value):
                self.assertEqual(repr(sent(value)), repr(value))
        self.assertEqual(sent((1, (2,))), [1, [2]])

    def test_further_types_go_out_as_documented(self):
        for value, expected in (
            (Colour.RED, "red"),
            (Colour.NUMBER, 5),
            (Level.HIGH, 3),
            (Word.YES, "yes"),
            (Text("text"), "text"),
            (Point(1, [2]), [1, [2]]),
            (collections.deque([1, 2]), [1, 2]),
            ({7}, [7]),
            (frozenset(["a"]), ["a"]),
            (Item(decimal.Decimal("1.10"), ("x",)), {"price": "1.10", "tags": ["x"]}),
            (collections.Counter("a"), {"a": 1}),
            ({Text("k"): 1}, {"k": 1}),
            ({Word.YES: 1}, {"yes": 1}),
            (uuid.UUID(int=5), "00000000-0000-0000-0000-000000000005"),
            (decimal.Decimal("1E+5"), "1E+5"),
        ):
            with self.subTest(value=str(value)):
                self.assertEqual(repr(sent(value)), repr(expected))

    def test_dates_and_times_go_out_as_the_official_sdk_writes_them(self):
        east, west = (datetime.timezone(sign * datetime.timedelta(hours=5, minutes=30)) for sign in (1, -1))
        odd = datetime.timezone(datetime.timedelta(hours=1, seconds=30))
        utc = datetime.timezone.utc
        for value, expected in (
            (datetime.datetime(2024, 1, 2, 3, 4, 5, 6), "2024-01-02T03:04:05.000006"),
            (datetime.datetime(2024, 1, 2, 3, 4, 5, 500000), "2024-01-02T03:04:05.500000"),
            (datetime.datetime(1, 1, 1), "0001-01-01T00:00:00"),
            (datetime.datetime(2024, 1, 2, tzinfo=utc), "2024-01-02T00:00:00Z"),
            (datetime.datetime(2024, 1, 2, 3, 4, 5, tzinfo=east), "2024-01-02T03:04:05+05:30"),
            (datetime.datetime(2024, 1, 2, tzinfo=odd), "2024-01-02T00:00:00+01:00"),
            (datetime.date(2024, 1, 2), "2024-01-02"),
            (datetime.time(1, 2), "01:02:00"),
            (datetime.time(1, 2, 3, 4), "01:02:03.000004"),
            (datetime.time(1, 2, tzinfo=utc), "01:02:00Z"),
            (datetime.time(1, 2, tzinfo=west), "01:02:00-05:30"),
        ):
            with self.subTest(value=value):
                self.assertEqual(sent(value), expected)

    def test_durations_go_out_as_the_official_sdk_writes_them(self):
        delta = datetime.timedelta
        for value, expected in (
            (delta(0), "PT0S"),
            (delta(seconds=90), "PT1M30S"),
            (delta(seconds=-90), "-PT1M30S"),
            (delta(days=400), "P1Y35D"),
            (delta(days=365), "P1Y"),
            (delta(days=1, seconds=2, microseconds=3), "P1DT2.000003S"),
            (delta(hours=25, minutes=1), "P1DT1H1M"),
            (delta(hours=1), "PT1H"),
            (delta(milliseconds=1500), "PT1.5S"),
            (delta(microseconds=-1), "-PT0.000001S"),
            (delta.max, "P2739726Y9DT23H59M59.999999S"),
            (delta.min, "-P2739726Y9D"),
        ):
            with self.subTest(value=value):
                self.assertEqual(sent(value), expected)

    def test_everything_else_is_refused_with_its_path_its_type_and_a_way_out(self):
        nan, infinity = float("nan"), float("inf")
        for value, words in (
            (b"s3cr3t", "bytes is not JSON; send base64 text"),
            (bytearray(b"s3cr3t"), "bytearray is not JSON; send base64 text"),
            (memoryview(b"s3cr3t"), "memoryview is not JSON; send base64 text"),
            ((value for value in [SECRET]), "generator is not JSON; make it a list first"),
            (range(3), "range is not JSON; make it a list first"),
            (map(str, [SECRET]), "map is not JSON; make it a list first"),
            (filter(None, [SECRET]), "filter is not JSON; make it a list first"),
            (zip([SECRET]), "zip is not JSON; make it a list first"),
            ({SECRET: 1}.keys(), "dict_keys is not JSON; make it a list first"),
            ({SECRET: 1}.values(), "dict_values is not JSON; make it a list first"),
            ({SECRET: 1}.items(), "dict_items is not JSON; make it a dict first"),
            (1j, "complex is not JSON; send its parts as two numbers"),
            (lambda: SECRET, "function is not JSON; send what it returns"),
            (int, "type is not JSON; send its name"),
            (Item, "type is not JSON; send its name"),
            (object(), "object is not JSON; convert it"),
            (ValueError(SECRET), "ValueError is not JSON; convert it"),
            (Colour.ALIEN, "bytes is not JSON"),
            (nan, "expected a finite number, got NaN"),
            (infinity, "expected a finite number, got Infinity"),
            (-infinity, "expected a finite number, got Infinity"),
            (decimal.Decimal("NaN"), "expected a finite number, got NaN"),
            (decimal.Decimal("sNaN"), "expected a finite number, got NaN"),
            (decimal.Decimal("-Infinity"), "expected a finite number, got Infinity"),
            (2**53 + 1, "send it as a string"),
            (-(2**53) - 1, "send it as a string"),
            (10**400, "send it as a string"),
            ("s3cr3t\ud800", "lone surrogate"),
            (Text("s3cr3t\udfff"), "lone surrogate"),
            (Pairs({"k": 1, 5: 2}), "expected str keys, got a key of type int"),
            ({True: SECRET}, "expected str keys, got a key of type bool"),
            ({None: SECRET}, "expected str keys, got a key of type NoneType"),
            ({b"s3cr3t": 1}, "expected str keys, got a key of type bytes"),
            (BrokenMapping({"k": 1}), "raised KeyError"),
            (BrokenIteration({"k": 1}), "raised ZeroDivisionError"),
            (BrokenDataclass(), "raised LookupError"),
            (BrokenEnum.A, "raised OSError"),
            (EndlessEnum.A, "EndlessEnum has no end of values"),
            (RefusingDataclass(), f"raised {inngest.EventInvalidError.__module__}.EventInvalidError"),
            (UnboundProxy(), "UnboundProxy is not JSON"),
            (datetime.datetime(2024, 1, 2, tzinfo=BrokenZone()), "raised ArithmeticError"),
        ):
            with self.subTest(words, type=type(value).__name__):
                for data, path in ({"x": value}, "data.x"), ({"items": [1, {"price": value}]}, "data.items[1].price"):
                    error = refusal("a", data)
                    self.assertEqual(error.path, path)
                    self.assertTrue(str(error).startswith(path + ": "), error)
                    self.assertIn(words, str(error))

    def test_a_mapping_whose_own_code_raises_is_refused_as_data(self):
        for data in (BrokenMapping({"k": 1}), BrokenIteration({"k": 1}), UnboundProxy(), {1: SECRET}):
            with self.subTest(type(data).__name__):
                self.assertEqual(refusal("a", data).path, "data")

    def test_a_path_leads_through_any_key_and_container(self):
        bad = b""
        for data, path in (
            ({"a b": bad}, "data['a b']"),
            ({"": [bad]}, "data[''][0]"),
            ({"é": bad}, "data['\\xe9']"),
            ({"1": Item(1, (0, bad))}, "data['1'].tags[1]"),
            ({"p": Point(0, bad)}, "data.p[1]"),
            ({"m": types.MappingProxyType({"k": collections.deque([bad])})}, "data.m.k[0]"),
            ({"a\ud800": 1}, "data['a\\ud800']"),
        ):
            with self.subTest(path):
                self.assertEqual(refusal("a", data).path, path)

    def test_frames_that_the_error_carries_show_no_data(self):
        def frames(error):
            return [frame for frame, _ in traceback.walk_tb(error.__traceback__)]

        big = {"items": [{"text": SECRET * 100} for _ in range(8000)]}
        for data in ({"x": {"y": [SECRET, b""]}}, {"a": SECRET, "_inngest": SECRET}, big, {"x": nested_tuples(600)}):
            if data is not big:  # which only the send refuses
                error = refusal("a", data)
                self.assertEqual([frame.f_code.co_name for frame in frames(error)][-2:], ["__init__", "__post_init__"])
                for frame in frames(error)[-1:]:
                    self.assertNotIn(SECRET, repr(frame.f_locals))
            event = Event("a")
            event.data = data
            for events, path in (([Event("b", {"k": SECRET}), event], "events[1].data"), ((event,), "events[0].data")):
                error = refusal_of(inngest.Inngest(app_id="a", is_production=False).send_sync, events)
                self.assertTrue(error.path.startswith(path) or "bytes" in str(error))
                for frame in frames(error)[1:]:
                    self.assertNotIn(SECRET, repr(frame.f_locals), frame)

    def test_what_the_program_was_handling_stays_the_context(self):
        cause = LookupError("the program's own")
        try:
            try:
                raise cause
            except LookupError:
                Event("a", {"x": b""})
        except inngest.EventInvalidError as error:
            self.assertIs(error.__context__, cause)
            self.assertFalse(error.__suppress_context__)

    def test_keys_that_become_one_text_are_refused(self):
        class Other(Text):
            __hash__ = object.__hash__
            __eq__ = object.__eq__

        self.assertIn("same text", str(refusal("a", {"x": {Other("k"): 1, Other("k"): 2}})))
