"""What tests of ``send`` share: a loop that is watched, and waiting while it goes on."""

import asyncio
import gc
import unittest
import warnings

from tests.helpers.library import inngest
from tests.helpers.servers import TIME_LIMIT, ScriptedServer


async def happens(event):
    """Wait for a threading.Event while the loop goes on. Raises AssertionError when it does not come."""
    loop = asyncio.get_running_loop()
    if not await loop.run_in_executor(None, event.wait, TIME_LIMIT):
        raise AssertionError("it did not happen in time")


class AsyncTest(unittest.TestCase):
    def serve(self, *scripts, **options):
        server = ScriptedServer(*scripts, **options)
        self.addCleanup(server.close)
        return server

    def client(self, server, kind=inngest.Inngest, **options):
        client = kind(**dict({"app_id": "app", "is_production": False, "event_api_base_url": server.url}, **options))
        self.addCleanup(client.close)
        return client

    def run_loop(self, main, *args):
        """Run a coroutine function in a loop of its own; see that it leaves nothing unretrieved, unawaited, open."""
        noise = []

        async def watched():
            loop = asyncio.get_running_loop()
            loop.set_exception_handler(lambda loop, context: noise.append(context["message"]))
            return await asyncio.wait_for(main(*args), TIME_LIMIT)

        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            try:
                return asyncio.run(watched())
            finally:
                gc.collect()
                self.assertEqual(noise + [str(warning.message) for warning in caught], [])
