"""The errors: what they are, what they say, and that they survive pickling and copying."""

import copy
import decimal
import pickle
import unittest

from tests.helpers.library import inngest, module

errors = module("errors")
send_error = module("send_error").send_error

NAMES = {
    "AsyncUnsupportedError",
    "Error",
    "EventInvalidError",
    "EventKeyUnspecifiedError",
    "SendEventsError",
    "URLInvalidError",
}
WAYS = [copy.copy, copy.deepcopy] + [
    lambda error, protocol=protocol: pickle.loads(pickle.dumps(error, protocol))
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1)
]


def full_error():
    """Return a SendEventsError with everything in it that can be."""
    events = [inngest.Event("a/b", {"k": 1}, "id-1"), inngest.Event("c/d", ts=1700000000000)]
    return inngest.SendEventsError(
        "1 of 3 events accepted: HTTP 503",
        ["ID1"],
        unsent=events,
        maybe_delivered=True,
        status=503,
        attempts=5,
        retry_after=1.5,
        is_retriable=True,
    )


class HierarchyTest(unittest.TestCase):
    def test_every_error_is_exported_and_has_one_base(self):
        exported = {name for name in inngest.__all__ if name.endswith("Error")}
        self.assertEqual(exported, NAMES)
        for name in NAMES:
            self.assertTrue(issubclass(getattr(inngest, name), inngest.Error), name)
        self.assertTrue(issubclass(inngest.Error, Exception))

    def test_a_wrong_value_is_a_value_error_too(self):
        for kind in (inngest.EventInvalidError, inngest.URLInvalidError, errors.ArgumentInvalidError):
            self.assertTrue(issubclass(kind, ValueError), kind)
        for kind in (inngest.SendEventsError, inngest.EventKeyUnspecifiedError, inngest.AsyncUnsupportedError):
            self.assertFalse(issubclass(kind, ValueError), kind)

    def test_no_error_is_retriable_unless_it_says_so(self):
        for kind in (inngest.Error, inngest.URLInvalidError, inngest.EventInvalidError, inngest.SendEventsError):
            self.assertIs(kind("x").is_retriable, False)
        self.assertIs(full_error().is_retriable, True)


class EventTest(unittest.TestCase):
    def test_the_message_begins_with_the_path(self):
        error = inngest.EventInvalidError("expected a str, got int", "data.k")
        self.assertEqual((error.path, str(error)), ("data.k", "data.k: expected a str, got int"))
        error = inngest.EventInvalidError("too large")
        self.assertEqual((error.path, str(error)), ("", "too large"))

    def test_a_path_grows_in_place(self):
        error = inngest.EventInvalidError("bad")
        for step, path in (("[0]", "[0]"), ("k", "k[0]"), ("data", "data.k[0]"), ("events[2]", "events[2].data.k[0]")):
            error.prepend(step)
            self.assertEqual((error.path, str(error)), (path, path + ": bad"))


    def test_of_a_path_without_end_the_beginning_and_the_end_are_shown(self):
        path = "a" * 150 + "b" * 150
        self.assertEqual(str(inngest.EventInvalidError("bad", path)), f"{path}: bad")
        path = "a" * 150 + "-" + "b" * 150
        error = inngest.EventInvalidError("bad", path)
        self.assertEqual((str(error), error.path), (f"{'a' * 150} ... {'b' * 150}: bad", path))


class SendEventsTest(unittest.TestCase):
    def test_it_has_defaults_for_all_but_the_message(self):
        error = inngest.SendEventsError("nothing sent")
        self.assertEqual(str(error), "nothing sent")
        self.assertEqual((error.ids, error.unsent, error.maybe_delivered), ([], [], False))
        self.assertEqual((error.status, error.attempts, error.retry_after), (None, 0, None))

    def test_its_lists_are_its_own(self):
        ids, events = ["ID1"], [inngest.Event("a")]
        error = inngest.SendEventsError("x", ids, unsent=events)
        ids.append("ID2")
        events.clear()
        self.assertEqual((error.ids, error.unsent), (["ID1"], [inngest.Event("a")]))

    def test_the_message_counts_what_was_accepted(self):
        event = inngest.Event("a")
        for ids, unsent, start in (
            (2, 4998, "2 of 5,000 events accepted: "),
            (0, 1, "0 of 1 event accepted: "),
            (1, 0, "1 of 1 event accepted: "),
            (1234, 1, "1,234 of 1,235 events accepted: "),
        ):
            error = send_error("HTTP 400: event name is empty", ["ID"] * ids, [event] * unsent)
            self.assertEqual(str(error), start + "HTTP 400: event name is empty")
            self.assertEqual((len(error.ids), len(error.unsent)), (ids, unsent))

    def test_neither_str_nor_repr_shows_the_events(self):
        error = inngest.SendEventsError("x", unsent=[inngest.Event("a", {"k": "s3cr3t"})])
        self.assertNotIn("s3cr3t", str(error) + repr(error) + repr(error.unsent))


class CopyTest(unittest.TestCase):
    def test_every_error_survives_pickling_and_copying(self):
        for error in (
            inngest.Error("message"),
            errors.ArgumentInvalidError("env: message"),
            inngest.URLInvalidError("INNGEST_DEV: message"),
            inngest.EventKeyUnspecifiedError("message"),
            inngest.AsyncUnsupportedError("message"),
            inngest.EventInvalidError("expected a str", "events[1].data.k"),
            inngest.EventInvalidError("too large"),
            inngest.SendEventsError("bare"),
            full_error(),
        ):
            for way in WAYS:
                with self.subTest(type(error).__name__):
                    made = way(error)
                    self.assertIsNot(made, error)
                    self.assertIs(type(made), type(error))
                    self.assertEqual((str(made), made.args, vars(made)), (str(error), error.args, vars(error)))
                    self.assertEqual(made.is_retriable, error.is_retriable)

    def test_a_real_refusal_survives_too(self):
        with self.assertRaises(inngest.EventInvalidError) as caught:
            inngest.Event("a", {"k": [b"s3cr3t"]})
        for way in WAYS:
            made = way(caught.exception)
            self.assertEqual((made.path, str(made)), ("data.k[0]", str(caught.exception)))

    def test_a_copy_holds_equal_events(self):
        events = [inngest.Event("a", {"k": ({1}, decimal.Decimal(1))}, "id-1", 1700000000000), inngest.Event("b")]
        error = inngest.SendEventsError("x", unsent=events)
        for way in WAYS:
            self.assertEqual(way(error).unsent, events)

    def test_a_cause_does_not_stand_in_the_way(self):
        error = full_error()
        error.__cause__ = ConnectionResetError("reset")
        for way in WAYS:
            self.assertEqual(str(way(error)), str(error))
