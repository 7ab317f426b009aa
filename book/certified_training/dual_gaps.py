"""The recorded table of dual points as the chapter shows it, an earlier version's numbers beside it."""

import pandas as pd

EARLIER = {
    "teacher, λ = 0.6, 60 × 6": "closed to 1e-4 in 17 s",
    "teacher, λ = 0.5, 30 × 8": "gap 0.056 in 57 s",
    "teacher, λ = 2, 30 × 8": "gap 0.017 in 53 s",
    "teacher, λ = 1, 100 × 8": "ratio 1.41 in 60 s",
    "teacher, λ = 1, 100 × 10": "ratio 2.41 in 63 s",
    "teacher, λ = 1, 100 × 15": "ratio 19.6: the root's",
    "teacher, λ = 1, 100 × 20": "ratio 17.4: the root's",
    "diabetes": "nothing in 200 s",
}
"""What an earlier version reached by cones alone, on a busy machine of two cores, on problems of these sizes: a gap, or
the ratio of the upper to the lower bound of the polar at a good network's residual."""


def dual_gaps(points: pd.DataFrame) -> pd.DataFrame:
    """``relu_dual_points`` with one row a problem: the gap of each way at each mark, the last ratio of the polar's
    bounds at the scaled residual, what ``EARLIER`` says."""
    points = points.assign(
        column=[f"{way}, {mark:g} s" for way, mark in zip(points["way"], points["mark"], strict=True)]
    )
    order = points["problem"].unique()
    gaps = points.pivot(index="problem", columns="column", values="gap").loc[order, points["column"].unique()]
    last = points[(points["way"] == "scaled residual") & (points["mark"] == points["mark"].max())]
    gaps["ratio"] = last.set_index("problem")["ratio"]
    return gaps.reset_index().assign(earlier=[EARLIER.get(name, "–") for name in order])
