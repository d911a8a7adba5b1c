"""``send --file`` and the signals that end a program: what is accepted is printed, what is not is left."""

import contextlib
import gzip
import os
import re
import signal
import subprocess
import sys
import unittest
from unittest import mock

from tests.helpers.commands import CommandTest, finish, lines, numbered, patched
from tests.helpers.library import TIME_LIMIT, module
from tests.helpers.servers import Deaf, ScriptedServer


class SignalTest(CommandTest):
    def setUp(self):
        super().setUp()
        self.left = self.path("left")

    def assert_says(self, process, text):
        """Read the standard error of a process as far as a line with this text."""
        said = ""
        while text not in said:
            line = process.stderr.readline()
            self.assertTrue(line, f"{text!r} is not in {said!r}")
            said += line

    def start_on_pipe(self, count, **kwargs):
        """Return a process that has sent so many events from its standard input, and waits for more."""
        process = self.start("--file", "-", "--unsent", self.left, **kwargs)
        process.stdin.write(lines(numbered(count)))
        process.stdin.flush()
        self.server.wait_for(count, TIME_LIMIT)
        return process

    def test_standard_input_is_read_to_its_end_after_a_signal_and_the_accepted_ids_are_printed(self):
        process = self.start_on_pipe(10)
        process.send_signal(signal.SIGTERM)
        writing = f"reading <stdin> to the end and writing what is left to {self.left}"
        self.assert_says(process, f"{writing}; another signal stops that\n")
        code, output, errors = finish(process, lines(numbered(20)[10:]))
        self.assertEqual((code, output.split()), (143, [event.internal_id for event in self.server.events]))
        self.assertEqual(self.numbers(self.read("left")), list(range(11, 21)))
        self.assertIn(f"10 lines left in {self.left}; go on with:\n", errors)

    def test_without_a_signal_none_is_spoken_of_until_one_comes(self):
        self.server.fail_next(status=401, times=2)
        path = self.write("events", numbered(3))
        code, _, errors = self.send("--file", path, "--unsent", self.left, "--batch-size", "1", "--concurrency", "1")
        self.assertEqual((code, self.numbers(self.read("left"))), (1, [1, 2, 3]), errors)
        self.assertNotIn("writing", errors)
        self.assertNotIn("signal", errors)
        process = self.start("--file", self.left, "--file", "-", "--unsent", self.left)
        writing = f"reading <stdin> to the end and writing what is left to {self.left}"
        self.assert_says(process, f"{writing}\n")
        process.send_signal(signal.SIGTERM)
        self.assert_says(process, f"{writing}; another signal stops that\n")
        process.send_signal(signal.SIGTERM)
        self.assertEqual(process.wait(TIME_LIMIT), 143)

    def test_a_first_signal_while_what_is_left_is_written_ends_nothing(self):
        self.server.fail_next(status=401)
        path = self.write("events", numbered(1))
        process = self.start("--file", path, "--file", "-", "--unsent", self.left)
        self.assert_says(process, "reading <stdin> to the end")
        process.send_signal(signal.SIGTERM)
        self.assert_says(process, "; another signal stops that\n")
        code, _, errors = finish(process, lines(numbered(3)[1:]))
        self.assertEqual((code, self.numbers(self.read("left"))), (143, [1, 2, 3]), errors)

    def test_a_second_signal_ends_that_and_what_came_is_left(self):
        for last in (1, 3):
            with self.subTest(last):
                self.server.clear()
                process = self.start_on_pipe(1)
                process.send_signal(signal.SIGTERM)
                self.assert_says(process, "reading <stdin> to the end")
                process.stdin.write(lines(numbered(last)[1:]))
                process.stdin.flush()
                process.send_signal(signal.SIGTERM)
                errors = process.stderr.read()  # and its input is still open
                self.assertEqual(process.wait(TIME_LIMIT), 143)
                reached = re.search("--resume-from ([0-9]+) ", errors).group(1)
                start = "" if reached == "2" else "that is not all; "
                command, *_ = errors.splitlines()[-1].split(" --id-seed ")
                self.assertIn(f"\n{start}give <stdin> the same input again; go on with:\n", errors)
                self.assertTrue(command.endswith(f" send --file - --resume-from {reached}"), errors)
                self.assertIn(int(reached), range(2, last + 2))
                self.send("--file", self.left, "--unsent", self.left)
                self.assertEqual(self.numbers(self.server.runs), list(range(1, int(reached))))
                self.assertEqual(os.listdir(self.folder), ["left"])

    @unittest.skipUnless(hasattr(os, "mkfifo"), "needs named pipes")
    def test_a_packed_pipe_holds_up_neither_events_nor_signals(self):
        path = self.path("pipe.gz")
        os.mkfifo(path)
        process = self.start("--file", path, "--unsent", self.left)
        with open(path, "wb", buffering=0) as pipe:
            pipe.write(gzip.compress(lines(numbered(1)).encode()))
            self.assertEqual(len(process.stdout.readline()), 27)
            process.send_signal(signal.SIGTERM)
            self.assert_says(process, f"to the end and writing what is left to {self.left}; another signal stops that")
            process.send_signal(signal.SIGTERM)
            self.assertEqual(process.wait(TIME_LIMIT), 143)

    def test_lines_before_the_one_to_go_on_from_are_not_written(self):
        process = self.start("--file", "-", "--unsent", self.left, "--resume-from", "3")
        self.assert_says(process, "--id-seed")  # from then on signals are waited for
        process.send_signal(signal.SIGINT)
        self.assert_says(process, "to the end")
        code, _, errors = finish(process, lines(numbered(4)))
        self.assertEqual((code, self.numbers(self.read("left"))), (130, [3, 4]), errors)

    def test_ctrl_c_ends_the_sending_of_one_event(self):
        deaf = Deaf()
        with ScriptedServer(then=deaf) as server:
            process = self.start("a", env={**self.env, "INNGEST_DEV": server.url})
            self.assertTrue(deaf.arrived.wait(TIME_LIMIT))
            process.send_signal(signal.SIGINT)
            self.assertEqual(finish(process), (130, "", ""))

    def test_a_request_that_is_not_answered_is_given_up_some_time_after_a_signal(self):
        with self.waiting_for_an_answer(GRACE=0.1) as process:
            process.send_signal(signal.SIGTERM)
            self.assert_says(process, "waiting up to 0.1 s for requests under way; a second signal gives them up")
            self.assert_says(process, f"writing what is left to {self.left}; another signal stops that")

    def test_a_request_that_is_not_answered_is_given_up_at_a_second_signal(self):
        with self.waiting_for_an_answer(GRACE=3600) as process:
            process.send_signal(signal.SIGTERM)
            self.assert_says(process, "waiting up to 3600 s for requests under way; a second signal gives them up")
            process.send_signal(signal.SIGINT)

    def test_a_signal_while_a_batch_is_read_sends_nothing_of_it(self):
        def read(text, id):
            if b"2" in text:
                run.stop()
            return reader.read(text, id)

        reader = module("cli.event_lines").EventReader()
        source = module("cli.source").Source(self.write("events", numbered(4)), mock.Mock(read=read))
        self.addCleanup(source.close)
        report = module("cli.run_report").Report(module("cli.output").Output(), [source], is_json=False, is_quiet=True)
        ids, sent = module("cli.ids").Ids(None), []
        options = {"skip_bad": False, "bad_file": None, "concurrency": 1, "batch_size": 10}
        run = module("cli.file_run").FileRun([source], sent.append, report, ids=ids, **options)
        run.run(lambda: None)
        self.assertEqual((sent, [event.data["n"] for event in run.unsent], run.resume_at), ([], [1, 2], (source, 1)))
        self.assertFalse(run.is_given_up())
        run.stop()
        self.assertTrue(run.is_given_up())

    @contextlib.contextmanager
    def waiting_for_an_answer(self, **values):
        """Provide a process in the middle of a request, and see that it ends without an answer."""
        deaf = Deaf()
        with ScriptedServer(then=deaf) as server:
            env = {**self.env, "INNGEST_DEV": server.url}
            arguments = ("--file", self.write("events", numbered(3)), "--unsent", self.left)
            process = self.start(*arguments, env=env, command=patched(**values))
            self.assertTrue(deaf.arrived.wait(TIME_LIMIT))
            yield process
            code, output, errors = finish(process)
        self.assertEqual((code, output, self.numbers(self.read("left"))), (143, "", [1, 2, 3]), errors)

    @unittest.skipUnless(os.name == "posix", "pipes are waited for")
    def test_who_reads_nothing_of_what_is_printed_holds_up_no_signal(self):
        path = self.write("events", numbered(9000))
        for stderr in (subprocess.PIPE, subprocess.STDOUT):
            with self.subTest(stderr):
                self.server.clear()
                command = patched(GRACE=0.1)
                process = self.start("--file", path, "--unsent", self.left, stderr=stderr, command=command)
                self.server.wait_for(3000, TIME_LIMIT)  # whose ids are more than a pipe takes
                process.send_signal(signal.SIGTERM)
                self.assertEqual(process.wait(TIME_LIMIT), 143)
                numbers = sorted({*self.numbers(), *self.numbers(self.read("left"))})
                self.assertEqual(numbers, list(range(1, 9001)))
                if process.stderr is not None:
                    self.assertIn("cannot write to standard output: nobody reads it\n", process.stderr.read())
                os.remove(self.left)

    def test_a_signal_ends_a_check_too(self):
        process = self.start("--file", "-", "--check")
        process.stdin.write("{}\n")
        process.stdin.flush()
        self.assert_says(process, "<stdin>:1: name: missing")
        process.send_signal(signal.SIGINT)
        self.assertEqual((process.wait(TIME_LIMIT), process.stderr.read()), (130, ""))

    @unittest.skipIf(sys.implementation.name == "pypy", "PyPy takes a signal that is ignored for one that is not")
    def test_a_signal_that_is_ignored_stays_so(self):
        process = self.start_on_pipe(1, before=["sh", "-c", 'trap "" INT HUP; exec "$@"', "sh"])
        process.send_signal(signal.SIGINT)
        process.send_signal(signal.SIGHUP)
        code, _, errors = finish(process, lines(numbered(2)[1:]))
        self.assertEqual((code, self.numbers()), (0, [1, 2]), errors)

    def test_a_lost_terminal_loses_no_event(self):
        process = self.start_on_pipe(1)
        process.stdout.close()
        process.stderr.close()
        process.send_signal(signal.SIGHUP)
        process.stdin.write(lines(numbered(2)[1:]))
        process.stdin.close()
        self.assertEqual((process.wait(TIME_LIMIT), self.numbers(self.read("left"))), (129, [2]))
