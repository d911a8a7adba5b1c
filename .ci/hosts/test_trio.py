"""trio: ``send`` says what to do there, and ``send_sync`` works on trio's threads."""

import unittest
from functools import partial

import trio

from cases import EVENT, TIME_LIMIT, ClientTest
from tests.helpers.library import inngest


class TrioTest(ClientTest):
    def test_send_says_what_to_do(self):
        server = self.server()
        client = self.client(server.url)
        with self.assertRaises(inngest.Error) as caught:
            trio.run(client.send, EVENT)
        self.assertIn("asyncio", str(caught.exception))
        self.assertIn("trio.to_thread.run_sync", str(caught.exception))
        self.assertEqual(server.requests, [])

    def test_send_sync_works_on_threads(self):
        server = self.server()
        client = self.client(server.url)
        ids = []

        async def send():
            ids.extend(await trio.to_thread.run_sync(client.send_sync, [EVENT, EVENT]))

        async def main():
            with trio.fail_after(TIME_LIMIT):
                async with trio.open_nursery() as nursery:
                    for _ in range(20):
                        nursery.start_soon(send)

        trio.run(main)
        self.assertEqual(sorted(ids), sorted(event.internal_id for event in server.events))

    def test_its_cancellation_leaves_the_thread_to_its_limit(self):
        client = self.client(self.silent_url())

        async def main():
            send = partial(client.send_sync, EVENT, timeout=1000)
            with trio.move_on_after(0.2) as scope:
                await trio.to_thread.run_sync(send, abandon_on_cancel=True)
            return scope.cancelled_caught

        self.assertTrue(trio.run(main))


if __name__ == "__main__":
    unittest.main()
