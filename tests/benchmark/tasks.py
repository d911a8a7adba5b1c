"""What a worker times. Each task returns its wall and CPU time a unit of work, in seconds, and more where it says so.

Loaded by each interpreter that takes part, the official SDK's among them.
"""

import asyncio
import functools
import gc
import importlib
import json
import os
import tempfile
import threading
import time
import traceback

from tests.benchmark.contestants import HTTP_CLIENT, MAX_BATCH, OURS, PACKAGES, PEER, contestant
from tests.benchmark.events import DATA, NAME, data_of_25_values, data_of_size, small_data
from tests.helpers.library import module

LIST = 20  # events in a list


class Stopwatch:
    """Times what is done in a ``with`` statement, in ``count`` units. ``sample`` then holds the time of one."""

    def __init__(self, count):
        self._count = count

    def __enter__(self):
        gc.collect()  # else a round pays for the garbage of the one before
        self._wall, self._cpu = time.perf_counter(), time.process_time()
        return self

    def __exit__(self, *_):
        cpu, wall = time.process_time() - self._cpu, time.perf_counter() - self._wall
        self.sample = {"wall": wall / self._count, "cpu": cpu / self._count}


@functools.lru_cache(maxsize=None)
def _warm(name, url):
    """Return the one contestant that is kept from round to round, with an open connection."""
    it = contestant(name, url)
    it.send_one(NAME, small_data(0))
    return it


@functools.lru_cache(maxsize=None)
def _loop():
    """Return the one event loop: a client of the official SDK works in no other than its first."""
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    return loop


def one_by_one(name, url, count):
    """Send events one after another on a warm connection; the unit is a send."""
    it = _warm(name, url)
    with Stopwatch(count) as watch:
        for number in range(count):
            it.send_one(NAME, small_data(number))
    return watch.sample


def as_list(name, url, count):
    """Send one list on a warm connection, in as many requests as it needs; the unit is the list."""
    it = _warm(name, url)
    with Stopwatch(1) as watch:
        _send_list(it, count)
    return watch.sample


def in_lists(name, url, count, kind):
    """Make and send events with data of a ``kind`` in lists of LIST on a warm connection; the unit is an event."""
    it, data_of = _warm(name, url), DATA[kind]
    with Stopwatch(count) as watch:
        for first in range(0, count, LIST):
            it.send([it.event(name=NAME, data=data_of(number)) for number in range(first, first + LIST)])
    return watch.sample


def new_client(name, url, before, trusted):
    """Make a client and send one event, ``before`` others having done so; the unit is the client.

    ``trusted``: how many certificates the file of those that are trusted is to hold.
    """
    with open(os.environ["SSL_CERT_FILE"], "rb") as file:
        certificate = file.read()
    with tempfile.TemporaryDirectory() as folder:
        os.environ["SSL_CERT_FILE"] = os.path.join(folder, "trusted.pem")
        with open(os.environ["SSL_CERT_FILE"], "wb") as file:
            file.write(certificate * trusted)
        for _ in range(before):
            contestant(name, url).send_one(NAME, small_data(0))
        with Stopwatch(1) as watch:
            contestant(name, url).send_one(NAME, small_data(0))
    return watch.sample


def of_size(name, url, size):
    """Send one event of so many bytes on a warm connection; the unit is the event."""
    it = _warm(name, url)
    data = data_of_size(size)
    with Stopwatch(1) as watch:
        it.send_one(NAME, data)
    return watch.sample


def bulk(name, url, count, form):
    """Make and send events as one ``form``, "list" or "generator"; the unit is an event."""
    it = contestant(name, url)
    with Stopwatch(count) as watch:
        if form == "generator":
            accepted = len(it.send(it.event(name=NAME, data=small_data(number)) for number in range(count)))
        else:
            accepted = _send_list(it, count)
    it.close()
    assert accepted == count, accepted
    return watch.sample


def _send_list(it, count):
    """Make and send a list, the caller cutting it unless the contestant does; return how many were accepted."""
    events = [it.event(name=NAME, data=small_data(number)) for number in range(count)]
    size = count if getattr(it, "name", None) == OURS else MAX_BATCH
    return sum(len(it.send(events[at : at + size])) for at in range(0, count, size))


def gathered(name, url, count, is_warm=True):
    """Send events all at once from one event loop; the unit is a send."""
    it, loop = _asynchronous(name, url), _loop()

    async def gather():
        sends = [it.send_async(it.event(name=NAME, data=small_data(number))) for number in range(count)]
        return sum(map(len, await asyncio.gather(*sends)))

    if is_warm and not it.is_warm:
        loop.run_until_complete(gather())
        it.is_warm = True
    elif not is_warm:
        it.close()
        it.renew()
        it.is_warm = False
    with Stopwatch(count) as watch:
        accepted = loop.run_until_complete(gather())
    assert accepted == count, accepted
    return watch.sample


@functools.lru_cache(maxsize=None)
def _asynchronous(name, url):
    it = contestant(name, url)
    it.is_warm = False
    return it


def threads(name, url, count, sends):
    """Send events one after another from each of ``count`` threads; the unit is a send."""
    its = _warm_for_threads(name, url, count)
    failures = []

    def send(it):
        try:
            for number in range(sends):
                it.send_one(NAME, small_data(number))
        except Exception as error:
            failures.append(error)

    workers = [threading.Thread(target=send, args=(it,)) for it in its]
    with Stopwatch(count * sends) as watch:
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
    if failures:
        raise failures[0]
    return watch.sample


@functools.lru_cache(maxsize=None)
def _warm_for_threads(name, url, count):
    """Return a contestant for each thread: the one that there is, where threads can share it."""
    if name != HTTP_CLIENT:
        return [_warm(name, url)] * count
    its = [contestant(name, url) for _ in range(count)]
    for it in its:
        it.send_one(NAME, small_data(0))
    return its


def make(name, count):
    """Make events with 25 values, which validates them; the unit is an event."""
    event, data = _event_of(name), data_of_25_values()
    with Stopwatch(count) as watch:
        for _ in range(count):
            event(name=NAME, data=data)
    return watch.sample


def make_and_encode(name, count):
    """Make events with 25 values, and from them what goes out; the unit is an event."""
    event, encode, data = _event_of(name), _ENCODERS.get(name, _encode_dict), data_of_25_values()
    with Stopwatch(count) as watch:
        for _ in range(count):
            encode(event(name=NAME, data=data))
    return watch.sample


def _event_of(name):
    return contestant(name, "http://127.0.0.1:9/").event  # never connected to


def _encode_ours(event):
    encoding = module("serialization.encoding")
    return module("event").encode_event(event, encoding.encode, encoding.encode_again)


def _encode_peer(event):
    """Do what the official SDK's send does, and httpx with what it hands over."""
    document = event.to_dict()
    if document["id"] == "":
        del document["id"]
    if document["ts"] == 0:
        document["ts"] = int(time.time() * 1000)
    return json.dumps(document, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()


def _encode_dict(event):
    return json.dumps(event).encode()


_ENCODERS = {OURS: _encode_ours, PEER: _encode_peer}

def in_children(name, child_task, counts, **arguments):
    """Run another task in a forked child for each of ``counts``. The sample holds their ``pids``."""
    if name in PACKAGES:
        importlib.import_module(PACKAGES[name])  # once, and not in each of them
    pids = []
    for count in counts:
        pids.append(os.fork())
        if pids[-1] == 0:
            try:
                TASKS[child_task](name=name, count=count, **arguments)
                os._exit(0)
            finally:
                traceback.print_exc()
                os._exit(1)
        if os.waitpid(pids[-1], 0)[1]:
            raise RuntimeError(f"the task {child_task} failed in a child; what it raised is above")
    return {"pids": pids}


TASKS = {
    task.__name__: task
    for task in (
        one_by_one,
        as_list,
        in_lists,
        new_client,
        of_size,
        bulk,
        gathered,
        threads,
        make,
        make_and_encode,
        in_children,
    )
}
