"""The references refuse what they would misread, and their answers do not depend on units."""

import re

import numpy as np
import pytest

from cases import randn
from global_optimality.arrangement import cells
from global_optimality.convex import matrix_completion, nuclear_norm_approximation
from global_optimality.convex.relu import Fit, pilanci_ergen
from global_optimality.convex.three_layers import (
    Pattern,
    cells_in_the_plane,
    patterns,
    three_layer_polar,
    three_layers,
)

S = np.hstack([randn("convex inputs", 7, 1).numpy(), np.ones((7, 1))])
y = randn("convex targets", 7).numpy()
ACTIVE = cells(randn("convex inputs", 7, 1).new_tensor(S)).active.numpy()
Y = randn("convex matrix", 6, 4).numpy()
MASK = Y > -0.5
PLANE = randn("convex plane", 2, 2).numpy()
KINDS = patterns(PLANE, cells_in_the_plane(PLANE))
WIDER = [Pattern(np.ones((2, 6)), np.ones((3, 6)))]
SCALES = [2.0**-100, 1e-6, 1e3, 2.0**100]


@pytest.mark.parametrize("k", SCALES)
def test_targets_and_lambda_in_other_units(k):
    """Y and λ times k: the objective times k²; a power of two leaves no rounding at all."""
    exact = k in (2.0**-100, 2.0**100)
    pairs = [
        (lambda k: nuclear_norm_approximation(k * Y, 0.5 * k), 1e-14),
        (lambda k: matrix_completion(k * Y, MASK, 0.5 * k, tol=1e-12), 1e-11),
        (lambda k: pilanci_ergen(S, k * y, 0.1 * k, ACTIVE), 1e-8),
        (lambda k: three_layers(KINDS, k * y[:2], 0.1 * k), 1e-8),
    ]
    for solve, near in pairs:
        assert solve(k).objective / k**2 == pytest.approx(solve(1.0).objective, rel=1e-15 if exact else near)


@pytest.mark.parametrize("k", SCALES)
def test_samples_and_lambda_in_other_units(k):
    """S and λ times k leave the objective alone; with labels too."""
    labels = np.sign(y)
    for target, fit in ((y, Fit.SQUARED), (labels, Fit.LOGISTIC)):
        one, other = (pilanci_ergen(c * S, target, 0.1 * c, ACTIVE, fit) for c in (1.0, k))
        assert other.objective == pytest.approx(one.objective, rel=1e-8)
        outputs = np.maximum(k * S @ other.U.T, 0) @ other.signs
        assert np.allclose(outputs, np.maximum(S @ one.U.T, 0) @ one.signs, atol=1e-4)
    scaled = patterns(k * PLANE, cells_in_the_plane(k * PLANE))
    assert len(scaled) == len(KINDS)
    assert three_layers(scaled, y[:2], 0.1 * k).objective == pytest.approx(
        three_layers(KINDS, y[:2], 0.1).objective, rel=1e-8
    )
    for c in (1.0, k):
        polar = three_layer_polar(scaled, c * y[:2]) / (c * k)
        assert polar == pytest.approx(three_layer_polar(KINDS, y[:2]), rel=1e-7)


@pytest.mark.filterwarnings("ignore::PendingDeprecationWarning")  # numpy's own, of its matrices
def test_matrices_of_numpy_are_arrays():
    """``*`` of two ``np.matrix``, as a sparse matrix of scipy gives them, is their product."""
    plain = matrix_completion(Y, MASK, 0.5)
    assert matrix_completion(np.asmatrix(Y), np.asmatrix(MASK), 0.5).objective == plain.objective
    assert nuclear_norm_approximation(np.asmatrix(Y), 0.5).objective == nuclear_norm_approximation(Y, 0.5).objective


@pytest.mark.parametrize("seed", range(40))
def test_bounds_of_completion_are_never_above_its_objective(seed):
    draw = np.random.default_rng(seed)
    Z = draw.normal(size=(8, 6))
    mask = draw.random((8, 6)) < draw.choice([0.03, 0.2, 1.0])
    mask[0, 0] = True
    lam = 0.1 * float(np.linalg.norm(np.where(mask, Z, 0), 2))
    solution = matrix_completion(Z, mask, lam, tol=1e-12)
    assert 0 <= solution.relative_gap <= 1e-12


@pytest.mark.parametrize(
    ("attempt", "error", "message"),
    [
        (lambda: pilanci_ergen(S, y[:, None], 0.1, ACTIVE), ValueError, "expected (7,); a column is y[:, 0]"),
        (lambda: pilanci_ergen(S, y[:6], 0.1, ACTIVE), ValueError, "y has shape (6,), expected (7,)"),
        (lambda: pilanci_ergen(S[:, 0], y, 0.1, ACTIVE), ValueError, "S has shape (7,), expected (N, d)"),
        (lambda: pilanci_ergen(S, y, 0.0, ACTIVE), ValueError, "lam = 0.0"),
        (lambda: pilanci_ergen(S, y, 0.1, 1.0 * ACTIVE), TypeError, "patterns holds float64: pass a boolean array"),
        (lambda: pilanci_ergen(S, y, 0.1, ACTIVE[:, :5]), ValueError, "patterns has shape"),
        (lambda: pilanci_ergen(S, y, 0.1, ACTIVE[:0]), ValueError, "patterns has shape (0, 7)"),
        (lambda: pilanci_ergen(S, y, 0.1, ACTIVE, Fit.LOGISTIC), ValueError, "−1 and +1"),
        (lambda: pilanci_ergen(S, y, 0.1, ACTIVE, tolerance=0.0), ValueError, "tolerance = 0.0"),
        (lambda: pilanci_ergen(S * np.nan, y, 0.1, ACTIVE), ValueError, "S has 14 NaN or infinite entries"),
        (lambda: pilanci_ergen(randn("convex", 7, 2), y, 0.1, ACTIVE), TypeError, "S is a Tensor"),
        (lambda: pilanci_ergen(S, 1e-170 * y, 1e-171, ACTIVE), ValueError, "range of float64 in these units"),
        (lambda: matrix_completion(Y, 0.5 * MASK, 0.5), TypeError, "weights are not covered"),
        (lambda: matrix_completion(Y, MASK.astype(int), 0.5), TypeError, "mask holds int64"),
        (lambda: matrix_completion(Y, MASK[0], 0.5), ValueError, "mask has shape (4,), expected (6, 4)"),
        (lambda: matrix_completion(Y, MASK & False, 0.5), ValueError, "hides every entry"),
        (lambda: matrix_completion(y, y > 0, 0.5), ValueError, "pass real numbers (rows, columns)"),
        (lambda: matrix_completion(np.ma.array(Y, mask=MASK), MASK, 0.5), TypeError, "pass Y.data"),
        (lambda: matrix_completion(Y, np.ma.array(MASK, mask=MASK), 0.5), TypeError, "pass mask.data"),
        (lambda: pilanci_ergen(S, y, 0.1, ACTIVE, "squared"), TypeError, "pass Fit.SQUARED or Fit.LOGISTIC"),
        (lambda: matrix_completion(Y, MASK, -1.0), ValueError, "lam = -1.0"),
        (lambda: matrix_completion(1e200 * Y, MASK, 1e199), ValueError, "divide the objective by k²"),
        (lambda: nuclear_norm_approximation(np.full((2, 2), np.inf), 0.5), ValueError, "4 NaN or infinite"),
        (lambda: nuclear_norm_approximation(1j * Y, 0.5), TypeError, "pass real numbers"),
        (lambda: nuclear_norm_approximation(Y, np.inf), ValueError, "lam = inf"),
        (lambda: cells_in_the_plane(Y), ValueError, "expected (N, 2)"),
        (lambda: cells_in_the_plane(0 * PLANE), ValueError, "zero row"),
        (lambda: patterns(PLANE, np.ones((2, 2))), TypeError, "cells holds float64"),
        (lambda: three_layers(KINDS, y[:2, None], 0.1), ValueError, "y has shape (2, 1), expected (2,)"),
        (lambda: three_layers([], y[:2], 0.1), ValueError, "no pattern"),
        (lambda: three_layer_polar(KINDS, y), ValueError, "q has shape (7,), expected (2,)"),
        (lambda: three_layers([*KINDS, *WIDER], y[:2], 0.1), ValueError, "one call of patterns(S, cells)"),
        (lambda: three_layer_polar([*KINDS, *WIDER], y[:2]), ValueError, "one call of patterns(S, cells)"),
        (lambda: Pattern([[1.0, 2.0]], np.ones((2, 2))), TypeError, "pass a numpy array"),
        (lambda: Pattern(np.full((2, 4), np.nan), np.ones((3, 4))), ValueError, "8 NaN or infinite"),
        (lambda: Pattern(np.ones((2, 4)), np.ones((3, 6))), ValueError, "A has shape (3, 6), expected (m, 4)"),
        (lambda: Pattern(np.ones((2, 3)), np.ones((3, 3))), ValueError, "expected 2d"),
        (lambda: pilanci_ergen(S, y, 0.1, ACTIVE, tolerance=1.0), ValueError, "take at most 1e-05"),
        (lambda: three_layers(KINDS, y[:2], 0.1, tolerance=1e-3), ValueError, "take at most 1e-05"),
        (lambda: three_layer_polar(KINDS, y[:2], tolerance=0.1), ValueError, "take at most 1e-05"),
    ],
)
def test_what_is_refused(attempt, error, message):
    with pytest.raises(error, match=re.escape(message)):
        attempt()


def test_targets_of_zeros_have_the_objective_0():
    assert pilanci_ergen(S, 0 * y, 0.1, ACTIVE).objective == 0
    assert three_layers(KINDS, 0 * y[:2], 0.1).objective == pytest.approx(0, abs=1e-9)
