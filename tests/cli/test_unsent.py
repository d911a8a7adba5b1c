"""``send --file``: what is left to send when a run ends early, how the next one goes on, and what is never lost."""

import json
import os
import shlex
import signal
import subprocess
import sys
import threading
import unittest
from unittest import mock

from tests.helpers.commands import CommandTest, finish, lines, numbered, send_here
from tests.helpers.library import NAME, ROOT, TIME_LIMIT, module
from tests.helpers.servers import ScriptedServer
from tests.helpers.waiting import side_by_side

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None

EARLIER = b"what an earlier run left\n"
ONE_BY_ONE = ("--batch-size", "1", "--concurrency", "1")


class GoingOn(CommandTest):
    """What the tests of going on share."""

    def setUp(self):
        super().setUp()
        self.left = self.path("left")

    def commands(self, errors):
        """Return the commands that a run printed at its end, each as bytes."""
        errors = os.fsencode(errors) if isinstance(errors, str) else errors
        commands = [line[2:] for line in errors.splitlines() if line.startswith(b"  ")]
        for command in commands:
            self.assertIn(b" send --file", command)
        return commands

    def paste(self, command, input=b""):
        """Run a command line in a shell; return its exit code and standard error."""
        env = {**self.env, "PYTHONPATH": ROOT}
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        done = subprocess.run(["sh", "-c", command], cwd=self.folder, env=env, input=input, timeout=TIME_LIMIT, **pipes)
        return done.returncode, done.stderr

    def follow(self, command):
        """Do what a command line says, without the shell that ``paste`` starts."""
        words = shlex.split(os.fsdecode(command))
        code, _, errors = self.send(*words[words.index("send") + 1 :])
        self.assertEqual(code, 0, errors)

    def go_on(self, *arguments, **options):
        """Send what is left, and see that nothing is then."""
        code, _, errors = self.send("--file", self.left, "--unsent", self.left, *arguments, **options)
        self.assertEqual((code, self.read("left")), (0, []), errors)


class UnsentTest(GoingOn):
    def test_what_was_not_accepted_and_what_was_not_reached_is_written_complete_with_ids(self):
        events = numbered(9)
        events[5]["id"] = events[7]["id"] = "own"
        events[6]["id"], events[8]["id"] = "", None
        bad = ["bad", '{"name": "a", "id": 0}', '["a"]']
        files = {"a": events[:4], "b": json.dumps(events[4:6], indent=4), "c": lines(events[6:]) + "\n".join(bad)}
        paths = [self.write(name, content) for name, content in files.items()]
        self.server.fail_next("idle_close")
        self.server.fail_next(status=401)
        arguments = [argument for path in paths for argument in ("--file", path)]
        code, output, errors = self.send(*arguments, "--unsent", self.left, *ONE_BY_ONE)
        self.assertEqual((code, len(output.split()), self.numbers()), (1, 1, [1]))
        self.assertIn("1 event accepted in ", errors)
        self.assertIn(f"\n11 lines left in {self.left}; go on with:\n", errors)
        with open(self.left) as file:
            rest = file.read().splitlines()
        self.write("left", "\n".join(rest[:8]))
        self.assertEqual((self.numbers(self.read("left")), rest[8:]), (list(range(2, 10)), bad))
        ids = [event["id"] for event in self.read("left")]
        self.assertEqual((len(set(ids)), ids[4], ids[6]), (7, "own", "own"))
        self.go_on()
        self.assertEqual((self.numbers(), [event.id for event in self.server.events[1:]]), (list(range(1, 10)), ids))

    def test_a_line_is_left_in_the_words_of_its_writer(self):
        line = '{"name": "a",  "data": {"total": 1.50e1, "text": "\\u00e9"}, "id": "7"}'
        path = self.write("events", f"{line}\n{line}\n")
        self.server.fail_next(status=401)
        code, _, errors = self.send("--file", path, "--unsent", self.left, *ONE_BY_ONE)
        with open(self.left) as file:
            self.assertEqual((code, file.read().splitlines()), (1, [line, line]), errors)

    def test_of_a_request_that_was_accepted_in_part_the_rest_is_left(self):
        def script(peer):
            peer.read()
            peer.answer(400, {"ids": ["ID1", "ID2"], "status": 400, "error": "so it is"})

        path = self.write("events", numbered(4))
        with ScriptedServer(then=script) as server:
            env = {**self.env, "INNGEST_DEV": server.url}
            code, output, errors = self.send("--file", path, "--unsent", self.left, env=env)
        self.assertEqual((code, output, self.numbers(self.read("left"))), (1, "ID1\nID2\n", [3, 4]), errors)
        self.assertIn("2 events accepted in ", errors)

    def test_what_lies_beyond_a_place_that_cannot_be_read_is_not_taken_for_sent(self):
        items = ['{"name": "a"}', '{"name": "b",}', '{"name": "c"}']
        path = self.write("events", "[" + ",\n".join(items) + "]")
        code, output, errors = self.send("--file", path, "--unsent", self.left)
        self.assertEqual((code, len(output.split()), self.read("left")), (1, 1, []))
        self.assertNotIn("--file " + self.left, errors)
        self.assertIn(f"\nsee that {path}: item 2 can be read; go on with:\n", errors)
        self.write("events", "[" + ",\n".join(items).replace(",}", "}") + "]")
        (command,) = self.commands(errors)
        self.follow(command)
        self.assertEqual([event.name for event in self.server.runs], ["a", "b", "c"])

    def test_what_comes_after_a_source_that_cannot_be_read_is_left(self):
        path = self.write("events", '[{"name": "a"}, {"name": "b",}]')
        arguments = ["--file", path, "--file", "-", "--unsent", self.left]
        code, output, errors = self.send(*arguments, input=lines(numbered(2)))
        self.assertEqual((code, len(output.split()), self.numbers(self.read("left"))), (1, 1, [1, 2]))
        self.assertIn(f"\n2 lines left in {self.left}; go on with:\n", errors)
        self.assertIn(f"\nthat is not all; see that {path}: item 2 can be read; go on with:\n", errors)
        self.write("events", '[{"name": "a"}, {"name": "b"}]')
        for command in self.commands(errors):
            self.follow(command)
        self.assertEqual([event.name for event in self.server.runs], ["a", "test/event", "test/event", "b"])

    @unittest.skipUnless(os.path.isdir("/proc/self/fd"), "needs a list of open files")
    def test_a_run_leaves_no_file_open(self):
        path, bad = self.write("events", "bad\n" + lines(numbered(3))), self.path("bad")
        arguments = ["--file", path, "--file", self.left, "--unsent", self.left, "--skip-bad", "--bad", bad]
        for status, expected in ((401, 1), (200, 3)):
            self.server.fail_next(status=status, times=status == 401)
            code, _, errors = send_here({"INNGEST_DEV": self.server.url}, arguments)
            self.assertEqual(code, expected, errors)
            links = [f"/proc/self/fd/{name}" for name in os.listdir("/proc/self/fd")]
            still_open = [os.readlink(link) for link in links if os.path.islink(link)]
            self.assertEqual([name for name in still_open if name.startswith(self.folder)], [])

    def test_nothing_is_left_when_all_was_accepted(self):
        self.assertEqual(self.send("--file", self.write("events", numbered(3)), "--unsent", self.left)[0], 0)
        self.assertEqual(self.read("left"), [])
        self.assertEqual(sorted(os.listdir(self.folder)), ["events", "left"])

    def test_a_bad_line_can_be_fixed_where_it_is_left(self):
        path = self.write("events", lines(numbered(3)) + "{bad}\n" + lines(numbered(5)[4:]))
        self.server.fail_next("idle_close")
        self.server.fail_next(status=400)
        code, _, errors = self.send("--file", path, "--unsent", self.left, *ONE_BY_ONE)
        with open(self.left) as file:
            rest = file.read().splitlines()
        bad = rest.index("{bad}")
        self.assertEqual(code, 1)
        if f"fix line {bad + 1} of it" not in errors:  # what came before it was refused before it was read
            self.assertNotIn("not JSON", errors)
        rest[bad] = json.dumps(numbered(4)[3])
        self.write("left", "\n".join(rest))
        (command,) = self.commands(errors)
        self.follow(command)
        self.assertEqual(self.numbers(self.server.runs), [1, 2, 3, 4, 5])

    def test_a_path_that_cannot_be_written_is_refused_before_anything_is_sent(self):
        self.write("file", b"")
        paths = [self.path("none/left"), self.path("file/left"), self.path("left/"), self.folder, os.devnull, ""]
        if os.name == "posix" and os.geteuid() != 0:  # root may write everywhere
            os.mkdir(self.path("closed"), 0o500)
            paths.append(self.path("closed/left"))
        results = self.send_all(*[["--file", "-", "--unsent", path] for path in paths], input=lines(numbered(3)))
        for path, (code, output, errors) in zip(paths, results):
            with self.subTest(path):
                self.assertEqual((code, output, errors.count("\n"), self.server.requests), (2, "", 1, []), errors)
                self.assertTrue(errors.startswith("inngest_send: --unsent: "), errors)


class EarlierRunTest(GoingOn):
    """What an earlier run left is sent, or nothing is."""

    def test_a_file_that_holds_something_and_is_not_read_is_refused_before_anything_is_sent(self):
        path = self.write("events", numbered(3))
        for content, count in ((EARLIER * 3000, "3,000 lines"), (EARLIER, "1 line"), (b"x", "1 line")):
            self.write("left", content)
            code, output, errors = self.send("--file", path, "--unsent", self.left)
            self.assertEqual((code, output, self.server.requests), (2, "", []))
            way_out = f"send them too with --file {self.left}, or move it away"
            problem = f"inngest_send: --unsent: {self.left} holds {count} of an earlier run: {way_out}\n"
            self.assertEqual(errors, problem)
            with open(self.left, "rb") as file:
                self.assertEqual(file.read(), content)

    def test_it_may_be_read_under_another_name(self):
        self.write("left", numbered(1))
        path = self.path("link")
        os.symlink("left", path)
        code, _, errors = self.send("--file", path, "--unsent", self.left)
        self.assertEqual((code, self.read("left"), self.numbers()), (0, [], [1]), errors)

    def test_lines_of_it_before_the_place_to_begin_at_are_not_destroyed(self):
        self.write("left", numbered(3))
        other = self.write("other", numbered(1))
        for more in ([], ["--file", other]):
            code, _, errors = self.send("--file", self.left, *more, "--unsent", self.left, "--resume-from", "3")
            self.assertEqual((code, self.numbers(self.read("left")), self.server.requests), (2, [1, 2, 3], []))
            self.assertIn(f"--resume-from would destroy the lines before it of {self.left}, which is ", errors)
        code, _, errors = self.send("--file", other, "--file", self.left, "--unsent", self.left, "--resume-from", "1")
        self.assertEqual((code, self.read("left")), (0, []), errors)

    @unittest.skipUnless(os.name == "posix", "/dev")
    def test_a_file_that_a_standard_stream_goes_to_is_refused(self):
        path = self.write("events", lines(numbered(2)) + "bad\n")

        def check(option, name, printed):
            file_name = self.path(f"printed{option}{name}{os.path.basename(printed)}")
            printed = printed or file_name
            with open(file_name, "w+b") as file:
                code, _, errors = self.send("--file", path, "--skip-bad", option, printed, **{name: file})
                file.seek(0)
                errors = errors or file.read().decode()
            problem = f"{option} {printed} is where standard output or standard error goes, too\n"
            self.assertEqual((code, errors), (2, f"inngest_send: {problem}"))

        cases = [(option, name) for option in ("--unsent", "--bad", "--file") for name in ("stdout", "stderr")]
        cases = [(option, name, printed) for option, name in cases for printed in ("", f"/dev/{name}")]
        side_by_side(self, check, {" ".join(case): case for case in cases})
        self.assertEqual(self.server.requests, [])

    def test_what_only_looks_writes_nothing_and_does_not_mind_what_it_holds(self):
        path = self.write("events", numbered(3))
        for option in ("--check", "--dry-run"):
            for content in (EARLIER, None):
                with self.subTest(option, content=content):
                    if content is not None:
                        self.write("left", content)
                    elif os.path.exists(self.left):
                        os.remove(self.left)
                    arguments = ["--file", path, option, "--skip-bad", "--bad", self.path("bad")]
                    self.assertEqual(self.send(*arguments, "--unsent", self.left)[0], 0)
                    if content is None:  # what is not there is empty
                        arguments = ["--file", self.left, "--file", path, option, "--unsent", self.left]
                        self.assertEqual(self.send(*arguments)[0], 0)
                    self.assertEqual(os.path.exists(self.left), content is not None)
                    self.assertFalse(os.path.exists(self.path("bad")))

    def test_a_file_that_is_not_there_and_gets_what_is_left_is_empty(self):
        path = self.write("events", numbered(3))
        arguments = ["--file", self.left, "--file", path, "--unsent", self.left]
        self.assertEqual(self.send(*arguments)[0], 0)
        self.assertEqual((self.numbers(), self.read("left")), ([1, 2, 3], []))
        code, _, errors = self.send("--file", self.path("none"), "--file", path, "--unsent", self.left)
        self.assertEqual((code, len(self.server.events)), (2, 3))
        self.assertIn("none", errors)

    def test_what_of_it_cannot_be_read_stays(self):
        content = '[{"name": "a"}, {"name": "b",}]'
        self.write("left", content)
        path = self.write("events", numbered(2))
        arguments = ["--file", self.left, "--file", path, "--unsent", self.left]
        code, output, errors = self.send(*arguments)
        with open(self.left) as file:
            self.assertEqual((code, len(output.split()), file.read()), (1, 1, content))
        self.assertIn(f"{self.left} was not read to its end, so it stays as it was\n", errors)
        self.assertIn(f"\nsee that {self.left}: item 2 can be read; go on with:\n", errors)
        self.write("left", content.replace(",}", "}"))
        (command,) = self.commands(errors)
        self.follow(command)
        self.assertEqual(sorted(event.name for event in self.server.runs), ["a", "b", "test/event", "test/event"])
        self.assertEqual(sorted(os.listdir(self.folder)), ["events", "left"])

    def test_what_of_it_was_not_reached_stays_after_a_second_signal(self):
        self.write("left", numbered(2))
        process = self.start("--file", "-", "--file", self.left, "--unsent", self.left)
        process.stdin.write(lines(numbered(1)))
        process.stdin.flush()
        self.server.wait_for(1, TIME_LIMIT)
        process.send_signal(signal.SIGINT)
        errors = ""
        while "to the end" not in errors:
            errors = process.stderr.readline()
        process.send_signal(signal.SIGINT)
        errors = process.stderr.read()  # and its input is still open
        self.assertEqual((process.wait(TIME_LIMIT), self.numbers(self.read("left"))), (130, [1, 2]))
        self.assertIn(f"{self.left} was not read to its end, so it stays as it was\n", errors)
        self.assertIn(f" send --file - --file {shlex.quote(self.left)} --resume-from 2 ", errors.splitlines()[-1])

    def test_what_cannot_be_written_is_begun_again_from_its_start(self):
        self.write("left", numbered(3))
        self.server.fail_next("idle_close")
        self.server.fail_next(status=400)
        arguments = ["--file", self.left, "--unsent", self.left, *ONE_BY_ONE]
        with mock.patch.object(module("cli.unsent").UnsentFile, "commit", side_effect=OSError("no room")):
            code, _, errors = send_here({"INNGEST_DEV": self.server.url}, arguments)
        self.assertEqual((code, self.numbers()), (1, [1]), errors)
        (command,) = self.commands(errors)
        self.assertNotIn(b"--resume-from", command)
        self.follow(command)
        self.assertEqual((self.numbers(self.server.runs), self.read("left")), ([1, 2, 3], []))

    def test_a_run_that_cannot_begin_makes_no_file(self):
        path = self.write("events", numbered(3))
        cases = [["--file", self.path("none")], ["--file", path, "--event-key-file", self.path("none")]]
        for arguments in cases:
            code, _, errors = self.send(*arguments, "--unsent", self.left)
            self.assertEqual((code, os.listdir(self.folder)), (2, ["events"]), errors)

    @unittest.skipUnless(fcntl, "needs flock")
    def test_of_two_runs_at_once_the_second_is_refused(self):
        for _ in range(2):  # the lock is gone with the process that had it
            self.write("left", numbered(2))
            self.server.clear()
            first = self.start("--file", self.left, "--file", "-", "--unsent", self.left)
            self.server.wait_for(2, TIME_LIMIT)  # by then the file was read and closed
            code, output, errors = self.send("--file", self.left, "--unsent", self.left)
            self.assertEqual((code, output, len(self.server.events)), (2, "", 2))
            self.assertIn(f"--unsent: {self.left} is in use by another run", errors)
            first.kill()
            first.wait()
        self.go_on()

    @unittest.skipUnless(fcntl, "needs flock")
    def test_many_runs_at_once_send_what_is_left_once(self):
        self.write("left", numbered(50, id=None))
        arguments = ["--file", self.left, "--unsent", self.left]
        results = [finish(process) for process in [self.start(*arguments) for _ in range(8)]]
        self.assertEqual({code for code, _, _ in results} - {2}, {0})
        self.assertEqual(self.numbers(self.server.events), list(range(1, 51)))


    def test_where_there_are_no_locks_the_help_says_so_and_all_else_holds(self):
        code = "import sys; sys.modules['fcntl'] = None; import importlib; "
        command = ["-c", f"{code}importlib.import_module({NAME + '.__main__'!r}).run()"]
        self.assertIn("which this platform cannot prevent", " ".join(self.send("--help", command=command)[1].split()))
        self.server.fail_next(status=400)
        arguments = ["--file", self.write("events", numbered(3)), "--unsent", self.left]
        code, _, errors = self.send(*arguments, command=command)
        self.assertEqual((code, self.numbers(self.read("left"))), (1, [1, 2, 3]), errors)
        self.go_on(command=command)


class BadLinesTest(GoingOn):
    def test_they_are_added_to_a_file_as_they_were(self):
        self.write("bad", b"from yesterday")
        bad = [b'{"name": ""}', b"\xff\xfe", b"nonsense"]
        path = self.write("events", b"\n".join([bad[0], lines(numbered(1)).encode(), bad[1], b"  nonsense\r"]))
        for expected in ([b"from yesterday", *bad], [b"from yesterday", *bad, *bad]):
            code, _, errors = self.send("--file", path, "--skip-bad", "--bad", self.path("bad"))
            self.assertEqual(code, 3)
            self.assertIn(f"; 3 bad lines, added to {self.path('bad')}\n", errors)
            with open(self.path("bad"), "rb") as file:
                self.assertEqual(file.read().splitlines(), expected)

    def test_no_line_is_skipped_where_that_would_destroy_it(self):
        self.write("left", "nonsense\n")
        code, _, errors = self.send("--file", self.left, "--unsent", self.left, "--skip-bad")
        self.assertEqual((code, self.server.requests), (2, []))
        self.assertIn(f"--skip-bad would destroy the bad lines of {self.left}", errors)
        self.assertIn("--bad PATH", errors)
        code, _, errors = self.send("--file", self.left, "--unsent", self.left, "--skip-bad", "--bad", self.path("bad"))
        self.assertEqual((code, self.read("left")), (3, []), errors)
        with open(self.path("bad")) as file:
            self.assertEqual(file.read(), "nonsense\n")

    @unittest.skipUnless(os.path.exists("/dev/full"), "needs a disk that is always full")
    def test_standard_input_is_no_file_of_that_name(self):
        self.write("-", "not read\n")
        options = ["--skip-bad", "--bad", os.path.join(os.curdir, "-")]
        env = {**self.env, "PYTHONPATH": ROOT}
        code, _, errors = self.send("--file", "-", *options, input="bad\n", cwd=self.folder, env=env)
        with open(self.path("-")) as file:
            self.assertEqual((code, file.read()), (3, "not read\nbad\n"), errors)

    def test_a_line_that_cannot_be_kept_stops_the_run(self):
        path = self.write("events", lines(numbered(1)) + "nonsense\n" + lines(numbered(2)[1:]))
        code, _, errors = self.send("--file", path, "--unsent", self.left, "--skip-bad", "--bad", "/dev/full")
        self.assertEqual((code, self.numbers()), (1, [1]))
        self.assertIn("inngest_send: cannot write /dev/full: No space left on device\n", errors)
        with open(self.left) as file:
            self.assertEqual(file.read().splitlines()[0], "nonsense")


class ResumeTest(GoingOn):
    def test_without_a_file_for_it_the_summary_says_how_to_go_on(self):
        events = {"one": numbered(3), "two": numbered(6)[3:], "it's 3": numbered(9)[6:]}
        paths = [self.write(name, content) for name, content in events.items()]
        self.server.fail_next("idle_close", times=4)
        self.server.fail_next(status=400)
        code, output, errors = self.send(*[f"--file={path}" for path in paths], *ONE_BY_ONE)
        self.assertEqual((code, len(output.split())), (1, 4))
        self.assertRegex(errors, r"\n4 events accepted in \S+ s; [1-5] read and not known to be accepted")
        (command,) = self.commands(errors)
        rest = [shlex.quote(path) for path in paths[1:]]
        self.assertIn(f" --file {rest[0]} --file {rest[1]} --resume-from 2 ", command.decode())
        self.follow(command)
        self.assertEqual(self.numbers(), list(range(1, 10)))

    @unittest.skipUnless(sys.platform == "linux", "needs names of any bytes")
    def test_the_command_can_be_pasted_whatever_the_file_is_called(self):
        self.env["LC_ALL"] = "C.UTF-8"  # without it PyPy decodes arguments otherwise than it encodes names of files
        names = [b"a b", b"it's \"$HOME\" `x` \\ *", b"--check", b"\xff\xfe \xe4", "schön\u2028".encode(), b"a\nb"]
        started = []
        self.server.fail_next(status=400, times=len(names))
        for number, name in enumerate(names):
            with open(os.path.join(os.fsencode(self.folder), name), "w") as file:
                file.write(lines([{"name": f"event {number}"}]))
            started.append(self.start(b"--file=" + name, cwd=self.folder, env={**self.env, "PYTHONPATH": ROOT}))
        commands = []
        for name, process in zip(names, started):
            with process:
                errors = process.stderr.buffer.read()
            if b"'" not in name:
                self.assertIn(name, errors)
            commands.append(errors[errors.index(b"go on with:\n") + 12 :])
        self.assertEqual(self.server.events, [])
        outcomes = side_by_side(self, self.paste, {name: [command] for name, command in zip(names, commands)})
        self.assertEqual({code for code, _ in outcomes.values()}, {0}, outcomes)
        self.assertEqual(sorted(event.name for event in self.server.events), [f"event {n}" for n in range(len(names))])

    def test_the_command_repeats_every_option(self):
        path = self.write("events", numbered(2))
        key = self.write("key", "s3cr3t")
        where = ["--base-url", self.server.url, "--env", "branch", "--app-id", "my shop", "--event-key-file", key]
        how = ["--timeout", "9.5", "--max-attempts", "3", "--concurrency", "2", "--batch-size", "7", "--skip-bad"]
        files = ["--bad", self.path("bad"), "--id-seed", "-night", "--unsent", self.left]
        options = [*where, *how, *files, "--json", "--quiet", "--verbose"]
        options[options.index("--id-seed") : options.index("--id-seed") + 2] = ["--id-seed=-night"]
        self.server.fail_next(status=400)
        code, _, errors = self.send("--file", path, *options)
        (command,) = self.commands(errors)
        words = shlex.split(command.decode())
        words = words[words.index("send") + 1 :]
        self.assertEqual(words[:2], ["--file", self.left])
        self.assertEqual(sorted(words[2:]), sorted(options))
        self.follow(command)
        bad = self.write("bad events", "not an event\n")  # so that nothing is sent to a Dev Server that runs here
        for option in ("--dev", f"--dev={self.server.url}"):
            _, _, errors = self.send("--file", bad, "--no-ids", option)
            (command,) = self.commands(errors)
            self.assertIn(option.replace("=", " ") + " ", command.decode() + " ")
            self.assertTrue(command.decode().endswith(" --no-ids"))

    def test_standard_input_must_be_given_again(self):
        self.server.fail_next("idle_close", times=2)
        self.server.fail_next(status=400)
        content = lines(numbered(5))
        code, output, errors = self.send("--file", "-", *ONE_BY_ONE, input=content)
        self.assertEqual((code, len(output.split())), (1, 2))
        self.assertIn("\ngive <stdin> the same input again; go on with:\n", errors)
        (command,) = self.commands(errors)
        self.assertEqual(self.paste(command, content.encode())[0], 0)
        self.assertEqual(self.numbers(self.server.runs), [1, 2, 3, 4, 5])

    def test_what_was_redirected_and_the_event_key_must_be_given_again_too(self):
        path = self.write("events", numbered(5))
        self.server.fail_next(status=400, times=2)
        with open(path, encoding="utf-8") as file:
            _, _, errors = self.send("--file", "-", stdin=file)
        self.assertIn("\ngive <stdin> the same input again; go on with:\n", errors)
        _, _, errors = self.send("--file", path, "--event-key-file", "-", input="s3cr3t\n")
        self.assertIn("\ngive <stdin> the event key again; go on with:\n", errors)

    def test_lines_before_the_one_to_go_on_from_are_neither_sent_nor_left_nor_looked_at(self):
        path = self.write("events", "bad\n\n" + lines(numbered(5)[2:]))
        self.server.fail_next(status=400)
        code, _, _ = self.send("--file", path, "--resume-from", "4", "--unsent", self.left)
        self.assertEqual((code, self.numbers(self.read("left"))), (1, [4, 5]))
        self.assertEqual(self.send("--file", path, "--resume-from", "4")[0], 0)
        self.assertEqual(self.numbers(), [4, 5])

    def test_what_was_accepted_after_the_line_to_go_on_from_runs_once(self):
        for option in ((), ("--no-ids",)):
            with self.subTest(option):
                answered = threading.Semaphore(0)
                errors, received = self.refuse_the_first_last(answered, option)
                (command,) = self.commands(errors)
                warning = "3 events after that line accepted: sent again, they run again unless they have ids\n"
                self.assertEqual(warning in errors, bool(option), errors)
                self.server.clear()
                self.follow(command)
                again = [event.id for event in self.server.events]
                self.assertEqual(received <= set(again), not option)

    def refuse_the_first_last(self, answered, option):
        """Send four events, of which the first is refused when the others were accepted."""
        received = set()

        def script(peer):
            while True:
                request = peer.read()
                if request is None:
                    return
                received.update(event.get("id", "none") for event in request.events)
                if self.numbers(request.events) == [1]:
                    for _ in range(3):
                        answered.acquire(timeout=TIME_LIMIT)
                    peer.answer(400)
                else:
                    peer.accept(request)
                    answered.release()

        path = self.write("events", numbered(4))
        with ScriptedServer(then=script) as server:
            env = {**self.env, "INNGEST_DEV": server.url}
            process = self.start("--file", path, "--batch-size", "1", *option, env=env)
            code, output, errors = finish(process)
        self.assertEqual((code, len(output.split())), (1, 3))
        return errors, received
