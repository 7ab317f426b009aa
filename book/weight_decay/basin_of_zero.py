"""Which random starts weight decay sends to the zero network: gradient flow of thousands of sums of scalar chains.

Two tests end a run, both proved. f < f(0) = ½: the flow never rises, so zero is out of reach. All norms below the
radius R(f) = (λqc / (pM√(2f)))^{1/(p−q)}: then d‖w_i‖²/dt < 0 for every chain, for ever (chapter on weight decay).
"""

from collections.abc import Sequence
from typing import Any

import pandas as pd
import torch
from torch import Tensor

from global_optimality.streams import generator, normal

from ..shared.tables import frame
from .scalar_chains import tie, vanishing

STEP = 0.2
"""Euler steps of STEP over a bound of the curvature; halving it changes no share visibly (the tests do)."""

MARGIN = 0.5
"""A run is given to zero once its norms are below MARGIN · R(f): the theory, with R itself, stays to be tested."""

REST = 1e-7
"""A run is at rest when a step moves it by less, relative to its weights: at the other minimum, above f(0)."""

CAPTURED, ESCAPED, UNDECIDED = 1, -1, 0


def objective(w: Tensor, lam: Tensor, q: int) -> Tensor:
    """f of weights ``(n, r, K)`` with a λ for each run ``(n,)``."""
    return 0.5 * (1 - w.prod(2).sum(1)).square() + lam * w.abs().pow(q).mean(2).sum(1)


def euler(w: Tensor, lam: Tensor, q: int) -> Tensor:
    """One explicit step of gradient flow for the loss; the decay by a gradient step, or exactly (a shrink) if q = 1."""
    K = w.shape[2]
    others = torch.stack([w[..., [j for j in range(K) if j != k]].prod(2) for k in range(K)], 2)
    rest = 1 - w.prod(2).sum(1)
    pairs = w.abs().sort(2).values[..., 2:].prod(2).amax(1)  # the largest product of all weights of a chain but two
    curvature = others.square().sum((1, 2)) + rest.abs() * pairs
    if q == 1:
        step = (STEP / (curvature + 1))[:, None, None]
        moved = w + step * rest[:, None, None] * others
        return moved.sign() * (moved.abs() - step * lam[:, None, None] / K).clamp(min=0)
    curvature = curvature + lam * q * (q - 1) / K * w.abs().amax((1, 2)) ** (q - 2)
    step = (STEP / curvature)[:, None, None]
    decay = (lam * q / K)[:, None, None] * w.abs() ** (q - 1) * w.sign()
    return w + step * (rest[:, None, None] * others - decay)


def collapse_radius(f: Tensor, lam: Tensor, K: int, q: int) -> Tensor:
    """R(f): a chain of smaller norm only shrinks, whatever the others do; 0 if q ≥ K. q ≤ 2 otherwise (c = 1/K)."""
    if q >= K:
        return torch.zeros_like(f)
    return (lam * q / K / (K * K ** (-K / 2) * (2 * f).sqrt())) ** (1 / (K - q))


def fates(w: Tensor, lam: Tensor, q: int, *, steps: int = 16000) -> Tensor:
    """CAPTURED, ESCAPED or UNDECIDED (at rest elsewhere, or ``steps`` made) for each start ``(n, r, K)``."""
    fate = torch.full((len(w),), UNDECIDED, device=w.device)
    alive = torch.arange(len(w), device=w.device)
    for count in range(steps + 1):
        f = objective(w, lam, q)
        below = f < 0.5
        inside = w.norm(dim=2).amax(1) < MARGIN * collapse_radius(f, lam, w.shape[2], q)
        fate[alive[below]], fate[alive[inside & ~below]] = ESCAPED, CAPTURED
        keep = ~(below | inside)
        if not keep.all():
            w, lam, alive = w[keep], lam[keep], alive[keep]
        if not len(w) or count == steps:
            break
        new = euler(w, lam, q)
        moves = (new - w).flatten(1).norm(dim=1) > REST * w.flatten(1).norm(dim=1)
        w, lam, alive = (new, lam, alive) if moves.all() else (new[moves], lam[moves], alive[moves])
    return fate


def thresholds(pairs: Sequence[tuple[int, int]], *, points: int = 401, steps: int = 1500) -> pd.DataFrame:
    """For each (K, q): both thresholds, predicted and measured by flow from w = (1, …, 1) for ``points`` values of λ.

    The other minimum has vanished at the first λ whose flow ends at zero; the tie is where f at the end crosses ½.
    """
    rows, lam = [], torch.linspace(0.2, 2.2, points, dtype=torch.float64)
    for K, q in pairs:
        w = torch.ones(points, 1, K, dtype=torch.float64)
        for _ in range(steps):
            w = euler(w, lam, q)
        f, alive = objective(w, lam, q), w.prod(2)[:, 0] > 0.01
        last, above = int(alive.sum()) - 1, int((f < 0.5 - 1e-6).sum())
        slope = (f[above - 1] - f[above - 2]) / (lam[above - 1] - lam[above - 2])
        crossing = lam[above - 1] + (0.5 - f[above - 1]) / slope
        middle = (lam[last] + lam[last + 1]) / 2
        rows.append((K, q, tie(K, q), float(crossing), vanishing(K, q), float(middle)))
    table = pd.DataFrame(rows, columns=["K", "q", "tie", "tie_measured", "vanishing", "vanishing_measured"])
    for name in ("tie", "vanishing"):
        table[f"{name}_error"] = (table[f"{name}_measured"] / table[name] - 1).abs()
    return table


def phases(
    K: int, q: int, r: int, shares: Sequence[float], deviations: Sequence[float], *, runs: int, seed: int,
    device: str = "cpu",
) -> pd.DataFrame:  # fmt: skip
    """Where normal starts go, for λ = share · tie and initial deviations: one row a cell, shares of ``runs`` starts."""
    grid = torch.cartesian_prod(torch.tensor(shares).double(), torch.tensor(deviations).double())
    cells = grid.repeat_interleave(runs, 0).to(device)
    unit = normal(generator(seed, "phases", K, q, r), len(cells), r, K).to(device)
    fate = fates(cells[:, 1, None, None] * unit, tie(K, q) * cells[:, 0], q).reshape(-1, runs).cpu()
    table = pd.DataFrame(grid.numpy(), columns=["share_of_tie", "deviation"])
    table["captured"] = (fate == CAPTURED).double().mean(1).numpy()
    table["escaped"] = (fate == ESCAPED).double().mean(1).numpy()
    return table.assign(K=K, q=q, size=r, runs=runs, vanishing=vanishing(K, q) / tie(K, q))


def diagram(cells: Sequence[tuple[int, int, int]], *, points: int, runs: int, seed: int, device: str) -> pd.DataFrame:
    """``phases`` for several (K, q, r): λ from 0.1 to 1.9 times the tie, deviations from 0.05 to 1."""
    shares = torch.linspace(0.1, 1.9, points, dtype=torch.float64).tolist()
    deviations = torch.logspace(-1.3, 0, points, dtype=torch.float64).tolist()
    tables = [phases(K, q, r, shares, deviations, runs=runs, seed=seed, device=device) for K, q, r in cells]
    return pd.concat(tables, ignore_index=True)


def diagram_data(grid: pd.DataFrame) -> dict[str, Any]:
    """What a page needs to show ``diagram`` and to let flows run in a cell: one map for each (K, q, r)."""
    maps = []
    for _, table in grid.groupby(["K", "q", "size"], sort=False):
        K, q, r, runs = (int(table[name].iloc[0]) for name in ("K", "q", "size", "runs"))
        captured = table.pivot(index="share_of_tie", columns="deviation", values="captured")
        axes = {"shares": captured.index.tolist(), "deviations": captured.columns.tolist()}
        start = {"K": K, "q": q, "size": r, "tie": tie(K, q), "runs": runs}
        maps.append({**start, **axes, "captured": captured.to_numpy().tolist()})
    return {"maps": maps}


def by_norm(
    K: int, q: int, lam: float, sizes: Sequence[int], norms: Sequence[float], *, runs: int, seed: int
) -> pd.DataFrame:
    """Share of starts captured when every chain starts with the norm ρ, in random directions; R(f) at the start."""
    rho = torch.tensor(norms, dtype=torch.float64).repeat_interleave(runs)
    lams, tables = torch.full_like(rho, lam), []
    for r in sizes:
        direction = normal(generator(seed, "by norm", r), runs, r, K).repeat(len(norms), 1, 1)
        w = rho[:, None, None] * direction / direction.norm(dim=2, keepdim=True)
        inside = rho < collapse_radius(objective(w, lams, q), lams, K, q)
        captured = fates(w, lams, q) == CAPTURED
        table = frame(
            norm=rho, captured=captured.double(), inside=inside.long(), inside_not_captured=inside & ~captured
        )
        means = table.groupby("norm", as_index=False).agg(
            captured=("captured", "mean"), inside=("inside", "sum"), inside_not_captured=("inside_not_captured", "sum")
        )
        tables.append(means.assign(size=r))
    return pd.concat(tables, ignore_index=True)
