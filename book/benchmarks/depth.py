"""Depth, converged: the sweep of the chapter Deep parallel networks, one table a method of descent."""

from collections.abc import Sequence

import pandas as pd
import torch

from book.deep_networks.depth import Design, sweep
from book.implications.depth import chain_sweep

DEPTHS, SIZES, DRAWS = (2, 3, 4, 5), (1, 2, 4, 8, 16, 32), range(5)


def depth_adam(*, runs: int = 20, steps: int = 20_000) -> pd.DataFrame:
    """Adam, its step decaying linearly to zero."""
    return _sweep("Adam", runs, steps)


def depth_gradient(*, runs: int = 4, steps: int = 10_000) -> pd.DataFrame:
    """Gradient descent with Armijo's rule, from fewer starts of two sizes."""
    return _sweep("gradient descent", runs, steps, (8, 32))


def depth_lbfgs(*, runs: int = 4, steps: int = 300) -> pd.DataFrame:
    """L-BFGS with a Wolfe line search, from fewer starts of two sizes: a step of it costs many times more."""
    return _sweep("L-BFGS", runs, steps, (8, 32))


def _sweep(method: str, runs: int, steps: int, sizes: Sequence[int] = SIZES) -> pd.DataFrame:
    device = "cuda" if torch.cuda.is_available() else "cpu"
    return sweep(method, DEPTHS, Design(sizes, DRAWS, runs, steps), device=device).assign(steps=steps)


def depth_chains(*, draws: int = 8, runs: int = 5) -> pd.DataFrame:
    """Chains of width one, whose minimum is known at every depth: Adam, and gradient descent from the same starts."""
    tables = [
        chain_sweep(method, DEPTHS, draws=range(draws), runs=runs, steps=steps, window=1000).assign(
            method=method, steps=steps
        )
        for method, steps in (("Adam", 8000), ("gradient descent", 4000))
    ]
    return pd.concat(tables, ignore_index=True)
