"""The laws of regularizers for every instance: homogeneous, positive, smooth, with their cones."""

import pytest
import torch

import laws
from cases import CONES, EXACT, HARD, MAPPINGS, MAX, ONE, REGULARIZERS, TWO, factors, inside, params, randn
from global_optimality import NonNegative, Norm, ProductOfNorms, SumOfSquares

every = pytest.mark.parametrize("theta", params(REGULARIZERS))
every_mapping = pytest.mark.parametrize("mapping", params(MAPPINGS))


@every
@every_mapping
def test_homogeneous(theta, mapping):
    W = inside(theta, factors(mapping))
    laws.homogeneous(theta.theta, theta.degree, W)
    laws.homogeneous(theta.Theta, theta.degree, W)


@every
@every_mapping
def test_axes_and_sums(theta, mapping):
    for W in (factors(mapping), inside(theta, factors(mapping))):
        laws.slices_independent(theta.theta, W)
        laws.sum_over_slices(theta.Theta, W)
        laws.same(theta.Theta(*W), theta.theta(*W).sum(1))
    laws.batched_is_looped(theta.theta, inside(theta, factors(mapping)))


@every
def test_positive(theta):
    W = factors(MAPPINGS["matrix 4x3"])
    assert bool((theta.theta(*W) > 0).all())


@pytest.mark.parametrize("name", [*EXACT, *HARD])
def test_smooth_where_generic(name):
    theta, mapping = REGULARIZERS[name], MAPPINGS["matrix 4x3"]
    W, V = factors(mapping), factors(mapping, name="direction")

    def gradient(*w):
        leaves = tuple(x.clone().requires_grad_() for x in w)
        return torch.autograd.grad(theta.Theta(*leaves).sum(), leaves)

    laws.taylor_gradient(theta.Theta, gradient, W, V)


def test_by_hand():
    u, v = torch.tensor([[[3.0, -4.0]]]), torch.tensor([[[1.0, -2.0, 2.0]]])
    assert SumOfSquares().theta(u, v).item() == 17
    expected = {(TWO, TWO): 15, (ONE, ONE): 35, (ONE, TWO): 21, (MAX, MAX): 8, (TWO, MAX): 10, (MAX, ONE): 20}
    assert {norms: ProductOfNorms(norms).theta(u, v).item() for norms in expected} == expected


def test_arithmetic_geometric_mean():
    W = factors(MAPPINGS["matrix 4x3"])
    a, b = SumOfSquares().theta(*W), ProductOfNorms().theta(*W)
    assert bool((a >= b).all())
    u, v = W[0].norm(dim=2, keepdim=True), W[1].norm(dim=2, keepdim=True)
    balanced = W[0] * (v / u).sqrt(), W[1] * (u / v).sqrt()
    laws.same(SumOfSquares().theta(*balanced), b)


@pytest.mark.parametrize("theta", params(CONES))
def test_cone(theta):
    W = factors(MAPPINGS["matrix 4x3"])
    assert bool(torch.isinf(theta.Theta(*W)).all())
    P = theta.project(*W)
    assert bool(torch.isfinite(theta.Theta(*P)).all())
    assert all(torch.equal(a, b) for a, b in zip(theta.project(*P), P, strict=True)), (
        "projecting twice is projecting once"
    )
    for trial in range(20):  # the projection is the nearest point of the cone
        inside_cone = factors(MAPPINGS["matrix 4x3"], name=f"trial {trial}")
        for w, p, z in zip(W, P, (x.abs() for x in inside_cone), strict=True):
            assert float((w - p).norm()) <= float((w - z).norm())
            assert float(((w - p) * (z - p)).sum()) <= 1e-12
    zero_slice = tuple(torch.zeros_like(w) for w in W)
    assert bool((theta.theta(*zero_slice) == 0).all())
    assert theta.constrained
    assert not theta.inside.constrained


def test_one_negative_entry_is_outside():
    u, v = randn("u", 1, 2, 4).abs(), randn("v", 1, 2, 3).abs()
    v[0, 1, 2] = -1e-300
    assert torch.isinf(NonNegative().theta(u, v)).tolist() == [[False, True]]


def test_degrees_and_norms():
    assert ProductOfNorms((1, 2, float("inf"))).degree == 3
    assert ProductOfNorms((1, 2)) == ProductOfNorms((ONE, TWO))
    with pytest.raises(ValueError, match=r"Norm\.ONE"):
        ProductOfNorms((3, 2))
    with pytest.raises(ValueError, match="one norm for each factor"):
        ProductOfNorms(())
    with pytest.raises(ValueError, match="one norm for each factor"):
        ProductOfNorms((1, 2, 2)).theta(*factors(MAPPINGS["matrix 4x3"]))


def test_norm_ball_of_norms():
    w = randn("w", 2, 3, 5)
    for norm, value in (
        (Norm.ONE, w.abs().sum(2)),
        (Norm.TWO, w.square().sum(2).sqrt()),
        (Norm.INFINITY, w.abs().amax(2)),
    ):
        laws.same(norm(w), value)


def test_zero_factors_have_a_finite_gradient():
    for theta in REGULARIZERS.values():
        W = tuple(torch.zeros(1, 2, d, dtype=torch.float64, requires_grad=True) for d in (4, 3))
        assert all(bool(torch.isfinite(g).all()) for g in torch.autograd.grad(theta.Theta(*W).sum(), W))
