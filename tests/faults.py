"""Proof under faults: ``python3 -m tests.faults --events 100000 --seed 1``.

Sends events from threads, tasks and forked processes with one client, while a stand-in server in a process of its own
fails a fifth of all requests in every way it knows. Then compares what the callers were told with what was stored.
"""

import argparse
import asyncio
import json
import logging
import os
import random
import subprocess
import sys
import threading
import time
import warnings
from collections import Counter
from unittest import mock

from tests.helpers.library import ROOT, inngest, module

RATE = 0.2  # of all requests
REQUEST_TIMEOUT = 400  # milliseconds; a drip may outlast it
SENDERS = 4  # threads that send at once
MAX_LIST = 16  # events in one call


def serve(seed):
    """Run the failing server: print its URL, wait for the end of standard input, print what it holds."""
    with module("testing").EventServer() as server:
        server.fail_randomly(RATE, seed=seed)
        print(server.url, flush=True)
        sys.stdin.read()
        server.close()
        report = {
            "stored": [[event.internal_id, event.data["n"]] for event in server.events],
            "runs": [event.data["n"] for event in server.runs],
            "seeds": [request.headers["x-inngest-event-id-seed"] for request in server.requests],
            "faults": server.faults,
        }
        print(json.dumps(report), flush=True)


class Ledger:
    """What the callers were told of each event, by its number."""

    def __init__(self):
        self.accepted = {}  # number: id
        self.unknown = set()  # may have been accepted or not, and has no id of its own: not sent again
        self.problems = []
        self.errors = Counter()
        self._lock = threading.Lock()

    def add(self, accepted, unknown, problems, errors):
        with self._lock:
            self.accepted.update(accepted)
            self.unknown.update(unknown)
            self.problems.extend(problems)
            self.errors.update(errors)


class Caller:
    """A program that sends a few events, and does with errors what the README says."""

    def __init__(self, rng, numbers):
        self.accepted, self.unknown, self.problems, self.errors = {}, [], [], Counter()
        self._rng = rng
        self._left = [inngest.Event("n", {"n": n}, id=f"event-{n}" if rng.random() < 0.7 else "") for n in numbers]

    def calls(self):
        """Yield what to pass to ``send`` next, and take what it came to, until nothing is left to send."""
        while self._left:
            events, self._left = self._left[:MAX_LIST], self._left[MAX_LIST:]
            shape = self._rng.random()
            argument = events[0] if len(events) == 1 else iter(events) if shape < 0.3 else events
            outcome = yield argument
            if isinstance(outcome, inngest.SendEventsError):
                self._take_error(events, outcome)
            else:
                self._take_ids(events, outcome)

    def _take_ids(self, events, ids):
        if len(ids) != len(events) or not all(ids):
            self.problems.append(f"{len(ids)} ids for {len(events)} events")
        self.accepted.update((event.data["n"], id) for event, id in zip(events, ids))

    def _take_error(self, events, error):
        self.errors[str(error.status) if error.status else "no answer"] += 1
        unsent = {event.data["n"] for event in error.unsent}
        sent = [event for event in events if event.data["n"] not in unsent]
        if len(error.ids) + len(error.unsent) != len(events):
            self.problems.append(f"the numbers of ids and unsent do not add up: {error}")
        self._take_ids(sent, error.ids)
        for event in error.unsent:
            if error.maybe_delivered and not event.id:
                self.unknown.append(event.data["n"])
            else:
                self._left.append(event)

    def send_sync(self, client):
        calls = self.calls()
        outcome = None
        while True:
            try:
                argument = calls.send(outcome)
            except StopIteration:
                return self
            try:
                outcome = client.send_sync(argument)
            except inngest.SendEventsError as error:
                outcome = error

    async def send(self, client):
        calls = self.calls()
        outcome = None
        while True:
            try:
                argument = calls.send(outcome)
            except StopIteration:
                return self
            try:
                outcome = await client.send(argument)
            except inngest.SendEventsError as error:
                outcome = error

    def report(self):
        return [sorted(self.accepted.items()), self.unknown, self.problems, self.errors]


class Run:
    """One run of the suite."""

    def __init__(self, url, events, seed):
        self.ledger = Ledger()
        self._client = inngest.Inngest(
            app_id="faults",
            is_production=False,
            event_api_base_url=url,
            request_timeout=REQUEST_TIMEOUT,
        )
        self._rng = random.Random(seed)
        self._events = events
        self._next = 0
        self._lock = threading.Lock()

    def __call__(self):
        with self._client, warnings.catch_warnings():  # here, since it holds for all threads
            warnings.simplefilter("ignore", DeprecationWarning)  # from 3.12 on, of a fork while there are threads
            threads = [threading.Thread(target=self._work) for _ in range(SENDERS)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        return self.ledger

    def _take(self):
        """Return what to do next: a way to send, and the numbers of the events, fewer each time at the end."""
        with self._lock:
            count = min(self._rng.randint(1, 200), self._events - self._next)
            numbers = range(self._next, self._next + count)
            self._next += count
            return (
                self._rng.choice((self._in_loop, self._here, self._here, self._in_child)),
                numbers,
                self._rng.random(),
            )

    def _work(self):
        while True:
            way, numbers, seed = self._take()
            if not numbers:
                return
            way(random.Random(seed), numbers)

    def _here(self, rng, numbers):
        self.ledger.add(*Caller(rng, numbers).send_sync(self._client).report())

    def _in_loop(self, rng, numbers):
        """Send from tasks of a new event loop."""

        async def run():
            callers = [Caller(random.Random(rng.random()), numbers[at::4]) for at in range(4)]
            return await asyncio.gather(*[caller.send(self._client) for caller in callers])

        for caller in asyncio.run(run()):
            self.ledger.add(*caller.report())

    def _in_child(self, rng, numbers):
        """Send from a forked process, with the same client, while the other threads go on."""
        if not hasattr(os, "fork"):
            self._here(rng, numbers)
            return
        reader, writer = os.pipe()
        child = os.fork()
        if not child:
            try:
                os.close(reader)
                report = Caller(rng, numbers).send_sync(self._client).report()
                with os.fdopen(writer, "w") as file:
                    json.dump(report, file)
            finally:
                os._exit(0)
        os.close(writer)
        with os.fdopen(reader) as file:
            text = file.read()
        os.waitpid(child, 0)
        self.ledger.add(*json.loads(text)) if text else self.ledger.add([], [], ["a child died"], {})


def differences(ledger, report, events):
    """Return what does not agree, as lines, and how many events were lost and doubled."""
    problems = list(ledger.problems)
    number_of = {}
    ids_of = {}
    for internal_id, number in report["stored"]:
        if number_of.setdefault(internal_id, number) != number:
            problems.append(f"{internal_id} stands for two events")
        ids_of.setdefault(number, set()).add(internal_id)
    runs = Counter(report["runs"])
    lost = doubled = 0
    for number in range(events):
        id = ledger.accepted.get(number)
        if id is None and number not in ledger.unknown:
            problems.append(f"nobody was told of event {number}")
        if id is not None and id not in ids_of.get(number, ()):
            problems.append(f"event {number} was said to be accepted as {id}, and is not stored so")
            lost += 1
        if runs[number] > 1:
            problems.append(f"event {number} was run {runs[number]} times")
            doubled += 1
        if id is not None and not runs[number]:
            problems.append(f"event {number} was accepted and not run")
    return problems, lost, doubled


def run(events, seed):
    """Run the suite; return the table as text, and the problems found."""
    command = [sys.executable, "-m", "tests.faults", "--serve", "--seed", str(seed)]
    server = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, universal_newlines=True)
    started = time.monotonic()
    retry = module("retry")
    try:
        url = server.stdout.readline().strip()
        logging.getLogger(module("client").__name__).addHandler(logging.NullHandler())
        with mock.patch.object(retry, "BASE_DELAY", 0.001), mock.patch.object(retry, "MAX_JITTER", 0.001):
            ledger = Run(url, events, seed)()
    finally:
        output, _ = server.communicate()
    report = json.loads(output)
    problems, lost, doubled = differences(ledger, report, events)
    rows = [
        ("events", events),
        ("accepted", len(ledger.accepted)),
        ("not known to be accepted, and without an id", len(ledger.unknown)),
        ("stored, doubles included", len(report["stored"])),
        ("requests", len(report["seeds"])),
        ("retries", len(report["seeds"]) - len(set(report["seeds"]))),
    ]
    rows += [("fault: " + kind, count) for kind, count in sorted(report["faults"].items())]
    rows += [("error: " + kind, count) for kind, count in sorted(ledger.errors.items())]
    rows += [("lost", lost), ("doubled", doubled), ("problems", len(problems))]
    rows += [("seconds", round(time.monotonic() - started))]
    width = max(len(name) for name, _ in rows)
    return "\n".join(f"{name:{width}} {count:>9,}" for name, count in rows), problems


def main():
    parser = argparse.ArgumentParser(prog="python3 -m tests.faults", description=__doc__.splitlines()[0])
    parser.add_argument("--events", type=int, default=10000)
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.serve:
        serve(arguments.seed)
        return 0
    print(f"seed {arguments.seed}")
    table, problems = run(arguments.events, arguments.seed)
    print(table)
    for problem in problems[:20]:
        print(problem)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
