"""pydantic: events are fields of models."""

import unittest

import pydantic

from tests.helpers.library import inngest


class Job(pydantic.BaseModel):
    """A model with an event in it."""

    event: inngest.Event
    more: list[inngest.Event] = []


class PydanticTest(unittest.TestCase):
    def test_an_event_is_taken_as_it_is(self):
        event = inngest.Event("a", {"n": [1, None]}, id="1")
        self.assertEqual(Job(event=event, more=[event]).event, event)

    def test_an_event_is_made_of_a_mapping(self):
        job = Job.model_validate({"event": {"name": "a", "data": {"n": [1]}, "ts": 1767225600000}})
        self.assertEqual(job.event, inngest.Event("a", {"n": [1]}, ts=1767225600000))

    def test_what_is_no_event_is_refused(self):
        for wrong in (5, {}, {"name": 5}, {"name": ""}, {"name": "inngest/a"}, {"name": "a", "data": [1]}):
            with self.subTest(wrong=wrong), self.assertRaises(pydantic.ValidationError):
                Job.model_validate({"event": wrong})

    def test_a_model_comes_back_from_json(self):
        job = Job(event=inngest.Event("a", {"n": [1, {"m": "x"}]}, id="1", ts=1767225600000))
        self.assertEqual(Job.model_validate_json(job.model_dump_json()), job)


if __name__ == "__main__":
    unittest.main()
