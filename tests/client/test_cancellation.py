"""What ends a ``send`` early: its task is cancelled, its time is over, its client is closed, the program exits."""

import asyncio
import contextvars
import signal
import sys
import threading
import unittest
from unittest import mock

from tests.helpers.library import NAME, inngest, module
from tests.helpers.processes import finish, run_program, start
from tests.helpers.servers import TIME_LIMIT, Deaf, Held, client_context
from tests.helpers.tasks import AsyncTest, happens
from tests.helpers.waiting import SkippedWaits, side_by_side

retry = module("retry")


def unavailable(peer):
    """A server's script: HTTP 503 to the first request, and then all is well."""
    peer.read()
    peer.answer(503)
    peer.serve()


class Logger:
    """Tells when a retry is logged."""

    def __init__(self):
        self.warned = threading.Event()

    def debug(self, *args):
        """Say nothing."""

    def warning(self, *args):
        self.warned.set()


class CancelTest(AsyncTest):
    async def cancel_a_send(self, client, when):
        """Begin to send an event, and cancel that when ``when`` has happened."""
        send = asyncio.ensure_future(client.send(inngest.Event("cancelled")))
        await happens(when)
        send.cancel()
        with self.assertRaises(asyncio.CancelledError):
            await send

    def assert_thread_is_free_after_cancelling(self, client, when):
        """Cancel a send; see that another gets the client's one thread, when the cancelled one is through with it."""

        async def main():
            await self.cancel_a_send(client, when)
            return await client.send(inngest.Event("next"))

        self.assertEqual(len(self.run_loop(main)), 1)

    def names(self, server):
        """Return the names of the events that arrived, and were read by a script, in order."""
        return [event["name"] for request in server.requests for event in request.events]

    def test_a_silent_server_is_hung_up_on_and_not_tried_again(self):
        deaf = Deaf()
        server = self.serve(deaf)
        client = self.client(server, max_concurrency=1)
        self.assert_thread_is_free_after_cancelling(client, deaf.arrived)
        self.assertTrue(deaf.hung_up.wait(TIME_LIMIT))
        self.assertEqual(self.names(server), ["next"])

    def test_a_wait_before_a_retry_ends_and_there_is_no_retry(self):
        server, logger = self.serve(unavailable), Logger()
        client = self.client(server, max_concurrency=1, logger=logger)
        with mock.patch.object(retry, "BASE_DELAY", 60):
            self.assert_thread_is_free_after_cancelling(client, logger.warned)
        self.assertEqual(self.names(server), ["cancelled", "next"])

    def test_a_tls_handshake_is_broken_off(self):
        deaf = Deaf()
        server = self.serve(deaf)
        url = server.url.replace("http:", "https:")
        client = self.client(server, event_api_base_url=url, ssl_context=client_context(), max_concurrency=1)

        async def main():
            await self.cancel_a_send(client, deaf.arrived)
            await happens(deaf.hung_up)

        self.run_loop(main)
        self.assertEqual(server.connections, 1)

    def test_what_is_queued_behind_busy_threads_is_never_sent(self):
        held = Held()
        server = self.serve(held)
        client = self.client(server, max_concurrency=1)

        async def main():
            first = asyncio.ensure_future(client.send(inngest.Event("first")))
            await happens(held.arrived)
            queued = asyncio.ensure_future(client.send(inngest.Event("queued")))
            await asyncio.sleep(0)  # now it is in the queue
            queued.cancel()
            with self.assertRaises(asyncio.CancelledError):
                await queued
            held.may_answer.set()
            await first
            await client.send(inngest.Event("last"))

        self.run_loop(main)
        self.assertEqual(self.names(server), ["first", "last"])

    def test_other_sends_of_the_client_go_on(self):
        deaf, held = Deaf(), Held()
        client = self.client(self.serve(deaf, held))

        async def main():
            cancelled = asyncio.ensure_future(self.cancel_a_send(client, held.arrived))
            await happens(deaf.arrived)
            other = asyncio.ensure_future(client.send(inngest.Event("other")))
            await cancelled
            await happens(deaf.hung_up)
            held.may_answer.set()
            return await other

        self.assertEqual(len(self.run_loop(main)), 1)

    def test_a_later_request_of_the_call_is_not_begun(self):
        deaf = Deaf()
        server = self.serve(deaf)
        client = self.client(server, max_concurrency=1)

        async def main():
            events = [inngest.Event("many")] * 5001  # two requests
            send = asyncio.ensure_future(client.send(events))
            await happens(deaf.arrived)
            send.cancel()
            with self.assertRaises(asyncio.CancelledError):
                await send
            await client.send(inngest.Event("next"))

        self.run_loop(main)
        self.assertEqual(self.names(server), ["next"])

    def test_what_a_hook_sends_is_hung_up_on_too(self):
        class Nested(inngest.MiddlewareSync):
            def before_send_events(self, events):
                self.client.send_sync(inngest.Event("nested"), skip_middleware=True)

        self.assert_second_call_is_cancelled([Nested])

    def test_a_second_call_within_send_sync_is_hung_up_on_too(self):
        class Twice(inngest.Inngest):
            def send_sync(self, events, **options):
                return super().send_sync([], **options) + super().send_sync(events, **options)

        self.assert_second_call_is_cancelled(kind=Twice)

    def assert_second_call_is_cancelled(self, middleware=(), kind=inngest.Inngest):
        deaf = Deaf()
        server = self.serve(deaf)
        client = self.client(server, kind, middleware=list(middleware))

        async def main():
            await self.cancel_a_send(client, deaf.arrived)
            await happens(deaf.hung_up)

        self.run_loop(main)
        self.assertEqual((server.connections, self.names(server)), (1, []))

    def test_wait_for_cancels(self):
        deaf = Deaf()
        client = self.client(self.serve(deaf))

        async def main():
            send = asyncio.ensure_future(client.send(inngest.Event("event")))
            await happens(deaf.arrived)
            with self.assertRaises(asyncio.TimeoutError):
                await asyncio.wait_for(send, 0.001)
            await happens(deaf.hung_up)

        self.run_loop(main)


    def test_what_a_hook_begins_to_send_afterwards_is_told_why_it_is_not(self):
        shared = module("http.cancellation").Cancellation()
        shared.cancel()
        context = contextvars.copy_context()
        context.run(module("http.cancellation").CURRENT.set, shared)
        server = self.serve()
        with self.assertRaisesRegex(inngest.SendEventsError, "^0 of 1 event accepted: cancelled$"):
            context.run(self.client(server).send_sync, inngest.Event("late"))
        self.assertEqual(server.connections, 0)


class TimeoutTest(AsyncTest):
    def send_behind_another(self, *args, **options):
        """Send while the client's one thread is busy; return the error, and the names of what arrived in the end."""
        held = Held()
        server = self.serve(held)
        client = self.client(server, max_concurrency=1)

        async def main():
            first = asyncio.ensure_future(client.send(inngest.Event("first")))
            await happens(held.arrived)
            with self.assertRaises(inngest.SendEventsError) as caught:
                await client.send(*args, **options)
            held.may_answer.set()
            await first
            await client.send(inngest.Event("last"))
            return caught.exception

        error = self.run_loop(main)
        return error, [event["name"] for request in server.requests for event in request.events]

    def test_when_no_thread_is_free_in_time_everything_is_unsent(self):
        events = [inngest.Event("late"), inngest.Event("later")]
        error, names = self.send_behind_another(events, timeout=50)
        self.assertEqual((error.ids, error.unsent, error.attempts), ([], events, 0))
        self.assertFalse(error.maybe_delivered)
        self.assertTrue(error.is_retriable)
        self.assertEqual(names, ["first", "last"])

    def test_when_no_thread_is_free_in_time_a_generator_is_not_touched(self):
        events = (inngest.Event(name) for name in "ab")
        error, names = self.send_behind_another(events, timeout=50)
        self.assertEqual((error.ids, error.unsent), ([], []))
        self.assertEqual([event.name for event in events], ["a", "b"])
        self.assertEqual(names, ["first", "last"])

    def test_the_time_in_the_queue_counts(self):
        held = Held()
        server = self.serve(held)
        client = self.client(server, max_concurrency=1)

        async def main():
            first = asyncio.ensure_future(client.send(inngest.Event("first")))
            await happens(held.arrived)
            queued = asyncio.ensure_future(client.send(inngest.Event("late"), timeout=20000))
            await asyncio.sleep(0)  # now it is in the queue
            waits.put_forward(21)
            held.may_answer.set()
            with self.assertRaises(inngest.SendEventsError) as caught:
                await queued
            await first
            return caught.exception

        with SkippedWaits(server) as waits:
            self.assertEqual(self.run_loop(main).attempts, 0)
        self.assertEqual(len(server.requests), 1)


class CloseTest(AsyncTest):
    def test_close_ends_the_sends_that_are_awaited(self):
        scripts = [Deaf(), Deaf()]
        client = self.client(self.serve(*scripts), max_concurrency=2)
        events = [inngest.Event(name) for name in "abc"]  # the last one is queued

        async def main():
            sends = asyncio.gather(*[client.send(event) for event in events], return_exceptions=True)
            for script in scripts:
                await happens(script.arrived)
            client.close()
            return await sends

        before = set(threading.enumerate())
        errors = self.run_loop(main)
        for event, error in zip(events, errors):
            self.assertIsInstance(error, inngest.SendEventsError)
            self.assertEqual((error.ids, error.unsent), ([], [event]))
        self.assertEqual([error.maybe_delivered for error in errors], [True, True, False])
        for script in scripts:
            self.assertTrue(script.hung_up.wait(TIME_LIMIT))
        for thread in set(threading.enumerate()) - before:
            if thread.name.startswith(NAME):
                thread.join(TIME_LIMIT)
                self.assertFalse(thread.is_alive())


class ExitTest(AsyncTest):
    PROGRAM = """
import asyncio, importlib, sys
inngest = importlib.import_module(sys.argv[1])
hour = 3600000
client = inngest.Inngest(
    app_id="app", is_production=False, event_api_base_url=sys.argv[2], request_timeout=hour
)
sending = lambda: client.send([inngest.Event("event")])
"""

    # A signal that comes just before the loop begins to wait does not end that wait; the interpreter sees it afterwards
    AWAKE = """
async def wake():
    while True:
        await asyncio.sleep(0.1)

async def main():
    waking = asyncio.ensure_future(wake())
    await sending()

asyncio.run(main())
"""

    def test_neither_loop_nor_interpreter_waits_for_a_silent_server(self):
        def check(ending):
            server = self.serve(*[Deaf() for _ in range(99)])
            program = self.PROGRAM + f"async def main():\n    {ending}\n"
            program += "asyncio.run(main())\nprint('through')\n"
            self.assertEqual(run_program(program, NAME, server.url), (0, "through\n", ""))

        cases = {
            "a cancelled task": "task = asyncio.ensure_future(sending()); await asyncio.sleep(0.1); task.cancel()",
            "a task left behind": "task = asyncio.ensure_future(sending()); await asyncio.sleep(0.1)",
            "many of them": "tasks = [asyncio.ensure_future(sending()) for _ in range(99)]; await asyncio.sleep(0.1)",
        }
        side_by_side(self, check, {label: [ending] for label, ending in cases.items()})

    @unittest.skipIf(sys.platform == "win32", "needs SIGINT")
    def test_an_interrupt_ends_a_program_that_awaits_a_silent_server(self):
        deaf = Deaf()
        server = self.serve(deaf)
        process = start(["-c", self.PROGRAM + self.AWAKE, NAME, server.url])
        self.assertTrue(deaf.arrived.wait(TIME_LIMIT))
        process.send_signal(signal.SIGINT)
        _, _, errors = finish(process)
        self.assertTrue(errors.rstrip().endswith("KeyboardInterrupt"), errors)
        self.assertTrue(deaf.hung_up.wait(TIME_LIMIT))
