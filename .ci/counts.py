"""The benchmark in instructions: a task and programs are counted, and the same code in another checkout as high.

Not among the tests, as valgrind takes a minute for it. Run in a clone: ``PYTHONPATH=. python .ci/counts.py -v``.
"""

import json
import subprocess
import sys
import unittest

from tests.benchmark import measures
from tests.helpers.library import ROOT


class CountsTest(unittest.TestCase):
    """Counted by valgrind, as few times as shows that it works."""

    def count(self, *arguments):
        """Return the one measure that was counted, and what was printed."""
        command = [sys.executable, "-m", "tests.benchmark", "--instructions", "--short", "--rounds", "1", "--json", "-"]
        process = subprocess.run([*command, *arguments], capture_output=True, text=True)
        self.assertEqual(process.returncode, 0, process.stderr)
        [found] = json.loads(process.stdout)["measures"]
        self.assertIn(found["title"], process.stderr)
        self.assertEqual([bar["metric"] for bar in found["bars"]], ["instructions"])
        for name, metrics in found["contestants"].items():
            self.assertGreater(metrics["instructions"]["median"], 10000, name)
        return found["contestants"]

    def test_a_task_is_counted(self):
        self.assertEqual(set(self.count("--only", "alone")), {measures.OURS, "http.client"})

    def test_the_same_code_in_another_checkout_takes_as_many(self):
        found = self.count("--only", "imports", "--against", ROOT)
        another = f"{measures.OURS} of {ROOT}"
        self.assertEqual(set(found), {measures.OURS, another, "dataclasses"})
        ours, other = (found[name]["instructions"]["median"] for name in (measures.OURS, another))
        self.assertAlmostEqual(ours / other, 1, delta=0.05)


if __name__ == "__main__":
    unittest.main()
