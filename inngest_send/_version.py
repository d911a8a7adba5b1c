"""The version, in the one place where it is written. Imported first: what older Pythons cannot read comes after it."""

import sys

__version__ = "0.1.0"

if sys.version_info < (3, 7):  # noqa: UP036  # they come here all the same
    message = "{} needs Python 3.7 or newer; this is {}.{}.{}"
    raise ImportError(message.format(__name__.rpartition(".")[0], *sys.version_info))
