"""256 random starts on a 60 × 40 matrix: all at once, run by run, and by torch.optim.LBFGS run by run."""

from typing import Any

import pandas as pd
import torch

from book.matrix_factorization.experiment import factorization
from claimbook.sweeps import Sweep
from global_optimality.descent import LBFGS, Descent, minimise
from global_optimality.factors import Factors, take_runs
from global_optimality.problem import Problem

from ..shared import data
from .timing import medians

TOLERANCE = 1e-7


def batching(*, runs: int = 256, r: int = 20, rounds: int = 3, seed: int = 0) -> pd.DataFrame:
    """Median seconds and worst objective of each way to descend from the same starts, and its ratio to the batch.

    The peer stops at max |∇f| ≤ tol · scale, which is laxer than our ‖∇f‖₂ ≤ tol · scale: it is not slowed down.
    """
    problem = factorization(data.low_rank(60, 40, 8, noise=0.1, seed=seed), 0.1)
    W = problem.random(runs, r, seed=seed)
    ends: dict[str, list[Descent]] = {}
    peer_objectives: list[float] = []

    def all_at_once() -> None:
        ends["all at once"] = [minimise(problem, W, LBFGS(), tol=TOLERANCE)]

    def run_by_run() -> None:
        ends["run by run"] = [minimise(problem, take_runs(W, _only(i)), LBFGS(), tol=TOLERANCE) for i in range(runs)]

    def peer() -> None:
        peer_objectives[:] = [torch_lbfgs(problem, take_runs(W, _only(i))) for i in range(runs)]

    sides = {"all at once": all_at_once, "run by run": run_by_run, "torch.optim.LBFGS run by run": peer}
    seconds = medians(sides, rounds=rounds)
    worst = {name: max(float(d.objective.max()) for d in found) for name, found in ends.items()}
    worst["torch.optim.LBFGS run by run"] = max(peer_objectives)
    table = pd.DataFrame({"way": list(seconds), "seconds": list(seconds.values())})
    table["ratio"] = table["seconds"] / seconds["all at once"]
    table["worst_objective"] = [worst[name] for name in table["way"]]
    return table.assign(runs=runs, r=r, rounds=rounds, threads=torch.get_num_threads())


def race(shared: dict[str, Any], _: list[dict[str, Any]]) -> pd.DataFrame:
    """So many runs."""
    return batching(runs=shared["runs"])


BATCHING = Sweep(race, {"runs": [256]})


def torch_lbfgs(problem: Problem, W: Factors) -> float:
    """One run by torch's own L-BFGS with strong Wolfe line search, as its users call it; the final objective."""
    leaves = [w.clone().requires_grad_() for w in W]
    scale = float(problem.gradient_scale(problem(*W))) * 0.1  # f falls by less than 10² from these starts
    optimizer = torch.optim.LBFGS(
        leaves, max_iter=2000, tolerance_grad=TOLERANCE * scale, tolerance_change=0, history_size=LBFGS().memory,
        line_search_fn="strong_wolfe",
    )  # fmt: skip

    def closure() -> torch.Tensor:
        optimizer.zero_grad()
        value = problem(*leaves).sum()
        value.backward()
        return value

    optimizer.step(closure)
    with torch.no_grad():
        return float(problem(*leaves))


def _only(i: int) -> torch.Tensor:
    return torch.tensor([i])
