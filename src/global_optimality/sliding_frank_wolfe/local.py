"""The local half of a round: new subnetworks get their best scales, then all weights descend together."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor

from ..descent import minimise, refit
from ..factors import Factors, append, scale
from ..losses.base import column
from ..problem import Problem
from ..regularizers import Norm, ProductOfNorms, Regularizer, SumOfSquares
from .objective import Objective
from .slide import STEPS, slide
from .units import Rows, units_of

WORTH = 1e-9
"""An atom enters if ⟨−∇ℓ, φ⟩ > λθ(1 + WORTH) after the ones before it have entered."""

ENTRIES = 24
"""At most so many atoms enter in a round."""

SEARCHES = 200
"""Steps of L-BFGS in a round."""

Stop = Callable[[], bool]

Local = Callable[[Factors, Factors, Stop], Factors]
"""(weights, atoms, stop) → weights of at most the same objective; one run, any number of subnetworks."""


def local_of(problem: Problem) -> Local:
    """Newton on faces where φ is gated linear and θ the (half squared) Euclidean pair, else batched descent."""
    if problem.mapping.gates is not None and _euclidean(problem.regularizer):
        return OnFaces(problem)
    return Descending(problem)


def _euclidean(regularizer: Regularizer) -> bool:
    return regularizer == SumOfSquares() or regularizer == ProductOfNorms((Norm.TWO, Norm.TWO))


@final
class OnFaces:
    """Exact treatment of kinks, Newton's method in between."""

    def __init__(self, problem: Problem) -> None:
        assert problem.mapping.gates is not None
        self.problem, self.objective, self.rows = problem, Objective.of(problem), Rows.of(problem.mapping.gates)

    def __call__(self, W: Factors, atoms: Factors, stop: Stop) -> Factors:
        return self.descend(append(W, entering(self.problem, W, atoms)), stop)

    def descend(self, W: Factors, stop: Stop, steps: int = STEPS) -> Factors:
        """At most ``steps`` steps of the slide."""
        return slide(self.objective, units_of(self.rows, W), stop, steps).weights(W[0])


@final
@dataclass(frozen=True, eq=False)
class Descending:
    """Any mapping: best scales, then L-BFGS, then best scales again. Scaling is a convex problem at kinks too, where
    L-BFGS may jam; subnetworks that no longer help get the scale 0 and are left out.
    """

    problem: Problem

    def __call__(self, W: Factors, atoms: Factors, stop: Stop) -> Factors:
        W = refit(self.problem, append(W, entering(self.problem, W, atoms)))
        return W if stop() else refit(self.problem, minimise(self.problem, W, max_steps=SEARCHES).weights)


def entering(problem: Problem, W: Factors, atoms: Factors) -> Factors:
    """The atoms worth adding, one after the other, the steepest first, each with its best scale; zero for the rest."""
    X = problem.mapping.Phi(*W)
    theta = problem.regularizer.theta(*atoms)
    atoms = scale(atoms, torch.where(theta > 0, theta, 1.0) ** (-1 / problem.mapping.degree))
    theta = problem.regularizer.theta(*atoms)
    scales = torch.zeros_like(theta)
    for _ in range(min(ENTRIES, theta.shape[1])):
        value = problem.mapping.inner(-problem.loss.gradient(X), *atoms) - problem.lam * theta * (1 + WORTH)
        value = torch.where(scales == 0, value, torch.full_like(value, -torch.inf))
        best = int(value[0].argmax())
        if not float(value[0, best]) > 0:
            break
        D = problem.mapping.phi(*(w[:, best : best + 1] for w in atoms))[:, 0]
        alpha = problem.loss.line_minimum(X, D, problem.lam * float(theta[0, best]))
        scales[0, best] = float(alpha)
        X = X + column(alpha, D) * D
    entered = scales[0] > 0
    if not bool(entered.any()):
        return tuple(torch.zeros_like(w[:, :1]) for w in atoms)
    chosen = tuple(w[:, entered] for w in atoms)
    return scale(chosen, scales[:, entered] ** (1 / problem.mapping.degree))


def best_value(problem: Problem, Q: Tensor, atoms: Factors) -> float:
    """max over the atoms of ⟨Q, φ⟩ / (λθ): above 1, that atom lowers f."""
    theta = problem.regularizer.theta(*atoms)
    value = problem.mapping.inner(Q, *atoms) / torch.where(theta > 0, theta, 1.0)
    return float(value.max()) / problem.lam
