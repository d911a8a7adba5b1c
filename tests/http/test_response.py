"""A simple answer is read without http.client's help, and means what it means to http.client."""

import unittest
from unittest import mock

from tests.helpers.library import inngest, module
from tests.helpers.servers import ScriptedServer, client_for

BODY = b'{"ids":["ID"],"status":200}'
LENGTH = b"Content-Length: %d\r\n" % len(BODY)

ANSWERS = {
    "as the Event API answers": b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n" + LENGTH + b"\r\n" + BODY,
    "no reason": b"HTTP/1.1 200 \r\n" + LENGTH + b"\r\n" + BODY,
    "neither reason nor space": b"HTTP/1.1 200\r\n" + LENGTH + b"\r\n" + BODY,
    "another case": b"HTTP/1.1 200 OK\r\ncontent-LENGTH:%d\r\n\r\n" % len(BODY) + BODY,
    "space around a value": b"HTTP/1.1 200 OK\r\nContent-Length: \t %d \t\r\n\r\n" % len(BODY) + BODY,
    "an error that says when": b"HTTP/1.1 429 Slow\r\nRetry-After: 1000\r\n" + LENGTH + b"\r\n" + BODY,
    "a redirect": b"HTTP/1.1 302 Found\r\nLocation: http://other.example/x\r\nContent-Length: 0\r\n\r\n",
    "twice the same header": b"HTTP/1.1 200 OK\r\nX: 1\r\nX: 2\r\n" + LENGTH + b"\r\n" + BODY,
    "a folded header": b"HTTP/1.1 200 OK\r\nX: 1\r\n 2\r\n" + LENGTH + b"\r\n" + BODY,
    "bytes that are no ASCII": b"HTTP/1.1 200 \xff\r\nX: \xe9\r\n" + LENGTH + b"\r\n" + BODY,
    "the connection is to be closed": b"HTTP/1.1 200 OK\r\nConnection: close\r\n" + LENGTH + b"\r\n" + BODY,
    "one of several options is close": b"HTTP/1.1 200 OK\r\nConnection: x, close\r\n" + LENGTH + b"\r\n" + BODY,
    "the connection is kept": b"HTTP/1.1 200 OK\r\nConnection: keep-alive\r\n" + LENGTH + b"\r\n" + BODY,
    "an old server": b"HTTP/1.0 200 OK\r\n" + LENGTH + b"\r\n" + BODY,
    "chunked": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%b\r\n0\r\n\r\n" % (len(BODY), BODY),
    "chunked and a length": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n"
    + LENGTH
    + b"\r\n%x\r\n%b\r\n0\r\n\r\n" % (len(BODY), BODY),
    "a status without content": b"HTTP/1.1 204 No Content\r\n" + LENGTH + b"\r\n" + BODY,
    "an odd space in the length": b"HTTP/1.1 500 OK\r\nContent-Length: %d\x1c\r\n\r\n" % len(BODY) + BODY,
    "a negative chunk": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-5\r\n" + BODY + b"\r\n0\r\n\r\n",
    "no content": b"HTTP/1.1 204 No Content\r\n\r\n",
    "an interim answer first": b"HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\n" + LENGTH + b"\r\n" + BODY,
    "more than its length": b"HTTP/1.1 200 OK\r\n" + LENGTH + b"\r\n" + BODY + b"more",
    "a length that is none": b"HTTP/1.1 500 OK\r\nContent-Length: %db\r\n\r\n" % len(BODY) + BODY,
    "a negative length": b"HTTP/1.1 500 OK\r\nContent-Length: -1\r\n\r\n" + BODY,
    "lines that end in LF alone": b"HTTP/1.1 200 OK\nContent-Length: %d\n\n" % len(BODY) + BODY,
}
UNTIL_THE_END = {ANSWERS[name] for name in ("a length that is none", "a negative length", "an odd space in the length")}


def send_twice(answer):
    """Return what became of two sends to a server that gives this answer and closes, and how many connections came."""

    def script(peer):
        for _ in range(2):
            if peer.read() is None:
                return
            peer.send(answer)
            if answer in UNTIL_THE_END:
                return

    outcomes = []
    with ScriptedServer(then=script) as server, client_for(server, max_attempts=1) as client:
        for _ in range(2):
            try:
                outcomes.append(client.send_sync(inngest.Event(name="event")))
            except inngest.SendEventsError as error:
                text = str(error).replace(server.url.rstrip("/"), "URL")
                outcomes.append((text, error.status, error.retry_after, error.maybe_delivered))
    return outcomes, server.connections


class AnswerTest(unittest.TestCase):
    def test_it_means_what_http_client_takes_it_for(self):
        for name, answer in ANSWERS.items():
            with self.subTest(name):
                with mock.patch.object(module("http.response"), "_read_usual", return_value=None):
                    expected = send_twice(answer)
                self.assertEqual(send_twice(answer), expected)

    def test_a_negative_chunk_is_no_end_of_the_limit(self):
        for size in (b"-1", b"-5"):
            answer = ANSWERS["a negative chunk"].replace(b"-5", size)
            ((text, *rest), _), _ = send_twice(answer)
            self.assertIn("the answer was cut short (POST to URL)", text)
            self.assertEqual(rest, [None, None, True])

    def test_after_more_than_an_answer_the_connection_is_not_used_again(self):
        for name in ("as the Event API answers", "chunked"):
            outcomes, connections = send_twice(ANSWERS[name] + b"HTTP/1.1 200 OK\r\nContent-Le")
            self.assertEqual((outcomes, connections), ([["ID"], ["ID"]], 2), name)

    def test_that_of_the_event_api_needs_no_http_client(self):
        with mock.patch.object(module("http.response"), "_read_any") as read_any:
            outcomes, connections = send_twice(ANSWERS["as the Event API answers"])
        self.assertEqual((outcomes, connections, read_any.called), ([["ID"], ["ID"]], 1, False))
