"""What ``--data`` and ``--file`` read alike, what is told by its first bytes, and what is named where it is wrong."""

import gzip
import json
import socket
import unittest

from tests.helpers.commands import CommandTest, dry_run, finish, lines, numbered
from tests.helpers.library import module

BOM = b"\xef\xbb\xbf"


class AgreementTest(CommandTest):
    """The same JSON as ``--data @FILE`` and as the line of a file."""

    def test_what_is_wrong_is_the_same_in_both(self):
        cases = [
            (b'{"x": 1, "x": 2}', "a key has two values"),
            (b'{"y": {"x": NaN, "x": 1}}', "a key has two values"),
            (b'{"x": NaN}', "data.x: expected a finite number, got NaN"),
            (b'{"x": -Infinity}', "data.x: expected a finite number, got Infinity"),
            (b'{"x": "\xff"}', "not UTF-8"),
            (b'{"x": "\\ud800"}', "data.x: expected text that UTF-8 can encode, got a lone surrogate"),
            (b'{"x": 1,}', "not JSON: a comma with nothing after it ("),
            (b'{"x": [1, ] }', "not JSON: a comma with nothing after it ("),
            (b'{"x": ' + b"[" * 100000, "not JSON: nested too deeply"),
            (b'{"x" 1}', "not JSON: Expecting ':' delimiter ("),
            (b"[1]", "data: expected a mapping with str keys, got list"),
        ]
        lines = [b'{"name": "a", "data": ' + data + b"}" for data, _ in cases]
        _, _, complaints = self.send("--file", self.write("many", b"\n".join(lines)), "--check")
        self.assertEqual(complaints.count("\n"), len(cases) + 1, complaints)
        for (data, problem), complaint in zip(cases, complaints.splitlines()):
            with self.subTest(data[:50]):
                self.assertIn(problem, complaint)
                code, output, errors = dry_run({}, ["a", "--data", "@" + self.write("one", data)])
                self.assertEqual((code, output, errors.count("\n")), (2, "", 1))
                self.assertIn(problem, errors)

    def test_a_bom_and_gzip_are_read_in_both(self):
        one, many = b'{"n": 1}\n', lines(numbered(1)).encode()
        for encode in (lambda text: BOM + text, gzip.compress, lambda text: gzip.compress(BOM + text)):
            self.server.clear()
            paths = self.write("one", encode(one)), self.write("many", encode(many))
            results = self.send_all(["a", "--data", "@" + paths[0]], ["--file", paths[1]])
            self.assertEqual(([code for code, _, _ in results], self.numbers()), ([0, 0], [1, 1]), results)

    def test_utf_16_is_named_in_both(self):
        for encoding in ("utf-16", "utf-16-le", "utf-16-be", "utf-32"):
            path = self.write("file", '{"name": "a"}\n'.encode(encoding))
            for code, output, errors in self.send_all(["a", "--data", "@" + path], ["--file", path]):
                self.assertEqual((code, output), (2, ""))
                self.assertIn(f"{path}: UTF-16 text: make it UTF-8, as iconv -f UTF-16 -t UTF-8 does\n", errors)

    def test_an_argument_that_is_not_utf_8_is_refused(self):
        code, output, errors = self.send("a", "--data", b'{"x": "\xff"}')
        self.assertEqual((code, output, errors), (2, "", "inngest_send: --data is not UTF-8\n"))


class FileTest(CommandTest):
    def test_files_that_were_joined_may_each_have_a_bom(self):
        parts = [BOM + line.encode() for line in lines(numbered(3)).splitlines(True)]
        code, _, errors = self.send("--file", self.write("events", BOM + b"".join(parts) + BOM))
        self.assertEqual((code, self.numbers()), (0, [1, 2, 3]), errors)

    def test_a_bom_may_lie_on_the_border_of_two_reads(self):
        split_lines = module("cli.records").split_lines
        text = BOM + b"a\n" + BOM + b"b\n" + BOM
        for size in range(1, 8):
            chunks = iter([text[at : at + size] for at in range(0, len(text), size)])
            self.assertEqual(list(split_lines(b"", chunks, str)), [(1, b"a"), (2, b"b")])

    def test_an_array_may_come_in_pieces_of_any_size(self):
        split_array, items = module("cli.records").split_array, [b'{"x": [1, "\xc3\xa9]"]}', b"2", b'"c"']
        text = b" [" + b" , ".join(items) + b" ] \n \n"
        for first in range(2, len(text)):
            for size in (1, 2, 7, len(text)):
                with self.subTest(first, size=size):
                    pieces = [text[at : at + size] for at in range(first, len(text), size)]
                    self.assertEqual(list(split_array(text[:first], iter(pieces), str)), list(enumerate(items, 1)))

    def test_an_item_of_an_array_is_there_before_the_last_one_is_read(self):
        pieces = iter([b'{"x": 1},' * 10000] * 9)
        entries = module("cli.records").split_array(b"[", pieces, str)
        self.assertEqual(next(entries), (1, b'{"x": 1}'))
        self.assertGreater(len(list(pieces)), 5)

    @unittest.skipUnless(hasattr(socket, "AF_UNIX"), "needs a stream of which each piece is read by itself")
    def test_utf_16_is_named_however_little_comes_at_a_time(self):
        ours, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        with ours, its:
            for byte in '{"name": "a"}\n'.encode("utf-16"):
                ours.send(bytes([byte]))
            ours.send(b"")  # is the end
            code, output, errors = finish(self.start("--file", "-", stdin=its))
        self.assertEqual((code, output), (2, ""))
        self.assertIn("<stdin>: UTF-16 text: make it UTF-8, as iconv -f UTF-16 -t UTF-8 does\n", errors)

    def test_gzip_is_read_from_standard_input_however_little_comes_at_a_time(self):
        process = self.start("--file", "-")
        for byte in gzip.compress(lines(numbered(2)).encode()):
            process.stdin.buffer.write(bytes([byte]))
            process.stdin.buffer.flush()
        code, _, errors = finish(process)
        self.assertEqual((code, self.numbers()), (0, [1, 2]), errors)

    def test_a_problem_has_one_line_number_and_a_column(self):
        cases = [
            (b'{"name": "a"', "not JSON: Expecting ',' delimiter (column 13)"),
            (b'{"name": "a"},', "not JSON: a comma with nothing after it (column 14)"),
            (b'{"name": "a", }', "not JSON: a comma with nothing after it (column 13)"),
            (b'{"name": "a", "data": {"x": [1,]}}', "not JSON: a comma with nothing after it (column 31)"),
            (b'{"name": "a"} {}', "not JSON: Extra data (column 14)"),
            (b"{", "not JSON: the object goes on in the next line; write each on one line, as jq -c does"),
        ]
        path = self.write("events", b"\n".join(text for text, _ in cases))
        _, _, errors = self.send("--file", path, "--check")
        expected = [f"{path}:{number}: {problem}" for number, (_, problem) in enumerate(cases, 1)]
        self.assertEqual(errors.splitlines()[:-1], expected)

    def test_a_problem_in_an_array_has_the_number_of_the_item(self):
        cases = [
            ("[{}, ]", "item 2: the array ends after a comma; remove it"),
            ("[{},\n{'a': 1}]", "item 2: not JSON: Expecting property name enclosed in double quotes"),
            ("[{},", "item 2: the array ends here"),
        ]
        for text, problem in cases:
            path = self.write("events", text)
            self.assertIn(f"{path}: {problem}\n", self.send("--file", path, "--check")[2])

    def test_data_of_many_lines_is_read_and_its_problem_has_a_line(self):
        good, bad = self.write("good", json.dumps({"n": 1}, indent=1)), self.write("bad", '{\n "n": 1,\n "x" 2\n}')
        results = self.send_all(["a", "--data", "@" + good], ["a", "--data", "@" + bad])
        self.assertEqual((results[0][0], self.numbers()), (0, [1]))
        problem = f"--data: {bad} is not JSON: Expecting ':' delimiter (line 3, column 6)"
        self.assertEqual(results[1], (2, "", f"inngest_send: {problem}\n"))


class JsonTest(unittest.TestCase):
    def test_no_number_is_too_long_to_be_told(self):
        text = module("cli.json_text")
        try:
            text.read_json(b"9" * 5000)  # 3.11 and newer refuse it, and an event does before that
        except text.BadLineError as err:
            self.assertEqual(str(err), "not JSON: a number with too many digits")
