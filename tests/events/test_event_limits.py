"""The limits of an Event, what becomes of it when it is changed, and its copies."""

import copy
import dataclasses
import datetime
import decimal
import enum
import json
import pickle
import sys
import traceback
import types
import unittest
from dataclasses import dataclass
from unittest import mock

from tests.helpers.events import (
    EMPTY_SIZE,
    MAX_SIZE,
    SECRET,
    Event,
    EventInvalidError,
    encoded,
    nested,
    refusal,
    refusal_of,
)
from tests.helpers.library import NAME, inngest, module
from tests.helpers.processes import run

batching, validation = module("batching"), module("serialization.validation")

UTC = datetime.timezone.utc


@dataclass
class Item:
    price: object
    tags: tuple = ()


CYCLES_AND_FINALIZERS = """
import gc, importlib, sys
inngest = importlib.import_module(sys.argv[1])
Batcher = importlib.import_module(sys.argv[1] + ".batching").Batcher
refused = 0


class Garbage:
    def __init__(self):
        self.itself = self

    def __del__(self):
        def dive(levels):
            return dive(levels - 1) if levels else 0

        dive(30)


getattr(gc, "set_threshold", int)(100)  # PyPy has none
for _ in range(100):
    items = []
    event = inngest.Event("a", {"items": items})
    items.append({"again": items})
    garbage = [Garbage() for _ in range(300)]
    del garbage
    try:
        Batcher([event]).next()
    except inngest.EventInvalidError:
        refused += 1
print("refused", refused)
"""


class Named(str, enum.Enum):
    """Members whose text is not that of their value: only the walk sees the difference."""

    RED = "RED"

    def __init__(self, text):
        self._value_ = text.lower()


class LimitTest(unittest.TestCase):
    def test_an_event_of_exactly_the_largest_size_is_taken_and_one_byte_more_refused_with_its_size(self):
        for character in ("x", "é", "\n"):  # of one byte, of two, of two when escaped
            width = len(json.dumps(character, ensure_ascii=False).encode()) - 2
            text = character * ((MAX_SIZE - EMPTY_SIZE) // width)
            text += "x" * (MAX_SIZE - EMPTY_SIZE - width * len(text))
            with self.subTest(character=character):
                self.assertEqual(len(encoded(Event("a/b", {"x": text}))), MAX_SIZE)
                self.assertIn("3,145,729", str(refusal_of(encoded, Event("a/b", {"x": text + "x"}))))

    def test_the_name_the_id_and_ts_count_too(self):
        text = "x" * (MAX_SIZE - EMPTY_SIZE)
        for fields in ({"id": "i"}, {"ts": 1700000000000}, {"name": "a/bc"}):
            with self.subTest(**fields):
                event = Event(**dict({"name": "a/b", "data": {"x": text}}, **fields))
                self.assertIn("bytes", str(refusal_of(encoded, event)))

    def test_small_values_in_many_containers_are_not_taken_for_more_than_they_are(self):
        event = Event("a/b", {"x": [[1]] * 550000})  # 2.2 million bytes
        self.assertEqual(len(event.data["x"]), 550000)

    def test_an_event_of_many_parts_that_is_too_large_is_refused_with_its_size(self):
        data = {"items": [{"text": "x" * 100} for _ in range(30000)]}
        size = len(json.dumps({"name": "a/b", "data": data}, separators=(",", ":")))
        self.assertIn(f"{size:,}", str(refusal_of(encoded, Event("a/b", data))))

    def test_an_event_that_is_too_large_is_refused_before_anything_is_sent(self):
        events = [Event("small"), Event("large", {"x": "x" * MAX_SIZE})]
        with inngest.Inngest(app_id="a", is_production=False, event_api_base_url="http://127.0.0.1:1/") as client:
            error = refusal_of(client.send_sync, events)
        self.assertRegex(str(error), r"^events\[1\]: 3,145,7\d\d bytes of JSON; Inngest takes events of up to 3,145,")

    def test_of_data_that_shares_a_part_a_million_times_over_little_is_looked_at(self):
        data = [0] * 10
        for _ in range(5):
            data = [data] * 10
        looked_at = 0

        def count(frame, event, argument):
            nonlocal looked_at
            looked_at += event == "line"
            return count if frame.f_code.co_filename == validation.__file__ else None

        self.addCleanup(sys.settrace, sys.gettrace())
        with mock.patch.object(module("event"), "_MAX_WALK", 4000):
            for item in (0, decimal.Decimal(0)):  # data that is normal as it is, and data that is converted
                sys.settrace(count)
                error = refusal("a", {"first": item, "x": data})
                sys.settrace(None)
                self.assertIn("more than 4,000 bytes of JSON", str(error))
        self.assertGreater(looked_at, 0)
        self.assertLess(looked_at, 100000)  # lines of code, for a million values

    def test_a_cycle_is_refused(self):
        loop, ring, proxied = {}, [], {}
        loop["x"] = loop
        ring.append({"k": (ring,)})
        proxied["x"] = types.MappingProxyType(proxied)
        for data in (loop, {"x": ring}, proxied):
            self.assertIn("contains itself", str(refusal("a", data)))

    def test_data_500_deep_is_taken_from_an_ordinary_stack(self):
        self.assertEqual(json.loads(encoded(Event("a", nested(500))).decode())["data"], nested(500))
        for wrap in (lambda value: types.MappingProxyType({"d": value}), lambda value: (value,), Item):
            value = "bottom"
            for _ in range(499):
                value = wrap(value)
            self.assertIn(b'"bottom"', encoded(Event("a", {"x": value})))

    def test_data_beyond_the_limit_is_refused_however_deep(self):
        for depth in (513, 2000, 100000):
            data = nested(depth)
            self.assertIn("deep", str(refusal("a", data)))
            while data:  # taken apart by hand: on 3.7 a debug build's deallocator is slow for deep data
                data = data.pop("d") if isinstance(data, dict) else data.pop()

    def test_from_a_deep_stack_it_is_taken_or_refused_and_never_a_recursion_error(self):
        data, event = {"x": (nested(498),)}, Event("a", nested(500))

        def attempt(function, *args):
            try:
                return function(*args) and "taken"
            except EventInvalidError as error:
                return "deep" in str(error) and "refused"

        def dive(levels, *call):
            return dive(levels - 1, *call) if levels else attempt(*call)

        depth = len(traceback.extract_stack()) + 5
        limit = sys.getrecursionlimit()
        for call in ((Event, "a", data), (encoded, event)):
            outcomes = {dive(limit - depth - left, *call) for left in range(40, 600, 7)}
            # Since Python 3.12 C code has a stack limit of its own, and PyPy's is one of bytes.
            if sys.implementation.name == "cpython" and (call[0] is Event or sys.version_info < (3, 12)):
                self.assertIn("refused", outcomes)
            self.assertLessEqual({"taken"}, outcomes)
            self.assertLessEqual(outcomes, {"taken", "refused"})


class ChangeTest(unittest.TestCase):
    def test_a_change_after_construction_is_validated_when_encoded(self):
        for field, value, path in (
            ("name", None, "name"),
            ("name", "inngest/x", "name"),
            ("id", 5, "id"),
            ("ts", 1700000000, "ts"),
            ("ts", "1700000000000", "ts"),
            ("data", {"_inngest": 1}, "data._inngest"),
            ("data", [], "data"),
            ("data", {"k": [SECRET, b"s3cr3t"]}, "data.k[1]"),
        ):
            with self.subTest(field=field, path=path):
                event = Event("a")
                setattr(event, field, value)
                self.assertEqual(refusal_of(encoded, event).path, path)
        event = Event("a", id="id-1", ts=1700000000000)
        event.data = event.id = event.ts = None
        self.assertEqual(encoded(event), encoded(Event("a")))
        event = Event("a/b", {"x": {}})
        event.data["x"]["y"] = {SECRET}
        self.assertEqual(json.loads(encoded(event).decode())["data"], {"x": {"y": [SECRET]}})
        event.data["x"]["y"] = "x" * MAX_SIZE
        self.assertIn("bytes of JSON", str(refusal_of(encoded, event)))

    def test_what_is_put_in_deep_after_it_was_made_goes_out_or_is_refused_as_before_it_was(self):
        for item in (
            *(float("nan"), float("inf"), -float("inf"), 2**53 + 1, -(2**53) - 1, 10**400, 2**60, 2**53, 1e300),
            *("\ud800", b"", object(), {1: 2}, {None: 1}, {True: 1}, {False: 1}, {1.5: 1}, {-2: 1}, {float("nan"): 1}),
            *({"a\ud800": 1}, {b"": 1}, {(1,): 1}, {SECRET}, (1, 2), {"x": datetime.date(2024, 1, 2)}),
            *(decimal.Decimal("1.50"), Item(1, (2,)), types.MappingProxyType({1: 1}), types.MappingProxyType({"k": 1})),
            *([{"k": 1, "l": 2}] * 20 + [{"k": 1, 5: 2}], [{1: 1, 2: 2}] * 20, [{"k": 1, "l": {None: 2}}] * 20),
            *([{"k": 1, "l": float("nan")}] * 20, ["\ud800"] * 20, [1.5] * 19 + [float("inf")], [2**53 + 1] * 20),
            *({"x": 2**53 + 1}, {"x": -(2**53) - 1}, {"x": 2**60}),
            *({"2024-01-02": ["2024-01-02", 1234567890123456]}, {"true": "null", "null": "true", "false": "1"}),
        ):
            with self.subTest(repr(item)[:80]):
                outcomes = []
                for may_be_changed in (False, True):
                    event = Event("a", {"n": 1, "x": [{"y": []}]})
                    event.data["x"][0]["y"].append(item)
                    try:
                        batch = batching.Batcher([Event("b"), event], may_be_changed=may_be_changed).next()
                        outcomes.append(batch.body)
                    except EventInvalidError as error:
                        outcomes.append(str(error))
                self.assertEqual(*outcomes)
                if isinstance(outcomes[0], str):
                    self.assertTrue(outcomes[0].startswith("events[1].data.x[0].y[0]"), outcomes[0])

    def test_a_cycle_that_is_closed_after_it_was_made_is_refused(self):
        event = Event("a", {"x": []})
        event.data["x"].append(event.data)
        self.assertIn("contains itself", str(refusal_of(encoded, event)))

    def test_a_process_outlives_finalizers_that_are_run_while_such_a_cycle_is_written(self):
        code, output, errors = run(["-c", CYCLES_AND_FINALIZERS, NAME])
        self.assertEqual((code, output), (0, "refused 100\n"), errors[-500:])

    def test_of_many_values_in_one_container_each_is_looked_at(self):
        row = {"k": "text", "l": 1.5, "m": [None]}
        for good, bad, path in (
            ("text", "\ud800", ""),
            ("é", b"", ""),
            (1.5, float("nan"), ""),
            (1, 2**53 + 1, ""),
            (-1, -(2**53) - 1, ""),
            (row, {**row, "l": float("inf")}, ".l"),
            (row, {**row, "k": "\udfff"}, ".k"),
            (row, {**row, "m": [{1: 1}]}, ".m[0]"),
            (row, {"k": 1, "l": 1, 5: 1}, ""),
            (row, {"k": 1, "l": 1, "m\ud800": 1}, "['m\\ud800']"),
            ({1: 1, 2: 2}, {1: 1, 2: 2}, None),
        ):
            for position in (0, 10, 20):
                items = [good] * 20
                items.insert(position, bad)
                where = "[0]" if path is None else f"[{position}]{path}"
                with self.subTest(bad=bad, position=position):
                    self.assertEqual(refusal("a", {"x": items}).path, "data.x" + where)
                    mapping = {f"k{number}": item for number, item in enumerate(items)}
                    self.assertTrue(refusal("a", mapping).path.startswith("data.k"))
        for items in ([row] * 20, [*[row] * 19, {}], [1, 2.5, True] * 9, [None, "x"] * 9, [2**53] * 20, [{}] * 20):
            self.assertEqual(json.loads(encoded(Event("a", {"x": items})).decode())["data"]["x"], items)

    def test_data_that_is_normal_is_told_by_the_fast_walk(self):
        many = ["text", "é", *range(20)]
        for data in (
            {},
            nested(512),
            {"text": "é", "int": 2**53, "least": -(2**53), "float": -0.0, "huge": 1e300, "true": True, "none": None},
            {"texts": ["é"] * 20, "numbers": [1, 2.5, False] * 9, "rows": [{"k": 1, "l": None}] * 20, "many": many},
            {"rows": [{"k": 1, "l": [{"m": 1}]}] * 20, "others": [{"k": 1}, {"l": 1}] * 20, "empty": [{}, []] * 20},
        ):
            with mock.patch.object(validation, "_Walk", side_effect=AssertionError):
                body = batching.Batcher([Event("a/b", data)]).next().body
            self.assertEqual(json.loads(body.decode())[0]["data"], data)

    def test_harmless_text_is_in_no_doubt(self):
        encoding = module("serialization.encoding")
        for data in (
            {"id": "1234567890123456789", "at": 1767225600000, "ratio": 0.1234567890123456, "small": [-1, 15, 1e-9]},
            {"dates": ["2026-08-31", "2026-09-01"]},
            {"line1": "12 Main Street", "user": "rules", "values": ["true", "false", "null"]},
        ):
            self.assertFalse(encoding.may_be_altered(encoded(Event("a/b", data))))

    def test_data_is_walked_over_once_unless_it_may_be_another(self):
        data = {"k": [1, "two", {"three": 3.0}]}
        event = Event("a", data)
        with mock.patch.object(module("event"), "normalize", side_effect=validation.normalize) as walk:
            batching.Batcher([event]).next()
            self.assertEqual(walk.call_count, 0)
            batching.Batcher([event], may_be_changed=True).next()
            self.assertEqual(walk.call_count, 1)
            event.data = dict(data)
            batching.Batcher([event]).next()
            self.assertEqual(walk.call_count, 2)

    def test_what_a_hook_puts_in_is_walked_over(self):
        class Renames(inngest.MiddlewareSync):
            def before_send_events(self, events):
                events[0].data["colour"] = Named.RED

        with module("testing").EventServer() as server:
            options = {"is_production": False, "event_api_base_url": server.url, "middleware": [Renames]}
            with inngest.Inngest(app_id="a", **options) as client:
                client.send_sync(Event("a", {"k": 1}))
            self.assertEqual(server.events[0].data, {"k": 1, "colour": "red"})

    def test_the_callers_data_is_kept_and_never_changed(self):
        data = {"when": datetime.date(2024, 1, 2), "list": [1, {2}]}
        event = Event("a", data)
        self.assertIs(event.data, data)
        encoded(event)
        self.assertEqual(data, {"when": datetime.date(2024, 1, 2), "list": [1, {2}]})


class Sub(Event):
    pass


@dataclass(repr=False)
class Tenant(Event):
    json: str = ""


class CopyTest(unittest.TestCase):
    WAYS = [copy.copy, copy.deepcopy] + [
        lambda event, protocol=protocol: pickle.loads(pickle.dumps(event, protocol))
        for protocol in range(pickle.HIGHEST_PROTOCOL + 1)
    ]

    def test_a_copy_equals_what_it_was_made_of(self):
        data = {"k": (datetime.date(2024, 1, 2), [{1}, Item(decimal.Decimal(1))])}
        for way in self.WAYS:
            for kind in (Event, Sub, Tenant):
                event = kind("a/b", data, "id-1", 1700000000000)
                made = way(event)
                self.assertIs(type(made), kind)
                self.assertIsNot(made, event)
                self.assertEqual(made, event)
                self.assertEqual(encoded(made), encoded(event))

    def test_its_vars_are_its_fields_in_copies_too(self):
        event = Event("a", {"k": 1}, "id-1", 1700000000000)
        self.assertEqual(Event(**vars(event)), event)
        for way in self.WAYS:
            made = way(event)
            self.assertEqual(vars(made), vars(event))
            self.assertIsNone(getattr(made, "_normal_data", None))  # so that it is looked at anew
            self.assertEqual(sorted(vars(way(Tenant("a", json="{}")))), ["data", "id", "json", "name", "ts"])

    def test_only_a_shallow_copy_shares_its_data(self):
        event = Event("a", {"k": [1]})
        for way in self.WAYS:
            self.assertEqual(way(event).data is event.data, way is copy.copy)

    def test_data_that_cannot_be_copied_raises_as_everywhere(self):
        with self.assertRaises((TypeError, pickle.PicklingError)):
            pickle.dumps(Event("a", types.MappingProxyType({})))

    def test_it_is_a_dataclass_as_any_other(self):
        event = Event("a", {"k": (1, 2)}, "id-1", 1700000000000)
        self.assertEqual(dataclasses.replace(event), event)
        self.assertEqual(dataclasses.replace(event, name="b"), Event("b", {"k": (1, 2)}, "id-1", 1700000000000))
        self.assertEqual(dataclasses.replace(event, ts=datetime.datetime(2000, 1, 1, tzinfo=UTC)).ts, 946684800000)
        refusal_of(dataclasses.replace, event, name="")
        fields = {"name": "a", "data": {"k": (1, 2)}, "id": "id-1", "ts": 1700000000000}
        self.assertEqual(dataclasses.asdict(event), fields)
        self.assertEqual(dataclasses.astuple(event), tuple(fields.values()))
        self.assertEqual(vars(event), fields)

    def test_a_field_of_a_subclass_goes_along_whatever_its_name(self):
        for way in self.WAYS:
            self.assertEqual(way(Tenant("a", json="mine")).json, "mine")

    def test_an_event_made_invalid_since_is_still_invalid_in_its_copy(self):
        for field, value in (("name", None), ("ts", "x"), ("data", {"k": b"s3cr3t"}), ("data", []), ("data", 0)):
            event = Event("a", {"k": 1})
            setattr(event, field, value)
            with self.subTest(field=field, value=value):
                for way in self.WAYS:
                    made = way(event)
                    self.assertEqual(made, event)
                    refusal_of(encoded, made)


class ImportTest(unittest.TestCase):
    def test_types_of_modules_never_imported_cost_nothing(self):
        code = f"""
import sys
import {NAME} as inngest
class Odd: pass
event = inngest.Event("a/b", {{"x": (1, {{2}})}})
for value in (b"", Odd()):
    try: inngest.Event("a/b", {{"x": [value]}})
    except inngest.EventInvalidError: pass
    else: raise SystemExit("accepted")
print(sorted({{"uuid", "decimal", "datetime", "_decimal", "_datetime"}} & set(sys.modules)))
"""
        self.assertEqual(run(["-S", "-c", code]), (0, "[]\n", ""))
