"""The figures as a chart: how each contestant's time compares with this library's, and how time grows, as SVG."""

import math
from xml.sax.saxutils import escape

from tests.benchmark.contestants import OURS

WIDTH = 900
LEFT, RIGHT = 250, 40  # what the names and the last labels take, in pixels
ROW = 26
PLOT_HEIGHT = 260

_INK, _FAINT = "#333", "#ddd"
_COLOURS = ("#0b6e4f", "#c8553d", "#3d5a99", "#b8860b", "#7a3e8e", "#6b7280")
_STYLE = "text{font:13px sans-serif;fill:" + _INK + "}.small{font-size:11px}.title{font-size:16px;font-weight:bold}"


def svg(document):
    """Return a chart of the data that ``report.document`` makes, as the text of an SVG file."""
    grown = [measure for measure in document["measures"] if measure["name"].startswith("growth")]
    compared = [rows for rows in map(_relative, document["measures"]) if rows]
    colours = _Colours()
    parts, bottom = [], 20
    if compared:
        drawn, bottom = _comparison(compared, bottom, colours)
        parts += drawn
    for measure in grown:
        drawn, bottom = _growth(measure, bottom, colours)
        parts += drawn
    drawn, bottom = _legend(colours, bottom)
    size = f'viewBox="0 0 {WIDTH} {bottom:.0f}" width="{WIDTH}" height="{bottom:.0f}"'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" {size}>'
    parts = [head, "<style>" + _STYLE + "</style>", _rect(0, 0, WIDTH, bottom, "#fff"), *parts]
    return "\n".join([*parts, *drawn, "</svg>", ""])


class _Colours(dict):
    """A colour for each contestant, in the order in which they appear; this library's is the first."""

    def __init__(self):
        super().__init__({OURS: _COLOURS[0]})

    def __missing__(self, name):
        self[name] = _COLOURS[min(len(self), len(_COLOURS) - 1)]
        return self[name]


def _relative(measure):
    """Return (title, [(contestant, ratio)]): each one's median wall time as a multiple of this library's.

    Empty where nothing else was timed. Variants, as "inngest, cold", are compared with the same of this library.
    """
    if measure["name"].startswith("growth"):
        return []
    times = {
        name: figures["wall"]["median"] for name, figures in measure["contestants"].items() if "wall" in figures
    }
    rows = []
    for name, time in times.items():
        contestant, _, variant = name.partition(", ")
        own = times.get(", ".join(filter(None, (OURS, variant)))) or next(
            (time for other, time in times.items() if other.startswith(OURS)), None
        )
        if contestant != OURS and own:
            rows.append((contestant, time / own, variant))
    by_variant = {}
    for contestant, ratio, variant in rows:
        by_variant.setdefault(variant, []).append((contestant, ratio))
    return [
        (", ".join(filter(None, (measure["name"], variant))), ratios) for variant, ratios in by_variant.items()
    ]


def _comparison(compared, top, colours):
    """Draw a row of dots for each measure: to the right of the line is slower than this library."""
    rows = [row for group in compared for row in group]
    ratios = [ratio for _, points in rows for _, ratio in points]
    scale = _Scale(min([*ratios, 0.5]), max([*ratios, 10]), LEFT, WIDTH - RIGHT)
    bottom = top + 40 + ROW * len(rows)
    parts = [_text(20, top, f"Time, as a multiple of what {OURS} takes", "title")]
    for tick in scale.ticks():
        strong = tick == 1
        parts.append(_line(scale.at(tick), top + 20, scale.at(tick), bottom, colours[OURS] if strong else _FAINT))
        parts.append(_text(scale.at(tick), bottom + 15, f"{tick:g} x", "small", "middle"))
    for index, (title, points) in enumerate(rows):
        y = top + 40 + ROW * index
        parts.append(_text(LEFT - 20, y + 4, title, "", "end"))
        for contestant, ratio in points:
            parts.append(_dot(scale.at(ratio), y, colours[contestant], f"{contestant}: {ratio:.3g} x"))
    return parts, bottom + 50


def _growth(measure, top, colours):
    """Draw a line for each contestant, time over how much was sent, both on logarithmic axes."""
    lines = {}
    for name, figures in measure["contestants"].items():
        contestant, _, step = name.partition(", ")
        count = int(step.replace(",", ""))
        lines.setdefault(contestant, []).append((count, count * figures["wall"]["median"]))
    counts = [count for points in lines.values() for count, _ in points]
    times = [time for points in lines.values() for _, time in points]
    across = _Scale(min(counts), max(counts), LEFT, WIDTH - RIGHT)
    down = _Scale(min(times), max(times), top + 20 + PLOT_HEIGHT, top + 20)
    low, high = top + 20, top + 20 + PLOT_HEIGHT
    parts = [_text(20, top, measure["title"], "title")]
    for tick in across.ticks():
        parts.append(_line(across.at(tick), low, across.at(tick), high, _FAINT))
        parts.append(_text(across.at(tick), high + 15, f"{tick:,.0f}", "small", "middle"))
    for tick in down.ticks():
        parts.append(_line(LEFT, down.at(tick), WIDTH - RIGHT, down.at(tick), _FAINT))
        parts.append(_text(LEFT - 20, down.at(tick) + 4, f"{tick * 1000:g} ms", "small", "end"))
    for contestant, points in lines.items():
        places = [(across.at(count), down.at(time)) for count, time in points]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
        parts.append(f'<polyline points="{path}" fill="none" stroke="{colours[contestant]}"/>')
        for (x, y), (count, time) in zip(places, points):
            title = f"{contestant}: {count:,} in {time * 1000:.3g} ms"
            parts.append(_dot(x, y, colours[contestant], title))
    return parts, high + 50


def _legend(colours, top):
    parts = []
    for index, (contestant, colour) in enumerate(colours.items()):
        x = 26 + 160 * index
        parts += [_dot(x, top - 4, colour, contestant), _text(x + 12, top, contestant)]
    return parts, top + 20


class _Scale:
    """Places values on a logarithmic axis from ``start`` to ``end``, in pixels."""

    def __init__(self, low, high, start, end):
        self._low = math.log10(low)
        self._span = math.log10(high) - self._low or 1.0
        self._start = start
        self._length = end - start

    def at(self, value):
        return self._start + self._length * (math.log10(value) - self._low) / self._span

    def ticks(self):
        """Return the powers of ten within."""
        first, last = math.ceil(self._low - 1e-9), math.floor(self._low + self._span + 1e-9)
        return [10.0**power for power in range(first, last + 1)]


def _text(x, y, text, kind="", anchor="start"):
    return f'<text x="{x:.1f}" y="{y:.1f}" class="{kind}" text-anchor="{anchor}">{escape(text)}</text>'


def _line(x1, y1, x2, y2, colour):
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}"/>'


def _rect(x, y, width, height, colour):
    return f'<rect x="{x}" y="{y}" width="{width}" height="{height:.0f}" fill="{colour}"/>'


def _dot(x, y, colour, title):
    return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="5" fill="{colour}"><title>{escape(title)}</title></circle>'
