"""Memory, stack or descriptors run out within a call: what was accepted and what was not is told all the same."""

import importlib.util
import json
import sys
import unittest
from unittest import mock

from tests.helpers.environments import counts_references
from tests.helpers.library import NAME, inngest, module
from tests.helpers.processes import run_program
from tests.helpers.servers import ScriptedServer, client_for, failure_of, name_ids, without_delays

batching = module("batching")

BEGINNING = """
import asyncio, importlib, json, os, resource, sys
inngest = importlib.import_module(sys.argv[1])
client = inngest.Inngest(app_id="test", event_key="key", event_api_base_url=sys.argv[2], max_attempts=2)
descriptors = resource.getrlimit(resource.RLIMIT_NOFILE)

def limit_memory(more):
    with open("/proc/self/statm") as file:
        size = int(file.read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (size, resource.RLIM_INFINITY))
    try:
        while True:  # what was freed before can be had again without any limit
            kept.append(bytearray(65536))
    except MemoryError:
        del kept[-(more // 65536):]

def leave_no_descriptor():
    count = len(os.listdir("/proc/self/fd")) - 1
    highest = max(int(name) for name in os.listdir("/proc/self/fd"))
    resource.setrlimit(resource.RLIMIT_NOFILE, (highest, descriptors[1]))
    try:
        while True:
            kept.append(os.dup(0))
    except OSError:
        pass

kept = []

def tell(error):
    resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    resource.setrlimit(resource.RLIMIT_NOFILE, descriptors)
    names = [event.name for event in error.unsent]
    print(json.dumps([type(error).__name__, error.ids, names, type(error.__cause__).__name__, str(error)]))
"""

OUT_OF_MEMORY = """
taken = []

def source():
    for number in range(9):
        event = inngest.Event(name=f"event {number}", data={"text": "x" * 2000000})
        taken.append(event.name)
        if number == 5:
            limit_memory(%d)
        yield event

try:
    client.send_sync(source())
except inngest.SendEventsError as error:
    tell(error)
print(json.dumps(taken))
"""

OUT_OF_DESCRIPTORS = """
client.send_sync(inngest.Event(name="opens a connection"))

def source():
    for number in range(5001):
        if number == 5000:
            leave_no_descriptor()
        yield inngest.Event(name=f"event {number}")

try:
    client.send_sync(source())
except inngest.SendEventsError as error:
    tell(error)
"""

NO_DESCRIPTOR_FOR_THE_FIRST_SEND = """
async def main():
    leave_no_descriptor()
    try:
        await client.send([inngest.Event(name="a"), inngest.Event(name="b")])
    except inngest.SendEventsError as error:
        tell(error)

asyncio.run(main())
"""

ONE_ALLOCATION_FAILS = """
import _testcapi
batching = importlib.import_module(sys.argv[1] + ".batching")
batching.MAX_BATCH_EVENTS = 3
events = [inngest.Event(name="event {}".format(number), data={"a": [1, {"b": "c"}]}) for number in range(8)]
client.send_sync(events)  # opens a connection, and loads what is loaded late

def source():
    for event in events:
        taken.append(event.name)
        yield event

outcomes = {"accepted": 0, "told": 0, "nothing sent": 0, "wrong": []}
for number in range(0, 2400, 4):
    taken = []
    generator = source()
    _testcapi.set_nomemory(number, number + 1)
    try:
        ids = client.send_sync(generator)
        outcome = "accepted" if len(ids) == 8 else "wrong"
    except inngest.SendEventsError as error:
        names = [event.name for event in error.unsent]
        outcome = "told" if names == taken[len(error.ids):] else "wrong"
    except (MemoryError, SystemError):  # what json's encoder of Python 3.12 makes of it
        outcome = "nothing sent" if len(taken) <= 4 else "wrong"  # the first request waits for the fourth event
    finally:
        _testcapi.remove_mem_hooks()
    if outcome == "wrong":
        outcomes["wrong"].append(number)
    else:
        outcomes[outcome] += 1
print(json.dumps(outcomes))
"""


@counts_references  # what is out of use gives its memory and descriptors back at once, and not when they have run out
@unittest.skipUnless(sys.platform == "linux", "needs /proc and limits of memory and descriptors")
class LimitTest(unittest.TestCase):
    def run_limited(self, program, *scripts):
        with ScriptedServer(*scripts, then=name_ids) as server:
            _, output, errors = run_program(BEGINNING + program, NAME, server.url)
        self.assertEqual(errors, "")
        return [json.loads(line) for line in output.splitlines()]

    def test_memory(self):
        ran_out = 0
        for megabytes in (2, 5):
            with self.subTest(megabytes=megabytes):
                *errors, taken = self.run_limited(OUT_OF_MEMORY % (megabytes * 1000000))
                for kind, ids, names, cause, _ in errors:
                    ran_out += cause == "MemoryError"
                    self.assertEqual(kind, "SendEventsError")
                    self.assertEqual([id[len("id of ") :] for id in ids] + names, taken)
        self.assertGreater(ran_out, 0)

    @unittest.skipUnless(importlib.util.find_spec("_testcapi"), "needs an interpreter that can be made to lack memory")
    def test_memory_for_any_one_object(self):
        with ScriptedServer(then=name_ids) as server:
            _, output, _ = run_program(BEGINNING + ONE_ALLOCATION_FAILS, NAME, server.url)
        outcomes = json.loads(output)
        self.assertEqual(outcomes["wrong"], [])
        for outcome in ("accepted", "told", "nothing sent"):
            self.assertGreater(outcomes[outcome], 0, outcome)

    def test_descriptors_while_the_server_answers_503(self):
        def accept_and_refuse(peer):
            for _ in range(2):
                peer.answer(200, {"ids": ["ID"] * len(peer.read().events), "status": 200})
            for _ in range(2):
                peer.read()
                peer.answer(503, b"<html>" + b"x" * 500)

        ((kind, ids, names, _, text),) = self.run_limited(OUT_OF_DESCRIPTORS, accept_and_refuse)
        self.assertEqual((kind, len(ids), names), ("SendEventsError", 5000, ["event 5000"]))
        self.assertIn("HTTP 503: <html>xxx", text)

    def test_descriptors_when_the_first_send_needs_a_thread(self):
        ((kind, ids, names, _, text),) = self.run_limited(NO_DESCRIPTOR_FOR_THE_FIRST_SEND)
        self.assertEqual((kind, ids, names), ("SendEventsError", [], ["a", "b"]))


class RaisedTest(unittest.TestCase):
    """Whatever is raised after the first batch, ids and unsent are what was taken."""

    def setUp(self):
        patch = mock.patch.object(batching, "MAX_BATCH_EVENTS", 50)
        patch.start()
        self.addCleanup(patch.stop)

    ERRORS = (MemoryError(), OSError(24, "Too many open files"), RecursionError(), TimeoutError(), ValueError("s3cr3t"))

    def check(self, source, count, taken, **options):
        with ScriptedServer(then=name_ids) as server, client_for(server, **options) as client:
            error = failure_of(client, source)
        names = [event.name for event in taken]
        self.assertEqual([id[len("id of ") :] for id in error.ids] + [event.name for event in error.unsent], names)
        self.assertEqual(len(error.ids), count)
        self.assertNotIn("s3cr3t", str(error))
        return error

    def test_by_the_source(self):
        for raised in self.ERRORS:
            for at in (50, 51, 70, 100, 101):
                taken = []

                def source(taken=taken, at=at, raised=raised):
                    for number in range(at):
                        taken.append(inngest.Event(name=str(number)))
                        yield taken[-1]
                    raise raised

                if at == 50:  # nothing is sent before the 51st is asked for
                    with ScriptedServer() as server, client_for(server) as client:
                        with self.assertRaises(type(raised)):
                            client.send_sync(source())
                    continue
                error = self.check(source(), 50 if at < 101 else 100, taken)
                self.assertIs(error.__cause__, raised)

    def test_where_the_events_are_encoded(self):
        for raised in (MemoryError(), RecursionError()):
            taken = [inngest.Event(name=str(number)) for number in range(60)]
            with mock.patch.object(batching, "encode_event", failing(batching.encode_event, 55, raised)):
                error = self.check(iter(taken), 50, taken[:56])
            self.assertIs(error.__cause__, raised)

    def test_where_a_batch_is_made(self):
        taken = [inngest.Event(name=str(number)) for number in range(120)]
        for at, count, known in ((1, 50, 101), (2, 100, 120)):
            with mock.patch.object(batching, "Batch", failing(batching.Batch, at, MemoryError())):
                error = self.check(iter(taken), count, taken[:known])
            self.assertTrue(error.is_retriable)
            self.assertFalse(error.maybe_delivered)

    def test_where_a_request_is_sent(self):
        for raised in (MemoryError(), RecursionError(), KeyError("s3cr3t")):
            taken = [inngest.Event(name=str(number)) for number in range(120)]
            for source, known in ((taken, 120), (iter(taken), 101)):
                transport = module("http.transport").Transport
                with mock.patch.object(transport, "post", failing(transport.post, 1, raised)):
                    error = self.check(source, 50, taken[:known])
                self.assertIs(error.__cause__, raised)
                self.assertEqual((error.attempts, error.maybe_delivered), (1, True))

    def test_where_the_next_attempt_is_waited_for(self):
        def script(peer):
            peer.read()
            peer.answer(503)

        taken = [inngest.Event(name="a"), inngest.Event(name="b")]
        cancellation = module("http.cancellation").Cancellation
        with mock.patch.object(cancellation, "wait", side_effect=MemoryError()), without_delays():
            with ScriptedServer(script) as server, client_for(server) as client:
                error = failure_of(client, taken)
        self.assertEqual((error.ids, error.unsent, error.status, error.attempts), ([], taken, 503, 1))


def failing(function, at, error):
    """Return the function, but that its call number ``at``, from 0, raises ``error``."""
    count = 0

    def replaced(*args, **options):
        nonlocal count
        count += 1
        if count == at + 1:
            raise error
        return function(*args, **options)

    return replaced
