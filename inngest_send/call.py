"""What is particular to one call: when it ends, what can cancel it, where it logs."""

from __future__ import annotations

import sys
from contextlib import suppress

from .runtime.clock import monotonic

TYPE_CHECKING = False
if TYPE_CHECKING:
    import logging
    from typing import Any, Optional

    from .http.cancellation import Cancellation


def default_logger() -> logging.Logger:
    """Return the logger ``inngest_send.client``, or as the package is called where it is vendored."""
    import logging

    return logging.getLogger(f"{__package__}.client")


class Call:
    """What is particular to one call: when it ends, what can cancel it, where it logs."""

    __slots__ = ("_logger", "cancellation", "deadline", "env", "timeout")

    def __init__(
        self, cancellation: Cancellation, began_at: float, timeout: Optional[float], env: Optional[str], logger: Any
    ) -> None:
        """``logger`` None is the default one. Its module takes a tenth of the start-up of a program that needs none."""
        self.cancellation = cancellation
        self.timeout = timeout  # seconds
        self.deadline = None if timeout is None else began_at + timeout  # by runtime.clock
        self.env = env
        self._logger = logger

    def debug(self, message: str, *args: object) -> None:
        """Log a success."""
        if self._logger is not None or "logging" in sys.modules:  # else nobody can have asked for it
            with suppress(Exception):  # the events are accepted, whatever a handler raises
                self._find_logger().debug(message, *args)

    def warning(self, message: str, *args: object) -> None:
        """Log a failure."""
        with suppress(Exception):  # of more use than that error is the next attempt
            self._find_logger().warning(message, *args)

    def _find_logger(self) -> Any:
        return default_logger() if self._logger is None else self._logger

    def time_left(self) -> float:
        """Return the seconds that are left, at most infinity."""
        return float("inf") if self.deadline is None else self.deadline - monotonic()
