"""Figure 2 of the paper from real objectives: a saddle of two weights, plateaus of copies, and the slide off them.

Figure 1 is in ``relu_line``.
"""

from dataclasses import dataclass
from typing import Any

import pandas as pd
import torch
from torch import Tensor

from global_optimality.certificate import Verdict, certify
from global_optimality.descent import LBFGS, Method, minimise
from global_optimality.factors import Factors, flatten, scale, unflatten
from global_optimality.losses import SquaredLoss
from global_optimality.mappings import MatrixProduct
from global_optimality.meta_algorithm import DescentPath, meta_algorithm, null_vectors
from global_optimality.polar import polar_of
from global_optimality.problem import Problem
from global_optimality.regularizers import SumOfSquares
from global_optimality.streams import generator, normal

from ..shared.tables import frame, path_table

TEST_TOL = 1e-4
"""Relative gap at which the chapter asks for a verdict: far below every excess shown, far above rounding."""

STAIR_TOL = 1e-5
"""Relative distance of a plateau's height from its closed form: the meta-algorithm descends to a relative gradient of
10⁻³ before it slides, and the excess is second order in it: 10⁻⁶ over twice the smallest curvature."""

PATH_TOL = 1e-10
"""Relative gap that the certificate at the end of the staircase proves."""


def two_weights(y: float, lam: float) -> Problem:
    """Eq. (6) for a matrix of one entry."""
    return Problem(SquaredLoss(torch.tensor([[y]], dtype=torch.float64)), MatrixProduct(1, 1), SumOfSquares(), lam)


def hessian(problem: Problem, W: Factors) -> Tensor:
    """∇²f of one run, ``(m, m)``: its products with the coordinate vectors."""
    m = flatten(W).shape[1]
    runs = tuple(w.repeat(m, *[1] * (w.dim() - 1)) for w in W)
    return flatten(problem.hessian_product(runs, unflatten(torch.eye(m, dtype=W[0].dtype), W)))


def two_weights_table(y: float, lam: float) -> pd.DataFrame:
    """The critical points of f(u, v) in closed form, with what the package measures there."""
    s = max(y - lam, 0.0) ** 0.5
    points = [("saddle", 0.0), ("global minimum", s), ("global minimum", -s)] if s > 0 else [("global minimum", 0.0)]
    low = 0.5 * y**2 if s == 0 else lam * y - 0.5 * lam**2
    problem = two_weights(y, lam)
    w = torch.tensor([a for _, a in points], dtype=torch.float64).reshape(-1, 1, 1)
    certificate = certify(problem, (w, w))
    spectra = [torch.linalg.eigvalsh(hessian(problem, (x[None], x[None]))) for x in w]
    return frame(
        kind=[kind for kind, _ in points],
        u=w[:, 0, 0],
        v=w[:, 0, 0],
        objective=certificate.objective,
        closed_form=[0.5 * y**2 if a == 0 else low for _, a in points],
        gradient_norm=certificate.gradient_norm,
        lowest_curvature=torch.stack(spectra)[:, 0],
        highest_curvature=torch.stack(spectra)[:, 1],
        verdict=[v.name for v in certificate.verdict(TEST_TOL)],
    )


def stationary_search(problem: Problem, starts: int, *, steps: int = 200, seed: int = 0) -> pd.DataFrame:
    """The different zeros (u, v) of ∇f that Levenberg and Marquardt's method on ‖∇f‖² reaches from random starts."""
    x = 2 * normal(generator(seed, "stationary search", starts), starts, 2)
    damping = torch.full((starts,), 1e-2, dtype=x.dtype)

    def gradient(x: Tensor) -> Tensor:
        return flatten(problem.gradient(x[:, :1, None], x[:, 1:, None])[1])

    axes = torch.eye(2, dtype=x.dtype)
    for _ in range(steps):
        W = (x[:, :1, None], x[:, 1:, None])
        columns = [flatten(problem.hessian_product(W, unflatten(e.repeat(starts, 1), W))) for e in axes]
        H, g = torch.stack(columns, 2), gradient(x)
        normal_matrix = H @ H + damping[:, None, None] * axes
        new = x - torch.linalg.solve(normal_matrix, (H @ g[:, :, None])[:, :, 0])
        better = gradient(new).norm(dim=1) < g.norm(dim=1)
        x = torch.where(better[:, None], new, x)
        damping = torch.where(better, damping / 4, damping * 4).clamp(1e-14, 1e6)
    x = x[gradient(x).norm(dim=1) <= 1e-10]
    _, which, counts = (x / 1e-6).round().unique(dim=0, return_inverse=True, return_counts=True)
    points = torch.zeros(len(counts), 2, dtype=x.dtype).index_add(0, which, x) / counts[:, None]
    return frame(u=points[:, 0], v=points[:, 1], starts=counts, reached=len(x) / starts)


def plane(y: float, lam: float, count: int, reach: float) -> pd.DataFrame:
    """Two planes of weights, columns r, a, b, objective: (u, v) = (a, b) for r = 1; u = v = (a, b) for r = 2."""
    problem = two_weights(y, lam)
    side = torch.linspace(-reach, reach, count, dtype=torch.float64)
    b, a = (x.flatten() for x in torch.meshgrid(side, side, indexing="ij"))
    both = torch.stack([a, b], 1)[:, :, None]
    values = {1: problem(a[:, None, None], b[:, None, None]), 2: problem(both, both)}
    return pd.concat([frame(r=r, a=a, b=b, objective=f) for r, f in values.items()], ignore_index=True)


def ring(y: float, lam: float, count: int) -> pd.DataFrame:
    """f on the circle u = v = √(y − λ) (cos α, sin α) of two subnetworks, y > λ: columns angle, objective, verdict."""
    angle = torch.linspace(0, 2 * torch.pi, count + 1, dtype=torch.float64)[:-1]
    w = (y - lam) ** 0.5 * torch.stack([angle.cos(), angle.sin()], 1)[:, :, None]
    certificate = certify(two_weights(y, lam), (w, w))
    return frame(angle=angle, objective=certificate.objective, verdict=[v.name for v in certificate.verdict(TEST_TOL)])


def zero_spectrum(y: float, lam: float, r: int) -> pd.DataFrame:
    """The eigenvalues of the Hessian at 0 for r subnetworks of one entry: λ − y and λ + y, r times each."""
    zero = torch.zeros(1, r, 1, dtype=torch.float64)
    return frame(r=r, eigenvalue=torch.linalg.eigvalsh(hessian(two_weights(y, lam), (zero, zero))))


def matrix_problem(rows: list[list[float]], lam: float, device: str = "cpu") -> Problem:
    """Eq. (6) for a small matrix."""
    Y = torch.tensor(rows, dtype=torch.float64, device=device)
    return Problem(SquaredLoss(Y), MatrixProduct(*Y.shape), SumOfSquares(), lam)


def copies(problem: Problem, r: int, seed: int) -> Factors:
    """A bad start: one random subnetwork, r times. Every gradient step keeps the copies equal."""
    return tuple(w.expand(1, r, *w.shape[2:]).clone() for w in problem.random(1, 1, seed=seed))


@dataclass(frozen=True, eq=False)
class StuckCopies:
    """Two stuck copies, the null vector β, and the polar's atom for the subnetwork that the slide empties."""

    problem: Problem
    weights: Factors
    beta: Tensor
    atom: Factors

    def at(self, t: Tensor, amplitude: Tensor, power: float = 0.5) -> Factors:
        """w_i ← (1 + tβ_i)^power w_i, then amplitude · atom added to the subnetwork that ends at zero; (n,) each."""
        moved = scale(self.weights, (1 + t[:, None] * self.beta).clamp(min=0) ** power)
        emptied = torch.nn.functional.one_hot(self.beta.argmin(), len(self.beta)).to(t)
        return tuple(w + (amplitude[:, None] * emptied)[:, :, None] * a for w, a in zip(moved, self.atom, strict=True))


def stuck_copies(problem: Problem, seed: int) -> StuckCopies:
    """Two equal copies, brought by L-BFGS to where it stops."""
    descent = minimise(problem, copies(problem, 2, seed), LBFGS(), tol=1e-13)
    gradient = problem.loss.gradient(problem.mapping.Phi(*descent.weights))
    beta = null_vectors(problem, descent.weights)[0]
    return StuckCopies(problem, descent.weights, beta, polar_of(problem)(-gradient).atom)


def surface(slide: StuckCopies, count: int, reach: float) -> pd.DataFrame:
    """f over slide time t ∈ [0, 1] and amplitude ε ∈ [−reach, reach]: columns t, amplitude, objective."""
    t = torch.linspace(0, 1, count, dtype=torch.float64, device=slide.beta.device)
    half = torch.linspace(0, reach, count, dtype=torch.float64, device=slide.beta.device)
    a = torch.cat([-half[1:].flip(0), half])
    t, a = (x.flatten() for x in torch.meshgrid(t, a, indexing="ij"))
    return frame(t=t, amplitude=a, objective=slide.problem(*slide.at(t, a)))


def slide_data(slide: StuckCopies) -> dict[str, Any]:
    """What a page needs to move along the slide by itself: data, stuck weights, β, atom, and the optimum."""
    U, V = (w[0] for w in slide.weights)
    optimum = float(rank_levels(slide.problem)["objective"].min())
    start = {"Y": slide.problem.loss.Y, "lam": slide.problem.lam, "optimum": optimum}
    return {**start, "U": U, "V": V, "beta": slide.beta, "atom": [a[0, 0] for a in slide.atom]}


def slide_values(slide: StuckCopies, count: int, power: float) -> pd.DataFrame:
    """f along the slide with the factors scaled by (1 + tβ)^power; the theory's power is 1/p, p the degree."""
    t = torch.linspace(0, 1, count, dtype=torch.float64, device=slide.beta.device)
    return frame(t=t, power=power, objective=slide.problem(*slide.at(t, torch.zeros_like(t), power)))


def staircase(problem: Problem, r: int, seed: int, method: Method) -> DescentPath:
    """Theorem 2's path from r copies of one random column."""
    return meta_algorithm(problem, copies(problem, r, seed), method=method, tol=PATH_TOL)


def staircase_table(path: DescentPath) -> pd.DataFrame:
    """The points of the path, with the lower bound that the certificate of its end proves."""
    table = path_table(path)
    table["lower_bound"] = float(path.certificate.lower_bound)
    return table


def slides(table: pd.DataFrame) -> pd.DataFrame:
    """One row a slide of a path: its height, the largest relative change of f on it, and where f ends after it."""
    rows, pieces = [], [part for _, part in table.groupby("piece")]
    for place, part in enumerate(pieces):
        if part["step"].iloc[0] == "SLIDE":
            before, f = pieces[place - 1]["objective"].iloc[-1], part["objective"].to_numpy()
            after = pieces[min(place + 1, len(pieces) - 1)]["objective"].iloc[-1]
            rows.append((len(rows) + 1, before, abs(f / before - 1).max(), after))
    return pd.DataFrame(rows, columns=pd.Index(["slide", "height", "change", "objective_after"]))


def rank_levels(problem: Problem) -> pd.DataFrame:
    """f at X_k = Σ_{i≤k} (σ_i − λ)₊ u_i v_iᵀ, in closed form, k = 0, 1, …: the heights at which copies get stuck."""
    s = torch.linalg.svdvals(problem.loss.Y)
    gain = 0.5 * (s - problem.lam).clamp(min=0).square()
    heights = 0.5 * s.square().sum() - torch.cat([torch.zeros(1).to(s), gain.cumsum(0)])
    return frame(k=range(len(heights)), objective=heights)


def descent_alone(problem: Problem, r: int, seed: int, method: Method) -> float:
    """The objective at which a local method stops, without slides, from the start of ``staircase``."""
    return float(minimise(problem, copies(problem, r, seed), method).objective)


def refutation(problem: Problem, W: Factors) -> tuple[float, str]:
    """By which share one more subnetwork lowers f, NaN unless the verdict is REFUTED; and what the certificate says."""
    certificate = certify(problem, W)
    (verdict,) = certificate.verdict(TEST_TOL)
    drop = float(1 - certificate.escape_objective / certificate.objective)
    return drop if verdict is Verdict.REFUTED else float("nan"), certificate.explain(TEST_TOL)[0]
