"""Reading events back: each row of what a real Dev Server was measured to answer, and who may read."""

import json
import re
import time
import urllib.parse

from tests.helpers.event_server import SEED, EventServerTest, testing
from tests.helpers.library import TIME_LIMIT

TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?Z"
UNKNOWN_ID = "01M89N143W4V6EK435XYDM7NBW"


class ReadingTest(EventServerTest):
    def setUp(self):
        self.server = self.start()
        self.connection = self.connect(self.server)

    def send(self, body, seed=""):
        return json.loads(self.post(self.connection, body, X_Inngest_Event_Id_Seed=seed)[1].decode())["ids"]

    def get(self, path, method="GET", connection=None, **headers):
        """Return status, headers and body of a response."""
        connection = connection or self.connection
        connection.request(method, path, headers=headers)
        response = connection.getresponse()
        return response.status, response.headers, response.read()

    def get_json(self, path):
        status, headers, body = self.get(path)
        self.assertEqual((status, headers["Content-Type"]), (200, "application/json"))
        self.assertEqual(headers["X-Inngest-Server-Kind"], "dev")
        return json.loads(body.decode())

    def names(self, query=""):
        return [event["name"] for event in self.get_json("/v1/events" + query)["data"]]


class EventsTest(ReadingTest):
    def test_an_event_has_its_fields_in_the_order_of_the_server(self):
        (id,) = self.send(
            b'{"v":"2","user":{"x":1},"ts":1700000000000,"name":"probe/one","id":"mine-1","data":{"a":1},"other":1}'
        )
        status, headers, body = self.get(f"/v1/events/{id}")
        shown = json.loads(body.decode())
        self.assertEqual((status, headers["Content-Type"]), (200, "application/json"))
        self.assertEqual(headers["Cache-Control"], "private, max-age=5")
        self.assertEqual(list(shown), ["data", "metadata"])
        self.assertEqual(list(shown["metadata"]), ["fetched_at", "cached_until"])
        for moment in [shown["data"].pop("received_at"), *shown["metadata"].values()]:
            self.assertTrue(re.fullmatch(TIME, moment), moment)
        expected = {
            "internal_id": id,
            "account_id": "00000000-0000-0000-0000-000000000000",
            "environment_id": "00000000-0000-0000-0000-000000000000",
            "source": "",
            "source_id": None,
            "id": "mine-1",
            "name": "probe/one",
            "data": {"a": 1},
            "user": {"x": 1},
            "ts": 1700000000000,
            "v": "2",
        }
        self.assertEqual(list(shown["data"].items()), list(expected.items()))

    def test_what_was_not_sent_is_the_internal_id_null_or_left_out(self):
        for body in (b'{"name":"a"}', b'{"name":"a","data":null,"id":"","ts":0,"user":null}'):
            with self.subTest(body):
                before = time.time()
                (id,) = self.send(body)
                shown = self.get_json(f"/v1/events/{id}")["data"]
                self.assertEqual((shown["id"], shown["data"]), (id, None))
                self.assertTrue(int(before * 1000) <= shown["ts"] <= time.time() * 1000 + 1)
                self.assertFalse({"user", "v"} & set(shown))
        (id,) = self.send(b'{"name":"a","data":{"_inngest":1}}')
        self.assertEqual(self.get_json(f"/v1/events/{id}")["data"]["data"], {})

    def test_an_id_that_is_not_stored_or_none_at_all_is_200_with_an_error(self):
        cases = {
            UNKNOWN_ID: '{"error":"Event not found","data":null,"status":404}',
            "nonsense": '{"error":"Invalid event ID: nonsense","data":null,"status":400}',
            "nonsense/runs": '{"error":"Invalid event ID: nonsense","data":null,"status":400}',
        }
        for id, expected in cases.items():
            with self.subTest(id):
                status, headers, body = self.get(f"/v1/events/{id}")
                self.assertEqual((status, headers["Content-Type"]), (200, "application/json"))
                self.assertEqual(body.decode(), expected)

    def test_an_id_is_found_in_lower_case_too(self):
        (id,) = self.send(b'{"name":"a"}')
        self.assertEqual(self.get_json(f"/v1/events/{id.lower()}")["data"]["internal_id"], id)

    def test_the_newest_come_first_20_unless_limit_says_otherwise(self):
        self.send(json.dumps([{"name": f"n{n}"} for n in range(30)]).encode(), SEED)
        newest_first = [f"n{n}" for n in reversed(range(30))]
        self.assertEqual(self.names(), newest_first[:20])
        for limit, count in {"3": 3, "1000": 30, "0": 20, "x": 20, "": 20, "-5": 1}.items():
            with self.subTest(limit):
                self.assertEqual(self.names(f"?limit={limit}"), newest_first[:count])
        self.assertEqual(list(self.get_json("/v1/events")["metadata"]), ["fetched_at"])

    def test_name_and_cursor_choose(self):
        ids = self.send(b'[{"name":"a/b"},{"name":"c"},{"name":"a/b"},{"name":"\\u00e9 +"}]', SEED)
        cases = {
            "?name=a/b": ["a/b", "a/b"],
            "?name=a%2Fb&limit=1": ["a/b"],
            "?name=nothing": [],
            "?name=": ["\xe9 +", "a/b", "c", "a/b"],
            f"?name={urllib.parse.quote_plus(chr(0xe9) + ' +')}": ["\xe9 +"],
            f"?cursor={ids[2]}": ["c", "a/b"],
            f"?cursor={ids[2].lower()}&name=a/b": ["a/b"],
            f"?cursor={ids[0]}": [],
        }
        for query, names in cases.items():
            with self.subTest(query):
                self.assertEqual(self.names(query), names)

    def test_times_are_bounds(self):
        (id,) = self.send(b'{"name":"a"}')
        received_at = self.get_json(f"/v1/events/{id}")["data"]["received_at"]
        cases = {
            f"after={received_at}": ["a"],
            f"before={received_at}": ["a"],
            "after=2020-01-01T00:00:00Z": ["a"],
            "after=2999-01-01T00:00:00.123456789%2B01:00": [],
            "before=2020-01-01T00:00:00-23:59": [],
            "before=2999-01-01T00:00:00Z&received_after=2020-01-01T00:00:00Z": ["a"],
        }
        for query, names in cases.items():
            with self.subTest(query):
                self.assertEqual(self.names(f"?received_{query}"), names)

    def test_offsets_and_digits_of_a_second_count(self):
        (event,) = self.server.wait_for(1, TIME_LIMIT) if self.send(b'{"name":"a"}') else ()
        event.received_at = 1800000000.5  # 2027-01-15T08:00:00.5Z
        for bound, is_before in (
            ("2027-01-15T08:00:00.499999999Z", True),
            ("2027-01-15T08:00:00.500001Z", False),
            ("2027-01-15T09:30:00.4%2B01:30", True),
            ("2027-01-15T09:30:00.6%2B01:30", False),
            ("2027-01-15T07:30:00.4-00:30", True),
            ("2027-01-15T07:30:00.6-00:30", False),
        ):
            with self.subTest(bound):
                self.assertEqual(self.names(f"?received_after={bound}"), ["a"] if is_before else [])
                self.assertEqual(self.names(f"?received_before={bound}"), [] if is_before else ["a"])

    def test_what_cannot_be_read_in_a_query_is_200_with_an_error(self):
        for field, value in (
            ("cursor", "nonsense"),
            ("received_after", "yesterday"),
            ("received_after", "2026-13-01T00:00:00Z"),
            ("received_after", "2026-02-30T00:00:00Z"),
            ("received_before", "2026-01-01 00:00:00Z"),
            ("received_before", "0000-01-01T00:00:00Z"),
        ):
            with self.subTest(value):
                shown = self.get_json(f"/v1/events?{field}={urllib.parse.quote(value)}")
                self.assertEqual(shown, {"error": f"Invalid {field} query parameter", "data": None, "status": 400})

    def test_an_event_that_came_twice_is_listed_twice_under_one_id(self):
        first, again = (self.send(b'{"name":"a"}', SEED) for _ in "12")
        self.assertEqual(first, again)
        self.assertEqual([event["internal_id"] for event in self.get_json("/v1/events")["data"]], first * 2)

    def test_no_runs_are_listed(self):
        (id,) = self.send(b'{"name":"a"}')
        shown = self.get_json(f"/v1/events/{id}/runs")
        self.assertEqual((list(shown), shown["data"]), (["data", "metadata"], []))

    def test_an_event_ten_thousand_levels_deep_is_shown(self):
        nested = b"[" * 9998 + b"]" * 9998
        (id,) = self.send(b'{"name":"a","data":{"x":%s}}' % nested)
        for path in ("/v1/events", f"/v1/events/{id}"):
            self.assertIn(nested, self.get(path)[2])


class OtherPathsTest(ReadingTest):
    def test_health(self):
        status, headers, body = self.get("/health")
        self.assertEqual((status, headers["Content-Type"]), (200, "application/json"))
        self.assertEqual((headers["X-Inngest-Server-Kind"], body), ("dev", b'{"status":200,"message":"OK"}'))

    def test_only_get_is_allowed(self):
        for method in ("POST", "PUT", "DELETE", "HEAD"):
            for path in ("/v1/events", f"/v1/events/{UNKNOWN_ID}", "/health"):
                with self.subTest(method + path):
                    status, headers, body = self.get(path, method)
                    self.assertEqual((status, headers["Allow"], body), (405, "GET", b""))
                    self.assertEqual(headers["X-Inngest-Server-Kind"], "dev")

    def test_other_paths_below_v1_are_404(self):
        for path in ("nothing", "", "events/", "events//runs", f"events/{UNKNOWN_ID}/x", "events/a/runs/b", "events2"):
            for method in ("GET", "POST"):
                with self.subTest(method + path):
                    status, headers, body = self.get(f"/v1/{path}", method)
                    self.assertEqual((status, headers["Content-Type"]), (404, "text/plain; charset=utf-8"))
                    self.assertEqual((headers["X-Inngest-Server-Kind"], body), ("dev", b"404 page not found\n"))

    def test_nothing_there_makes_an_sdk_take_it_for_a_dev_server_that_runs_functions(self):
        for path in ("/dev", "/fn/register"):
            self.assertTrue(self.get(path)[1]["Content-Type"].startswith("text/html"))

    def test_requests_are_those_of_senders_only(self):
        self.get("/v1/events")
        self.get("/")
        self.assertEqual((self.server.requests, self.server.refusals), ([], []))


class HostsTest(ReadingTest):
    """Events are shown under no name that somebody elsewhere can have resolve to this machine."""

    SHOWN = ("/v1/events", f"/v1/events/{UNKNOWN_ID}", f"/v1/events/{UNKNOWN_ID}/runs", "/", "/anything")

    def statuses(self, host, connection=None):
        return {self.get(path, connection=connection, Host=host)[0] for path in self.SHOWN}

    def test_names_that_may_be_somebody_elses_are_refused(self):
        for host in (
            "evil.example",
            "evil.example:8288",
            "EVIL.EXAMPLE",
            "127.0.0.1.evil.example",
            "localhost.evil.example",
            "127.1.",
            "[::1].evil.example",
            "[evil.example]",
            "user@localhost",
            "",
            "localhost:8288:80",
            "[127.0.0.1]",
            "\xe9",
        ):
            with self.subTest(host):
                self.assertEqual(self.statuses(host.encode("latin-1")), {403})

    def test_names_that_are_nobody_elses_are_not(self):
        addresses = ("127.0.0.1", "127.0.0.1:8288", "[::1]:8288", "[::ffff:127.0.0.1]", "10.0.0.7")
        for host in (*addresses, "localhost:1", "LOCALHOST", "inngest:8288", "my-machine", "my_service"):
            with self.subTest(host):
                self.assertEqual(self.statuses(host), {200})

    def test_names_that_were_allowed_and_the_host_given_are_not(self):
        server = self.start(host="127.0.0.1", allowed_hosts=["dev.example", "Other.Example"])
        connection = self.connect(server)
        for host, status in {
            "dev.example:8288": 200,
            "DEV.example": 200,
            "other.example": 200,
            "sub.dev.example": 403,
            "dev.example.": 403,
        }.items():
            with self.subTest(host):
                self.assertEqual(self.statuses(host, connection), {status})

    def test_what_is_no_name_cannot_be_allowed(self):
        for names in (["dev.example:8288"], ["http://dev.example"], ["*.example"], [""], ["[::1]"]):
            with self.subTest(names), self.assertRaisesRegex(ValueError, "^allowed_hosts: expected names such as "):
                testing.EventServer(allowed_hosts=names)
        with self.assertRaisesRegex(TypeError, "^allowed_hosts: expected a list of names, got a str$"):
            testing.EventServer(allowed_hosts="dev.example")

    def test_a_refusal_says_what_to_do_and_shows_nothing(self):
        self.send(b'{"name":"a-name"}')
        _, headers, body = self.get("/", Host="evil.example")
        self.assertEqual(headers["Content-Type"], "text/plain; charset=utf-8")
        self.assertIn(b"--allow-host", body)
        self.assertNotIn(b"a-name", body)

    def test_a_client_that_names_no_host_is_no_browser(self):
        self.assertIn(b" 200 ", self.exchange(self.server, b"GET /v1/events HTTP/1.0\r\n\r\n"))

    def test_events_are_taken_and_health_is_told_under_any_name(self):
        for method, path in (("GET", "/health"), ("POST", "/e/k"), ("POST", "/wrong")):
            with self.subTest(path):
                self.connection.request(method, path, b'{"name":"a"}', {"Host": "evil.example"})
                response = self.connection.getresponse()
                response.read()
                self.assertEqual(response.status, 200)

    def test_no_web_page_elsewhere_is_given_leave_to_read(self):
        headers = self.get("/v1/events", Origin="https://evil.example")[1]
        self.assertEqual([name for name in headers if name.lower().startswith("access-control")], [])
