"""A hundred nights whose command is killed at random moments and run again: every event must be run exactly once.

python3 .ci/nights.py [NIGHTS] [FIRST_SEED], from the top level of a clone.
"""

import os
import sys
from concurrent.futures import ThreadPoolExecutor

sys.path.insert(0, os.getcwd())

from tests.cli.test_nights import problem_of

nights = int(sys.argv[1]) if len(sys.argv) > 1 else 100
first = int(sys.argv[2]) if len(sys.argv) > 2 else 1000
seeds = range(first, first + nights)
with ThreadPoolExecutor(2) as pool:
    problems = [f"seed {seed}: {problem}" for seed, problem in zip(seeds, pool.map(problem_of, seeds)) if problem]
print(*problems, sep="\n", end="\n" if problems else "")
print(f"{nights} nights, {len(problems)} in which an event was not run exactly once")
sys.exit(bool(problems))
