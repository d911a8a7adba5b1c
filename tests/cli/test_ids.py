"""``send --file``: the ids that events get, so that sending them again starts no run twice."""

import gzip
import os
import re
from unittest import mock

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
                left = self.path("left")
                self.assertEqual(self.send("--file", path, "--unsent", left, "--max-attempts", "1")[0], 1)
                self.assertEqual(self.send("--file", left, "--unsent", left)[0], 0)
                self.assertGreater(len(self.server.events), 3)
                self.assertEqual(self.numbers(self.server.runs), [1, 2, 3])

    def test_two_kinds_of_ids_at_once_are_refused(self):
        code, _, errors = self.send("--file", "-", "--id-seed", "night", "--no-ids")
        self.assertEqual(code, 2)
        self.assertIn("--no-ids: not allowed with argument --id-seed", errors)


class SeedTest(CommandTest):
    def send_seeded(self, path, *arguments):
        return self.send("--file", path, "--id-seed", "night", *arguments)[0]

    def test_the_same_file_sent_again_starts_nothing_twice(self):
        path = self.write("events", numbered(3) * 2)  # equal lines are events of their own
        for _ in range(2):
            self.assertEqual(self.send_seeded(path), 0)
        self.assertEqual(len(self.server.events), 12)
        self.assertEqual(sorted(self.numbers(self.server.runs)), [1, 1, 2, 2, 3, 3])

    def test_a_file_is_the_same_in_another_folder_packed_and_with_other_ends_of_lines(self):
        content = lines(numbered(2))
        os.mkdir(self.path("moved"))
        paths = [self.write("events", content), self.write("moved/events", content.replace("\n", "\r\n"))]
        with gzip.open(self.path("events.gz"), "wb") as file:
            file.write(content.encode())
        for path in paths + [self.path("events.gz")]:
            self.assertEqual(self.send_seeded(path), 0)
        self.assertEqual((len(self.server.events), self.numbers(self.server.runs)), (6, [1, 2]))

    def test_a_run_says_the_seed_that_gives_its_ids_again_and_no_other_run_has_it(self):
        path = self.write("events", numbered(2))
        seeds = set()
        for _ in range(2):
            seeds.add(re.match(r"--id-seed (\w+) gives this run's ids again\n", self.send("--file", path)[2]).group(1))
        for seed in seeds:
            self.assertEqual(self.send("--file", path, "--id-seed", seed, "--quiet"), (0, mock.ANY, ""))
        self.assertEqual((len(seeds), len(self.server.events), len(self.server.runs)), (2, 8, 4))

    def test_another_seed_gives_other_ids(self):
        path = self.write("events", numbered(2))
        for seed in ("monday", "tuesday", b"\xff", b"\xfe"):
            code, _, errors = self.send("--file", path, "--id-seed", seed)
            self.assertEqual((code, "--id-seed" in errors), (0, False), errors)
        self.assertEqual(len(self.server.runs), 8)

    def test_an_empty_seed_is_refused(self):
        code, _, errors = self.send("--file", self.write("events", numbered(2)), "--id-seed", "")
        self.assertEqual((code, self.server.requests), (2, []))
        self.assertIn("--id-seed: expected a text, got an empty one\n", errors)

    def test_another_file_another_line_and_another_content_are_other_events(self):
        self.assertEqual(self.send_seeded(self.write("events", numbered(2))), 0)
        self.assertEqual(self.send_seeded(self.write("others", numbered(2))), 0)
        self.assertEqual(self.send_seeded(self.write("events", "\n" + lines(numbered(2)))), 0)
        self.assertEqual(len(self.server.runs), 6)

    def test_two_files_of_one_name_are_refused_where_equal_lines_would_be_taken_for_one(self):
        os.mkdir(self.path("web"))
        paths = [self.write("events", numbered(1)), self.write("web/events", numbered(1))]
        paths.append(self.path("events.gz"))
        with gzip.open(paths[2], "wb") as file:
            file.write(lines(numbered(1)).encode())
        for other in paths[1:] + [os.path.join(self.folder, ".", "events")]:
            arguments = ["--file", paths[0], "--file", other]
            code, _, errors = self.send(*arguments)
            problem = f"{paths[0]} and {other} have the same name, so equal lines would get the same id, and run once"
            self.assertEqual((code, self.server.requests), (2, []))
            self.assertIn(f"{problem}: send each in a run of its own, with another --id-seed, or --no-ids\n", errors)
            self.assertEqual(self.send(*arguments, "--check")[0], 0)
        arguments = ["--file", paths[0], "--file", paths[1]]
        self.assertEqual(self.send(*arguments, "--no-ids")[0], 0)
        self.assertEqual(len(self.server.runs), 2)
        row = '{"n": %d}\n'
        self.write("events", row % 1)
        self.write("web/events", row % 2)
        self.assertEqual(self.send(*arguments, "--as", "row", "--id-field", "n")[0], 0)
        self.assertEqual(len(self.server.runs), 4)

    def test_a_run_that_was_cut_off_can_be_gone_on_with_or_begun_again(self):
        path, left = self.write("events", numbered(9)), self.path("left")
        self.server.fail_next("idle_close")
        self.server.fail_next("stored_status", status=400)
        code = self.send_seeded(path, "--unsent", left, "--batch-size", "2", "--concurrency", "1")
        self.assertEqual((code, self.numbers(self.read("left"))), (1, list(range(3, 10))))
        self.assertEqual(self.send_seeded(left, "--unsent", left), 0)
        self.assertEqual(self.send_seeded(path), 0)
        self.assertEqual(len(self.server.events), 4 + 7 + 9)
        self.assertEqual(sorted(self.numbers(self.server.runs)), list(range(1, 10)))
