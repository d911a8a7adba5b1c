"""A simple response is read without http.client's help, and means what it means to http.client."""

import sys
import unittest
import zlib
from unittest import mock

from tests.helpers.library import inngest, module
from tests.helpers.servers import ScriptedServer, client_for

response = module("http.response")

NO_RESPONSE = "HTTP 200: not a response of the Event API"
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
    "chunked and the length of all chunks": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n"
    + b"Content-Length: %d\r\n\r\n%x\r\n%b\r\n0\r\n\r\n" % (len(BODY) + 11, len(BODY), BODY),
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


def packed(data, window):
    """Return ``data`` as zlib packs it: in gzip, zlib or no clothes at all, as ``window`` says."""
    packer = zlib.compressobj(wbits=window)
    return packer.compress(data) + packer.flush()


GZIP, ZLIB, BARE = zlib.MAX_WBITS | 16, zlib.MAX_WBITS, -zlib.MAX_WBITS


class ContentEncodingTest(unittest.TestCase):
    """A gateway may pack its responses although none was to be packed."""

    def outcome(self, encoding, body, status=200):
        """Return what becomes of a send that is answered so, twice on one connection, and how many came."""
        answer = f"HTTP/1.1 {status} OK\r\nContent-Encoding: {encoding}\r\nContent-Length: {len(body)}\r\n\r\n"
        outcomes, connections = send_twice(answer.encode() + body)
        self.assertEqual(connections, 1)
        self.assertEqual(outcomes[0], outcomes[1])
        return outcomes[0]

    def test_gzip_and_deflate_are_unpacked(self):
        for encoding in ("gzip", "x-gzip", "GZIP", " deflate", "identity"):
            for window in (GZIP, ZLIB, BARE):
                with self.subTest(encoding, window=window):
                    body = BODY if encoding == "identity" else packed(BODY, window)
                    self.assertEqual(self.outcome(encoding, body), ["ID"])

    def test_in_chunks_too(self):
        body = packed(BODY, GZIP)
        head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Encoding: gzip\r\n\r\n"
        outcomes, _ = send_twice(head + b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body))
        self.assertEqual(outcomes, [["ID"], ["ID"]])

    def test_what_is_packed_in_any_other_way_is_named(self):
        for encoding in ("br", "zstd", "gzip, gzip", "x"):
            text, status, _, maybe_delivered = self.outcome(encoding, packed(BODY, GZIP))
            self.assertEqual((status, maybe_delivered), (200, True))
            problem = "HTTP 200: not a response of the Event API"
            self.assertIn(f"{problem}; its Content-Encoding {encoding} cannot be unpacked", text)

    def test_where_python_lacks_zlib_the_encoding_is_named(self):
        with mock.patch.dict(sys.modules, zlib=None):
            text, status, _, maybe_delivered = self.outcome("gzip", packed(BODY, GZIP))
        self.assertEqual((status, maybe_delivered), (200, True))
        self.assertIn("HTTP 200: not a response of the Event API; its Content-Encoding gzip cannot", text)

    def test_what_cannot_be_unpacked_is_named(self):
        for body in (b"", b"no gzip", packed(BODY, GZIP)[:-9]):
            text, status, _, maybe_delivered = self.outcome("gzip", body)
            self.assertEqual((status, maybe_delivered), (200, True))
            self.assertIn("HTTP 200: not a response of the Event API; its Content-Encoding gzip cannot", text)

    def test_a_status_counts_though_the_text_cannot_be_read(self):
        text, status, _, maybe_delivered = self.outcome("br", b"x", 401)
        self.assertEqual((status, maybe_delivered), (401, False), text)

    def test_what_is_larger_unpacked_than_any_response_is_not_believed(self):
        bomb = packed(b" " * 40000000 + BODY, GZIP)
        self.assertLess(len(bomb), 100000)
        text, status, _, maybe_delivered = self.outcome("gzip", bomb)
        self.assertEqual((status, maybe_delivered), (200, True))
        self.assertIn("not a response of the Event API", text)
        self.assertNotIn("Content-Encoding", text)


class SizeTest(unittest.TestCase):
    """How much is read, to the byte."""

    LIMIT = 1000  # bytes of a body, in place of 16 MiB

    def outcomes(self, *pieces):
        """Return what becomes of two sends to a server that answers so, and the second requests on its connections."""

        def script(peer):
            peer.read()
            peer.send(b"".join(pieces))
            seconds.append(peer.read())

        outcomes, seconds = [], []
        with mock.patch.object(response, "MAX_RESPONSE_SIZE", self.LIMIT):
            with ScriptedServer(then=script) as server, client_for(server, max_attempts=1) as client:
                for _ in range(2):
                    try:
                        outcomes.append(client.send_sync(inngest.Event(name="event")))
                    except inngest.SendEventsError as error:
                        outcomes.append((error.status, str(error).partition("arrived): ")[2].partition(" (POST")[0]))
        return outcomes, seconds

    def test_the_limits_are_16_mib_and_a_mebibyte_for_heads(self):
        self.assertEqual((response.MAX_RESPONSE_SIZE, response._MAX_HEAD_SIZE), (16777216, 1048576))

    def test_a_body_of_just_the_limit_is_believed_and_one_of_a_byte_more_is_not(self):
        for size, expected in ((self.LIMIT, ["ID"]), (self.LIMIT + 1, (200, NO_RESPONSE))):
            body = BODY.ljust(size)
            zipped = packed(body, GZIP)
            for name, head, sent in (
                ("length", b"Connection: keep-alive\r\nContent-Length: %d\r\n\r\n" % size, body),
                ("one chunk", b"Transfer-Encoding: chunked\r\n\r\n%x\r\n" % size, body + b"\r\n0\r\n\r\n"),
                ("packed", b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(zipped), zipped),
            ):
                if size > self.LIMIT and name != "packed":
                    sent = sent.ljust(size + 2000000)  # more than is read: else it is cut short
                with self.subTest(name, size=size):
                    outcomes, _ = self.outcomes(b"HTTP/1.1 200 OK\r\n" + head, sent)
                    self.assertEqual(outcomes[0], expected)

    def test_heads_and_body_together_may_be_as_long_as_both_limits(self):
        final = b"HTTP/1.1 200 OK\r\nConnection: keep-alive\r\n" + LENGTH + b"\r\n" + BODY
        for more, expected in ((0, ["ID"]), (1, (None, "the response is not HTTP"))):
            left = self.LIMIT + 1048576 + more - len(final)
            early = b"HTTP/1.1 103 Early Hints\r\nX: %b\r\n\r\n"
            count = left // 60000
            sizes = [left // count] * (count - 1) + [left - left // count * (count - 1)]
            heads = [early % (b"x" * (size - len(early % b""))) for size in sizes]
            outcomes, _ = self.outcomes(*heads, final)
            self.assertEqual(outcomes[0], expected)

    def test_no_memory_is_taken_for_what_a_chunk_only_says_that_it_is(self):
        head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n7fffffffffff\r\n"
        self.assertEqual(self.outcomes(head)[0][0], (200, NO_RESPONSE))

    def test_a_connection_with_a_rest_that_was_not_read_is_not_used_again(self):
        head = b"HTTP/1.1 200 OK\r\nContent-Length: 9000000\r\n\r\n"
        outcomes, seconds = self.outcomes(head.ljust(self.LIMIT + 1048576 + 1))  # the rest has not come yet
        self.assertEqual((outcomes, seconds), ([(200, NO_RESPONSE)] * 2, [None, None]))


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
            self.assertIn("the response was cut short (POST to URL)", text)
            self.assertEqual(rest, [None, None, True])

    def test_after_more_than_an_answer_the_connection_is_not_used_again(self):
        for name in ("as the Event API answers", "chunked"):
            outcomes, connections = send_twice(ANSWERS[name] + b"HTTP/1.1 200 OK\r\nContent-Le")
            self.assertEqual((outcomes, connections), ([["ID"], ["ID"]], 2), name)

    def test_that_of_the_event_api_needs_no_http_client(self):
        with mock.patch.object(module("http.response"), "_read_any") as read_any:
            outcomes, connections = send_twice(ANSWERS["as the Event API answers"])
        self.assertEqual((outcomes, connections, read_any.called), ([["ID"], ["ID"]], 1, False))
