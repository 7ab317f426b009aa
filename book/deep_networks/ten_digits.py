"""Parallel convolutional subnetworks on the digits: training objective and test accuracy over r and over starts."""

from collections.abc import Sequence
from dataclasses import replace

import pandas as pd
import torch

from global_optimality.certificate import certify
from global_optimality.descent import LBFGS, minimise
from global_optimality.losses import CrossEntropyLoss
from global_optimality.mappings import ConvPool
from global_optimality.problem import Problem
from global_optimality.regularizers import BalancedWeightDecay
from global_optimality.streams import generator

from ..shared import data
from ..shared.held_out import HeldOut
from ..shared.tables import runs_table


def digits(N: int, lam: float, *, channels: int = 2, held_out: int = 600, seed: int, device: str = "cpu") -> HeldOut:
    """N digits to train on, ``held_out`` others to test on; 3 × 3 filters, max-pooling over 2 × 2, ten outputs.

    Grey values are divided by 16; λ is that of the mean cross-entropy, so the sum's is N · ``lam``.
    """
    samples = data.digits()
    order = torch.randperm(len(samples.S), generator=generator(seed, "digit subnetworks"))
    train, test = order[:N], order[N : N + held_out]
    images, labels = (samples.S / 16).reshape(-1, 1, 8, 8).to(device), samples.target.to(device)
    mapping = ConvPool(images[train], channels=channels, kernel=3, pool=2, outputs=10)
    problem = Problem(CrossEntropyLoss(labels[train], classes=10), mapping, BalancedWeightDecay(2), N * lam)
    return HeldOut(problem, images[test], labels[test])


def against_size(split: HeldOut, sizes: Sequence[int], *, runs: int, steps: int, seed: int) -> pd.DataFrame:
    """Descents from ``runs`` starts for every r: ``runs_table`` with test accuracy, verdict at 1 % and excess."""
    tables = []
    for r in sizes:
        start = split.problem.random(runs, r, seed=seed, deviation=0.3)
        descent = minimise(split.problem, start, LBFGS(), tol=1e-5, max_steps=steps)
        certificate = certify(split.problem, descent.weights)
        table = runs_table(descent, certificate)
        tables.append(table.assign(
            accuracy=split.accuracy(descent.weights).cpu().numpy(),
            verdict=[verdict.name for verdict in certificate.verdict(1e-2)],
        ))  # fmt: skip
    table = pd.concat(tables, ignore_index=True)
    return table.assign(excess=table["objective"] / table["objective"].min() - 1)


def summary(table: pd.DataFrame) -> pd.DataFrame:
    """Per r: best and worst objective relative to the best of all, active subnetworks, accuracy with its spread."""
    groups = table.groupby("size")
    return pd.DataFrame({
        "least_excess": groups["excess"].min(), "largest_excess": groups["excess"].max(),
        "active": groups["active"].mean(), "accuracy": groups["accuracy"].mean(),
        "accuracy_deviation": groups["accuracy"].std(), "gap": groups["relative_gap"].min(),
        "unfinished": groups["status"].agg(lambda s: (s == "STEPS").mean()),
        "refuted": groups["verdict"].agg(lambda v: (v == "REFUTED").mean()),
    })  # fmt: skip


def shuffled(split: HeldOut, r: int, *, steps: int, seed: int) -> float:
    """The control: test accuracy after training on shuffled labels, best of two starts. Chance is about 0.1."""
    Y = split.problem.loss.Y
    order = torch.randperm(len(Y), generator=generator(seed, "shuffled labels")).to(Y.device)
    problem = replace(split.problem, loss=CrossEntropyLoss(Y[order], classes=10))
    descent = minimise(problem, problem.random(2, r, seed=seed, deviation=0.3), LBFGS(), max_steps=steps)
    return float(split.accuracy(descent.weights).max())
