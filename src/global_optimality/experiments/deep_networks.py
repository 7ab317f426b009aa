"""Section 5 of the paper: what is homogeneous, which pairs are refused, networks as drawn, Theorem 2's path."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import final

import pandas as pd
import torch
from torch import Tensor

from ..descent import LBFGS, minimise
from ..factors import Factors, take_runs
from ..homogeneity import check_pair, layer_table
from ..losses import SquaredLoss
from ..mappings import ConvPool, DeepRelu, Mapping
from ..meta_algorithm import Path, meta_algorithm
from ..polar import Polar
from ..polar.deep_relu import deep_relu_polar
from ..problem import Problem
from ..regularizers import (
    BalancedWeightDecay,
    L1Decay,
    NonNegative,
    Norm,
    PathNorm,
    ProductOfNorms,
    Regularizer,
    SumOfPowers,
    WeightDecay,
    WeightedSum,
)
from ..results import frame
from ..streams import generator, normal


def layers(seed: int = 0) -> pd.DataFrame:
    """The measured table of layers, one row a layer."""
    rows = [(r.layer, r.formula, r.estimate, r.residual, r.allowed, r.remark) for r in layer_table(seed)]
    return pd.DataFrame(rows, columns=["layer", "formula", "degree", "residual", "allowed", "remark"]).set_index("layer")


def curve(N: int, widths: Sequence[int], lam: float, *, seed: int, device: str = "cpu") -> Problem:
    """N samples of sin(4x) plus noise on [−1, 1] and a constant input, for deep ReLU subnetworks of the given widths."""
    x = torch.linspace(-1, 1, N, dtype=torch.float64)
    y = torch.sin(4 * x) + 0.1 * normal(generator(seed, "deep curve", N), N)
    S = torch.stack([x, torch.ones_like(x)], 1).to(device)
    return Problem(SquaredLoss(y[:, None].to(device)), DeepRelu(S, tuple(widths)), BalancedWeightDecay(len(widths)), lam)


def two_points(depth: int) -> Problem:
    """x = ±1, y = (2, 3), λ = ½, for chains of ``depth`` layers of width one: solved by hand in the chapter."""
    S = torch.tensor([[1.0], [-1.0]], dtype=torch.float64)
    Y = torch.tensor([[2.0], [3.0]], dtype=torch.float64)
    return Problem(SquaredLoss(Y), DeepRelu(S, (1,) * depth), BalancedWeightDecay(depth), 0.5)


def pairs(seed: int = 0) -> pd.DataFrame:
    """Both conditions of a nondegenerate pair, tested for three-layer ReLU subnetworks with many regularizers."""
    mapping = DeepRelu(normal(generator(seed, "pairs"), 6, 2), (2, 2, 1))
    two = (Norm.TWO,) * 3
    regularizers: dict[str, Regularizer] = {
        "∏ ‖wᵏ‖": ProductOfNorms(two),
        "⅓ Σ ‖wᵏ‖³": SumOfPowers(3),
        "(⅓ Σ ‖wᵏ‖²)^{3/2}": BalancedWeightDecay(3),
        "path norm, q = 1": PathNorm(3, 1.0),
        "path norm, q = 2": PathNorm(3),
        "a sum of two of these": WeightedSum((SumOfPowers(3), PathNorm(3))),
        "⅓ Σ ‖wᵏ‖³, weights ≥ 0": NonNegative(SumOfPowers(3)),
        "weight decay ½ Σ ‖wᵏ‖²": WeightDecay(),
        "ℓ1 decay Σ ‖wᵏ‖₁": L1Decay(),
        "‖w¹‖³ alone": FirstLayerOnly(3),
    }
    rows = []
    for name, theta in regularizers.items():
        test = check_pair(mapping, theta)
        rows.append((name, test.regularizer.estimate, test.largest_ratio, test.verdict.name))
    return pd.DataFrame(rows, columns=["theta", "degree", "largest_ratio", "verdict"]).set_index("theta")


@final
@dataclass(frozen=True)
class FirstLayerOnly(Regularizer):
    """‖w¹‖ᴷ: of the right degree, and blind to all layers but the first. The pair with any deep φ is degenerate."""

    layers: int

    @property
    def degree(self) -> int:
        return self.layers

    def theta(self, *W: Tensor) -> Tensor:
        return W[0].flatten(2).norm(dim=2) ** self.layers


@final
@dataclass(frozen=True, eq=False)
class Sigmoid(Mapping):
    """σ(S u) vᵀ, with degree 2 declared although it has none."""

    S: Tensor

    @property
    def degree(self) -> int:
        return 2

    @property
    def shape(self) -> tuple[int, ...]:
        return (len(self.S), 1)

    @property
    def factor_shapes(self) -> tuple[tuple[int, ...], ...]:
        return ((self.S.shape[1],), (1,))

    def phi(self, *W: Tensor) -> Tensor:
        return torch.sigmoid(W[0] @ self.S.mT)[..., :, None] * W[1][..., None, :]


def refusals() -> pd.DataFrame:
    """What construction says to networks outside the theory, one row each; an empty message means: not refused."""
    S, images = normal(generator(0, "refusals"), 6, 2), normal(generator(1, "refusals"), 3, 1, 8, 8)
    loss, deep = SquaredLoss(torch.ones(6, 1, dtype=torch.float64)), DeepRelu(S, (2, 2, 1))
    builds: dict[str, Callable[[], object]] = {
        "sigmoid units": lambda: Problem(loss, Sigmoid(S), BalancedWeightDecay(2), 0.1),
        "weight decay on three layers": lambda: Problem(loss, deep, WeightDecay(), 0.1),
        "θ blind to two of the layers": lambda: Problem(loss, deep, FirstLayerOnly(3), 0.1),
        "a single layer, K = 1": lambda: DeepRelu(S, (1,)),
        "a layer of width zero": lambda: DeepRelu(S, (2, 0, 1)),
        "weights that do not chain": lambda: Problem(loss, deep, BalancedWeightDecay(3), 0.1)(
            *(torch.ones(1, 1, *shape, dtype=torch.float64) for shape in ((2, 2), (3, 2), (2, 1)))
        ),
        "pooling that does not divide": lambda: ConvPool(images, channels=2, kernel=3, pool=4, outputs=1),
    }
    rows = []
    for name, build in builds.items():
        try:
            build()
            rows.append((name, ""))
        except ValueError as error:
            rows.append((name, str(error)))
    return pd.DataFrame(rows, columns=["network", "message"]).set_index("network")


def polar(problem: Problem, *, cones: int = 20_000, tol: float = 2e-3) -> Polar:
    """The enclosure of the polar by branch and bound, with an effort that fits tolerances of a percent."""
    assert isinstance(problem.mapping, DeepRelu)
    return deep_relu_polar(problem.mapping, cones=cones, tol=tol, target=problem.lam)


def walk(problem: Problem, r: int, *, tol: float, seed: int) -> Path:
    """Theorem 2's path from a random start of r subnetworks, to a certified relative gap ``tol``."""
    return meta_algorithm(problem, r=r, seed=seed, method=LBFGS(), polar=polar(problem), tol=tol, max_rounds=30)


def walks(problem: Problem, sizes: Sequence[int], *, tol: float, seed: int) -> dict[int, Path]:
    """``walk`` for every size."""
    return {r: walk(problem, r, tol=tol, seed=seed) for r in sizes}


def summary(paths: dict[int, Path]) -> pd.DataFrame:
    """One row a path: sizes at its two ends, pieces of each kind, f at both ends, gap, largest rise, how it ended."""
    rows = []
    for r, path in paths.items():
        kinds = pd.Series([step.name for step in path.steps])
        pieces = kinds[(kinds != kinds.shift()) | (kinds == "APPEND")].value_counts()
        counts = tuple(int(pieces.get(kind, 0)) for kind in ("DESCEND", "SLIDE", "APPEND", "ESCAPE"))
        ends = float(path.objective[0]), float(path.objective[-1])
        gap = float(path.certificate.relative_gap)
        rows.append((r, path.size[-1], *counts, *ends, gap, path.largest_rise, path.status.name))
    names = ["r", "r_end", "descents", "slides", "appended", "escapes", "f_start", "f_end", "gap", "rise", "status"]
    return pd.DataFrame(rows, columns=names).set_index("r")


def trained(problem: Problem, r: int, *, starts: int, steps: int, seed: int) -> Factors:
    """The lowest of several descents with r subnetworks, one run."""
    descent = minimise(problem, problem.random(starts, r, seed=seed, deviation=0.7), LBFGS(), max_steps=steps)
    return take_runs(descent.weights, descent.objective.argmin()[None])


def drawn(mapping: Mapping, W: Factors) -> tuple[pd.DataFrame, pd.DataFrame]:
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


def path_points(paths: dict[int, Path]) -> pd.DataFrame:
    """All points of several paths: r at the start, point, kind of step, size, and f above the best certified bound."""
    bound = max(float(path.certificate.lower_bound) for path in paths.values())
    tables = [
        frame(start=r, point=range(len(p.steps)), step=[s.name for s in p.steps], size=p.size,
              height=(p.objective - bound) / bound)
        for r, p in paths.items()
    ]  # fmt: skip
    return pd.concat(tables, ignore_index=True)
