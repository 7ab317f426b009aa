"""Certified training on real data: a regression path over λ, dead units beside a sigmoid network, many features."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import NamedTuple

import pandas as pd
import torch
from torch import Tensor, nn

from global_optimality.arrangement import hyperplanes
from global_optimality.certificate import Verdict, certify
from global_optimality.effort import Effort
from global_optimality.factors import Factors, slice_norms, take_runs
from global_optimality.homogeneity import measure_degree, random_points
from global_optimality.losses import LogisticLoss, SquaredLoss
from global_optimality.mappings import ReluUnit
from global_optimality.polar import lambda_max, polar_of
from global_optimality.polar.relu import Enclosed
from global_optimality.polar.row_space import row_space
from global_optimality.problem import Problem
from global_optimality.regularizers import SumOfSquares
from global_optimality.sliding_frank_wolfe import Solution, solve, solve_path
from global_optimality.streams import generator
from global_optimality.torch_networks import certify_network

from ..shared import data
from ..shared.relu_problems import descend, escape, inputs, with_bias
from .digits_plane import adam, principal_components

ZERO = 1e-2
"""A unit whose weights are below ZERO times the mean of all units counts as zero: Adam only comes near to it."""

TOL = 1e-6
"""Relative gap at which a run counts as global."""

BODY_MASS, TRIGLYCERIDES = 2, 8
"""Columns of the diabetes data: body mass index, and the logarithm of the serum triglycerides level."""


class Regression(NamedTuple):
    """A training problem with a free output bias, and held-out rows and targets."""

    problem: Problem
    S: Tensor
    y: Tensor


def diabetes_plane(N: int, *, seed: int) -> Regression:
    """Disease progression from two features of unit deviation, N of the 442 patients for training; λ = λ_max."""
    patients = data.diabetes()
    order = torch.randperm(len(patients.S), generator=generator(seed, "diabetes"))
    x, y = patients.S[order][:, [BODY_MASS, TRIGLYCERIDES]], patients.target[order].double()
    S, y = with_bias((x - x[:N].mean(0)) / x[:N].std(0)), (y - y[:N].mean()) / y[:N].std()
    problem = Problem(SquaredLoss(y[:N, None], output_bias=0.0), ReluUnit(S[:N]), SumOfSquares(), 1.0)
    return Regression(replace(problem, lam=lambda_max(problem)), S[N:], y[N:])


def regression_path(task: Regression, shares: Sequence[float], *, tol: float = 1e-9) -> tuple[pd.DataFrame, Solution]:
    """One row a λ = share · λ_max, from the largest down, each started from the one before; and the last solution.

    Errors are mean squares in units of the training variance.
    """
    solutions = solve_path(task.problem, [share * task.problem.lam for share in shares], tol=tol)
    rows = []
    for share, solution in zip(shares, solutions, strict=True):
        fitted = solution.predict(inputs(solution.problem))[:, 0]
        train = float((fitted - solution.problem.loss.Y[:, 0]).square().mean())
        test = float((solution.predict(task.S)[:, 0] - task.y).square().mean())
        lam, polar = solution.problem.lam, float(solution.certificate.polar[0])
        units = int((slice_norms(solution.weights)[0] > 0).sum())
        rows.append((share, lam, units, solution.objective, solution.relative_gap, polar, train, test))
    names = ["share", "lam", "units", "objective", "relative_gap", "polar", "train_error", "test_error"]
    return pd.DataFrame(rows, columns=names), solutions[-1]


def least_squares_error(task: Regression) -> float:
    """Held-out error of the linear fit on the same two features."""
    S, y = inputs(task.problem), task.problem.loss.Y
    coefficients = torch.linalg.lstsq(S, y, driver="gelsd").solution
    return float((task.S @ coefficients - task.y[:, None]).square().mean())


def concavity(table: pd.DataFrame) -> float:
    """Largest rise of the slope of F*(λ) between neighbouring λ, relative: F* is a minimum of functions linear in λ."""
    rising = table.sort_values("lam")
    slope = rising["objective"].diff().iloc[1:].to_numpy() / rising["lam"].diff().iloc[1:].to_numpy()
    return float(((slope[1:] - slope[:-1]) / slope.max()).max())


def stale(task: Regression, solution: Solution, shares: Sequence[float]) -> pd.DataFrame:
    """The same network judged at the other λ of a path."""
    rows = []
    for share in shares:
        certificate = certify(replace(task.problem, lam=share * task.problem.lam), solution.weights)
        rows.append((share, float(certificate.relative_gap), certificate.verdict(TOL)[0].name))
    return pd.DataFrame(rows, columns=["share", "relative_gap", "verdict"])


def sigmoid_objective(problem: Problem, *W: Tensor) -> Tensor:
    """The same loss and the same θ with a sigmoid in the place of ReLU, ``(n,)``."""
    X = torch.sigmoid(inputs(problem) @ W[0].mT) @ W[1]
    return problem.loss(X) + problem.lam * problem.regularizer.Theta(*W)


def one_more_sigmoid(problem: Problem, W: Factors) -> Tensor:
    """By how much one more unit with u = 0 and its best v lowers f of a sigmoid network, relative to f, ``(n,)``.

    Squared loss, one output. The unit adds v/2 to every output and costs λv²/2, so f falls by a² / 2(λ + N/4) with
    a half the sum of the residuals: by nothing only if that is zero, which rounding lets appear as 1e-28 at most.
    """
    residual = problem.loss.Y[:, 0] - (torch.sigmoid(inputs(problem) @ W[0].mT) @ W[1])[..., 0]
    a = residual.sum(1) / 2
    return a.square() / (2 * (problem.lam + residual.shape[1] / 4)) / sigmoid_objective(problem, *W)


def widths_by_activation(
    problem: Problem, sizes: Sequence[int], *, runs: int, steps: int, optimum: float, seed: int
) -> tuple[pd.DataFrame, dict[str, dict[int, Factors]]]:
    """Adam on ReLU and sigmoid networks from the same starts: objective over F*, units that are not zero, θ in all.

    And the networks of each activation and size.
    """
    rows: list[tuple[str, int, int, float, int, float]] = []
    networks: dict[str, dict[int, Factors]] = {"ReLU": {}, "sigmoid": {}}
    for r in sizes:
        start = problem.random(runs, r, seed=seed, deviation=0.5)
        for activation, objective in (("ReLU", problem), ("sigmoid", partial(sigmoid_objective, problem))):
            W = adam(objective, start, steps=steps)
            networks[activation][r] = W
            norms = slice_norms(W)
            active = (norms > ZERO * norms.mean(1, keepdim=True)).sum(1)
            value = objective(*W)
            rows += [
                (activation, r, run, float(f) / optimum, int(count), int(count) / r)
                for run, (f, count) in enumerate(zip(value, active, strict=True))
            ]
    return pd.DataFrame(rows, columns=["activation", "size", "run", "objective", "active", "share"]), networks


def freed(problem: Problem, networks: dict[int, Factors]) -> pd.DataFrame:
    """Dead units put to use: descent on faces from each network, then the polar's atom in the place of a zero unit.

    ``gradient`` is ‖∇f‖ in the weights of a zero unit; ``slope`` the polar over λ, above 1 where an atom lowers f.
    """
    polar, rows = polar_of(problem), []
    for r, W in networks.items():
        for run in range(len(W[0])):
            settled = descend(problem, take_runs(W, torch.tensor([run])))
            zero = r - int((slice_norms(settled)[0] > 0).sum())
            if not zero:
                continue
            padded = tuple(torch.cat([w, torch.zeros_like(w[:, :1])], 1) for w in settled)
            gradient = max(float(g[0, -1].norm()) for g in problem.gradient(*padded)[1])
            (_, before), *later = escape(problem, settled, r, polar)
            after, proved = later[-1] if later else (settled, before)
            left = r - int((slice_norms(after)[0] > 0).sum())
            verdict = proved.verdict(TOL)[0] is Verdict.CERTIFIED
            slope = float(before.polar)
            rows.append((r, run, zero, gradient, slope, float(before.relative_gap), len(later), left, verdict))
    names = ["size", "run", "zero_units", "gradient", "slope", "gap_before", "escapes", "zero_units_left", "certified"]
    return pd.DataFrame(rows, columns=names)


def refusals(problem: Problem) -> pd.DataFrame:
    """What the code says to networks that are not positively homogeneous: the degree measured, and the refusal."""
    S = inputs(problem)[:, :-1]
    y = problem.loss.Y
    rows = []
    for activation in (nn.ReLU(), nn.Sigmoid(), nn.Tanh(), nn.GELU()):
        name = type(activation).__name__
        torch.manual_seed(0)
        model = nn.Sequential(nn.Linear(S.shape[1], 4), activation, nn.Linear(4, 1, bias=False)).double()
        try:
            answer = certify_network(model, S, y, loss=nn.MSELoss(), weight_decay=0.01).verdict.name
        except TypeError as refusal:
            answer = str(refusal)
        found = measure_degree(lambda u, v, a=activation: a(S @ u) @ v, random_points([(S.shape[1], 4), (4, 1)]))
        rows.append((name, found.verdict.name, found.estimate, answer))
    return pd.DataFrame(rows, columns=["activation", "homogeneous", "degree", "answer"]).set_index("activation")


class Enclosures(NamedTuple):
    """One row a number of components and an effort, and one trained network for each number of components."""

    table: pd.DataFrame
    solutions: dict[int, Solution]


def many_features(N: int, lam: float, components: Sequence[int], efforts: Sequence[int], *, seed: int) -> Enclosures:
    """The same digits on more and more principal components: what an enclosed polar proves with growing effort.

    Training asks for no bound (an ascent names the units); ``efforts`` are the most cones that may then be bounded.
    """
    rows, solutions = [], {}
    for k in components:
        S, target = principal_components(N, components=k, seed=seed)
        labels = (2.0 * (target[:N] >= 5) - 1)[:, None].double()
        problem = Problem(LogisticLoss(labels), ReluUnit(S[:N]), SumOfSquares(), lam)
        space = row_space(hyperplanes(S[:N]))
        solution = solutions[k] = solve(problem, tol=TOL, polar=Enclosed(space, effort=Effort(nodes=1)), max_rounds=4)
        for effort in efforts:
            proved = certify(problem, solution.weights, Enclosed(space, effort=Effort(nodes=effort, tolerance=TOL)))
            verdict = proved.verdict(10 * TOL)[0].name
            bound, gap = float(proved.lower_bound), float(proved.relative_gap)
            rows.append((k, k + 1, effort, float(proved.objective), bound, gap, float(proved.polar), verdict))
    names = ["components", "d", "cones", "objective", "lower_bound", "relative_gap", "polar", "verdict"]
    return Enclosures(pd.DataFrame(rows, columns=names), solutions)
