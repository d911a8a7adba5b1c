"""What a signal handler of the program raises comes through at once, wherever in a call it strikes."""

import logging
import signal
import unittest
from unittest import mock

from tests.helpers.library import inngest, module
from tests.helpers.servers import EVENT, ScriptedServer, client_for, name_ids, without_delays
from tests.helpers.strikes import Strike

KINDS = (TimeoutError, ConnectionResetError, OSError, InterruptedError, ValueError, inngest.Error)


class StrikingHandler(logging.Handler):
    """A handler without the ``except`` of the standard library's own ``handle``."""

    def __init__(self, strike):
        super().__init__()
        self.handle = strike


@unittest.skipUnless(hasattr(signal, "pthread_kill"), "needs signals that are sent to a thread")
class SignalHandlerTest(unittest.TestCase):
    def check(self, make_script=None, make_source=None, make_middleware=None, logger=None, kinds=KINDS):
        """Send with what is made of a strike; see that its error comes through, and that the client can send again."""
        for kind in kinds:
            with self.subTest(kind=kind.__name__), Strike(kind("from the handler")) as strike, without_delays():
                script = name_ids if make_script is None else make_script(strike)
                options = {"middleware": [make_middleware(strike)]} if make_middleware else {}
                if logger is not None:
                    options["logger"] = logger(strike)
                with ScriptedServer(script, then=name_ids) as server, client_for(server, **options) as client:
                    with self.assertRaises(kind) as caught:
                        client.send_sync(EVENT if make_source is None else make_source(strike))
                    self.assertIs(caught.exception, strike.error)
                    self.assertEqual(client.send_sync(EVENT), ["id of test/event"])

    def test_while_it_waits_for_the_response(self):
        self.check(lambda strike: lambda peer: (peer.read(), strike(), peer.serve()))

    def test_while_it_reads_the_response(self):
        def make_script(strike):
            def script(peer):
                peer.read()
                peer.send(b'HTTP/1.1 200 OK\r\nContent-Length: 27\r\n\r\n{"ids":["ID"')
                strike()

            return script

        self.check(make_script)

    def test_while_it_waits_for_the_next_attempt(self):
        def make_script(strike):
            def script(peer):
                peer.read()
                peer.answer(503, headers={"Retry-After": "30"})
                strike()
                name_ids(peer)

            return script

        self.check(make_script)

    def test_in_the_source_of_the_events(self):
        def make_source(strike, before):
            for _ in range(before):
                yield EVENT
            strike()
            yield EVENT

        for before in (0, 1, 5001):
            self.check(make_source=lambda strike, before=before: make_source(strike, before))

    def test_in_the_hooks(self):
        for name in ("before_send_events", "after_send_events"):
            self.check(make_middleware=lambda strike, name=name: type("M", (inngest.MiddlewareSync,), {name: strike}))

    def test_where_it_is_asked_what_a_hook_is(self):
        class Hooks(inngest.MiddlewareSync):
            """Hooks that do nothing."""

        for question in ("isawaitable", "iscoroutinefunction"):
            for kind in KINDS:
                with self.subTest(question, kind=kind.__name__), Strike(kind()) as strike, ScriptedServer() as server:
                    with client_for(server, middleware=[Hooks]) as client:
                        with mock.patch.object(module("middleware").inspect, question, strike):
                            with self.assertRaises(kind) as caught:
                                client.send_sync(EVENT)
                        self.assertIs(caught.exception, strike.error)

    def test_where_middleware_is_made(self):
        self.check(make_middleware=lambda strike: lambda client, raw_request: strike())

    def test_where_it_logs(self):
        def busy(_):
            def script(peer):
                peer.read()
                peer.answer(503)
                name_ids(peer)

            return script

        class Logger:
            def __init__(self, strike):
                self.debug = self.warning = strike

        def standard(strike):
            logger = logging.Logger("of a test", logging.DEBUG)
            logger.addHandler(StrikingHandler(strike))
            return logger

        for logger in (Logger, standard):
            self.check(logger=logger)  # at DEBUG: a success
            self.check(busy, logger=logger)

    def test_where_a_response_is_understood(self):
        def script(peer):
            peer.read()
            peer.answer(503, headers={"Retry-After": "Tue, 14 Nov 2023 22:13:50 GMT"})
            peer.read()
            peer.answer(302, headers={"Location": "http://host.example/"})

        protocol, retry = module("protocol"), module("retry")
        for owner, function in ((protocol.json, "loads"), (retry, "parsedate_tz"), (protocol, "urlsplit")):
            for kind in (ValueError, UnicodeError):
                with self.subTest(function, kind=kind.__name__), Strike(kind()) as strike, without_delays():
                    with ScriptedServer(script) as server, client_for(server) as client:
                        with mock.patch.object(owner, function, strike):
                            with self.assertRaises(kind) as caught:
                                client.send_sync(EVENT)
                        self.assertIs(caught.exception, strike.error)

    def test_an_error_that_a_handler_raised_before_the_call_is_nothing_special(self):
        with Strike(TimeoutError()) as strike, ScriptedServer(lambda peer: peer.read()) as server:
            with client_for(server, max_attempts=1) as client:
                try:
                    strike()
                except TimeoutError:
                    with self.assertRaises(inngest.SendEventsError):
                        client.send_sync(EVENT)
