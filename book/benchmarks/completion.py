"""Matrix completion: rank growing against soft-impute and accelerated proximal gradient at equal gaps."""

from functools import partial

import pandas as pd
import torch

from book.matrix_factorization.matrix_completion import masked_problem
from global_optimality import convex
from global_optimality.descent import LBFGS
from global_optimality.losses import MaskedSquaredLoss
from global_optimality.meta_algorithm import meta_algorithm
from global_optimality.problem import Problem

from ..shared import data
from .timing import medians

TOLERANCES = (1e-2, 1e-4, 1e-6)


def completion(*, rounds: int = 3, seed: int = 0) -> pd.DataFrame:
    """Seconds until a certified relative gap of TOLERANCES on two matrices; each side proves its own gap."""
    problems = {
        "digits, 1797 × 64": masked_problem(data.digits().S, hidden=0.4, share=0.1, seed=seed),
        "planted, 1000 × 800": masked_problem(data.low_rank(1000, 800, 5, seed=seed), hidden=0.7, share=0.2, seed=seed),
    }
    tables = [_race(name, problem, rounds, seed) for name, problem in problems.items()]
    return pd.concat(tables, ignore_index=True).assign(rounds=rounds, threads=torch.get_num_threads())


def _race(name: str, problem: Problem, rounds: int, seed: int) -> pd.DataFrame:
    loss = problem.loss
    assert isinstance(loss, MaskedSquaredLoss)
    Y, mask = loss.Y.numpy(), loss.mask.numpy()
    rows = []
    for tol in TOLERANCES:
        gaps: dict[str, float] = {}

        def growing(tol: float = tol, gaps: dict[str, float] = gaps) -> None:
            path = meta_algorithm(problem, r=1, seed=seed, method=LBFGS(), tol=tol, samples=0)
            gaps["rank growing"] = float(path.certificate.relative_gap)

        def convex_side(side: str, momentum: bool, tol: float = tol, gaps: dict[str, float] = gaps) -> None:
            gaps[side] = convex.matrix_completion(Y, mask, problem.lam, tol=tol, momentum=momentum).relative_gap

        sides = {
            "rank growing": growing,
            "soft-impute": partial(convex_side, "soft-impute", False),
            "accelerated proximal gradient": partial(convex_side, "accelerated proximal gradient", True),
        }
        seconds = medians(sides, rounds=rounds)
        rows += [(name, tol, side, t, gaps[side], t / seconds["rank growing"]) for side, t in seconds.items()]
    return pd.DataFrame(rows, columns=["problem", "tol", "method", "seconds", "relative_gap", "ratio"])
