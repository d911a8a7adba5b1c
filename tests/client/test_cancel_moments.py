"""A task that is cancelled at any moment of its send: neither asyncio nor the interpreter has anything to say."""

import asyncio
import itertools
import logging
import time

from tests.helpers.library import inngest
from tests.helpers.servers import TIME_LIMIT, Deaf, Held
from tests.helpers.tasks import AsyncTest, happens

STEPS = range(7)  # turns of the loop between the end of the call on its thread and the cancelling of its task


class Answering(Held):
    """A script that answers its first request with this status when it may."""

    def __init__(self, status):
        super().__init__()
        self.status = status

    def __call__(self, peer):
        peer.read()
        self.arrived.set()
        self.may_answer.wait(TIME_LIMIT)
        peer.answer(self.status, {"ids": ["ID"], "status": 200} if self.status == 200 else b"")


class MomentTest(AsyncTest):
    def setUp(self):
        self.records = []
        handler = logging.Handler(logging.ERROR)  # in debug mode asyncio warns of what takes long, too
        handler.emit = self.records.append
        for name in ("asyncio", "concurrent.futures"):
            logging.getLogger(name).addHandler(handler)
            self.addCleanup(logging.getLogger(name).removeHandler, handler)

    def check(self, main):
        """Run a coroutine function; see that nobody complains, be it a handler, a logger or a warning."""
        self.run_loop(main)
        self.assertEqual([record.getMessage() for record in self.records], [])

    async def cancel(self, task, times):
        for _ in range(times):
            task.cancel()
            await asyncio.sleep(0)
        try:
            return await task
        except asyncio.CancelledError:
            return "cancelled"
        except inngest.SendEventsError as error:
            return error

    def test_when_the_call_is_just_over(self):
        for status, timeout, steps, times in itertools.product((200, 401, 503), (None, 9000), STEPS, (1, 2)):
            with self.subTest(status=status, timeout=timeout, steps=steps, times=times):
                script = Answering(status)
                client = self.client(self.serve(script), max_attempts=1)

                async def main(client=client, script=script, timeout=timeout, steps=steps, times=times):
                    task = asyncio.ensure_future(client.send(inngest.Event("a"), timeout=timeout))
                    await happens(script.arrived)
                    script.may_answer.set()
                    queue = client._sender._executor.get()._queue
                    deadline = time.monotonic() + TIME_LIMIT
                    while not queue.idle and time.monotonic() < deadline:
                        time.sleep(0.0005)  # and the loop stands still
                    for _ in range(steps):
                        await asyncio.sleep(0)
                    await self.cancel(task, times)

                self.check(main)
                client.close()

    def test_at_each_turn_of_the_loop_from_its_start(self):
        for timeout, steps, times in itertools.product((None, 9000), STEPS, (1, 2)):
            with self.subTest(timeout=timeout, steps=steps, times=times):
                client = self.client(self.serve(Deaf()))

                async def main(client=client, timeout=timeout, steps=steps, times=times):
                    task = asyncio.ensure_future(client.send(inngest.Event("a"), timeout=timeout))
                    for _ in range(steps):
                        await asyncio.sleep(0)
                    self.assertEqual(await self.cancel(task, times), "cancelled")

                self.check(main)
                client.close()

    def test_while_it_waits_for_a_thread(self):
        for timeout, steps, times in itertools.product((None, 9000, 30), STEPS, (1, 2)):
            with self.subTest(timeout=timeout, steps=steps, times=times):
                held = Held()
                client = self.client(self.serve(held), max_concurrency=1)

                async def main(client=client, held=held, timeout=timeout, steps=steps, times=times):
                    first = asyncio.ensure_future(client.send(inngest.Event("first")))
                    await happens(held.arrived)
                    task = asyncio.ensure_future(client.send(inngest.Event("queued"), timeout=timeout))
                    for _ in range(steps):
                        await asyncio.sleep(0.01 if timeout == 30 else 0)
                    await self.cancel(task, times)
                    held.may_answer.set()
                    self.assertEqual(len(await first), 1)

                self.check(main)
                client.close()

    def test_in_an_attempt_and_between_two(self):
        for timeout, times in itertools.product((None, 9000), (1, 2)):
            deaf, busy = Deaf(), Answering(503)
            for script, moment in ((deaf, deaf.arrived), (busy, busy.arrived)):
                with self.subTest(script=type(script).__name__, timeout=timeout, times=times):
                    client = self.client(self.serve(script))

                    async def main(client=client, script=script, moment=moment, timeout=timeout, times=times):
                        task = asyncio.ensure_future(client.send(inngest.Event("a"), timeout=timeout))
                        await happens(moment)
                        if isinstance(script, Answering):
                            script.may_answer.set()
                        self.assertEqual(await self.cancel(task, times), "cancelled")

                    self.check(main)
                    client.close()
