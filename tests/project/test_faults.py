"""The fault suite in a short form: nothing is lost and nothing doubled while a fifth of all requests fails."""

import unittest

from tests import faults


class FaultSuiteTest(unittest.TestCase):
    def test_nothing_is_lost_or_doubled(self):
        table, problems = faults.run(events=3000, seed=1)
        self.assertEqual(problems, [], table)


class ComparisonTest(unittest.TestCase):
    """The comparison would see what it is there to see."""

    def setUp(self):
        self.ledger = faults.Ledger()
        self.ledger.add({0: "A", 1: "B"}, [], [], {})
        self.report = {"stored": [["A", 0], ["A", 0], ["B", 1]], "runs": [0, 1]}

    def compare(self, events=2):
        return faults.compare(self.ledger, self.report, range(events))

    def test_an_event_stored_twice_and_run_once_is_right(self):
        self.assertEqual(self.compare(), ([], {"lost": 0, "doubled": 0, "wrong": 0}))

    def test_a_lost_event_is_seen(self):
        self.report["stored"].pop()
        self.assertEqual(self.compare()[1]["lost"], 1)

    def test_a_doubled_run_is_seen(self):
        self.report["runs"].append(1)
        self.assertEqual(self.compare()[1]["doubled"], 1)

    def test_an_event_that_nobody_was_told_of_is_seen(self):
        self.assertEqual(self.compare(events=3)[0], ["nobody was told of event 2"])

    def test_an_id_that_stands_for_two_events_is_seen(self):
        self.report["stored"].append(["A", 1])
        self.assertEqual(self.compare()[0], ["A stands for two events"])

    def test_an_id_that_was_not_stored_is_seen(self):
        self.ledger.accepted[1] = "C"
        self.assertEqual(self.compare()[1]["wrong"], 1)
