"""``send --as NAME --file rows.csv``: records of CSV are rows by their header line."""

import contextlib
import csv
import gzip
import io
import json
import os
import random
import unittest

from tests.helpers.commands import CommandTest, finish
from tests.helpers.library import TIME_LIMIT, module

records = module("cli.records")
csv_rows = module("cli.csv_rows")
BOM = b"\xef\xbb\xbf"


class CsvTest(CommandTest):
    def data(self):
        return [event.data for event in self.server.events]

    def test_what_the_same_records_look_like_does_not_matter(self):
        plain = b"id,note\n1,a\n2,b\n"
        contents = {
            "newlines": plain,
            "no newline at the end": plain[:-1],
            "CRLF": plain.replace(b"\n", b"\r\n"),
            "a BOM": BOM + plain,
            "blank lines": b"\n\r\n" + plain.replace(b"\n", b"\n\n") + b"\n\n",
            "quotes": b'"id","note"\n"1",a\n2,"b"',
            "gzip, whatever the name": gzip.compress(plain),
        }
        for what, content in contents.items():
            with self.subTest(what):
                self.server.clear()
                code, _, errors = self.send("--as", "row", "--file", self.write("rows.csv", content))
                self.assertEqual((code, self.data()), (0, [{"id": "1", "note": "a"}, {"id": "2", "note": "b"}]), errors)

    def test_values_are_text_as_they_were(self):
        content = 'id,note\n007,"a ""b"",\r\nc"\n 1.50 ,\n"",größe \U0001f600\n'
        code, _, errors = self.send("--as", "row", "--file", self.write("rows.csv", content))
        self.assertEqual(code, 0, errors)
        values = [("007", 'a "b",\r\nc'), (" 1.50 ", ""), ("", "größe \U0001f600")]
        self.assertEqual(self.data(), [{"id": id, "note": note} for id, note in values])

    def test_csv_comes_from_gzip_and_from_standard_input_and_beside_other_files(self):
        packed = self.write("a.csv.gz", gzip.compress(b"n\n1\n"))
        lines = self.write("b.ndjson", b'{"n": "2"}\n')
        code, _, errors = self.send("--as", "row", "--file", packed, "--file", lines, "--concurrency", "1")
        self.assertEqual((code, self.data()), (0, [{"n": "1"}, {"n": "2"}]), errors)
        self.server.clear()
        self.assertEqual(self.send("--as", "row", "--csv", "--file", "-", input="n\n3\n")[0], 0)
        self.assertEqual(self.data(), [{"n": "3"}])

    def test_columns_make_id_and_time(self):
        path = self.write("rows.csv", "order,at\n7,2026-08-31 14:00:00.5+02\n8,1788177600000\n")
        code, _, errors = self.send("--as", "order", "--id-field", "order", "--ts-field", "at", "--file", path)
        self.assertEqual(code, 0, errors)
        found = [(event.id, event.ts) for event in self.server.events]
        self.assertEqual(found, [("order-7", 1788177600500), ("order-8", 1788177600000)])
        self.assertEqual(self.data()[0], {"order": "7", "at": "2026-08-31 14:00:00.5+02"})

    def test_a_time_that_is_none_is_a_bad_record(self):
        path = self.write("rows.csv", "n,at\n1,noon\n2,99999999999999999999\n3,1788177600\n4,\u0661\n")
        code, _, errors = self.send("--as", "order", "--ts-field", "at", "--file", path, "--check")
        complaints = errors.splitlines()
        self.assertEqual((code, complaints.pop()), (2, "0 good lines, 4 bad lines"))
        self.assertEqual([line[: len(path) + 3] for line in complaints], [f"{path}:{n}:" for n in range(2, 6)], errors)

    def test_a_name_and_an_id_are_columns_like_others(self):
        path = self.write("users.csv", "id,name\n7,Alice\n")
        self.assertEqual(self.send("--as", "user", "--file", path)[0], 0)
        self.assertEqual(self.data(), [{"id": "7", "name": "Alice"}])

    def test_the_delimiter_can_be_another(self):
        for delimiter, between in ((";", ";"), ("\\t", "\t"), ("\t", "\t"), ("|", "|")):
            self.server.clear()
            path = self.write("rows.csv", f"a{between}b\n1,5{between}2\n")
            code, _, errors = self.send("--as", "row", "--delimiter", delimiter, "--file", path)
            self.assertEqual((code, self.data()), (0, [{"a": "1,5", "b": "2"}]), errors)

    def test_a_file_without_records_holds_no_events(self):
        paths = [self.write("empty.csv", b""), self.write("header.csv", b"a,b"), self.write("blank.csv", b"\n\n")]
        code, output, errors = self.send("--as", "row", *[f"--file={path}" for path in paths])
        self.assertEqual((code, output), (0, ""))
        self.assertRegex(errors, r"0 events accepted in \d\.\d s\n$")

    def test_a_header_that_cannot_name_columns_ends_the_run_and_shows_no_cell(self):
        cases = [
            (b"s3cr3t,\n", "the header's cell 2 is empty; each column needs a name"),
            (b"s3cr3t,x,s3cr3t\n", "the header's cells 1 and 3 are the same name"),
            (b"s3cr3t;b\n1;2\n", "the header is one cell, with ';' in it: pass --delimiter ';'"),
            (b"s3cr3t\tb\n", "the header is one cell, with '\\t' in it: pass --delimiter '\\t'"),
            (b'"s3cr3t\n', "not CSV: a quote opens a cell, and none closes it"),
            (b"s3cr3t\xff\n", "not UTF-8"),
            (b"s3cr3t,b\n1,2\n", "--id-field: the header has no column 'i'"),
        ]
        paths = [self.write(f"{number}.csv", content) for number, (content, _) in enumerate(cases)]
        results = self.send_all(*[["--as", "row", "--id-field", "i", "--file", path] for path in paths])
        for path, (_, problem), (code, output, errors) in zip(paths, cases, results):
            with self.subTest(problem):
                self.assertEqual((code, output), (2, ""))
                self.assertIn(f"inngest_send: {path}:1: {problem}\n", errors)
                self.assertNotIn("s3cr3t", errors)
        self.assertEqual(self.server.requests, [])

    NOT_QUOTED = "not CSV: a cell with quotes or carriage returns must be quoted, and each quote in it written twice"
    BAD = [  # with the line that each begins at, behind the header
        (2, b'1,"s3cr3t\nx"y', NOT_QUOTED),
        (4, b"1,s3cr3t\rx", NOT_QUOTED),
        (5, b"1", "1 cell, where the header has 2"),
        (6, b"1,2,s3cr3t", "3 cells, where the header has 2"),
        (7, b" ", "1 cell, where the header has 2"),
        (8, b"1,s3cr3t\xff", "not UTF-8"),
        (9, b"1,s3cr3t\0", "a NUL byte, which no text has"),
        (10, b"a,b", "the header again, as where files were joined"),
        (11, b'1,"' + 20000000 * b"s" + b'"', "20,000,0"),
        (12, b'1,"s3cr3t\n\n2,3', "not CSV: a quote opens a cell, and none closes it"),
    ]

    def test_bad_records_are_named_by_their_first_line(self):
        path = self.write("rows.csv", b"\n".join([b"a,b", *[text for _, text, _ in self.BAD]]))
        code, output, errors = self.send("--as", "row", "--file", path, "--check")
        self.assertEqual((code, output), (2, ""))
        complaints = errors.splitlines()
        for complaint, (number, _, problem) in zip(complaints, self.BAD):
            start = f"{path}:{number}: {problem}"
            self.assertEqual(complaint[: len(start)], start)
        self.assertEqual(complaints[len(self.BAD) :], ["0 good lines, 10 bad lines"])
        self.assertNotIn("s3cr3t", errors)

    def test_a_bad_record_between_good_ones_is_one_bad_line(self):
        good = [{"a": "0", "b": "0"}, {"a": "9", "b": "9"}]
        for _, text, problem in self.BAD[:-1]:
            with self.subTest(problem):
                content = b"\n".join([b"a,b", b"0,0", text, b"9,9"])
                found = [row for _, row in split([content], csv_rows.CsvReader("row"))]
                self.assertEqual(found, [good[0], None, good[1]])

    def test_a_cell_of_a_megabyte_is_sent_and_a_record_without_end_is_refused(self):
        big = "x,\n" * 400000
        code, _, errors = self.send("--as", "row", "--file", self.write("rows.csv", f'a,b\n1,"{big}"\n'))
        self.assertEqual((code, self.data()), (0, [{"a": "1", "b": big}]), errors)
        path = self.write("rows.csv", b'a,b\n1,2\n3,"' + 34 * (1024 * 1024 * b"x" + b"\n"))
        code, output, errors = self.send("--as", "row", "--file", path)
        self.assertEqual((code, len(output.split())), (1, 1))
        self.assertIn(f"{path}:3: a record of more than 33,554,432 bytes; perhaps a quote is opened there", errors)

    def test_the_run_goes_on_at_a_records_first_line_and_the_header_is_always_read(self):
        path = self.write("rows.csv", 'a,b\n1,"x\ny"\n2,"x"x\n3,z\n')
        code, _, errors = self.send("--as", "row", "--file", path)
        self.assertEqual((code, self.data()), (1, [{"a": "1", "b": "x\ny"}]))
        self.assertIn(f"{path}:4: not CSV: ", errors)
        self.server.clear()
        code, _, errors = self.send("--as", "row", "--file", path, "--resume-from", "5")
        self.assertEqual((code, self.data()), (0, [{"a": "3", "b": "z"}]), errors)
        self.server.clear()
        code, _, errors = self.send("--as", "row", "--file", path, "--resume-from", "2", "--skip-bad")
        self.assertEqual((code, [data["a"] for data in self.data()]), (3, ["1", "3"]), errors)

    def test_what_is_left_holds_events_and_bad_records_on_one_line(self):
        path, left = self.write("rows.csv", b'a,b\n1,"x\ny"\n2,"x\n\xff"x\n3,z\n'), self.path("left.ndjson")
        self.server.fail_next(status=400, times=5)
        code, _, errors = self.send("--as", "row", "--id-field", "a", "--file", path, "--unsent", left)
        self.assertEqual(code, 1, errors)
        with open(left, "rb") as file:
            first, bad, last = file.read().splitlines()
        self.assertEqual(json.loads(first), {"name": "row", "data": {"a": "1", "b": "x\ny"}, "id": "row-1"})
        self.assertEqual(bad, b'"2,\\"x\\n\xff\\"x"')
        self.assertEqual(json.loads(last), {"name": "row", "data": {"a": "3", "b": "z"}, "id": "row-3"})

    def test_night_after_night_with_bad_records(self):
        left, bad = self.path("left.ndjson"), self.path("bad.csv")
        cron = ["--as", "row", "--id-field", "a", "--file", left, "--file", self.path("rows.csv"), "--unsent", left]
        cron += ["--skip-bad", "--bad", bad, "--max-attempts", "1"]
        self.write("rows.csv", b'a,b\n1,"x\ny"\n2,"x\n\xff"x\r\n3\n')
        self.server.fail_next(status=503, times=9)
        self.assertEqual(self.send(*cron)[0], 1)
        self.server.clear()
        self.write("rows.csv", b"b,a\nz,4\n5\n")
        code, _, errors = self.send(*cron)
        self.assertEqual(code, 3, errors)
        found = {event.id: event.data for event in self.server.events}
        self.assertEqual(found, {"row-1": {"a": "1", "b": "x\ny"}, "row-4": {"a": "4", "b": "z"}})
        self.assertEqual(self.read("left.ndjson"), [])
        with open(bad, "rb") as file:
            self.assertEqual(file.read(), b'2,"x\n\xff"x\n3\n5\n')

    @unittest.skipUnless(hasattr(os, "mkfifo"), "needs named pipes")
    def test_what_came_through_a_pipe_is_sent_while_a_record_is_not_whole(self):
        os.mkfifo(self.path("fifo.csv"))
        process = self.start("--as", "row", "--file", self.path("fifo.csv"))
        with open(self.path("fifo.csv"), "w") as pipe:
            for number, text in enumerate(('a,b\n1,"x\n', 'y"\n2,"x', '\ny"\n3,x', "y\n", "")):
                pipe.write(text)
                pipe.flush()
                self.server.wait_for(number, timeout=TIME_LIMIT)
                if number == 3:
                    break
        self.assertEqual(finish(process)[0], 0)
        self.assertEqual([data["a"] for data in self.data()], ["1", "2", "3"])


def split(chunks, reader):
    """Return what the reader makes of the records of these chunks: number and row, or None for a bad one."""
    found = []
    for number, text in csv_rows.CsvRecords(b"", iter(chunks), str, reader):
        if number:
            row = None
            with contextlib.suppress(module("cli.json_text").BadLineError):
                row = reader.read(text, "").data
            found.append((number, row))
    return found


class DifferentialTest(unittest.TestCase):
    """However the bytes come, they are read as the csv module reads the whole text."""

    PARTS = ['"', '""', ",", ",", "\n", "\n", "\r\n", "\r", "a", "bc", "ü", "\U0001f600", " ", '","', '"\n"', "\n\n"]

    def expected(self, text):
        """Return what ``split`` should, by the csv module on the whole text."""
        physical = io.StringIO(text, newline="\n")
        reader = csv.reader(iter(physical.readline, ""), strict=True)
        found, number = [], 1
        while True:
            cells = None
            try:
                cells = next(reader)
            except StopIteration:
                return found
            except csv.Error:
                pass
            if cells != []:
                is_row = cells is not None and len(cells) == 2 and cells != ["h1", "h2"]
                found.append((number, dict(zip(("h1", "h2"), cells)) if is_row else None))
            number = reader.line_num + 1

    def test_random_text_in_random_chunks(self):
        rng = random.Random(7)
        for case in range(3000):
            text = "h1,h2\n" + "".join(rng.choice(self.PARTS) for _ in range(rng.randrange(40)))
            data = text.encode()
            chunks = []
            while data:
                size = rng.choice((1, 1, 2, 3, 7, 50))
                chunks += [b""] * (rng.random() < 0.2) + [data[:size]]
                data = data[size:]
            reader = csv_rows.CsvReader("row")
            with self.subTest(case, text=text):
                self.assertEqual(split(chunks, reader), self.expected(text)[1:])
