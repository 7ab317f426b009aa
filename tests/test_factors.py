"""Factors: reshaping, appending, scaling, and weights of a wrong shape named."""

import pytest
import torch

import laws
from cases import randn
from global_optimality import MatrixProduct, Problem, SquaredLoss, SumOfSquares
from global_optimality.factors import (
    append,
    check_alike,
    check_factors,
    check_finite,
    flatten,
    has_zero_slice,
    scale,
    slice_norms,
    take_runs,
    unflatten,
    zeros_like_slice,
)

SHAPES = ((4,), (3,))


def W(n=2, r=5):
    return randn("u", n, r, 4), randn("v", n, r, 3)


def test_flatten_and_back():
    x = flatten(W())
    assert x.shape == (2, 5 * 7)
    assert all(torch.equal(a, b) for a, b in zip(unflatten(x, W()), W(), strict=True))
    more = unflatten(x.repeat(3, 1), W())
    assert more[0].shape == (6, 5, 4)


def test_append_keeps_both_sides():
    V = randn("one u", 1, 2, 4), randn("one v", 1, 2, 3)
    both = append(W(), V)
    assert torch.equal(both[0][:, :5], W()[0])
    assert torch.equal(both[1][1, 5:], V[1][0])


def test_zero_slices_are_exact():
    zero = zeros_like_slice(W())
    assert zero[0].shape == (2, 1, 4)
    assert has_zero_slice(append(W(), zero)).tolist() == [True, True]
    assert has_zero_slice(W()).tolist() == [False, False]
    half = tuple(w.clone() for w in W())
    half[0][0, 1] = 0
    assert has_zero_slice(half).tolist() == [False, False], "one zero factor is not a zero subnetwork"
    half[1][0, 1] = 0
    assert has_zero_slice(half).tolist() == [True, False]


def test_norms_and_scaling():
    norms = slice_norms(W())
    laws.same(norms, torch.cat(W(), 2).norm(dim=2))
    s = randn("s", 2, 5).abs()
    laws.same(slice_norms(scale(W(), s)), s * norms)


def test_take_runs_by_mask_and_index():
    assert torch.equal(take_runs(W(), torch.tensor([False, True]))[0], W()[0][1:])
    assert take_runs(W(), torch.tensor([1, 0, 1]))[1].shape == (3, 5, 3)


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        (lambda: (W()[0],), "expected 2 factors, got 1"),
        (lambda: (*W(), W()[1]), "expected 2 factors, got 3"),
        (lambda: (W()[0][0], W()[1][0]), r"w\[None\]"),
        (lambda: (W()[1], W()[0]), r"factor 1 has shape \(2, 5, 3\)"),
        (lambda: W(2, 0), "r must be at least 1"),
        (lambda: W(0, 2), "at least 1"),
        (lambda: (W()[0], W()[1][:, :4]), "make them equal"),
        (lambda: (W()[0], W()[1][:1]), "make them equal"),
        (lambda: (W()[0], W()[1].float()), "convert one of them"),
        (lambda: tuple(w.long() for w in W()), r"\.double\(\)"),
        (lambda: (W()[0], W()[1].to("meta")), r"\.to\(device\)"),
    ],
)
def test_misshapen_weights_are_named(bad, words):
    with pytest.raises(ValueError, match=words):
        check_factors(bad(), SHAPES)
    with pytest.raises(ValueError, match=words):
        Problem(SquaredLoss(randn("Y", 4, 3)), MatrixProduct(4, 3), SumOfSquares(), 1.0)(*bad())


def test_good_weights_pass():
    check_factors(W(), SHAPES)
    check_alike(a=W()[0].float(), b=W()[1].float())


def test_finite_data_are_counted_and_located():
    Y = randn("Y", 4, 3)
    check_finite("Y", Y)
    Y[2, 1], Y[3, 0] = torch.nan, -torch.inf
    with pytest.raises(ValueError, match=r"Y has 2 NaN or infinite entries, the first at \(2, 1\): clean the data"):
        check_finite("Y", Y)


def test_weights_that_are_no_tensors():
    with pytest.raises(TypeError, match=r"factor 2 is a list.*as_tensor"):
        check_factors((W()[0], W()[1].tolist()), SHAPES)
