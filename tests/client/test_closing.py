"""Closing a client, dropping it, or breaking a send off leaves nothing behind."""

import asyncio
import contextlib
import gc
import signal
import threading
import unittest
import warnings
import weakref
from unittest import mock

from tests.helpers import library
from tests.helpers.environments import counts_references
from tests.helpers.library import TIME_LIMIT, inngest
from tests.helpers.processes import run_program
from tests.helpers.servers import (
    EVENT,
    LARGE,
    SMALL_BUFFER,
    ScriptedServer,
    answering,
    client_context,
    client_for,
    failure_of,
    server_context,
    silent,
    without_delays,
)
from tests.helpers.waiting import SkippedWaits

AT_EXIT = """
import sys
from {name} import Event, Inngest

client = Inngest(app_id="test", event_key="key", event_api_base_url=sys.argv[1])
print(len(client.send_sync(Event(name="test/event"))))
"""


@contextlib.contextmanager
def counting_references_only():
    """No cycle is collected, and a socket that is dropped without being closed is an error."""
    gc.collect()
    gc.disable()
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            yield
        if caught:
            raise AssertionError([str(warning.message) for warning in caught])
    finally:
        gc.enable()


class Ended:
    """A script, or the end of one, that tells when the client closed its end."""

    def __init__(self, script=None):
        self._script = script
        self._closed = threading.Event()

    def __call__(self, peer):
        if self._script is not None:
            self._script(peer)
        with contextlib.suppress(OSError):
            while peer.socket.recv(65536):
                pass
        self._closed.set()

    def wait(self):
        return self._closed.wait(TIME_LIMIT)


def accept_one(peer):
    peer.accept(peer.read())


class CloseTest(unittest.TestCase):
    def check_ends_at_once(self, server, arrived, **options):
        """Close the client when ``arrived`` is set; return the error of the send that was under way."""
        errors = []
        client = client_for(server, **options)
        thread = threading.Thread(target=lambda: errors.append(failure_of(client)))
        thread.start()
        self.assertTrue(arrived.wait(TIME_LIMIT))
        client.close()
        thread.join(TIME_LIMIT)
        self.assertEqual([(len(error.unsent), error.attempts) for error in errors], [(1, 1)])
        return errors[0]

    def test_it_ends_a_call_that_waits_for_an_answer(self):
        for context in (None, server_context()):
            arrived = threading.Event()
            ended = Ended(lambda peer: (peer.read(), arrived.set()))
            with self.subTest(tls=context is not None), ScriptedServer(ended, ssl_context=context) as server:
                error = self.check_ends_at_once(server, arrived, ssl_context=client_context())
                self.assertTrue(error.maybe_delivered)
                self.assertIn("cancelled", str(error))
                self.assertTrue(ended.wait())

    def test_it_ends_a_call_in_its_tls_handshake(self):
        arrived = threading.Event()
        with ScriptedServer(lambda peer: (peer.socket.recv(1), arrived.set(), silent(peer))) as server:
            url = server.url.replace("http:", "https:")
            error = self.check_ends_at_once(server, arrived, event_api_base_url=url, ssl_context=client_context())
        self.assertFalse(error.maybe_delivered)
        self.assertIn("cancelled", str(error))

    def test_it_ends_a_call_that_waits_for_its_next_attempt(self):
        waits = threading.Event()

        class Logger:
            def debug(self, *args):
                pass

            def warning(self, *args):
                waits.set()

        with ScriptedServer(answering(429, headers={"Retry-After": "30"})) as server:
            error = self.check_ends_at_once(server, waits, logger=Logger())
        self.assertEqual((error.status, error.maybe_delivered, len(server.requests)), (429, False, 1))

    def test_a_later_send_is_an_error_and_nothing_is_sent(self):
        with ScriptedServer() as server:
            client = client_for(server)
            client.send_sync(EVENT)
            client.close()
            client.close()
            error = failure_of(client, [EVENT, EVENT])
            self.assertEqual((error.unsent, error.maybe_delivered, error.attempts), ([EVENT, EVENT], False, 0))
            self.assertIn("closed", str(error))
            self.assertEqual(failure_of(client, [EVENT, 5, EVENT]).unsent, [EVENT, EVENT])
        self.assertEqual((server.connections, len(server.requests)), (1, 1))

    def test_nothing_is_kept_of_calls_that_are_over(self):
        with ScriptedServer(then=answering(400)) as server, client_for(server) as client:
            for _ in range(3):
                failure_of(client)
            self.assertEqual(client._sender._under_way, set())

    def test_a_later_send_of_a_task_starts_no_thread(self):
        with ScriptedServer() as server:
            client = client_for(server)
            client.close()
            with mock.patch.object(threading.Thread, "start", side_effect=AssertionError):
                with self.assertRaisesRegex(inngest.SendEventsError, "the client is closed"):
                    asyncio.run(client.send(EVENT))

    def test_the_threads_of_tasks_have_ended_when_it_returns(self):
        before = set(threading.enumerate())
        with ScriptedServer() as server, client_for(server) as client:
            asyncio.run(client.send(EVENT))
            own = [thread for thread in set(threading.enumerate()) - before if thread.name == "inngest_send"]
            self.assertEqual(len(own), 1)
            client.close()
            self.assertFalse(own[0].is_alive())

    def test_it_closes_idle_connections(self):
        for context in (None, server_context()):
            ended = Ended(accept_one)
            with self.subTest(tls=context is not None), ScriptedServer(ended, ssl_context=context) as server:
                with client_for(server, ssl_context=client_context()) as client:
                    client.send_sync(EVENT)
                self.assertTrue(ended.wait())


class DropTest(unittest.TestCase):
    @counts_references
    def test_a_dropped_client_closes_its_connections_and_leaves_no_thread(self):
        for context in (None, server_context()):
            ended = Ended(accept_one)
            with self.subTest(tls=context is not None), ScriptedServer(ended, ssl_context=context) as server:
                with counting_references_only():
                    client = client_for(server, ssl_context=client_context())
                    client.send_sync(EVENT)
                    threads = {thread.name for thread in threading.enumerate()}
                    reference = weakref.ref(client)
                    del client
                    self.assertIsNone(reference())
                    self.assertTrue(ended.wait())
                self.assertFalse([name for name in threads if library.NAME in name])

    def test_a_program_may_end_without_closing_its_client(self):
        with ScriptedServer() as server:
            self.assertEqual(run_program(AT_EXIT.format(name=library.NAME), server.url), (0, "1\n", ""))

    @counts_references
    def test_an_error_keeps_the_client_alive_no_longer_than_itself(self):
        def cut_short(peer):
            peer.read()
            peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 27\r\n\r\n")

        def broken_source():
            yield EVENT
            raise KeyError

        dead = ScriptedServer()
        dead.close()
        bad = inngest.Event(name="a")
        bad.data = {"a": b"b"}
        # What the server does, what is sent, and further arguments of the client.
        cases = {
            "http error": (answering(500), EVENT, {}),
            "redirect": (answering(302, headers={"Location": "https://host/"}), EVENT, {}),
            "no http": (lambda peer: (peer.read(), peer.send(b"?\r\n")), EVENT, {}),
            "cut short": (cut_short, EVENT, {}),
            "reset": (lambda peer: (peer.read(), peer.reset()), EVENT, {}),
            "closed": (lambda peer: peer.read(), EVENT, {}),
            "silent": (silent, EVENT, {}),
            "refused": (silent, EVENT, {"event_api_base_url": dead.url}),
            "no tls": (lambda peer: peer.send(b"?"), EVENT, {"event_api_base_url": "https"}),
            "bad event": (silent, [bad], {}),
            "broken source": (silent, broken_source, {}),
            "no event": (silent, [5], {}),
            "no key": (silent, EVENT, {"event_key": None, "is_production": True}),
        }
        for case, (script, events, options) in cases.items():
            with self.subTest(case), without_delays(), ScriptedServer(then=script) as server:
                if options.get("event_api_base_url") == "https":
                    options = {"event_api_base_url": server.url.replace("http:", "https:")}
                with SkippedWaits(server), counting_references_only():
                    client = client_for(server, max_attempts=2, ssl_context=client_context(), **options)
                    error = None
                    try:
                        client.send_sync(events() if callable(events) else events)
                    except (inngest.Error, TypeError, KeyError) as err:
                        error = err
                    self.assertIsNotNone(error)
                    reference = weakref.ref(client)
                    del client
                    error = None
                    self.assertIsNone(reference())


@unittest.skipUnless(hasattr(signal, "pthread_kill"), "needs signals that are sent to a thread")
class InterruptTest(unittest.TestCase):
    """Ctrl-C, or a signal handler that raises, may break a send off anywhere."""

    class Interrupt(BaseException):
        pass

    def setUp(self):
        self.is_interrupted = threading.Event()

        def interrupt(number, frame):
            if not self.is_interrupted.is_set():
                self.is_interrupted.set()
                raise self.Interrupt

        self.addCleanup(signal.signal, signal.SIGUSR1, signal.signal(signal.SIGUSR1, interrupt))

    def interrupt_main_thread(self):
        """Send the signal until it is handled: one that comes just before a system call does not end that call."""
        signal.pthread_kill(threading.main_thread().ident, signal.SIGUSR1)
        while not self.is_interrupted.wait(0.05):
            signal.pthread_kill(threading.main_thread().ident, signal.SIGUSR1)

    def check_usable_after(self, first, events=EVENT, ssl_context=None):
        """Send to a script that interrupts this thread, then once more."""
        self.is_interrupted.clear()
        ended = Ended(first)
        with ScriptedServer(ended, ssl_context=ssl_context, receive_buffer=SMALL_BUFFER) as server:
            with counting_references_only():
                client = client_for(server, ssl_context=client_context())
                with self.assertRaises(self.Interrupt):
                    client.send_sync(events)
                self.assertTrue(ended.wait())
                self.assertEqual(len(client.send_sync(EVENT)), 1)
                client.close()

    def test_while_it_waits_for_the_answer(self):
        for context in (None, server_context()):
            with self.subTest(tls=context is not None):
                self.check_usable_after(lambda peer: (peer.read(), self.interrupt_main_thread()), ssl_context=context)

    def test_while_it_reads_the_answer(self):
        def script(peer):
            peer.read()
            peer.send(b'HTTP/1.1 200 OK\r\nContent-Length: 27\r\n\r\n{"ids":["ID"')
            self.interrupt_main_thread()

        self.check_usable_after(script)

    def test_while_it_writes_a_large_body(self):
        self.check_usable_after(lambda peer: (peer.socket.recv(1), self.interrupt_main_thread()), LARGE)

    def test_while_it_waits_for_its_next_attempt(self):
        def script(peer):
            peer.read()
            peer.answer(503, headers={"Retry-After": "30"})
            self.interrupt_main_thread()
            peer.serve()

        with ScriptedServer(script) as server, client_for(server) as client:
            with self.assertRaises(self.Interrupt):
                client.send_sync(EVENT)
            self.assertEqual(len(client.send_sync(EVENT)), 1)
        self.assertEqual(len(server.requests), 2)

    def test_in_the_tls_handshake(self):
        ended = Ended(lambda peer: (peer.socket.recv(1), self.interrupt_main_thread()))
        with ScriptedServer(ended) as server, counting_references_only():
            url = server.url.replace("http:", "https:")
            with client_for(server, event_api_base_url=url, ssl_context=client_context()) as client:
                with self.assertRaises(self.Interrupt):
                    client.send_sync(EVENT)
                self.assertTrue(ended.wait())
