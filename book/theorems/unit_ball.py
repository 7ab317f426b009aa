"""The set A of a pair of outputs, its convex hull, and the optimum that its supporting line proves."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch

from global_optimality import certify, solve
from global_optimality.factors import slice_norms
from global_optimality.losses import SquaredLoss
from global_optimality.mappings import ReluUnit
from global_optimality.problem import Problem
from global_optimality.regularizers import SumOfSquares

from ..shared.tables import frame

ANGLE = np.deg2rad(105)
"""Between the two samples: obtuse, so that a unit that serves one sample alone may give it more than one for both."""


@dataclass(frozen=True)
class Picture:
    """``outputs``: unit-cost outputs of single units, in the order of their angle; ``atoms`` those of the optimum.

    ``optimum`` is X*, ``cost`` Ω(X*), ``residual`` −∇ℓ(X*), ``polar`` Ω°(−∇ℓ)/λ as proved, all of the problem with
    the target ``target``.
    """

    outputs: pd.DataFrame
    atoms: pd.DataFrame
    optimum: np.ndarray
    target: np.ndarray
    cost: float
    lam: float
    polar: float

    @property
    def residual(self) -> np.ndarray:
        return self.target - self.optimum

    def support(self) -> float:
        """max ⟨−∇ℓ, φ⟩/λ over the drawn outputs: 1 for outputs on the supporting line, never more."""
        return float((self.outputs[["x1", "x2"]].to_numpy() @ self.residual).max() / self.lam)


def picture(target: tuple[float, float], lam: float, *, points: int = 720) -> Picture:
    """One output for two samples in the plane, rectified linear units without bias, θ = ½(‖u‖² + v²)."""
    S = torch.tensor([[1.0, 0.0], [np.cos(ANGLE), np.sin(ANGLE)]], dtype=torch.float64)
    problem = Problem(SquaredLoss(torch.tensor(target, dtype=torch.float64)[:, None]), ReluUnit(S), SumOfSquares(), lam)
    solution = solve(problem)
    certificate = certify(problem, solution.weights)
    turn = torch.linspace(0, 2 * torch.pi, points + 1, dtype=torch.float64)[:-1]
    u = torch.stack([turn.cos(), turn.sin()], 1)[None]
    signs = torch.tensor([1.0, -1.0], dtype=torch.float64)
    once = [problem.mapping.phi(u, sign.expand(1, points, 1))[0, :, :, 0] for sign in signs]
    outputs = frame(
        sign=signs.repeat_interleave(points), x1=torch.cat(once)[:, 0], x2=torch.cat(once)[:, 1], turn=turn.repeat(2)
    )
    kept = slice_norms(solution.weights)[0] > 1e-6
    units = tuple(w[:, kept] for w in solution.weights)
    atoms = (problem.mapping.phi(*units) / problem.regularizer.theta(*units)[..., None, None])[0, :, :, 0]
    X = problem.mapping.Phi(*solution.weights)[0, :, 0]
    return Picture(
        outputs=outputs,
        atoms=frame(x1=atoms[:, 0], x2=atoms[:, 1]),
        optimum=X.numpy(),
        target=np.asarray(target),
        cost=float(problem.regularizer.theta(*solution.weights).sum()),
        lam=lam,
        polar=float(certificate.polar),
    )
