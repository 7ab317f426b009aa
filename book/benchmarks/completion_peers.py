"""Nuclear-norm completion to a certified gap of 1e-6: ours, CVXPY with two solvers, and fancyimpute's soft-impute."""

import importlib
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import torch

from claimbook.sweeps import Sweep
from global_optimality import convex
from global_optimality.streams import generator, normal

from .alone import alone

GAP = 1e-6
SIZES = [list(size) for size in ((10, 8), (20, 16), (30, 24), (40, 32), (80, 64), (500, 400), (5000, 50))]
RANK = 5
SECONDS, GIGABYTES = 20.0, 4.0
"""What a peer may take of processor time and memory."""
THRESHOLDS = (1e-5, 1e-6, 1e-7, 1e-8, 1e-9)
"""Of soft-impute's stopping rule, tried from the left until our certificate accepts; the last try alone is timed."""
OURS, SOFT = "accelerated proximal gradient", "soft-impute of fancyimpute"


@dataclass(frozen=True)
class Seen:
    """A rank-five matrix with noise of a tenth, half of it seen, λ a fifth of the largest singular value of that."""

    Y: np.ndarray
    mask: np.ndarray
    lam: float

    @classmethod
    def drawn(cls, m: int, n: int, draw: int) -> "Seen":
        stream = generator(draw, "completion peers", m, n)
        Y = (normal(stream, m, RANK) @ normal(stream, RANK, n) + 0.1 * normal(stream, m, n)).numpy()
        mask = (normal(stream, m, n) > 0).numpy()
        return cls(Y * mask, mask, 0.2 * float(np.linalg.norm(Y * mask, 2)))

    def objective(self, X: np.ndarray) -> float:
        """½‖mask(Y − X)‖² + λ‖X‖_*."""
        singular = np.linalg.svd(X, compute_uv=False)
        return 0.5 * float(np.square(self.mask * (self.Y - X)).sum()) + self.lam * float(singular.sum())


Way = Callable[[Seen], np.ndarray]


def race(shared: dict[str, Any], _: list[dict[str, Any]]) -> pd.DataFrame:
    """One row a way, each alone in a process: processor seconds, memory, and the gap of its matrix by our certificate.

    A tiny instance comes first, outside the seconds. ``reached`` is against a lower bound proved to 1e-7 outside the
    time; ``status`` says which limit a way met, and then its ``cpu_seconds`` and ``ratio`` are NaN, ``at_least`` the
    limit over our seconds. Soft-impute is not told a gap: it stops where steps are small.
    """
    (m, n), draw = shared["size"], shared["draw"]
    instance, tiny = Seen.drawn(m, n, draw), Seen.drawn(6, 5, draw)
    bound = convex.matrix_completion(instance.Y, instance.mask, instance.lam, tol=GAP / 10).lower_bound

    def row(way: str, side: Way) -> dict[str, Any]:
        ended = alone(lambda: side(instance), first=lambda: side(tiny), seconds=SECONDS, gigabytes=GIGABYTES)
        start = {"m": m, "n": n, "way": way, "status": ended.status, "megabytes": ended.megabytes}
        if not ended.done:
            return start | {"cpu_seconds": math.nan, "reached": math.nan}
        value = instance.objective(ended.value)
        return start | {"cpu_seconds": ended.seconds.cpu, "reached": (value - bound) / value}

    rows = [row(OURS, ours)]
    rows += [row(f"CVXPY, {solver}", by_cvxpy(solver)) for solver in ("SCS", "CLARABEL")]
    last: dict[str, Any] = {}
    for threshold in THRESHOLDS:
        last = row(SOFT, soft_impute(threshold))
        if last["reached"] <= GAP:
            break
    table = pd.DataFrame([*rows, last])
    own = table["cpu_seconds"].iloc[0]
    late = table["status"].eq(f"more than {SECONDS:g} s")
    return table.assign(
        ratio=table["cpu_seconds"] / own,
        at_least=np.where(late, SECONDS / own, np.nan),
        limit=SECONDS,
        gigabytes=GIGABYTES,
        threads=torch.get_num_threads(),
    )


PEERS = "cvxpy", "scs", "clarabel", "fancyimpute"
COMPLETION_PEERS = Sweep(race, {"size": SIZES, "draw": [0, 1, 2]}, packages=PEERS)


def ours(instance: Seen) -> np.ndarray:
    """To a gap that it proves."""
    return convex.matrix_completion(instance.Y, instance.mask, instance.lam, tol=GAP).X


def by_cvxpy(solver: str) -> Way:
    """The program as its users write it, at the tolerance of the gap."""
    options = {"eps": GAP} if solver == "SCS" else {"tol_gap_rel": GAP, "tol_gap_abs": GAP}

    def solve(instance: Seen) -> np.ndarray:
        cp: Any = importlib.import_module("cvxpy")
        X = cp.Variable(instance.Y.shape)
        loss = 0.5 * cp.sum_squares(cp.multiply(instance.mask.astype(float), instance.Y - X))
        cp.Problem(cp.Minimize(loss + instance.lam * cp.norm(X, "nuc"))).solve(solver=solver, **options)
        return np.asarray(X.value)

    return solve


def soft_impute(threshold: float) -> Way:
    """The last thresholded matrix of fancyimpute; its call of scikit-learn, whose argument was renamed, is mended."""

    def solve(instance: Seen) -> np.ndarray:
        module: Any = importlib.import_module("fancyimpute.soft_impute")
        module.check_array = lambda X, **_: X
        solver = module.SoftImpute(
            shrinkage_value=instance.lam,
            convergence_threshold=threshold,
            max_iters=5000,
            init_fill_method="zero",
            verbose=False,
        )
        filled = solver.solve(np.where(instance.mask, instance.Y, 0.0), ~instance.mask)
        return solver._svd_step(filled, instance.lam)[0]  # the peer returns its input filled in, not this

    return solve
