"""The arithmetic: medians of rounds, their ratios, and the bars that they are held against. Pure."""

import statistics


class Figure:
    """What the rounds came to: their median, the least and the most."""

    def __init__(self, median, low, high):
        self.median = median
        self.low = low
        self.high = high

    def __eq__(self, other):
        return vars(self) == vars(other)

    def __repr__(self):
        return f"Figure({self.median}, {self.low}, {self.high})"


def figure(values):
    """Return the figure of one value a round."""
    return Figure(statistics.median(values), min(values), max(values))


def ratio(values, others):
    """Return the ratio of the medians of what was measured in the same rounds, and the least and most of a round."""
    rounds = [value / other for value, other in zip(values, others)]
    return Figure(statistics.median(values) / statistics.median(others), min(rounds), max(rounds))


def alternate(rounds, runs):
    """Run each of ``runs``, by name, once a round; return their samples by name.

    Each round begins with another, so that none always follows the same one.
    """
    samples = {name: [] for name in runs}
    names = list(runs)
    for index in range(rounds):
        first = index % len(names)
        for name in names[first:] + names[:first]:
            samples[name].append(runs[name]())
    return samples


class Bar:
    """A bar on one metric of ``subject``: against the same of another contestant, or a plain number.

    ``at_most``: the most that the metric may be, as a multiple of the other's. ``at_least``: the least that the
    speed may be, as a multiple of the other's; speed is one over the metric.
    """

    def __init__(self, metric, subject, against=None, at_most=None, at_least=None):
        self.metric = metric
        self.subject = subject
        self.against = against
        self.is_speed = at_least is not None
        self.limit = at_least if self.is_speed else at_most

    def value(self, samples):
        """Return the Figure to hold against the limit, or None where one of the two was not measured."""
        if self.subject not in samples or (self.against is not None and self.against not in samples):
            return None
        own = values(samples[self.subject], self.metric)
        if self.against is None:
            return figure(own)
        other = values(samples[self.against], self.metric)
        return ratio(other, own) if self.is_speed else ratio(own, other)

    def is_met(self, samples):
        """Return whether the median meets the limit."""
        median = self.value(samples).median
        return median >= self.limit if self.is_speed else median <= self.limit


def values(samples, metric):
    """Return one metric of samples."""
    return [sample[metric] for sample in samples]
