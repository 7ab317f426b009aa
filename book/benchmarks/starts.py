"""Many starts of one hidden layer, the same steps of Adam: all in one tensor, vmap, JAX, and a loop of torch.optim."""

import importlib
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from claimbook.sweeps import Sweep
from global_optimality.factors import Factors
from global_optimality.problem import Problem

from ..shared.adam import adam
from ..shared.planted_relu import teacher_problem
from ..shared.relu_problems import inputs
from .timing import clocked_medians

LAM, RATE = 1.0, 0.03
UNITS, SAMPLES, DIMENSION, ROUNDS = 32, 100, 10, 3
BETAS, EPSILON = (0.9, 0.999), 1e-8
"""PyTorch's defaults."""


def race(shared: dict[str, Any], _: list[dict[str, Any]]) -> pd.DataFrame:
    """Median seconds of each way from the same starts, its ratio to ours, and how far its objectives are from ours.

    ``ratio`` is that of processor seconds, ``clock_ratio`` of those of the clock, which tell of several threads on a
    quiet machine; JAX takes as many as it likes. Its compilation is outside its time. ``ModuleNotFoundError`` without
    JAX.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(shared["threads"])
    try:
        return pd.DataFrame(_rows(shared["runs"], shared["steps"])).assign(
            r=UNITS, N=SAMPLES, d=DIMENSION, rounds=ROUNDS
        )
    finally:
        torch.set_num_threads(before)


def _rows(runs: int, steps: int) -> list[dict[str, object]]:
    in_jax = jax_adam()
    problem = teacher_problem(SAMPLES, DIMENSION, LAM, seed=0)
    W = problem.random(runs, UNITS, seed=0, deviation=0.3)
    sides: dict[str, Callable[[], Factors]] = {
        "all in one tensor": lambda: adam(problem, W, steps=steps, rate=RATE),
        "torch.func.vmap": lambda: vmap_adam(problem, W, steps),
        "JAX, vmap and jit": lambda: in_jax(problem, W, steps),
        "loop of torch.optim": lambda: looped(problem, W, steps),
    }
    ends = {way: problem(*side()) for way, side in sides.items()}
    ours = ends["all in one tensor"]
    seconds = clocked_medians(sides, rounds=ROUNDS)
    own, rows = seconds["all in one tensor"], []
    for way, spent in seconds.items():
        row = {"way": way, "cpu_seconds": spent.cpu, "ratio": spent.cpu / own.cpu, "seconds": spent.wall}
        difference = float(((ends[way] - ours) / ours).abs().max())
        rows.append({**row, "clock_ratio": spent.wall / own.wall, "difference": difference})
    return rows


MANY_STARTS = Sweep(race, {"runs": [8, 32, 128, 512], "steps": [20], "threads": [1, 2]}, packages=("jax", "jaxlib"))


def looped(problem: Problem, W: Factors, steps: int) -> Factors:
    """One run after the other, each as users of torch.optim write it."""
    S, Y, ends = inputs(problem), problem.loss.Y, []
    for run in range(len(W[0])):
        u, v = (w[run].clone().requires_grad_() for w in W)
        optimizer = torch.optim.Adam([u, v], lr=RATE)
        for step in range(steps):
            optimizer.param_groups[0]["lr"] = RATE * (1 - step / steps)
            optimizer.zero_grad()
            loss = 0.5 * (torch.relu(S @ u.T) @ v - Y).square().sum()
            (loss + 0.5 * problem.lam * (u.square().sum() + v.square().sum())).backward()
            optimizer.step()
        ends.append((u.detach(), v.detach()))
    return tuple(torch.stack(parts) for parts in zip(*ends, strict=True))


def vmap_adam(problem: Problem, W: Factors, steps: int) -> Factors:
    """The objective of one run, differentiated and mapped over the runs by torch.func."""
    S, y = inputs(problem), problem.loss.Y[:, 0]

    def objective(u: Tensor, v: Tensor) -> Tensor:
        residual = torch.relu(S @ u.T) @ v[:, 0] - y
        return 0.5 * (residual @ residual) + 0.5 * problem.lam * (u.square().sum() + v.square().sum())

    gradient = torch.func.vmap(torch.func.grad(objective, argnums=(0, 1)))
    x, m, s = list(W), [torch.zeros_like(w) for w in W], [torch.zeros_like(w) for w in W]
    for step in range(steps):
        rate = RATE * (1 - step / steps)
        for i, g in enumerate(gradient(*x)):
            m[i] = BETAS[0] * m[i] + (1 - BETAS[0]) * g
            s[i] = BETAS[1] * s[i] + (1 - BETAS[1]) * g * g
            mean = m[i] / (1 - BETAS[0] ** (step + 1))
            x[i] = x[i] - rate * mean / ((s[i] / (1 - BETAS[1] ** (step + 1))).sqrt() + EPSILON)
    return tuple(x)


def jax_adam() -> Callable[[Problem, Factors, int], Factors]:
    """The same in JAX: vmap of the gradient, the whole loop in one jit."""
    jax: Any = importlib.import_module("jax")
    jnp: Any = importlib.import_module("jax.numpy")
    jax.config.update("jax_enable_x64", True)

    def objective(u: Any, v: Any, S: Any, y: Any, lam: float) -> Any:
        residual = jnp.maximum(S @ u.T, 0) @ v[:, 0] - y
        return 0.5 * residual @ residual + 0.5 * lam * ((u**2).sum() + (v**2).sum())

    gradient = jax.vmap(jax.grad(objective, argnums=(0, 1)), in_axes=(0, 0, None, None, None))

    def run(W: Any, S: Any, y: Any, lam: float, steps: int) -> Any:
        def step(i: Any, state: Any) -> Any:
            x, m, s = state
            g = gradient(*x, S, y, lam)
            m = jax.tree.map(lambda a, b: BETAS[0] * a + (1 - BETAS[0]) * b, m, g)
            s = jax.tree.map(lambda a, b: BETAS[1] * a + (1 - BETAS[1]) * b * b, s, g)
            rate, first, second = RATE * (1 - i / steps), 1 - BETAS[0] ** (i + 1), 1 - BETAS[1] ** (i + 1)
            x = jax.tree.map(lambda w, a, b: w - rate * (a / first) / (jnp.sqrt(b / second) + EPSILON), x, m, s)
            return x, m, s

        zeros = jax.tree.map(jnp.zeros_like, W)
        return jax.lax.fori_loop(0, steps, step, (W, zeros, zeros))[0]

    compiled = jax.jit(run, static_argnums=4)

    def called(problem: Problem, W: Factors, steps: int) -> Factors:
        data = tuple(jnp.asarray(w.numpy()) for w in W), inputs(problem).numpy(), problem.loss.Y[:, 0].numpy()
        return tuple(torch.from_numpy(np.array(w)) for w in compiled(*data, problem.lam, steps))

    return called
