"""A server's own text, made fit for an error: on one line, not too long, the event key out of it.

A server may quote the path of the request, with the key in it, as it came, decoded, or escaped for the page or the
JSON document that quotes it. Each form that the whole key takes then is looked for.
"""

from __future__ import annotations

import json
import re
from urllib.parse import quote, quote_plus

TYPE_CHECKING = False
if TYPE_CHECKING:
    from re import Pattern

# RFC 3986 pchar: the server compares the key in the path raw, so that nothing else may be encoded.
KEY_SAFE = "-._~!$&'()*+,;=:@"

MAX_EXCERPT = 200  # characters of the server's own text in an error
_MAX_SCANNED = 100 * MAX_EXCERPT  # characters of it that are looked at, for a text may be 16 MiB of spaces

_MARKUP = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
_HTML = [  # how " and ' are escaped differs: nginx; Python and Django; Go and Jinja; Node; PHP; Go's templates
    str.maketrans({**_MARKUP, **more})
    for more in (
        {},
        {'"': "&quot;", "'": "&#x27;"},
        {'"': "&#34;", "'": "&#39;"},
        {'"': "&quot;", "'": "&#39;"},
        {'"': "&quot;", "'": "&#039;"},
        {'"': "&#34;", "'": "&#39;", "+": "&#43;"},
    )
]
_GO_JSON = str.maketrans({"&": "\\u0026", "<": "\\u003c", ">": "\\u003e"})


def excerpt(text: str, event_key: str | None) -> str:
    """Return a server's own text on one line, cut to 200 characters, the event key redacted in it."""
    key, longest = _key_pattern(event_key) if event_key else (None, 0)
    is_cut = len(text) > _MAX_SCANNED
    text = _redact(text[:_MAX_SCANNED], key)
    if is_cut and longest:
        text = text[:-longest]  # it may end in a part of the key
    text = "".join(character if character.isprintable() else " " for character in text)
    text = _redact(" ".join(text.split()), key)
    return text if len(text) <= MAX_EXCERPT else text[: MAX_EXCERPT - 3] + "..."


def _redact(text: str, key: Pattern[str] | None) -> str:
    return text if key is None else key.sub("***", text)


def _key_pattern(key: str) -> tuple[Pattern[str], int]:
    """Return a pattern for every form of the key, and the length of the longest."""
    forms = _escaped_forms(key)
    longest_first = sorted(forms, key=len, reverse=True)  # the start of a form may be another one
    return re.compile("|".join(map(re.escape, longest_first)), re.IGNORECASE), len(longest_first[0])


def _escaped_forms(key: str) -> set[str]:
    """Return the key as it is, percent-encoded, and each of those as HTML and JSON escape it."""
    forms = set()
    for form in (key, quote(key, safe=KEY_SAFE), quote(key, safe=""), quote_plus(key)):
        forms.add(form)
        forms.update(form.translate(table) for table in _HTML)
        for ascii_only in (True, False):
            in_json = json.dumps(form, ensure_ascii=ascii_only)[1:-1]
            forms.update((in_json, in_json.replace("/", "\\/"), in_json.translate(_GO_JSON)))
    return forms
