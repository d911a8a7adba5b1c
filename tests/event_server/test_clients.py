"""The stand-in server in front of clients that are no library of ours: other languages' ways, and hostile requests."""

import contextlib
import io
import random
import re

from tests.helpers.event_server import EventServerTest

EVENT = b'{"name":"a"}'


def request(method=b"POST", path=b"/e/k", version=b"HTTP/1.1", headers=b"Content-Length: 12\r\n", body=EVENT):
    return b"%s %s %s\r\nHost: localhost\r\n%s\r\n%s" % (method, path, version, headers, body)


class ClientsTest(EventServerTest):
    def setUp(self):
        self.server = self.start()

    def statuses(self, data):
        """Return the statuses of all responses to these bytes."""
        return [int(status) for status in re.findall(rb"HTTP/1\.1 ([0-9]+) ", self.exchange(self.server, data))]

    def names(self):
        return [event.name for event in self.server.events]

    def test_http_1_0_gets_a_response_and_its_end(self):
        data = request(version=b"HTTP/1.0") * 2
        self.assertEqual((self.statuses(data), self.names()), ([200], ["a"]))

    def test_requests_in_one_write_are_answered_in_order(self):
        data = request() + request(path=b"/e/k/") + request(b"GET", b"/health", headers=b"", body=b"") + request()
        self.assertEqual((self.statuses(data), self.names()), ([200, 303, 200, 200], ["a", "a"]))

    def test_head_has_no_body_so_that_the_next_response_is_where_it_should_be(self):
        look = request(b"HEAD", b"/", headers=b"", body=b"")
        data = self.exchange(self.server, look + look + request(b"GET", b"/health", headers=b"", body=b""))
        heads = data.split(b"\r\n\r\n")
        self.assertEqual([head.partition(b"\r\n")[0] for head in heads[:3]], [b"HTTP/1.1 200 OK"] * 3)
        self.assertEqual(heads[3], b'{"status":200,"message":"OK"}')

    def test_a_connection_is_closed_when_the_client_asks_for_it(self):
        data = request(headers=b"Content-Length: 12\r\nConnection: Close\r\n") + request()
        self.assertEqual((self.statuses(data), self.names()), ([200], ["a"]))

    def test_chunks_may_have_extensions_and_a_trailer(self):
        chunked = b"Transfer-Encoding: Chunked\r\n"
        body = b'5;a=b\r\n{"nam\r\n007 ;x\r\ne":"a"}\r\n2A\r\n%s\r\n0\r\nX-Trailer: 1\r\n\r\n' % (b" " * 42)
        self.assertEqual(self.statuses(request(headers=chunked, body=body) + request()), [200, 200])
        self.assertEqual(self.names(), ["a", "a"])

    def test_lines_may_end_with_lf_and_a_request_may_follow_an_empty_line(self):
        data = b"\r\n" + request().replace(b"\r\n", b"\n") + b"\r\n" + request()
        self.assertEqual((self.statuses(data), self.names()), ([200, 200], ["a", "a"]))

    def test_a_read_may_have_a_body(self):
        data = request(b"GET", b"/v1/events") + request(b"GET", b"/") + request()
        self.assertEqual((self.statuses(data), self.names()), ([200, 200, 200], ["a"]))

    def test_form_encoding_and_no_content_type_are_no_matter(self):
        for content_type in (b"", b"Content-Type: application/x-www-form-urlencoded\r\n", b"Content-Type: x\r\n"):
            self.assertEqual(self.statuses(request(headers=content_type + b"Content-Length: 12\r\n")), [200])

    def test_a_body_that_is_not_wanted_is_read_up_to_256_kib_to_keep_the_connection(self):
        data = request(path=b"/e/k/", headers=b"Content-Length: 262144\r\n", body=b"x" * 262144)
        self.assertEqual(self.statuses(data + request()), [303, 200])
        data = request(path=b"/e/k/", headers=b"Content-Length: 262145\r\n", body=b"")  # and it waits for none of it
        self.assertEqual(self.statuses(data), [303])

    def test_a_request_may_have_200_lines(self):
        for lines, statuses in ((200, [200]), (201, [])):
            with self.subTest(lines):
                headers = b"Content-Length: 12\r\n" + b"X: y\r\n" * (lines - 3)  # after Host, before an empty one
                self.assertEqual(self.statuses(request(headers=headers)), statuses)

    def test_a_length_that_is_none_ends_the_connection_and_stores_nothing(self):
        lengths = [b"-12", b"+12", b"1_2", b"12 12", b"0x0c", b"x", b"", b"9" * 20, b"9" * 5000]
        cases = [(b"Content-Length: %s\r\n" % length, EVENT) for length in lengths]
        chunks = [b"-c\r\n", b"+c\r\n", b"\r\n", b"x\r\n", b"f" * 20 + b"\r\n", b"f" * 5000 + b"\r\n", b"c"]
        cases += [(b"Transfer-Encoding: chunked\r\n", chunk + EVENT + b"\r\n0\r\n\r\n") for chunk in chunks]
        cases += [(b"Content-Length: 13\r\n", EVENT), (b"Transfer-Encoding: chunked\r\n", b"c\r\n" + EVENT + b"\r\n")]
        with self.nothing_raised():
            for headers, body in cases:
                with self.subTest(headers[:40] + body[:10]):
                    self.assertEqual(self.exchange(self.server, request(headers=headers, body=body)), b"")
        self.assertEqual(self.names(), [])

    def test_no_request_however_odd_raises_in_the_server_or_gets_what_is_no_response(self):
        self.post(self.connect(self.server), b'[{"name":"a"},{"name":"b","data":{"x":[1]}}]')
        drawn = random.Random(1)
        id = self.server.events[0].internal_id.encode()
        paths = [b"/v1/events", b"/v1/", b"/e/", b"k", b"/health", b"/runs", id, id.lower(), b"?limit=", b"9" * 400]
        paths += [b"&name=", b"?cursor=", b"&received_after=", b"&received_before=", b"2026-01-01T00:00:00Z", b"%"]
        paths += [b"9999-12-31T23:59:60.99%2B99:99", b"0001-01-01T00:00:00%2B23:59", b"%ff", b"\xff", b"//", b"\x00"]
        hosts = [b"localhost", b"evil.example", b"[::1]", b"[", b"]", b":", b"\xff", b"x" * 300, b"127.0.0.1:80", b""]
        bodies = [b"", b"Content-Length: 2\r\n\r\n{}", b"Content-Length: 2\r\nX: \xff", b"no colon"]
        with self.nothing_raised():
            for _ in range(500):
                path = drawn.choice([b"/", b""]) + b"".join(drawn.choice(paths) for _ in range(drawn.randrange(5)))
                head = drawn.choice([b"GET", b"HEAD", b"POST", b"x"]), path, drawn.choice(hosts), drawn.choice(bodies)
                data = b"%s %s HTTP/1.1\r\nHost: %s\r\n%s\r\n\r\n" % head
                with self.subTest(data):
                    self.assertRegex(self.exchange(self.server, data), rb"^$|^HTTP/1\.1 (200|303|400|403|404|405) ")
        self.assertEqual(self.statuses(request()), [200])

    @contextlib.contextmanager
    def nothing_raised(self):
        """Check that no thread ends with an exception, which it would print."""
        printed = io.StringIO()
        with contextlib.redirect_stderr(printed):
            yield
            self.server.close()
        self.server.start()
        self.assertEqual(printed.getvalue(), "")
