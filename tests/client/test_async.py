"""``send``: awaited from any loop, in forked children, with the same outcome as ``send_sync``."""

import asyncio
import contextlib
import contextvars
import json
import os
import select
import signal
import threading
import unittest
import warnings
from unittest import mock

from tests.helpers.library import NAME, inngest, module
from tests.helpers.processes import run_program
from tests.helpers.servers import TIME_LIMIT, Held
from tests.helpers.tasks import AsyncTest, happens

retry = module("retry")


def name_ids(peer):
    """A server's script: the id of an event is its name."""
    for request in iter(peer.read, None):
        peer.answer(200, {"ids": [event["name"] for event in request.events], "status": 200})


def unavailable_once(peer):
    """A server's script: HTTP 503, and then all is well."""
    peer.read()
    peer.answer(503)
    peer.serve()


class SendTest(AsyncTest):
    def test_what_a_failed_call_leaves_behind_can_send(self):
        contexts = []

        class LeaveBehind(inngest.MiddlewareSync):
            def after_send_events(self, result):
                contexts.append(contextvars.copy_context())

        def refuse_one(peer):
            peer.read()
            peer.answer(400)
            name_ids(peer)

        client = self.client(self.serve(refuse_one), middleware=[LeaveBehind])
        with self.assertRaises(inngest.SendEventsError):
            self.run_loop(client.send, inngest.Event("early"))
        (context,) = contexts
        self.assertEqual(context.run(client.send_sync, inngest.Event("late"), skip_middleware=True), ["late"])

    def test_it_returns_the_ids_in_order(self):
        client = self.client(self.serve(name_ids))
        self.assertEqual(self.run_loop(client.send, inngest.Event("one")), ["one"])
        self.assertEqual(self.run_loop(client.send, [inngest.Event(name) for name in "abc"]), ["a", "b", "c"])
        self.assertEqual(self.run_loop(client.send, (inngest.Event(name) for name in "de")), ["d", "e"])
        self.assertEqual(self.run_loop(client.send, []), [])

    def test_five_hundred_sends_at_once_each_get_their_own_id(self):
        server = self.serve(*[name_ids] * 500)
        client = self.client(server, max_concurrency=16)
        names = [f"event/{number}" for number in range(500)]

        async def send_all():
            return await asyncio.gather(*[client.send(inngest.Event(name)) for name in names])

        self.assertEqual(self.run_loop(send_all), [[name] for name in names])
        self.assertLessEqual(server.connections, 16)

    def test_sends_go_out_at_the_same_time(self):
        held = [Held(), Held(), Held()]
        client = self.client(self.serve(*held), max_concurrency=3)

        async def send_all():
            sends = asyncio.gather(*[client.send(inngest.Event("event")) for _ in held])
            for script in held:
                await happens(script.arrived)
            for script in held:
                script.may_answer.set()
            return await sends

        self.assertEqual(len(self.run_loop(send_all)), 3)

    def test_the_loop_goes_on_while_a_send_waits(self):
        held = Held()
        client = self.client(self.serve(held))

        async def release_from_the_loop():
            send = asyncio.ensure_future(client.send(inngest.Event("event")))
            await happens(held.arrived)
            self.assertFalse(send.done())
            held.may_answer.set()
            return await send

        self.assertEqual(len(self.run_loop(release_from_the_loop)), 1)

    def test_context_variables_go_along(self):
        variable = contextvars.ContextVar("variable")
        seen = set()

        class Middleware(inngest.MiddlewareSync):
            def before_send_events(self, events):
                seen.add(("middleware", variable.get(None)))

        class Logger:
            def debug(self, *args):
                """Say nothing."""

            def warning(self, *args):
                seen.add(("logger", variable.get(None)))

        client = self.client(self.serve(unavailable_once), middleware=[Middleware], logger=Logger())

        async def send_within(value):
            variable.set(value)
            await client.send(inngest.Event("event"))

        async def send_both():
            await asyncio.gather(send_within("one"), send_within("two"))

        with mock.patch.object(retry, "BASE_DELAY", 0), mock.patch.object(retry, "MAX_JITTER", 0):
            self.run_loop(send_both)
        self.assertLessEqual({("middleware", "one"), ("middleware", "two")}, seen)
        self.assertEqual(len(seen), 3, seen)
        self.assertNotIn(("logger", None), seen)

    def test_a_subclass_that_overrides_send_sync_is_honoured(self):
        class Client(inngest.Inngest):
            def send_sync(self, events, **options):
                calls.append((events, options))
                return super().send_sync(events, **options) + ["extra"]

        calls = []
        client = self.client(self.serve(name_ids), Client)
        event = inngest.Event("event")

        async def send():
            return await client.send(event, skip_middleware=True, env="branch", timeout=9000)

        self.assertEqual(self.run_loop(send), ["event", "extra"])
        self.assertEqual(calls, [(event, {"skip_middleware": True, "env": "branch", "timeout": 9000})])

    def test_async_with_closes_the_client(self):
        server = self.serve()

        async def use():
            async with self.client(server) as client:
                self.assertIsInstance(client, inngest.Inngest)
                await client.send(inngest.Event("event"))
            with self.assertRaises(inngest.Error):
                await client.send(inngest.Event("late"))

        self.run_loop(use)
        self.assertEqual(len(server.requests), 1)

    def test_without_asyncio_it_says_what_to_do(self):
        server = self.serve()
        sending = self.client(server).send(inngest.Event("event"))
        with self.assertRaisesRegex(inngest.Error, r"asyncio.*trio\.to_thread\.run_sync\(client\.send_sync, events\)"):
            sending.send(None)  # as another library's loop drives it
        self.assertEqual(server.connections, 0)

    def test_asyncio_is_imported_by_send_only(self):
        server = self.serve()
        program = """
import importlib, sys
inngest = importlib.import_module(sys.argv[1])
with inngest.Inngest(app_id="app", is_production=False, event_api_base_url=sys.argv[2]) as client:
    client.send_sync(inngest.Event("sync"))
    assert "asyncio" not in sys.modules
    sending = client.send(inngest.Event("async"))
    import asyncio
    assert len(asyncio.run(asyncio.wait_for(sending, 9))) == 1
"""
        self.assertEqual(run_program(program, NAME, server.url), (0, "", ""))
        self.assertEqual(len(server.requests), 2)


class LoopsTest(AsyncTest):
    def test_one_client_serves_one_loop_after_the_other(self):
        server = self.serve(name_ids)
        client = self.client(server)
        for name in "abc":
            self.assertEqual(self.run_loop(client.send, inngest.Event(name)), [name])
        self.assertEqual(server.connections, 1)

    def test_one_client_serves_several_loops_at_once(self):
        server = self.serve(*[name_ids] * 100)
        client = self.client(server, max_concurrency=8)
        outcomes = {}

        async def send_all(thread):
            names = [f"{thread}/{number}" for number in range(25)]
            ids = await asyncio.gather(*[client.send(inngest.Event(name)) for name in names])
            outcomes[thread] = ids == [[name] for name in names]

        threads = [threading.Thread(target=lambda n=n: asyncio.run(send_all(n)), daemon=True) for n in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(TIME_LIMIT)
        self.assertEqual(outcomes, dict.fromkeys(range(4), True))


class SameOutcomeTest(AsyncTest):
    """Whatever ``send_sync`` raises, ``send`` raises too."""

    def assert_same_error(self, make_client, make_events=lambda: inngest.Event("event"), **options):
        def failure(send):
            with self.assertRaises(Exception) as caught:
                send(make_client())
            error = caught.exception
            return type(error), str(error), vars(error), type(error.__cause__)

        async def send(client):
            await client.send(make_events(), **options)

        by_sync = failure(lambda client: client.send_sync(make_events(), **options))
        self.assertEqual(failure(lambda client: self.run_loop(send, client)), by_sync)
        return by_sync[0]

    def test_for_what_is_refused_before_anything_is_sent(self):
        def changed():
            event = inngest.Event("event")
            event.data = {"x": b""}
            return [inngest.Event("first"), event]

        def broken():
            raise LookupError("broken")
            yield

        server = self.serve()
        good = inngest.Event("event")
        for label, expected, make_events, options in (
            ("no event", TypeError, lambda: "event", {}),
            ("a list of no events", TypeError, lambda: [good, 3], {}),
            ("a bad event", inngest.EventInvalidError, changed, {}),
            ("a generator that raises", LookupError, broken, {}),
            ("a bad env", ValueError, lambda: good, {"env": "a\nb"}),
            ("an env of the wrong type", TypeError, lambda: good, {"env": 3}),
            ("a timeout of the wrong type", TypeError, lambda: good, {"timeout": 1.5}),
        ):
            with self.subTest(label):
                kind = self.assert_same_error(lambda: self.client(server), make_events, **options)
                self.assertTrue(issubclass(kind, expected), kind)
        self.assertEqual(server.connections, 0)

    def test_for_what_the_server_refuses(self):
        def refuse(peer):
            peer.read()
            peer.answer(400, {"ids": ["FIRST"], "status": 400, "error": "event name is empty"})

        def hang_up(peer):
            peer.read()

        events = [inngest.Event("first"), inngest.Event("second")]
        for script in (refuse, hang_up):
            with self.subTest(script.__name__):
                server = self.serve(script, script)
                kind = self.assert_same_error(lambda: self.client(server, max_attempts=1), lambda: events)
                self.assertIs(kind, inngest.SendEventsError)

    def test_without_an_event_key(self):
        with mock.patch.dict(os.environ):
            os.environ.pop("INNGEST_EVENT_KEY", None)
            kind = self.assert_same_error(lambda: self.client(self.serve(), is_production=True))
        self.assertIs(kind, inngest.EventKeyUnspecifiedError)

    def test_without_time(self):
        server = self.serve()
        for timeout in (0, -1):
            with self.subTest(timeout=timeout):
                kind = self.assert_same_error(lambda: self.client(server), timeout=timeout)
                self.assertIs(kind, inngest.SendEventsError)
        self.assertEqual(server.connections, 0)

    def test_after_close(self):
        def closed():
            client = self.client(server)
            client.close()
            return client

        server = self.serve()
        self.assertTrue(issubclass(self.assert_same_error(closed), inngest.Error))
        self.assertEqual(server.connections, 0)


@unittest.skipUnless(hasattr(os, "fork"), "needs fork")
class ForkTest(AsyncTest):
    def in_child(self, function):
        """Return what ``function()`` returns, JSON data, in a forked child."""
        reader, writer = os.pipe()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # of 3.12: there are threads
            pid = os.fork()
        if not pid:
            with contextlib.suppress(BaseException):
                os.write(writer, json.dumps(function()).encode())
            os._exit(0)
        os.close(writer)
        with open(reader, "rb") as pipe:
            if not select.select([pipe], [], [], TIME_LIMIT)[0]:
                os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            return json.loads(pipe.read().decode() or '"the child failed"')

    def test_a_child_has_threads_and_connections_of_its_own(self):
        server = self.serve(*[name_ids] * 4)
        client = self.client(server)

        def send(name):
            return asyncio.run(client.send(inngest.Event(name)))

        self.assertEqual(send("parent"), ["parent"])
        self.assertEqual(self.in_child(lambda: [send("child/1"), send("child/2")]), [["child/1"], ["child/2"]])
        self.assertEqual(server.connections, 2)
        self.assertEqual(send("parent"), ["parent"])
        self.assertEqual(server.connections, 2)

    def test_a_child_that_gets_the_id_of_its_parents_process_has_threads_of_its_own(self):
        # Where process ids are few, as in containers, they come again.
        client = self.client(self.serve(*[name_ids] * 2))

        def send(name):
            return asyncio.run(client.send(inngest.Event(name)))

        with mock.patch("os.getpid", return_value=os.getpid()):
            self.assertEqual(send("parent"), ["parent"])
            self.assertEqual(self.in_child(lambda: send("child")), ["child"])

    def test_a_child_that_closes_the_client_does_not_end_its_parents_sends(self):
        held = Held()
        client = self.client(self.serve(held, name_ids), max_attempts=1)

        def send_and_close():
            ids = asyncio.run(client.send(inngest.Event("child")))
            client.close()
            return ids

        async def fork_while_sending():
            send = asyncio.ensure_future(client.send(inngest.Event("parent")))
            await happens(held.arrived)
            loop = asyncio.get_running_loop()  # forks on a thread where no loop runs
            ids = await loop.run_in_executor(None, self.in_child, send_and_close)
            held.may_answer.set()
            return ids, len(await send)

        self.assertEqual(self.run_loop(fork_while_sending), (["child"], 1))
