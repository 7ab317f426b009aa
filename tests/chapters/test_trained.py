"""Section 6, trained: normalized units are plain units on whitened inputs; masks lower the expected loss."""

import torch

from book.implications import trained
from book.implications.depth import chains
from global_optimality.losses import SquaredLoss
from global_optimality.mappings import NormalizedRelu, ReluUnit
from global_optimality.problem import Problem
from global_optimality.regularizers import BalancedWeightDecay, OnLayers, PathNorm, SumOfSquares


def test_normalized_units_are_plain_units_on_whitened_inputs_at_the_same_price() -> None:
    S, Y = trained.correlated(12, seed=3)
    mapping = NormalizedRelu(S, (1, 1))
    normed = Problem(SquaredLoss(Y), mapping, OnLayers(SumOfSquares(), mapping.scaled_layers), 0.5)
    plain = Problem(SquaredLoss(Y), ReluUnit(trained.whitened(S)), SumOfSquares(), 0.5)
    W = normed.random(3, 4, seed=1)
    V = trained.plain_on(S, W)
    assert torch.allclose(plain.mapping.Phi(*V), mapping.Phi(*W))
    assert torch.allclose(plain(*V), normed(*W))
    assert torch.allclose(normed(*trained.normalized_on(S, V)), normed(*W))


def test_inputs_vary_by_a_quarter_at_most_and_whitening_makes_every_direction_one() -> None:
    S, _ = trained.correlated(12, seed=3)
    white = trained.whitened(S)
    assert torch.allclose(white.T @ white / 12, torch.eye(3, dtype=torch.float64), atol=1e-10)
    assert torch.allclose(torch.linalg.eigvalsh(S.T @ S / 12)[-1], torch.tensor(0.25, dtype=torch.float64))


def test_masks_lower_the_expected_loss_and_undivided_masks_double_the_output() -> None:
    table = trained.dropout(draws=[0], runs=2, r=8, steps=150).groupby("mask")["excess"].median()
    assert table["one for every row"] < table["no mask"]
    assert table["no mask"] < table["one for all rows, not divided"]
    assert table.min() > 0


def test_the_path_norm_never_lies_above_the_repaired_decay_and_meets_it_where_layers_are_equal():
    known = chains([3], seed=0)[3].problem
    W = known.random(5, 4, seed=0)
    norms = torch.stack([w.flatten(2).norm(dim=2) for w in W])
    mean = norms.prod(0) ** (1 / 3)
    equal = tuple(w * (mean / n)[..., None, None] for w, n in zip(W, norms, strict=True))
    path, decay = PathNorm(3), BalancedWeightDecay(3)
    assert bool((path.theta(*W) < decay.theta(*W)).all())
    assert torch.allclose(path.theta(*equal), decay.theta(*equal))
    assert torch.allclose(path.theta(*equal), path.theta(*W))
