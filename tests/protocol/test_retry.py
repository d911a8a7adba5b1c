"""When a request is tried again: which answers, after which delay, and what Retry-After may ask for."""

import email.utils
import unittest

from tests.helpers.library import module

retry = module("retry")

NOW = 1700000000.0  # Unix time in seconds: Tue, 14 Nov 2023 22:13:20 GMT


def delay(attempt, retry_after=None, random=0.0):
    return retry.retry_delay(attempt, retry_after, lambda: random)


class StatusesTest(unittest.TestCase):
    def test_only_a_timeout_a_limit_and_a_server_error_are_worth_another_try(self):
        worth = {status for status in range(200, 600) if retry.is_retriable_status(status)}
        self.assertEqual(worth, {408, 429} | set(range(500, 600)))


class DelaysTest(unittest.TestCase):
    def test_the_delay_doubles_from_a_tenth_of_a_second(self):
        for attempt, seconds in ((1, 0.1), (2, 0.2), (3, 0.4), (4, 0.8), (5, 1.6)):
            self.assertAlmostEqual(delay(attempt), seconds)

    def test_jitter_adds_up_to_a_tenth_of_a_second_whatever_the_attempt(self):
        for attempt in (1, 2, 5):
            self.assertAlmostEqual(delay(attempt, random=0.5) - delay(attempt), 0.05)
            self.assertAlmostEqual(delay(attempt, random=1.0) - delay(attempt), 0.1)

    def test_jitter_differs_from_call_to_call(self):
        delays = {retry.retry_delay(1) for _ in range(20)}
        self.assertGreater(len(delays), 1)
        self.assertTrue(all(0.1 <= seconds <= 0.2 for seconds in delays))

    def test_a_late_attempt_waits_30_seconds_and_the_jitter_comes_on_top(self):
        for attempt in (10, 20, 100, 5000, 10**9):
            self.assertEqual(delay(attempt), 30.0)
        self.assertAlmostEqual(delay(20, random=1.0), 30.1)

    def test_the_server_may_ask_for_a_longer_delay_of_up_to_30_seconds(self):
        for asked in (0.5, 1.0, 29.0, 30.0):
            self.assertEqual(delay(1, asked), asked)

    def test_a_server_that_asks_for_less_does_not_hurry_us(self):
        for asked in (0.0, 0.05, 0.15):
            self.assertAlmostEqual(delay(2, asked, random=0.5), 0.25)

    def test_a_server_that_asks_for_more_than_30_seconds_ends_the_call(self):
        for asked in (30.001, 31.0, 86400.0, float("inf")):
            self.assertIsNone(delay(1, asked))


class RetryAfterTest(unittest.TestCase):
    def parse(self, value):
        return retry.parse_retry_after(value, NOW)

    def test_seconds_are_understood(self):
        for value, seconds in (("0", 0), ("1", 1), ("007", 7), (" 30\t", 30), ("120", 120), ("999999999", 999999999)):
            with self.subTest(value=value):
                self.assertEqual(self.parse(value), seconds)

    def test_a_number_of_seconds_too_large_for_anyone_still_ends_the_call(self):
        for value in ("9999999999", "9" * 20, "9" * 5000):
            with self.subTest(digits=len(value)):
                self.assertIsNone(delay(1, self.parse(value)))
                self.assertEqual(self.parse(value), 1000000000.0)  # which fits into any clock

    def test_a_date_is_understood_in_the_three_forms_of_http(self):
        for value in ("Tue, 14 Nov 2023 22:13:50 GMT", "Tuesday, 14-Nov-23 22:13:50 GMT", "Tue Nov 14 22:13:50 2023"):
            with self.subTest(value=value):
                self.assertEqual(self.parse(value), 30.0)
        self.assertEqual(self.parse(email.utils.formatdate(NOW + 5, usegmt=True)), 5.0)

    def test_a_date_counts_by_its_own_time_zone(self):
        self.assertEqual(self.parse("Wed, 15 Nov 2023 00:13:21 +0200"), 1.0)

    def test_a_date_counts_from_the_date_of_the_response_where_it_has_one(self):
        dates = {"Tue, 14 Nov 2023 22:13:19 GMT": 31.0, "": 30.0, "nonsense": 30.0, None: 30.0}
        for date, seconds in dates.items():
            with self.subTest(date=date):
                self.assertEqual(retry.parse_retry_after("Tue, 14 Nov 2023 22:13:50 GMT", NOW, date), seconds)
        self.assertEqual(retry.parse_retry_after("7", NOW, "Tue, 14 Nov 2023 22:13:19 GMT"), 7.0)

    def test_a_date_that_is_past_asks_for_no_wait(self):
        self.assertEqual(self.parse("Wed, 21 Oct 2015 07:28:00 GMT"), 0.0)

    def test_a_date_far_away_ends_the_call(self):
        self.assertIsNone(delay(1, self.parse("Fri, 31 Dec 9999 23:59:59 GMT")))

    def test_nonsense_asks_for_nothing(self):
        nonsense = (
            None, "", " ", "soon", "-5", "+5", "1e3", "nan", "inf", "-inf", "0x10", "5 s", "5,", "5, 6", "1_000", ".",
            "\u0665", "\u00b2", "Wed", "12:30", "GMT", "Tue, 14 Nov 99999 22:13:50 GMT",
            "Tue, 99 Foo 2023 99:99:99 GMT", "Tue, , 22:13:50", ", ", "\0", "x" * 70000,
        )  # fmt: skip
        for value in nonsense:
            with self.subTest(value=value and value[:60]):
                self.assertIsNone(self.parse(value))
                self.assertAlmostEqual(delay(1, self.parse(value)), 0.1)
