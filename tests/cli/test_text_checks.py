"""What the text of a line shows: the fast way to an event against the slow one, which walks over its data."""

import json
import random
import unittest
from unittest import mock

from tests.helpers.library import module

event_lines, json_rows, text_checks = (
    module(f"cli.{name}") for name in ("event_lines", "json_rows", "text_checks")
)
BadLineError = module("cli.json_text").BadLineError

REFUSED = (
    "NaN",
    "Infinity",
    "-Infinity",
    "1e999",
    "-1E+999",
    "1.5e0000400",
    "1" + "0" * 400 + ".0",
    "9007199254740993",
    "-9007199254740993",
    "12345678901234567",
    r'"\ud800"',
    r'"\uDFFF"',
    r'{"\udc00": 1}',
    "[" * 512 + "]" * 512,
)
TAKEN = (
    "1.2345678901234567",
    "0.00000000000000000001",
    '"4815162342481516"',
    '"a: 4815162342481516"',
    '"Infinity"',
    '"NaN"',
    "9007199254740992",
    "1e5",
    "1.0E-300",
    r'"\ud83d\ude00"',
    r'"\\ud800"',
    r'"a\"b\\"',
    '"3e5001fa"',
    "{}",
    "[[], {}]",
    "null",
    "true",
    "-0",
)
SPACES = ("", "", "", " ", "\t", "\r", "  ")
KEYS = ('"a"', r'"\u0061"', '"b c"', '":"', r'"a\":"', '"_inngest"', '"2026-08-31"', '"9007199254740993"')


def without_checks():
    """Return a context manager in which each event is walked over."""
    never = mock.Mock(return_value=False)
    return mock.patch.multiple(event_lines, is_plain=never), mock.patch.multiple(json_rows, is_plain=never)


def outcome(reader, line):
    """Return the event of a line as a tuple, or what is wrong with it."""
    try:
        event = reader.read(line, "1")
    except BadLineError as err:
        return str(err)
    return event.name, repr(event.data), event.id, event.ts, event._encoded


def value(rng, depth=0):
    """Return an arbitrary text of JSON."""
    kind = rng.random()
    if depth > 3 or kind < 0.5:
        return rng.choice(TAKEN if rng.random() < 0.9 else REFUSED)
    items = [value(rng, depth + 1) for _ in range(rng.randint(0, 4))]
    if kind < 0.7:
        return f"[{rng.choice(SPACES)}{','.join(rng.choice(SPACES) + item for item in items)}]"
    return object_of(rng, [(rng.choice(KEYS), item) for item in items])


def object_of(rng, pairs):
    """Return an object with space wherever there may be some."""
    space = [rng.choice(SPACES) for _ in range(4)]
    return "{" + space[0] + ",".join(f"{space[1]}{key}{space[2]}:{space[3]}{item}" for key, item in pairs) + "}"


class TextChecksTest(unittest.TestCase):
    def test_what_an_event_may_not_have_is_never_plain(self):
        for text in REFUSED:
            for space in ("", " ", "\t", "\r"):
                for form in ('{"a":%s%s}', '{"a":[1,%s%s]}', '{"a":[%s%s]}', '{"a":{"b":%s%s}}'):
                    line = (form % (space, text)).encode()
                    self.assertFalse(text_checks.is_plain(line), line[:100])
                    with self.assertRaises(BadLineError):
                        json_rows.RowReader("a").read(line, "")

    def test_what_is_usual_is_plain(self):
        line = {"id": "0190163d-8694-739b-aea5-966c26f8ad91", "at": "2026-08-31T12:00:00Z", "ratio": 1 / 3, "n": -2}
        for text in (json.dumps(line), json.dumps([line] * 100), '{"name": "Nina", "In": "\\n\\u00e9"}'):
            self.assertTrue(text_checks.is_plain(text.encode()), text)

    def test_arbitrary_lines_come_to_the_same_without_them(self):
        rng = random.Random(13)
        readers = (event_lines.EventReader(), json_rows.RowReader("a"))
        counts = {True: 0, False: 0}
        for _ in range(4000):
            data = object_of(rng, [(rng.choice(KEYS), value(rng)) for _ in range(rng.randint(0, 4))])
            event = object_of(rng, [('"name"', '"a"'), ('"data"', data)])
            for reader, text in zip(readers, (event, data)):
                line = text.encode()
                fast = outcome(reader, line)
                with without_checks()[0], without_checks()[1]:
                    slow = outcome(reader, line)
                self.assertEqual(fast, slow, text)
                counts[isinstance(fast, tuple)] += 1
        self.assertGreater(min(counts.values()), 1000)

    def test_a_plain_line_is_not_walked_over(self):
        with mock.patch.object(module("event"), "normalize", wraps=module("event").normalize) as normalize:
            event = event_lines.EventReader().read(b'{"name": "a", "data": {"b": [1, 2]}}', "")
        self.assertEqual([call[0][0] for call in normalize.call_args_list], [{}])
        self.assertEqual(event.data, {"b": [1, 2]})
