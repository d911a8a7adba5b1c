"""python3 .ci/shuffled.py SEED [OPTION...]: the suite in another order: of modules, of their classes, of their tests.

The same seed gives the same order again. The options are those of unittest: ``-v``, ``-f``, ``-k``.
"""

import itertools
import random
import sys
import unittest


class ShufflingLoader(unittest.TestLoader):
    """Finds the tests that the command finds, and brings them into an order of its own."""

    def __init__(self, seed):
        super().__init__()
        self._random = random.Random(seed)

    def discover(self, *args, **kwargs):
        """Return what TestLoader does, shuffled."""
        return self._shuffled(list(self._tests(super().discover(*args, **kwargs))), ["__module__", "__qualname__"])

    def _tests(self, suite):
        for test in suite:
            if isinstance(test, unittest.TestSuite):
                yield from self._tests(test)
            else:
                yield test

    def _shuffled(self, tests, attributes):
        """Return tests in another order; those whose classes have the same value of an attribute stay together."""
        if attributes:
            groups = itertools.groupby(tests, lambda test: getattr(type(test), attributes[0]))
            tests = [self._shuffled(list(group), attributes[1:]) for _, group in groups]
        self._random.shuffle(tests)
        return unittest.TestSuite(tests)


if __name__ == "__main__":
    seed, *options = sys.argv[1:]
    unittest.main(None, argv=[sys.argv[0], *options], testLoader=ShufflingLoader(int(seed)))
