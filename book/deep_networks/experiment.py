"""Section 5 of the paper: deep parallel networks as they are drawn, their two-point toy, and Theorem 2's path."""

import statistics
from collections.abc import Sequence

import pandas as pd
import torch
from torch import Tensor

from global_optimality.descent import LBFGS, minimise
from global_optimality.effort import Effort
from global_optimality.factors import Factors, scale, take_runs
from global_optimality.losses import SquaredLoss
from global_optimality.mappings import DeepRelu
from global_optimality.meta_algorithm import DescentPath, meta_algorithm, null_vectors
from global_optimality.polar import Polar
from global_optimality.polar.deep_relu import deep_relu_polar
from global_optimality.problem import Problem
from global_optimality.regularizers import BalancedWeightDecay
from global_optimality.streams import generator, normal, uniform

from ..shared.tables import path_table


def curve(N: int, widths: Sequence[int], lam: float, *, seed: int, device: str = "cpu") -> Problem:
    """N samples of sin(4x) plus noise on [−1, 1] and a constant input, for deep ReLU subnetworks of these widths."""
    x = torch.linspace(-1, 1, N, dtype=torch.float64)
    y = torch.sin(4 * x) + 0.1 * normal(generator(seed, "deep curve", N), N)
    S = torch.stack([x, torch.ones_like(x)], 1).to(device)
    return Problem(
        SquaredLoss(y[:, None].to(device)), DeepRelu(S, tuple(widths)), BalancedWeightDecay(len(widths)), lam
    )


def two_points(depth: int) -> Problem:
    """x = ±1, y = (2, 3), λ = ½, for chains of ``depth`` layers of width one: solved by hand in the chapter."""
    S = torch.tensor([[1.0], [-1.0]], dtype=torch.float64)
    Y = torch.tensor([[2.0], [3.0]], dtype=torch.float64)
    return Problem(SquaredLoss(Y), DeepRelu(S, (1,) * depth), BalancedWeightDecay(depth), 0.5)


def toy_levels(depths: Sequence[int], *, runs: int, seed: int) -> pd.DataFrame:
    """Objectives at which descents with r = 1 end on the two-point toy, counted, for every depth."""
    rows = []
    for depth in depths:
        problem = two_points(depth)
        start = problem.random(runs, 1, seed=seed)
        descent = minimise(problem, start, LBFGS(), tol=1e-8)
        levels = pd.Series(descent.objective.cpu().numpy()).round(6).value_counts()
        rows += [(depth, level, count) for level, count in sorted(levels.items())]
    return pd.DataFrame(rows, columns=["layers", "objective", "runs"]).set_index(["layers", "objective"])


def one_sided(depth: int) -> Factors:
    """The single chain that fits y = 2 alone at its best: equal weights whose product is 2 − λ = 1.5."""
    return tuple(torch.full((1, 1, 1, 1), 1.5 ** (1 / depth), dtype=torch.float64) for _ in range(depth))


def largest_fall_nearby(problem: Problem, W: Factors, *, radius: float = 1e-2, trials: int = 2000, seed: int) -> float:
    """The largest relative decrease of f from W (one run) over random points at distances up to about ``radius``."""
    stream = generator(seed, "nearby", len(W))
    size = radius * uniform(stream, trials, like=W[0])
    near = tuple(w + size.reshape(-1, *[1] * (w.dim() - 1)) * normal(stream, trials, *w.shape[1:], like=w) for w in W)
    return float(1 - problem(*near).min() / problem(*W))


def polar(problem: Problem, *, cones: int = 20_000, tol: float = 2e-3) -> Polar:
    """The enclosure of the polar by branch and bound, with an effort that fits tolerances of a percent."""
    assert isinstance(problem.mapping, DeepRelu)
    return deep_relu_polar(problem.mapping, Effort(nodes=cones, tolerance=tol, target=problem.lam))


def copies(problem: Problem, *, starts: int = 16, seed: int) -> Factors:
    """card(X) + 1 equal subnetworks: the best single one of several descents, split; f is left alone by that."""
    r = problem.card + 1
    W, p = trained(problem, 1, starts, seed), problem.mapping.degree
    return tuple(w.expand(-1, r, *w.shape[2:]) / r ** (1 / p) for w in W)


def walks(problem: Problem, *, seeds: Sequence[int], tol: float) -> dict[str, DescentPath]:
    """Theorem 2's path, to a certified relative gap ``tol``, from equal subnetworks, from random ones, and from one."""
    r = problem.card + 1
    begin = {f"{r} equal subnetworks": copies(problem, seed=seeds[0])}
    begin |= {f"{r} random subnetworks, seed {seed}": problem.random(1, r, seed=seed) for seed in seeds}
    begin |= {f"one random subnetwork, seed {seed}": problem.random(1, 1, seed=seed) for seed in seeds}
    oracle = polar(problem)
    return {
        name: meta_algorithm(problem, W, method=LBFGS(), polar=oracle, tol=tol, max_rounds=30, samples=2)
        for name, W in begin.items()
    }


def wrong_slides(problem: Problem, W: Factors, *, trials: int = 20, seed: int) -> float:
    """The control: the median relative change of f, over random β that are no null vectors, when sliding along β.

    The β are scaled as step 3 asks, min β = −1, with the sign that lowers Θ.
    """
    f, theta = float(problem(*W)), problem.regularizer.theta(*W)[0]
    changes = []
    for beta in normal(generator(seed, "wrong slides"), trials, W[0].shape[1], like=theta):
        beta = -beta if float(beta @ theta) > 0 else beta
        beta = beta / -beta.min()
        moved = scale(W, (1 + beta).clamp(min=0)[None] ** (1 / problem.mapping.degree))
        changes.append(abs(float(problem(*moved)) / f - 1))
    return statistics.median(changes)


def summary(paths: dict[str, DescentPath]) -> pd.DataFrame:
    """One row a path: r at its ends, pieces of each kind, f at its ends, certified gap, largest rise, how it ended."""
    rows = []
    for name, path in paths.items():
        table = path_table(path)
        pieces = table.drop_duplicates("piece")["step"].tolist()
        counts = tuple(pieces.count(kind) for kind in ("DESCEND", "SLIDE", "APPEND", "ESCAPE"))
        gap = float(path.certificate.relative_gap)
        ends = float(path.objective[0]), float(path.objective[-1])
        rows.append((name, path.size[0], path.size[-1], *counts, *ends, gap, path.largest_rise, path.status.name))
    names = ["start", "r", "r_end", "descents", "slides", "appended", "escapes", "f", "f_end", "gap", "rise", "status"]
    return pd.DataFrame(rows, columns=names).set_index("start")


def best_bound(paths: dict[str, DescentPath]) -> float:
    """The largest certified lower bound of the paths' ends."""
    return max(float(path.certificate.lower_bound) for path in paths.values())


def trained(problem: Problem, r: int, starts: int, seed: int) -> Factors:
    """The lowest of several descents with r subnetworks, one run."""
    descent = minimise(problem, problem.random(starts, r, seed=seed, deviation=0.7), LBFGS(), max_steps=300)
    return take_runs(descent.weights, descent.objective.argmin()[None])


def drawn(W: Factors) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Nodes and connections of a fully connected network as in Figure 3, placed by the shapes of its factors.

    Layer k of subnetwork i is a column of nodes at x = k; inputs and outputs (``subnetwork`` −1) are shared. A
    connection has the ``share`` of its weight in the largest of its layer, and its ``sign``.
    """
    matrices = [_matrix(w[0], k, len(W)) for k, w in enumerate(W)]
    r, K = len(matrices[0]), len(matrices)
    sizes = [matrices[0].shape[1], *(m.shape[2] for m in matrices)]
    height = max(1.0, *(r * (m + 0.8) for m in sizes[1:-1]))

    def place(k: int, i: int, j: int) -> tuple[float, float]:
        band = height if k in (0, K) else height / r
        middle = height / 2 if k in (0, K) else height - (i + 0.5) * height / r
        step = min(1.0 if k not in (0, K) else 1.6, band / sizes[k])
        return float(k), middle + step * ((sizes[k] - 1) / 2 - j)

    nodes = [(*place(k, i, j), k, -1 if k in (0, K) else i) for k in range(K + 1)
             for i in range(1 if k in (0, K) else r) for j in range(sizes[k])]  # fmt: skip
    edges = []
    for k, m in enumerate(matrices):
        largest = float(m.abs().max().clamp(min=torch.finfo(m.dtype).tiny))
        for i, a, b in torch.cartesian_prod(*(torch.arange(n) for n in m.shape)).tolist():
            weight = float(m[i, a, b])
            edges.append((*place(k, i, a), *place(k + 1, i, b), k, i, abs(weight) / largest, weight < 0))
    return (
        pd.DataFrame(nodes, columns=["x", "y", "layer", "subnetwork"]),
        pd.DataFrame(edges, columns=["x0", "y0", "x1", "y1", "layer", "subnetwork", "share", "negative"]),
    )


def _matrix(w: Tensor, k: int, K: int) -> Tensor:
    """One layer of every subnetwork ``(r, inputs, outputs)``; a vector is the first layer of one unit, or the last."""
    if w.dim() == 3:
        return w
    return w[:, :, None] if k < K - 1 else w[:, None, :]


def slid(problem: Problem, W: Factors) -> pd.DataFrame:
    """f and the number of subnetworks before and after every slide of step 3 from W (one run), while one is possible.

    In the end the outputs are independent: at most card(X) subnetworks, none if no subnetwork puts anything out.
    """
    rows = [(W[0].shape[1], float(problem(*W)))]
    while rows[-1][0] and (betas := null_vectors(problem, W)):
        s = (1 + betas[0]).clamp(min=0) ** (1 / problem.mapping.degree)
        left = s > 1e-9
        W = scale(tuple(w[:, left] for w in W), s[None, left])
        nothing = problem.loss(torch.zeros_like(problem.loss.Y)[None])
        rows.append((W[0].shape[1], float(problem(*W) if len(s[left]) else nothing)))
    return pd.DataFrame(rows, columns=["subnetworks", "objective"])
