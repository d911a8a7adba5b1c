"""A program written for the official SDK works when only its import is changed."""

import asyncio
import datetime
import functools
import logging
import unittest

from tests.helpers.library import inngest
from tests.helpers.servers import ScriptedServer


class Serializer:
    """Stands for a serializer of the SDK, which is for what functions return."""


class Middleware(inngest.MiddlewareSync):
    """As one written for the SDK: it has the hooks of functions too, which nobody calls here."""

    def __init__(self, client, raw_request):
        super().__init__(client, raw_request)
        self.seen = []

    def before_execution(self):
        raise AssertionError("no function is executed here")

    def transform_input(self, ctx, function, steps):
        raise AssertionError("no function is executed here")

    def before_send_events(self, events):
        self.seen.extend(event.name for event in events)
        for event in events:
            event.data = dict(event.data, by="middleware")

    def after_send_events(self, result):
        self.client.logger.info("%s: %s, %s", self.seen, result.ids, result.error)


class TunedMiddleware(Middleware):
    """As one with arguments of its own, passed by functools.partial."""

    def __init__(self, client, raw_request, level):
        super().__init__(client, raw_request)
        self.level = level


class SDKProgramTest(unittest.TestCase):
    def setUp(self):
        self.server = ScriptedServer()
        self.addCleanup(self.server.close)
        self.logger = logging.getLogger("tests.sdk_compat")
        self.logger.setLevel(logging.INFO)

    def client(self, **options):
        """Return a client made with all keyword arguments of the SDK's constructor."""
        settings = {
            "api_base_url": "https://api.inngest.com/",
            "app_id": "my_app",
            "app_version": "1.2.3",
            "env": "branch",
            "event_api_base_url": self.server.url,
            "event_key": "key",
            "is_production": False,
            "logger": self.logger,
            "middleware": [Middleware, functools.partial(TunedMiddleware, level=3)],
            "request_timeout": 9000,
            "serializer": Serializer(),
            "signing_key": "signkey-test-12345678",
        }
        client = inngest.Inngest(**dict(settings, **options))
        self.addCleanup(client.close)
        return client

    def test_send_sync(self):
        event = inngest.Event(name="app/event", data={"a": [1, None]}, id="own", ts=1700000000000)
        with self.assertLogs(self.logger, "INFO") as logs:
            ids = self.client().send_sync(event)
        (request,) = self.server.requests
        self.assertEqual(
            request.events,
            [{"name": "app/event", "data": {"a": [1, None], "by": "middleware"}, "id": "own", "ts": 1700000000000}],
        )
        self.assertEqual((request.path, request.headers["x-inngest-env"]), ("/e/key", "branch"))
        self.assertEqual(len(ids), 1)
        messages = [record.getMessage() for record in logs.records]
        self.assertEqual(messages, [f"['app/event']: {ids}, None"] * 2)

    def test_send(self):
        client = self.client(request_timeout=datetime.timedelta(seconds=9))

        async def main():
            one = await client.send(inngest.Event(name="one"))
            two = await client.send([inngest.Event(name="two"), inngest.Event(name="three")], skip_middleware=True)
            return one + two

        with self.assertLogs(self.logger, "INFO"):
            ids = asyncio.run(main())
        self.assertEqual(len(set(ids)), 3)
        events = [event for request in self.server.requests for event in request.events]
        self.assertEqual(
            events,
            [{"name": "one", "data": {"by": "middleware"}}, {"name": "two", "data": {}}, {"name": "three", "data": {}}],
        )

    def test_what_is_left_out_has_its_default(self):
        client = inngest.Inngest(app_id="my_app", is_production=False)
        self.assertEqual(client.event_api_origin, "http://127.0.0.1:8288/")
        self.assertIsInstance(client.logger, logging.Logger)

    def test_arguments_that_serve_the_full_sdk_only_may_be_anything(self):
        for name in ("api_base_url", "app_version", "serializer", "signing_key"):
            for value in (None, "", object()):
                with self.subTest(name, value=value):
                    ids = self.client(**{name: value, "middleware": None}).send_sync(inngest.Event(name="event"))
                    self.assertEqual(len(ids), 1)

    def test_add_middleware_and_set_logger(self):
        client = self.client(middleware=None, logger=None)
        client.set_logger(self.logger)
        client.add_middleware(Middleware)
        self.assertIs(client.logger, self.logger)
        with self.assertLogs(self.logger, "INFO") as logs:
            client.send_sync([inngest.Event(name="event")])
        self.assertEqual(len(logs.records), 1)
