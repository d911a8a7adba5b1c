"""The event key and the event data are in no log record, no exception and no traceback."""

import logging
import traceback
import unittest
from urllib.parse import quote

from tests.helpers.library import inngest
from tests.helpers.servers import (
    ScriptedServer,
    answering,
    client_context,
    client_for,
    server_context,
    silent,
    without_delays,
)

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
        with without_delays(), self.assertLogs(level=logging.DEBUG) as logs:
            logging.debug("begin")  # assertLogs wants one record at least
            with client_for(server, event_key=key, max_attempts=2, request_timeout=100, **options) as client:
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
