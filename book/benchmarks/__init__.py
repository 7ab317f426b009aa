"""Ratios against peers, both sides in one process; ``python -m book.benchmarks`` records the tables."""
