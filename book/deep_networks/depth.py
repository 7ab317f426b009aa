"""Depth, converged: where several methods of descent end, against the number of layers and of subnetworks."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd
import torch
from torch import Tensor

from global_optimality.certificate import certify
from global_optimality.factors import slice_norms, take_runs

from ..shared.descents import METHODS, WINDOW, adam, still_falls
from ..shared.outcomes import CLOSE
from ..shared.parallel_runs import Group, ParallelRuns
from ..shared.tables import frame
from .experiment import curve, polar

SAMPLES, WIDTH, LAM = 6, 2, 0.1
"""Samples of the curve, units in every hidden layer, and λ: the census of the chapter."""

DEVIATION = 0.7
"""Standard deviation of the weights that every run starts from."""

CARRYING = 1e-2
"""A subnetwork carries when its weights have more than CARRYING times the norm of its network's largest one."""


ZERO = 1e-4
"""A run has collapsed when f is within ZERO, relative, of its value at the zero network."""


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


def sweep(
    method: str, depths: Sequence[int], design: Design, *, device: str = "cpu", window: int = WINDOW
) -> pd.DataFrame:
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
            objective=runs.value_and_gradient(end)[0], falls=still_falls(runs, end, window=window),
            zero=0.5 * runs.Y.square().sum(0),
        ))  # fmt: skip
    return pd.concat(tables, ignore_index=True)


def excesses(tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """The tables of several methods as one, with ``excess`` over the lowest f that any of them reached on a draw.

    Every K ≥ 3 has the same Ω (``DeepRelu.effective_widths``), so the same minimum, as a network of these widths; only
    K = 2 has another.
    """
    table = pd.concat([part.assign(method=name) for name, part in tables.items()], ignore_index=True)
    kind = table["layers"].clip(upper=3)
    best = table.groupby([table["draw"], kind.rename("kind")])["objective"].transform("min")
    return table.assign(
        excess=table["objective"] / best - 1, collapsed=(table["objective"] / table["zero"] - 1).abs() <= ZERO
    )


def agreement(table: pd.DataFrame) -> float:
    """The largest relative difference between the lowest f of the depths K ≥ 3 on one draw: mathematics says 0."""
    best = table[table["layers"] > 2].groupby(["draw", "layers"])["objective"].min().unstack("layers")
    return float((best.max(axis=1) / best.min(axis=1) - 1).max())


def known(depths: Sequence[int], design: Design, *, cones: int, device: str = "cpu") -> pd.DataFrame:
    """Per depth: the lowest f of some of Adam's runs, a certified lower bound of f over all sizes, the zero network."""
    rows = []
    for layers in depths:
        runs, start = depth_runs(layers, design, device=device)
        ends = runs.factors(adam(runs, start, design.steps)[0])
        values = [group.problem(*W) for group, W in zip(runs.groups, ends, strict=True)]
        place = min(range(len(values)), key=lambda i: float(values[i].min()))
        problem = runs.groups[place].problem
        certificate = certify(
            problem, take_runs(ends[place], values[place].argmin()[None]), polar(problem, cones=cones)
        )
        zero = float(0.5 * problem.loss.Y.square().sum())
        gap, verdict = float(certificate.relative_gap), certificate.verdict(CLOSE)[0].name
        rows.append((layers, float(certificate.objective), float(certificate.lower_bound), gap, verdict, zero))
    names = ["layers", "best", "bound", "gap", "verdict", "zero_network"]
    return pd.DataFrame(rows, columns=names).set_index("layers")
