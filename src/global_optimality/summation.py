"""Sums whose rounding error is known: in a balanced tree, on any device."""

from torch import Tensor


def tree_sum(x: Tensor) -> Tensor:
    """The sum over the last axis, of length m, by halving: off by at most ⌈log₂ m⌉ · eps/2 · Σ|terms|."""
    while (m := x.shape[-1]) > 1:
        half = (m + 1) // 2
        folded = x[..., :half].clone()
        folded[..., : m - half] += x[..., half:]
        x = folded
    return x.sum(-1)


def pairwise(terms: Tensor) -> Tensor:
    """The sum of each run's terms ``(n, *D)``, as ``tree_sum``."""
    return tree_sum(terms.flatten(1))
