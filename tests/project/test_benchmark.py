"""Tests of the benchmark: its arithmetic, and that the command runs and writes what it says. No time is judged."""

import json
import os
import tempfile
import unittest
from xml.etree import ElementTree

from tests.benchmark import chart, counting, figures, measures, report
from tests.benchmark.bench import Measure
from tests.benchmark.figures import Bar, Figure
from tests.helpers.library import ROOT, TIME_LIMIT
from tests.helpers.processes import environment, finish, start

SVG = "{http://www.w3.org/2000/svg}"


def samples(**values):
    """Return samples of wall time, by contestant."""
    return {name: [{"wall": value} for value in rounds] for name, rounds in values.items()}


class FigureTest(unittest.TestCase):
    def test_a_figure_is_the_median_with_the_least_and_the_most(self):
        self.assertEqual(figures.figure([5, 1, 2]), Figure(2, 1, 5))

    def test_the_median_of_an_even_number_of_rounds_lies_between_two(self):
        self.assertEqual(figures.figure([4, 1, 2, 9]), Figure(3, 1, 9))

    def test_a_ratio_is_of_medians_and_its_bounds_are_of_rounds(self):
        self.assertEqual(figures.ratio([2, 4, 6], [1, 4, 2]), Figure(2, 1, 3))


class AlternateTest(unittest.TestCase):
    def test_every_round_runs_each_once_and_begins_with_another(self):
        order = []
        runs = {name: lambda name=name: order.append(name) or len(order) for name in "abc"}
        found = figures.alternate(4, runs)
        self.assertEqual("".join(order), "abc" "bca" "cab" "abc")
        self.assertEqual(found, {"a": [1, 6, 8, 10], "b": [2, 4, 9, 11], "c": [3, 5, 7, 12]})


class BarTest(unittest.TestCase):
    def test_a_cost_may_be_at_most_a_multiple_of_anothers(self):
        bar = Bar("wall", "ours", "theirs", at_most=1.25)
        self.assertEqual(bar.value(samples(ours=[5, 5], theirs=[4, 5])), Figure(5 / 4.5, 1, 1.25))
        self.assertTrue(bar.is_met(samples(ours=[5], theirs=[4])))
        self.assertFalse(bar.is_met(samples(ours=[5.1], theirs=[4])))

    def test_a_speed_must_be_at_least_a_multiple_of_anothers(self):
        bar = Bar("wall", "ours", "theirs", at_least=3)
        self.assertEqual(bar.value(samples(ours=[1, 2], theirs=[6, 6])), Figure(4, 3, 6))
        self.assertTrue(bar.is_met(samples(ours=[2], theirs=[6])))
        self.assertFalse(bar.is_met(samples(ours=[2], theirs=[5.9])))

    def test_a_bar_may_be_a_plain_number(self):
        bar = Bar("wall", "ours", at_most=32)
        self.assertEqual(bar.value(samples(ours=[31, 33, 32])), Figure(32, 31, 33))
        self.assertTrue(bar.is_met(samples(ours=[31, 33, 32])))
        self.assertFalse(bar.is_met(samples(ours=[31, 33, 33])))

    def test_without_its_peer_there_is_no_verdict(self):
        against_peer, alone = Bar("wall", "ours", "theirs", at_most=1), Bar("wall", "ours", at_most=1)
        measure = Measure("name", "title", "send", 1, {}, [against_peer, alone])
        measure.samples = samples(ours=[1])
        self.assertEqual(measure.verdicts(), [alone])


class ReportTest(unittest.TestCase):
    def test_quantities_have_a_unit_that_suits_them(self):
        cases = [(0.25, "wall", "250 ms"), (2e-5, "cpu", "20 us"), (1.5e6, "peak", "1.5 MB"), (3, "connections", "3")]
        cases.append((68246.4, "instructions", "68,246"))
        for value, metric, text in cases:
            self.assertEqual(report.quantity(value, metric), text)

    def test_instructions_are_shown_with_the_first_contestants_share(self):
        measure = Measure("name", "title", "send", 1, {})
        measure.samples = {"ours": [{"instructions": 300}], "theirs": [{"instructions": 1200}]}
        lines = [line.split() for line in report.text(measure).splitlines()]
        self.assertEqual(lines[1], "ours instructions 300/send".split())
        self.assertEqual(lines[2], "theirs instructions 1,200/send of which the first takes 0.25 x".split())

    def test_a_verdict_says_the_ratio_its_bounds_and_the_bar(self):
        found = report.verdict(Bar("wall", "ours", "theirs", at_least=3), samples(ours=[1, 2], theirs=[6, 6]))
        self.assertEqual(found, "met    ours: speed 4 x that of theirs (3..6), at least 3")
        found = report.verdict(Bar("wall", "ours", "theirs", at_most=1.25), samples(ours=[2], theirs=[1]))
        self.assertEqual(found, "MISSED ours: wall 2 x that of theirs (2..2), at most 1.25")
        found = report.verdict(Bar("wall", "ours", at_most=1.25), samples(ours=[2]))
        self.assertEqual(found, "MISSED ours: wall 2 s, at most 1.25 s")


class CommandTest(unittest.TestCase):
    def run_benchmark(self, *arguments, timeout=TIME_LIMIT, **options):
        return finish(start(["-m", "tests.benchmark", *arguments], **options), timeout=timeout)

    def test_a_short_run_prints_its_measures_and_writes_json_and_a_chart(self):
        wanted = ["imports", "warm_http", "growth_in_count"]
        with tempfile.TemporaryDirectory() as folder:
            data, picture = os.path.join(folder, "figures.json"), os.path.join(folder, "chart.svg")
            only = [argument for name in wanted for argument in ("--only", name)]
            code, output, errors = self.run_benchmark("--short", "--json", data, "--svg", picture, *only)
            self.assertEqual((code, errors), (0, ""))
            with open(data, encoding="utf-8") as file:
                document = json.load(file)
            root = ElementTree.parse(picture).getroot()
        self.assertEqual([measure["name"] for measure in document["measures"]], ["import", "warm http", "growth"])
        for measure in document["measures"]:
            self.assertIn(measure["title"], output)
            for name, metrics in measure["contestants"].items():
                self.assertEqual(len(metrics["wall"]["values"]), 2, name)
                self.assertLessEqual(metrics["wall"]["min"], metrics["wall"]["median"], name)
                self.assertLessEqual(metrics["wall"]["median"], metrics["wall"]["max"], name)
        floors = set(document["measures"][1]["contestants"]) - {measures.OURS}
        self.assertEqual(floors, {"urlopen", "http.client"})
        self.assertGreater(document["machine"]["server"]["requests_per_second"], 0)
        self.assertEqual(root.tag, SVG + "svg")
        self.assertEqual(len(root.findall(SVG + "polyline")), 2)

    def test_without_valgrind_instructions_are_refused_with_how_to_get_it(self):
        with tempfile.TemporaryDirectory() as folder:
            code, output, errors = self.run_benchmark("--instructions", env=environment(PATH=folder))
        self.assertEqual((code, output, errors), (1, "", counting.MISSING + "\n"))

    def test_another_checkout_is_refused_where_it_cannot_be_counted(self):
        with tempfile.TemporaryDirectory() as folder:
            for arguments, problem in (
                (["--against", ROOT], "--against goes with --instructions"),
                (["--instructions", "--against", folder], f"--against: {folder} is no checkout of this project"),
            ):
                code, output, errors = self.run_benchmark(*arguments)
                self.assertEqual((code, output), (2, ""))
                self.assertIn(problem, errors)

    def test_a_measure_that_does_not_exist_is_refused_with_those_that_do(self):
        code, output, errors = self.run_benchmark("--only", "everything")
        self.assertEqual((code, output), (2, ""))
        self.assertIn("no measure everything", errors)
        self.assertIn("warm_http", errors)


class ChartTest(unittest.TestCase):
    def test_names_with_markup_in_them_and_a_single_figure_make_a_valid_chart(self):
        wall = {"wall": {"median": 1.0}}
        document = {
            "measures": [
                {"name": "a < b", "contestants": {measures.OURS: wall, "<other> & co": wall}},
                {"name": "growth", "title": "growth", "contestants": {measures.OURS + ", 1": wall}},
                {"name": "alone", "contestants": {measures.OURS: wall}},
            ]
        }
        root = ElementTree.fromstring(chart.svg(document))
        titles = [title.text for title in root.iter(SVG + "title")]
        self.assertIn("<other> & co: 1 x", titles)
