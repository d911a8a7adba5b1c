"""Signals that strike at a chosen moment."""

import os
import signal
import threading


class Strike:
    """Raises ``error`` in the main thread when it is called, from any thread, through a signal handler; once."""

    def __init__(self, error):
        self.error = error
        self.has_struck = threading.Event()
        self._previous = signal.signal(signal.SIGUSR1, self._handle)

    def _handle(self, number, frame):
        if not self.has_struck.is_set():
            self.has_struck.set()
            raise self.error

    def __call__(self, *_):
        if threading.current_thread() is threading.main_thread():
            os.kill(os.getpid(), signal.SIGUSR1)
            return
        while not self.has_struck.wait(0.02):  # one that comes just before a system call does not end that call
            signal.pthread_kill(threading.main_thread().ident, signal.SIGUSR1)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        signal.signal(signal.SIGUSR1, self._previous)
