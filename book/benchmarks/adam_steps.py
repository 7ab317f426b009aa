"""Does Adam arrive? The networks of the chapter Certified training again, with up to forty times as many steps."""

import pandas as pd

from book.certified_training.digits_plane import at_least_five, widths
from global_optimality.sliding_frank_wolfe import solve


def adam_steps(*, draws: int = 2, runs: int = 3) -> pd.DataFrame:
    """One row a draw of the digits, number of steps, width and start: excess over F*, certified gap, accuracy."""
    tables = []
    for draw in range(draws):
        split = at_least_five(200, 0.03, seed=draw)
        solution = solve(split.problem)
        for steps in (500, 5000, 20_000):
            table = widths(split, solution, [100], runs=runs, steps=steps, seed=draw)
            tables.append(table.assign(draw=draw, steps=steps, certified=solution.relative_gap))
    return pd.concat(tables, ignore_index=True)
