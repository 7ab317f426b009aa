"""Depth, converged: where several methods of descent end, against the number of layers and of subnetworks."""

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd
import torch
from torch import Tensor

from global_optimality.certificate import certify
from global_optimality.factors import slice_norms, take_runs

from ..shared.descents import METHODS, adam, still_falls
from ..shared.parallel_runs import Group, ParallelRuns
from ..shared.tables import frame
from .experiment import curve, polar

SAMPLES, WIDTH, LAM = 6, 2, 0.1
"""Samples of the curve, units in every hidden layer, and λ: the census of the chapter."""

DEVIATION = 0.7
"""Standard deviation of the weights that every run starts from."""

CARRYING = 1e-2
"""A subnetwork carries when its weights have more than CARRYING times the norm of its network's largest one."""


@dataclass(frozen=True)
class Design:
    """What is run: sizes r, data draws, random starts for each, and steps."""

    sizes: Sequence[int]
    draws: Sequence[int]
    runs: int
    steps: int


def depth_runs(layers: int, design: Design, *, device: str = "cpu") -> tuple[ParallelRuns, Tensor]:
    """All runs of one depth, draw by draw and size by size, and their starts: a draw's number is the seed of both."""
    groups = [
        Group(curve(SAMPLES, (WIDTH,) * (layers - 1) + (1,), LAM, seed=draw, device=device), r, design.runs)
        for draw in design.draws
        for r in design.sizes
    ]
    draws = [draw for draw in design.draws for _ in design.sizes]
    starts = [g.problem.random(g.runs, g.size, seed=d, deviation=DEVIATION) for g, d in zip(groups, draws, strict=True)]
    runs = ParallelRuns(groups)
    return runs, runs.columns(starts)


def sweep(method: str, depths: Sequence[int], design: Design, *, device: str = "cpu") -> pd.DataFrame:
    """One row a run: where it ended, by what share of f the restart of ``still_falls`` lowers it further.

    ``live``: subnetworks that put something out at the start; ``carrying``: at the end; ``zero``: f of the zero one.
    """
    tables = []
    for layers in depths:
        runs, start = depth_runs(layers, design, device=device)
        live = runs.total((runs.outputs(start) != 0).any(0).double())
        end = METHODS[method](runs, start, design.steps)
        norms = [slice_norms(W) for W in runs.factors(end)]
        carrying = torch.cat([(n > CARRYING * n.amax(1, keepdim=True)).sum(1) for n in norms])
        number, sizes = design.runs, len(design.sizes)
        tables.append(frame(
            layers=layers, draw=[d for d in design.draws for _ in range(sizes * number)],
            size=[g.size for g in runs.groups for _ in range(number)],
            run=list(range(number)) * len(runs.groups), live=live.to(torch.int64), carrying=carrying,
            objective=runs.value_and_gradient(end)[0], falls=still_falls(runs, end),
            zero=0.5 * runs.Y.square().sum(0),
        ))  # fmt: skip
    return pd.concat(tables, ignore_index=True)


def bounds(depths: Sequence[int], design: Design, *, cones: int) -> pd.DataFrame:
    """Per depth and draw the lowest f of Adam's runs, and a certified lower bound of f over all sizes from there."""
    rows = []
    for layers in depths:
        runs, start = depth_runs(layers, design)
        ends = runs.factors(adam(runs, start, design.steps)[0])
        for place, draw in enumerate(design.draws):
            mine = slice(place * len(design.sizes), (place + 1) * len(design.sizes))
            found = []
            for group, W in zip(runs.groups[mine], ends[mine], strict=True):
                values = group.problem(*W)
                found.append((float(values.min()), group.problem, take_runs(W, values.argmin()[None])))
            _, problem, W = min(found, key=lambda one: one[0])
            certificate = certify(problem, W, polar(problem, cones=cones))
            rows.append((layers, draw, float(certificate.objective), float(certificate.lower_bound)))
    return pd.DataFrame(rows, columns=["layers", "draw", "best", "bound"])
