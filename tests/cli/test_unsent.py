"""``send --file``: what is left to send when a run ends early, and how the next one goes on."""

import json
import os
import shlex
import threading
import unittest

from tests.helpers.commands import CommandTest, lines, numbered
from tests.helpers.servers import ScriptedServer

EARLIER = b"what an earlier run left\n"
ONE_BY_ONE = ("--batch-size", "1", "--concurrency", "1")


def limited(blocks):
    """Return a program that runs another which can write files of no more than so many blocks, as on a full disk."""
    return ["sh", "-c", 'ulimit -f {}; exec "$@"'.format(blocks), "sh"]


class UnsentTest(CommandTest):
    def setUp(self):
        super().setUp()
        self.left = self.path("left")

    def go_on(self, *arguments):
        """Send what is left, and see that nothing is then."""
        code, _, errors = self.send("--file", self.left, "--unsent", self.left, *arguments)
        self.assertEqual((code, self.read("left")), (0, []), errors)

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
        self.assertIn("\n11 lines left; go on with --file {}\n".format(self.left), errors)
        with open(self.left) as file:
            rest = file.read().splitlines()
        self.write("left", "\n".join(rest[:8]))
        self.assertEqual((self.numbers(self.read("left")), rest[8:]), (list(range(2, 10)), bad))
        ids = [event["id"] for event in self.read("left")]
        self.assertEqual((len(set(ids)), ids[4], ids[6]), (7, "own", "own"))
        self.go_on()
        self.assertEqual((self.numbers(), [event.id for event in self.server.events[1:]]), (list(range(1, 10)), ids))

    def test_what_lies_beyond_a_place_that_cannot_be_read_is_not_taken_for_sent(self):
        items = ['{"name": "a"}', '{"name": "b",}', '{"name": "c"}']
        path = self.write("events", "[" + ",\n".join(items) + "]")
        code, output, errors = self.send("--file", path, "--unsent", self.left)
        self.assertEqual((code, len(output.split()), self.read("left")), (1, 1, []))
        self.assertNotIn("--file " + self.left, errors)
        self.assertTrue(errors.endswith("go on with --file {} --resume-from 2\n".format(path)), errors)

    def test_what_comes_after_a_source_that_cannot_be_read_is_left(self):
        path = self.write("events", '[{"name": "a"}, {"name": "b",}]')
        arguments = ["--file", path, "--file", "-", "--unsent", self.left]
        code, output, errors = self.send(*arguments, input=lines(numbered(2)))
        self.assertEqual((code, len(output.split()), self.numbers(self.read("left"))), (1, 1, [1, 2]))
        expected = [
            "2 lines left; go on with --file {}".format(self.left),
            "that is not all; go on after it with --file {} --resume-from 2".format(path),
        ]
        self.assertEqual(errors.splitlines()[-2:], expected)

    def test_nothing_is_left_when_all_was_accepted(self):
        self.write("left", EARLIER)
        self.assertEqual(self.send("--file", self.write("events", numbered(3)), "--unsent", self.left)[0], 0)
        self.assertEqual(self.read("left"), [])
        self.assertEqual(sorted(os.listdir(self.folder)), ["events", "left"])

    def test_a_bad_line_can_be_mended_where_it_is_left(self):
        path = self.write("events", lines(numbered(2)) + "{bad}\n" + lines(numbered(4)[2:]))
        self.assertEqual(self.send("--file", path, "--unsent", self.left)[0], 1)
        with open(self.left) as file:
            rest = file.read().splitlines()
        self.assertEqual((len(rest), rest[0]), (3, "{bad}"))
        self.write("left", "\n".join(rest[1:]))
        self.go_on()
        self.assertEqual(self.numbers(self.server.runs), [1, 2, 3, 4])

    def test_a_path_that_cannot_be_written_is_refused_before_anything_is_sent(self):
        self.write("file", b"")
        paths = [self.path("none/left"), self.path("file/left"), self.folder, os.devnull, ""]
        if os.name == "posix" and os.geteuid() != 0:  # root may write everywhere
            os.mkdir(self.path("closed"), 0o500)
            paths.append(self.path("closed/left"))
        results = self.send_all(*[["--file", "-", "--unsent", path] for path in paths], input=lines(numbered(3)))
        for path, (code, output, errors) in zip(paths, results):
            with self.subTest(path):
                self.assertEqual((code, output, errors.count("\n"), self.server.requests), (2, "", 1, []), errors)
                self.assertTrue(errors.startswith("inngest_send: --unsent: "), errors)

    @unittest.skipUnless(os.name == "posix", "needs ulimit")
    def test_a_full_disk_is_noticed_before_anything_is_sent(self):
        self.write("left", EARLIER)
        arguments = ("--file", self.write("events", numbered(3)), "--unsent", self.left)
        code, output, errors = self.send(*arguments, before=limited(0))
        self.assertEqual((code, output, errors.count("\n"), self.server.requests), (2, "", 1, []), errors)
        self.assert_left_as_it_was()

    @unittest.skipUnless(os.name == "posix", "needs ulimit")
    def test_a_disk_that_is_full_later_leaves_the_file_as_it_was_and_the_line_to_go_on_from(self):
        self.write("left", EARLIER)
        self.server.fail_next("idle_close")
        self.server.fail_next(status=400)
        arguments = ("--file", self.write("events", numbered(100)), "--unsent", self.left, *ONE_BY_ONE)
        code, output, errors = self.send(*arguments, before=limited(1))
        self.assertEqual((code, len(output.split())), (1, 1))
        self.assertIn("inngest_send: cannot write {}: ".format(self.left), errors)
        self.assertTrue(errors.endswith("go on with --file {} --resume-from 2\n".format(arguments[1])), errors)
        self.assert_left_as_it_was()

    def assert_left_as_it_was(self):
        with open(self.left, "rb") as file:
            self.assertEqual(file.read(), EARLIER)
        self.assertEqual(sorted(os.listdir(self.folder)), ["events", "left"])


class ResumeTest(CommandTest):
    def test_without_a_file_for_it_the_summary_says_how_to_go_on(self):
        events = {"one": numbered(3), "two": numbered(6)[3:], "it's 3": numbered(9)[6:]}
        paths = [self.write(name, content) for name, content in events.items()]
        self.server.fail_next("idle_close", times=4)
        self.server.fail_next(status=400)
        code, output, errors = self.send(*["--file={}".format(path) for path in paths], *ONE_BY_ONE)
        self.assertEqual((code, len(output.split())), (1, 4))
        hint = errors.splitlines()[-1]
        self.assertEqual(hint, "go on with --file {} --file {} --resume-from 2".format(paths[1], shlex.quote(paths[2])))
        self.assertEqual(self.send(*shlex.split(hint)[3:], *ONE_BY_ONE)[0], 0)
        self.assertEqual(self.numbers(), list(range(1, 10)))

    def test_lines_before_the_one_to_go_on_from_are_neither_sent_nor_left_nor_looked_at(self):
        path = self.write("events", "bad\n\n" + lines(numbered(5)[2:]))
        self.server.fail_next(status=400)
        code, _, _ = self.send("--file", path, "--resume-from", "4", "--unsent", self.path("left"))
        self.assertEqual((code, self.numbers(self.read("left"))), (1, [4, 5]))
        self.assertEqual(self.send("--file", path, "--resume-from", "4")[0], 0)
        self.assertEqual(self.numbers(), [4, 5])

    def test_what_was_accepted_after_the_line_to_go_on_from_is_told(self):
        answered = threading.Semaphore(0)

        def refuse_the_first_last(peer):
            while True:
                request = peer.read()
                if request is None:
                    return
                if self.numbers(request.events) == [1]:
                    for _ in range(3):
                        answered.acquire(timeout=10)
                    peer.answer(400)
                else:
                    peer.accept(request)
                    answered.release()

        with ScriptedServer(then=refuse_the_first_last) as server:
            env = {**self.env, "INNGEST_DEV": server.url}
            path = self.write("events", numbered(4))
            code, output, errors = self.send("--file", path, "--batch-size", "1", env=env)
        self.assertEqual((code, len(output.split())), (1, 3))
        hint = "go on with --file {} --resume-from 1\n3 events after that line accepted: sent again, they run again"
        self.assertIn("\n" + hint.format(path), errors)


if __name__ == "__main__":
    unittest.main()
