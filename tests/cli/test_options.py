"""``send``: where it sends, how, and what it refuses."""

import json
import re
import socket
import threading
import unittest
from unittest import mock

from tests.helpers.commands import KEY, CommandTest, dry_run, finish, lines, numbered, send_here
from tests.helpers.library import TIME_LIMIT, module
from tests.helpers.servers import ScriptedServer, silent

CLOUD = {"INNGEST_EVENT_KEY": KEY}


class WhereToTest(unittest.TestCase):
    def test_the_options_and_the_environment_say_where_to(self):
        dev = "http://127.0.0.1:8288/e/NO_EVENT_KEY_SET"
        cases = [
            (CLOUD, ["a"], "https://inn.gs/e/***"),
            ({}, ["a", "--dev"], dev),
            ({}, ["--dev", "a"], dev),
            ({}, ["--dev", "app/user.created"], dev),
            ({"INNGEST_DEV": "http://other:1"}, ["a", "--dev"], "http://other:1/e/NO_EVENT_KEY_SET"),
            ({}, ["a", "--dev", "http://dev:1234/path"], "http://dev:1234/path/e/NO_EVENT_KEY_SET"),
            ({}, ["--dev", "dev:1234", "a"], "http://dev:1234/e/NO_EVENT_KEY_SET"),
            ({}, ["--dev=localhost", "a"], "http://localhost:8288/e/NO_EVENT_KEY_SET"),
            (CLOUD, ["a", "--base-url", "https://gw.example/inngest/"], "https://gw.example/inngest/e/***"),
            ({"INNGEST_DEV": "1"}, ["a", "--base-url", "http://h:1"], "http://h:1/e/NO_EVENT_KEY_SET"),
        ]
        for variables, arguments, url in cases:
            with self.subTest(arguments, variables=variables):
                code, output, errors = dry_run(variables, arguments)
                _, _, host, path = url.split("/", 3)
                head = [f"POST /{path} HTTP/1.1", "host: " + host]
                self.assertEqual((code, output.split("\n")[:2]), (0, head), errors)

    def test_env_and_app_id_are_the_clients(self):
        cases = [[], ["--env", "branch"], ["--env", "branch", "--app-id", "shop"]]
        outputs = [dry_run({**CLOUD, "INNGEST_ENV": "other"}, ["a"] + arguments)[1] for arguments in cases]
        found = [re.findall("(?mi)^x-inngest-env: (.*)$", output) for output in outputs]
        self.assertEqual(found, [["other"], ["branch"], ["branch"]])

    def test_what_cannot_work_is_one_line_and_exit_2(self):
        cases = [
            (CLOUD, ["a", "--base-url", "ftp://h"], "its scheme must be http or https"),
            (CLOUD, ["a", "--base-url", "https://h/e/" + KEY], "its path ends as that of the Event API"),
            (CLOUD, ["a", "--dev", "soon"], "--dev: expected"),
            (CLOUD, ["a", "--local", "--dev"], "do not go with it"),
            (CLOUD, ["a", "--env", "x\ny"], "env"),
            (CLOUD, ["a", "--app-id", ""], "app_id"),
            (CLOUD, ["a", "--event-key-file", "/no/t"], "--event-key-file /no/t: No such file"),
            (CLOUD, ["--file", "/no/t"], "--file /no/t: No such file"),
            (CLOUD, ["a", "--base-url", "foo:bar"], "--base-url is not a base URL"),
            (CLOUD, ["--file", "a", "--unsent", ""], "--unsent: expected the path of a file, got an empty one"),
            (CLOUD, ["--file", "a", "--skip-bad", "--bad", ""], "--bad: expected the path of a file, got an empty one"),
            (CLOUD, ["a", "--event-key-file", "/dev/null"], "--event-key-file: no key in /dev/null"),
            (CLOUD, [], "expected either the NAME of an event, or --file (see --help)\n"),
            (CLOUD, ["a", "--file", "b"], "NAME of an event, or --file; several files take one --file each"),
            (CLOUD, ["--file", "a", "--id", "b"], "--data, --id and --ts go with NAME"),
            (CLOUD, ["--file", "-", "--event-key-file", "-"], "standard input can be read once only"),
            (CLOUD, ["a", "--data", "-", "--event-key-file", "-"], "standard input can be read once only"),
            (CLOUD, ["--file", "-", "--file", "-"], "standard input can be read once only"),
            (CLOUD, ["a", "--unsent", "b"], "--unsent goes with --file"),
            (CLOUD, ["a", "--id-seed", "b"], "--id-seed goes with --file"),
            (CLOUD, ["a", "--no-ids"], "--no-ids goes with --file"),
            (CLOUD, ["--file", "a", "--bad", "b"], "--bad goes with --skip-bad"),
            (CLOUD, ["--file", "a", "--unsent", "b.gz"], "--unsent b.gz: it is written as plain text"),
            (CLOUD, ["--file", "a", "--skip-bad", "--bad", "b.gz"], "--bad b.gz: it is written as plain text"),
            (CLOUD, ["--file", "a", "--unsent", "-"], "--unsent: expected the path of a file"),
            (CLOUD, ["--file", "a", "--skip-bad", "--bad", "./a"], "--bad ./a is read as --file, too"),
            (CLOUD, ["--file", "a", "--resume-from", "0"], "--resume-from: expected 1 or more"),
            (CLOUD, ["--file", "a", "--concurrency", "0"], "--concurrency: expected 1 or more"),
            (CLOUD, ["--file", "a", "--batch-size", "5001"], "--batch-size: expected 1 to 5000"),
            (CLOUD, ["a", "--max-attempts", "0"], "--max-attempts: expected 1 or more"),
        ]
        for variables, arguments, problem in cases:
            with self.subTest(arguments):
                code, output, errors = dry_run(variables, arguments)
                self.assertEqual((code, output, errors.count("\n")), (2, "", 1), errors)
                self.assertIn(f" {problem}", errors)
                self.assertNotIn(KEY, errors)

    def test_words_without_a_place_get_a_hint_and_are_not_repeated(self):
        cases = [
            (["a", '{"x": "s3cr3t"}'], "the data goes behind --data, as --data '{\"id\": 7}'"),
            (["a", "--quiet", '{"x": "s3cr3t"}'], "the data goes behind --data, as --data '{\"id\": 7}'"),
            (["--file", "a", "b", "c"], "write --file before each, as --file a.ndjson --file b.ndjson"),
            (["a", "s3cr3t", "--typo"], "unrecognized arguments: --typo"),
        ]
        for arguments, problem in cases:
            code, output, errors = dry_run(CLOUD, arguments)
            self.assertEqual((code, output), (2, ""))
            self.assertTrue(errors.endswith(f"{problem} (see --help)\n"), errors)
            self.assertEqual(errors.count("\n"), 1)
            self.assertNotIn("s3cr3t", errors)

    def test_what_argparse_refuses_says_what_was_expected(self):
        for value in ("soon", "0", "-1", "nan", "inf"):
            code, _, errors = dry_run(CLOUD, ["a", "--timeout", value])
            self.assertEqual(code, 2)
            self.assertRegex(errors, "^inngest_send: argument --timeout: expected .* seconds, more than 0.*\n$")


class KeyTest(CommandTest):
    def test_without_one_nothing_is_sent_to_the_cloud(self):
        code, output, errors = send_here({}, ["a"])
        self.assertEqual((code, output, errors.count("\n")), (2, "", 1), errors)
        self.assertIn("no event key: set INNGEST_EVENT_KEY, or pass --event-key-file", errors)
        self.assertIn("or pass --dev", errors)

    def test_as_an_argument_it_is_refused_and_not_repeated(self):
        for arguments in (["--event-key", KEY], ["--event-key=" + KEY]):
            code, output, errors = dry_run(CLOUD, ["a", *arguments])
            self.assertEqual((code, output), (2, ""))
            self.assertIn("the event key is never an argument: set INNGEST_EVENT_KEY", errors)
            self.assertNotIn(KEY, errors)

    def test_the_key_comes_from_a_file_or_from_standard_input(self):
        for path, input in ((self.write("key", KEY + "\n"), ""), ("-", f" {KEY} \n")):
            code, output, errors = self.send("a", "--event-key-file", path, input=input)
            self.assertEqual((code, errors), (0, ""))
            self.assertEqual(self.server.requests[-1].path, "/e/" + KEY)

    @unittest.skipUnless(hasattr(socket, "AF_UNIX"), "needs a stream of which each piece is read by itself")
    def test_of_standard_input_the_key_is_the_first_line_whose_end_is_waited_for(self):
        ours, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        with ours, its:
            for piece in (KEY[:3], f"{KEY[3:]}\nmore", "and more"):
                ours.send(piece.encode())
            process = self.start("a", "--event-key-file", "-", stdin=its)
            code, output, errors = finish(process)  # while more could come
        self.assertEqual((code, errors), (0, ""))
        self.assertEqual(self.server.requests[0].path, "/e/" + KEY)

    def test_a_401_says_where_the_key_came_from(self):
        path = self.write("key", KEY + "\n")
        self.env["INNGEST_EVENT_KEY"] = "other-" + KEY
        events = self.write("events", numbered(1))
        cases = [
            (["a"], "; the event key came from INNGEST_EVENT_KEY "),
            (["a", "--event-key-file", path], f"; the event key came from --event-key-file {path} "),
            (["--file", events, "--event-key-file", path], f"; the event key came from --event-key-file {path} "),
        ]
        self.server.fail_next(status=401, times=len(cases))
        for (arguments, where), (code, output, errors) in zip(cases, self.send_all(*[case for case, _ in cases])):
            self.assertEqual((code, output), (1, ""), arguments)
            self.assertIn(where, errors)
            self.assertNotIn(KEY, errors)

    def test_quotes_around_the_key_in_a_file_are_refused_and_not_shown(self):
        path = self.write("key", f'"{KEY}"\n')
        code, output, errors = self.send("a", "--event-key-file", path)
        self.assertEqual((code, output, self.server.requests), (2, "", []))
        self.assertIn(f"--event-key-file {path}: the quotes around the value are part of it", errors)
        self.assertNotIn(KEY, errors)

    def test_the_key_is_shown_nowhere(self):
        self.env["INNGEST_EVENT_KEY"] = KEY
        self.server.fail_next(status=400, body='{"error": "/e/%s"}' % KEY)
        file = ["--file", self.write("events", numbered(1))]
        for result in self.send_all(["a", "--verbose"], ["a", "--dry-run"], ["a", "--local"], file):
            self.assertNotIn(KEY, "".join(map(str, result)))


class DryRunTest(CommandTest):
    def test_it_needs_no_key(self):
        code, output, errors = dry_run({}, ["a"])
        self.assertEqual((code, output.split("\n")[0], errors), (0, "POST /e/*** HTTP/1.1", ""))

    def check(self, *arguments):
        """See that a dry run prints what is then sent; return how many requests that is."""
        code, output, errors = self.send(*arguments, "--no-ids", "--dry-run")
        self.assertEqual((code, errors, self.server.requests), (0, "", []))
        self.assertEqual(self.send(*arguments, "--no-ids", "--concurrency", "1")[0], 0)
        shown = re.findall(r"(?m)^POST /e/(\S+) HTTP/1.1\n((?:.+\n)+)\n(.+)\n", output)
        self.assertEqual([request.body.decode() for request in self.server.requests], [body for _, _, body in shown])
        for request, (key, text, _) in zip(self.server.requests, shown):
            headers = {name.lower(): value for name, value in re.findall("(?m)^(.+?): (.+)$", text)}
            seed = headers.pop("x-inngest-event-id-seed")  # another each time
            self.assertRegex(seed, r"^\d+,\S+$")
            sent = {name: value for name, value in request.headers.items() if name != "x-inngest-event-id-seed"}
            self.assertEqual((key, headers), ("NO_EVENT_KEY_SET", sent))
        return len(shown)

    def test_it_shows_the_requests_as_they_are_sent(self):
        path = self.write("events", numbered(5) + [{"name": "gr\u00f6\u00dfe", "ts": 1700000000000}])
        self.assertEqual(self.check("--file", path, "--batch-size", "2"), 3)

    def test_bad_lines_are_exit_2_and_nothing_is_written(self):
        path = self.write("events", lines(numbered(1)) + "{}\n")
        code, output, errors = self.send("--file", path, "--dry-run", "--unsent", self.path("left"))
        self.assertEqual((code, output.count("POST"), errors), (2, 1, path + ":2: name: missing\n"))
        with self.assertRaises(OSError):
            self.read("left")


class HowTest(CommandTest):
    def test_without_a_thread_to_send_on_everything_is_left(self):
        path, left = self.write("events", numbered(3)), self.path("left")
        no_thread = mock.patch.object(
            module("executor").SendExecutor, "submit", side_effect=RuntimeError("can't start new thread")
        )
        with no_thread:
            arguments = ["--file", path, "--unsent", left, "--batch-size", "1"]
            code, output, errors = send_here({"INNGEST_DEV": self.server.url}, arguments)
        self.assertEqual((code, output, self.numbers(self.read("left"))), (2, "", [1, 2, 3]), errors)
        self.assertEqual(errors.count("no thread to send on: can't start new thread\n"), 1)
        self.assertIn(f"\n3 lines left in {left}; go on with:\n", errors)

    def test_timeout_bounds_a_request_with_all_its_attempts(self):
        with ScriptedServer(then=silent) as server:
            env = {**self.env, "INNGEST_DEV": server.url}

            def check(*arguments):
                code, _, errors = self.send(*arguments, "--timeout", "0.5", env=env)
                self.assertEqual(code, 1)
                self.assertRegex(errors, r"(?m)^inngest_send: 0 of \d events? .*: timed out after 500 ms, the")
                self.assertNotIn("milliseconds", errors)

            check("a")
            check("--file", self.write("events", numbered(2)))

    def test_max_attempts_bounds_the_attempts(self):
        for attempts in (1, 2):
            self.server.clear()
            self.server.fail_next(status=503, times=9)
            self.assertEqual(self.send("a", "--max-attempts", str(attempts))[0], 1)
            self.assertEqual(len(self.server.requests), attempts)

    def test_concurrency_is_how_many_requests_are_under_way(self):
        together = threading.Barrier(3)

        def script(peer):
            while True:
                request = peer.read()
                if request is None:
                    return
                together.wait(TIME_LIMIT)
                peer.accept(request)

        with ScriptedServer(then=script) as server:
            env = {**self.env, "INNGEST_DEV": server.url}
            path = self.write("events", numbered(6))
            code, _, errors = self.send("--file", path, "--batch-size", "1", "--concurrency", "3", env=env)
            self.assertEqual((code, len(server.requests)), (0, 6), errors)
            self.assertLessEqual(server.connections, 3)

    def test_batch_size_is_how_many_events_a_request_holds(self):
        for size, expected in (("3", [3, 3, 1]), ("5000", [7])):
            self.server.clear()
            path = self.write("events", numbered(7))
            self.assertEqual(self.send("--file", path, "--batch-size", size, "--concurrency", "1")[0], 0)
            self.assertEqual([len(json.loads(request.body.decode())) for request in self.server.requests], expected)

    def test_local_sends_files_to_a_server_of_its_own(self):
        code, output, errors = self.send("--file", self.write("events", numbered(2)), "--local")
        self.assertEqual((code, len(output.split()), self.server.requests), (0, 2, []))
        for id, number in zip(output.split(), (1, 2)):
            self.assertRegex(errors, rf' test/event {id} .*{{"n":{number}}}\n')
        self.assertIn("2 events accepted in ", errors)
