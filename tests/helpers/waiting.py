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

from tests.helpers.library import TIME_LIMIT, module

_CLOCK = "clock_gettime" if hasattr(time, "clock_gettime") else "monotonic"  # what runtime.clock reads
_SLICE = 0.005  # seconds; how soon it is seen that a server has become silent


class SkippedWaits:
    """A context manager in which the library's clock stands still, and is put forward where a client waits in vain.

    A server's script says by ``peer.is_silent()`` that nothing more will come, or by ``peer.is_slow(seconds)`` how long
    a client waits for each piece. All else takes no time.
    """

    def __init__(self, server):
        self._server = server
        self._skipped = 0.0
        self._patches = contextlib.ExitStack()

    def __enter__(self):
        stream = module("http.stream")
        read_clock, self._poll = getattr(time, _CLOCK), stream._poll
        begin = module("runtime.clock").monotonic()

        def clock(*kind):  # on Windows it is not the library's alone, and goes on
            return (begin if kind else read_clock()) + self._skipped

        self._patches.enter_context(mock.patch.object(time, _CLOCK, clock))
        self._patches.enter_context(mock.patch.object(stream, "_poll", self._wait))
        return self

    def __exit__(self, *_):
        self._patches.close()

    def put_forward(self, seconds):
        """Let so much time pass."""
        self._skipped += seconds

    def _wait(self, sock, reading, writing, seconds):
        """Stand in for ``stream._poll``."""
        for _ in range(int(TIME_LIMIT / _SLICE)):
            delay = self._delay(sock)  # before the poll, which sees all that was sent before it was said
            ready = self._poll(sock, reading, writing, min(seconds, _SLICE))
            if any(ready) or not seconds:
                self.put_forward(min(seconds, delay) if delay < math.inf else 0.0)
                return ready
            if delay == math.inf:
                break
        self.put_forward(seconds)
        return ready

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
