"""Tells this process from those that it was forked from, and keeps for each what only it can use.

A forked child has copies of its parent's sockets, and none of its threads. The process id does not tell the two apart
for good: where ids are few, as in containers, a child can get the id of a process that has ended. What does is an
object that each forked child replaces. The process id is compared too, for forks that Python is not told of.
"""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


class Process:
    """Stands for one process; compare with ``is``."""

    __slots__ = ("id",)

    def __init__(self) -> None:
        self.id = os.getpid()


def current_process() -> Process:
    """Return what stands for this process."""
    if _current.id != os.getpid():
        _renew()
    return _current


class PerProcess:
    """A value that each process makes for itself when it first asks.

    Without a lock, so that a fork finds none held: the operations of a dict are atomic.
    """

    __slots__ = ("_abandon", "_make", "_values")

    def __init__(self, make: Callable[[], Any], abandon: Callable[[Any], object] = lambda value: None) -> None:
        """``abandon`` is called in a forked child, with its copy of the parent's value."""
        self._make = make
        self._abandon = abandon
        self._values: dict[Process, Any] = {}

    def get(self) -> Any:
        """Return this process's value."""
        process = current_process()
        value = self._values.get(process)
        if value is None:
            value = self._values.setdefault(process, self._make())
            for other in list(self._values):
                if other is not process:
                    abandoned = self._values.pop(other, None)
                    if abandoned is not None:
                        self._abandon(abandoned)
        return value

    def pop(self) -> Any:
        """Forget this process's value, and return it; None where there is none."""
        return self._values.pop(current_process(), None)


def _renew() -> None:
    global _current
    _current = Process()


_current = Process()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew)
