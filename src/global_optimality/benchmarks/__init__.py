"""Ratios against peers, both sides in one process; ``python -m global_optimality.benchmarks`` records the tables."""
