"""Deep ReLU networks whose optimum is known from outside: inputs on a line, few samples, inner width one."""

from collections.abc import Sequence
from dataclasses import replace
from functools import cache

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from global_optimality.certificate import certify
from global_optimality.convex import three_layers as enumeration
from global_optimality.descent.scales import best_scales
from global_optimality.effort import Effort
from global_optimality.factors import Factors
from global_optimality.losses import SquaredLoss
from global_optimality.losses.arrays import ArrayLoss
from global_optimality.mappings import DeepRelu, ReluUnit
from global_optimality.polar import lambda_max, polar_of
from global_optimality.polar.best_first import refine
from global_optimality.polar.deep_relu import deep_relu_polar, search_of
from global_optimality.problem import Problem
from global_optimality.regularizers import BalancedWeightDecay, SumOfSquares
from global_optimality.sliding_frank_wolfe import solve
from global_optimality.streams import generator, normal

from ..shared.tables import frame


def line(N: int, share: float, *, seed: int, device: str = "cpu") -> tuple[Tensor, Tensor, float]:
    """(x ``(N,)``, Y ``(N, 2)``, λ): points on both sides of 0, λ = ``share`` of max(‖Yᵀx₊‖, ‖Yᵀx₋‖)."""
    stream = generator(seed, "line without bias", N)
    x = torch.linspace(-1, 1, N, dtype=torch.float64)
    Y = torch.stack([1.5 * x.abs() + torch.sin(3 * x), torch.cos(3 * x) * x], 1) + 0.1 * normal(stream, N, 2)
    sides = torch.stack([x.clamp(min=0), (-x).clamp(min=0)])
    return x.to(device), Y.to(device), share * float((sides @ Y).norm(dim=1).max())


def two_rays(x: Tensor, Y: Tensor, lam: float) -> tuple[float, Tensor]:
    """(F*, coefficients ``(2, c)`` of x₊ and x₋): block soft thresholding, as Ω(x₊aᵀ + x₋bᵀ) = ‖a‖ + ‖b‖."""
    sides = torch.stack([x.clamp(min=0), (-x).clamp(min=0)])
    product = sides @ Y
    size = product.norm(dim=1, keepdim=True)
    rays = product * (1 - lam / size).clamp(min=0) / sides.square().sum(1, keepdim=True)
    value = 0.5 * (Y - sides.T @ rays).square().sum() + lam * rays.norm(dim=1).sum()
    return float(value), rays


def depths(
    layers: Sequence[int], *, N: int, share: float, width: int, tol: float, seed: int, device: str = "cpu"
) -> pd.DataFrame:
    """Deep ReLU networks without bias on a line, solved with a certificate, beside the two-column group Lasso."""
    x, Y, lam = line(N, share, seed=seed, device=device)
    optimum, _ = two_rays(x, Y, lam)
    rows = []
    for K in layers:
        mapping = DeepRelu(x[:, None], (width,) * (K - 1) + (2,))
        problem = Problem(SquaredLoss(Y), mapping, BalancedWeightDecay(K), lam)
        polar = deep_relu_polar(mapping, Effort(nodes=30_000, tolerance=0.1 * tol))
        s = solve(problem, tol=tol, polar=polar, max_rounds=20)
        error = s.objective / optimum - 1
        rows.append((K, s.objective, optimum, error, s.relative_gap, s.size, s.status.name))
    names = ["layers", "objective", "two_rays", "relative_error", "relative_gap", "size", "status"]
    return pd.DataFrame(rows, columns=names).set_index("layers")


def knots(x: Tensor, Y: Tensor, lam: float) -> tuple[float, pd.DataFrame]:
    """(objective, fit on a grid) of the Lasso with a column ± (x − x_j)₊, ± (x_j − x)₊ for every sample, first output.

    The dictionary of networks with *free* biases. Not ours: it serves as the negative control.
    """
    grid = torch.linspace(-1.1, 1.1, 201, dtype=x.dtype, device=x.device)
    at, shown = (torch.relu(torch.cat([p[None] - x[:, None], x[:, None] - p[None]])) for p in (x, grid))
    D = torch.cat([at, -at])[:, :, None]
    loss, columns, cost = ArrayLoss.of(SquaredLoss(Y[:, :1].cpu())), D.cpu().numpy(), np.full(len(D), lam)
    s = best_scales(loss, columns, cost)
    value = loss(np.tensordot(s, columns, 1)) + float(s @ cost)
    return value, frame(x=grid, y=torch.from_numpy(s).to(D) @ torch.cat([shown, -shown]))


def rays_samples(x: Tensor, Y: Tensor) -> pd.DataFrame:
    """Samples with the first output."""
    return frame(x=x, y=Y[:, 0])


def rays_on_grid(rays: Tensor) -> pd.DataFrame:
    """The first output of the two-ray solution on a grid."""
    x = torch.linspace(-1.1, 1.1, 201, dtype=rays.dtype, device=rays.device)
    return frame(x=x, y=x.clamp(min=0) * rays[0, 0] + (-x).clamp(min=0) * rays[1, 0])


def few_samples(N: int) -> tuple[Tensor, Tensor]:
    """Rows (x, 1) for N even steps of x in [−1, 1], and sin(4x): small enough to list all patterns."""
    x = torch.linspace(-1, 1, N, dtype=torch.float64)
    return torch.stack([x, torch.ones_like(x)], 1), torch.sin(4 * x)[:, None]


@cache
def listed(N: int) -> list[enumeration.Pattern]:
    """All patterns of ``few_samples``, listed once."""
    S = few_samples(N)[0].numpy()
    return enumeration.patterns(S, enumeration.cells_in_the_plane(S))


def directions(N: int, count: int, *, seed: int) -> list[Tensor]:
    """Q ``(N, 1)``: the residual of the best network with one hidden layer, then normal ones."""
    S, Y = few_samples(N)
    one = Problem(SquaredLoss(Y), ReluUnit(S), SumOfSquares(), 1.0)
    best = solve(replace(one, lam=0.3 * lambda_max(one)))
    random = [normal(generator(seed, "directions", N, k), N, 1) for k in range(count - 1)]
    return [Y - best.problem.mapping.Phi(*best.weights)[0], *random]


def enumerated_polar(N: int, count: int, efforts: Sequence[int], *, seed: int, device: str = "cpu") -> pd.DataFrame:
    """The enclosure of the polar at growing effort, relative to the value by enumeration of conic programs.

    ``one_sign`` is what an incomplete enumeration (two units of equal sign only) would give.
    """
    S, _ = few_samples(N)
    mapping = DeepRelu(S.to(device), (2, 1, 1))
    cells, rows = enumeration.cells_in_the_plane(S.numpy()), []
    complete = listed(N)
    equal = enumeration.patterns(S.numpy(), cells, enumeration.SIGNS[:1])
    for k, Q in enumerate(directions(N, count, seed=seed)):
        q = Q[:, 0].numpy()
        truth = enumeration.three_layer_polar(complete, q)
        partial = enumeration.three_layer_polar(equal, q)
        search = search_of(mapping, Q.to(device))
        for goal in efforts:
            search = refine(search, Effort(nodes=max(goal - search.made, 0), tolerance=1e-9))
            rows.append((k, goal, float(search.lower) / truth, float(search.upper) / truth, partial / truth))
    return pd.DataFrame(rows, columns=["direction", "cones", "lower", "upper", "one_sign"])


def enumerated_training(N: int, share: float, *, tol: float, device: str = "cpu") -> pd.DataFrame:
    """Training over all sizes: one convex program over all patterns, beside certified networks of three and two layers.

    λ is ``share`` of the three-layer λ_max, from the enumeration.
    """
    S, Y = few_samples(N)
    kinds = listed(N)
    lam = share * enumeration.three_layer_polar(kinds, Y[:, 0].numpy())
    program = enumeration.three_layers(kinds, Y[:, 0].numpy(), lam)
    mapping = DeepRelu(S.to(device), (2, 1, 1))
    deep = Problem(SquaredLoss(Y.to(device)), mapping, BalancedWeightDecay(3), lam)
    polar = deep_relu_polar(mapping, Effort(nodes=20_000, tolerance=0.1 * tol))
    three = solve(deep, tol=tol, polar=polar, max_rounds=20)
    two = solve(Problem(deep.loss, ReluUnit(mapping.S), SumOfSquares(), lam))
    rows = [
        (f"convex program over {program.patterns} patterns", program.objective, None),
        *((name, s.objective, float(s.certificate.lower_bound)) for name, s in (("three layers", three), ("two", two))),
    ]
    table = pd.DataFrame(rows, columns=["optimum over all sizes", "objective", "lower_bound"])
    return table.set_index("optimum over all sizes")


def width_one(shapes: Sequence[tuple[int, ...]], *, N: int, seed: int, device: str = "cpu") -> pd.DataFrame:
    """The certified optimum of one hidden layer, lifted to deeper networks: the polar at a common Q, and the verdict.

    In chains of inner width one it must stay optimal; where they are wider it need not, and little effort refutes.
    """
    x = torch.linspace(-1, 1, N, dtype=torch.float64, device=device)
    S = torch.stack([x, torch.ones_like(x)], 1)
    Y = torch.sin(4 * x)[:, None] + 0.1 * normal(generator(seed, "width one", N), N, 1).to(device)
    Q = torch.sin(6 * x)[None, :, None]
    one = Problem(SquaredLoss(Y), ReluUnit(S), SumOfSquares(), 1.0)
    exact = polar_of(one)
    shallow = solve(replace(one, lam=0.3 * float(exact(Y[None]).upper)))
    rows = []
    for widths in shapes:
        mapping = DeepRelu(S, widths)
        chain = max(widths[:-1]) == 1
        polar = deep_relu_polar(mapping, Effort(nodes=50_000 if chain else 5000, tolerance=1e-6))
        problem = Problem(SquaredLoss(Y), mapping, BalancedWeightDecay(len(widths)), shallow.problem.lam)
        c = certify(problem, lifted(mapping, shallow.weights), polar)
        bound = polar(Q)
        ratios = (float(b / exact(Q).upper) for b in (bound.lower, bound.upper))
        same = float(c.objective) / shallow.objective - 1
        rows.append((str(widths), *ratios, same, float(c.relative_gap), c.verdict(1e-4)[0].name))
    names = ["widths", "polar_lower", "polar_upper", "objective_change", "relative_gap", "verdict"]
    return pd.DataFrame(rows, columns=names).set_index("widths")


def lifted(mapping: DeepRelu, W: Factors) -> Factors:
    """Units (u, v) as chains of the same output and the same ∏‖wᵏ‖, with layers of equal norm."""
    U, V = W
    size = (U.norm(dim=2) * V.norm(dim=2))[..., None] ** (1 / mapping.degree)
    factors = tuple(U.new_zeros(*U.shape[:2], *shape) for shape in mapping.factor_shapes)
    for w in factors[1:-1]:
        w[..., 0, 0] = size[..., 0]
    factors[0][..., 0] = torch.nn.functional.normalize(U, dim=2) * size
    factors[-1][..., 0, :] = torch.nn.functional.normalize(V, dim=2) * size
    return factors
