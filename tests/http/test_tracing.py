"""What programs that trace do to requests and responses works, and they get to see no event key."""

import copy
import json
import sys
import unittest
import urllib.request
from unittest import mock

from tests.helpers.library import NAME, inngest
from tests.helpers.processes import run_program
from tests.helpers.servers import KEY, ScriptedServer, answering, client_for, failure_of, without_delays

EVENT = inngest.Event(name="test/event", data={"password": "hunter2"})
TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
OWN = {"content-type", "user-agent", "x-inngest-sdk", "x-inngest-event-id-seed", "host", "accept-encoding"}

AUDITED = """
import importlib, sys
seen = []
sys.addaudithook(lambda name, args: seen.append(args) if name == "urllib.Request" else None)
inngest = importlib.import_module(sys.argv[1])
with inngest.Inngest(app_id="test", event_key="the-event-key", event_api_base_url=sys.argv[2]) as client:
    client.send_sync(inngest.Event(name="test/event"))
print(len(seen), seen[0][0])
print("the-event-key" in repr(seen))
"""


class Span:
    """What OpenTelemetry's instrumentation of urllib does to a request and its response, and notes of them."""

    def __init__(self):
        self.notes = []

    def __call__(self, opener, request, data=None, timeout=None):
        note = {"url": request.full_url, "method": request.get_method(), "size": len(request.data)}
        self.notes.append(note)
        request.headers["traceparent"] = TRACE
        failure = None
        try:
            response = self.open(opener, request, data=data, timeout=timeout)
        except Exception as error:
            note["error"], failure = type(error).__name__, error
            response = getattr(error, "file", None)
        if response is not None:
            note["status"] = response.getcode()
            note["answer size"] = int(response.headers.get("Content-Length", 0))
            note["version"] = str(response.version)
        if failure is not None:
            raise failure
        return response

    def wrapping(self):
        """Return a context manager in which openers are wrapped."""
        self.open = urllib.request.OpenerDirector.open
        wrapper = self

        def instrumented(opener, fullurl, data=None, timeout=None):
            return wrapper(opener, fullurl, data=data, timeout=timeout)

        return mock.patch.object(urllib.request.OpenerDirector, "open", instrumented)


class Changing(Span):
    """A wrapper that does something else after, or before, a request is opened."""

    def __init__(self, before=lambda request: None, after=lambda response: response):
        super().__init__()
        self.before, self.after = before, after

    def __call__(self, opener, request, data=None, timeout=None):
        self.before(request)
        return self.after(self.open(opener, request, data=data, timeout=timeout))


class TracerTest(unittest.TestCase):
    def test_a_traced_send_succeeds_and_is_noted(self):
        span = Span()
        with span.wrapping(), ScriptedServer() as server, client_for(server) as client:
            self.assertEqual(len(client.send_sync(EVENT)), 1)
            self.assertEqual(len(client.send_sync(EVENT)), 1)
        note = span.notes[0]
        self.assertEqual((note["url"], note["method"]), (f"{server.url}e/***", "POST"))
        self.assertEqual((note["status"], note["version"]), (200, "11"))
        self.assertEqual(note["size"], len(server.requests[0].body))
        self.assertGreater(note["answer size"], 10)
        self.assertEqual([request.path for request in server.requests], [f"/e/{KEY}"] * 2)
        self.assertEqual([request.headers["traceparent"] for request in server.requests], [TRACE] * 2)

    def test_refusals_and_retries_are_what_they_are_without_it(self):
        for status, attempts in ((503, 2), (400, 1), (401, 1)):
            script = answering(status, {"status": status, "error": "no"}, {"Retry-After": "0"})
            with self.subTest(status), Span().wrapping(), without_delays(), ScriptedServer(then=script) as server:
                with client_for(server, max_attempts=2) as client:
                    error = failure_of(client)
            self.assertEqual((error.status, error.attempts, len(server.requests)), (status, attempts, attempts))

    def test_failures_without_a_response_are_noted_and_told(self):
        span = Span()
        with span.wrapping(), ScriptedServer(then=lambda peer: (peer.read(), peer.reset())) as server:
            with client_for(server, max_attempts=1) as client:
                self.assertIn("Connection reset", str(failure_of(client)))
        self.assertEqual(span.notes[0]["error"], "ConnectionResetError")

    def test_what_is_added_in_any_way_goes_out_once_and_not_with_the_next_request(self):
        def add(request):
            request.add_header("Traceparent", TRACE)
            request.add_unredirected_header("X-Count", 1)
            request.headers["baggage"] = "a=b"

        with ScriptedServer() as server, client_for(server) as client:
            with Changing(add).wrapping():
                client.send_sync(EVENT)
            client.send_sync(EVENT)
        first, second = (request.headers for request in server.requests)
        self.assertEqual([first.get(name) for name in ("traceparent", "x-count", "baggage")], [TRACE, "1", "a=b"])
        self.assertEqual(set(second) - OWN, {"content-length"})

    def test_what_would_break_the_request_does_not_go_out(self):
        def spoil(request):
            request.add_header("Content-Length", "3")
            request.add_unredirected_header("Host", "elsewhere")
            request.headers["transfer-encoding"] = "chunked"
            request.headers["X-Inngest-Sdk"] = "another"
            request.headers["Accept-Encoding"] = "gzip"
            request.headers["x-lines"] = "a\r\nContent-Length: 0"
            request.headers["x-\u00e9"] = "1"

        received = []

        def script(peer):
            received.append(peer.socket.recv(65536))
            peer.answer(200, {"ids": ["ID"], "status": 200})

        with Changing(spoil).wrapping(), ScriptedServer(script) as server, client_for(server) as client:
            client.send_sync(EVENT)
        head, _, body = received[0].partition(b"\r\n\r\n")
        names = [line.partition(b":")[0].decode().lower() for line in head.split(b"\r\n")[1:]]
        self.assertEqual(sorted(names), sorted({*OWN, "content-length"}))
        self.assertIn(f"content-length: {len(body)}".encode(), head)
        self.assertIn(f"host: 127.0.0.1:{server.port}".encode(), head)
        self.assertNotIn(b"another", head)

    def test_no_header_of_the_connection_s_own_can_be_set(self):
        reserved = (
            "Host", "Content-Length", "Transfer-Encoding", "TE", "Trailer", "Content-Encoding", "Accept-Encoding",
            "Connection", "Keep-Alive", "Proxy-Connection", "Proxy-Authorization", "Upgrade", "Expect",
        )  # fmt: skip

        def spoil(request):
            for name in reserved:
                request.headers[name] = "s3cr3t"
                request.add_unredirected_header(name, "s3cr3t")

        with Changing(spoil).wrapping(), ScriptedServer() as server, client_for(server) as client:
            self.assertEqual(len(client.send_sync(EVENT)), 1)
        self.assertNotIn("s3cr3t", server.requests[0].headers.values())

    def test_what_the_wrapper_returns_and_does_to_the_response_is_no_matter(self):
        def consume(response):
            with response:
                response.read()

        for after in (lambda response: None, lambda response: mock.Mock(spec_set=[]), consume):
            with Changing(after=after).wrapping(), ScriptedServer() as server, client_for(server) as client:
                self.assertEqual(len(client.send_sync(EVENT)), 1)

    def test_an_event_that_is_stored_is_so_whatever_the_wrapper_then_raises(self):
        def fail(response):
            raise AttributeError("a hook of the tracer")

        with Changing(after=fail).wrapping(), ScriptedServer() as server, client_for(server) as client:
            self.assertEqual(len(client.send_sync(EVENT)), 1)
        self.assertEqual(len(server.requests), 1)

    def test_a_wrapper_may_send_a_copy_of_the_request(self):
        own = urllib.request.OpenerDirector.open

        def of_copy(opener, request, *args, **kwargs):
            return own(opener, copy.copy(request), *args, **kwargs)

        with mock.patch.object(urllib.request.OpenerDirector, "open", of_copy), ScriptedServer() as server:
            with client_for(server) as client:
                self.assertEqual(len(client.send_sync(EVENT)), 1)

    def test_a_wrapper_that_sends_nothing_is_no_success(self):
        with mock.patch.object(urllib.request.OpenerDirector, "open"), ScriptedServer() as server:
            with client_for(server) as client:
                error = failure_of(client)
        self.assertEqual((error.attempts, error.maybe_delivered, server.requests), (1, False, []))
        self.assertIn("OpenerDirector.open", str(error))

    @unittest.skipUnless(hasattr(sys, "addaudithook"), "needs audit hooks: Python 3.8")
    def test_an_audit_hook_sees_no_event_key(self):
        with ScriptedServer() as server:
            result = run_program(AUDITED, NAME, server.url)
        self.assertEqual(result, (0, f"1 {server.url}e/***\nFalse\n", ""))
        self.assertEqual(server.requests[0].path, "/e/the-event-key")


class ResponseTest(unittest.TestCase):
    """The response looks like the one that urllib returns."""

    def responses(self, status, *headers, version="1.1"):
        """Return the response that the library's opener returns to a wrapper, and the one that urllib returns."""
        found = []
        body = json.dumps({"ids": ["ID"], "status": status}).encode()
        head = [f"HTTP/{version} {status} Fine", f"Content-Length: {len(body)}", "X-Header: Value", *headers]

        def script(peer):
            peer.read()
            peer.send("\r\n".join([*head, "", ""]).encode() + body)

        with ScriptedServer(then=script) as server:
            with Changing(after=found.append).wrapping(), client_for(server) as client:
                client.send_sync(EVENT)
            opener = urllib.request.OpenerDirector()
            opener.add_handler(urllib.request.HTTPHandler())
            with opener.open(f"{server.url}e/***", b"x") as response:
                for own in found:
                    yield own, response

    def test_it_says_of_an_old_server_that_it_is_one(self):
        for own, other in self.responses(200, version="1.0"):
            self.assertEqual((own.version, other.version), (10, 10))

    def test_it_has_what_urllib_s_has(self):
        for headers in ([], ["Connection: close"], ["Transfer-Encoding: identity"]):
            for own, other in self.responses(200, *headers):
                for name in ("status", "code", "reason", "msg", "version"):
                    self.assertEqual(getattr(own, name), getattr(other, name), name)
                for name in ("getcode", "geturl"):
                    self.assertEqual(getattr(own, name)(), getattr(other, name)(), name)
                for name in ("X-Header", "x-header", "CONTENT-LENGTH"):
                    for container in (own.headers, own.info()):
                        self.assertEqual(container[name], other.headers[name])
                        self.assertIn(name, container)
                    self.assertEqual(own.getheader(name), other.getheader(name))
                self.assertIs(type(own.headers), type(other.headers))
                self.assertEqual(
                    [(name.lower(), value) for name, value in own.getheaders()],
                    [(name.lower(), value) for name, value in other.getheaders()],
                )
                with own as entered:
                    self.assertEqual(entered.read(5) + entered.read(), other.read())
                self.assertTrue(own.closed)
