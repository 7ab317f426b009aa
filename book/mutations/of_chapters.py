"""Errors in the experiments of single chapters, put in before the chapter imports them; see ``patches``."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import torch

from global_optimality.factors import Factors
from global_optimality.problem import Problem

from ..certified_training import experiment
from ..deep_networks import limits
from ..implications import ensembles, open_questions
from ..landscape import relu_line
from ..one_hidden_layer import noise, relu_omega
from ..shared import two_points
from ..theorems import trap_search
from ..weight_decay import basin_of_zero, mismatched_theorems
from ..weight_decay import experiment as mismatched


def copied_units(copies: int) -> None:
    """Optimal networks have every unit so many times, and nothing merges copies."""
    for module in (limits, open_questions):

        def copied(*arguments: Any, solve: Callable[..., Any] = module.solve, **named: Any) -> Any:
            found = solve(*arguments, **named)
            weights = tuple(w.repeat_interleave(copies, 1) / copies**0.5 for w in found.weights)
            return replace(found, weights=weights)

        module.solve = copied  # type: ignore[assignment]
        module.reduced = lambda problem, W: W  # type: ignore[attr-defined]


def short_boosting(rounds: int) -> None:
    """Boosting stops after so many rounds."""
    boost = ensembles.boost
    ensembles.boost = lambda problem, **named: boost(problem, **{**named, "max_rounds": rounds})


def rectified_sigmoid() -> None:
    """The networks with sigmoids have rectifiers."""
    experiment.sigmoid_objective = lambda problem, *W: problem(*W)


def two_components() -> None:
    """The third and later principal components are left out."""
    components = experiment.principal_components
    experiment.principal_components = lambda N, **named: components(N, **{**named, "components": 2})


def no_noise() -> None:
    """The noise that moves networks, to kick them off saddles or to look around them, is zero."""
    for module in (noise, two_points):
        module.normal = lambda stream, *shape, **more: torch.zeros(shape, dtype=torch.float64)  # type: ignore[attr-defined]


def one_output() -> None:
    """The outputs on which Ω is measured are all the same."""
    drawn = relu_omega.outputs
    relu_omega.outputs = lambda S, count, *, seed: drawn(S, 1, seed=seed) * count


def decay_of_flow(factor: float) -> None:
    """Gradient flow decays so many times as fast as its objective says."""
    flow = basin_of_zero.euler
    basin_of_zero.euler = lambda w, lam, q: flow(w, factor * lam, q)


def flow_of_degree(q: int) -> None:
    """Gradient flow decays as if θ had the degree q, whatever degree it has."""
    flow = basin_of_zero.euler
    basin_of_zero.euler = lambda w, lam, _: flow(w, lam, q)


def far_sight() -> None:
    """Whether f falls from zero is asked far away, and not at once: a hump on the way is not seen."""
    near = mismatched_theorems.from_zero

    def far(problem: Problem, W: Factors, times: Sequence[float]) -> pd.DataFrame:
        return near(problem, W, [max(t, 1.0) for t in times])

    mismatched_theorems.from_zero = mismatched.from_zero = far  # type: ignore[attr-defined]


def short_line() -> None:
    """The designed line lacks its last four units."""
    designed = relu_line.designed_line

    def shorter() -> relu_line.Line:
        line = designed()
        start, direction = (tuple(w[:4] for w in pair) for pair in (line.start, line.direction))
        return replace(line, start=start, direction=direction)

    relu_line.designed_line = shorter


def orthogonal_rays() -> None:
    """Random rays all lie on the axes."""
    drawn = trap_search.instances

    def on_axes(family: Any, card: int, rays: int, *more: Any, **named: Any) -> tuple[np.ndarray, ...]:
        A, Y, lam = drawn(family, card, rays, *more, **named)
        axes = np.eye(card)[:, np.arange(rays) % card]
        return np.broadcast_to(axes, A.shape).copy(), Y, lam

    trap_search.instances = on_axes
