"""``send --file``, cut off anywhere and gone on with: exactly the set of events, each run once."""

import gzip
import itertools
import json
import os
import random
import signal
import tempfile
import threading
import unittest
from concurrent.futures import ThreadPoolExecutor

from tests.helpers.commands import CommandTest, EventServer, environment, finish, lines, numbered, start
from tests.helpers.library import TIME_LIMIT
from tests.helpers.servers import ScriptedServer

SEEDS = range(6)
FAULTS = ["status", "stored_status", "stored_reset", "reset", "truncated", "drip", "delay", "no_ids", "short_ids"]


class Round:
    """Sends events from a file or a pipe to a server that fails at random, in runs that are cut off at random."""

    def __init__(self, seed, folder):
        self.random = random.Random(seed)
        self.count = self.random.randint(50, 300)
        self.left = os.path.join(folder, "left")
        self.printed = []  # the ids that each run printed
        self.options = ["--unsent", self.left, "--max-attempts", "2"]
        self.options += ["--batch-size", self.random.choice(["5", "13", "40"])]
        self.options += ["--concurrency", self.random.choice(["1", "4"])]
        self.options += self.random.choice([[], ["--id-seed", "night"]])
        self.text = lines(numbered(self.count))
        self.path = self.random.choice(["-", self.write(folder)])

    def write(self, folder):
        """Write the events as a file of some kind; return its path."""
        path = os.path.join(folder, self.random.choice(["events", "events.gz"]))
        text = self.random.choice([self.text, f"[{','.join(self.text.splitlines())}]"])
        with (gzip.open if path.endswith(".gz") else open)(path, "wb") as file:
            file.write(text.encode())
        return path

    def play(self):
        """Send until nothing is left; return the server."""
        with EventServer() as server:
            server.fail_randomly(0.1, seed=self.random.random(), kinds=FAULTS)
            env = environment(INNGEST_DEV=server.url)
            code, has_begun = self.run(server, env, self.path, is_cut_off=True)
            path = self.path
            while code != 0:
                assert len(self.printed) < 30, "this comes to no end"
                path = self.left if has_begun else path
                code, has_begun = self.run(server, env, path, is_cut_off=self.random.random() < 0.5)
        return server

    def run(self, server, env, path, is_cut_off):
        process = start("send", "--file", path, *self.options, env=env)
        # What a pipe held is gone when the command was cut off before it began; a file is still there.
        stored = len(server.events) + self.random.randint(path == "-", self.count)
        number = self.random.choice([signal.SIGINT, signal.SIGTERM])
        thread = threading.Thread(target=self.cut_off, args=(process, server, stored, number))
        if is_cut_off:
            thread.start()
        code, output, errors = finish(process, self.text if path == "-" else "")
        if is_cut_off:
            thread.join()
        self.printed.append(output.split())
        assert code in (0, 1, 130, 143, -number), (code, errors)
        return code, "accepted in" in errors

    def cut_off(self, process, server, stored, number):
        while process.poll() is None:
            try:
                server.wait_for(stored, timeout=0.05)
            except AssertionError:
                continue
            process.send_signal(number)
            return


class InterruptionTest(unittest.TestCase):
    def test_every_event_runs_once_and_its_id_is_printed_once_however_often_the_runs_are_cut_off(self):
        with ThreadPoolExecutor(2) as pool:
            for seed, problem in zip(SEEDS, pool.map(self.problem_of, SEEDS)):
                with self.subTest(seed=seed):
                    self.assertIsNone(problem)

    def problem_of(self, seed):
        """Play a round; return what was wrong with it."""
        with tempfile.TemporaryDirectory() as folder:
            round = Round(seed, folder)
            server = round.play()
        number_of = {event.internal_id: event.data["n"] for event in server.events}
        unknown = {id for ids in round.printed for id in ids} - set(number_of)
        if unknown:
            return f"printed, and not stored: {unknown}"
        printed = [[number_of[id] for id in ids] for ids in round.printed]
        if any(numbers != sorted(numbers) for numbers in printed):
            return f"ids not in the order of the input: {printed}"
        everything = list(range(1, round.count + 1))
        if sorted(itertools.chain(*printed)) != everything:
            return f"ids not printed once each: {printed}"
        runs = sorted(event.data["n"] for event in server.runs)
        return None if runs == everything else f"not run once each: {runs}"


class ServerTest(CommandTest):
    def start_and_let_the_server_die(self, *options):
        """Return a process whose server is gone, and which has not got all of its input yet; and what it lacks."""
        events = numbered(300)
        process = self.start("--file", "-", "--batch-size", "5", *options)
        process.stdin.write(lines(events[:100]))
        process.stdin.flush()
        self.server.wait_for(50, TIME_LIMIT)
        self.server.close()
        return process, lines(events[100:])

    def test_a_server_that_dies_and_comes_back_later_gets_each_event_with_one_id(self):
        left = self.path("left")
        process, rest = self.start_and_let_the_server_die("--unsent", left, "--max-attempts", "1")
        code, output, errors = finish(process, rest)
        self.assertEqual(code, 1)
        self.assertRegex(errors, r"(?i)\ninngest_send: 0 of \d events? .*: .*connect")
        self.assertEqual(len(output.split()) + len(self.read("left")), 300)
        with EventServer(port=self.server.port) as server:
            code, rest, _ = self.send("--file", left, "--unsent", left)
        self.assertEqual((code, len(output.split()) + len(rest.split())), (0, 300))
        self.check(self.server.events + server.events)

    def test_a_server_that_comes_back_soon_is_waited_for(self):
        process, rest = self.start_and_let_the_server_die()
        with EventServer(port=self.server.port) as server:
            code, output, errors = finish(process, rest)
        self.assertEqual((code, len(output.split())), (0, 300), errors)
        self.check(self.server.events + server.events)

    def check(self, events):
        """See that each event has one id, however often it is stored: then it is run once."""
        self.assertEqual(sorted(n for n, _ in {(event.data["n"], event.id) for event in events}), list(range(1, 301)))

    def test_ids_are_printed_in_the_order_of_the_input_also_after_a_signal(self):
        answered = threading.Semaphore(0)
        may_answer = threading.Event()

        def the_first_one_last(peer):
            while True:
                request = peer.read()
                if request is None:
                    return
                numbers = self.numbers(request.events)
                if numbers[0] == 1:
                    may_answer.wait(TIME_LIMIT)
                peer.answer(200, json.dumps({"ids": [f"id of {number}" for number in numbers]}).encode())
                answered.release()

        with ScriptedServer(then=the_first_one_last) as server:
            env = {**self.env, "INNGEST_DEV": server.url}
            arguments = ("--batch-size", "2", "--concurrency", "4", "--unsent", self.path("left"))
            process = self.start("--file", self.write("events", numbered(20)), *arguments, env=env)
            for _ in range(3):
                self.assertTrue(answered.acquire(timeout=TIME_LIMIT))
            process.send_signal(signal.SIGINT)
            may_answer.set()
            code, output, _ = finish(process)
        self.assertEqual(code, 130)
        self.assertEqual(output, "".join(f"id of {number}\n" for number in range(1, 9)))
        self.assertEqual(self.numbers(self.read("left")), list(range(9, 21)))
