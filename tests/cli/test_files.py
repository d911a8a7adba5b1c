"""``send --file``: what is read as events, from files and pipes, and what is said of what is none."""

import contextlib
import gzip
import json
import os
import shlex
import sys
import unittest

from tests.helpers import processes
from tests.helpers.commands import COMMAND, CommandTest, finish, lines, numbered
from tests.helpers.servers import ScriptedServer
from tests.helpers.waiting import side_by_side

A, B, C = b'{"name": "a"}', b'{"name": "b"}', b'{"name": "c"}'
MEASURED = """
import resource, subprocess, sys
subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, check=True)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""


class ReadingTest(CommandTest):
    def names(self):
        return [event.name for event in self.server.events]

    def test_what_the_same_lines_look_like_in_a_file_does_not_matter(self):
        contents = {
            "newlines": b"\n".join([A, B, C, b""]),
            "no newline at the end": b"\n".join([A, B, C]),
            "CRLF": b"\r\n".join([A, B, C, b""]),
            "a BOM": b"\xef\xbb\xbf" + b"\n".join([A, B, C]),
            "blank lines": b"\n \n" + b"\n\r\n\t\n".join([A, B, C]) + b"\n\n",
            "an array": b"[" + b",".join([A, B, C]) + b"]",
            "an array with all the space that there can be": b"\r\n [\n" + b" \n, ".join([A, B, C]) + b"\t]\n\n",
            "an array after a BOM": b"\xef\xbb\xbf[" + b", ".join([A, B, C]) + b"]",
        }
        arguments = [f"--file={self.write(what, content)}" for what, content in contents.items()]
        code, output, errors = self.send(*arguments, "--concurrency", "1")
        self.assertEqual((code, output.split()), (0, [event.internal_id for event in self.server.events]), errors)
        names = self.names()
        for index, what in enumerate(contents):
            self.assertEqual(names[3 * index :][:3], ["a", "b", "c"], what)

    def test_an_empty_file_and_an_empty_array_hold_no_events(self):
        paths = [self.write("empty", b""), self.write("blank", b"\n \n"), self.write("array", b" [ ] ")]
        code, output, errors = self.send(*[f"--file={path}" for path in paths])
        self.assertEqual((code, output), (0, ""))
        self.assertRegex(errors, r"\n0 events accepted in \d\.\d s\n$")
        self.assertEqual(self.server.requests, [])

    def test_files_and_standard_input_are_sent_in_the_order_of_the_arguments(self):
        with gzip.open(self.path("b.gz"), "wb") as file:
            file.write(B)
        paths = [self.write("a", A), self.path("b.gz"), "-", self.write("d", b'[{"name": "d"}]')]
        arguments = [argument for path in paths for argument in ("--file", path)]
        code, _, errors = self.send(*arguments, "--concurrency", "1", input=C.decode())
        self.assertEqual((code, self.names()), (0, ["a", "b", "c", "d"]), errors)

    def test_every_field_arrives_as_it_was_written(self):
        data = {"\U0001f600": [1, 2.5, None, {"": "\u2028\n"}]}
        event = {"name": "gr\u00f6\u00dfe", "data": data, "id": "i", "ts": 1700000000000}
        code, _, errors = self.send("--file", self.write("events", json.dumps(event, ensure_ascii=False)))
        self.assertEqual(code, 0, errors)
        (stored,) = self.server.events
        self.assertEqual({field: getattr(stored, field) for field in event}, event)

    @unittest.skipUnless(hasattr(os, "mkfifo"), "needs named pipes")
    def test_what_trickles_through_a_pipe_is_sent_before_it_is_a_whole_batch(self):
        os.mkfifo(self.path("fifo"))
        process = self.start("--file", self.path("fifo"))
        with open(self.path("fifo"), "w") as pipe:
            for _ in range(600):  # never silent for a second
                pipe.write(A.decode() + "\n")
                pipe.flush()
                with contextlib.suppress(AssertionError):
                    self.server.wait_for(1, timeout=0.1)
                    break
            self.assertTrue(self.server.events)
        self.assertEqual(finish(process)[0], 0)

    def test_memory_does_not_grow_with_the_number_of_events(self):
        def accept(peer):
            while True:
                request = peer.read()
                if request is None:
                    return
                peer.server.requests.clear()
                peer.answer(200, b'{"ids": [%s]}' % b",".join([b'"an id"'] * request.body.count(b'"name"')))

        forms = [  # the name of the file, what it begins with, a line of it, options
            ("events.ndjson", b"", b'{"name": "test/event", "data": {"key": "value"}}\n', []),
            ("rows.ndjson", b"", b'{"key": "value", "other": 2}\n', ["--as", "row"]),
            ("rows.csv", b"key,other\n", b'value,"2\n"\n', ["--as", "row"]),
        ]
        with ScriptedServer(then=accept) as server:
            env = {**self.env, "INNGEST_DEV": server.url}

            def check(name, head, line, options):
                peaks = []
                for count in (10000, 40000):
                    path = self.write(name, head + line * count)
                    command = [sys.executable, *COMMAND, "send", "--file", path, *options]
                    _, output, errors = processes.run(["-c", MEASURED, *command], env=env)
                    self.assertIn(f"{count:,} events accepted", errors)
                    peaks.append(int(output))
                self.assertLess(peaks[1], 1.2 * peaks[0])

            side_by_side(self, check, {form[0]: form for form in forms})


class BadLineTest(CommandTest):
    BAD = [
        (b'{"name": "a", "data": {"total": NaN}}', "data.total: expected a finite number, got NaN"),
        (b'{"name": "a", "data": {"x": "\xff"}}', "not UTF-8"),
        (b'{"name": "a"', "not JSON: Expecting"),
        (b'{"name": "a"} {}', "not JSON: Extra data"),
        (b'{"name": "a", "data": ' + b'{"x":' * 100000 + b"}", "not JSON: "),
        (b'"a"', "expected a JSON object"),
        (b"{}", "name: missing"),
        (b'{"name": "a", "user": {"s3cr3t": 1}}', "'user' is no field of an event; there are name, data, id, ts"),
        (b'{"name": "inngest/a"}', "name: expected a name of your own"),
        (b'{"name": "a", "data": "s3cr3t"}', "data: expected a mapping with str keys, got str"),
        (b'{"name": "a", "id": 7}', "id: expected a str, got int"),
        (b'{"name": "a", "id": 0}', "id: expected a str, got int"),
        (b'{"name": "a", "data": {"x": NaN, "x": 1}}', "a key has two values"),
        (b'{"name": "a", "data": {"x": 1}, "data": {}}', "a key has two values"),
        (b'{"name": "a", "ts": 1700000000}', "ts: looks like seconds"),
        (b'{"name": "a", "data": {"x": 9007199254740993}}', "data.x: "),
        (b'{"name": "a", "data": {"x": "\\ud800"}}', "data.x: expected text that UTF-8 can encode"),
        (b'{"name": "a", "data": {"x": "' + b"s3cr3t" * 700000 + b'"}}', "4,200,068 bytes of JSON; Inngest takes"),
    ]

    def check_complaints(self, errors, where):
        complaints = [line for line in errors.splitlines() if line.startswith(self.folder)]
        self.assertEqual(len(complaints), len(self.BAD), errors)
        for index, (complaint, (_, problem)) in enumerate(zip(complaints, self.BAD)):
            start = f"{where}{index + 1}: {problem}"
            self.assertEqual(complaint[: len(start)], start)
        self.assertNotIn("s3cr3t", errors)
        self.assertNotIn("Traceback", errors)

    def test_check_reports_every_bad_line_with_its_number_and_sends_nothing(self):
        path = self.write("events", b"\n".join(line for line, _ in self.BAD))
        code, output, errors = self.send("--file", path, "--check", "--unsent", self.path("left"))
        self.assertEqual((code, output, self.server.requests), (2, "", []))
        self.check_complaints(errors, path + ":")
        self.assertEqual(os.listdir(self.folder), ["events"])

    def test_the_items_of_an_array_are_counted(self):
        whole = [(line, problem) for line, problem in self.BAD if "JSON:" not in problem]
        path = self.write("events", b"[" + b",\n".join(line for line, _ in whole) + b"]")
        self.BAD = whole
        code, _, errors = self.send("--file", path, "--check")
        self.assertEqual(code, 2)
        self.check_complaints(errors, path + ": item ")

    def test_check_needs_no_key_and_counts_the_lines(self):
        self.env.pop("INNGEST_DEV")
        path = self.write("events", numbered(3))
        self.assertEqual(self.send("--file", path, "--check"), (0, "", "3 good lines, 0 bad lines\n"))
        self.assertEqual(self.send("--file", path, "--check", "--quiet"), (0, "", ""))

    def test_the_run_stops_at_a_bad_line_after_what_came_before_it(self):
        path = self.write("events", lines(numbered(7)) + "nonsense\n" + lines(numbered(2)))
        code, output, errors = self.send("--file", path, "--batch-size", "2")
        self.assertEqual((code, len(output.split()), sorted(self.numbers())), (1, 7, list(range(1, 8))))
        self.assertIn(f"{path}:8: not JSON: ", errors)
        self.assertIn("7 events accepted in ", errors)
        self.assertIn("; 1 bad line; the input was not read to its end\n", errors)
        self.assertIn(f"\nfix {path}:8 in place, do not delete it; go on with:\n", errors)
        self.assertIn(f" send --file {shlex.quote(path)} --resume-from 8 ", errors.splitlines()[-1])

    def test_a_bad_line_before_anything_was_sent_is_exit_2(self):
        code, output, _ = self.send("--file", "-", input="\n{}\n" + lines(numbered(2)))
        self.assertEqual((code, output, self.server.requests), (2, "", []))

    def test_bad_lines_can_be_skipped(self):
        path = self.write("events", lines(numbered(1)) + "{}\n" + lines(numbered(3)[1:]) + "[]\n")
        code, output, errors = self.send("--file", path, "--skip-bad")
        self.assertEqual((code, len(output.split()), self.numbers()), (3, 3, [1, 2, 3]))
        self.assertIn(f"{path}:2: name: missing\n{path}:5: expected a JSON object\n", errors)
        self.assertIn("; 2 bad lines\n", errors)

    def test_what_cannot_be_read_on_ends_the_run_where_it_is(self):
        packed = gzip.compress(b"\n".join([A] * 3))
        cases = [
            ("cut.gz", packed[:-9], 0, "the compressed data is cut short"),
            ("no.gz", A, 0, "incorrect header check"),
            ("array", b"[" + A + b",\n", 1, "item 2: the array ends here"),
            ("comma", b"[" + A + B + b"]", 1, "item 1: expected a comma or the end of the array after it"),
            ("wrong", b"[" + A + b", wrong]", 1, "item 2: not JSON: Expecting value"),
            ("more", b"[" + A + b"]" + B, 1, "there is text after the array"),
            ("long", A + b"\n" + b"x" * (33 * 1024 * 1024), 1, ":2: a line of more than 33,554,432 bytes"),
        ]
        results = self.send_all(*[["--file", self.write(name, content)] for name, content, _, _ in cases])
        for (name, _, accepted, problem), (code, output, errors) in zip(cases, results):
            with self.subTest(name):
                self.assertIn(problem, errors)
                if name != "cut.gz":  # how much of that could be read is zlib's to say
                    self.assertEqual((code, len(output.split())), (1 if accepted else 2, accepted), errors)
                self.assertNotEqual(code, 0)

    def test_a_file_that_is_not_there_is_exit_2_and_nothing_is_sent(self):
        good, paths = self.write("events", A), [self.path("none"), self.folder]
        results = self.send_all(*[["--file", good, "--file", path] for path in paths])
        for path, (code, output, errors) in zip(paths, results):
            self.assertEqual((code, output, errors.count("\n")), (2, "", 1), errors)
            self.assertIn(path, errors)
        self.assertEqual(self.server.requests, [])
