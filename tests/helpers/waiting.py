"""Tests that wait: time that passes at once, and cases that wait beside each other.

No test sleeps to let something happen, and none judges by a clock how long something took. What must end in time either
ends of itself, or is put an end to by a clock that a test puts forward: then the time limits can be as long as they are
in a program, and a busy machine is none too slow for them.
"""

import contextlib
import math
import time
from concurrent.futures import ThreadPoolExecutor
from unittest import mock

from tests.helpers.library import module

_CLOCK = "clock_gettime" if hasattr(time, "clock_gettime") else "monotonic"  # what runtime.clock reads
_SLICE = 0.005  # seconds; how soon it is seen that a server has become silent


class SkippedWaits:
    """A context manager in which nobody waits for a silent or slow server: the library's clock is put forward instead.

    A server's script says by ``peer.is_silent()`` that nothing more will come, or by ``peer.is_slow(seconds)`` how long
    a client waits for each piece. ``skipped`` is by how many seconds the clock was put forward.
    """

    def __init__(self, server):
        self.skipped = 0.0
        self._server = server
        self._patches = contextlib.ExitStack()

    def __enter__(self):
        stream = module("http.stream")
        read_clock, poll = getattr(time, _CLOCK), stream._poll

        def clock(*kind):
            return read_clock(*kind) + self.skipped

        def wait(sock, reading, writing, seconds):
            while True:
                delay = self._delay(sock)  # before the poll, which sees all that was sent before it was said
                ready = poll(sock, reading, writing, min(seconds, _SLICE))
                if any(ready):
                    self.skipped += min(seconds, delay) if delay < math.inf else 0.0
                    return ready
                if delay == math.inf or seconds <= _SLICE:
                    self.skipped += seconds if delay == math.inf else 0.0
                    return ready
                seconds -= _SLICE

        self._patches.enter_context(mock.patch.object(time, _CLOCK, clock))
        self._patches.enter_context(mock.patch.object(stream, "_poll", wait))
        return self

    def __exit__(self, *_):
        self._patches.close()

    def _delay(self, sock):
        try:
            return self._server.delays.get(sock.getsockname()[1], 0.0)
        except OSError:  # it has no name any more once the server has reset it
            return 0.0


def side_by_side(test, check, cases):
    """Call ``check(*arguments)`` for each case, by name, on up to eight threads; return the results.

    For cases that wait. Each is a subtest of ``test``.
    """
    with ThreadPoolExecutor(min(len(cases), 8)) as executor:
        futures = {name: executor.submit(check, *arguments) for name, arguments in cases.items()}
    results = {}
    for name, future in futures.items():
        with test.subTest(name):
            results[name] = future.result()
    return results
