"""Where local descent ends on deep subnetworks, against their number r; and the limits of section 6, measured."""

from collections.abc import Sequence
from itertools import product

import pandas as pd
import torch
from torch import Tensor

from global_optimality.certificate import certify
from global_optimality.descent import LBFGS, Descent, NewtonCG, minimise
from global_optimality.factors import Factors, slice_norms, take_runs
from global_optimality.losses import SquaredLoss
from global_optimality.mappings import DeepLinear, DeepRelu, ReluUnit
from global_optimality.problem import Problem
from global_optimality.regularizers import BalancedWeightDecay, SumOfSquares
from global_optimality.sliding_frank_wolfe import solve
from global_optimality.streams import generator, normal

from ..shared.relu_problems import reduced
from ..shared.tables import ACTIVE, frame
from .experiment import curve, polar

CARRYING = 1e-2
"""A subnetwork counts as carrying when its weights have more than CARRYING times the norm of the largest one."""

ZERO = 1e-4
"""A run has collapsed when f is within ZERO, relative, of its value at the zero network."""

CONES = 4000
"""Effort of the bound below the best run: closes for two layers, rarely for three, never for four."""

CLOSE = 1e-2
"""A network is good enough when f is at most CLOSE above the best, relative."""


def starts(problem: Problem, sizes: Sequence[int], *, runs: int, seed: int, deviation: float = 0.7) -> Factors:
    """``runs`` random starts for every size, in one batch: small networks carry zero subnetworks up to the largest r.

    A zero subnetwork has gradient zero for degrees above 1, so descent leaves it alone: it descends with r subnetworks.
    """
    most = max(sizes)
    batches = [problem.random(runs, r, seed=seed, deviation=deviation) for r in sizes]
    padded = [
        tuple(torch.cat([w, w.new_zeros(runs, most - r, *w.shape[2:])], 1) for w in W)
        for r, W in zip(sizes, batches, strict=True)
    ]
    return tuple(torch.cat(layer) for layer in zip(*padded, strict=True))


def ends(problem: Problem, sizes: Sequence[int], *, runs: int, steps: int, seed: int) -> tuple[pd.DataFrame, Descent]:
    """One row a run: size r, f at the end, subnetworks not zero and carrying, how it ended; and the descent."""
    W = starts(problem, sizes, runs=runs, seed=seed)
    descent = minimise(problem, W, LBFGS(), tol=1e-6, max_steps=steps)
    f_zero = problem(*(torch.zeros_like(w[:1]) for w in W))
    norms = slice_norms(descent.weights)
    largest = norms.amax(1, keepdim=True)
    table = frame(
        size=[r for r in sizes for _ in range(runs)], run=list(range(runs)) * len(sizes),
        objective=descent.objective, active=(norms > ACTIVE * largest).sum(1),
        carrying=(norms > CARRYING * largest).sum(1), collapsed=(descent.objective / f_zero - 1).abs() <= ZERO,
        status=[status.name for status in descent.status],
    )  # fmt: skip
    return table, descent


def census(
    N: int, widths: Sequence[Sequence[int]], sizes: Sequence[int], lam: float, *, runs: int, steps: int, seed: int,
    device: str = "cpu",
) -> tuple[pd.DataFrame, pd.DataFrame]:  # fmt: skip
    """``ends`` for subnetworks of several depths on one data set, and per depth what is known of the global minimum.

    ``excess`` is (f − best)/best, best the lowest of all runs of that depth; ``bound`` the certified bound from it.
    """
    tables, known = [], []
    for m in widths:
        problem = curve(N, m, lam, seed=seed, device=device)
        table, descent = ends(problem, sizes, runs=runs, steps=steps, seed=seed)
        best = take_runs(descent.weights, descent.objective.argmin()[None])
        certificate = certify(problem, best, polar(problem, cones=CONES))
        value, bound = float(certificate.objective), float(certificate.lower_bound)
        zero = float(problem(*(torch.zeros_like(w) for w in best)))
        known.append((len(m), value, bound, (value - bound) / value, certificate.verdict(CLOSE)[0].name, zero))
        table.insert(0, "layers", len(m))
        table["excess"] = table["objective"] / value - 1
        tables.append(table)
    names = ["layers", "best", "bound", "gap", "verdict", "zero_network"]
    return pd.concat(tables, ignore_index=True), pd.DataFrame(known, columns=names).set_index("layers")


def spread(table: pd.DataFrame) -> pd.DataFrame:
    """Per depth and r: quantiles of the excess, share of runs within CLOSE, mean numbers of subnetworks, collapses."""
    groups = table.groupby(["layers", "size"])
    quantiles = {f"q{int(100 * q)}": groups["excess"].quantile(q) for q in (0.1, 0.5, 0.9)}
    close = groups["excess"].agg(lambda e: (e <= CLOSE).mean())
    means = {name: groups[name].mean() for name in ("active", "carrying", "collapsed")}
    return pd.DataFrame({**quantiles, "close": close, **means}).reset_index()


def statuses(table: pd.DataFrame) -> pd.DataFrame:
    """Runs counted by depth, r and status."""
    return pd.crosstab([table["layers"], table["size"]], table["status"])


def from_zero(seed: int = 0) -> pd.DataFrame:
    """Does local descent leave the zero network? Its gradient and curvature there, and what the polar finds."""
    S, Y = normal(generator(seed, "from zero", "S"), 4, 2), normal(generator(seed, "from zero", "Y"), 4, 2)
    rows = []
    for kind, K in product(("linear", "ReLU"), (2, 3)):
        mapping = DeepLinear(2, (2,) * K, S) if kind == "linear" else DeepRelu(S, (2,) * (K - 1) + (1,))
        target = Y if kind == "linear" else Y[:, :1]
        problem = Problem(SquaredLoss(target), mapping, BalancedWeightDecay(K), 0.1)
        zero = tuple(torch.zeros_like(w) for w in problem.random(1, 2))
        certificate = certify(problem, zero)
        fall = 1 - float(minimise(problem, zero, NewtonCG()).objective / certificate.objective)
        drop = 1 - float(certificate.escape_objective / certificate.objective)
        rows.append((f"{kind}, K = {K}", float(certificate.gradient_norm), fall, float(certificate.polar_lower), drop))
    names = ["network", "gradient_norm", "newton_fall", "polar", "escape_fall"]
    return pd.DataFrame(rows, columns=names).set_index("network")


def one_is_enough(seed: int = 0, trials: int = 200) -> pd.DataFrame:
    """One deep linear network reaches every matrix. Is r = 1 enough? If its own cost obeys the triangle inequality.

    The least θ of one network with product X is the Schatten-2/K quasi-norm of X; for K = 2 it is a norm.
    ``triangle`` is the largest cost(X + Z)/(cost(X) + cost(Z)) over random pairs; ``excess`` of the best r = 1 over F*.
    """
    stream = generator(seed, "one is enough")
    A, B = normal(stream, trials, 4, 1) * normal(stream, trials, 1, 4), normal(stream, trials, 4, 4)
    B[: trials // 2] = normal(stream, trials // 2, 4, 1) * normal(stream, trials // 2, 1, 4)  # pairs of rank one too
    Y = normal(stream, 4, 4)
    rows = []
    for K in (2, 3):
        ratio = schatten(A + B, 2 / K) / (schatten(A, 2 / K) + schatten(B, 2 / K))
        problem = Problem(SquaredLoss(Y), DeepLinear(4, (4,) * K), BalancedWeightDecay(K), 0.5)
        values = [
            float(minimise(problem, problem.random(12, r, seed=seed, deviation=0.7), LBFGS()).objective.min())
            for r in (1, 4)
        ]
        optimum = nuclear_optimum(Y, 0.5)
        rows.append((K, float(ratio.max()), values[0] / optimum - 1, values[1] / optimum - 1))
    return pd.DataFrame(rows, columns=["K", "triangle", "excess_one", "excess_four"]).set_index("K")


def schatten(X: Tensor, q: float) -> Tensor:
    """(Σ σ_i^q)^{1/q} of matrices ``(…, a, b)``: the least ∏‖wᵏ‖_F with w¹ … wᴷ = X is that of q = 2/K."""
    return torch.linalg.svdvals(X).pow(q).sum(-1).pow(1 / q)


def nuclear_optimum(Y: Tensor, lam: float) -> float:
    """min ½‖Y − X‖² + λ‖X‖_*, the closed form of eq. (8)."""
    s = torch.linalg.svdvals(Y)
    kept = (s - lam).clamp(min=0)
    return float(0.5 * (s - kept).square().sum() + lam * kept.sum())


def chain(W: Factors) -> Factors:
    """A network with one hidden layer as parallel chains of three layers of width one: same Φ, Θ no larger."""
    U, V = W
    u, v = U.norm(dim=2, keepdim=True), V.norm(dim=2, keepdim=True)
    s = (u * v) ** (1 / 3)
    return (U / u * s)[..., None], s[..., None], (V / v * s)[..., None, :]


def sufficient(numbers: Sequence[int], lam: float, *, seed: int, device: str = "cpu") -> pd.DataFrame:
    """card(X) = N against the size of a certified optimum of three-layer chains of width one.

    They are found and bounded as one hidden layer, to which chains of width one reduce, thinned out along null vectors
    (Proposition 1, item 5), then certified again as the deep networks that they are: ``gap``.
    """
    rows = []
    for N in numbers:
        deep = curve(N, (1, 1, 1), lam, seed=seed, device=device)
        assert isinstance(deep.mapping, DeepRelu)
        flat = Problem(deep.loss, ReluUnit(deep.mapping.S), SumOfSquares(), lam)
        W = chain(reduced(flat, solve(flat).weights))
        certificate = certify(deep, W)
        rows.append((N, W[0].shape[1], float(certificate.relative_gap)))
    return pd.DataFrame(rows, columns=["card", "size", "gap"])
