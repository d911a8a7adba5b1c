"""The benchmark: ``python3 -m tests.benchmark`` times the library beside what one would use instead of it."""
