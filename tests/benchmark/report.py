"""The figures as text for people, and as JSON for programs."""

from tests.benchmark.figures import figure, ratio, values

_COUNT = "instructions"
_SECONDS = ((1, "s"), (1e-3, "ms"), (1e-6, "us"), (1e-9, "ns"))
_BYTES = ((1e6, "MB"), (1e3, "KB"), (1, "B"))
_UNITS = {"wall": _SECONDS, "cpu": _SECONDS, "peak": _BYTES, "size": _BYTES, "growth": _BYTES}
_NAMES = {"cpu": "CPU", "peak": "peak memory", "trips": "round trips", "growth": "memory an event more"}


def text(measure):
    """Return the lines of one measure: each contestant's figures, and how it stands to its bars."""
    metrics = list(dict.fromkeys(metric for samples in measure.samples.values() for metric in samples[0]))
    width = max(map(len, measure.samples))
    rounds = "" if measure.rounds == 1 else f"; {measure.rounds} rounds"
    first = next(iter(measure.samples))
    lines = [measure.title + rounds]
    for name, samples in measure.samples.items():
        cells = [_cell(samples, metric, measure.unit) for metric in metrics if metric in samples[0]]
        if _COUNT in samples[0] and name != first:
            cells.append(_share(samples, measure.samples[first]))
        cells = [cell.ljust(36) for cell in cells]
        lines.append("  ".join(["", name.ljust(width), *cells]).rstrip())
    lines += ["  " + verdict(bar, measure.samples) for bar in measure.verdicts()]
    return "\n".join(lines)


def _cell(samples, metric, unit):
    found = figure(values(samples, metric))
    per = "/" + unit if unit and metric in ("wall", "cpu", _COUNT) else ""
    name = _NAMES.get(metric, metric)
    if found.low == found.high:
        return f"{name} {quantity(found.median, metric)}{per}"
    low, high = quantity(found.low, metric), quantity(found.high, metric)
    return f"{name} {quantity(found.median, metric)}{per} ({low}..{high})"


def _share(samples, firsts):
    """Return how many times as many instructions the first contestant takes."""
    return f"of which the first takes {ratio(values(firsts, _COUNT), values(samples, _COUNT)).median:.3g} x"


def verdict(bar, samples):
    """Return how a contestant stands to a bar, as a sentence with the figures of the round with the least and most."""
    found = bar.value(samples)
    state = "met " if bar.is_met(samples) else "MISSED"
    metric = _NAMES.get(bar.metric, bar.metric)
    bound = f"{'at least' if bar.is_speed else 'at most'} {quantity(bar.limit, bar.against or bar.metric)}"
    if bar.against is None:
        return f"{state:6} {bar.subject}: {metric} {quantity(found.median, bar.metric)}, {bound}"
    what = metric
    if bar.is_speed:
        what = "speed" if bar.metric == "wall" else f"speed by {metric}"
    factor = f"{found.median:.3g} x that of {bar.against} ({found.low:.3g}..{found.high:.3g})"
    return f"{state:6} {bar.subject}: {what} {factor}, {bound}"


def quantity(value, metric):
    """Return a value of a metric with a unit that suits it."""
    for scale, unit in _UNITS.get(metric, ()):
        if abs(value) >= scale:
            return f"{value / scale:.3g} {unit}"
    return f"{value:,.0f}" if metric == _COUNT else f"{value:.3g}"


def summary(measures):
    """Return a line for each bar of all measures, and how many are met."""
    bars = [(bar, measure) for measure in measures for bar in measure.verdicts()]
    lines = [f"{measure.name}: {verdict(bar, measure.samples).strip()}" for bar, measure in bars]
    met = sum(bar.is_met(measure.samples) for bar, measure in bars)
    return "\n".join([*lines, f"{met} of {len(bars)} bars met"])


def document(machine, measures):
    """Return everything as plain data for JSON: times in seconds, sizes in bytes."""
    return {"machine": machine, "measures": [_measure(measure) for measure in measures]}


def _measure(measure):
    return {
        "name": measure.name,
        "title": measure.title,
        "unit": measure.unit,
        "rounds": measure.rounds,
        "contestants": {name: _contestant(samples) for name, samples in measure.samples.items()},
        "bars": [_bar(bar, measure.samples) for bar in measure.verdicts()],
    }


def _contestant(samples):
    result = {}
    for metric in samples[0]:
        found = figure(values(samples, metric))
        result[metric] = dict(_figure(found), values=values(samples, metric))
    return result


def _bar(bar, samples):
    kind = "at least" if bar.is_speed else "at most"
    result = {"metric": bar.metric, "subject": bar.subject, "against": bar.against, kind: bar.limit}
    return dict(result, met=bar.is_met(samples), **_figure(bar.value(samples)))


def _figure(found):
    return {"median": found.median, "min": found.low, "max": found.high}
