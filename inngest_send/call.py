"""What is particular to one call: when it ends, what can cancel it, where it logs."""

from __future__ import annotations

import sys

from .runtime.clock import monotonic
from .runtime.signals import raise_if_from_signal_handler

TYPE_CHECKING = False
if TYPE_CHECKING:
    import logging
    from typing import Any

    from .http.cancellation import Cancellation


def default_logger() -> logging.Logger:
    """Return the logger ``inngest_send.client``, or as the package is called where it is vendored."""
    import logging

    package = logging.getLogger(__package__)
    if not package.handlers:
        package.addHandler(logging.NullHandler())  # else a retry of a program without logging would print a line
    return logging.getLogger(f"{__package__}.client")


class Call:
    """What is particular to one call: when it ends, what can cancel it, where it logs.

    What a logger raises is dropped, but for what a signal handler raised meanwhile: of more use are the events. By the
    end of the interpreter that may be an ImportError.
    """

    __slots__ = ("_logger", "cancellation", "deadline", "env", "timeout", "timeout_hint")

    def __init__(
        self,
        cancellation: Cancellation,
        began_at: float,
        timeout: float | None,
        timeout_hint: str,
        env: str | None,
        logger: Any,
    ) -> None:
        """``logger`` None is the default one. Its module takes a tenth of the start-up of a program that needs none."""
        self.cancellation = cancellation
        self.timeout = timeout  # seconds
        self.timeout_hint = timeout_hint  # what an error adds that this timeout caused
        self.deadline = None if timeout is None else began_at + timeout  # by runtime.clock
        self.env = env
        self._logger = logger

    def debug(self, message: str) -> None:
        """Log a success."""
        if self._logger is not None or "logging" in (sys.modules or ()):  # else nobody can have asked for it
            self._log("debug", message)

    def warning(self, message: str) -> None:
        """Log what nothing else tells unless the call fails in the end."""
        self._log("warning", message)

    def report(self, message: str) -> None:
        """Log what nothing else tells: where no logging is configured it goes to standard error."""
        self._log("warning", message)
        try:
            if self._logger is None and not _is_configured(default_logger()):
                _write_to_stderr(message)
        except Exception as err:  # noqa: BLE001  # see above
            raise_if_from_signal_handler(err)

    def _log(self, level: str, message: str) -> None:
        try:
            logger = default_logger() if self._logger is None else self._logger
            getattr(logger, level)(message)  # a whole text: not every logger knows the % of the standard library's
        except Exception as err:  # noqa: BLE001  # see above
            raise_if_from_signal_handler(err)

    def time_left(self) -> float:
        """Return the seconds that are left, at most infinity."""
        return float("inf") if self.deadline is None else self.deadline - monotonic()


def _is_configured(logger: logging.Logger) -> bool:
    import logging

    current: logging.Logger | None = logger
    while current is not None:
        if any(not isinstance(handler, logging.NullHandler) for handler in current.handlers):
            return True
        current = current.parent if current.propagate else None
    return False


def _write_to_stderr(message: str) -> None:
    import logging

    if logging.lastResort is not None:  # what would have shown it, had the package's logger no handler
        logging.lastResort.handle(logging.makeLogRecord({"msg": message, "levelno": logging.WARNING}))
