"""``send`` as a cron job, night after night: whatever happens, each event is run once, and nothing is overwritten."""

import os
import random
import tempfile
import time
import unittest
from concurrent.futures import ThreadPoolExecutor

from tests.helpers.commands import CommandTest, EventServer, environment, finish, lines, run, start
from tests.helpers.library import ROOT, TIME_LIMIT

ROUNDS = 5  # of kill -9; .ci/nights.py plays more


def orders(night, count=30):
    """Return the export of a night: events that say what they are, without ids."""
    return [{"name": "order", "data": {"order": f"{night}-{number}"}} for number in range(count)]


def names(events):
    """Return what the events of ``orders`` are, sorted."""
    return sorted((event["data"] if isinstance(event, dict) else event.data)["order"] for event in events)


class NightsTest(CommandTest):
    """The cron line of ``cli/README.rst``, over several nights."""

    def night(self, number, *, export=None, env=None, meanwhile=None):
        """Write the export, run the cron line, and return exit code and standard error."""
        self.write("orders.ndjson", lines(orders(number)) if export is None else export)
        paths = ["--file", "left.ndjson", "--file", "orders.ndjson", "--unsent", "left.ndjson"]
        bad = ["--skip-bad", "--bad", "bad.ndjson"]
        options = ["--id-seed", f"night {number}", "--quiet", "--max-attempts", "1", "--batch-size", "5"]
        with open(self.path("ids.txt"), "a") as ids:
            env = {**(env or self.env), "PYTHONPATH": ROOT}
            process = self.start(*paths, *bad, *options, cwd=self.folder, env=env, stdout=ids)
            if meanwhile is not None:
                meanwhile(process)
            code, _, errors = finish(process)
        self.assertFalse([name for name in os.listdir(self.folder) if name.startswith(".")])
        return code, errors

    def test_nights_with_the_server_down_up_and_dying_in_the_middle_lose_nothing_and_run_nothing_twice(self):
        down = environment(INNGEST_DEV="http://127.0.0.1:9")
        everything = []
        for number, env in ((1, down), (2, down), (3, self.env)):
            everything += names(orders(number))
            code, errors = self.night(number, env=env)
            if env is down:
                self.assertEqual((code, names(self.read("left.ndjson"))), (1, sorted(everything)), errors)
            else:
                self.assertEqual((code, errors, self.read("left.ndjson")), (0, "", []))
        self.assertEqual(names(self.server.runs), sorted(everything))

        dying = EventServer().start()
        self.addCleanup(dying.close)

        def die(process):
            dying.wait_for(5, TIME_LIMIT)
            dying.close()

        code, errors = self.night(4, env=environment(INNGEST_DEV=dying.url), meanwhile=die)
        rest = names(self.read("left.ndjson"))
        self.assertEqual(code, 1 if rest else 0)
        everything += names(orders(4)) + names(orders(5))
        self.assertEqual(self.night(5), (0, ""))
        self.assertEqual(self.read("left.ndjson"), [])
        received = {(event.id, event.data["order"]) for event in [*self.server.events, *dying.events]}
        self.assertEqual(sorted(order for _, order in received), sorted(everything))
        with open(self.path("ids.txt")) as file:
            ids = file.read().split()
        stored = {event.internal_id for event in [*self.server.events, *dying.events]}
        self.assertEqual((len(ids), len(set(ids)), set(ids) - stored), (len(everything), len(everything), set()))

    def test_a_bad_line_holds_up_no_other_and_is_kept(self):
        bad = "{nonsense}\n"
        for number in (1, 2):
            code, errors = self.night(number, export=bad + lines(orders(number)))
            self.assertEqual(code, 3)
            self.assertIn("orders.ndjson:1: not JSON", errors)
        self.assertEqual(names(self.server.runs), names(orders(1) + orders(2)))
        with open(self.path("bad.ndjson")) as file:
            self.assertEqual(file.read(), 2 * bad)

    def test_a_night_can_be_run_again(self):
        for _ in range(2):
            self.assertEqual(self.night(1), (0, ""))
        self.assertEqual((names(self.server.runs), len(self.server.events)), (names(orders(1)), 60))


class Killed:
    """A night that is killed at random moments, by a signal that cannot be handled, and each time run again."""

    def __init__(self, seed, folder):
        self.random = random.Random(seed)
        self.folder = folder
        self.left = os.path.join(folder, "left.ndjson")
        self.earlier, self.export = orders("earlier", 20), orders("now", 200)
        for name, events in (("left.ndjson", self.earlier), ("orders.ndjson", self.export)):
            with open(os.path.join(folder, name), "w") as file:
                file.write(lines(events))

    def play(self):
        """Return what was wrong, None if nothing was."""
        paths = [self.left, os.path.join(self.folder, "orders.ndjson")]
        arguments = [f"--file={path}" for path in paths] + ["--unsent", self.left, "--id-seed", "a night"]
        arguments += ["--batch-size", str(self.random.choice([3, 20])), "--max-attempts", "2", "--quiet"]
        with EventServer() as server:
            server.fail_randomly(0.05, seed=self.random.random(), kinds=["status", "stored_reset", "reset"])
            env = environment(INNGEST_DEV=server.url)
            for _ in range(self.random.randint(1, 4)):
                process = start("send", *arguments, env=env)
                self.kill_some_time(process, server)
                finish(process)
            for _ in range(30):
                code, _, errors = run("send", *arguments, env=env)
                if code == 0:
                    break
            else:
                return f"this comes to no end: {errors}"
            if names(server.runs) != names(self.earlier + self.export):
                return f"not run once each: {names(server.runs)}"
        with open(self.left) as file:
            return f"still left: {file.read()}" if os.path.getsize(self.left) else None

    def kill_some_time(self, process, server):
        """Kill it after so many events, or after some time that may be before or after all else."""
        if self.random.random() < 0.7:
            wanted = len(server.events) + self.random.randint(0, 200)
            while process.poll() is None and len(server.events) < wanted:
                time.sleep(0.001)
        else:
            time.sleep(self.random.uniform(0, 0.5))
        process.kill()


class KilledTest(unittest.TestCase):
    def test_every_event_runs_once_when_the_command_is_killed_and_run_again_with_the_same_seed(self):
        with ThreadPoolExecutor(2) as pool:
            for seed, problem in zip(range(ROUNDS), pool.map(problem_of, range(ROUNDS))):
                with self.subTest(seed=seed):
                    self.assertIsNone(problem)


def problem_of(seed):
    """Play a night that is killed; return what was wrong with it."""
    with tempfile.TemporaryDirectory() as folder:
        return Killed(seed, folder).play()
