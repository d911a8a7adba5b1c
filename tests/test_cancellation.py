"""What ends a ``send`` early: its task is cancelled, its time is over, its client is closed, the program exits."""

import asyncio
import signal
import sys
import threading
import time
import unittest
from unittest import mock

from tests.library import NAME, inngest, module
from tests.servers import Deaf, Held, ScriptedServer, client_context, finish_program, run_program, start_program
from tests.test_async import TIME_LIMIT, AsyncTestCase, happens

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


class CancelTest(AsyncTestCase):
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
        server = self.serve(Held.__call__ and deaf)
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
            with self.assertRaises(asyncio.TimeoutError):
                await asyncio.wait_for(client.send(inngest.Event("event")), 0.05)
            # Whether or not the thread had begun to send, it is over.
            return await client.send(inngest.Event("next"), timeout=9000) if not deaf.arrived.is_set() else None

        self.run_loop(main)
