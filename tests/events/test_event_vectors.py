"""The recorded cases of a real server: what it refuses, Event refuses first; what it accepts, goes through."""

import json
import unittest

from tests.helpers.events import encoded
from tests.helpers.library import inngest
from tests.helpers.vectors import PATH as VECTORS

FIELDS = {"name", "data", "id", "ts"}
NOT_EVENTS = {
    "empty list",
    "empty body",
    "null",
    "string",
    "not JSON",
    "list of null",
    "list of numbers",
    "truncated object",
    "trailing text after object",
    "unknown fields",
    "5,001 events: 5,000 stored all the same",  # each of them is fine; see test_wire
}
DEEPER_THAN_OUR_LIMIT = {"nesting 9,998 arrays"}


def load_vectors():
    """Return the cases that are about events: not those about methods, paths and keys."""
    with open(VECTORS, encoding="utf-8") as file:
        vectors = json.load(file)["vectors"]
    return [vector for vector in vectors if vector["server"] == "dev" and is_post(vector["request"])]


def is_post(request):
    return (request["method"], request["path"]) == ("POST", "/e/test")


def body_of(vector):
    """Return the body of a request; a long one is made as its description says."""
    request, case = vector["request"], vector["case"]
    body = request.get("body")
    if body is None:
        body = made_body(case, request["body_length"])
        if len(body) != request["body_length"]:
            raise AssertionError(f"{case}: {len(body)} bytes, not {request['body_length']}")
    return body


def made_body(case, length):
    if case.startswith("name of"):
        return '{"name":"' + "n" * 513 + '"}'
    if case.startswith("nesting"):
        depth = int(case.split()[1].replace(",", ""))
        return '{"name":"a/b","data":{"x":' + "[" * depth + "]" * depth + "}}"
    if case.startswith("event of"):
        head, tail = '{"name":"a/b","data":{"x":"', '"}}'
        return head + "x" * (length - len(head + tail)) + tail
    count = int(case.split()[0].replace(",", ""))
    return "[" + ",".join(['{"name":"a/b"}'] * count) + "]"


def parsed(vector):
    """Return the events of a request as dicts of fields. ``json`` cannot read as deep as some cases go."""
    if vector["case"].startswith("nesting"):
        value = []
        for _ in range(body_of(vector).count("[") - 1):
            value = [value]
        return [{"name": "a/b", "data": {"x": value}}]
    body = json.loads(body_of(vector))
    return body if isinstance(body, list) else [body]


def event_refuses(fields):
    try:
        encoded(inngest.Event(**fields))
    except inngest.EventInvalidError:
        return True
    except TypeError:
        if "name" in fields:
            raise
        return True  # a missing argument is what it is for any dataclass
    return False


class VectorTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.vectors = load_vectors()
        cases = {vector["case"] for vector in cls.vectors}
        assert NOT_EVENTS | DEEPER_THAN_OUR_LIMIT < cases, "a case that is left out is not there"
        cls.vectors = [vector for vector in cls.vectors if vector["case"] not in NOT_EVENTS]

    def answered(self, status):
        """Return (case, events, response) for each case that the server answered so."""
        found = [
            (vector["case"], parsed(vector), vector["response"])
            for vector in self.vectors
            if vector["response"]["status"] == status
        ]
        self.assertGreater(len(found), 15)
        for case, events, _ in found:
            self.assertTrue(all(set(fields) <= FIELDS for fields in events), case)
        return found

    def test_what_the_server_refuses_the_event_refuses_first(self):
        for case, events, response in self.answered(400):
            with self.subTest(case):
                refused = [event_refuses(fields) for fields in events]
                self.assertIn(True, refused)
                stored = [id for id in response["json"]["ids"] if id]
                self.assertEqual(refused.index(True), len(stored))

    def test_what_the_server_accepts_goes_through_and_means_the_same(self):
        for case, events, _ in self.answered(200):
            with self.subTest(case):
                if case in DEEPER_THAN_OUR_LIMIT:
                    self.assertTrue(event_refuses(events[0]))
                    continue
                for fields in events:
                    meant = {"name": fields["name"], "data": fields.get("data") or {}}
                    meant.update((key, fields[key]) for key in ("id", "ts") if fields.get(key))
                    self.assertEqual(json.loads(encoded(inngest.Event(**fields)).decode()), meant)

    def test_an_event_of_the_largest_size_goes_out_as_long_as_the_server_measured_it(self):
        body = next(body_of(vector) for vector in self.vectors if vector["case"].startswith("event of exactly"))
        self.assertEqual(encoded(inngest.Event(**json.loads(body))).decode(), body)
