"""The clock of all deadlines.

Tests of other programs freeze ``time.monotonic`` (freezegun does), and a deadline that reads a frozen clock never
comes. They leave ``time.clock_gettime`` alone.
"""

from __future__ import annotations

import time

if hasattr(time, "clock_gettime"):

    def monotonic() -> float:
        """Return seconds that only ever grow, for deadlines."""
        return time.clock_gettime(time.CLOCK_MONOTONIC)

else:  # Windows: there a wait that ran its full length is taken to have timed out, whatever this says

    def monotonic() -> float:
        """Return seconds that only ever grow, for deadlines."""
        return time.monotonic()
