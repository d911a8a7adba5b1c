"""``ts``: milliseconds, or an aware datetime, which becomes these."""

import copy
import datetime
import decimal
import json
import sys
import unittest
from unittest import mock

from tests.helpers.events import SECRET, Event, encoded, refusal, refusal_of
from tests.helpers.library import NAME
from tests.helpers.processes import run_program

UTC = datetime.timezone.utc
EPOCH = datetime.datetime(1970, 1, 1, tzinfo=UTC)
NOON = datetime.datetime(2024, 1, 2, 12, 0, 0, 123999, tzinfo=UTC)
NOON_TS = 1704196800123


RealDatetime = datetime.datetime


class FrozenType(type):
    def __instancecheck__(cls, instance):
        return isinstance(instance, RealDatetime)

    def __subclasscheck__(cls, subclass):
        return issubclass(subclass, RealDatetime)


class FrozenDatetime(datetime.datetime, metaclass=FrozenType):
    """What libraries that freeze the clock put in place of datetime."""


class Zone(datetime.tzinfo):
    """A time zone whose own code says what it is told to."""

    def __init__(self, offset):
        self.offset = offset

    def utcoffset(self, moment):
        if isinstance(self.offset, Exception):
            raise self.offset
        return self.offset


class MillisecondsTest(unittest.TestCase):
    def test_ts_is_an_int_of_milliseconds_from_1980_to_2100(self):
        for ts in (315532800000, 4102444800000):
            self.assertEqual(json.loads(encoded(Event("a", ts=ts)).decode())["ts"], ts)
        for ts in (True, False, 1.7e12, 0.0, "1700000000000", "", decimal.Decimal(0), datetime.date(2024, 1, 2)):
            with self.subTest(ts=ts):
                error = refusal("a", ts=ts)
                self.assertEqual(error.path, "ts")
                self.assertIn("expected an int of milliseconds since 1970, or an aware datetime, got ", str(error))
        for ts in (315532799999, 4102444800001, -1, 1, 2**70, -(2**70)):
            with self.subTest(ts=ts):
                error = refusal("a", ts=ts)
                self.assertEqual(error.path, "ts")
                self.assertIn("315532800000", str(error))
                self.assertNotIn("looks like seconds", str(error))

    def test_a_ts_in_seconds_says_so(self):
        for ts in (315532800, 1700000000, 4102444800):
            with self.subTest(ts=ts):
                self.assertIn("looks like seconds; ts is in milliseconds", str(refusal("a", ts=ts)))


class DatetimeTest(unittest.TestCase):
    def test_an_aware_one_is_kept_as_an_int_with_its_microseconds_cut(self):
        made = Event("a", ts=NOON)
        assigned = Event("a")
        assigned.ts = NOON
        for event in (made, assigned, copy.copy(made)):
            self.assertEqual(vars(event)["ts"], NOON_TS)
            self.assertIs(type(event.ts), int)
            self.assertEqual(event, Event("a", ts=NOON_TS))
            self.assertIn(str(NOON_TS), repr(event))
            self.assertEqual(json.loads(encoded(event).decode())["ts"], NOON_TS)

    def test_every_moment_is_taken_exactly(self):
        # As floats, some of these come out a millisecond off.
        for ts in (315532800000, 1700000000001, 1704196800999, 4102444799999, 4102444800000):
            for microsecond in (0, 1, 500, 999):
                moment = EPOCH + datetime.timedelta(milliseconds=ts, microseconds=microsecond)
                expected = min(ts, 4102444800000)
                self.assertEqual(Event("a", ts=moment).ts, expected)

    def test_the_offset_counts_to_the_microsecond(self):
        for offset in (
            datetime.timedelta(hours=14),
            datetime.timedelta(hours=-12),
            datetime.timedelta(hours=5, minutes=30, seconds=15, microseconds=7),
            datetime.timedelta(microseconds=-1),
        ):
            with self.subTest(offset=offset):
                zone = datetime.timezone(offset)
                self.assertEqual(Event("a", ts=NOON.astimezone(zone)).ts, NOON_TS)
                local = NOON.replace(tzinfo=Zone(offset))
                self.assertEqual(Event("a", ts=local).ts, ms(local - EPOCH))

    def test_a_naive_one_is_refused_with_the_way_out(self):
        event = Event("a", ts=NOON_TS)
        for moment in (NOON.replace(tzinfo=None), NOON.replace(tzinfo=Zone(None))):
            for error in (refusal("a", ts=moment), refusal_of(setattr, event, "ts", moment)):
                self.assertEqual(error.path, "ts")
                self.assertIn("expected an aware datetime, got a naive one", str(error))
                self.assertIn("datetime.now(timezone.utc)", str(error))
        self.assertEqual(event.ts, NOON_TS)

    def test_one_out_of_range_is_refused(self):
        for year in (1, 1979, 2101, 9999):
            moment = datetime.datetime(year, 1, 1, tzinfo=UTC)
            self.assertIn("out of range", str(refusal("a", ts=moment)))
        for moment, hours in ((datetime.datetime.min, 14), (datetime.datetime.max, -12)):  # beyond what datetime holds
            zone = datetime.timezone(datetime.timedelta(hours=hours))
            self.assertIn("out of range", str(refusal("a", ts=moment.replace(tzinfo=zone))))

    def test_the_start_of_1970_is_not_taken_for_when_received(self):
        for moment in (EPOCH, EPOCH.replace(microsecond=999)):
            error = refusal("a", ts=moment)
            self.assertEqual(error.path, "ts")
            self.assertIn("out of range", str(error))

    def test_one_whose_time_zone_raises_is_refused(self):
        error = refusal("a", ts=NOON.replace(tzinfo=Zone(LookupError(SECRET))))
        self.assertEqual(str(error), "ts: reading datetime.datetime raised LookupError")

    def test_none_and_0_mean_when_received_also_later(self):
        event = Event("a", ts=NOON)
        event.ts = None
        self.assertEqual(event, Event("a"))
        self.assertIs(type(event.ts), int)

    def test_one_of_a_frozen_clock_is_taken(self):
        frozen = FrozenDatetime(2024, 1, 2, 12, 0, 0, 123999, tzinfo=UTC)
        with mock.patch("datetime.datetime", FrozenDatetime):
            for moment in (frozen, NOON):
                event = Event("a", {"when": moment}, ts=moment)
                self.assertEqual(event.ts, NOON_TS)
                self.assertEqual(json.loads(encoded(event).decode())["data"]["when"], "2024-01-02T12:00:00.123999Z")

    @unittest.skipUnless(sys.implementation.name == "cpython", "elsewhere datetime uses what it holds")
    def test_what_the_module_holds_while_a_test_patches_it_is_no_matter(self):
        values = {"when": NOON, "day": NOON.date(), "at": NOON.time(), "takes": NOON - NOON}
        expected = encoded(Event("a", values, ts=NOON))
        with mock.patch.dict(sys.modules, datetime=mock.MagicMock()):
            self.assertEqual(encoded(Event("a", values, ts=NOON)), expected)
        for name in ("datetime", "date", "time", "timedelta"):
            with mock.patch("datetime." + name):
                self.assertEqual(encoded(Event("a", values, ts=NOON)), expected)

    def test_that_of_an_interpreter_without_the_module_in_c(self):
        program = f"""
import sys
sys.modules["_datetime"] = sys.modules["_decimal"] = None
import datetime, decimal
import {NAME} as inngest
noon = datetime.datetime(2024, 1, 2, 12, tzinfo=datetime.timezone.utc)
data = {{"a": noon, "b": noon.date(), "c": noon.time(), "d": noon - noon, "e": decimal.Decimal("1.10")}}
print(inngest.Event("a", data, ts=noon).ts)
"""
        self.assertEqual(run_program(program), (0, "1704196800000\n", ""))

    def test_nothing_is_loaded_for_it(self):
        program = f"""
import sys
import {NAME} as inngest
for ts in (None, 0, 1700000000000, "now", 1.5):
    try: inngest.Event("a", ts=ts)
    except inngest.EventInvalidError: pass
print("datetime" in sys.modules)
"""
        self.assertEqual(run_program(program), (0, "False\n", ""))


def ms(duration):
    return duration // datetime.timedelta(milliseconds=1)
