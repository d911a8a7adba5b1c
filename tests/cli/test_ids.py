"""``send --file``: the ids that events get, so that sending them again starts no run twice."""

import gzip
import os
import unittest

from tests.helpers.commands import CommandTest, lines, numbered


class IdsTest(CommandTest):
    def ids(self):
        return [event.id for event in self.server.events]

    def test_an_event_without_an_id_gets_a_random_one_and_another_keeps_its_own(self):
        path = self.write("events", numbered(2) + numbered(1, id="own") + numbered(1, id=""))
        for _ in range(2):
            self.assertEqual(self.send("--file", path)[0], 0)
        ids = self.ids()
        self.assertEqual((ids[2], ids[6]), ("own", "own"))
        self.assertEqual(len(set(ids)), 7)
        for id in set(ids) - {"own"}:
            self.assertRegex(id, "^[0-9a-f]{32}$")

    def test_no_ids_are_added_when_none_are_wanted(self):
        self.server.fail_next(status=400)
        path = self.write("events", numbered(2) + numbered(1, id="own"))
        code, _, _ = self.send("--file", path, "--no-ids", "--unsent", self.path("left"))
        self.assertEqual((code, self.read("left")), (1, numbered(2) + numbered(1, id="own")))
        self.server.clear()
        self.assertEqual(self.send("--file", path, "--no-ids")[0], 0)
        self.assertEqual(self.ids(), ["", "", "own"])

    def test_what_was_stored_in_spite_of_an_error_and_is_sent_again_runs_once(self):
        for kind, options in (("stored_status", {"status": 400}), ("short_ids", {}), ("stored_reset", {})):
            with self.subTest(kind):
                self.server.clear()
                self.server.fail_next(kind, **options)
                path = self.write("events", numbered(3))
                self.assertEqual(self.send("--file", path, "--unsent", self.path("left"), "--max-attempts", "1")[0], 1)
                self.assertEqual(self.send("--file", self.path("left"))[0], 0)
                self.assertGreater(len(self.server.events), 3)
                self.assertEqual(self.numbers(self.server.runs), [1, 2, 3])

    def test_two_kinds_of_ids_at_once_are_refused(self):
        code, _, errors = self.send("--file", "-", "--stable-ids", "--no-ids")
        self.assertEqual(code, 2)
        self.assertIn("--no-ids: not allowed with argument --stable-ids", errors)


class StableIdsTest(CommandTest):
    def send_stable(self, path, *arguments):
        return self.send("--file", path, "--stable-ids", *arguments)[0]

    def test_the_same_file_sent_again_starts_nothing_twice(self):
        path = self.write("events", numbered(3) * 2)  # equal lines are events of their own
        for _ in range(2):
            self.assertEqual(self.send_stable(path), 0)
        self.assertEqual(len(self.server.events), 12)
        self.assertEqual(sorted(self.numbers(self.server.runs)), [1, 1, 2, 2, 3, 3])

    def test_a_file_is_the_same_in_another_folder_packed_and_with_other_ends_of_lines(self):
        content = lines(numbered(2))
        os.mkdir(self.path("moved"))
        paths = [self.write("events", content), self.write("moved/events", content.replace("\n", "\r\n"))]
        with gzip.open(self.path("events.gz"), "wb") as file:
            file.write(content.encode())
        for path in paths + [self.path("events.gz")]:
            self.assertEqual(self.send_stable(path), 0)
        self.assertEqual((len(self.server.events), self.numbers(self.server.runs)), (6, [1, 2]))

    def test_another_file_another_line_and_another_content_are_other_events(self):
        self.assertEqual(self.send_stable(self.write("events", numbered(2))), 0)
        self.assertEqual(self.send_stable(self.write("others", numbered(2))), 0)
        self.assertEqual(self.send_stable(self.write("events", "\n" + lines(numbered(2)))), 0)
        self.assertEqual(len(self.server.runs), 6)

    def test_a_run_that_was_cut_off_can_be_gone_on_with_or_begun_again(self):
        path, left = self.write("events", numbered(9)), self.path("left")
        self.server.fail_next("idle_close")
        self.server.fail_next("stored_status", status=400)
        code = self.send_stable(path, "--unsent", left, "--batch-size", "2", "--concurrency", "1")
        self.assertEqual((code, self.numbers(self.read("left"))), (1, list(range(3, 10))))
        self.assertEqual(self.send_stable(left), 0)
        self.assertEqual(self.send_stable(path), 0)
        self.assertEqual(len(self.server.events), 4 + 7 + 9)
        self.assertEqual(sorted(self.numbers(self.server.runs)), list(range(1, 10)))


if __name__ == "__main__":
    unittest.main()
