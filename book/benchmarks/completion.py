"""Matrix completion: rank growing against soft-impute and accelerated proximal gradient at equal gaps."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pandas as pd
import torch

from book.matrix_factorization.matrix_completion import masked_problem
from claimbook.sweeps import Sweep
from global_optimality import convex
from global_optimality.descent import LBFGS
from global_optimality.losses import MaskedSquaredLoss
from global_optimality.meta_algorithm import meta_algorithm
from global_optimality.problem import Problem

from ..shared import data
from .timing import medians

TOLERANCES = (1e-2, 1e-4, 1e-6)


PROBLEMS: dict[str, Callable[[], Problem]] = {
    "digits, 1797 × 64": lambda: masked_problem(data.digits().S, hidden=0.4, share=0.1, seed=0),
    "planted, 1000 × 800": lambda: masked_problem(data.low_rank(1000, 800, 5, seed=0), hidden=0.7, share=0.2, seed=0),
}


def completion(shared: dict[str, Any], _: list[dict[str, Any]]) -> pd.DataFrame:
    """Seconds until a certified relative gap of TOLERANCES on one matrix; each side proves its own gap."""
    name, rounds = shared["problem"], shared["rounds"]
    table = _race(name, PROBLEMS[name](), rounds, seed=0)
    return table.assign(threads=torch.get_num_threads())


COMPLETION = Sweep(completion, {"problem": list(PROBLEMS), "rounds": [3]}, threads=2)


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
