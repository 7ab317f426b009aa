"""Section 6: which regularizers match the degree of the network, measured; dropout and max-norm in closed form."""

import math
from collections.abc import Sequence

import pandas as pd
import torch
from torch import Tensor

from global_optimality.descent import GradientDescent, minimise
from global_optimality.factors import Factors, append, scale
from global_optimality.homogeneity import check_pair, measure_degree, report
from global_optimality.losses import SquaredLoss
from global_optimality.mappings import (
    ConvPool,
    DeepRelu,
    Mapping,
    MatrixProduct,
    NormalizedConvPool,
    NormalizedRelu,
    ReluUnit,
)
from global_optimality.problem import Problem
from global_optimality.regularizers import (
    DropoutPenalty,
    L1Decay,
    MaxNorm,
    OnLayers,
    PathNorm,
    Regularizer,
    SumOfSquares,
    WeightDecay,
    dropout_lam,
)
from global_optimality.streams import generator, normal, uniform

from ..shared.tables import frame


def pairs(seed: int) -> list[tuple[str, Mapping, str, Regularizer]]:
    """The networks and regularizers that section 6 speaks of, on random data."""
    stream = generator(seed, "compatibility")
    S, images = normal(stream, 12, 3), normal(stream, 6, 1, 8, 8)
    conv, normed = ConvPool(images, 2, 5, 2, 3), NormalizedConvPool(images, 2, 5, 2, 3)
    deep, deep_normed = DeepRelu(S, (4, 4, 4, 2)), NormalizedRelu(S, (4, 4, 4, 2))
    squares, last = WeightDecay(), "½ squares of gain and last layer"
    return [
        ("conv, K = 2", conv, "weight decay, ½ squares", squares),
        ("conv, K = 2", conv, "path norm", PathNorm(2)),
        ("ReLU, K = 4", deep, "weight decay, ½ squares", squares),
        ("ReLU, K = 4", deep, "path norm", PathNorm(4)),
        ("conv, batch norm", normed, last, OnLayers(squares, normed.scaled_layers)),
        ("conv, batch norm", normed, "½ squares of all weights", squares),
        ("ReLU, K = 4, batch norm", deep_normed, last, OnLayers(squares, deep_normed.scaled_layers)),
        ("ReLU, K = 4, batch norm", deep_normed, "½ squares of all weights", squares),
        ("conv, K = 2", conv, "dropout, expected", DropoutPenalty(conv)),
        ("ReLU, K = 4", deep, "dropout, expected", DropoutPenalty(deep)),
        ("conv, K = 2", conv, "max-norm and ½ squares", MaxNorm(squares, 0.5)),
        ("conv, K = 2", conv, "ℓ1 decay", L1Decay()),
    ]


def compatible(seed: int = 0) -> pd.DataFrame:
    """One row a pair: measured degrees, what they say, the test of nondegeneracy, and the price of two halves.

    ``split`` is Θ of two copies of 2^{−1/p} w over θ(w), at one output: 2^{1 − q/p} where there are degrees. ``merged``
    is the price of one subnetwork instead of two such copies.
    """
    rows = []
    for network, mapping, name, theta in pairs(seed):
        found = report(mapping, theta)
        split, merged = _split(mapping, theta, seed)
        pair = check_pair(mapping, theta, seed=seed).verdict.name
        q = found.regularizer.estimate
        rows.append((network, name, found.mapping.estimate, q, found.mismatch.name, pair, split, merged))
    names = ["network", "regularizer", "p", "q", "verdict", "pair", "split", "merged"]
    return pd.DataFrame(rows, columns=names)


def _split(mapping: Mapping, theta: Regularizer, seed: int) -> tuple[float, float]:
    start = tuple(normal(generator(seed, "split", k), 1, 1, *s) for k, s in enumerate(mapping.factor_shapes))
    W = theta.project(*start)
    half = scale(W, torch.full((1, 1), 0.5 ** (1 / mapping.degree), dtype=torch.float64))
    double = scale(W, torch.full((1, 1), 2 ** (1 / mapping.degree), dtype=torch.float64))
    one = float(theta.Theta(*W)[0])
    return float(theta.Theta(*append(half, half))[0]) / one, float(theta.Theta(*double)[0]) / (2 * one)


def degrees_by_layer(seed: int = 0) -> pd.DataFrame:
    """The degree of φ in each factor alone, for depths 2 to 5, without and with batch normalization."""
    S, rows = normal(generator(seed, "by layer"), 12, 3), []
    for K in (2, 3, 4, 5):
        widths = (4,) * (K - 1) + (2,)
        for name, mapping in (("plain", DeepRelu(S, widths)), ("normalized", NormalizedRelu(S, widths))):
            W = tuple(normal(generator(seed, "by layer", K, k), 1, 1, *s) for k, s in enumerate(mapping.factor_shapes))
            alone = []
            for k in range(len(W)):
                found = measure_degree(lambda w, k=k, m=mapping, W=W: m.phi(*W[:k], w, *W[k + 1 :]), [(W[k],)])
                alone.append(int(found.estimate))
            total = measure_degree(mapping.phi, [W]).estimate
            rows.append((K, name, "+".join(map(str, alone)), total))
    return pd.DataFrame(rows, columns=["K", "layers", "degree in each factor", "degree"])


def expected_dropout(Y: Tensor, mapping: Mapping, keep: float) -> Problem:
    """The expected squared loss when each subnetwork is kept with probability ``keep`` and divided by it."""
    return Problem(SquaredLoss(Y), mapping, DropoutPenalty(mapping), dropout_lam(keep), allow_mismatch=True)


def monte_carlo(*, draws: int, seed: int) -> pd.DataFrame:
    """Mean squared loss over random masks beside the closed form; masks drawn once, or anew for every sample."""
    stream = generator(seed, "monte carlo")
    mapping, Y = ReluUnit(normal(stream, 8, 3)), normal(stream, 8, 1)
    W = tuple(normal(stream, 1, 6, *s) for s in mapping.factor_shapes)
    phi, rows = mapping.phi(*W)[0], []
    for keep in (0.3, 0.5, 0.8):
        exact = float(expected_dropout(Y, mapping, keep)(*W)[0])
        for name, shape in (("one for all samples", (draws, 6, 1)), ("one for every sample", (draws, 6, 8))):
            masks = (uniform(stream, *shape) < keep) / keep
            X = (masks[..., None] * phi).sum(1)
            losses = 0.5 * (Y - X).flatten(1).square().sum(1)
            error = float(losses.std()) / math.sqrt(draws)
            mean = float(losses.mean())
            rows.append((keep, name, exact, mean, error, abs(mean - exact) / error))
    return pd.DataFrame(rows, columns=["keep", "mask", "closed form", "mean", "standard error", "deviations"])


def dropout_optimum(Y: Tensor, lam: float, r: int) -> float:
    """min ½‖Y − X‖² + (λ/2r)‖X‖_*² over X: what dropout on r subnetworks u vᵀ minimises, if rank X ≤ r.

    Σ‖u_i‖²‖v_i‖² ≥ (Σ‖u_i‖‖v_i‖)²/r ≥ ‖X‖_*²/r, attained by factors of equal size. So X shrinks the singular values of
    Y by κ with κ = λ‖X‖_*/r. ``ValueError`` where the minimiser has a larger rank than r.
    """
    s = torch.linalg.svdvals(Y)
    for k in range(len(s), 0, -1):
        kappa = lam * float(s[:k].sum()) / (r + lam * k)
        if float(s[k - 1]) > kappa:
            break
    else:
        k, kappa = 0, math.inf
    if k > r:
        raise ValueError(f"the minimiser has rank {k} but r = {r}: take more subnetworks.")
    kept = (s - kappa).clamp(min=0)
    return float(0.5 * (s - kept).square().sum() + lam / (2 * r) * kept.sum() ** 2)


def dropout_on_matrices(Y: Tensor, *, keep: float, sizes: Sequence[int], runs: int, seed: int) -> pd.DataFrame:
    """Descent on the expected dropout objective of u vᵀ beside its closed form, and the balanced problem at one λ."""
    mapping, lam, tables = MatrixProduct(*Y.shape), dropout_lam(keep), []
    dropout, balanced = expected_dropout(Y, mapping, keep), Problem(SquaredLoss(Y), mapping, SumOfSquares(), lam)
    shrunk = (torch.linalg.svdvals(Y) - lam).clamp(min=0)
    optimum = float(0.5 * (torch.linalg.svdvals(Y) - shrunk).square().sum() + lam * shrunk.sum())
    for r in sizes:
        for name, problem, exact in (
            ("dropout", dropout, dropout_optimum(Y, lam, r)),
            ("balanced", balanced, optimum),
        ):
            end = minimise(problem, problem.random(runs, r, seed=seed, deviation=0.3), tol=1e-6)
            effective = effective_size(mapping, end.weights)
            table = frame(size=r, run=range(runs), objective=end.objective, effective=effective)
            tables.append(table.assign(regularizer=name, closed_form=exact))
    table = pd.concat(tables, ignore_index=True)
    return table.assign(deviation=table["objective"] / table["closed_form"] - 1)


def effective_size(mapping: Mapping, W: Factors) -> Tensor:
    """(Σ‖φ_i‖)² / Σ‖φ_i‖² ``(n,)``: r when all outputs are equally large, 1 when one is alone, 0 when all are zero."""
    with torch.no_grad():
        sizes = mapping.phi(*W).flatten(2).norm(dim=2)
    squares = sizes.square().sum(1)
    return torch.where(squares > 0, sizes.sum(1).square() / torch.where(squares > 0, squares, 1.0), 0.0)


def max_norm_by_hand(lam: float, radius: float, r: int) -> float:
    """min over s of ½(1 − s)² + λ r c(s/r), the scalar problem u v with |u| ≤ radius.

    The price of one output t is c(t) = t as long as balance allows, t ≤ radius², and ½(radius² + t²/radius²) beyond.
    """
    ball = radius**2
    inside = min(1 - lam, r * ball)
    beyond = r * ball / (r * ball + lam)  # where the derivative of the second branch vanishes
    best = max(inside, beyond) if beyond > r * ball else inside
    t = best / r
    price = t if t <= ball else 0.5 * (ball + t**2 / ball)
    return 0.5 * (1 - best) ** 2 + lam * r * price


def max_norm_sizes(*, lam: float, radii: Sequence[float], sizes: Sequence[int]) -> pd.DataFrame:
    """½(1 − Σuv)² + λΣ½(u² + v²) with |u_i| ≤ radius: descent beside the hand calculation, at every r."""
    rows = []
    for radius in radii:
        theta = MaxNorm(SumOfSquares(), radius)
        loss = SquaredLoss(torch.ones(1, 1, dtype=torch.float64))
        problem = Problem(loss, MatrixProduct(1, 1), theta, lam, allow_mismatch=True)
        for r in sizes:
            W = tuple(torch.full((1, r, 1), 0.9 * radius, dtype=torch.float64) for _ in range(2))
            found = float(minimise(problem, W, GradientDescent(), max_steps=3000).objective)
            rows.append((radius, r, found, max_norm_by_hand(lam, radius, r)))
    table = pd.DataFrame(rows, columns=["radius", "size", "objective", "by_hand"])
    return table.assign(optimum=lam - lam**2 / 2)
