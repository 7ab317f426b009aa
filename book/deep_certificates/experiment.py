"""Section 5, certified: a deep ReLU network with a proof, one that is refuted, and the search behind both."""

from collections.abc import Sequence
from dataclasses import replace

import pandas as pd
import torch
from torch import Tensor

from global_optimality.certificate import certify
from global_optimality.descent import minimise, refit
from global_optimality.effort import Effort
from global_optimality.factors import Factors, append, take_runs
from global_optimality.losses import SquaredLoss
from global_optimality.mappings import DeepRelu
from global_optimality.polar import Polar, PolarBound
from global_optimality.polar.ascent import ascend
from global_optimality.polar.best_first import refine
from global_optimality.polar.deep_relu import deep_relu_polar, search_of
from global_optimality.problem import Problem
from global_optimality.regularizers import BalancedWeightDecay, SumOfPowers
from global_optimality.sliding_frank_wolfe import Solution, solve
from global_optimality.streams import generator, normal

from ..shared.tables import frame

WIDTH = 1e-3
"""Relative width of the enclosure of the polar at which its search stops."""


def inputs(x: Tensor) -> Tensor:
    """Rows (x, 1): a bias in the first layer."""
    return torch.stack([x, torch.ones_like(x)], 1)


def curve(N: int, widths: tuple[int, ...], share: float, *, seed: int, device: str = "cpu") -> Problem:
    """N samples of sin(4x) plus noise on [−1, 1], λ = ``share`` of λ_max (enclosed to WIDTH)."""
    x = torch.linspace(-1, 1, N, dtype=torch.float64)
    y = torch.sin(4 * x) + 0.1 * normal(generator(seed, "deep curve", N), N)
    mapping = DeepRelu(inputs(x).to(device), widths)
    lam = share * float(searched(mapping, 100_000)(y[None, :, None].to(device)).upper)
    return Problem(SquaredLoss(y[:, None].to(device)), mapping, BalancedWeightDecay(len(widths)), lam)


def searched(mapping: DeepRelu, cones: int) -> Polar:
    """The polar with at most so many cones for its upper bound."""
    return deep_relu_polar(mapping, Effort(nodes=cones, tolerance=WIDTH))


def mapping_of(problem: Problem) -> DeepRelu:
    """The problem's mapping, which must be a ``DeepRelu``."""
    assert isinstance(problem.mapping, DeepRelu)
    return problem.mapping


def certified(problem: Problem, *, cones: int, tol: float) -> Solution:
    """The certified solver with the branch and bound as its oracle."""
    return solve(problem, tol=tol, polar=searched(mapping_of(problem), cones), max_rounds=30)


def search_progress(solution: Solution, *, stretches: int, cones: int, tol: float = 1e-5) -> pd.DataFrame:
    """The polar at the certified weights, enclosed again in ``stretches`` resumed searches: cones, lower and upper / λ.

    Nothing is known beforehand: the lower bound is found by the search itself.
    """
    problem = solution.problem
    with torch.no_grad():
        Q = -problem.loss.gradient(problem.mapping.Phi(*solution.weights))[0]
        search = search_of(mapping_of(problem), Q)
        for _ in range(stretches):
            search = refine(search, Effort(nodes=cones, tolerance=tol))
    made, lower, upper = zip(*search.history, strict=True)
    table = frame(cones=made, lower=lower, upper=upper)
    return table.assign(lower=table["lower"] / problem.lam, upper=table["upper"] / problem.lam)


def certifying_level(solution: Solution, tol: float) -> float:
    """The largest bound of the polar, in units of λ, with which these weights are certified to ``tol`` (bisection).

    1 if there is none above: the weights are stationary, so no polar is below λ.
    """
    problem, low, high = solution.problem, 1.0, 1e3
    with torch.no_grad():
        atom = solution.certificate.escape
        for _ in range(60):
            middle = (low * high) ** 0.5
            upper = problem.loss.Y.new_tensor([middle * problem.lam])
            c = certify(problem, solution.weights, lambda Q, u=upper: PolarBound(torch.zeros_like(u), u, atom))
            low, high = (middle, high) if float(c.relative_gap) <= tol else (low, middle)
    return low


def efforts(solution: Solution, cones: Sequence[int], *, tol: float) -> pd.DataFrame:
    """The same weights judged by polars of growing effort; the first has an ascent only (upper bound +∞)."""
    mapping = mapping_of(solution.problem)
    polars = [("ascent only", ascent_only(mapping))]
    polars += [(f"{count:,} cones".replace(",", " "), searched(mapping, count)) for count in cones]
    rows = []
    for name, polar in polars:
        c = certify(solution.problem, solution.weights, polar)
        numbers = float(c.polar_lower), float(c.polar), float(c.relative_gap)
        rows.append((name, *numbers, c.verdict(tol)[0].name))
    return pd.DataFrame(rows, columns=["effort", "polar_lower", "polar", "relative_gap", "verdict"]).set_index("effort")


def ascent_only(mapping: DeepRelu) -> Polar:
    """What many starts of a local ascent know of the polar: no upper bound at all."""

    def polar(Q: Tensor) -> PolarBound:
        lower, atom = ascend(mapping, SumOfPowers(mapping.degree), Q)
        return PolarBound(lower, torch.full_like(lower, torch.inf), atom)

    return polar


def sampled(solution: Solution, count: int, *, seed: int) -> pd.DataFrame:
    """⟨−∇ℓ, φ(w)⟩ / λθ(w) of random subnetworks and of ascents from some of them, beside the proved bound."""
    problem = solution.problem
    mapping = mapping_of(problem)
    W = problem.random(1, count, seed=seed)
    with torch.no_grad():
        Q = -problem.loss.gradient(mapping.Phi(*solution.weights))
        random = (mapping.inner(Q, *W) / problem.regularizer.theta(*W)).max()
    climbed, _ = ascend(mapping, problem.regularizer, Q, starts=256, seed=seed)
    rows = [
        (f"best of {count} random subnetworks", float(random) / problem.lam),
        ("best of 256 ascents", float(climbed) / problem.lam),
        ("proved bound", float(solution.certificate.polar)),
    ]
    return pd.DataFrame(rows, columns=["polar", "value"]).set_index("polar")


def sizes(solution: Solution) -> pd.DataFrame:
    """One row a subnetwork: θ, its share of Θ, and which of its layers' widths are in use."""
    W, problem = solution.weights, solution.problem
    theta = problem.regularizer.theta(*W)[0]
    used = [(w[0].flatten(1).abs().amax(1) > 0).tolist() for w in W]
    first = (W[0][0].norm(dim=1) > 1e-6 * W[0][0].flatten(1).norm(dim=1)[:, None]).sum(1)
    table = frame(theta=theta, share=theta / theta.sum(), inner_units=first)
    return table.assign(layers=[sum(u) for u in zip(*used, strict=True)]).sort_values("theta", ascending=False)


def single(problem: Problem, *, runs: int, seed: int) -> Factors:
    """The best end of ``runs`` descents of one subnetwork, with its best scale: a network to be judged."""
    descent = minimise(problem, problem.random(runs, 1, seed=seed), max_steps=300)
    return refit(problem, take_runs(descent.weights, descent.objective.argmin()[None]))


def refutation(problem: Problem, W: Factors, *, cones: int, tol: float) -> tuple[pd.DataFrame, dict[str, Factors]]:
    """W, W with the polar's atom appended, and where the solver leads from W: one row and weights each."""
    polar = searched(mapping_of(problem), cones)
    first = certify(problem, W, polar)
    escaped = append(W, first.escape)
    led = solve(problem, start=W, tol=10 * tol, polar=polar, max_rounds=3).weights
    networks = {"one subnetwork": W, "with the polar's atom": escaped, "led on by the solver": led}
    rows = []
    for name, V in networks.items():
        c = first if V is W else certify(problem, V, polar)
        numbers = float(c.objective), float(c.lower_bound), float(c.relative_gap)
        rows.append((name, V[0].shape[1], *numbers, c.verdict(tol)[0].name))
    columns = ["network", "size", "objective", "lower_bound", "relative_gap", "verdict"]
    return pd.DataFrame(rows, columns=columns).set_index("network"), networks


def fitted(problem: Problem, W: Factors, points: int = 401) -> pd.DataFrame:
    """The function of one network on [−1.1, 1.1]."""
    x = torch.linspace(-1.1, 1.1, points, dtype=torch.float64, device=W[0].device)
    with torch.no_grad():
        y = replace(mapping_of(problem), S=inputs(x)).Phi(*W)[0, :, 0]
    return frame(x=x, y=y)


def samples(problem: Problem) -> pd.DataFrame:
    """Inputs and targets."""
    return frame(x=mapping_of(problem).S[:, 0], y=problem.loss.Y[:, 0])


def by_layers(table: pd.DataFrame) -> pd.DataFrame:
    """The recorded bounds over all draws: medians of the first and the last, the worst last, and how many closed."""
    groups = table.groupby(["shape", "q", "way"], sort=False)
    found = groups.agg(
        draws=("draw", "nunique"),
        closed=("closed", "sum"),
        spectral=("spectral", "median"),
        first=("first", "median"),
        last=("last", "median"),
        worst=("last", "max"),
        cells=("cells", "median"),
        cpu_seconds=("cpu_seconds", "median"),
    )
    return found.reset_index()
