"""The fuzzer in a short form: arbitrary input brings out nothing but Error and TypeError, and shows no value."""

import unittest

from tests import fuzz


class FuzzTest(unittest.TestCase):
    def test_arbitrary_input_brings_out_nothing_but_errors_of_the_library(self):
        counts, problems = fuzz.run(cases=400, seed=1)
        self.assertEqual(problems, [])
        self.assertEqual(len(counts), len(fuzz.TARGETS))

    def test_the_fuzzer_would_see_another_exception(self):
        def target(rng, size):
            raise KeyError("k")

        self.assertIn("KeyError", fuzz.problem_of(target, 1, 1))

    def test_the_fuzzer_would_see_a_value_in_a_message_and_in_a_cause(self):
        def shows(rng, size):
            raise fuzz.inngest.Error("holds " + fuzz.MARKER)

        def chains(rng, size):
            raise fuzz.inngest.Error("holds nothing") from KeyError(fuzz.MARKER)

        for target in (shows, chains):
            self.assertIn("the marker shows", fuzz.problem_of(target, 1, 1))
