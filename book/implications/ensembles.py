"""Sums of subnetworks built one by one, trained at once, or averaged: eq. (4), boosting and ensembles (section 6)."""

import warnings
from collections.abc import Sequence

import numpy as np
import pandas as pd
import torch
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import Lasso
from torch import Tensor

from global_optimality.boosting import boost
from global_optimality.certificate import certify
from global_optimality.descent import GradientDescent, minimise, refit
from global_optimality.factors import Factors, scale, slice_norms, take_runs
from global_optimality.polar import PolarBound, polar_of
from global_optimality.problem import Problem
from global_optimality.sliding_frank_wolfe import Solution
from global_optimality.streams import generator, normal

from ..shared.relu_problems import descend, inputs


def lasso(problem: Problem, U: Tensor, *, tol: float) -> tuple[float, float]:
    """Eq. (4) by scikit-learn: min over x of ½‖y − Σ x_i h_i‖² + λ‖x‖₁, h_i = (S u_i)₊ for rows u_i made of length 1.

    The objective, and its duality gap, computed here: of nearly collinear units scikit-learn may stop before its gap is
    below ``tol`` ‖y‖², and warns; the gap says how far the answer can be from the minimum.
    """
    H = torch.relu(inputs(problem) @ (U / U.norm(dim=1, keepdim=True)).T).numpy()
    y = problem.loss.Y[:, 0].numpy()
    model = Lasso(alpha=problem.lam / len(y), fit_intercept=False, tol=tol, max_iter=100_000)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        x = model.fit(H, y).coef_
    residual = y - H @ x
    dual = residual * min(1.0, problem.lam / float(np.abs(H.T @ residual).max()))
    value = 0.5 * residual @ residual + problem.lam * np.abs(x).sum()
    return float(value), float(value - 0.5 * (y @ y - (y - dual) @ (y - dual)))


def dictionaries(solution: Solution, sizes: Sequence[int], *, seed: int) -> pd.DataFrame:
    """Eq. (4) on growing sets of random units, and on the certified network's own units: excess over F*, and gap."""
    problem = solution.problem
    d, rows = inputs(problem).shape[1], []
    drawn = normal(generator(seed, "dictionary"), max(sizes), d)
    rows += [(f"{size} random units", size, *lasso(problem, drawn[:size], tol=1e-5)) for size in sizes]
    own = solution.weights[0][0]
    rows.append(("the certified network's units", len(own), *lasso(problem, own, tol=1e-10)))
    table = pd.DataFrame(rows, columns=["dictionary", "units", "objective", "gap"])
    return table.assign(excess=table["objective"] / solution.objective - 1, gap=table["gap"] / solution.objective)


def history(found: Solution) -> pd.DataFrame:
    """f, certified gap and size, one row a round."""
    rows = [(r.objective, r.relative_gap, r.size) for r in found.history]
    return pd.DataFrame(rows, columns=["objective", "relative_gap", "size"])


def boosting(problem: Problem, optimum: float, *, rounds: int) -> tuple[pd.DataFrame, Factors]:
    """One unit a round, the polar as weak learner: f, excess, certified gap and size before each round."""
    found = boost(problem, tol=1e-7, max_rounds=rounds)
    table = history(found)
    table = table.assign(round=range(len(table)), excess=table["objective"] / optimum - 1)
    return table, found.weights


def random_learner(problem: Problem, optimum: float, *, rounds: int, tries: int, seed: int) -> pd.DataFrame:
    """The same with a weak learner that takes the best of ``tries`` random units: it stops when none of them helps."""
    stream, exact = generator(seed, "weak learner"), polar_of(problem)

    def weak(Q: Tensor) -> PolarBound:
        U = normal(stream, tries, inputs(problem).shape[1])
        U = U / U.norm(dim=1, keepdim=True)
        values = torch.relu(U @ inputs(problem).T) @ Q[0, :, 0]
        best = values.abs().argmax()
        atom = U[best][None, None], values[best].sign().reshape(1, 1, 1)
        return PolarBound(values[best].abs()[None], torch.full((1,), torch.inf, dtype=Q.dtype), atom)

    found = boost(problem, polar=weak, tol=1e-7, max_rounds=rounds)
    table = history(found)
    polar = float(certify(problem, found.weights, exact).polar[0])
    return table.assign(round=range(len(table)), excess=table["objective"] / optimum - 1, polar=polar)


def joint_starts(problem: Problem, r: int, *, runs: int, steps: int, seed: int) -> Factors:
    """All subnetworks trained at once by gradient descent, from ``runs`` random starts."""
    start = problem.random(runs, r, seed=seed, deviation=0.3)
    return minimise(problem, start, GradientDescent(), max_steps=steps).weights


def average(W: Factors, degree: int) -> Factors:
    """The runs as one network whose output is the mean of theirs: every weight divided by n^{1/p}; Θ is their mean."""
    n, r = W[0].shape[:2]
    flat = tuple(w.reshape(1, n * r, *w.shape[2:]) for w in W)
    return scale(flat, torch.full((1, n * r), n ** (-1 / degree), dtype=W[0].dtype, device=W[0].device))


def ways(problem: Problem, solution: Solution, boosted: Factors, *, r: int, runs: int, seed: int) -> pd.DataFrame:
    """Networks trained at once, alone and averaged, beside boosting and ``solve``: excess over F*, gap, size."""
    W = joint_starts(problem, r, runs=runs, steps=400, seed=seed)
    values = problem(*W)
    best = take_runs(W, values.argmin()[None])
    mean = average(W, problem.mapping.degree)
    weights = tuple(w.mean(0, keepdim=True) for w in W)
    polished = descend(problem, mean)
    made = {
        "average of the weights": weights,
        "the best network": best,
        "average of the outputs": mean,
        "… its scales refitted": refit(problem, mean),
        "… then descent in all weights": polished,
        "boosting, then descent": descend(problem, boosted),
        "boosting": boosted,
        "solve": solution.weights,
    }
    rows = [("the mean network", r, float(values.mean()), float("nan"))]
    for name, V in made.items():
        certificate = certify(problem, V)
        size = int((slice_norms(V)[0] > 0).sum())
        rows.append((name, size, float(certificate.objective[0]), float(certificate.relative_gap[0])))
    table = pd.DataFrame(rows, columns=["way", "size", "objective", "relative_gap"])
    return table.assign(excess=table["objective"] / solution.objective - 1).set_index("way")


def averaging_gain(problem: Problem, *, r: int, runs: int, counts: Sequence[int], seed: int) -> pd.DataFrame:
    """f of averages of the first m networks beside the mean of their f: never above it, as ℓ is convex."""
    W, rows = joint_starts(problem, r, runs=runs, steps=150, seed=seed), []
    for m in counts:
        some = tuple(w[:m] for w in W)
        together = float(problem(*average(some, problem.mapping.degree))[0])
        rows.append((m, together, float(problem(*some).mean())))
    return pd.DataFrame(rows, columns=["networks", "average", "mean"])
