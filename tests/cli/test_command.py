"""The command line, run as a process."""

import re
import unittest

from tests.helpers.commands import KEY, CommandTest, environment, run
from tests.helpers.servers import ScriptedServer


class SendTest(CommandTest):
    def test_an_event_is_sent_and_its_id_printed(self):
        code, output, errors = self.send("a/b", "--data", '{"x": 1}', "--id", "mine", "--ts", "1700000000000")
        (event,) = self.server.events
        self.assertEqual((code, output, errors), (0, event.internal_id + "\n", ""))
        self.assertEqual((event.name, event.data, event.id, event.ts), ("a/b", {"x": 1}, "mine", 1700000000000))

    def test_data_comes_from_a_file_or_from_standard_input(self):
        path = self.write("data.json", '{"from": "file"}')
        self.assertEqual(self.send("a", "--data", "@" + path)[0], 0)
        self.assertEqual(self.send("a", "--data", "-", input='{"from": "stdin"}')[0], 0)
        self.assertEqual([event.data["from"] for event in self.server.events], ["file", "stdin"])

    def test_bad_input_is_one_line_and_exit_2_and_nothing_is_sent(self):
        cases = [
            (["inngest/x"], "name: "),
            (["a", "--data", "{"], "--data is not JSON"),
            (["a", "--data", "[1]"], "data: expected a mapping"),
            (["a", "--data", '{"x": NaN}'], "data.x: expected a finite number, got NaN"),
            (["a", "--data", "@/no/t"], ": --data /no/t: No such file"),
            (["a", "--ts", "1700000000"], "looks like seconds"),
        ]
        results = self.send_all(*[arguments for arguments, _ in cases])
        for (arguments, expected), (code, output, errors) in zip(cases, results):
            with self.subTest(arguments):
                self.assertEqual((code, output), (2, ""))
                self.assertEqual(errors.count("\n"), 1, errors)
                self.assertIn(expected, errors)
        self.assertEqual(self.server.requests, [])

    def test_what_is_not_utf_8_is_one_line_and_exit_2(self):
        path = self.write("bytes", b"\xff")
        results = self.send_all(["a", "--data", "@" + path], ["a", "--event-key-file", path])
        for option, (code, output, errors) in zip(("--data", "--event-key-file"), results):
            problem = f"inngest_send: {option}: {path} is not UTF-8\n"
            self.assertEqual((code, output, errors), (2, "", problem))

    def test_wrong_usage_is_exit_2(self):
        results = self.send_all(["a", "--typo"], ["a", "--ts", "soon"], ["a", "--tim", "5"])
        for code, _, errors in [*results, run("--vers"), run()]:
            self.assertEqual(code, 2)
            self.assertEqual((errors.count("\n"), errors[-13:]), (1, "(see --help)\n"), errors)

    def test_an_event_not_accepted_is_one_line_and_exit_1(self):
        self.server.fail_next(status=400, body='{"error":"no /e/%s"}' % KEY)
        self.env["INNGEST_EVENT_KEY"] = KEY
        code, output, errors = self.send("a")
        self.assertEqual((code, output), (1, ""))
        problem = f"HTTP 400: no /e/*** (POST to {self.server.url[:-1]})"
        self.assertEqual(errors, f"inngest_send: 0 of 1 event accepted: {problem}\n")

    def test_retries_are_silent(self):
        self.server.fail_next(status=503)
        code, _, errors = self.send("a")
        self.assertEqual((code, errors), (0, ""))

    def test_configuration_that_cannot_work_is_exit_2(self):
        for env in (environment(), environment(INNGEST_DEV="nonsense")):
            code, output, errors = run("send", "a", env=env)
            self.assertEqual((code, output, errors.count("\n")), (2, "", 1), errors)


class LocalTest(unittest.TestCase):
    def test_the_readmes_first_command_prints_the_id_and_shows_what_arrived(self):
        code, output, errors = run("send", "app/user.created", "--data", '{"msg": "Hello!"}', "--local")
        self.assertEqual(code, 0, errors)
        self.assertTrue(re.fullmatch("[0-9A-Z]{26}\n", output), output)
        self.assertIn(f'app/user.created {output.strip()} ts=', errors)
        self.assertIn(' {"msg":"Hello!"}\n', errors)

    def test_it_goes_through_no_proxy_and_to_no_other_server(self):
        with ScriptedServer() as other:
            env = environment(http_proxy=other.url, INNGEST_BASE_URL=other.url, INNGEST_EVENT_KEY=KEY)
            code, _, errors = run("send", "a", "--local", env=env)
            self.assertEqual((code, other.connections), (0, 0), errors)
            self.assertNotIn(KEY, errors)
