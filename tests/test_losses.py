"""The squared losses: gradients, conjugates, projections, dual scales and minima on lines."""

from dataclasses import dataclass
from fractions import Fraction

import pytest
import torch

import laws
from cases import COLUMNS, LOSSES, ROWS, matrix, params, randn, seen
from global_optimality import MaskedSquaredLoss, SquaredLoss, generator
from global_optimality.losses import Loss
from global_optimality.losses.base import column, inner
from global_optimality.summation import pairwise

every = pytest.mark.parametrize("make", params(LOSSES))
N = 4


def outputs(name="X"):
    return 2 * randn(name, N, ROWS, COLUMNS)


@every
def test_gradient(make):
    loss = make()
    laws.taylor_gradient(loss, lambda X: (loss.gradient(X),), (outputs(),), (outputs("D"),))
    X = outputs().requires_grad_()
    laws.same(torch.autograd.grad(loss(X).sum(), X)[0], loss.gradient(outputs()))


@every
def test_batched(make):
    loss = make()
    laws.batched_is_looped(loss, (outputs(),))
    laws.batched_is_looped(loss.gradient, (outputs(),))
    laws.batched_is_looped(loss.conjugate, (loss.project(outputs()),))


@every
def test_convex_and_fenchel_young(make):
    loss = make()
    for size in (1e-3, 1.0, 1e6):
        laws.convex(loss, size * outputs(), size * outputs("Z"))
        laws.fenchel_young(loss, size * outputs(), loss.project(size * outputs("G")))


@every
def test_conjugate_is_the_supremum(make):
    loss = make()
    laws.conjugate_is_supremum(loss, loss.project(outputs("G")))
    laws.conjugate_is_supremum(loss, loss.gradient(outputs()))
    assert float(loss.conjugate(torch.zeros(1, ROWS, COLUMNS, dtype=torch.float64))[0]) == 0  # −inf ℓ


@every
def test_conjugate_magnitude_bounds_every_term(make):
    loss, G = make(), make().project(outputs("G"))
    assert bool((loss.conjugate_magnitude(G) >= loss.conjugate(G).abs() * (1 - 1e-15)).all())
    laws.same(loss.conjugate_magnitude(G), (G * G / 2).abs().flatten(1).sum(1) + (G * loss.Y).abs().flatten(1).sum(1))


def test_masked_conjugate_is_infinite_off_the_mask():
    loss, mask = LOSSES["masked"](), seen()
    G = loss.project(outputs("G"))
    assert bool(torch.isfinite(loss.conjugate(G)).all())
    outside = G.clone()
    outside[1, ~mask] += 1e-200
    assert torch.isinf(loss.conjugate(outside)).tolist() == [False, True, False, False]
    G[1, ~mask] = 1.0
    far = [float((inner(G, t * (~mask) * G) - loss(t * (~mask) * G))[1]) for t in (1.0, 1e6)]
    assert far[1] - far[0] > 1e5, "the supremum is infinite indeed"


@every
def test_project_is_the_projection(make):
    loss, G = make(), outputs("G")
    P = loss.project(G)
    laws.same(loss.project(P), P)
    D = loss.gradient(outputs())
    laws.same(inner(G - P, D), torch.zeros(N, dtype=torch.float64))
    assert bool(torch.isfinite(loss.conjugate(P)).all())


CAPS = {"loose": [torch.inf, 1e3, 50.0, torch.inf], "tight": [0.05, 0.3, 0.0, 1e-4]}


@every
@pytest.mark.parametrize("cap", params(CAPS))
def test_dual_scale(make, cap):
    loss, cap = make(), torch.tensor(cap, dtype=torch.float64)
    for G in (loss.gradient(outputs()), loss.project(outputs("G")), -loss.project(loss.Y.expand(N, -1, -1))):
        laws.dual_scale_is_best(loss, loss.dual_scale, G, cap)
        laws.dual_scale_is_best(loss, lambda g, c: Loss.dual_scale(loss, g, c), G, cap)  # the general search


@every
def test_dual_scale_of_zero_is_finite_or_harmless(make):
    loss, zero = make(), torch.zeros(N, ROWS, COLUMNS, dtype=torch.float64)
    s = loss.dual_scale(zero, torch.full((N,), torch.inf, dtype=torch.float64))
    assert bool(torch.isfinite(s).all())


@every
@pytest.mark.parametrize("slope", [1e-3, 0.4, 30.0])
def test_line_minimum(make, slope):
    loss = make()
    for D in (outputs("D"), -loss.gradient(outputs())):
        laws.line_minimum_is_best(loss, lambda x, d: loss.line_minimum(x, d, slope), outputs(), D, slope)
        laws.line_minimum_is_best(loss, lambda x, d: Loss.line_minimum(loss, x, d, slope), outputs(), D, slope)
    assert loss.line_minimum(outputs(), 0 * outputs(), slope).tolist() == [0] * N


def test_masked_is_squared_where_everything_is_seen():
    full = MaskedSquaredLoss(matrix(), torch.ones(ROWS, COLUMNS, dtype=torch.bool))
    plain, X = SquaredLoss(matrix()), outputs()
    laws.same(full(X), plain(X))
    laws.same(full.gradient(X), plain.gradient(X))
    laws.same(full.conjugate(X), plain.conjugate(X))


def test_hidden_entries_may_hold_anything():
    Y = torch.where(seen(), matrix(), torch.nan)
    loss = MaskedSquaredLoss(Y, seen())
    assert torch.equal(loss(outputs()), LOSSES["masked"]()(outputs()))
    assert bool(torch.isfinite(loss.Y).all())
    assert bool(torch.isnan(Y).any()), "the caller's data are left alone"


def _with(value):
    Y = matrix()
    Y[0, 0] = value
    return Y


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        (lambda: SquaredLoss(_with(torch.nan)), r"NaN or infinite.*\(0, 0\)"),
        (lambda: SquaredLoss(_with(torch.inf)), "MaskedSquaredLoss"),
        (lambda: SquaredLoss(torch.ones(2, 2, dtype=torch.int64)), r"\.double\(\)"),
        (lambda: SquaredLoss(torch.ones(2, 2, dtype=torch.bool)), r"\.double\(\)"),
        (lambda: MaskedSquaredLoss(_with(torch.nan), seen()), "clean the data"),
        (lambda: MaskedSquaredLoss(matrix(), seen().double()), r"mask\.bool\(\)"),
        (lambda: MaskedSquaredLoss(matrix(), seen().T), "shape of Y"),
        (lambda: MaskedSquaredLoss(matrix(), torch.zeros(ROWS, COLUMNS, dtype=torch.bool)), "at least one"),
        (lambda: MaskedSquaredLoss(matrix(), seen().to("meta")), r"\.to\(device\)"),
        (lambda: MaskedSquaredLoss(matrix().long(), seen()), r"\.double\(\)"),
    ],
)
def test_bad_data(bad, words):
    with pytest.raises(ValueError, match=words):
        bad()


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        (lambda: SquaredLoss(matrix().tolist()), r"Y is a list.*as_tensor\(Y"),
        (lambda: SquaredLoss(matrix().numpy()), r"Y is a ndarray.*as_tensor\(Y"),
        (lambda: MaskedSquaredLoss(matrix(), seen().numpy()), r"mask is a ndarray.*as_tensor\(mask"),
    ],
)
def test_data_that_are_no_tensors(bad, words):
    with pytest.raises(TypeError, match=words):
        bad()


# --- the laws can fail ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class _WrongSign(Loss):
    """The squared loss with the sign of ⟨G, Y⟩ in its conjugate wrong."""

    def __call__(self, X):
        return SquaredLoss(self.Y)(X)

    def conjugate_magnitude(self, G):
        return SquaredLoss(self.Y).conjugate_magnitude(G)

    def gradient(self, X):
        return X - self.Y

    def conjugate(self, G):
        return inner(G, 0.5 * G - self.Y)


def test_laws_catch_a_wrong_conjugate():
    wrong = _WrongSign(matrix())
    with pytest.raises(AssertionError):
        laws.fenchel_young(wrong, outputs(), outputs("G"))
    with pytest.raises(AssertionError):
        laws.conjugate_is_supremum(wrong, outputs("G"))


def test_laws_catch_a_wrong_gradient_and_a_wrong_search():
    loss, cap = SquaredLoss(matrix()), torch.full((N,), torch.inf, dtype=torch.float64)
    with pytest.raises(AssertionError):
        laws.taylor_gradient(loss, lambda X: (loss.gradient(X) * 1.001,), (outputs(),), (outputs("D"),))
    with pytest.raises(AssertionError):
        laws.dual_scale_is_best(loss, lambda g, c: 0.99 * loss.dual_scale(g, c), loss.gradient(outputs()), cap)
    D = -loss.gradient(outputs())
    with pytest.raises(AssertionError):
        laws.line_minimum_is_best(loss, lambda x, d: 1.01 * loss.line_minimum(x, d, 0.1), outputs(), D, 0.1)


@pytest.mark.parametrize("m", [1, 2, 3, 17, 1000, 4097])
def test_pairwise_sums_err_by_the_depth_of_the_tree(m):
    """Against exact rational sums, on terms of many magnitudes that nearly cancel."""
    terms = randn("terms", 3, m) * 10.0 ** (
        12 * torch.rand(3, m, dtype=torch.float64, generator=generator(0, "sizes", m))
    )
    terms[:, m // 2 :] -= terms[:, : m - m // 2]
    for row, value in zip(terms.tolist(), pairwise(terms).tolist(), strict=True):
        error = abs(Fraction(value) - sum(map(Fraction, row)))
        assert error <= Fraction(m.bit_length() * 2.0**-53) * sum(abs(Fraction(t)) for t in row)
    laws.same(pairwise(terms.reshape(3, m, 1)), pairwise(terms), 0.0)


def test_column_and_inner():
    A, B, s = outputs(), outputs("B"), randn("s", N)
    laws.same(inner(A, B), torch.einsum("nij,nij->n", A, B))
    laws.same(inner(column(s, A) * A, B), s * inner(A, B))
