"""All global optima of one hidden ReLU layer with one output: the tight atoms, and what the optima predict elsewhere.

The outputs X* at a global optimum are unique (ℓ is strictly convex), and so is Q = −∇ℓ(X*). An optimum of any size is
made of tight atoms, units with ⟨Q, φ(w)⟩ = λθ(w); on each stratum of the arrangement of S there is at most one. So the
optima are the points c ≥ 0 of a polytope, Σ_i c_i φ(w_i) = X* (page Beyond the paper, "The face of all optima").
"""

import math
from dataclasses import dataclass, replace
from typing import final

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.optimize import Bounds, linprog, milp, nnls
from torch import Tensor

from .arrangement import arrangement
from .factors import Factors, check_alike, check_finite
from .losses import SquaredLoss
from .mappings import ReluUnit
from .polar.relu_exact import maximisers
from .problem import Problem
from .settings import instance, number
from .sliding_frank_wolfe import Solution, solve

Array = NDArray[np.float64]

SAME_LINE = 1e-5
"""Unit directions this close, up to sign, lie on one line: atoms are found to within √gap."""

CLOSE = 1e-3
"""A solution is close enough to an optimum when no atom below (1 − CLOSE) λ could be tight at the optimum."""

HELD = 1e-7
"""Feasibility tolerance of the linear programs (HiGHS's own), relative to the largest mass."""

PULLS = tuple(10.0**-k for k in range(1, 7))
"""Forces on a prediction, relative to the largest residual: each gives a bound, the best one counts."""


@final
@dataclass(frozen=True, eq=False)
class OptimalFace:
    """The polytope of all optima: masses c ``(m,)`` ≥ 0 of m tight atoms with ``features`` @ c = X*.

    Atom i is the unit direction ``U[i]`` ``(d,)`` with output sign ``signs[i]``; its column of ``features`` ``(N, m)``
    is signs[i] (S U[i])₊. ``masses`` is one optimum, the columns of ``moves`` ``(m, k)`` an orthonormal basis of the
    directions that keep the outputs. ``residual`` = ‖features @ masses − X‖/‖X‖; ``tightness`` is the width, relative
    to λ, within which atoms count as tight.
    """

    problem: Problem
    U: Tensor
    signs: Tensor
    features: Tensor
    masses: Tensor
    moves: Tensor
    residual: float
    tightness: float

    @property
    def unique_weights(self) -> bool:
        """Whether the masses are unique: all global optima are one network, up to copies of its units."""
        low, high = self.mass_range()
        return bool(((high - low) <= 10 * HELD * self.masses.sum()).all())

    @property
    def unique_function(self) -> bool:
        """Whether all global optima compute the same function of every input.

        A function of the network is Σ a_l |u_lᵀx| + bᵀx over the lines ±u_l of its units; these are independent.
        """
        lines = self.U * torch.where(self.U @ _generic(self.U) < 0, -1.0, 1.0).to(self.U)[:, None]
        same = (torch.cdist(lines, lines) <= SAME_LINE).to(self.U)
        low, high = self._range(torch.cat([same, self.U.T]) * self.signs)
        return bool(((high - low) <= 10 * HELD * self.masses.sum()).all())

    def mass_range(self) -> tuple[Tensor, Tensor]:
        """Least and largest mass ``(m,)`` of each atom over all optima."""
        return self._range(torch.eye(len(self.masses), dtype=self.masses.dtype, device="cpu"))

    def prediction_range(self, inputs: Tensor) -> tuple[Tensor, Tensor]:
        """Least and largest prediction ``(M,)`` at inputs ``(M, d)`` over all global optima of every size.

        Two linear programs an input; exact up to the error of the atoms, O(√gap). ``prediction_bounds`` is rigorous.
        """
        return self._range((_checked(self.problem, inputs) @ self.U.T).clamp(min=0) * self.signs)

    def fewest(self) -> int:
        """r*: the fewest units of a global optimum; by a mixed-integer program where the masses are not unique."""
        mass = self.masses.numpy()
        floor = 10 * HELD * mass.sum()
        if not self.moves.shape[1]:
            return int((mass > floor).sum())
        low, high = (side.numpy() for side in self.mass_range())
        m, k = self.moves.shape
        unit = max(float(high.max()), np.finfo(float).tiny)
        moves = self.moves.numpy()
        never_zero = low > floor
        found = milp(
            np.r_[np.zeros(k), np.ones(m)],
            constraints=(
                np.block([[moves, np.zeros((m, m))], [-moves, np.diag(high / unit)]]),
                np.r_[-mass, mass] / unit,
                np.inf,
            ),
            integrality=np.r_[np.zeros(k), np.ones(m)],
            bounds=Bounds(np.r_[np.full(k, -np.inf), 1.0 * never_zero], np.r_[np.full(k, np.inf), 1.0 * (high > 0)]),
        )
        if found.x is None:
            raise ValueError(f"the mixed-integer program ended without a support: {found.message}")
        return int(np.round(found.x[k:]).sum())

    def weights(self) -> Factors:
        """The optimum with these masses as balanced factors ``(1, r, d)``, ``(1, r, 1)``."""
        root = self.masses.sqrt()[:, None]
        alive = self.masses > 0
        return (root * self.U)[alive][None], (root * self.signs[:, None])[alive][None]

    def _range(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        """Least and largest rows @ c ``(M,)`` over the face, rows ``(M, m)``."""
        value, slopes = rows @ self.masses, (rows @ self.moves).numpy()
        if not self.moves.shape[1]:
            return value, value
        unit = float(self.masses.max())
        ends = [[self._least(sign * slope, unit) for slope in slopes] for sign in (1.0, -1.0)]
        low, high = (torch.tensor(end, dtype=value.dtype, device="cpu") for end in ends)
        return value + unit * low, value - unit * high

    def _least(self, slope: Array, unit: float) -> float:
        size = float(np.abs(slope).max())
        if size == 0:
            return 0.0
        found = linprog(slope / size, -self.moves.numpy(), self.masses.numpy() / unit, bounds=(None, None))
        if found.x is None:
            raise ValueError(f"the linear program over the optimal face ended with: {found.message}")
        return size * float(found.fun)


def optimal_face(solution: Solution) -> OptimalFace:
    """The face of all global optima near a certified solution, for S of rank at most 3.

    Its gap bounds ‖X − X*‖ ≤ √(2 gap), hence how far below λ a tight atom can lie. ``TypeError`` or ``ValueError``
    unless one hidden ReLU layer, one output, the plain squared loss and Euclidean norms; ``ValueError`` if the gap is
    too wide to tell the atoms, or if they do not produce X.
    """
    problem, price = _served(solution)
    S, X = _inputs(problem), problem.mapping.Phi(*solution.weights)[0, :, 0].detach()
    Q = problem.loss.Y[:, 0] - X
    tightness = math.sqrt(2 * float(solution.certificate.gap[0])) * float(torch.linalg.matrix_norm(S, 2)) / price
    tightness = tightness + 64 * torch.finfo(S.dtype).eps * float(Q.abs() @ S.norm(dim=1)) / price
    if not tightness <= CLOSE:
        raise ValueError(
            f"the gap {float(solution.certificate.gap[0]):.1e} leaves atoms down to {1 - tightness:.4f} λ undecided: "
            "solve to a smaller tol."
        )
    arranged = arrangement(S)
    _, U, V = maximisers(arranged, Q[:, None], 4 * len(S) ** 2 + 4, above=(1 - 2 * tightness) * price)
    signs = V[:, 0]
    features = (S @ U.T).clamp(min=0) * signs
    if not len(U):
        return OptimalFace(problem, U, signs, features, U.new_zeros(0), U.new_zeros(0, 0), 0.0, tightness)
    size = float(X.norm()) or 1.0
    fitted, off = nnls(features.numpy(), (X / size).numpy())
    if off > 10 * CLOSE * max(tightness, 1e-9) ** 0.5 + 10 * tightness:
        raise ValueError(f"the tight atoms miss the outputs by {off:.1e}, relative: solve to a smaller tol.")
    _, values, Vh = np.linalg.svd(features.numpy())
    rank = int((values > max(1e-9, tightness) * values[0]).sum())
    moves = torch.from_numpy(Vh[rank:].T.copy())
    return OptimalFace(problem, U, signs, features, torch.from_numpy(fitted * size), moves, float(off), tightness)


def prediction_bounds(
    solution: Solution, inputs: Tensor, *, within: float = 0.0, tol: float = 1e-10
) -> tuple[Tensor, Tensor]:
    """(low, high), each ``(M,)``: what every network with f ≤ objective + ``within`` predicts at inputs ``(M, d)``.

    Proved, for S of any rank that has a polar. One sample more, the input times ω with a far target ω y₀, makes a
    problem whose lower bound B leaves ½ω²(x − y₀)² ≥ B − f to a network of value f; predictions of such networks, of
    all sizes, fill an interval, so x stays on the solution's side. Six ω an input and side, each solved to ``tol``.
    """
    problem, _ = _served(solution)
    number("within", within, positive=False, finite=True)
    inputs = _checked(problem, inputs)
    eps = torch.finfo(inputs.dtype).eps
    top = solution.objective * (1 + 8 * (math.log2(problem.card) + 4) * eps) + within
    at = problem.predict(solution.weights, inputs)[0, :, 0]
    ends = [[_end(solution, x, float(z), side, top, tol) for x, z in zip(inputs, at, strict=True)] for side in (-1, 1)]
    low, high = (torch.tensor(end, dtype=at.dtype, device="cpu") for end in ends)
    return low, high


def _end(solution: Solution, x: Tensor, z: float, side: int, top: float, tol: float) -> float:
    """The best of the bounds from PULLS on one side of the prediction z at x ``(d,)``."""
    problem = solution.problem
    X = problem.mapping.Phi(*solution.weights)[0]
    force, far = float((problem.loss.Y - X).abs().max()), float(problem.loss.Y.abs().max()) + abs(z)
    best = side * math.inf
    if force == 0 or far == 0:
        return best
    for pull in PULLS:
        omega, target = math.sqrt(pull * force / far), z + side * far
        row, wanted = omega * x[None], problem.loss.Y.new_tensor([[omega * target]])
        more = replace(
            problem,
            loss=SquaredLoss(torch.cat([problem.loss.Y, wanted])),
            mapping=ReluUnit(torch.cat([_inputs(problem), row])),
        )
        bound = solve(more, start=solution.weights, tol=tol)
        proved = max(entry.best_bound for entry in bound.history)
        proved = max(proved, float(bound.certificate.lower_bound[0]))
        if proved > top:
            end = target - side * math.sqrt(2 * (proved - top)) / omega * (1 - 1e-14)
            best = min(best, end) if side > 0 else max(best, end)
    return best


def _served(solution: Solution) -> tuple[Problem, float]:
    """The problem, and the price of a unit of mass: λ times the constant of θ = c ‖u‖ |v|."""
    problem = instance("solution", solution, Solution, "pass what solve(problem) returns.").problem
    mapping = instance("the mapping", problem.mapping, ReluUnit, "the face of optima is known for one hidden layer.")
    loss = instance("the loss", problem.loss, SquaredLoss, "the face of optima is known for the squared loss.")
    form = problem.regularizer.product(mapping.factor_shapes)
    if mapping.outputs != 1 or loss.weights is not None or loss.has_bias or form is None or not form.euclidean:
        raise ValueError(
            "the face of optima is known for one output, SquaredLoss(Y) without weights or output bias, and Euclidean "
            "norms: use SumOfSquares() or ProductOfNorms()."
        )
    return problem, problem.lam * form.constant


def _generic(U: Tensor) -> Tensor:
    """A direction ``(d,)`` that no unit of generic data is orthogonal to."""
    return torch.arange(2, U.shape[1] + 2, dtype=U.dtype, device="cpu").sqrt()


def _inputs(problem: Problem) -> Tensor:
    assert isinstance(problem.mapping, ReluUnit)
    return problem.mapping.S


def _checked(problem: Problem, inputs: Tensor) -> Tensor:
    check_alike(S=_inputs(problem), inputs=inputs)
    check_finite("inputs", inputs)
    if inputs.dim() != 2 or inputs.shape[1] != _inputs(problem).shape[1]:
        raise ValueError(f"inputs have shape {tuple(inputs.shape)}, expected (M, {_inputs(problem).shape[1]}).")
    return inputs
