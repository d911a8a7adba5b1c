"""cattrs: events are made of mappings, and turned into them."""

import unittest

import cattrs

from tests.helpers.library import inngest

EVENT = inngest.Event("a", {"n": [1, None, {"m": "x"}]}, id="1", ts=1767225600000)
FIELDS = {"name": "a", "data": {"n": [1, None, {"m": "x"}]}, "id": "1", "ts": 1767225600000}


class CattrsTest(unittest.TestCase):
    def test_an_event_is_made_of_a_mapping(self):
        self.assertEqual(cattrs.structure(FIELDS, inngest.Event), EVENT)
        self.assertEqual(cattrs.structure([FIELDS, {"name": "b"}], list[inngest.Event]), [EVENT, inngest.Event("b")])

    def test_an_event_is_turned_into_a_mapping(self):
        self.assertEqual(cattrs.unstructure(EVENT), FIELDS)

    def test_what_is_no_event_is_refused(self):
        for wrong in ({}, {"name": ""}, {"name": "inngest/a"}, {"name": "a", "data": {"n": float("nan")}}):
            with self.subTest(wrong=wrong), self.assertRaises(Exception) as caught:
                cattrs.structure(wrong, inngest.Event)
            self.assertIsInstance(caught.exception, cattrs.errors.ClassValidationError)


if __name__ == "__main__":
    unittest.main()
