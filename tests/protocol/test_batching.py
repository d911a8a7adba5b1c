"""Events cut into the bodies of requests, and none of them out of sight at any moment."""

import json
import traceback
import unittest
from unittest import mock

from tests.helpers.library import inngest, module

batching, protocol = module("batching"), module("protocol")
Batcher, Event = batching.Batcher, inngest.Event

MAX_SIZE = 4 * 1024 * 1024  # bytes of a body, about


def bodies(events):
    """Return the batches of the events, after a look that each body is the JSON of its events."""
    batches = list(Batcher(events).batches())
    for batch in batches:
        names = [fields["name"] for fields in json.loads(batch.body.decode())]
        assert names == [event.name for event in batch.events]
    return batches


def numbered(count, data=None):
    return [Event(f"e{number}", data) for number in range(count)]


class BatchTest(unittest.TestCase):
    def test_halves_hold_all_events_in_order_under_the_seeds_of_their_positions(self):
        for count in (2, 3, 7):
            batch = Batcher(numbered(count)).next()
            first, second = batch.halves()
            self.assertEqual(first.events + second.events, batch.events)
            parts = [json.loads(half.body.decode()) for half in (first, second)]
            self.assertEqual(parts[0] + parts[1], json.loads(batch.body.decode()))
            self.assertEqual(len(parts[0]), count // 2)
            self.assertEqual(first.seed, batch.seed)
            self.assertEqual(second.seed, protocol.seed_after(batch.seed, count // 2))

    def test_what_may_have_been_delivered_stays_so_when_cut(self):
        batch = Batcher(numbered(2)).next()
        for maybe_delivered in (False, True):
            batch.maybe_delivered = maybe_delivered
            self.assertEqual([half.maybe_delivered for half in batch.halves()], [maybe_delivered] * 2)


class BatcherTest(unittest.TestCase):
    def test_one_event_goes_out_as_an_array_of_one(self):
        (batch,) = bodies([Event("a/b", {"k": "é"}, "id-1", 1700000000000)])
        expected = '[{"name":"a/b","data":{"k":"é"},"id":"id-1","ts":1700000000000}]'
        self.assertEqual(batch.body.decode(), expected)

    def test_no_events_are_no_batch(self):
        for events in ([], (), iter([])):
            self.assertEqual(bodies(events), [])

    def test_a_batch_holds_5000_events_and_not_one_more(self):
        for count, counts in ((1, [1]), (5000, [5000]), (5001, [5000, 1]), (10002, [5000, 5000, 2])):
            events = numbered(count)
            for kind in (list, iter):
                with self.subTest(count=count, kind=kind.__name__):
                    batches = bodies(kind(events))
                    self.assertEqual([len(batch.events) for batch in batches], counts)
                    sent = [event for batch in batches for event in batch.events]
                    self.assertTrue(all(one is other for one, other in zip(sent, events)))

    def test_a_batch_holds_about_4_mib_and_is_filled_before_the_next_is_begun(self):
        sizes = [1000000, 3000000, 300000, 200000, 2500000, 2500000, 10, 3100000, 1000000]
        events = [Event(f"e{i}", {"x": "x" * size}) for i, size in enumerate(sizes)]
        batches = bodies(events)
        self.assertEqual([event.name for batch in batches for event in batch.events], [event.name for event in events])
        self.assertEqual([len(batch.events) for batch in batches], [2, 3, 2, 2])
        for batch, following in zip(batches, batches[1:] + [None]):
            self.assertLess(len(batch.body), MAX_SIZE + 10)
            if following is not None:
                first = len(json.dumps(json.loads(following.body.decode())[0], separators=(",", ":")))
                self.assertGreater(len(batch.body) + first, MAX_SIZE - 10)

    def test_a_list_is_validated_whole_before_there_is_a_batch(self):
        events = numbered(5002)
        events[5001].data = {"items": [{"price": b""}]}
        for kind in (list, tuple):
            with self.assertRaises(inngest.EventInvalidError) as caught:
                Batcher(kind(events)).next()
            self.assertEqual(caught.exception.path, "events[5001].data.items[0].price")
            self.assertIsNone(caught.exception.__context__)

    def test_the_path_of_a_single_event_has_no_index(self):
        event = Event("a")
        event.id = 5
        with self.assertRaises(inngest.EventInvalidError) as caught:
            Batcher([event], name_index=False).next()
        self.assertEqual(caught.exception.path, "id")

    def test_a_generator_is_consumed_as_batches_are_asked_for(self):
        events = numbered(12000)
        taken = []
        batcher = Batcher(event for event in events if taken.append(event) is None)
        self.assertEqual(taken, [])
        self.assertEqual(batcher.next().events, events[:5000])
        self.assertLessEqual(len(taken), 5001)
        self.assertEqual(batcher.remaining(), taken[5000:])
        self.assertEqual(batcher.next().events, events[5000:10000])

    def test_of_a_list_all_that_has_no_batch_yet_is_not_yet_sent(self):
        events = numbered(12000)
        batcher = Batcher(events)
        batcher.next()
        self.assertEqual(batcher.remaining(), events[5000:])

    def test_what_a_generator_yielded_before_it_broke_is_known(self):
        def broken():
            yield events[0]
            yield events[1]
            raise LookupError("mine")

        events = numbered(2)
        batcher = Batcher(broken())
        with self.assertRaisesRegex(LookupError, "mine"):
            batcher.next()
        self.assertEqual(batcher.remaining(), events)

    def test_what_is_no_event_is_a_type_error_that_says_where(self):
        for value in ({"name": "a"}, "a", None, Event, [Event("a")]):
            with self.assertRaisesRegex(TypeError, r"events\[1\]: expected an Event of .*, got "):
                Batcher([Event("a"), value]).next()

    def test_memory_that_runs_out_when_texts_are_searched_shows_no_data(self):
        for failing in (0, 1):
            outcomes = iter([True] * failing + [MemoryError("none left")])
            batcher = Batcher([Event("a", {"k": "s3cr3t"})])
            with mock.patch.object(batching, "may_be_altered", side_effect=outcomes):
                try:
                    self.fail(batcher.next())
                except MemoryError as error:
                    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)][1:]
            self.assertIn("_cut", [frame.f_code.co_name for frame in frames])
            for frame in frames:
                self.assertNotIn("s3cr3t", repr(frame.f_locals))
            self.assertEqual([event.name for event in batcher.remaining()], ["a"])

    def test_each_event_is_accounted_for_whenever_memory_runs_out(self):
        events = numbered(12)
        real = batching.Batch

        def failing_at(count):
            calls = iter(range(1000))

            def fail(*args):
                if next(calls) == count:
                    raise MemoryError
                return args[-1](*args[:-1])

            return fail

        for name, replaced in (("encode_event", batching.encode_event), ("Batch", real)):
            for count in range(12 if name == "encode_event" else 4):
                taken = []
                batcher = Batcher(event for event in events if taken.append(event) is None)
                fail, handed_out = failing_at(count), []
                double = lambda *args, fail=fail, replaced=replaced: fail(*args, replaced)  # noqa: E731
                with self.subTest(name, count=count), mock.patch.multiple(
                    batching, MAX_BATCH_EVENTS=3, **{name: double}
                ):
                    with self.assertRaises(MemoryError) as caught:
                        for batch in batcher.batches():
                            handed_out += batch.events
                    self.assertEqual(handed_out + batcher.remaining(), taken)
                    self.assertIsNone(caught.exception.__context__)
