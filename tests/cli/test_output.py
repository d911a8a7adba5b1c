"""``send``: what is printed where, to files, pipes and terminals, and when nobody reads it."""

import json
import os
import re
import struct
import subprocess
import sys
import threading
import unittest

from tests.helpers import processes
from tests.helpers.commands import KEY, CommandTest, environment, finish, lines, numbered, run
from tests.helpers.library import NAME, ROOT, TIME_LIMIT
from tests.helpers.servers import ScriptedServer

try:
    import fcntl
    import pty
    import termios
except ImportError:
    pty = None

SEED = r"--id-seed [0-9a-f]{16} gives this run's ids again\n"
SUMMARY = r"3 events accepted in \d\.\d s\n"


def screen(text):
    """Return the lines that a terminal shows for a text."""
    shown = []
    for line in text.replace("\r\n", "\n").split("\n"):
        cells = ""
        for part in line.split("\r"):
            cells = part + cells[len(part) :]
        shown.append(cells.rstrip())
    return shown


class TextTest(CommandTest):
    def test_ids_go_to_standard_output_and_the_summary_to_standard_error(self):
        code, output, errors = self.send("--file", self.write("events", numbered(3)))
        self.assertEqual((code, output.split()), (0, [event.internal_id for event in self.server.events]))
        self.assertRegex(errors, "^" + SEED + SUMMARY + "$")

    def test_an_id_is_printed_while_later_requests_are_under_way(self):
        both, is_printed = threading.Barrier(2), threading.Event()

        def script(peer):
            request = peer.read()
            both.wait(TIME_LIMIT)  # all of the file is read by now
            if request.events[0]["data"]["n"] == 2 and not is_printed.wait(TIME_LIMIT):
                raise AssertionError("the first id was not printed")
            peer.accept(request)

        with ScriptedServer(then=script) as server:
            env = {**self.env, "INNGEST_DEV": server.url}
            process = self.start("--file", self.write("events", numbered(2)), "--batch-size", "1", env=env)
            first = process.stdout.readline()
            is_printed.set()
            code, output, _ = finish(process)
        self.assertEqual((code, (first + output).count("\n")), (0, 2))

    def test_quiet_says_nothing_of_what_went_well_and_all_of_the_rest(self):
        path = self.write("events", numbered(3))
        code, output, errors = self.send("--file", path, "--quiet")
        self.assertEqual((code, len(output.split()), errors), (0, 3, ""))
        self.server.fail_next(status=400, body='{"error": "so it is"}')
        code, output, errors = self.send("--file", path, "--quiet")
        self.assertEqual((code, output), (1, ""))
        self.assertIn(f"0 of 3 events accepted: HTTP 400: so it is (POST to {self.server.url[:-1]})\n", errors)
        self.assertIn("\ngo on with:\n  ", errors)

    def test_verbose_shows_the_library_s_log_without_key_and_data(self):
        self.server.fail_next(status=503)
        env = {**self.env, "INNGEST_EVENT_KEY": KEY}
        path = self.write("events", [{"name": "a", "data": {"password": "s3cr3t"}}])
        code, _, errors = self.send("--file", path, "--verbose", env=env)
        self.assertEqual(code, 0)
        self.assertRegex(errors, r"WARNING attempt 1 of 10 to send 1 event failed: HTTP 503 .*; next in 0\.[12]\d s\n")
        self.assertRegex(errors, r"DEBUG 1 event accepted at attempt 2\n")
        self.assertNotIn("s3cr3t", errors)

    def test_verbose_shows_no_log_but_the_library_s(self):
        program = f"""
import logging
from {NAME}.cli import main
main(["send", "a", "--dev", "--dry-run", "--verbose"])
logging.getLogger("other").info("not asked for")
logging.getLogger("{NAME}").debug("shown")
"""
        code, _, errors = processes.run(["-c", program])
        self.assertRegex(errors, r"^[-0-9 :,]+ DEBUG shown\n$")
        self.assertEqual(code, 0)

    def test_progress_is_shown_before_the_first_answer(self):
        is_shown = threading.Event()

        def script(peer):
            request = peer.read()
            is_shown.wait(TIME_LIMIT)
            peer.accept(request)

        if pty is None:
            self.skipTest("needs pseudo-terminals")
        outer, inner = pty.openpty()
        with ScriptedServer(then=script) as server, open(outer, "rb", buffering=0) as terminal:
            env = {**self.env, "INNGEST_DEV": server.url}
            process = self.start("--file", self.write("events", numbered(3)), stderr=inner, env=env)
            os.close(inner)
            shown = b""
            while b"0 events, 0 a second" not in shown:
                shown += terminal.read(65536)
            is_shown.set()
            self.assertEqual(finish(process)[0], 0)

    def test_on_a_terminal_there_is_progress_which_the_summary_replaces(self):
        code, output, shown = self.on_terminal("--file", self.write("events", numbered(3)))
        self.assertEqual((code, len(output.split())), (0, 3))
        self.assertRegex(shown, r"\r\d events, \d+ a second, 100 %, 0 s left")
        self.assertRegex("\n".join(screen(shown)), "^" + SEED + SUMMARY + "$")

    def test_of_a_pipe_it_is_not_known_how_much_is_left(self):
        _, _, shown = self.on_terminal("--file", "-", input=lines(numbered(3)))
        self.assertRegex(shown, r"\r\d events, \d+ a second *\r")

    def test_ids_and_progress_on_the_same_terminal_do_not_mix(self):
        path = self.write("events", numbered(3))
        code, _, shown = self.on_terminal("--file", path, "--batch-size", "1", "--concurrency", "1", stdout=True)
        ids = [event.internal_id for event in self.server.events]
        self.assertEqual((code, screen(shown)[1:4]), (0, ids))
        self.assertIn(" a second", shown)

    def test_a_message_stands_on_a_line_of_its_own_after_what_was_printed_before(self):
        path = self.write("events", lines(numbered(1)) + "{}\n" + lines(numbered(2)[1:]))
        options = ["--batch-size", "1", "--concurrency", "1", "--skip-bad"]
        _, _, shown = self.on_terminal("--file", path, *options, stdout=True, columns=250)
        first, second = [event.internal_id for event in self.server.events]
        self.assertEqual(screen(shown)[1:4], [first, f"{path}:2: name: missing", second])

    def test_on_a_narrow_terminal_progress_stays_one_line(self):
        path = self.write("events", numbered(1))
        for columns in (40, 30, 10):
            _, _, shown = self.on_terminal("--file", path, columns=columns)
            progress = re.findall(r"\r((?:0 events|1 event),[^\r\n]*)", shown)
            self.assertTrue(progress, shown)
            self.assertLess(max(map(len, progress)), columns)

    def on_terminal(self, *arguments, input="", stdout=False, columns=80):
        """Run ``send`` with a terminal for standard error, and perhaps for standard output.

        Return exit code, standard output, and what came to the terminal.
        """
        if pty is None:
            self.skipTest("needs pseudo-terminals")
        outer, inner = pty.openpty()
        fcntl.ioctl(inner, termios.TIOCSWINSZ, struct.pack("4H", 24, columns, 0, 0))
        with open(outer, "rb", buffering=0) as terminal:
            process = self.start(*arguments, stderr=inner, stdout=inner if stdout else subprocess.PIPE)
            os.close(inner)
            code, output, _ = finish(process, input)
            shown = b""
            try:
                while True:
                    shown += terminal.read(65536)
            except OSError:  # no process has it open any more
                return code, output, shown.decode()


class JsonTest(CommandTest):
    def send_json(self, *arguments):
        code, output, _ = self.send(*arguments, "--json")
        return [code] + [json.loads(line) for line in output.splitlines()]

    def test_every_line_has_its_result_and_the_last_one_is_the_summary(self):
        path = self.write("events", lines(numbered(1)) + "{}\n" + lines(numbered(2)))
        self.server.fail_next("idle_close")
        self.server.fail_next("stored_status")
        arguments = ("--skip-bad", "--batch-size", "1", "--concurrency", "1", "--max-attempts", "1")
        code, *results = self.send_json("--file", path, "--id-seed", "night", *arguments)
        problem = f"0 of 1 event known to be accepted (it may have arrived): HTTP 500 (POST to {self.server.url[:-1]})"
        expected = [
            {"file": path, "line": 1, "accepted": True, "id": self.server.events[0].internal_id},
            {"file": path, "line": 2, "accepted": False, "error": "name: missing", "maybe_delivered": False},
            {"file": path, "line": 3, "accepted": False, "error": problem, "maybe_delivered": True},
        ]
        self.assertEqual((code, sorted(results[:3], key=lambda result: result["line"])), (1, expected))
        resume = {"file": path, "line": 3}
        summary = {"accepted": 1, "not_accepted": 1, "bad_lines": 1, "unsent": None, "resume": resume}
        summary["id_seed"] = "night"
        self.assertEqual(results[3:], [summary])

    def test_one_event_has_one_result(self):
        code, result = self.send_json("a")
        self.assertEqual((code, result), (0, {"accepted": True, "id": self.server.events[0].internal_id}))
        self.server.fail_next(status=401)
        code, result = self.send_json("a")
        problem = f"0 of 1 event accepted: HTTP 401; there is no event key (POST to {self.server.url[:-1]})"
        self.assertEqual((code, result), (1, {"accepted": False, "error": problem, "maybe_delivered": False}))


class NobodyReadsTest(CommandTest):
    """No event is lost because what is said of it is."""

    def setUp(self):
        super().setUp()
        self.arguments = ("--file", self.write("events", numbered(30)), "--unsent", self.path("left"))

    def test_a_closed_pipe_is_no_error(self):
        process = self.start(*self.arguments, "--batch-size", "1")
        process.stdout.readline()
        process.stdout.close()
        with process.stderr:
            errors = process.stderr.read()
        self.assertEqual((process.wait(TIME_LIMIT), sorted(self.numbers())), (0, list(range(1, 31))))
        self.assertRegex(errors, "^" + SEED + r"30 events accepted in \d\.\d s\n$")

    def test_a_closed_standard_error_changes_nothing(self):
        self.server.fail_next("idle_close")
        self.server.fail_next(status=400)
        process = self.start(*self.arguments, "--batch-size", "10", "--concurrency", "1")
        process.stderr.close()
        output = process.stdout.read()
        self.assertEqual((process.wait(TIME_LIMIT), len(output.split())), (1, 10))
        self.assertEqual(self.numbers(self.read("left")), list(range(11, 31)))

    @unittest.skipUnless(os.path.exists("/dev/full"), "needs a disk that is always full")
    def test_a_full_disk_for_the_ids_is_exit_1_though_every_event_is_sent(self):
        for arguments, count in ((self.arguments, 30), (["a"], 31), ([*self.arguments, "--dry-run"], 31)):
            with self.subTest(arguments), open("/dev/full", "w") as full:
                code, _, errors = self.send(*arguments, stdout=full)
                self.assertEqual((code, len(self.server.runs)), (1, count))
                self.assertIn("inngest_send: cannot write to standard output: ", errors)
                self.assertNotIn("Traceback", errors)
        with open("/dev/full", "w") as full:
            code, output, _ = self.send(*self.arguments, stderr=full)
        self.assertEqual((code, len(output.split()), self.read("left")), (0, 30, []))

    @unittest.skipUnless(os.name == "posix", "needs a shell")
    def test_standard_streams_may_be_closed(self):
        for closed, printed in (("2>&-", 30), (">&-", 0), ("<&- >&- 2>&-", 0)):
            with self.subTest(closed):
                self.server.clear()
                shell = ["sh", "-c", 'exec "$@" ' + closed, "sh"]
                code, output, errors = self.send(*self.arguments, before=shell)
                self.assertEqual((code, len(self.server.runs), len(output.split())), (0, 30, printed), errors)
        code, output, errors = self.send("--file", "-", before=["sh", "-c", 'exec "$@" <&-', "sh"])
        self.assertEqual((code, output, errors.count("\n")), (0, "", 2), errors)


class HelpTest(CommandTest):
    def test_help_fits_a_terminal_of_80_columns(self):
        width = 80 + max(0, len(NAME) - len("inngest_send"))  # the examples name the package
        for arguments in ([], ["send"], ["serve"]):
            code, output, errors = run(*arguments, "--help", env=environment(COLUMNS="80"))
            self.assertEqual((code, errors), (0, ""))
            self.assertLessEqual(max(map(len, output.splitlines())), width, output)

    def test_it_says_what_is_the_default(self):
        help = " ".join(run("send", "--help")[1].split())
        for default in ("the app's id (default: inngest_send)", "events a request (default: 1000)"):
            self.assertIn(default, help)
        self.assertIn("where to listen (default: 8288; ", " ".join(run("serve", "--help")[1].split()))
        groups = [line for line in run("send", "--help")[1].splitlines() if re.match(r"\w.*:$", line)]
        self.assertEqual(groups[-6:], ["where to:", "how:", "many events:", "rows:", "output:", "examples:"])

    @unittest.skipUnless(os.name == "posix", "needs a shell")
    def test_its_examples_work(self):
        examples = re.search(r"(?s)\nexamples:\n(.*?)\n\n", run("send", "--help")[1]).group(1)
        program = 'set -e; python3() { "$PYTHON" -W error "$@"; }\n' + examples
        self.write("orders.ndjson", numbered(2))
        self.write("orders.csv", "n\n3\n")
        env = {**self.env, "PYTHONPATH": ROOT, "PYTHON": sys.executable}
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        done = subprocess.run(["sh", "-c", program], cwd=self.folder, env=env, timeout=TIME_LIMIT, **pipes)
        self.assertEqual((done.returncode, len(done.stdout.split())), (0, 6), done.stderr)
        values = [next(iter(event.data.values())) for event in self.server.events]
        self.assertEqual(values, [7, 1, 2, 1, 2, "3"])
