"""Says at the end of a run what came of it, and how to go on."""

from __future__ import annotations

import json
import shlex

from .output import pluralize, write_stderr

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from .file_run import FileRun, Place
    from .output import Output
    from .source import Source
    from .unsent import UnsentFile


class Summary:
    """The counts of a run, and the options of the run that goes on after it."""

    def __init__(self, run: FileRun, sources: Sequence[Source], file: UnsentFile | None) -> None:
        """``file``: where what is left to send was written."""
        self._run = run
        self._sources = sources
        self._file = file

    def print_json(self, output: Output) -> None:
        """Print the counts as one object."""
        resume = self._run.resume_at
        counts = {
            "accepted": self._run.accepted,
            "not_accepted": len(self._run.unsent),
            "bad_lines": self._run.bad_lines,
            "unsent": None if self._file is None else self._file.path,
            "resume": None if resume is None else {"file": resume[0].name, "line": resume[1]},
        }
        output.write(json.dumps(counts))
        output.flush()

    def print_text(self, seconds: float) -> None:
        """Print the counts, and how to go on if anything is left to send."""
        run = self._run
        parts = [f"{pluralize(run.accepted, 'event')} accepted in {seconds:.1f} s"]
        if run.unsent:
            parts.append(f"{len(run.unsent):,} not known to be accepted")
        if run.bad_lines:
            parts.append(pluralize(run.bad_lines, "bad line"))
        write_stderr("; ".join(parts))
        if run.resume_at is not None:
            if self._file is not None:
                self._print_way_with_file(self._file)
            else:
                self._print_way_without_file(run.resume_at)

    def _print_way_with_file(self, file: UnsentFile) -> None:
        rests = [
            f"--file {shlex.quote(source.path)} --resume-from {source.position}"
            for source in self._sources
            if source.is_unreadable
        ]
        if self._run.written_to is not None:
            rests.append(self._options_from(self._run.written_to))
        if file.lines or not rests:
            write_stderr(f"{pluralize(file.lines, 'line')} left; go on with --file {shlex.quote(file.path)}")
        for options in rests:
            write_stderr(f"{'that is not all; go on after it' if file.lines else 'go on'} with {options}")

    def _print_way_without_file(self, place: Place) -> None:
        write_stderr(f"go on with {self._options_from(place)}")
        if self._run.accepted_after:
            write_stderr(
                f"{pluralize(self._run.accepted_after, 'event')} after that line accepted: sent again, they run again "
                "unless they have ids of their own (see --unsent and --stable-ids)"
            )

    def _options_from(self, place: Place) -> str:
        """Return the options with which a run would begin there."""
        paths = [shlex.quote(source.path) for source in self._sources[self._sources.index(place[0]) :]]
        return f"--file {' --file '.join(paths)} --resume-from {place[1]}"
