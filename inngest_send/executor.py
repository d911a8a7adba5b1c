"""The threads of ``send``, which wait on the network for it.

A task is queued only when there is a thread that will run it, so that events reported as unsent for want of a thread do
not go out later. Threads are made as they are needed, and reused before another one is made. They are daemons, for
the interpreter waits for all others at its exit, however long a server is silent; instead an exit handler ends those
that are idle, and gives the busy ones a moment. What runs later in the exit may still send, where the version of Python
starts threads by then.

What the threads share is a queue, which does not know the executor: dropping the executor closes the queue, and that
ends the threads. concurrent.futures.ThreadPoolExecutor does none of this, and on Python 3.7 starts a thread for each
task up to its maximum.
"""

from __future__ import annotations

import atexit
import sys
import threading
import weakref
from collections import deque
from concurrent.futures import Executor, Future

from .runtime.clock import monotonic
from .runtime.process import current_process
from .runtime.signals import raise_if_from_signal_handler

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, Tuple

    Task = Tuple[Future[Any], Callable[..., Any], Tuple[Any, ...]]

JOIN_TIMEOUT = 1.0  # seconds; only a thread that looks up a host name takes longer to end


class SendExecutor(Executor):
    """Runs functions on up to ``max_workers`` daemon threads, made as they are needed."""

    def __init__(self, max_workers: int) -> None:
        self._max_workers = max_workers
        self._queue = _Queue()
        weakref.finalize(self, self._queue.close).atexit = False  # what comes later in the exit may still send
        _all.add(self)

    def submit(self, fn: Callable[..., Any], *args: Any) -> Future[Any]:  # type: ignore[override]
        """Return the future of ``fn(*args)``. Raises RuntimeError, and runs nothing, when no thread can be had."""
        task: Task = (Future(), fn, args)
        queue = self._queue
        with queue.changed:
            if queue.is_closed:
                raise RuntimeError("the client is closed")
            if queue.idle <= len(queue.tasks) and queue.working < self._max_workers:
                queue.start_thread()
            queue.changed.notify()
            queue.tasks.append(task)  # last, since what raises must have queued nothing
        return task[0]

    def shutdown(self, wait: bool = True, **_: Any) -> None:
        """End the threads when the queue is empty. ``wait``: until they have ended, or JOIN_TIMEOUT is over."""
        self._queue.close()
        if wait:
            self.join(monotonic() + JOIN_TIMEOUT)

    def end_idle_threads(self) -> None:
        """End the threads that have nothing to do, and from now on each that has nothing more to do."""
        self._queue.keep_none_idle()

    def join(self, deadline: float) -> None:
        """Wait for the threads to end, or until ``deadline`` by runtime.clock."""
        self._queue.join(deadline)


_all: weakref.WeakSet[SendExecutor] = weakref.WeakSet()


@atexit.register
def _end_all() -> None:
    # Python ends a sub-interpreter that still has a thread with a fatal error.
    executors = tuple(_all)
    for executor in executors:
        executor.end_idle_threads()
    deadline = monotonic() + JOIN_TIMEOUT
    for executor in executors:
        executor.join(deadline)


class _Queue:
    """What the threads share; they must not hold the executor, or it could not be dropped."""

    def __init__(self) -> None:
        self.changed = threading.Condition()  # its lock is reentrant: the executor may be dropped at any point
        self.tasks: deque[Task] = deque()
        self.working = 0  # threads that take tasks, or wait for them
        self.idle = 0
        self.is_closed = False
        self._threads: set[threading.Thread] = set()  # live ones; those that ended are dropped at the next start
        self._max_idle = sys.maxsize
        self._process = current_process()

    def start_thread(self) -> None:
        """Start one more thread, if that can be. Raises RuntimeError when there is none at all."""
        for is_daemon in (True, False):
            try:
                thread = threading.Thread(target=_work, args=(self,), name="inngest_send", daemon=is_daemon)
                thread.start()
            except RuntimeError as err:
                raise_if_from_signal_handler(err)
                if is_daemon and "daemon" in str(err):
                    self._max_idle = 0  # an isolated sub-interpreter allows none, and waits for all others at its end
                    continue
                self._max_idle = min(1, self._max_idle)  # the program needs what memory there is
                break
            self.working += 1
            self._threads = {thread, *(other for other in self._threads if other.is_alive())}
            return
        if not self.working:
            is_ending = not threading.main_thread().is_alive()
            raise RuntimeError("the interpreter is ending" if is_ending else "can't start new thread")

    def next(self) -> Task | None:
        """Return what the calling thread is to run; None when it is to end."""
        with self.changed:
            while not self.tasks:
                if self.is_closed or self.idle >= self._max_idle:
                    self.working -= 1
                    return None
                self.idle += 1
                try:
                    self.changed.wait()
                finally:
                    self.idle -= 1
            return self.tasks.popleft()

    def close(self) -> None:
        """Take no more; the threads end when nothing is left to run."""
        if self._process is not current_process():
            return  # in a forked child the threads are gone, and the lock may be held for ever
        with self.changed:
            self.is_closed = True
            self.changed.notify_all()

    def keep_none_idle(self) -> None:
        """From now on no thread waits for tasks."""
        if self._process is current_process():
            with self.changed:
                self._max_idle = 0
                self.changed.notify_all()

    def join(self, deadline: float) -> None:
        """Wait for the threads to end, but for the calling one."""
        if self._process is current_process():
            for thread in self._threads:
                if thread is not threading.current_thread():
                    thread.join(max(0.0, deadline - monotonic()))


def _work(queue: _Queue) -> None:
    while True:
        task = queue.next()
        if task is None:
            return
        _run(*task)
        del task  # an idle thread must keep nothing of the call alive


def _run(future: Future[Any], fn: Callable[..., Any], args: tuple[Any, ...]) -> None:
    try:
        if future.set_running_or_notify_cancel():
            future.set_result(fn(*args))
    except BaseException as err:  # noqa: BLE001  # whoever waits for the future gets it
        future.set_exception(err)
    finally:
        del future, fn, args  # break the reference cycle future > error > traceback > frame
