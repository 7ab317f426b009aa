"""Theorem 1's table over thousands of runs: the census of the chapter One hidden layer, from more starts."""

from collections.abc import Sequence

import pandas as pd

from book.one_hidden_layer.experiment import census
from global_optimality.sliding_frank_wolfe import solve

from ..shared.relu_problems import plane_problem

SIZES = (1, 2, 3, 4, 6, 10, 20)


def relu_census(*, sizes: Sequence[int] = SIZES, runs: int = 300, seed: int = 0) -> pd.DataFrame:
    """Runs counted by stage, r, whether a unit is zero and whether the run is certified global.

    ``least_excess`` and ``escapes`` are the least relative excess over the certified optimum and the most escapes of
    the runs counted in a row.
    """
    problem = plane_problem(12, 1.0, seed=seed)
    table = census(problem, sizes, runs=runs, optimum=solve(problem).objective, seed=seed)
    groups = table.groupby(["stage", "size", "zero_unit", "global"], as_index=False)
    return groups.agg(runs=("run", "count"), least_excess=("excess", "min"), escapes=("escapes", "max"))
