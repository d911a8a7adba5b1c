"""What the commands exit with."""

from __future__ import annotations

ACCEPTED, NOT_ACCEPTED, BAD_INPUT, SKIPPED = 0, 1, 2, 3
SIGNALLED = 128  # plus the signal's number
