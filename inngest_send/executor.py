"""A thread pool for sends that wait on the network.

Unlike concurrent.futures.ThreadPoolExecutor it reuses idle threads on Python 3.7 too, queues nothing when no thread
can run it, is not waited for when the interpreter exits, and ends its threads when it is dropped.
"""

from __future__ import annotations

import os
import threading
import time
from collections import deque
from concurrent.futures import Executor, Future

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, Deque, List, Optional, Tuple

    Task = Tuple[Future[Any], Callable[..., Any], Tuple[Any, ...]]

JOIN_TIMEOUT = 1.0  # seconds; only a thread that looks up a host name takes longer to end


class SendExecutor(Executor):
    """Runs functions on up to ``max_workers`` daemon threads, made as they are needed."""

    def __init__(self, max_workers: int) -> None:
        self._max_workers = max_workers
        self._process = os.getpid()
        self._queue = _Queue()
        self._threads: List[threading.Thread] = []

    def __del__(self) -> None:
        self.shutdown(wait=False)

    def submit(self, fn: Callable[..., Any], *args: Any) -> Future[Any]:  # type: ignore[override]
        """Return the future of ``fn(*args)``. Raises RuntimeError, and runs nothing, when no thread can be had."""
        task: Task = (Future(), fn, args)
        queue = self._queue
        with queue.changed:
            if queue.is_closed:
                raise RuntimeError("the client is closed")
            if queue.idle <= len(queue.tasks) and len(self._threads) < self._max_workers:
                thread = threading.Thread(target=_work, args=(queue,), name="inngest_send", daemon=True)
                try:
                    thread.start()
                    self._threads.append(thread)
                except RuntimeError:  # "can't start new thread"
                    if not self._threads:
                        raise
            queue.tasks.append(task)
            queue.changed.notify()
        return task[0]

    def shutdown(self, wait: bool = True, **_: Any) -> None:
        """End the threads when the queue is empty. ``wait``: until they have ended, or JOIN_TIMEOUT is over."""
        if self._process != os.getpid():
            return  # in a forked child the threads are gone, and a lock may be held for ever
        with self._queue.changed:
            self._queue.is_closed = True
            self._queue.changed.notify_all()
        if wait:
            deadline = time.monotonic() + JOIN_TIMEOUT
            for thread in self._threads:
                if thread is not threading.current_thread():
                    thread.join(max(0.0, deadline - time.monotonic()))


class _Queue:
    """What the threads share; they must not hold the executor, or it could not be dropped."""

    def __init__(self) -> None:
        self.changed = threading.Condition()  # its lock is reentrant: the executor may be dropped at any point
        self.tasks: Deque[Task] = deque()
        self.idle = 0
        self.is_closed = False

    def next(self) -> Optional[Task]:
        with self.changed:
            while not self.tasks:
                if self.is_closed:
                    return None
                self.idle += 1
                try:
                    self.changed.wait()
                finally:
                    self.idle -= 1
            return self.tasks.popleft()


def _work(queue: _Queue) -> None:
    while True:
        task = queue.next()
        if task is None:
            return
        _run(*task)
        del task  # an idle thread must keep nothing of the call alive


def _run(future: Future[Any], fn: Callable[..., Any], args: Tuple[Any, ...]) -> None:
    try:
        if future.set_running_or_notify_cancel():
            future.set_result(fn(*args))
    except BaseException as err:  # noqa: BLE001  # whoever waits for the future gets it
        future.set_exception(err)
    finally:
        del future, fn, args  # else the traceback of the error and the future would hold each other
