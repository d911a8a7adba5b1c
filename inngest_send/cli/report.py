"""Tells of a bulk run: ids or JSON on standard output, all else on standard error."""

from __future__ import annotations

import json
import shlex
import sys
import time

from .file_run import Listener
from .output import Output, pluralize, print_error, write_stderr

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, List, Optional, Sequence

    from ..errors import Error
    from .file_run import FileRun, Place
    from .source import Source

_REFRESH = 0.2  # seconds between two states of the progress line


class Report(Listener):
    """Prints each result as it is known, in the order of the input."""

    def __init__(self, output: Output, sources: Sequence[Source], *, is_json: bool, is_alive: bool) -> None:
        self._output = output
        self._sources = sources
        self._is_json = is_json
        self._is_quiet = is_alive
        self._progress = None if is_alive or not sys.stderr.isatty() else _Progress(sources)
        self._is_shared = sys.stdout.isatty()  # by results and progress: the one line is cleared for the other

    def accepted(self, source: Source, numbers: Sequence[int], ids: Sequence[str]) -> None:
        """Print the ids."""
        if not self._is_json:
            self._write("\n".join(ids))
            return
        for number, id in zip(numbers, ids):
            self._print_json(file=source.name, line=number, accepted=True, id=id)

    def not_accepted(self, source: Source, number: int, error: Error) -> None:
        """Print a result object; as text, the error is printed once for all."""
        if self._is_json:
            maybe = bool(getattr(error, "maybe_delivered", False))
            self._print_json(file=source.name, line=number, accepted=False, error=str(error), maybe_delivered=maybe)

    def bad_line(self, source: Source, number: int, problem: str) -> None:
        """Print the error, with where it is."""
        self._complain(f"{source.where(number)}: {problem}", program=False)
        if self._is_json:
            self._print_json(file=source.name, line=number, accepted=False, error=problem, maybe_delivered=False)

    def problem(self, problem: str) -> None:
        """Print the error."""
        self._complain(problem)

    def draining(self, source: Source) -> None:
        """Say what there is to wait for."""
        self._complain(f"reading {source.name} to its end; a second signal stops that")

    def moved(self, bulk: FileRun) -> None:
        """Renew the progress line."""
        self._output.flush()
        if self._progress is not None:
            self._progress.show(bulk.accepted)

    def summarize(self, bulk: FileRun, *, seconds: float, unsent: Optional[str], rest: Optional[int]) -> None:
        """Print what came of the run; ``rest`` lines were written to the file ``unsent``, if that is not None."""
        resume = bulk.resume_at
        if self._is_json:
            self._print_json(
                accepted=bulk.accepted,
                not_accepted=len(bulk.left),
                bad_lines=bulk.bad_lines,
                unsent=unsent if rest is not None else None,
                resume=None if resume is None else {"file": resume[0].name, "line": resume[1]},
            )
        self._output.flush()
        self._clear()
        if self._is_quiet and resume is None:
            return
        parts = [f"{pluralize(bulk.accepted, 'event')} accepted in {seconds:.1f} s"]
        if bulk.left:
            parts.append(f"{len(bulk.left):,} not known to be accepted")
        if bulk.bad_lines:
            parts.append(pluralize(bulk.bad_lines, "bad line"))
        write_stderr("; ".join(parts))
        if resume is None:
            return
        if unsent is not None and rest is not None:
            rests = [f"--file {shlex.quote(source.path)} --resume-from {number}" for source, number in bulk.unreadable]
            if bulk.drained_to is not None:
                rests.append(self._from(bulk.drained_to))
            if rest or not rests:
                write_stderr(f"{pluralize(rest, 'line')} left; go on with --file {shlex.quote(unsent)}")
            for options in rests:
                write_stderr(f"{'that is not all; go on after it' if rest else 'go on'} with {options}")
            return
        write_stderr(f"go on with {self._from(resume)}")
        if bulk.accepted_after:
            write_stderr(
                f"{pluralize(bulk.accepted_after, 'event')} after that line accepted: sent again, they run again "
                "unless they have ids of their own (see --unsent and --stable-ids)"
            )

    def _from(self, place: Place) -> str:
        """Return the options with which a run would begin there."""
        paths = [shlex.quote(source.path) for source in self._sources[self._sources.index(place[0]) :]]
        return f"--file {' --file '.join(paths)} --resume-from {place[1]}"

    def _print_json(self, **fields: Any) -> None:
        self._write(json.dumps(fields))

    def _write(self, line: str) -> None:
        if self._is_shared:
            self._clear()
        self._output.write(line)

    def _complain(self, text: str, program: bool = True) -> None:
        self._output.flush()
        self._clear()
        print_error(text, program=program)

    def _clear(self) -> None:
        if self._progress is not None:
            self._progress.clear()


class _Progress:
    """A line on the terminal that is written over: events, rate, time left."""

    def __init__(self, sources: Sequence[Source]) -> None:
        self._sources = sources
        sizes: List[Optional[int]] = [source.size for source in sources]
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
        text = f"{count:,} events, {count / seconds:,.0f} a second"
        done = sum(source.bytes_read for source in self._sources)
        if self._size and done:
            left = max(0.0, seconds * (self._size - done) / done)
            text += f", {100 * done // self._size} %, {left:.0f} s left"
        write_stderr("\r" + text.ljust(self._width), end="")
        self._width = len(text)

    def clear(self) -> None:
        """Remove the line."""
        if self._width:
            write_stderr("\r" + " " * self._width + "\r", end="")
            self._width = 0
