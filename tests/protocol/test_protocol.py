"""What goes to the Event API and what its responses mean: the seed, headers, and every quirk of the responses."""

import base64
import collections
import json
import os
import re
import unittest
from unittest import mock

from tests.helpers.library import inngest, module
from tests.helpers.vectors import PATH as VECTORS

protocol = module("protocol")
redaction = module("redaction")

KEY = "k-S3cr3t"


class RequestTest(unittest.TestCase):
    def test_a_seed_is_the_time_in_milliseconds_and_ten_random_bytes(self):
        with mock.patch("time.time", return_value=1743130137.367), mock.patch.object(os, "urandom", bytes):
            self.assertEqual(protocol.new_seed(), "1743130137367," + "A" * 14 + "==")
        seeds = {protocol.new_seed() for _ in range(100)}
        self.assertEqual(len(seeds), 100)
        for seed in seeds:
            match = re.fullmatch(r"([0-9]{13}),([A-Za-z0-9+/]{14}==)", seed)
            self.assertEqual(len(base64.b64decode(match.group(2), validate=True)), 10)

    def test_the_time_of_a_seed_is_one_that_the_server_takes_whatever_the_clock_says(self):
        for now, milliseconds in ((-5.0, 1), (0.0, 1), (0.0004, 1), (0.002, 2), (1e15, 2**48 - 1)):
            with self.subTest(now), mock.patch("time.time", return_value=now):
                self.assertEqual(protocol.new_seed().partition(",")[0], str(milliseconds))

    def test_the_seed_of_a_part_counts_on_from_that_of_the_whole(self):
        for last, count, expected in ((0, 3, 3), (5, 0, 5), (2**32 - 1, 1, 0), (2**32 - 2, 5000, 4998)):
            entropy = b"sixfix" + last.to_bytes(4, "big")
            seed = "1743130137367," + base64.b64encode(entropy).decode()
            milliseconds, _, text = protocol.seed_after(seed, count).partition(",")
            self.assertEqual(milliseconds, "1743130137367")
            self.assertEqual(base64.b64decode(text, validate=True), b"sixfix" + expected.to_bytes(4, "big"))

    def test_parts_of_parts_count_on_from_the_whole(self):
        seed = protocol.new_seed()
        self.assertEqual(protocol.seed_after(protocol.seed_after(seed, 3), 4), protocol.seed_after(seed, 7))

    def test_headers_name_the_sender_the_type_and_the_environment_if_any(self):
        sender = "inngest-send-py:v" + inngest.__version__
        common = {"content-type": "application/json", "user-agent": sender, "x-inngest-sdk": sender}
        for env, more in ((None, {}), ("", {}), ("branch", {"x-inngest-env": "branch"})):
            self.assertEqual(protocol.event_headers(env), dict(common, **more))
        self.assertEqual(protocol.SEED_HEADER, "x-inngest-event-id-seed")


Read = collections.namedtuple("Read", "ids problem")


def read(status, body=b"", count=1, location=None):
    if not isinstance(body, bytes):
        body = json.dumps(body).encode()
    return Read(*protocol.read_response(status, location, body, count, KEY))


class SuccessTest(unittest.TestCase):
    def test_one_non_empty_id_for_each_event_is_a_success(self):
        for status in (200, 201, 299):
            for extra in ({}, {"status": 200}, {"error": None}, {"error": ""}, {"more": [1]}):
                answer = read(status, dict({"ids": ["A", "B"]}, **extra), 2)
                self.assertEqual((answer.ids, answer.problem), (["A", "B"], ""))


class FailureTest(unittest.TestCase):
    def check(self, answer, ids, *words):
        self.assertEqual(answer.ids, ids)
        for word in words:
            self.assertIn(word, answer.problem)

    def test_whatever_is_not_json_is_no_answer_of_the_event_api(self):
        page = b"<!DOCTYPE html><html><head><title>Inngest</title>"
        cut_and_long = (b'{"ids":["A"]', b'{"ids":["A"]}x', b"[" * 100000, b"1" * 5000)
        for body in (b"", page, b"ok", b'"\xff"', b"\0\x01") + cut_and_long:
            for status in (200, 201, 204):
                with self.subTest(body=body[:20], status=status):
                    self.check(read(status, body), [""], f"HTTP {status}: not a response of the Event API")
        self.check(read(200, page), [""], "<title>Inngest</title>")

    def test_of_a_body_that_is_no_text_nothing_is_shown(self):
        self.assertEqual(read(200, b"\0\x01png").problem, "HTTP 200: not a response of the Event API")
        self.assertEqual(read(502, b"\0\x01png").problem, "HTTP 502")

    def test_json_of_another_form_is_no_success(self):
        objects = ({}, {"ids": None}, {"ids": "A"}, {"ids": {"0": "A"}}, {"id": "A"})
        for document in ([], None, 5, "x", True, ["A"]) + objects:
            with self.subTest(document=document):
                self.check(read(200, document), [""], "HTTP 200: not a response of the Event API")

    def test_an_empty_id_never_means_accepted(self):
        self.check(read(200, {"ids": [""], "status": 200}), [""], "an id is missing")
        self.check(read(200, {"ids": ["A", "", "C"]}, 3), ["A", "", "C"], "an id is missing")

    def test_an_id_that_is_no_text_never_means_accepted(self):
        for id in (None, 5, True, ["A"], {"id": "A"}, 0):
            self.check(read(200, {"ids": ["A", id]}, 2), ["A", ""], "an id is missing")

    def test_fewer_ids_than_events_are_believed_as_far_as_they_go(self):
        self.check(read(200, {"ids": ["A"]}, 3), ["A", "", ""], "1 ids for 3 events")
        self.check(read(200, {"ids": []}, 2), ["", ""], "0 ids for 2 events")
        self.assertEqual(read(200, {"ids": []}).problem, "HTTP 200: 0 ids for 1 event")

    def test_more_ids_than_events_count_as_none(self):
        self.check(read(200, {"ids": ["A", "B", "C"]}, 2), ["", ""], "3 ids for 2 events")
        self.check(read(400, {"ids": ["A", "B"], "error": "bad"}, 1), [""], "HTTP 400: bad")

    def test_a_success_with_an_error_is_none(self):
        self.check(read(200, {"ids": ["A", "B"], "error": "half"}, 2), ["A", "B"], "HTTP 200: half")

    def test_an_error_that_is_no_text_is_not_taken_for_a_missing_id(self):
        for error in ({"code": 1}, ["bad"], 1, True):
            answer = read(200, {"ids": ["A"], "error": error})
            self.check(answer, ["A"], "HTTP 200")
            self.assertNotIn("id is missing", answer.problem)

    def test_a_400_lists_the_events_before_the_first_bad_one(self):
        body = {"ids": ["A", "B"], "status": 400, "error": "event name is empty"}
        self.check(read(400, body, 5), ["A", "B", "", "", ""], "HTTP 400: event name is empty")
        self.check(read(400, dict(body, ids=[""]), 3), ["", "", ""], "HTTP 400: event name is empty")

    def test_a_wrong_key_is_named_by_the_server(self):
        body = {"status": 401, "message": "", "error": "Event key not found"}
        self.check(read(401, body), [""], "HTTP 401: Event key not found")

    def test_an_error_of_a_gateway_is_named_by_its_status_and_text(self):
        for status in (413, 502, 503, 504):
            self.check(read(status, b"<h1>Bad\r\nGateway</h1>"), [""], f"HTTP {status}: <h1>Bad Gateway</h1>")
            self.assertEqual(read(status).problem, f"HTTP {status}")

    def test_ids_outside_of_2xx_are_believed_but_are_no_success(self):
        for status in (101, 300, 302, 400, 500):
            answer = read(status, {"ids": ["A", "B"], "status": 200}, 2)
            self.assertEqual(answer.ids, ["A", "B"])
            self.assertTrue(answer.problem)

    def test_a_redirect_names_the_status_and_the_origin_and_no_more(self):
        for location, origin in (
            (f"https://other.example:444/e/{KEY}?x=1#f", "https://other.example:444"),
            ("https://user:password@other.example/", "https://other.example"),
            ("//other.example/x", "//other.example"),
            (f"/ui/{KEY}", "the same origin"),
            ("", "the same origin"),
        ):
            answer = read(303, b"<a href>See Other</a>", 1, location)
            self.check(answer, [""], "HTTP 303", origin)
            for hidden in (KEY, "password", "x=1"):
                self.assertNotIn(hidden, answer.problem)
        self.check(read(301, b"moved"), [""], "HTTP 301", "moved")

    def test_only_3xx_is_a_redirect_and_only_2xx_could_have_been_a_success(self):
        for status, words in (
            (299, "HTTP 299: not a response of the Event API: text"),
            (300, "HTTP 300: a redirect to https://h, which is not followed"),
            (399, "HTTP 399: a redirect to https://h, which is not followed"),
            (400, "HTTP 400: text"),
        ):
            self.assertEqual(read(status, b"text", 1, "https://h/x").problem, words)
        self.assertEqual(read(300, b"text").problem, "HTTP 300: text")

    def test_a_redirect_to_nonsense_is_no_crash(self):
        for location in ("http://[x", "http://h\u2100.example/", "http://[::1", "::::", "http://h:99999999/", "\0"):
            with self.subTest(location=location):
                self.check(read(302, b"", 1, location), [""], "HTTP 302")

    def test_every_answer_of_a_real_server_is_read_as_what_it_was(self):
        path = VECTORS
        with open(path, encoding="utf-8") as file:
            vectors = json.load(file)["vectors"]
        self.assertGreater(len(vectors), 60)
        for vector in vectors:
            response = vector["response"]
            body, count = response.get("json"), response.get("id_count") or 1
            listed = [] if body is None else body.get("ids", [])
            if "..." in listed:  # as the file has it where there are thousands
                listed = ["ID"] * count
                body = dict(body, ids=listed)
            answer = read(response["status"], response.get("text", "").encode() if body is None else body, count)
            with self.subTest(vector["case"]):
                self.assertEqual([id for id in answer.ids if id], [id for id in listed if id])
                self.assertEqual(answer.problem == "", response["status"] == 200 and listed != [""] and bool(listed))

    def test_only_some_answers_leave_open_what_was_accepted(self):
        for status in (200, 204, 299, 408, 500, 502, 503, 504):
            self.assertTrue(protocol.may_have_accepted(status), status)
        for status in (300, 301, 303, 400, 401, 403, 404, 407, 409, 413, 429, 499):
            self.assertFalse(protocol.may_have_accepted(status), status)


class ExcerptTest(unittest.TestCase):
    def test_a_quote_is_at_most_200_printable_characters_on_one_line(self):
        self.assertEqual(redaction.excerpt("  a\r\n\tb\x1b[31m\u202e c\x7f ", None), "a b [31m c")
        self.assertEqual(redaction.excerpt("x" * 200, None), "x" * 200)
        for text in ("x" * 201, "é" * 10**6, "\n" * 10**5 + "x" * 500, "\ud800 " * 500):
            quote = redaction.excerpt(text, None)
            self.assertLessEqual(len(quote), 200)
            self.assertTrue(quote.isprintable())

    def test_the_key_is_redacted_in_every_form_it_may_be_quoted_in(self):
        key = "k/S3 <\"é'&%"
        for form in (
            key,
            "k%2FS3%20%3C%22%C3%A9'&%25",  # as it goes out
            "k%2FS3%20%3C%22%C3%A9%27%26%25",
            "k%2fs3%20%3c%22%c3%a9%27%26%25",
            "k%2fS3%20%3c%22%c3%a9%27%26%25",
            "k/S3 &lt;&quot;é&#x27;&amp;%",
            "k/S3 &lt;&#34;é&#39;&amp;%",  # as Go writes it
            "k%2FS3%20%3C%22%C3%A9&#39;&amp;%25",  # as it goes out, on a page
            "k/S3 <\\\"\\u00e9'&%",
            "k/S3 \\u003c\\\"é'\\u0026%",  # as Go writes it
            "k%2FS3+%3C%22%C3%A9%27%26%25",
            "k/S3 &lt;&quot;é&#039;&amp;%",  # as PHP writes it
            "k\\/S3 <\\\"\\u00e9'&%",
            "K/s3 <\"É'&%",
        ):
            with self.subTest(form=form):
                shown = redaction.excerpt(f"POST /e/{form} failed", key)
                self.assertNotIn("S3", shown.upper())
                self.assertEqual(shown, "POST /e/*** failed")

    def test_a_form_that_begins_with_another_one_is_redacted_to_its_end(self):
        for shown in ("k&amp; failed", "k\\u0026 failed", "k%26 failed", "k& failed"):
            self.assertEqual(redaction.excerpt(shown, "k&"), "*** failed")

    def test_the_key_is_redacted_wherever_the_cut_falls(self):
        for before in range(180, 204):
            for text in ("x" * before + KEY + "y" * 300, "\0" * before + KEY, " " * (20000 - 200 + before) + KEY):
                quote = redaction.excerpt(text, KEY)
                self.assertFalse(any(KEY[:length] in quote for length in (3, len(KEY))), quote[-20:])

    def test_nor_does_the_cut_leave_a_part_of_the_longest_form(self):
        key, shown = 'S3cr3t"x', "S3cr3t&quot;x"
        for length in range(1, len(shown) + 1):
            quote = redaction.excerpt(" " * (20000 - length) + shown, key)
            self.assertIn(quote, ("", "***"), length)
        self.assertEqual(redaction.excerpt(" " * 19999 + "xyz", None), "x")

    def test_the_key_is_redacted_in_every_part_of_an_answer_that_is_shown(self):
        for answer in (
            read(400, {"ids": [""], "error": "no route /e/" + KEY}),
            read(404, f"cannot POST /e/{KEY}".encode()),
            read(302, b"", 1, f"https://{KEY}.example/"),
            read(200, f"<html>/e/{KEY}".encode()),
        ):
            self.assertIn("***", answer.problem)
            self.assertNotIn(KEY, answer.problem)

    def test_of_a_large_answer_only_the_beginning_is_looked_at(self):
        looked_at = []
        with mock.patch.object(redaction, "_redact", lambda text, key: looked_at.append(len(text)) or text):
            self.assertEqual(redaction.excerpt(" " * 2**24 + KEY, KEY), "")
            self.assertEqual(len(redaction.excerpt("x" * 2**24, KEY)), 200)
        self.assertLessEqual(max(looked_at), 20000)

        self.assertEqual(redaction.excerpt(" " * 19990 + "0123456789", KEY), "0123456789")

    def test_a_part_of_a_long_key_is_looked_at_once(self):
        key = "Sk-" + 40 * "aB9"  # were each character tried in two ways, this would take longer than the sun shines
        text = key[:-1] + " is no key"
        self.assertEqual(redaction.excerpt(text, key), text)

    def test_without_a_key_nothing_is_redacted(self):
        for key in (None, ""):
            self.assertEqual(redaction.excerpt("POST /e/x", key), "POST /e/x")
