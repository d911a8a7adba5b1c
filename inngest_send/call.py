"""The logger of clients that were given none."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    import logging


def default_logger() -> logging.Logger:
    """Return the logger ``inngest_send.client``, or as the package is called where it is vendored."""
    import logging

    return logging.getLogger(f"{__package__}.client")
