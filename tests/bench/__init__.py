"""The benchmark: `python -m tests.bench` prints a table of ratios, each of two things measured in turns."""
