"""A task that is cancelled at any moment of its send: neither asyncio nor the interpreter has anything to say."""

import asyncio
import contextlib
import itertools
import logging
import time

from tests.helpers.library import inngest
from tests.helpers.servers import TIME_LIMIT, Deaf, Held, ScriptedServer
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

    def check(self, main, *varied):
        """Run a coroutine function with each combination; see that neither handler, logger nor warning complains."""

        async def run():
            for values in itertools.product(*varied):
                with self.subTest(values):
                    await main(*values)

        self.run_loop(run)
        self.assertEqual([record.getMessage() for record in self.records], [])

    @contextlib.contextmanager
    def one_client(self, script, **options):
        with ScriptedServer(script) as server:
            options.update(app_id="app", is_production=False, event_api_base_url=server.url)
            with inngest.Inngest(**options) as client:
                yield client

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
        async def main(status, timeout, steps, times):
            script = Answering(status)
            with self.one_client(script, max_attempts=1) as client:
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

        self.check(main, (200, 401, 503), (None, 9000), STEPS, (1, 2))

    def test_at_each_turn_of_the_loop_from_its_start(self):
        async def main(timeout, steps, times):
            with self.one_client(Deaf()) as client:
                task = asyncio.ensure_future(client.send(inngest.Event("a"), timeout=timeout))
                for _ in range(steps):
                    await asyncio.sleep(0)
                self.assertEqual(await self.cancel(task, times), "cancelled")

        self.check(main, (None, 9000), STEPS, (1, 2))

    def test_while_it_waits_for_a_thread(self):
        async def main(timeout, steps, times):
            held = Held()
            with self.one_client(held, max_concurrency=1) as client:
                first = asyncio.ensure_future(client.send(inngest.Event("first")))
                await happens(held.arrived)
                task = asyncio.ensure_future(client.send(inngest.Event("queued"), timeout=timeout))
                for _ in range(steps):
                    await asyncio.sleep(0.01 if timeout == 30 else 0)
                await self.cancel(task, times)
                held.may_answer.set()
                self.assertEqual(len(await first), 1)

        self.check(main, (None, 9000, 30), STEPS, (1, 2))

    def test_in_an_attempt_and_between_two(self):
        async def main(kind, timeout, times):
            script = Deaf() if kind is Deaf else Answering(503)
            with self.one_client(script) as client:
                task = asyncio.ensure_future(client.send(inngest.Event("a"), timeout=timeout))
                await happens(script.arrived)
                if kind is Answering:
                    script.may_answer.set()
                self.assertEqual(await self.cancel(task, times), "cancelled")

        self.check(main, (Deaf, Answering), (None, 9000), (1, 2))
