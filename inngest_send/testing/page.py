"""The page of the stand-in: what came, for people. It loads nothing from elsewhere, and needs no JavaScript.

With JavaScript it asks for itself again each second, and takes over what is new: what was unfolded stays unfolded. All
text is escaped, and no script but the one below is allowed to run.
"""

from __future__ import annotations

import base64
import hashlib
import html
import itertools
import time

from .gojson import json_pieces
from .response import HTML, Response
from .store import format_time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .store import Refusal, Store, StoredEvent

SHOWN = 100  # of the newest events, and of the newest refusals
MAX_DATA = 10000  # characters of one event's data; ``/v1/events/ID`` has all of it
MAX_TEXT = 1000  # characters of a name, an id, a reason

_STYLE = """
:root { color-scheme: light dark; --text: #1c1e21; --faint: #63676e; --line: #e3e5e8; --back: #f6f7f8; --card: #fff;
  --name: #2c5fd5; --bad: #b3261e }
@media (prefers-color-scheme: dark) { :root { --text: #e6e7e9; --faint: #9a9fa8; --line: #30343a; --back: #131518;
  --card: #1b1e22; --name: #8ab0ff; --bad: #ff8a80 } }
body { margin: 0 auto; max-width: 60rem; padding: 1.5rem 1rem 4rem; background: var(--back); color: var(--text);
  font: 16px/1.5 system-ui, sans-serif; overflow-wrap: anywhere }
h1 { margin: 0; font-size: 1.375rem }
h2 { margin: 2rem 0 .5rem; font-size: 1rem }
p { margin: .25rem 0 0; color: var(--faint) }
a { color: var(--name) }
ol { padding: 0; list-style: none; background: var(--card); border: 1px solid var(--line); border-radius: .5rem }
ol:empty::before { content: attr(data-empty); display: block; padding: .5rem 1rem; color: var(--faint) }
li + li { border-top: 1px solid var(--line) }
summary, .refusal { display: flex; flex-wrap: wrap; align-items: baseline; gap: 0 .75rem; padding: .5rem 1rem }
summary { padding-left: 2.25rem; cursor: pointer }
summary::before { content: "\\25b8"; width: .5rem; margin-left: -1.25rem; color: var(--faint) }
[open] > summary::before { content: "\\25be" }
b { flex: 1 1 12rem; font-weight: 400 }
summary b { color: var(--name); font-weight: 600 }
i { color: var(--bad); font-style: normal; font-weight: 600 }
time, code, pre { font: .8125rem/1.6 ui-monospace, monospace }
time, code { color: var(--faint) }
details p, pre { margin: 0; padding: 0 1rem .5rem 2.25rem; white-space: pre-wrap }
details p { font-size: .875rem }
"""

_SCRIPT = """
"use strict";
async function update() {
  const response = await fetch("/", {cache: "no-store"});
  const fresh = new DOMParser().parseFromString(await response.text(), "text/html");
  for (const id of ["event-count", "refusal-count"])
    document.getElementById(id).textContent = fresh.getElementById(id).textContent;
  for (const list of document.querySelectorAll("ol")) {
    const items = [...fresh.getElementById(list.id).children];
    const ids = new Set(items.map(item => item.id));
    for (const item of [...list.children]) if (!ids.has(item.id) && !item.querySelector("[open]")) item.remove();
    let next = list.firstElementChild;
    for (const item of items) {
      if (next && next.id === item.id) next = next.nextElementSibling;
      else list.insertBefore(item, next);
    }
  }
}
async function follow() {
  let state = "live";
  if (!document.hidden) await update().catch(() => { state = "the server does not answer"; });
  document.getElementById("state").textContent = state;
  setTimeout(follow, 1000);
}
follow();
"""


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


_HEADERS = {
    **HTML,
    "Cache-Control": "no-store",
    "Content-Security-Policy": f"default-src 'none'; style-src {_hash(_STYLE)}; script-src {_hash(_SCRIPT)}; "
    "connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


def respond(store: Store, host: str | None) -> Response:
    """Return the page; ``host`` is the name that its reader knows the server by."""
    with store.changed:
        count, refusal_count = store.count, store.refusal_count
        events = list(itertools.islice(reversed(store.events), SHOWN))
        refusals = list(itertools.islice(reversed(store.refusals), SHOWN))
    hint = f"""Nothing yet. Try: curl -d '{{"name":"app/test"}}' {host or "HOST"}/e/KEY"""
    text = f"""<!DOCTYPE html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Stand-in Event API</title>
<link rel="icon" href="data:,">
<style>{_STYLE}</style>
<h1>Stand-in Event API</h1>
<p><span id="event-count">{_counted(count, "event")} received</span> &middot;
<a id="refusal-count" href="#refusals">{_counted(refusal_count, "request")} refused</a> &middot;
<span id="state">reload to see what comes</span></p>
<h2>Newest events</h2>
<ol id="events" data-empty="{html.escape(hint)}">{"".join(map(_event, itertools.count(count, -1), events))}</ol>
<h2>Newest refusals</h2>
<ol id="refusals" data-empty="None.">{"".join(map(_refusal, itertools.count(refusal_count, -1), refusals))}</ol>
<script>{_SCRIPT}</script>
</html>
"""
    return Response(200, _HEADERS, text.encode())


def _event(number: int, event: StoredEvent) -> str:
    """Return an event as an item, whose id has its number too: one that came twice is two items."""
    pieces, length = [], 0
    for piece in json_pieces(event.data, indent=2):  # no more of them than are shown, however large the data is
        pieces.append(piece)
        length += len(piece)
        if length > MAX_DATA:
            break
    data = html.escape("".join(pieces)[:MAX_DATA])
    if length > MAX_DATA:
        data += f'&hellip;\n\n<a href="/v1/events/{event.internal_id}">all of it</a>'
    own_id = f"id {_text(event.id)} &middot; " if event.id else ""
    return (
        f'<li id="event-{number}-{event.internal_id}"><details><summary>{_time(event.received_at)} '
        f"<b>{_text(event.name)}</b> <code>{event.internal_id}</code></summary>"
        f"<p>{own_id}ts {event.ts} ({format_time(event.ts / 1000)})</p><pre>{data}</pre></details></li>\n"
    )


def _refusal(number: int, refusal: Refusal) -> str:
    accepted = f" ({_counted(refusal.accepted, 'event')} before it accepted)" if refusal.accepted else ""
    return (
        f'<li class="refusal" id="refusal-{number}-{refusal.received_at}">{_time(refusal.received_at)} '
        f"<i>{refusal.status}</i> <b>{_text(refusal.error)}{accepted}</b></li>\n"
    )


def _text(text: str) -> str:
    # bdi: so that no text changes the direction of what stands around it.
    return f"<bdi>{html.escape(text[:MAX_TEXT])}{'&hellip;' if len(text) > MAX_TEXT else ''}</bdi>"


def _time(seconds: float) -> str:
    clock = time.strftime("%H:%M:%S", time.localtime(seconds))
    full = format_time(seconds)
    return f'<time datetime="{full}" title="{full}">{clock}</time>'


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
