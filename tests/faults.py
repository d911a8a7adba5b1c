"""Proof under faults: ``python3 -m tests.faults --events 100000 --seed 1``.

Sends events from threads, tasks and forked processes with one client, while a stand-in server in a process of its own
fails a fifth of all requests in every way it knows, the clock jumps, and children run out of descriptors and of memory.
Then compares what the callers were told with what was stored.
"""

import argparse
import asyncio
import contextlib
import faulthandler
import json
import logging
import os
import random
import re
import subprocess
import sys
import threading
import time
import warnings
from collections import Counter
from unittest import mock

from tests.helpers.library import ROOT, inngest, module
from tests.helpers.servers import server_context

try:
    import resource
except ImportError:  # Windows
    resource = None

RATE = 0.2  # of all requests
REQUEST_TIMEOUT = 400  # milliseconds; a drip may outlast it
SENDERS = 4  # threads that send at once
MAX_LIST = 16  # events in one call
CHILD_LIMIT = 60  # seconds; only a child that hangs takes so long
LARGE = "x" * 1000000  # in events that are sent while memory is short; four of them make a request
SPARE = 2 * MAX_LIST * len(LARGE)  # bytes; enough to send a list of these, the copies included
JUMPS = (0, 0, -30, 3600, -86400, -4e9, 1e10, 1e12)  # seconds; to before 1970, and to beyond what a seed can hold


class StandIn:
    """A stand-in server in a process of its own, which fails a share of all requests; ``report`` is what it holds."""

    def __init__(self, seed, rate=RATE, is_tls=False):
        command = [sys.executable, "-m", "tests.faults", "--serve", "--seed", str(seed), "--rate", str(rate)]
        command += ["--tls"] if is_tls else []
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        self._process = subprocess.Popen(command, cwd=ROOT, universal_newlines=True, **pipes)
        self.url = self._process.stdout.readline().strip()
        self.report = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        output, _ = self._process.communicate()
        self.report = json.loads(output)


def serve(seed, rate, is_tls):
    """Run the failing server: print its URL, wait for the end of standard input, print what it holds."""
    with module("testing").EventServer(ssl_context=server_context() if is_tls else None) as server:
        server.fail_randomly(rate, seed=seed)
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


class JumpingClock:
    """Stands for ``time.time``, and jumps either way."""

    def __init__(self):
        self.jumps = 0
        self._offset = 0
        self._time = time.time

    def __call__(self):
        return self._time() + self._offset

    def jump(self, rng):
        self._offset = rng.choice(JUMPS)
        self.jumps += 1


@contextlib.contextmanager
def shortage(kind, spare):
    """Let this process have no further descriptor, or ``spare`` bytes of memory at most, for a while."""
    if kind == "descriptors":
        limit = resource.RLIMIT_NOFILE
        needed = os.open(os.devnull, os.O_RDONLY)  # the lowest that is free
        os.close(needed)
    else:
        limit = resource.RLIMIT_DATA  # not RLIMIT_AS: threads reserve 64 MB of addresses each, and have room in them
        with open("/proc/self/status") as file:
            needed = spare + 1024 * int(re.search(r"^VmData:\s+([0-9]+) kB$", file.read(), re.MULTILINE)[1])
    soft, hard = resource.getrlimit(limit)
    resource.setrlimit(limit, (needed, hard))
    try:
        yield
    finally:
        resource.setrlimit(limit, (soft, hard))


def shortages():
    """Return the kinds of shortage that can be made on this platform."""
    if resource is None or sys.implementation.name != "cpython":  # PyPy gives both back only when it collects garbage
        return []
    return ["descriptors", "memory"] if os.path.exists("/proc/self/status") else ["descriptors"]


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

    def report(self):
        return [sorted(self.accepted.items()), sorted(self.unknown), self.problems, self.errors]


class Child:
    """A forked process that computes something of JSON values."""

    def __init__(self, compute):
        self._reader, writer = os.pipe()
        self._id = os.fork()
        if not self._id:
            try:
                faulthandler.dump_traceback_later(CHILD_LIMIT, exit=True)
                os.close(self._reader)
                text = json.dumps(compute())
                with os.fdopen(writer, "w") as file:
                    file.write(text)
            except BaseException:
                sys.excepthook(*sys.exc_info())
            finally:
                os._exit(0)
        os.close(writer)

    def result(self):
        """Wait for the process; return what it computed, or None if it died."""
        with os.fdopen(self._reader) as file:
            text = file.read()
        os.waitpid(self._id, 0)
        return json.loads(text) if text else None


class Caller:
    """A program that sends a few events, and does with errors what the README says.

    ``short_of`` is what it runs out of in its first call: "descriptors", "memory", or nothing.
    """

    def __init__(self, rng, numbers, short_of=None):
        self.accepted, self.unknown, self.problems, self.errors = {}, [], [], Counter()
        self._rng = rng
        self._short_of = short_of
        self._left = [inngest.Event("n", {"n": n}, id=f"event-{n}" if rng.random() < 0.7 else "") for n in numbers]
        if short_of == "memory":
            for event in self._left[:MAX_LIST]:
                event.data["large"] = LARGE

    def calls(self):
        """Yield what to pass to ``send`` next, and take what it came to, until nothing is left to send."""
        while self._left:
            events, self._left = self._left[:MAX_LIST], self._left[MAX_LIST:]
            shape = self._rng.random()
            iterator = iter(events) if shape < 0.3 else None
            outcome = yield events[0] if len(events) == 1 else iterator or events
            if isinstance(outcome, MemoryError):  # before the first request: nothing was sent
                self.errors["no memory"] += 1
                self._left += events
            elif isinstance(outcome, inngest.SendEventsError):
                not_taken = list(iterator or ()) if len(events) > 1 else []
                self._left += not_taken
                self._take_error(events[: len(events) - len(not_taken)], outcome)
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

    def _shortage(self):
        kind, self._short_of = self._short_of, None
        return contextlib.nullcontext() if kind is None else shortage(kind, self._rng.randrange(SPARE))

    def send_sync(self, client):
        calls = self.calls()
        outcome = None
        while True:
            try:
                argument = calls.send(outcome)
            except StopIteration:
                return self
            try:
                with self._shortage():
                    outcome = client.send_sync(argument)
            except (inngest.SendEventsError, MemoryError) as error:
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
                with self._shortage():
                    outcome = await client.send(argument)
            except (inngest.SendEventsError, MemoryError) as error:
                outcome = error

    def report(self):
        return [sorted(self.accepted.items()), self.unknown, self.problems, self.errors]


class Run:
    """Sends ``events`` events from threads, tasks and forked processes with one client.

    ``ledger`` is what the callers were told, ``count`` how many events there were.
    """

    WAYS = ("_in_loop", "_here", "_here", "_in_child")

    def __init__(self, client, events, rng, clock=None):
        self.ledger = Ledger()
        self.count = 0
        self.shortages = Counter()
        self._client = client
        self._rng = rng
        self._clock = clock
        self._events = events
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

    def next_numbers(self):
        """Return the numbers of the events to send next, fewer each time at the end."""
        count = min(self._rng.randint(1, 200), self._events - self.count)
        return range(self.count, self.count + count)

    def _take(self):
        """Return what to do next: a way to send, the numbers of the events, and a random source."""
        with self._lock:
            if self._clock is not None:
                self._clock.jump(self._rng)
            numbers = self.next_numbers()
            self.count += len(numbers)
            return getattr(self, self._rng.choice(self.WAYS)), numbers, random.Random(self._rng.random())

    def _work(self):
        while True:
            way, numbers, rng = self._take()
            if not numbers:
                return
            way(rng, numbers)

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
        short_of = None if self._clock is None else rng.choice([None, *shortages()])
        self.shortages[short_of] += 1
        caller = Caller(rng, numbers, short_of)

        def send():
            # A thread that has no memory to start with is waited for by ``threading`` for ever.
            if short_of == "memory" or rng.random() < 0.5:
                caller.send_sync(self._client)
            else:
                asyncio.run(caller.send(self._client))
            return caller.report()

        self.ledger.add(*Child(send).result() or ([], [], ["a child died"], {}))


def compare(ledger, report, numbers):
    """Compare what the callers were told of the events of these numbers with a server's report.

    Return what does not agree, as lines, and how many events were lost, doubled, and told a wrong id.
    """
    problems = list(ledger.problems)
    number_of = {}
    ids_of = {}
    for internal_id, number in report["stored"]:
        if number_of.setdefault(internal_id, number) != number:
            problems.append(f"{internal_id} stands for two events")
        ids_of.setdefault(number, set()).add(internal_id)
    runs = Counter(report["runs"])
    counts = Counter(lost=0, doubled=0, wrong=0)
    for number in numbers:
        id = ledger.accepted.get(number)
        if id is None and number not in ledger.unknown:
            problems.append(f"nobody was told of event {number}")
        if id is not None and id not in ids_of.get(number, ()):
            problems.append(f"event {number} was said to be accepted as {id}, and is not stored so")
            counts["wrong" if number in ids_of else "lost"] += 1
        if runs[number] > 1:
            problems.append(f"event {number} was run {runs[number]} times")
            counts["doubled"] += 1
        if id is not None and not runs[number]:
            problems.append(f"event {number} was accepted and not run")
    return problems, counts


def run(events, seed):
    """Run the suite; return the table as text, and the problems found."""
    started = time.monotonic()
    retry = module("retry")
    logging.getLogger(module("client").__name__).addHandler(logging.NullHandler())
    clock = JumpingClock()
    with StandIn(seed) as server, mock.patch("time.time", clock):
        options = {"is_production": False, "event_api_base_url": server.url, "request_timeout": REQUEST_TIMEOUT}
        sending = Run(inngest.Inngest(app_id="faults", **options), events, random.Random(seed), clock)
        with mock.patch.object(retry, "BASE_DELAY", 0.001), mock.patch.object(retry, "MAX_JITTER", 0.001):
            ledger = sending()
    report = server.report
    problems, counts = compare(ledger, report, range(events))
    rows = [
        ("events", events),
        ("accepted", len(ledger.accepted)),
        ("not known to be accepted, and without an id", len(ledger.unknown)),
        ("stored, doubles included", len(report["stored"])),
        ("requests", len(report["seeds"])),
        ("retries", len(report["seeds"]) - len(set(report["seeds"]))),
    ]
    rows += [("fault: " + kind, count) for kind, count in sorted(report["faults"].items())]
    rows += [("fault: the clock jumped", clock.jumps)]
    rows += [(f"fault: no more {kind} in a child", sending.shortages[kind]) for kind in shortages()]
    rows += [("error: " + kind, count) for kind, count in sorted(ledger.errors.items())]
    rows += [("lost", counts["lost"]), ("doubled", counts["doubled"]), ("wrong ids", counts["wrong"])]
    rows += [("problems", len(problems)), ("seconds", round(time.monotonic() - started))]
    width = max(len(name) for name, _ in rows)
    return "\n".join(f"{name:{width}} {count:>9,}" for name, count in rows), problems


def main():
    parser = argparse.ArgumentParser(prog="python3 -m tests.faults", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--events", type=int, default=10000)
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--rate", type=float, help=argparse.SUPPRESS)
    parser.add_argument("--tls", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.serve:
        serve(arguments.seed, arguments.rate, arguments.tls)
        return 0
    print(f"seed {arguments.seed}")
    table, problems = run(arguments.events, arguments.seed)
    print(table)
    for problem in problems[:20]:
        print(problem)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
