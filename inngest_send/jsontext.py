"""Writes plain JSON data as bytes, the way the official SDK does: compact, raw UTF-8."""

from __future__ import annotations

import json
import json.encoder

from .jsondata import TOO_DEEP
from .jsontypes import Refused

_encoder = json.JSONEncoder(ensure_ascii=False, check_circular=False, allow_nan=False, separators=(",", ":"))
_dumps = _encoder.encode


def encode(value: object) -> bytes:
    """Return plain data as JSON text. Raises Refused where the stack does not reach, or ``value`` is not plain."""
    try:
        return _dumps(value).encode()
    except RecursionError:
        problem = TOO_DEEP
    except (TypeError, ValueError, RuntimeError):  # it was plain when it was checked
        problem = "changed while it was being read"
    raise Refused(problem)
