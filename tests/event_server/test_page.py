"""The stand-in server's page, as text. ``.ci/page.py`` looks at it in a real browser."""

import html.parser
import json
import re
import urllib.parse

from tests.helpers.event_server import EventServerTest
from tests.helpers.library import module

HOSTILE = "<script>\"'&lt;</script></pre><img src=x onerror=alert(1)>"


class Page(html.parser.HTMLParser):
    """The elements of a page, each with its attributes, and its text by the id or name of the elements around it."""

    VOID = ("meta", "link", "br", "img")

    def __init__(self, text):
        super().__init__()
        self.elements = []
        self.open = []
        self.texts = {}
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))
        if tag not in self.VOID:
            self.open.append((tag, dict(attributes).get("id")))

    def handle_endtag(self, tag):
        assert self.open[-1][0] == tag, (tag, self.open)
        self.open.pop()

    def handle_data(self, data):
        for tag, id in self.open:
            for key in {tag, id}:
                self.texts[key] = self.texts.get(key, "") + data


class PageTest(EventServerTest):
    def get(self, server, path="/", **headers):
        connection = self.connect(server)
        connection.request("GET", path, headers=headers)
        response = connection.getresponse()
        self.assertEqual((response.status, response.headers["Content-Type"]), (200, "text/html; charset=utf-8"))
        return response.headers, response.read().decode()

    def page(self, server, path="/", **headers):
        return Page(self.get(server, path, **headers)[1])

    def test_it_is_at_every_path_that_is_none_of_the_apis_for_those_who_look(self):
        server = self.start()
        for path in ("/", "/stream", "/api/e/k", "/e", "/e/", "/E/k", "/dev", "/v1events", "*", "//e/k"):
            with self.subTest(path):
                self.assertEqual(self.page(server, path).texts["h1"], "Stand-in Event API")
        connection = self.connect(server)
        connection.request("HEAD", "/")
        response = connection.getresponse()
        self.assertEqual((response.status, response.read()), (200, b""))
        self.assertGreater(int(response.headers["Content-Length"]), 1000)

    def test_a_sender_with_a_wrong_path_gets_the_real_servers_placeholder(self):
        connection = self.connect(self.start())
        for method in ("POST", "PUT", "OPTIONS"):
            for host in ("localhost", "evil.example"):
                connection.request(method, "/x/e/test", b"{}", {"Host": host})
                response = connection.getresponse()
                self.assertEqual((response.status, response.read()), (200, b"<html>placeholder</html>\n"))

    def test_events_and_refusals_are_shown_newest_first_with_counts(self):
        server = self.start()
        connection = self.connect(server)
        event = b'{"name":"a/b","id":"mine","ts":1700000000000,"data":{"x":1}}'
        self.post(connection, b'[%s,{"name":"c"},{"name":""}]' % event)
        self.post(connection, b"nonsense")
        page = self.page(server)
        self.assertEqual(page.texts["event-count"], "2 events received")
        self.assertEqual(page.texts["refusal-count"], "2 requests refused")
        second, first = [attributes["id"] for tag, attributes in page.elements if tag == "li"][:2]
        self.assertEqual([first, second], [f"event-{n}-{e.internal_id}" for n, e in enumerate(server.events, 1)])
        self.assertIn("id mine \xb7 ts 1700000000000 (2023-11-14T22:13:20Z)", page.texts[first])
        self.assertIn('{\n  "x": 1\n}', page.texts[first])
        clock = r"\d\d:\d\d:\d\d"
        self.assertRegex(page.texts[second], rf"^{clock} c {server.events[1].internal_id}ts {server.events[1].ts} \(")
        later, earlier = page.texts["refusals"].splitlines()
        self.assertRegex(
            later, rf"^{clock} 400 Request body must contain an event object or an array of event objects$"
        )
        self.assertRegex(earlier, rf"^{clock} 400 event name is empty \(2 events before it accepted\)$")

    def test_what_is_empty_says_how_to_begin(self):
        page = self.page(self.start(), Host="localhost:1234")
        (hint,) = [attributes["data-empty"] for tag, attributes in page.elements if attributes.get("id") == "events"]
        self.assertEqual(hint, """Nothing yet. Try: curl -d '{"name":"app/test"}' localhost:1234/e/KEY""")

    def test_everything_is_escaped(self):
        server = self.start()
        connection = self.connect(server)
        elements = [tag for tag, _ in self.page(server).elements]
        event = module("testing.gojson").to_json({"name": HOSTILE, "id": HOSTILE, "data": {HOSTILE: HOSTILE}})
        self.post(connection, event)
        self.post(connection, event.replace('"name":"', '"name":"inngest/'))
        page = self.page(server)
        for element in elements:
            page.elements.remove(next(other for other in page.elements if other[0] == element))
        shown = {"li", "details", "summary", "time", "b", "bdi", "code", "p", "pre", "i"}
        self.assertEqual({tag for tag, _ in page.elements}, shown)
        for _, attributes in page.elements:
            self.assertLessEqual(set(attributes), {"id", "class", "datetime", "title"})
        self.assertEqual(page.texts["events"].count(HOSTILE), 2)
        self.assertEqual(page.texts["refusals"].count(HOSTILE), 1)

    def test_only_its_own_style_and_script_are_allowed_and_nothing_is_loaded(self):
        headers, text = self.get(self.start())
        policy = headers["Content-Security-Policy"]
        self.assertTrue(policy.startswith("default-src 'none'; "))
        self.assertNotIn("unsafe", policy)
        self.assertEqual(policy.count("'sha256-"), 2)
        self.assertEqual(headers["X-Content-Type-Options"], "nosniff")
        self.assertEqual(re.findall(r"(?:src|href|action)=\"([^\"]*)\"", text), ["data:,", "#refusals"])
        self.assertEqual(urllib.parse.urlsplit(re.search(r"fetch\(\"([^\"]*)\"", text).group(1)).netloc, "")
        self.assertNotIn("http", text.replace("http-equiv", ""))

    def test_only_the_newest_are_shown_and_of_large_data_the_beginning(self):
        server = self.start()
        connection = self.connect(server)
        (id,) = [self.post(connection, b'{"name":"large","data":{"x":"%s"}}' % (b"x" * 3000000))[1].decode()[9:35]]
        self.assertLess(len(self.get(server)[1]), 20000)
        self.assertIn(f'<a href="/v1/events/{id}">all of it</a>', self.get(server)[1])
        for n in range(3):
            self.post(connection, b"[%s]" % b",".join([b'{"name":"n%d"}' % n] * 50))
            self.post(connection, b"[%s{}]" % (b'{"name":"x"},' * n))
        self.assertNotIn("large", self.get(server)[1])
        self.assertEqual(self.page(server).texts["event-count"], "154 events received")
        self.assertEqual(len([tag for tag, _ in self.page(server).elements if tag == "summary"]), 100)

    def test_data_is_shown_whole_up_to_10000_characters(self):
        server = self.start()
        connection = self.connect(server)
        for size in (10000, 10001, 10002):
            with self.subTest(size):
                frame = '{\n  "x": ""\n}'
                self.post(connection, b'{"name":"a","data":{"x":"%s"}}' % (b"x" * (size - len(frame))))
                whole = json.dumps(server.events[0].data, indent=2)
                shown = self.page(server).texts["pre"]
                self.assertEqual(len(whole), size)
                self.assertEqual(shown, whole if size == 10000 else f"{whole[:10000]}\u2026\n\nall of it")
                server.clear()

    def test_of_long_names_ids_and_reasons_the_beginning_is_shown(self):
        server = self.start()
        connection = self.connect(server)
        long = b"x" * 100000
        self.post(connection, b'[{"name":"%s","id":"%s"},{"name":"inngest/%s"}]' % (long, long, long))
        text = self.get(server)[1]
        self.assertLess(len(text), 20000)
        self.assertEqual(text.count("x" * 900), 3)
        self.assertEqual(text.count("x&hellip;</bdi>"), 3)

    def test_an_event_ten_thousand_levels_deep_is_shown(self):
        server = self.start()
        self.post(self.connect(server), b'{"name":"deep","data":{"x":%s}}' % (b"[" * 9998 + b"]" * 9998))
        self.assertIn("deep", self.page(server).texts["events"])
