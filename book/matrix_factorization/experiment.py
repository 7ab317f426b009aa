"""Section 3 of the paper: eqs. (6), (7) and (8) compared, with the certificate of every run."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from global_optimality import convex
from global_optimality.certificate import certify
from global_optimality.descent import LBFGS, Method, NewtonCG, minimise
from global_optimality.factors import Factors, scale
from global_optimality.losses import SquaredLoss
from global_optimality.mappings import MatrixProduct
from global_optimality.meta_algorithm import DescentPath, meta_algorithm
from global_optimality.polar import lambda_max
from global_optimality.problem import Problem
from global_optimality.regularizers import SumOfSquares
from global_optimality.streams import generator, normal, uniform

from ..shared import data
from ..shared.tables import frame, path_table, runs_table


def factorization(Y: Tensor, share: float) -> Problem:
    """Eq. (6) for the matrix Y at λ = share · λ_max, where λ_max = σ₁(Y)."""
    rows, columns = Y.shape
    largest = lambda_max(Problem(SquaredLoss(Y), MatrixProduct(rows, columns), SumOfSquares(), 1.0))
    return Problem(SquaredLoss(Y), MatrixProduct(rows, columns), SumOfSquares(), share * largest)


def rank_r_optimum(Y: Tensor, lam: float, r: int) -> float:
    """The minimum of eq. (6) over networks of size r: ½ Σ_{i>r} σ_i² + Σ_{i≤r} [½ min(σ_i, λ)² + λ(σ_i − λ)₊]."""
    s = torch.linalg.svdvals(Y)
    head, tail = s[:r], s[r:]
    return float((0.5 * head.clamp(max=lam) ** 2 + lam * (head - lam).clamp(min=0)).sum() + 0.5 * tail.square().sum())


def variational_form(sizes: Sequence[int], *, trials: int, seed: int) -> pd.DataFrame:
    """Eq. (7), both directions: ½(‖U‖² + ‖V‖²) / ‖X‖_* for the balanced SVD and for random factors of the same X.

    X is a random matrix of rank 3; its factors of size r are U = U₀A, V = V₀A⁺ᵀ with a random A ``(3, r)``.
    """
    stream = generator(seed, "variational form")
    rows = []
    for trial in range(trials):
        X = normal(stream, 12, 3) @ normal(stream, 3, 9)
        U, s, Vh = torch.linalg.svd(X, full_matrices=False)
        U0, V0 = U[:, :3] * s[:3].sqrt(), Vh[:3].T * s[:3].sqrt()
        nuclear = s[:3].sum()
        for r in sizes:
            A = normal(stream, 3, r)
            pairs = {
                "balanced SVD": (U0, V0),
                "random factors": (U0 @ A, V0 @ torch.linalg.pinv(A).T),
                "SVD with all of σ on one side": (U[:, :3] * s[:3], Vh[:3].T),
            }
            for kind, (left, right) in pairs.items():
                value = 0.5 * (left.square().sum() + right.square().sum())
                error = (left @ right.T - X).norm() / X.norm()
                rows.append((trial, r, kind, float(value / nuclear), float(error)))
    return pd.DataFrame(rows, columns=["trial", "size", "factors", "ratio", "error"])


def digits_against_closed_form(r: int, *, runs: int, share: float, seed: int, device: str = "cpu") -> pd.DataFrame:
    """Eq. (6) on the 1797 × 64 digits by L-BFGS from random starts, beside eq. (8) in closed form."""
    Y = data.digits().S.to(device)
    problem = factorization(Y, share)
    reference = convex.nuclear_norm_approximation(Y.cpu().numpy(), problem.lam)
    descent = minimise(problem, problem.random(runs, r, seed=seed), LBFGS(memory=20), tol=1e-10, max_steps=3000)
    table = runs_table(descent, certify(problem, descent.weights), lam=problem.lam)
    table["closed_form"] = reference.objective
    table["relative_error"] = (table["objective"] - reference.objective).abs() / reference.objective
    table["rank"] = int(np.linalg.matrix_rank(reference.X))
    return table


def singular_values(Y: Tensor, share: float) -> pd.DataFrame:
    """σ_i of Y and what eq. (8) keeps of them, (σ_i − λ)₊."""
    s = torch.linalg.svdvals(Y)
    lam = share * float(s[0])
    return frame(index=range(1, len(s) + 1), sigma=s, kept=(s - lam).clamp(min=0), lam=lam)


def census(
    sizes: Sequence[int], *, runs: int, share: float = 0.1, seed: int, device: str = "cpu", method: Method | None = None
) -> pd.DataFrame:
    """Many starts for each r on a planted 30 × 20 matrix: excess over F*, certified gap, polar, closed forms."""
    Y = data.low_rank(30, 20, 6, noise=0.1, seed=seed).to(device)
    problem = factorization(Y, share)
    s = torch.linalg.svdvals(Y)
    optimum = convex.nuclear_norm_approximation(Y.cpu().numpy(), problem.lam).objective
    tables = []
    for r in sizes:
        method = NewtonCG() if method is None else method
        descent = minimise(problem, problem.random(runs, r, seed=seed, deviation=0.5), method, tol=1e-10)
        table = runs_table(descent, certify(problem, descent.weights))
        table["optimum_r"] = rank_r_optimum(Y, problem.lam, r)
        table["polar_r"] = max(1.0, float(s[r]) / problem.lam) if r < len(s) else 1.0
        tables.append(table)
    table = pd.concat(tables, ignore_index=True)
    table["optimum"] = optimum
    table["excess"] = (table["objective"] - optimum) / optimum
    table["sufficient"] = int((s > problem.lam).sum())
    return table


def gap_along_descent(tolerances: Sequence[float], *, runs: int, r: int, share: float = 0.1, seed: int) -> pd.DataFrame:
    """The certificate of runs stopped at several gradient tolerances: gap and true excess against ‖∇f‖."""
    Y = data.low_rank(30, 20, 6, noise=0.1, seed=seed)
    problem = factorization(Y, share)
    optimum = convex.nuclear_norm_approximation(Y.numpy(), problem.lam).objective
    start = problem.random(runs, r, seed=seed, deviation=0.5)
    tables = []
    for tol in tolerances:
        descent = minimise(problem, start, LBFGS(), tol=tol)
        tables.append(runs_table(descent, certify(problem, descent.weights), tol=tol))
    table = pd.concat(tables, ignore_index=True)
    table["relative_gradient"] = table["gradient_norm"] / (problem.lam * table["objective"]) ** 0.5
    table["excess"] = (table["objective"] - optimum) / optimum
    return table


def sufficient_sizes(shares: Sequence[float], *, matrices: int, seed: int) -> pd.DataFrame:
    """The size at which the meta-algorithm, started from one column, is certified, beside #{σ_i > λ}."""
    rows = []
    for matrix in range(matrices):
        Y = data.low_rank(12, 10, 5, noise=0.2, seed=seed + matrix)
        for share in shares:
            problem = factorization(Y, share)
            path = meta_algorithm(problem, r=1, seed=seed)
            count = int((torch.linalg.svdvals(Y) > problem.lam).sum())
            gap = float(path.certificate.relative_gap)
            rows.append((matrix, share, path.size[-1], count, problem.card, gap, path.status.name))
    names = ["matrix", "share", "size", "count", "card", "relative_gap", "status"]
    return pd.DataFrame(rows, columns=names)


def _small(seed: int) -> tuple[Problem, float]:
    """A 5 × 4 problem whose solution has rank 3, and F* in closed form."""
    Y = data.low_rank(5, 4, 3, noise=0.1, seed=seed)
    problem = factorization(Y, 0.05)
    return problem, convex.nuclear_norm_approximation(Y.numpy(), problem.lam).objective


def equal_columns(problem: Problem, seed: int) -> Factors:
    """card(X) + 1 copies of one random column: descent by gradients keeps them equal."""
    r = problem.card + 1
    return tuple(w.expand(-1, r, -1).clone() for w in problem.random(1, 1, seed=seed, deviation=0.3))


def path_from_a_bad_start(*, seed: int) -> tuple[pd.DataFrame, DescentPath]:
    """Theorem 2's path from r = card(X) + 1 equal columns with first-order descent: (table, path).

    The descent ends at a saddle with all columns equal; only the slide and the polar lead on.
    """
    problem, optimum = _small(seed)
    path = meta_algorithm(problem, equal_columns(problem, seed), method=LBFGS(), tol=1e-10)
    return path_table(path).assign(optimum=optimum), path


def path_from_one_column(*, seed: int) -> tuple[pd.DataFrame, DescentPath]:
    """The same problem from r = 1: zero columns are appended (step 4) until the certificate closes."""
    problem, optimum = _small(seed)
    path = meta_algorithm(problem, problem.random(1, 1, seed=seed, deviation=0.3), method=LBFGS(), tol=1e-10)
    return path_table(path).assign(optimum=optimum), path


def descent_alone(*, seed: int) -> tuple[float, float]:
    """Where first-order descent from equal columns ends, the control without step 3: relative excess, and its floor.

    Equal columns stay equal, so the product has rank one: no descent comes below the best network of size 1, and that
    lies above F* as soon as σ₂ > λ.
    """
    problem, optimum = _small(seed)
    descent = minimise(problem, equal_columns(problem, seed), LBFGS(), tol=1e-10)
    floor = rank_r_optimum(problem.loss.Y, problem.lam, 1)
    return float(descent.objective) / optimum - 1, floor / optimum - 1


def loglog_slope(x: pd.Series, y: pd.Series) -> float:
    """The exponent of y in x by least squares on logarithms."""
    return float(np.polyfit(np.log(x), np.log(y), 1)[0])


def refusals(*, seed: int, share: float = 0.1, tol: float = 1e-8) -> pd.DataFrame:
    """Negative controls: networks that must not be certified, with the verdict each one gets.

    Too small a network; the optimum of another λ; the optimum perturbed or unbalanced.
    The first row is the optimum itself, which must be certified.
    """
    Y = data.low_rank(30, 20, 6, noise=0.1, seed=seed)
    problem = factorization(Y, share)
    count = int((torch.linalg.svdvals(Y) > problem.lam).sum())
    best = _descended(problem, count, seed)
    stream = generator(seed, "refusals")
    cases: list[tuple[str, Problem, Factors]] = [("the optimum", problem, best)]
    cases += [(f"r = {r}, below the rank {count}", problem, _descended(problem, r, seed)) for r in (1, count - 1)]
    for factor in (0.9, 0.999, 1.001, 1.1):
        other = Problem(problem.loss, problem.mapping, problem.regularizer, factor * problem.lam)
        cases.append((f"the optimum, certified with {factor} λ", other, best))
    noise = tuple(w + 1e-3 * normal(stream, *w.shape, like=w) for w in best)
    cases.append(("the optimum with noise of 10⁻³ on the weights", problem, noise))
    two = torch.full_like(best[0][..., 0], 2.0)
    unbalanced = scale(best[:1], two) + scale(best[1:], 1 / two)
    cases.append(("the same product with unbalanced factors", problem, unbalanced))
    rows = []
    for name, judged, W in cases:
        certificate = certify(judged, W)
        verdict = certificate.verdict(tol)[0]
        rows.append((name, float(certificate.relative_gap), float(certificate.polar), verdict.name))
    return pd.DataFrame(rows, columns=["network", "relative_gap", "polar", "verdict"])


def _descended(problem: Problem, r: int, seed: int) -> Factors:
    return minimise(problem, problem.random(1, r, seed=seed), NewtonCG(), tol=1e-11).weights


def random_lower_bounds(*, trials: int, seed: int, share: float = 0.1) -> pd.DataFrame:
    """Weak duality at random weights of all scales: lower bound and objective beside F*."""
    Y = data.low_rank(30, 20, 6, noise=0.1, seed=seed)
    problem = factorization(Y, share)
    optimum = convex.nuclear_norm_approximation(Y.numpy(), problem.lam).objective
    scales = 10 ** (6 * uniform(generator(seed, "scales"), trials) - 4)
    W = tuple(scales[:, None, None] * w for w in problem.random(trials, 4, seed=seed))
    certificate = certify(problem, W)
    return frame(scale=scales, lower_bound=certificate.lower_bound, objective=certificate.objective, optimum=optimum)


def certificates_by_hand() -> pd.DataFrame:
    """The two certificates that the chapter computes by hand: Y = diag(3, 2), λ = 1, one column pair and then two."""
    problem = Problem(
        SquaredLoss(torch.tensor([[3.0, 0.0], [0.0, 2.0]]).double()), MatrixProduct(2, 2), SumOfSquares(), 1
    )
    U = torch.tensor([[[2**0.5, 0.0], [0.0, 1.0]]], dtype=torch.float64)
    proofs = {f"{r} columns" if r > 1 else "1 column": certify(problem, (U[:, :r], U[:, :r])) for r in (1, 2)}
    rows = [
        (float(p.objective), float(p.lower_bound), float(p.polar), p.verdict(1e-8)[0].name) for p in proofs.values()
    ]
    return pd.DataFrame(rows, index=list(proofs), columns=["objective", "lower_bound", "polar", "verdict"])
