"""Recorded tables that are sweeps: what a chunk runs, at top level, so that workers find it by its name."""

from typing import Any

import pandas as pd
import torch

from book.certified_training.digits_plane import at_least_five, widths
from book.deep_networks.depth import Design, sweep
from book.implications.dense import PAIRS, parallel_against_dense
from book.implications.depth import chain_sweep
from book.one_hidden_layer.experiment import census
from book.one_hidden_layer.shaken import Shakes, shaken
from claimbook.sweeps import Sweep
from global_optimality.sliding_frank_wolfe import solve

from ..shared.relu_problems import plane_problem

DEPTHS = (2, 3, 4, 5)
STEPS = {"Adam": 20_000, "gradient descent": 10_000, "L-BFGS": 300}
CHAIN_STEPS = {"Adam": 8000, "gradient descent": 4000}
DENSE_STEPS = 20_000

Setting = dict[str, Any]
Batch = list[Setting]


def census_of_size(shared: Setting, _: Batch) -> pd.DataFrame:
    """Theorem 1's table from more starts of one size than the chapter One hidden layer takes, on one draw of data."""
    problem, r = plane_problem(12, 1.0, seed=shared["draw"]), shared["size"]
    table = census(problem, [r], runs=shared["starts"], optimum=solve(problem).objective, seed=shared["draw"])
    return counted(table)


def counted(table: pd.DataFrame) -> pd.DataFrame:
    """Runs counted by stage, r, whether a unit is zero and whether the run is certified global.

    ``least_excess`` and ``escapes`` are the least relative excess over the certified optimum and the most escapes of
    the runs counted in a row.
    """
    groups = table.groupby(["stage", "size", "zero_unit", "global"], as_index=False)
    return groups.agg(runs=("run", "count"), least_excess=("excess", "min"), escapes=("escapes", "max"))


def shaken_on(shared: Setting, _: Batch) -> pd.DataFrame:
    """Theorem 1 without the polar: 14 starts of each of six sizes on one draw of the data."""
    return shaken([shared["draw"]], (1, 2, 3, 4, 6, 10), runs=14, shakes=Shakes(noises=16))


def trained_longer(shared: Setting, _: Batch) -> pd.DataFrame:
    """The networks of the chapter Certified training again, with up to forty times as many steps: does Adam arrive?

    One row a number of steps, width and start: excess over F*, certified gap, accuracy.
    """
    split = at_least_five(200, 0.03, seed=shared["draw"])
    solution = solve(split.problem)
    tables = [
        widths(split, solution, [100], runs=3, steps=steps, seed=shared["draw"]).assign(steps=steps)
        for steps in (500, 5000, 20_000)
    ]
    return pd.concat(tables, ignore_index=True).assign(certified=solution.relative_gap)


def at_depth(shared: Setting, _: Batch) -> pd.DataFrame:
    """One depth of the chapter Deep parallel networks, converged; methods dearer than Adam from fewer starts."""
    method, steps = shared["method"], STEPS[shared["method"]]
    sizes, runs = ((1, 2, 4, 8, 16, 32), 20) if method == "Adam" else ((8, 32), 4)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    table = sweep(method, [shared["layers"]], Design(sizes, range(5), runs, steps), device=device)
    return table.assign(steps=steps)


def chains_at_depth(shared: Setting, _: Batch) -> pd.DataFrame:
    """Chains of width one, whose minimum is known at every depth."""
    method = shared["method"]
    steps = CHAIN_STEPS[method]
    table = chain_sweep(method, [shared["K"]], draws=range(8), runs=5, steps=steps, window=1000)
    return table.assign(steps=steps)


def dense_on(shared: Setting, _: Batch) -> pd.DataFrame:
    """Parallel against dense at equal parameters: one size and λ, ten starts on each of ten draws of the noise."""
    pair = [PAIRS[shared["pair"]]]
    table = parallel_against_dense(pair, (shared["lam"],), draws=range(10), runs=10, steps=DENSE_STEPS)
    return table.assign(steps=DENSE_STEPS)


SWEEPS = {
    "adam_steps": Sweep(trained_longer, {"draw": range(2)}),
    "depth_adam": Sweep(at_depth, {"method": ["Adam"], "layers": DEPTHS}),
    "depth_gradient": Sweep(at_depth, {"method": ["gradient descent"], "layers": DEPTHS}),
    "depth_lbfgs": Sweep(at_depth, {"method": ["L-BFGS"], "layers": DEPTHS}),
    "depth_chains": Sweep(chains_at_depth, {"method": list(CHAIN_STEPS), "K": DEPTHS}),
    "relu_census": Sweep(census_of_size, {"draw": range(24), "size": [1, 2, 3, 4, 6, 10, 20], "starts": [600]}),
    "shaken": Sweep(shaken_on, {"draw": range(6)}),
    "dense": Sweep(dense_on, {"lam": (0.02, 0.1, 0.5), "pair": range(len(PAIRS))}),
}
"""Each with all its settings; a chunk is one of them."""
