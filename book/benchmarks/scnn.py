"""`solve` beside pyscnn (Mishkin, Sahiner and Pilanci 2022) on one problem; its networks are scored by our certificate.

pyscnn samples cells, so its objective is an upper bound unless it has drawn them all. It is no part of the book's
environment, and a bare ``pip install pyscnn`` may replace torch. What it needs beyond that environment:

    pip install --no-deps pyscnn==0.0.10 linalg_backends opt_einsum
"""

import importlib
from collections.abc import Sequence
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
import torch

from claimbook.sweeps import Sweep
from global_optimality.certificate import certify
from global_optimality.factors import Factors
from global_optimality.polar import polar_of
from global_optimality.problem import Problem
from global_optimality.sliding_frank_wolfe import solve

from ..shared.planted_relu import teacher_problem
from ..shared.relu_problems import inputs
from .timing import clocked


def against_pyscnn(*, gates: Sequence[int] = (50, 200, 500), seed: int = 0) -> pd.DataFrame:
    """Seconds, objective and certified gap of ``solve`` and of pyscnn with so many sampled cells; N = 100, d = 5.

    λ = N · c · λ_scnn, and pyscnn is told not to rescale the data. Its augmented Lagrangian runs at its default
    tolerance, in float64. ``ModuleNotFoundError`` says how to install it.
    """
    _modules()  # before anything is computed
    problem = teacher_problem(100, 5, 1.0, seed=seed)
    polar = polar_of(problem)
    ours, seconds = clocked(lambda: solve(problem, tol=1e-4, polar=polar))
    found = [("solve", ours.weights, seconds)]
    for count in gates:
        weights, seconds = clocked(lambda count=count: network_of_pyscnn(problem, count, seed))
        found.append((f"pyscnn, {count} sampled cells", weights, seconds))
    rows = []
    for way, weights, seconds in found:
        scored = certify(problem, weights, polar)
        rows.append(
            {
                "way": way,
                "units": weights[0].shape[1],
                "seconds": seconds.wall,
                "cpu_seconds": seconds.cpu,
                "objective": float(scored.objective[0]),
                "relative_gap": float(scored.relative_gap[0]),
                "polar": float(scored.polar[0]),
                "excess": float(scored.objective[0]) / ours.objective - 1,
            }
        )
    N, d = inputs(problem).shape
    return pd.DataFrame(rows).assign(N=N, d=d, lam=problem.lam, threads=torch.get_num_threads())


def on_draw(shared: dict[str, Any], _: list[dict[str, Any]]) -> pd.DataFrame:
    """One draw of the data."""
    return against_pyscnn(seed=shared["seed"])


RELU_PYSCNN = Sweep(on_draw, {"seed": [0]}, packages=("pyscnn",))


def _modules() -> list[ModuleType]:
    """Six modules of pyscnn, which import-checkers need not find."""
    names = "activations", "metrics", "models", "optimize", "regularizers", "solvers"
    try:
        return [importlib.import_module(f"scnn.{name}") for name in names]
    except ModuleNotFoundError as missing:
        raise ModuleNotFoundError(
            "pyscnn is not installed: pip install --no-deps pyscnn==0.0.10 linalg_backends opt_einsum"
        ) from missing


def network_of_pyscnn(problem: Problem, gates: int, seed: int) -> Factors:
    """The ReLU network that pyscnn returns, balanced: its weights as factors ``(1, r, d)``, ``(1, r, c)``.

    ``ModuleNotFoundError`` says how to install it.
    """
    activations, metrics, models, optimize, regularizers, solvers = _modules()
    S, Y = inputs(problem).numpy(), problem.loss.Y.numpy()
    model = models.ConvexReLU(activations.sample_gate_vectors(seed, S.shape[1], gates), c=Y.shape[1])
    network, _ = optimize.optimize_model(
        model, solvers.AL(model), metrics.Metrics(), S, Y,
        regularizer=regularizers.NeuronGL1(problem.lam / Y.size),
        return_convex=False, unitize_data=False, device="cpu", dtype="float64", seed=seed,
    )  # fmt: skip
    U, V = (torch.tensor(np.asarray(w), dtype=torch.float64) for w in network.get_parameters())
    V = V.reshape(Y.shape[1], len(U)).T
    norm_u, norm_v = U.norm(dim=1, keepdim=True), V.norm(dim=1, keepdim=True)
    size = (norm_u * norm_v).sqrt()
    kept = size[:, 0] > 0
    return (U / norm_u * size)[kept][None], (V / norm_v * size)[kept][None]
