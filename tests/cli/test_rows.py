"""``send --as NAME --file``: each line is the data of an event."""

import json
import os
import unittest

from tests.helpers.commands import CommandTest, dry_run, lines
from tests.helpers.library import module

ROWS = [{"order_id": 7, "total": 19.5}, {"order_id": "a/8", "total": None}]
NOON = 1788177600000  # 2026-08-31T12:00:00Z


class RowsTest(CommandTest):
    def test_each_line_is_the_data_of_an_event_of_that_name(self):
        env = {**self.env, "LC_ALL": "C.UTF-8"}  # without which PyPy takes arguments to be ASCII
        contents = [lines(ROWS), json.dumps(ROWS, indent=1)]  # lines, and the items of an array
        for content in contents:
            self.server.clear()
            code, output, errors = self.send("--as", "größe".encode(), "--file", self.write("rows", content), env=env)
            self.assertEqual((code, output.split()), (0, [event.internal_id for event in self.server.events]), errors)
            found = [(event.name, event.data) for event in self.server.events]
            self.assertEqual(found, [("größe", row) for row in ROWS])
            self.assertEqual(len({event.id for event in self.server.events}), 2)

    def test_what_arrives_is_the_text_of_the_row(self):
        row = b'{ "price": 1.10, "name": "\\u00e9\xc3\xa9", "none": null, "x": 1e2 }'
        self.assertEqual(self.send("--as", "a", "--no-ids", "--file", self.write("rows", row))[0], 0)
        self.assertEqual(self.server.requests[0].body, b'[{"name":"a","data":%b}]' % row)

    def test_a_field_makes_the_id_and_stays_in_the_data(self):
        code, _, errors = self.send("--as", "order", "--id-field", "order_id", "--file", self.write("rows", ROWS))
        self.assertEqual(code, 0, errors)
        found = [(event.id, event.data) for event in self.server.events]
        self.assertEqual(found, [("order-7", ROWS[0]), ("order-a/8", ROWS[1])])

    def test_the_same_row_under_another_name_is_another_event(self):
        path = self.write("rows", [{"n": 1}])
        for name in ("a", "b"):
            self.assertEqual(self.send("--as", name, "--id-seed", "night", "--file", path)[0], 0)
        self.assertEqual([event.id[:2] for event in self.server.events], ["a-", "b-"])
        self.assertEqual(len(self.server.runs), 2)

    def test_a_field_makes_the_time_and_stays_in_the_data(self):
        rows = [{"at": NOON}, {"at": "2026-08-31T12:00:00Z"}]
        code, _, errors = self.send("--as", "order", "--ts-field", "at", "--file", self.write("rows", rows))
        self.assertEqual(code, 0, errors)
        self.assertEqual([(event.ts, event.data) for event in self.server.events], [(NOON, row) for row in rows])

    def test_a_bad_row_is_named_and_its_values_are_not(self):
        cases = [
            ({"name": "s3cr3t"}, "this is an event already; leave --as out"),
            ({"name": "a", "data": {}, "id": "s3cr3t", "ts": 0}, "this is an event already; leave --as out"),
            ("s3cr3t", "expected a JSON object; CSV goes with --csv"),
            ({"x": float("nan"), "i": 1, "t": NOON}, "data.x: expected a finite number, got NaN"),
            ({"t": NOON}, "the row has no field 'i', which --id-field names"),
            ({"i": 1}, "the row has no field 't', which --ts-field names"),
            ({"i": "", "t": NOON}, "i: expected a non-empty str or an int, to make an id of it, got an empty one"),
            ({"i": 1.5, "t": NOON}, "i: expected a non-empty str or an int, to make an id of it, got float"),
            ({"i": True, "t": NOON}, "i: expected a non-empty str or an int, to make an id of it, got bool"),
            ({"i": None, "t": NOON}, "i: expected a non-empty str or an int, to make an id of it, got NoneType"),
            ({"i": "\ud800", "t": NOON}, "data.i: expected text that UTF-8 can encode, got a lone surrogate"),
            ({"i": 1, "t": 1788177600}, "t: looks like seconds; ts is in milliseconds"),
            ({"i": 1, "t": 10**18}, "t: out of range"),
            ({"i": 1, "t": "s3cr3t"}, "t: expected milliseconds since 1970, or a time as 2026-08-31T12:00:00Z or"),
            ({"i": 1, "t": str(NOON)}, "t: expected milliseconds since 1970, or"),
            ({"i": 1, "t": float(NOON)}, "t: expected milliseconds since 1970, or"),
            ({"i": 1, "t": 0}, "t: expected milliseconds since 1970, or"),
            ({"i": 1, "t": True}, "t: expected milliseconds since 1970, or"),
            ({"i": 1, "t": "2026-08-31T12:00:00"}, "t: expected milliseconds since 1970, or"),
        ]
        path = self.write("rows", lines(row for row, _ in cases))
        code, _, errors = self.send("--as", "a", "--id-field", "i", "--ts-field", "t", "--file", path, "--check")
        self.assertEqual(code, 2)
        complaints = errors.splitlines()[:-1]
        self.assertEqual(len(complaints), len(cases), errors)
        for number, (complaint, (row, problem)) in enumerate(zip(complaints, cases), 1):
            with self.subTest(row):
                start = f"{path}:{number}: {problem}"
                self.assertEqual(complaint[: len(start)], start)
        self.assertNotIn("s3cr3t", errors)

    def test_a_name_that_is_a_column_is_no_event(self):
        row = {"name": "Alice", "email": "alice@example.com"}
        self.assertEqual(self.send("--as", "user", "--file", self.write("rows", [row]))[0], 0)
        self.assertEqual(self.server.events[0].data, row)

    def test_what_is_left_holds_events_and_is_read_as_events(self):
        rows = [{"n": number} for number in range(1, 6)]
        left, path = self.path("left"), self.write("rows", rows)
        cron = ["--as", "row", "--id-field", "n", "--batch-size", "2", "--concurrency", "1", "--unsent", left]
        self.server.fail_next(status=400, times=5)
        self.assertEqual(self.send(*cron, "--file", path)[0], 1)
        events = self.read("left")
        self.assertEqual(events, [{"name": "row", "data": row, "id": f"row-{row['n']}"} for row in rows])
        self.server.clear()
        code, _, errors = self.send(*cron, "--file", left, "--file", self.write("next", [{"n": 6}]))
        self.assertEqual((code, self.numbers(), self.read("left")), (0, [1, 2, 3, 4, 5, 6], []), errors)
        self.assertEqual({event.name for event in self.server.events}, {"row"})

    def test_a_bad_row_that_is_left_stays_bad_among_events(self):
        bad = ['{"name": "alice"}', '{"n": 1, "t": "soon"}', "nonsense", '{"data": {}}, "name": "x", "x": {}']
        path = self.write("rows", "\n".join(['{"n": 0, "t": 1}', *bad]))
        left = self.path("left")
        self.assertEqual(self.send("--as", "a", "--ts-field", "t", "--file", path, "--unsent", left)[0], 2)
        code, _, errors = self.send("--file", left, "--check")
        self.assertEqual((code, errors.splitlines()[-1]), (2, "0 good lines, 5 bad lines"))
        with open(left) as file:
            self.assertEqual(file.read().splitlines()[1], '{"data":{"name": "alice"}}')

    def test_a_file_of_rows_is_not_taken_for_what_an_earlier_run_left(self):
        rows = ["--as", "order", "--id-field", "order_id"]
        cases = [(lines(ROWS), rows), ("\n" + json.dumps(ROWS), rows), ("order_id,total\n7,19.5\n", [*rows, "--csv"])]
        for content, options in cases:
            for option in ([], ["--check"]):
                with self.subTest(content, option=option):
                    path = self.write("rows", content)
                    code, _, errors = self.send(*options, "--file", path, "--unsent", path, *option)
                    problem = f"{path} holds rows, not events of an earlier run; give --unsent a file of its own\n"
                    self.assertEqual((code, errors), (2, f"inngest_send: {problem}"))
                    with open(path) as file:
                        self.assertEqual(file.read(), content)
        self.assertEqual(self.server.requests, [])

    def test_a_file_that_is_empty_may_get_what_is_left_of_rows(self):
        path = self.write("rows.csv", "n\n1\n")
        for content in ("", "\n"):
            left = self.write("left", content)
            code, _, errors = self.send("--as", "a", "--csv", "--file", left, "--file", path, "--unsent", left)
            self.assertEqual(code, 0, errors)

    def test_what_is_no_event_gets_no_id(self):
        content = lines([ROWS[0], {"data": {}}, {"name": ""}, {"name": "a", "ts": "x"}]) + "bad\n"
        path = self.write("left", content)
        code, _, errors = self.send("--file", path, "--unsent", path)
        with open(path) as file:
            self.assertEqual((code, file.read()), (2, content), errors)

    def test_an_option_that_does_not_fit_the_file_is_what_is_to_be_changed(self):
        left = self.path("left")
        rows = ["--as", "order", "--unsent", left, "--file"]
        for name, content, options, problem in (
            ("rows", lines(ROWS), ["--id-field", "nope"], "the row has no field 'nope', which --id-field names"),
            ("a.csv", "n;m\n1;2\n", [], "the header is one cell, with ';' in it: pass --delimiter ';'"),
            ("b.csv", "n\n1\n", ["--ts-field", "nope"], "--ts-field: the header has no column 'nope'"),
        ):
            with self.subTest(name):
                path = self.write(name, content)
                code, _, errors = self.send(*rows, path, *options)
                found = errors.replace("inngest_send: ", "").splitlines()[1:]
                end = f"nothing was sent; {left} is as it was"
                self.assertEqual((code, found), (2, [f"{path}:1: {problem}", end]))
                self.assertFalse(os.path.exists(left))
                code, _, errors = self.send("--as", "order", "--file", "-", *options, "--csv", input="n;m\n1;2\n")
                self.assertEqual((code, errors.splitlines()[2:]), (2, ["nothing was sent"]))
                code, output, _ = self.send("--as", "order", "--file", path, *options, "--json")
                summary = json.loads(output.splitlines()[-1])
                self.assertEqual((code, summary["accepted"], summary["resume"]), (2, 0, {"file": path, "line": 1}))
        self.assertEqual(self.server.requests, [])
        path = self.write("rows", lines([{"i": 1}, {}]))
        code, _, errors = self.send("--as", "order", "--id-field", "i", "--file", path)
        self.assertEqual((code, len(self.server.events)), (1, 1))
        self.assertIn(f"change the option, or fix {path}:2 in place, do not delete it; go on with:\n", errors)
        path = self.write("rows", lines([{"i": 1}]))
        code, _, errors = self.send("--as", "order", "--file", path, "--file", self.write("c.csv", "n;m\n1;2\n"))
        self.assertEqual((code, len(self.server.events)), (1, 2))
        self.assertIn("\nchange the command as said above; see that ", errors)

    def test_resume_check_and_dry_run_take_rows(self):
        path = self.write("rows", [{"n": number} for number in range(1, 5)])
        rows = ["--as", "a", "--file", path]
        self.assertEqual(self.send(*rows, "--check"), (0, "", "4 good lines, 0 bad lines\n"))
        code, output, errors = self.send(*rows, "--dry-run", "--no-ids")
        self.assertEqual((code, output.count('{"name":"a","data":{"n"')), (0, 4), errors)
        self.assertEqual(self.send(*rows, "--resume-from", "3")[0], 0)
        self.assertEqual(self.numbers(), [3, 4])


class UsageTest(unittest.TestCase):
    def test_what_cannot_work_is_one_line_and_exit_2(self):
        cases = [
            (["a", "--as", "b"], "--as NAME goes with --file"),
            (["--as", "", "--file", "x"], "--as: name: expected a non-empty str"),
            (["--as", "inngest/x", "--file", "x"], "--as: name: expected a name of your own"),
            (["--file", "x", "--id-field", "i"], "--id-field goes with --as NAME"),
            (["--file", "x", "--ts-field", "t"], "--ts-field goes with --as NAME"),
            (["--file", "x", "--csv"], "--csv goes with --as NAME"),
            (["--file", "x", "--unsent", "left.csv"], "--unsent left.csv: it gets events as JSON"),
            (["--file", "X.CSV"], "X.CSV holds rows: say with --as NAME what events they are"),
            (["--file", "x.csv"], "x.csv holds rows: say with --as NAME what events they are"),
            (["--file", "x.csv.gz"], "x.csv.gz holds rows: say with --as NAME what events they are"),
            (["--as", "a", "--file", "x", "--delimiter", ";"], "--delimiter is for CSV"),
            (["--as", "a", "--file", "x.csv", "--delimiter", ""], "--delimiter: expected one character"),
            (["--as", "a", "--file", "x.csv", "--delimiter", ";;"], "--delimiter: expected one character"),
            (["--as", "a", "--file", "x.csv", "--delimiter", '"'], "--delimiter: expected one character"),
        ]
        for arguments, problem in cases:
            with self.subTest(arguments):
                code, output, errors = dry_run({}, arguments)
                self.assertEqual((code, output, errors.count("\n")), (2, "", 1), errors)
                self.assertIn(problem, errors)


class TimeTest(unittest.TestCase):
    parse = staticmethod(module("cli.json_rows").parse_time)

    def test_a_time_with_its_offset_is_milliseconds(self):
        cases = {
            "2026-08-31T12:00:00Z": NOON,
            "2026-08-31 12:00:00Z": NOON,
            "2026-08-31T12:00Z": NOON,
            "2026-08-31T12:00:00+00": NOON,
            "2026-08-31T14:00:00+02": NOON,
            "2026-08-31T14:00:00+0200": NOON,
            "2026-08-31T17:30+05:30": NOON,
            "2026-08-31T08:30:00-03:30": NOON,
            "2026-09-01T00:00:00+12:00": NOON,
            "2026-08-31T12:00:00.1Z": NOON + 100,
            "2026-08-31T12:00:00.001999999999Z": NOON + 1,
            "2024-02-29T00:00:00Z": 1709164800000,
            "1980-01-01T00:00:00Z": 315532800000,
            "1969-12-31T23:59:59.999Z": -1,
        }
        self.assertEqual({text: self.parse(text) for text in cases}, cases)

    def test_nothing_else_is_a_time(self):
        cases = [
            *("2026-08-31", "2026-08-31T12:00:00", "2026-08-31T12Z", "20260831T120000Z", "2026-W36-1T12:00Z"),
            *("2026-08-31T12:00:00.Z", "2026-08-31T12:00:00,5Z", "2026-08-31T12:00:00z", "2026-08-31t12:00:00Z"),
            *("2026-02-29T00:00Z", "2026-13-01T00:00Z", "2026-00-01T00:00Z", "0000-01-01T00:00Z"),
            *("2026-08-31T24:00Z", "2026-08-31T12:60Z", "2026-08-31T12:00:60Z", "2026-08-31T12:00+24"),
            *("2026-08-31T12:00+00:60", "2026-08-31T12:00+1", "2026-08-31T12:00 Z", " 2026-08-31T12:00Z"),
            *("2026-08-31T12:00Z\n", "２026-08-31T12:00Z", "", "now"),
        ]
        self.assertEqual({text: self.parse(text) for text in cases}, dict.fromkeys(cases))
