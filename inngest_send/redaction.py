"""A server's own text, made fit for an error: on one line, not too long, the event key out of it."""

from __future__ import annotations

import re

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Optional

MAX_QUOTE = 200  # characters of the server's own text in an error


def excerpt(text: str, event_key: Optional[str]) -> str:
    """Return a server's own text on one line, cut to 200 characters, the event key redacted in it."""
    text = _redacted(text, event_key)
    text = "".join(character if character.isprintable() else " " for character in text[: 100 * MAX_QUOTE])
    text = _redacted(" ".join(text.split()), event_key)
    return text if len(text) <= MAX_QUOTE else text[: MAX_QUOTE - 3] + "..."


def _redacted(text: str, event_key: Optional[str]) -> str:
    if not event_key:
        return text
    return re.sub("".join(_escaped_forms(character) for character in event_key), "***", text, flags=re.IGNORECASE)


def _escaped_forms(character: str) -> str:
    """Return a pattern for a character as it is, or as URLs, HTML or JSON escape it."""
    from html import escape  # which takes longer to load than all of this package's modules that a send needs

    utf16 = character.encode("utf-16-be").hex()
    forms = [  # the character itself last: it may begin another form
        "".join(f"%{byte:02x}" for byte in character.encode()),
        "".join(rf"\\u{utf16[at : at + 4]}" for at in range(0, len(utf16), 4)),
        rf"&#(?:0*{ord(character)}|x0*{ord(character):x});",
        re.escape(escape(character)),
        re.escape(character),
    ]
    if character == " ":
        forms.append(r"\+")
    elif character in '"\\/':
        forms.insert(0, re.escape(f"\\{character}"))
    # Each once: where only a part of the key is there, two ways to match a character are tried in all combinations.
    return f"(?:{'|'.join(dict.fromkeys(forms))})"
