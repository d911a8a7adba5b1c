"""``serve``, run as a process."""

import http.client
import json
import os
import re
import signal
import socket
import struct
import subprocess
import tempfile
import unittest
import urllib.error
import urllib.request

from tests.helpers.commands import KEY, environment, run, start
from tests.helpers.library import TIME_LIMIT

try:
    import fcntl
    import pty
    import termios
except ImportError:
    pty = None  # only on POSIX


class ServeTest(unittest.TestCase):
    def serve(self, *arguments, says_where_on="stdout", stdout=subprocess.PIPE, **variables):
        """Start the command, and return it when it has said on a stream of its where it listens; None: at once."""
        process = start("serve", "--port", "0", *arguments, stdout=stdout, env=environment(**variables))
        self.addCleanup(process.__exit__, None, None, None)
        self.addCleanup(process.kill)
        if says_where_on is not None:
            self.url = re.search(r"http://\S+", getattr(process, says_where_on).readline()).group()
        return process

    def send(self, body, path="/e/k"):
        """Send a request as any program might; return status and body of the response."""
        connection = http.client.HTTPConnection(self.url.split("/")[2], timeout=TIME_LIMIT)
        try:
            connection.request("POST", path, body.encode())
            response = connection.getresponse()
            return response.status, response.read().decode()
        finally:
            connection.close()

    def ids(self, body):
        return json.loads(self.send(body)[1])["ids"]

    def test_each_event_is_a_line_and_ctrl_c_says_how_many_came(self):
        process = self.serve(COLUMNS="40")
        long = "x" * 1000
        data = '{"msg":"one\\ntwo\u202e","x":"%s"}' % long
        (id,) = self.ids('{"name":"a/b","id":"mine 1","ts":1700000000000,"data":%s}' % data)
        data = data.replace("\u202e", "\\u202e")
        line = process.stdout.readline()
        self.assertRegex(line, r"^\d\d:\d\d:\d\d ")
        self.assertEqual(line[9:], f"a/b {id} id=mine 1 ts=1700000000000 {data}\n")
        (id,) = self.ids('{"name":"a\\u0007"}')
        self.assertRegex(process.stdout.readline()[9:], rf"^a\\u0007 {id} ts=\d{{13}} null\n$")
        process.send_signal(signal.SIGINT)
        self.assertEqual(process.wait(TIME_LIMIT), 0)
        self.assertEqual(process.stderr.read(), "2 events received\n")

    def test_each_refusal_is_a_line_with_its_reason_and_no_key(self):
        process = self.serve()
        self.send('[{"name":"a"},{"name":"b","ts":1}]')
        process.stdout.readline()
        self.send("nonsense")
        self.send("{}", "/api/e/s3cr3t")
        not_events = "Request body must contain an event object or an array of event objects"
        for expected in (
            "400: timestamp is before Jan 1, 1980; 1 event before it accepted",
            f"400: {not_events}",
            "404: the path is wrong: events go to /e/KEY",
        ):
            self.assertRegex(process.stdout.readline(), rf"^\d\d:\d\d:\d\d refused, {expected}\n$")
        process.send_signal(signal.SIGTERM)
        self.assertEqual(process.wait(TIME_LIMIT), 0)
        self.assertEqual(process.stderr.read(), "1 event received, 3 requests refused\n")

    def test_json_is_an_object_for_each_event_and_each_refusal_and_nothing_else(self):
        process = self.serve("--json", says_where_on="stderr")
        fields = '"id":"mine","ts":1700000000000,"user":{"y":2}'
        (id,) = self.ids('{"name":"a\\u2028","data":{"x":[1,"\u00e9"]},%s}' % fields)
        self.send('[{"name":"b"},{"name":""}]')
        event, other, refusal = (json.loads(process.stdout.readline()) for _ in range(3))
        self.assertTrue(event.pop("received_at").endswith("Z"))
        self.assertEqual(event.pop("account_id"), event.pop("environment_id"))
        expected = {"internal_id": id, "source": "", "source_id": None, "id": "mine", "name": "a\u2028"}
        expected.update(data={"x": [1, "\u00e9"]}, user={"y": 2}, ts=1700000000000)
        self.assertEqual(event, expected)
        self.assertEqual(other["name"], "b")
        self.assertTrue(refusal.pop("received_at").endswith("Z"))
        self.assertEqual(refusal, {"status": 400, "error": "event name is empty", "accepted": 1})
        process.send_signal(signal.SIGTERM)
        self.assertEqual(process.communicate(timeout=TIME_LIMIT)[0], "")

    @unittest.skipIf(pty is None, "needs pseudo-terminals")
    def test_a_line_is_cut_on_a_terminal_only(self):
        for columns, end in ((90, "x..."), (2, ".."), (0, 'x"}')):
            with self.subTest(columns):
                outer, inner = pty.openpty()
                self.addCleanup(os.close, outer)
                fcntl.ioctl(inner, termios.TIOCSWINSZ, struct.pack("4H", 24, columns, 0, 0))
                self.serve(stdout=inner, says_where_on=None)
                os.close(inner)
                with open(outer, encoding="utf-8", newline="", closefd=False) as terminal:
                    self.url = re.search(r"http://\S+", terminal.readline()).group()
                    self.send('{"name":"a/b","data":{"x":"%s"}}' % ("x" * 1000))
                    line = terminal.readline().rstrip("\r\n")
                self.assertEqual(line[-len(end) :], end)
                if columns:
                    self.assertEqual(len(line), columns)

    def test_an_event_ten_thousand_levels_deep_is_shown(self):
        nested = "[" * 9998 + "]" * 9998
        for arguments, stream in (((), "stdout"), (("--json",), "stderr")):
            with self.subTest(arguments):
                process = self.serve(*arguments, says_where_on=stream)
                (id,) = self.ids('{"name":"deep","data":{"x":%s}}' % nested)
                self.assertIn(nested, process.stdout.readline())
                connection = urllib.request.urlopen(f"{self.url}v1/events/{id}", timeout=TIME_LIMIT)
                with connection:
                    self.assertIn(nested, connection.read().decode())

    def test_the_newest_10000_events_are_kept(self):
        self.serve("--json", says_where_on="stderr", stdout=subprocess.DEVNULL)
        for first, last in ((0, 5000), (5000, 10000), (10000, 10001)):
            self.ids(json.dumps([{"name": f"n{number}"} for number in range(first, last)]))
        with urllib.request.urlopen(f"{self.url}v1/events?limit=20000", timeout=TIME_LIMIT) as response:
            names = {event["name"] for event in json.loads(response.read().decode())["data"]}
        self.assertEqual(names, {f"n{number}" for number in range(1, 10001)})

    def test_events_are_shown_to_hosts_that_are_allowed(self):
        self.serve("--allow-host", "dev.example", "--allow-host", "other.example")
        for host, status in (("dev.example:1", 200), ("other.example", 200), ("evil.example", 403)):
            request = urllib.request.Request(f"{self.url}v1/events", headers={"Host": host})
            try:
                with urllib.request.urlopen(request, timeout=TIME_LIMIT) as response:
                    self.assertEqual(response.status, status)
            except urllib.error.HTTPError as err:
                err.close()
                self.assertEqual(err.code, status)

    def test_it_goes_on_when_nobody_reads_the_lines_any_more(self):
        process = self.serve()
        process.stdout.close()
        for _ in range(2):
            self.assertEqual(run("send", "a", env=environment(INNGEST_DEV=self.url))[0], 0)
        process.send_signal(signal.SIGTERM)
        self.assertEqual((process.wait(TIME_LIMIT), process.stderr.read()), (0, "2 events received\n"))

    def test_it_listens_on_loopback_only_unless_told_otherwise(self):
        self.serve()
        self.assertTrue(self.url.startswith("http://127.0.0.1:"))

    def test_a_key_in_a_file_refuses_every_other_key(self):
        with tempfile.NamedTemporaryFile("w", delete=False, encoding="utf-8") as file:
            file.write("\ufeff" + KEY + "\r\n")  # as an editor may
        self.addCleanup(os.remove, file.name)
        self.serve("--event-key-file", file.name)
        for key, code in ((KEY, 0), ("other", 1)):
            env = environment(INNGEST_DEV=self.url, INNGEST_EVENT_KEY=key)
            self.assertEqual(run("send", "a", env=env)[0], code)

    def test_an_address_that_cannot_be_had_is_one_line_and_exit_2(self):
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen(1)
            port = str(taken.getsockname()[1])
            cases = [["--port", port], ["--host", "no.such.host.invalid"], ["--port", "99999"]]
            cases += [["--event-key-file", "/does/not/exist"], ["--allow-host", "dev.example:8288"]]
            cases.append(["--port", "0", "--event-key-file", os.devnull])  # which would refuse all
            for arguments in cases:
                with self.subTest(arguments):
                    code, output, errors = run("serve", *arguments)
                    self.assertEqual((code, output, errors.count("\n")), (2, "", 1), errors)
                    self.assertEqual("or pass --port 0" in errors, arguments == ["--port", port], errors)
