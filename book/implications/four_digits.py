"""Convolutional subnetworks in parallel on four digits, trained side by side with the regularizers of section 6."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import pandas as pd
import torch
from scipy import stats
from torch import Tensor

from global_optimality import regularizers
from global_optimality.losses import SquaredLoss
from global_optimality.mappings import ConvPool, Mapping, NormalizedConvPool
from global_optimality.problem import Problem
from global_optimality.regularizers import Regularizer
from global_optimality.streams import generator

from ..shared import data
from ..shared.adam import adam
from ..shared.tables import frame
from .compatibility import effective_size

CLASSES = (3, 5, 8, 9)
RADIUS = 0.3
DEVIATION, RATE = 0.07, 0.02
ACTIVE = 0.01
"""A subnetwork is active when the norm of its output exceeds ACTIVE times the largest one of its network."""

VALIDATION = 200

METHODS = ("weight decay", "path norm", "batch norm", "dropout", "max-norm", "ℓ1 decay")
"""½ squares of all weights; Path-SGD's norm; ½ squares of gain and last layer; expected dropout; ½ squares within a
ball; ℓ1. The first is balanced here, as K = 2."""

LAMBDAS = {
    "weight decay": (0.3, 1.0, 3.0, 6.0, 10.0), "path norm": (0.3, 1.0, 3.0, 6.0, 10.0),
    "batch norm": (0.3, 1.0, 3.0, 6.0, 10.0), "dropout": (0.3, 1.0, 3.0, 6.0, 10.0),
    "max-norm": (0.3, 1.0, 3.0, 6.0, 10.0), "ℓ1 decay": (0.01, 0.03, 0.1, 0.3, 1.0),
}  # fmt: skip
"""The λ among which ``tuning`` chooses."""

POINT = 0.01
"""The largest λ is chosen whose validation accuracy is at most POINT below the best of its method."""


@dataclass(frozen=True, eq=False)
class Digits:
    """Images ``(·, 1, 8, 8)`` and classes: for training, for the choice of λ, and held out."""

    train: tuple[Tensor, Tensor]
    validation: tuple[Tensor, Tensor]
    test: tuple[Tensor, Tensor]


def digits(N: int, *, seed: int, device: str = "cpu") -> Digits:
    """N training images of CLASSES, VALIDATION more, the rest for the test; centred and scaled by the N alone."""
    known = data.digits()
    chosen = torch.isin(known.target, torch.tensor(CLASSES))
    order = torch.randperm(int(chosen.sum()), generator=generator(seed, "digits of four kinds"))
    S, target = known.S[chosen][order], known.target[chosen][order]
    S = S - S[:N].mean(0)
    images = (S / S[:N].std()).reshape(-1, 1, 8, 8).to(device)
    labels = torch.searchsorted(torch.tensor(CLASSES), target).to(device)
    cuts = (slice(None, N), slice(N, N + VALIDATION), slice(N + VALIDATION, None))
    train, validation, test = ((images[cut], labels[cut]) for cut in cuts)
    return Digits(train, validation, test)


def network(images: Tensor, method: str) -> Mapping:
    """A subnetwork: two 5 × 5 filters, ReLU, pooling over 2 × 2, linear; normalized where the method says so."""
    if method == "batch norm":
        return NormalizedConvPool(images, 2, 5, 2, len(CLASSES))
    return ConvPool(images, 2, 5, 2, len(CLASSES))


def regularizer(mapping: Mapping, method: str) -> Regularizer:
    """The regularizer of a method; all but the first three do not match the degree 2 of the mapping."""
    if isinstance(mapping, NormalizedConvPool):
        return regularizers.OnLayers(regularizers.SumOfSquares(), mapping.scaled_layers)
    made = {
        "weight decay": regularizers.SumOfSquares(),
        "path norm": regularizers.PathNorm(2),
        "dropout": regularizers.DropoutPenalty(mapping),
        "max-norm": regularizers.MaxNorm(regularizers.SumOfSquares(), RADIUS),
        "ℓ1 decay": regularizers.L1Decay(),
    }
    if method not in made:
        raise ValueError(f"unknown method {method!r}: choose from {', '.join(METHODS)}.")
    return made[method]


def build(digits: Digits, method: str, lam: float) -> Problem:
    """Squared loss on one-hot targets with the regularizer of the method."""
    images, labels = digits.train
    mapping = network(images, method)
    Y = torch.nn.functional.one_hot(labels, len(CLASSES)).to(images)
    return Problem(SquaredLoss(Y), mapping, regularizer(mapping, method), lam, allow_mismatch=True)


def accuracy(mapping: Mapping, split: tuple[Tensor, Tensor], W: tuple[Tensor, ...]) -> Tensor:
    """Share of the images of ``split`` told right by every run ``(n,)``; normalization uses the training images."""
    images, labels = split
    if isinstance(mapping, NormalizedConvPool):
        judged: Mapping = replace(mapping, images=images, reference=mapping.images)
    else:
        assert isinstance(mapping, ConvPool)
        judged = replace(mapping, images=images)
    with torch.no_grad():
        return (judged.Phi(*W).argmax(2) == labels).double().mean(1)


def train(
    digits: Digits, method: str, lam: float, r: int, *, runs: int, steps: int, seed: int
) -> tuple[Problem, tuple[Tensor, ...]]:
    """All runs at once by Adam from normal weights; the starts depend on the seed and r only, not on the method."""
    problem = build(digits, method, lam)
    start = problem.random(runs, r, seed=seed, deviation=DEVIATION)
    return problem, adam(problem, start, steps=steps, rate=RATE, project=problem.regularizer.project)


def compare(
    digits: Digits, lams: dict[str, float], sizes: Sequence[int], *, runs: int, steps: int, seed: int
) -> pd.DataFrame:
    """One row a method, size and run: objective, loss, active and effective subnetworks, accuracies."""
    tables = []
    for method, lam in lams.items():
        for r in sizes:
            problem, W = train(digits, method, lam, r, runs=runs, steps=steps, seed=seed)
            with torch.no_grad():
                norms = problem.mapping.phi(*W).flatten(2).norm(dim=2)
                active = (norms > ACTIVE * norms.amax(1, keepdim=True)).sum(1)
                table = frame(
                    size=r, run=range(runs), objective=problem(*W), loss=problem.loss(problem.mapping.Phi(*W)),
                    active=active, effective=effective_size(problem.mapping, W),
                    validation=accuracy(problem.mapping, digits.validation, W),
                    accuracy=accuracy(problem.mapping, digits.test, W),
                )  # fmt: skip
            table.insert(0, "method", method)
            tables.append(table.assign(lam=lam))
    return pd.concat(tables, ignore_index=True)


def tuning(digits: Digits, *, r: int, runs: int, steps: int, seed: int) -> pd.DataFrame:
    """Mean validation accuracy for every λ of LAMBDAS; ``chosen`` marks the one taken (POINT)."""
    tables = []
    for place in range(len(next(iter(LAMBDAS.values())))):
        lams = {method: values[place] for method, values in LAMBDAS.items()}
        tables.append(compare(digits, lams, [r], runs=runs, steps=steps, seed=seed))
    means = pd.concat(tables).groupby(["method", "lam"], sort=False, as_index=False)["validation"].mean()
    good = means["validation"] >= means.groupby("method")["validation"].transform("max") - POINT
    largest = means["lam"].where(good).groupby(means["method"]).transform("max")
    return means.assign(chosen=(means["lam"] == largest).astype(int)).sort_values(["method", "lam"])


def chosen(tuned: pd.DataFrame) -> dict[str, float]:
    """λ of every method, in the order of METHODS."""
    taken = tuned[tuned["chosen"] == 1].set_index("method")["lam"]
    return {method: float(taken[method]) for method in METHODS}


def summary(table: pd.DataFrame, *, level: float = 0.95) -> pd.DataFrame:
    """Means over the starts with t intervals of the given level (half widths), and the spread of the objective.

    ``spread`` is the largest objective over the smallest, less 1. An interval speaks of starts, not of other data.
    """
    rows = []
    for (method, size), part in table.groupby(["method", "size"], sort=False):
        factor = float(stats.t.ppf(0.5 + level / 2, len(part) - 1)) / math.sqrt(len(part))
        row: dict[str, object] = {"method": method, "size": size, "runs": len(part)}
        row["objective"] = part["objective"].mean()
        row["spread"] = part["objective"].max() / part["objective"].min() - 1
        for column in ("active", "effective", "accuracy"):
            row[column] = part[column].mean()
            row[f"{column}_ci"] = factor * part[column].std()
        rows.append(row)
    return pd.DataFrame(rows)


def effects(table: pd.DataFrame, size: int, *, level: float = 0.95) -> pd.DataFrame:
    """Accuracy of each method less that of weight decay, in points, with Welch's interval over starts, at one size."""
    at = {name: part["accuracy"].to_numpy() * 100 for name, part in table[table["size"] == size].groupby("method")}
    base, rows = at["weight decay"], []
    for method in METHODS[1:]:
        values = at[method]
        found = stats.ttest_ind(values, base, equal_var=False).confidence_interval(level)
        rows.append((method, values.mean() - base.mean(), float(found.low), float(found.high)))
    return pd.DataFrame(rows, columns=["method", "difference", "low", "high"]).set_index("method")


def fall(table: pd.DataFrame, small: int, large: int, *, level: float = 0.95) -> tuple[float, float]:
    """Objective at ``large`` over that at ``small``, geometric means over the starts: the ends of Welch's interval."""
    logs = [table.loc[table["size"] == size, "objective"].map(math.log) for size in (large, small)]
    found = stats.ttest_ind(*logs, equal_var=False).confidence_interval(level)
    return math.exp(found.low), math.exp(found.high)
