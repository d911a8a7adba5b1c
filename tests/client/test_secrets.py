"""The event key and the event data are in no log record, no exception and no traceback."""

import asyncio
import logging
import os
import traceback
import unittest
from unittest import mock
from urllib.parse import quote

from tests.helpers.environments import counts_references
from tests.helpers.library import inngest, module
from tests.helpers.servers import (
    ScriptedServer,
    answering,
    client_context,
    client_for,
    name_ids,
    server_context,
    silent,
    without_delays,
)
from tests.helpers.waiting import SkippedWaits

DATA = "hunter2"
KEYS = ("s3cr3t-event-key", 'k"<y/ \u00e9%')


def quoting(text):
    """Return scripts that quote ``text``, in every place where http.client may show it."""
    text = text.encode()
    chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    answers = {
        "in the place of a status line": text + b"\r\n\r\n",
        "as the status": b"HTTP/1.1 " + text + b"\r\n\r\n",
        "after a status that is none": b"HTTP/1.1 999999 " + text + b"\r\n\r\n",
        "as the version": b"HTTP/" + text + b" 200 OK\r\n\r\n",
        "as an unknown version": b"HTTP/9.9 200 " + text + b"\r\n\r\n",
        "as the reason": b"HTTP/1.1 400 " + text + b"\r\nContent-Length: 0\r\n\r\n",
        "in a header that is too long": b"HTTP/1.1 200 OK\r\nX: " + text * 10000 + b"\r\n\r\n",
        "in too many headers": b"HTTP/1.1 200 OK\r\n" + (b"X: " + text + b"\r\n") * 500 + b"\r\n",
        "in a header that is none": b"HTTP/1.1 400 No\r\n" + text + b"\r\nContent-Length: 0\r\n\r\n",
        "as a length": b"HTTP/1.1 200 OK\r\nContent-Length: " + text + b"\r\n\r\n",
        "as the size of a chunk": chunked + text + b"\r\n",
        "in a body cut short": b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n" + text,
        "in a chunk cut short": chunked + b"999\r\n" + text,
    }
    return {case: lambda peer, answer=answer: (peer.read(), peer.send(answer)) for case, answer in answers.items()}


def chain(error):
    """Return an exception, and all that hang on it as cause or context, shown or not."""
    seen = []
    waiting = [error]
    while waiting:
        error = waiting.pop()
        if error is not None and error not in seen:
            seen.append(error)
            waiting += [error.__cause__, error.__context__]
    return seen


class SecretTest(unittest.TestCase):
    def check(self, server, key, forbidden, **options):
        event = inngest.Event(name="test/event", data={"password": DATA})
        with without_delays(), SkippedWaits(server), self.assertLogs(level=logging.DEBUG) as logs:
            logging.debug("begin")  # assertLogs wants one record at least
            with client_for(server, event_key=key, max_attempts=2, **options) as client:
                try:
                    client.send_sync([event])
                except inngest.SendEventsError as error:
                    texts = [traceback.format_exc(), repr(client), *logs.output]
                    for each in chain(error):
                        texts += [str(each), repr(each), repr(each.args)]
                        texts += [repr(value) for name, value in vars(each).items()]
                else:
                    self.fail("accepted")
        texts += [repr(record.args) for record in logs.records]
        for text in texts:
            for secret in forbidden:
                self.assertNotIn(secret, text)

    def test_the_key_is_hidden_wherever_a_server_quotes_the_path(self):
        for key in KEYS:
            forms = (key, quote(key, safe=""), quote(key, safe="-._~!$&'()*+,;=:@"))
            for case, script in quoting(f"no route to /e/{forms[2]}").items():
                with self.subTest(case, key=key), ScriptedServer(then=script) as server:
                    self.check(server, key, forms + (DATA,))

    def test_the_data_is_hidden_wherever_a_server_quotes_it_but_in_the_text_of_an_answer(self):
        for case, script in quoting(DATA).items():
            with self.subTest(case), ScriptedServer(then=script) as server:
                self.check(server, KEYS[0], (KEYS[0], DATA))

    def test_the_key_is_redacted_in_the_text_of_an_answer(self):
        for key in KEYS:
            forms = (key, quote(key, safe=""), quote(key, safe="-._~!$&'()*+,;=:@"))
            for form in forms:
                for status in (200, 404, 502):
                    for body in (f"cannot POST /e/{form}".encode(), {"error": "no key " + form}):
                        with self.subTest(form, status=status), ScriptedServer(then=answering(status, body)) as server:
                            self.check(server, key, forms + (DATA,))
                location = {"Location": f"/e/{forms[2]}/"}
                with ScriptedServer(answering(301, headers=location)) as server:
                    self.check(server, key, forms + (DATA,))

    def test_the_key_and_the_data_are_hidden_when_no_answer_comes(self):
        dead = ScriptedServer()
        dead.close()
        cases = {
            "silent": (silent, {}),
            "closed": (lambda peer: peer.read(), {}),
            "reset": (lambda peer: (peer.read(), peer.reset()), {}),
            "refused": (silent, {"event_api_base_url": dead.url}),
        }
        for case, (script, options) in cases.items():
            with self.subTest(case), ScriptedServer(then=script) as server:
                self.check(server, KEYS[0], (KEYS[0], DATA), **options)
        with ScriptedServer(ssl_context=server_context("other")) as server:
            self.check(server, KEYS[0], (KEYS[0], DATA), ssl_context=client_context())

    def test_a_success_hides_them_too(self):
        with ScriptedServer() as server, self.assertLogs(level=logging.DEBUG) as logs:
            with client_for(server, event_key=KEYS[0]) as client:
                ids = client.send_sync(inngest.Event(name="test/event", data={"password": DATA}))
        self.assertEqual(len(ids), 1)
        for record in logs.records:
            for text in (record.getMessage(), repr(record.args)):
                self.assertNotIn(KEYS[0], text)
                self.assertNotIn(DATA, text)


class LocalsTest(unittest.TestCase):
    """Reporters of errors collect the variables of all frames that an exception carries."""

    KEY = KEYS[0]
    PACKAGE = os.path.dirname(inngest.__file__)

    def events(self):
        return [inngest.Event(name="test/event", data={"password": DATA}) for _ in range(3)]

    def library_locals(self, error):
        """Yield the variables, as text, of each frame of the library that hangs on an exception."""
        waiting, seen = [traceback.TracebackException.from_exception(error, capture_locals=True)], 0
        while waiting:
            report = waiting.pop()
            waiting += [each for each in (report.__cause__, report.__context__) if each is not None]
            for frame in report.stack:
                if frame.filename.startswith(self.PACKAGE):
                    seen += 1
                    yield frame
        self.assertGreater(seen, 0)

    def check(self, error):
        for frame in self.library_locals(error):
            for name, value in (frame.locals or {}).items():
                for secret in (self.KEY, DATA):
                    self.assertNotIn(secret, value, f"{frame.filename}:{frame.lineno} {name}")

    def check_fails(self, expected, send, events):
        try:  # assertRaises would take the traceback off
            send(events)
        except expected as error:
            self.check(error)
        else:
            self.fail("accepted")

    def check_send(self, make_events, expected=inngest.SendEventsError, **options):
        """Send, in both ways, what must fail."""
        options = {"event_key": self.KEY, "app_id": "test", "max_attempts": 2, **options}
        with without_delays(), inngest.Inngest(**options) as client:
            self.check_fails(expected, client.send_sync, make_events())
            self.check_fails(expected, lambda events: asyncio.run(client.send(events)), make_events())

    def test_whatever_the_server_does(self):
        def cut(peer):
            peer.read()
            peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{")

        scripts = {
            "silent": silent,
            "closed": lambda peer: peer.read(),
            "reset": lambda peer: (peer.read(), peer.reset()),
            "no HTTP": lambda peer: (peer.read(), peer.send(b"?\r\n")),
            "cut": cut,
            "closed at once": lambda peer: None,
            "wrong ids": answering(200, {"ids": ["A", "B"], "status": 200}),
            **{str(status): answering(status, {"error": DATA[:3]}) for status in (302, 400, 401, 413, 429, 500, 503)},
        }
        for case, script in scripts.items():
            for source in (self.events, lambda: iter(self.events()), lambda: self.events()[0]):
                with self.subTest(case), ScriptedServer(then=script) as server, SkippedWaits(server):
                    self.check_send(source, event_api_base_url=server.url)

    def test_when_there_is_no_way_to_it(self):
        dead = ScriptedServer()
        dead.close()
        self.check_send(self.events, event_api_base_url=dead.url)
        with ScriptedServer(ssl_context=server_context("other")) as server:
            self.check_send(self.events, event_api_base_url=server.url, ssl_context=client_context())
        with ScriptedServer(then=lambda peer: (peer.read_head(), peer.answer(403))) as proxy:
            for name, url in (("http", proxy.url), ("https", proxy.url), ("http", dead.url), ("https", dead.url)):
                with mock.patch.dict(os.environ, {f"{name}_proxy": url}):
                    self.check_send(self.events, event_api_base_url=f"{name}://host.example")

    @counts_references  # PyPy gives an exception the frames back that were taken from it while it is handled
    def test_when_the_call_breaks_off(self):
        def source(count, error):
            yield from self.events() * count
            raise error

        def raise_in_hook(client, raw_request):
            raise KeyError

        with ScriptedServer(then=name_ids) as server:
            url = {"event_api_base_url": server.url}
            self.check_send(lambda: source(2000, KeyError()), **url)  # after a request
            self.check_send(lambda: source(1, KeyError()), KeyError, **url)
            self.check_send(self.events, middleware=[raise_in_hook], **url)
            for raised in (MemoryError(), RecursionError()):
                with mock.patch("urllib.request.OpenerDirector.open", side_effect=raised):
                    self.check_send(self.events, **url)
                with mock.patch.object(module("delivery"), "read_response", side_effect=raised):
                    self.check_send(self.events, **url)

    def test_when_an_event_has_become_invalid(self):
        def spoilt():
            event = self.events()[0]
            event.data["more"] = b""
            return event

        with ScriptedServer() as server:
            for source in (spoilt, lambda: [spoilt()], lambda: iter([*self.events(), spoilt()])):
                self.check_send(source, inngest.EventInvalidError, event_api_base_url=server.url)

    def test_when_the_client_is_closed_meanwhile(self):
        client = None

        def close(peer):
            peer.read()
            client.close()

        with ScriptedServer(then=close) as server:
            for send in (lambda events: client.send_sync(events), lambda events: asyncio.run(client.send(events))):
                client = client_for(server, event_key=self.KEY)
                self.check_fails(inngest.SendEventsError, send, self.events())  # closed while it is under way
                self.check_fails(inngest.SendEventsError, send, self.events())  # closed before
