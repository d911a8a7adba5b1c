"""What the stand-in server stores, refuses and shows of events."""

import functools
import json
import socket
import threading
import time
from unittest import mock

from tests.helpers.event_server import SEED, EventServerTest, testing
from tests.helpers.library import NAME, TIME_LIMIT, inngest, module
from tests.helpers.processes import run

DIGITS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # of a ULID


class StoringTest(EventServerTest):
    def test_before_it_is_started_it_has_no_url(self):
        with self.assertRaisesRegex(RuntimeError, "not started"):
            testing.EventServer().url

    def test_an_event_is_stored_with_all_that_came(self):
        server = self.start()
        before = time.time()
        ids = self.client(server).send_sync(inngest.Event("a/b", {"x": [1]}, "mine", 1700000000000))
        (event,) = server.events
        self.assertEqual([event.internal_id], ids)
        self.assertEqual((event.name, event.data, event.id, event.ts), ("a/b", {"x": [1]}, "mine", 1700000000000))
        self.assertTrue(before - 1 <= event.received_at <= time.time() + 1)
        self.assertEqual(event.seed, server.requests[0].headers["x-inngest-event-id-seed"])

    def test_an_event_without_ts_gets_the_time_it_was_received(self):
        server = self.start()
        self.client(server).send_sync(inngest.Event("a"))
        (event,) = server.events
        self.assertEqual(event.ts, int(event.received_at * 1000))

    def test_numbers_and_text_are_altered_as_the_server_alters_them(self):
        server = self.start()
        connection = self.connect(server)
        body = b'{"name":"a","data":{"n":9007199254740993,"s":"\\ud800x\\ud83d\\ude00","b":"\xff","_inngest":1}}'
        self.assertEqual(self.post(connection, body)[0], 200)
        expected = {"n": 9007199254740992, "s": "\ufffdx\U0001f600", "b": "\ufffd"}
        self.assertEqual(server.events[0].data, expected)
        self.assertEqual(self.post(connection, b'{"name":"a","data":{"s":"\\uD800\\\\uDbff\\uDFFF"}}')[0], 200)
        self.assertEqual(server.events[1].data, {"s": "\ufffd\\uDbff\ufffd"})

    def test_data_is_kept_ten_thousand_levels_deep(self):
        server = self.start()
        depth = 9998
        body = b'{"name":"a","data":{"x":' + b"[" * depth + b"]" * depth + b"}}"
        self.assertEqual(self.post(self.connect(server), body)[0], 200)
        value = server.events[0].data["x"]
        for _ in range(depth - 1):
            (value,) = value
        self.assertEqual(value, [])

    def test_bad_json_is_refused_in_the_words_of_go(self):
        cases = {  # found equal to those of Go's encoding/json, like 300,000 random texts
            '{"name":"a" "data":1}': "invalid character '\"' after object key:value pair",
            '{"name" "a"}': "invalid character '\"' after object key",
            '[{"name":"a"} {"name":"b"}]': "invalid character '{' after array element",
            "{name:1}": "invalid character 'n' looking for beginning of object key string",
            "{'name':1}": r"invalid character '\'' looking for beginning of object key string",
            '{"name":\xe9}': "invalid character '\xc3' looking for beginning of value",
            '{"name":\x07}': r"invalid character '\a' looking for beginning of value",
            '{"name":True}': "invalid character 'T' looking for beginning of value",
            '{"name":"a",}': "invalid character '}' looking for beginning of object key string",
            '{"name":"a"}}': "invalid character '}' after top-level value",
            '{"name":trve}': "invalid character 'v' in literal true (expecting 'u')",
            '{"name":nul': "invalid character ' ' in literal null (expecting 'l')",
            '{"ts":-x}': "invalid character 'x' in numeric literal",
            '{"ts":1.}': "invalid character '}' after decimal point in numeric literal",
            '{"ts":1.5e+}': "invalid character '}' in exponent of numeric literal",
            '{"ts":01}': "invalid character '1' after object key:value pair",
            '{"name":"a\nb"}': r"invalid character '\n' in string literal",
            r'{"name":"\q"}': "invalid character 'q' in string escape code",
            r'{"name":"\u12x4"}': r"invalid character 'x' in \u hexadecimal character escape",
            r'{"name":"\ud8zz"}': r"invalid character 'z' in \u hexadecimal character escape",
            '[{"name":"a"},': "unexpected end of JSON input",
            '{"name":"a': "unexpected end of JSON input",
            '{"name":"a","data":{"x":[1,2}}': "invalid character '}' after array element",
            '{"name":"a","data":{"x":[1e400,2}}': "invalid character '}' after array element",
        }
        connection = self.connect(self.start())
        for body, error in cases.items():
            with self.subTest(body):
                status, response = self.post(connection, body.encode())
                self.assertEqual((status, json.loads(response.decode())["error"]), (400, error))

    def test_the_events_before_a_bad_one_are_stored(self):
        server = self.start()
        self.post(self.connect(server), b'[{"name":"a"},{"name":"b"},{"name":""},{"name":"c"}]')
        self.assertEqual([event.name for event in server.events], ["a", "b"])

    def test_a_body_in_chunks_and_one_that_waits_for_100_are_read(self):
        server = self.start()
        connection = self.connect(server)
        connection.request("POST", "/e/test", iter([b'{"name"', b':"a"}']), encode_chunked=True)
        self.assertEqual(connection.getresponse().read()[:8], b'{"ids":[')
        with socket.create_connection((server.host, server.port), TIME_LIMIT) as sock:
            sock.sendall(b"POST /e/k HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 12\r\n\r\n")
            self.assertEqual(sock.recv(100), b"HTTP/1.1 100 Continue\r\n\r\n")
            sock.sendall(b'{"name":"b"}')
            self.assertIn(b" 200 ", sock.recv(1000))
        self.assertEqual([event.name for event in server.events], ["a", "b"])

    def test_wait_for_returns_when_the_events_are_there(self):
        server = self.start()
        client = self.client(server)
        thread = threading.Thread(target=client.send_sync, args=([inngest.Event("a")] * 3,))
        thread.start()
        self.assertEqual(len(server.wait_for(3, TIME_LIMIT)), 3)
        thread.join()

    def test_wait_for_says_how_many_came(self):
        server = self.start()
        self.client(server).send_sync(inngest.Event("a"))
        with self.assertRaisesRegex(AssertionError, "^1 of 2 events came within 0.01 s$"):
            server.wait_for(2, timeout=0.01)
        with mock.patch.object(threading.Condition, "wait_for", return_value=False):
            with self.assertRaisesRegex(AssertionError, "^1 of 2 events came within 5 s$"):
                server.wait_for(2)

    def test_only_the_newest_are_kept_when_asked(self):
        server = self.start(keep=3)
        client = self.client(server)
        for n in range(5):
            client.send_sync(inngest.Event(f"n{n}"))
        self.assertEqual([event.name for event in server.events], ["n2", "n3", "n4"])
        self.assertEqual([event.name for event in server.runs], ["n2", "n3", "n4"])
        self.assertEqual(len(server.requests), 3)
        self.assertEqual(len(server.wait_for(5, TIME_LIMIT)), 3)

    def test_clear_forgets_everything(self):
        server = self.start()
        client = self.client(server)
        client.send_sync(inngest.Event("a", id="x"))
        server.fail_next()
        server.fail_randomly(1.0, seed=1)
        server.clear()
        self.assertEqual((server.events, server.runs, server.requests), ([], [], []))
        client.send_sync(inngest.Event("b", id="x"))
        self.assertEqual([event.name for event in server.runs], ["b"])

    def test_depth_is_refused_by_count_wherever_json_goes_deeper(self):
        # A high recursion limit and a large stack, so that json goes deeper than Go on every version that allows it.
        program = f"""
import sys, threading
from {NAME}.testing.gojson import GoError, read_value
def read(text):
    try:
        return read_value(text, 0)[1] == len(text)
    except GoError as err:
        return str(err)
def run():
    sys.setrecursionlimit(100000)
    nested = lambda depth: "[" * depth + "]" * depth
    print(read(nested(10000)))
    print(read(nested(10001)))
    print(read('{{"a":' + nested(10000) + ',"a":1}}'))
    print(read('[' + nested(6000) + ',' + nested(6000) + ']'))
    print(read('[' + '[],' * 10 + nested(10000) + ']'))
    print(read('["' + "[" * 20000 + '\\\\\\"[", []' + ", []" * 20000 + ']'))
threading.stack_size(512 << 20)
thread = threading.Thread(target=run)
thread.start()
thread.join()
"""
        code, output, errors = run(["-c", program])
        self.assertEqual((code, errors), (0, ""))
        refused = "invalid character '[' exceeded max depth"
        self.assertEqual(output.splitlines(), ["True", refused, refused, "True", refused, "True"])

    def test_what_is_deep_can_be_shown_and_written(self):
        server = self.start()
        depth = 9998
        nested = "[" * depth + "]" * depth
        self.post(self.connect(server), b'{"name":"a","data":{"x":%s}}' % nested.encode())
        (event,) = server.events
        self.assertIn(nested, repr(event))
        self.assertIn(nested, repr(server.events))
        to_json = module("testing.gojson").to_json
        self.assertEqual(to_json(event.data), '{"x":' + nested + "}")
        self.assertIn(nested, to_json(event.to_dict()))

    def test_json_is_written_without_recursion_as_json_writes_it(self):
        pieces = module("testing.gojson").json_pieces
        scalars = (1, -2.5, None, True, '\u2028"')
        nested = {"a": {"b": [], "c": [{"d": 1}]}, "": "x", "\xe9\u2028": 1}
        for value in (*scalars, [], {}, [[], {}, [1, [2]]], nested):
            with self.subTest(value):
                compact = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
                self.assertEqual("".join(pieces(value)), compact)
                self.assertEqual("".join(pieces(value, indent=2)), json.dumps(value, ensure_ascii=False, indent=2))

    def test_reserved_names_are_told_by_gos_lower_case(self):
        connection = self.connect(self.start())
        names = {
            "\u0130nngest/x": 400,
            "\u0130NNGEST/": 400,
            "INNGEST/x": 400,
            "\u0131nngest/x": 200,
            "\uff49nngest/x": 200,
            "i\u0307nngest/x": 200,
            "inngest\u2215x": 200,
            "inngestx/": 200,
        }
        for name, status in names.items():
            with self.subTest(ascii(name)):
                self.assertEqual(self.post(connection, json.dumps({"name": name}))[0], status)

    def test_a_refusal_is_kept_with_its_reason_and_how_many_were_stored_before(self):
        server = self.start(event_key="s3cr3t")
        connection = self.connect(server)
        self.post(connection, b'[{"name":"a"},{"name":""}]', "/e/s3cr3t")
        self.post(connection, b'{"name":"a"}', "/e/wr0ng")
        self.post(connection, b'{"name":"a"}', "/e/s3cr3t/")
        self.post(connection, b'{"name":"a"}', "/api/e/s3cr3t")
        self.post(connection, b'{"name":"a"}', "/v1/s3cr3t")
        connection.request("PUT", "/e/s3cr3t")
        connection.getresponse().read()
        expected = [
            (400, "event name is empty", 1),
            (401, "Event key not found", 0),
            (303, "the path ends with a slash: events go to /e/KEY", 0),
            (404, "the path is wrong: events go to /e/KEY", 0),
            (404, "the path is wrong: events go to /e/KEY", 0),
            (405, "PUT in place of POST", 0),
        ]
        self.assertEqual([(refusal.status, refusal.error, refusal.accepted) for refusal in server.refusals], expected)
        self.assertNotRegex(repr(server.refusals), "s3cr3t|wr0ng")
        received_at, *fields = server.refusals[0].to_dict().items()
        self.assertRegex(":".join(received_at), r"^received_at:20[-0-9]+T[0-9:.]+Z$")
        self.assertEqual(fields, [("status", 400), ("error", "event name is empty"), ("accepted", 1)])
        server.clear()
        self.assertEqual(server.refusals, [])


class SeedsTest(EventServerTest):
    """A seed counts when a real server takes it, else every id is random."""

    def ids(self, seed):
        with testing.EventServer() as server:
            connection = self.connect(server)
            response = self.post(connection, b'[{"name":"a"},{"name":"b"}]', X_Inngest_Event_Id_Seed=seed)
            connection.close()
        return json.loads(response[1].decode())["ids"]

    def test_milliseconds_are_from_1_to_the_most_that_48_bits_hold(self):
        entropy = SEED.partition(",")[2]
        self.assertEqual([id[:10] for id in self.ids(f"1,{entropy}")], ["0000000001"] * 2)
        for time_part in ("1", "0001", "1743130137367", str(2**48 - 1)):
            with self.subTest(time_part):
                self.assertEqual(self.ids(f"{time_part},{entropy}"), self.ids(f"{time_part},{entropy}"))
        for time_part in ("0", "000", "-1", str(2**48), "9" * 5000, "1.0", "", "x", "\u0661", "1 "):
            with self.subTest(time_part[:20]):
                seed = f"{time_part},{entropy}".encode("utf-8").decode("latin-1")
                self.assertNotEqual(self.ids(seed), self.ids(seed))

    def test_without_a_seed_an_id_begins_with_the_time(self):
        earliest = int(time.time() * 1000)
        (first, again), latest = self.ids("none"), int(time.time() * 1000)
        for id in (first, again):
            milliseconds = functools.reduce(lambda number, digit: number * 32 + DIGITS.index(digit), id[:10], 0)
            self.assertTrue(earliest <= milliseconds <= latest)
        self.assertNotEqual(first[10:], again[10:])

    def test_a_part_of_a_request_keeps_its_ids_under_the_seed_moved_on(self):
        whole = self.ids("1743130137367,AAAAAAAA/////w==")
        self.assertEqual(self.ids("1743130137367,AAAAAAAAAAAAAA==")[0], whole[1])


class RunsTest(EventServerTest):
    def test_a_request_that_comes_twice_starts_each_run_once(self):
        server = self.start()
        connection = self.connect(server)
        body = b'[{"name":"a"},{"name":"b"}]'
        first, again = (self.post(connection, body, X_Inngest_Event_Id_Seed=SEED) for _ in "12")
        self.assertEqual(first, again)
        self.assertEqual([event.name for event in server.events], ["a", "b", "a", "b"])
        self.assertEqual([event.name for event in server.runs], ["a", "b"])

    def test_an_id_of_the_senders_own_starts_a_run_once_in_24_hours(self):
        server = self.start()
        connection = self.connect(server)
        now = time.time()
        for hours in (0, 23.9, 24.1, 47, 48.2):
            with mock.patch.object(module("testing.store").time, "time", return_value=now + hours * 3600):
                self.post(connection, b'{"name":"a","id":"x"}')
        self.assertEqual([round((run.received_at - now) / 3600, 1) for run in server.runs], [0, 24.1, 48.2])

    def test_of_the_newest_ids_twice_as_many_as_are_kept_are_remembered(self):
        server = self.start(keep=2)
        connection = self.connect(server)

        def send(hours, *bodies):
            with mock.patch.object(module("testing.store").time, "time", return_value=hours * 3600):
                for body in bodies:
                    self.post(connection, body)
            return server.runs[-1].name, round(server.runs[-1].received_at / 3600)

        mine, other = b'{"name":"mine","id":"x"}', b'{"name":"other"}'
        self.assertEqual(send(0, mine), ("mine", 0))
        self.assertEqual(send(25, mine), ("mine", 25))  # each has two: the server's id, and its own
        self.assertEqual(send(26, other, other, other, mine), ("other", 26))
        self.assertEqual(send(27, other, mine), ("mine", 27))

    def test_events_without_ids_start_a_run_each(self):
        server = self.start()
        self.client(server).send_sync([inngest.Event("a")] * 3)
        self.assertEqual(len(server.runs), 3)
