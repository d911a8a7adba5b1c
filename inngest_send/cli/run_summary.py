"""Says at the end of a run what came of it, and how to go on."""

from __future__ import annotations

import json

from .output import pluralize, write_stderr
from .resume_command import command_line
from .unsent import is_same_file

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from .bad_lines import BadLinesFile
    from .file_run import FileRun, Place
    from .output import Output
    from .source import Source
    from .unsent import UnsentFile


class Summary:
    """The counts of a run, and the commands that go on after it."""

    def __init__(
        self,
        run: FileRun,
        sources: Sequence[Source],
        arguments: argparse.Namespace,
        *,
        unsent: UnsentFile | None,
        bad: BadLinesFile | None,
    ) -> None:
        """``unsent``: where what is left to send was written. ``bad``: where the bad lines were."""
        self._run = run
        self._sources = sources
        self._arguments = arguments
        self._unsent = unsent
        self._bad = bad

    def print_json(self, output: Output) -> None:
        """Print the counts as one object."""
        resume = self._run.resume_at
        counts = {
            "accepted": self._run.accepted,
            "not_accepted": len(self._run.unsent),
            "bad_lines": self._run.bad_lines,
            "unsent": None if self._unsent is None else self._unsent.place,
            "resume": None if resume is None else {"file": resume[0].name, "line": resume[1]},
            "id_seed": self._arguments.id_seed,
        }
        output.write(json.dumps(counts))
        output.flush()

    def print_text(self, seconds: float) -> None:
        """Print the counts, and how to go on if anything is left to send."""
        run = self._run
        parts = [f"{pluralize(run.accepted, 'event')} accepted in {seconds:.1f} s"]
        is_left = run.resume_at is not None and self._unsent is None  # else the next line says how many are
        if is_left and run.unsent:
            parts.append(f"{len(run.unsent):,} read and not known to be accepted")
        if run.bad_lines:
            parts.append(pluralize(run.bad_lines, "bad line"))
            if self._bad is not None:
                count = "" if self._bad.lines == run.bad_lines else f"{self._bad.lines:,} of them "
                parts[-1] += f", {count}added to {self._bad.path}"
        if is_left and not run.has_read_all:
            parts.append("the input was not read to its end")
        write_stderr("; ".join(parts))
        if run.resume_at is None:
            return
        if self._unsent is not None:
            self._print_way_with_file(self._unsent)
        else:
            self._print_way(run.resume_at, [])
            if run.accepted_after and self._arguments.no_ids:
                count = pluralize(run.accepted_after, "event")
                write_stderr(f"{count} after that line accepted: sent again, they run again unless they have ids")

    def _print_way_with_file(self, file: UnsentFile) -> None:
        rests = [(source, source.position) for source in self._sources if source.is_unreadable]
        if self._run.written_to is not None:
            rests.append(self._run.written_to)
        if file.lines or not rests:
            steps = [f"{pluralize(file.lines, 'line')} left in {file.place}"]
            if self._run.bad_line_at is not None:
                steps.append(f"fix line {len(self._run.unsent) + 1:,} of it")
            self._print_step(steps, command_line(self._arguments, [file.place], has_rows=False))
        for place in rests:
            self._print_way(place, ["that is not all"] if file.lines else [])

    def _print_way(self, place: Place, steps: list[str]) -> None:
        """Print the command that goes on from a place of the input."""
        source, number = place
        if self._unsent is None and self._arguments.unsent is not None:
            # The file still holds what it held, so the next run must read it, too; ids keep that from running twice.
            for earlier in self._sources[: self._sources.index(source) + 1]:
                if is_same_file(earlier.path, self._arguments.unsent):
                    source, number = earlier, 1
        sources = self._sources[self._sources.index(source) :]
        if source.is_unreadable and self._unsent is not None:
            sources = [source]  # what comes after it is in the file
        if self._run.is_option_wrong and self._run.bad_line_at is None:
            steps.append("change the command as said above")
        steps += [f"see that {other.where(other.position)} can be read" for other in sources if other.is_unreadable]
        bad = self._run.bad_line_at
        if self._unsent is None and bad is not None:
            way_out = "change the option, or " if self._run.is_option_wrong else ""
            steps.append(f"{way_out}fix {bad[0].where(bad[1])} in place, do not delete it")
        pipes = ", ".join(source.name for source in sources if not source.is_file or source.path == "-")
        if pipes:
            steps.append(f"give {pipes} the same input again")
        self._print_step(steps, command_line(self._arguments, [source.path for source in sources], number))

    def _print_step(self, steps: list[str], command: str) -> None:
        if self._arguments.event_key_file == "-":
            steps = [*steps, "give <stdin> the event key again"]
        write_stderr("; ".join([*steps, "go on with:"]) + f"\n  {command}")
