"""Ctrl-C, SIGTERM and a lost terminal during a run over files."""

from __future__ import annotations

import signal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

_NUMBERS = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]


class Signals:
    """While it is entered, counts the signals that end a program, and calls ``on_signal`` for each.

    Those that are ignored stay so: nohup ignores SIGHUP, and a script's shell SIGINT for what runs in the background.

    ``first`` is the number of the first of them, None before it.
    """

    def __init__(self, on_signal: Callable[[], None]) -> None:
        self.count = 0
        self.first: int | None = None
        self._on_signal = on_signal
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Signals:
        for number in _NUMBERS:
            if signal.getsignal(number) != signal.SIG_IGN:
                self._before[number] = signal.signal(number, self._take)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _take(self, number: int, frame: object) -> None:
        self.count += 1
        self.first = self.first or number
        self._on_signal()
