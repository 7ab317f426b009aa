"""The polar of deep ReLU networks by multipliers layer by layer, beside cones of weights."""

from typing import Any

import pandas as pd
import torch
from torch import Tensor

from claimbook.sweeps import Sweep
from global_optimality import (
    BalancedWeightDecay,
    DeepRelu,
    Effort,
    Problem,
    SquaredLoss,
    SumOfPowers,
    solve,
)
from global_optimality.polar.ascent import ascend
from global_optimality.polar.best_first import Search, refine
from global_optimality.polar.bound import PolarBound
from global_optimality.polar.deep_relu import number_of_orthants, search_of, sign_search
from global_optimality.streams import generator, normal

from .timing import clocked

TOLERANCE, LIMIT = 1e-2, 1.0
"""Where a search stops: the relative distance of its bounds, or processor seconds."""

STARTS, STRETCH = 1024, {"cones": 2000, "signs": 8}
"""Of the ascent that both searches know the end of; cells between two looks at the processor's clock."""

SHARE, ROUNDS = 0.2, 4
"""A residual is that of a network after so many rounds of the solver, at this share of λ_max."""

LARGEST = 200_000
"""Cones of weights do not start from more orthants."""

SHAPES = {
    "K = 3, m = 2": (2, 2, 1),
    "K = 3, m = 4": (2, 4, 1),
    "K = 3, m = 3, d = 5": (5, 3, 1),
    "K = 4, m = 2": (2, 2, 2, 1),
}
"""Inputs, then the inner widths that the reductions leave: m units, and one last."""


def layers(shared: dict[str, Any], _: list[dict[str, Any]]) -> pd.DataFrame:
    """One row a way: its first and its last bound, over the best value that anything attained, cells and seconds.

    Rows are standard normal, and so is q where it is drawn; ``closed``: the two bounds are 1e-2 apart.
    """
    d, *inner = SHAPES[shared["shape"]]
    N, stream = shared["N"], generator(0, "deep layers", shared["shape"], shared["draw"])
    mapping = DeepRelu(normal(stream, N, d), (*inner, 1))
    Q = normal(stream, N, 1)
    if shared["q"] == "residual":
        Q = residual(mapping, Q)
    value, atom = ascend(mapping, SumOfPowers(mapping.degree), Q[None], starts=STARTS)
    spectral = torch.linalg.matrix_norm(mapping.S, 2) * Q.norm()
    clock = Effort().started()
    known = PolarBound(value, torch.maximum(spectral, value), atom)
    found = {"signs": sign_search(mapping, Q, known, clock)}
    if number_of_orthants(mapping) <= LARGEST:
        found["cones"] = search_of(mapping, Q, float(value))
    ends = {way: clocked(lambda s=s, w=way: searched(s, STRETCH[w])) for way, s in found.items() if s is not None}
    best = max(float(search.lower) for (search, _), _ in ends.values())
    rows = []
    for way, ((search, first), seconds) in ends.items():
        last = min(float(search.upper), float(spectral)) / best
        row = {"way": way, "first": min(first, float(spectral)) / best, "last": last, "cells": search.made}
        rows.append(row | {"cpu_seconds": seconds.cpu, "closed": last <= 1 + 1.01 * TOLERANCE})
    return pd.DataFrame(rows).assign(spectral=float(spectral) / best, threads=torch.get_num_threads())


def searched(search: Search, stretch: int) -> tuple[Search, float]:
    """The search at its end, and the bound of its first cells."""
    effort, made = Effort(nodes=stretch, tolerance=TOLERANCE), -1
    search = refine(search, Effort(nodes=2, tolerance=TOLERANCE))
    first = float(search.upper)

    def go_on() -> None:
        nonlocal search, made
        made, search = search.made, refine(search, effort)

    spent = 0.0
    while search.made > made and spent < LIMIT:
        spent += clocked(go_on)[1].cpu
    return search, first


def residual(mapping: DeepRelu, Y: Tensor) -> Tensor:
    """What a trained network leaves of the targets Y: there many subnetworks come close to the polar."""
    theta = BalancedWeightDecay(len(mapping.widths))
    lam = SHARE * float(ascend(mapping, theta, Y[None], starts=STARTS)[0])
    problem = Problem(SquaredLoss(Y), mapping, theta, lam)
    W = solve(problem, tol=TOLERANCE, max_rounds=ROUNDS, effort=Effort(nodes=1)).weights
    return (Y - mapping.Phi(*W)[0]).detach()


DEEP_LAYERS = Sweep(layers, {"shape": list(SHAPES), "N": [14], "q": ["drawn", "residual"], "draw": [0, 1, 2]})
