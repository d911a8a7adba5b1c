"""Says what becomes of each line while a run goes on: ids or JSON on standard output, all else on standard error."""

from __future__ import annotations

import json
import os
import sys
import time

from .output import pluralize, print_error, write_stderr

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..errors import Error
    from .output import Output
    from .source import Source

_REFRESH = 0.2  # seconds between two states of the progress line


class Report:
    """Prints each result as it is known, in the order of the input."""

    def __init__(self, output: Output, sources: Sequence[Source], *, is_json: bool, is_quiet: bool) -> None:
        self._output = output
        self._is_json = is_json
        self._progress = None if is_quiet or not sys.stderr.isatty() else _Progress(sources)
        self._is_shared = sys.stdout.isatty()  # by results and progress: the one line is cleared for the other

    def accepted(self, source: Source, numbers: Sequence[int], ids: Sequence[str]) -> None:
        """Print the ids."""
        if not self._is_json:
            self._write("\n".join(ids))
            return
        for number, id in zip(numbers, ids):
            self._write(json.dumps({"file": source.name, "line": number, "accepted": True, "id": id}))

    def not_accepted(self, source: Source, number: int, error: Error) -> None:
        """Print a result object; as text, the error is printed once for all."""
        self._print_failure(source, number, str(error), bool(getattr(error, "maybe_delivered", False)))

    def bad_line(self, source: Source, number: int, problem: str) -> None:
        """Print the error, with where it is."""
        self._print_error(f"{source.where(number)}: {problem}", program=False)
        self._print_failure(source, number, problem, False)

    def problem(self, problem: str) -> None:
        """Print why the run stops."""
        self._print_error(problem)

    def waits(self, seconds: float) -> None:
        """Say what there is to wait for after a signal."""
        self._print_error(f"waiting up to {seconds:g} s for requests under way; a second signal gives them up")

    def writes(self, path: str, pipes: Sequence[Source], *, is_signalled: bool) -> None:
        """Say what there is to wait for when a run has stopped, if a signal came or a pipe may be silent."""
        text = f"writing what is left to {path}"
        if pipes:
            text = f"reading {', '.join(source.name for source in pipes)} to the end and {text}"
        if is_signalled:
            text += "; another signal stops that"
        if pipes or is_signalled:
            self._print_error(text)

    def moved(self, accepted: int) -> None:
        """Show how many events were accepted by now."""
        self._output.flush()
        if self._progress is not None:
            self._progress.show(accepted)

    def finish(self) -> None:
        """Hand on what was printed, and remove the progress line."""
        self._output.flush()
        self._clear()

    def _print_failure(self, source: Source, number: int, problem: str, maybe_delivered: bool) -> None:
        if self._is_json:
            result = {"file": source.name, "line": number, "accepted": False, "error": problem}
            self._write(json.dumps({**result, "maybe_delivered": maybe_delivered}))

    def _write(self, line: str) -> None:
        if self._is_shared:
            self._clear()
        self._output.write(line)

    def _print_error(self, text: str, program: bool = True) -> None:
        self.finish()
        print_error(text, program=program)

    def _clear(self) -> None:
        if self._progress is not None:
            self._progress.clear()


class _Progress:
    """A line on the terminal that is written over: events, rate, time left."""

    def __init__(self, sources: Sequence[Source]) -> None:
        self._sources = sources
        sizes = [source.size for source in sources]
        self._size = None if None in sizes else sum(size or 0 for size in sizes)
        self._began_at = time.monotonic()
        self._shown_at = 0.0
        self._width = 0

    def show(self, count: int) -> None:
        """Renew the line, unless it was just renewed."""
        now = time.monotonic()
        if now - self._shown_at < _REFRESH:
            return
        self._shown_at = now
        seconds = max(now - self._began_at, 1e-9)
        text = f"{pluralize(count, 'event')}, {count / seconds:,.0f} a second"
        done = sum(source.bytes_read for source in self._sources)
        if self._size and done:
            left = max(0.0, seconds * (self._size - done) / done)
            text += f", {100 * done // self._size} %, {left:.0f} s left"
        text = text[: _terminal_width() - 1]  # in the last column a cursor goes on to the next line
        write_stderr("\r" + text.ljust(self._width), end="")
        self._width = len(text)

    def clear(self) -> None:
        """Remove the line."""
        if self._width:
            write_stderr("\r" + " " * self._width + "\r", end="")
            self._width = 0


def _terminal_width() -> int:
    try:
        return os.get_terminal_size(sys.stderr.fileno()).columns or 80  # 0 where it was not told
    except OSError:
        return 80
