"""The clock of deadlines goes on when a test freezes the clocks of the program."""

import time
import unittest
from unittest import mock

from tests.helpers.library import module

clock = module("runtime.clock")


class MonotonicTest(unittest.TestCase):
    def test_it_grows(self):
        first = clock.monotonic()
        while clock.monotonic() == first:
            pass
        self.assertGreater(clock.monotonic(), first)

    @unittest.skipUnless(hasattr(time, "clock_gettime"), "needs a clock that tests leave alone")
    def test_it_goes_on_while_time_is_frozen(self):
        with mock.patch.multiple(time, monotonic=lambda: 5.0, time=lambda: 5.0, perf_counter=lambda: 5.0):
            self.test_it_grows()
