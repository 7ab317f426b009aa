"""Which polar a pair has: regularizers with one product of norms share it, to the last bit."""

import itertools

import pytest
import torch

import global_optimality as go
import laws
from cases import params, randn
from global_optimality.mappings import Mapping
from global_optimality.polar import oracle, oracle_of
from global_optimality.polar.bound import Checked
from global_optimality.regularizers import NormProduct, Regularizer, euclidean

MAPPINGS: dict[str, Mapping] = {
    "matrix": go.MatrixProduct(4, 3),
    "relu plane": go.ReluUnit(randn("lookup S", 7, 3), 2),
    "relu d = 4": go.ReluUnit(randn("lookup S4", 5, 4), 1),
    "deep relu, two layers": go.DeepRelu(randn("lookup S", 7, 3), (3, 2)),
    "deep linear": go.DeepLinear(4, (2, 3)),
    "convolution": go.ConvPool(randn("lookup images", 3, 1, 4, 4), 2, 3, 2, 2),
}
"""Mappings of degree 2 with a factor for each."""

TENSOR = go.RankOneTensor((3, 2, 4))

EQUAL: dict[str, Regularizer] = {
    "weight decay": go.WeightDecay(),
    "balanced weight decay": go.BalancedWeightDecay(2),
    "sum of powers": go.SumOfPowers(2),
    "power decay": go.PowerDecay(2),
    "product of norms": go.ProductOfNorms(),
    "on all layers": go.OnLayers(go.WeightDecay(), (0, 1)),
    "on all layers, in another order": go.OnLayers(go.SumOfPowers(2), (1, 0)),
    "half and half": go.WeightedSum((go.WeightDecay(), go.ProductOfNorms()), (0.5, 0.5)),
}
"""All with the polar of ½(‖u‖² + ‖v‖²)."""

EFFORT = go.Effort(nodes=100)


def problem(mapping: Mapping, theta: Regularizer) -> go.Problem:
    return go.Problem(go.SquaredLoss(randn("lookup Y", *mapping.shape)), mapping, theta, 1.0)


@pytest.mark.parametrize("theta", params(EQUAL))
@pytest.mark.parametrize("mapping", params(MAPPINGS))
def test_equal_up_to_balance_means_equal_to_the_last_bit(mapping, theta):
    Q = randn("lookup Q", 1, *mapping.shape)
    one = go.polar_of(problem(mapping, go.SumOfSquares()), EFFORT)(Q)
    other = go.polar_of(problem(mapping, theta), EFFORT)(Q)
    assert torch.equal(one.lower, other.lower)
    assert torch.equal(one.upper, other.upper)
    assert all(torch.equal(a, b) for a, b in zip(one.atom, other.atom, strict=True))
    laws.same(theta.theta(*other.atom)[:, 0], torch.ones_like(other.lower), 1e-12)


PRODUCTS: dict[str, tuple[Regularizer, Mapping]] = {
    **{name: (theta, MAPPINGS["matrix"]) for name, theta in EQUAL.items()},
    "sum of squares": (go.SumOfSquares(), MAPPINGS["matrix"]),
    "mixed norms": (go.ProductOfNorms((go.Norm.ONE, go.Norm.INFINITY)), MAPPINGS["matrix"]),
    "weighted": (go.WeightedSum((go.SumOfSquares(), go.SumOfPowers(2)), (0.3, 2.0)), MAPPINGS["matrix"]),
    "paths, 1": (go.PathNorm(2, 1.0), MAPPINGS["matrix"]),
    "paths, 2": (go.PathNorm(2), MAPPINGS["matrix"]),
    "powers, deep": (go.SumOfPowers(3), go.DeepRelu(randn("lookup S", 7, 3), (2, 3, 2))),
    "balanced, deep": (go.BalancedWeightDecay(3), go.DeepRelu(randn("lookup S", 7, 3), (2, 3, 2))),
    "powers, tensor": (go.PowerDecay(3), TENSOR),
}


@pytest.mark.parametrize("pair", params(PRODUCTS))
def test_the_product_bounds_theta_and_equals_it_where_norms_agree(pair):
    theta, mapping = pair
    form = theta.product(mapping.factor_shapes)
    assert form is not None
    W = problem(mapping, theta).random(2, 50, deviation=2.0)
    sizes = [norm(w) for norm, w in zip(form.norms, W, strict=True)]
    product = form.constant * torch.stack(sizes).prod(0)
    assert bool((theta.theta(*W) >= product * (1 - 1e-14)).all())
    unit = tuple(w / s.reshape(*s.shape, *[1] * (w.dim() - 2)) for w, s in zip(W, sizes, strict=True))
    laws.same(theta.theta(*unit), torch.full_like(product, form.constant), 1e-12)


def test_what_has_no_product_has_none_and_no_polar():
    vectors, matrices = ((4,), (3,)), ((4, 2), (2, 3))
    assert go.PathNorm(2).product(matrices) is None, "paths through two hidden units do not multiply"
    assert go.PathNorm(2, 1.5).product(vectors) is None
    assert go.L1Decay().product(vectors) is None
    assert go.WeightDecay().product(((1,),) * 3) is None, "of degree 2, whatever the number of layers"
    assert go.SumOfPowers(3).product(vectors) is None
    assert go.WeightedSum((go.SumOfSquares(), go.ProductOfNorms((go.Norm.ONE, go.Norm.TWO)))).product(vectors) is None
    assert go.NonNegative(go.PathNorm(2, 1.5)).product(vectors) is None
    assert go.NonNegative(go.WeightDecay()).product(vectors) == NormProduct((go.Norm.TWO,) * 2, non_negative=True)
    assert not go.NonNegative().product(vectors).euclidean
    with pytest.raises(LookupError, match=r"PathNorm.*Q -> PolarBound"):
        go.polar_of(problem(go.DeepRelu(randn("lookup S", 7, 3), (2, 2)), go.PathNorm(2)))
    with pytest.raises(LookupError, match="take Euclidean norms"):
        go.polar_of(problem(MAPPINGS["relu plane"], go.ProductOfNorms((go.Norm.ONE, go.Norm.TWO))))


@pytest.mark.slow
@pytest.mark.parametrize("mapping", params(MAPPINGS | {"tensor": TENSOR}))
@pytest.mark.parametrize("c", [0.3, 7.0])
def test_a_multiple_of_theta_divides_the_polar(mapping, c):
    K = mapping.degree
    plain, scaled = problem(mapping, go.SumOfPowers(K)), problem(mapping, go.WeightedSum((go.SumOfPowers(K),), (c,)))
    Q = randn("lookup Q", 1, *mapping.shape)
    one, other = (go.polar_of(p, EFFORT)(Q) for p in (plain, scaled))
    laws.same(other.lower, one.lower / c, 1e-13)
    laws.same(other.upper, one.upper / c, 1e-13)
    assert bool((other.upper * c >= one.upper).all()), "rounding never lowers a bound"
    laws.same(scaled.regularizer.theta(*other.atom)[:, 0], torch.ones_like(other.lower), 1e-12)
    laws.same(mapping.inner(Q, *other.atom)[:, 0], other.lower, 1e-9)
    assert go.lambda_max(scaled, effort=EFFORT) == pytest.approx(go.lambda_max(plain, effort=EFFORT) / c, rel=1e-12)


def test_the_solver_certifies_every_equal_regularizer():
    mapping = MAPPINGS["relu plane"]
    values = []
    for theta in (go.SumOfSquares(), go.WeightDecay(), go.PowerDecay(2), go.WeightedSum((go.SumOfSquares(),), (2.0,))):
        scale = theta.product(mapping.factor_shapes).constant
        f = go.Problem(go.SquaredLoss(randn("lookup Y", *mapping.shape)), mapping, theta, 0.4 / scale)
        solution = go.solve(f, tol=1e-7)
        assert float(solution.relative_gap) <= 1e-7
        values.append(solution.objective)
    assert max(values) - min(values) <= 2e-7 * values[0]


def test_a_plain_function_is_an_oracle_of_one_atom():
    f = problem(MAPPINGS["matrix"], go.SumOfSquares())
    inside = go.polar_of(f)
    Q = randn("lookup Q", 1, 4, 3)

    def plain(Q: torch.Tensor) -> go.PolarBound:
        return inside(Q)

    wrapped = oracle(plain)
    assert oracle(wrapped) is wrapped
    assert oracle_of(f, inside) is inside
    assert isinstance(oracle_of(f, None), Checked)
    for atoms in (wrapped.atoms(Q, 3, 0.0), wrapped.ascend(Q, f.random(1, 2), 3, 0.0)):
        assert all(torch.equal(a, b) for a, b in zip(atoms, inside(Q).atom, strict=True))
    W = f.random(2, 3)
    one, two = go.certify(f, W), go.certify(f, W, plain, effort=go.Effort(seconds=1.0))
    assert torch.equal(one.lower_bound, two.lower_bound)


def test_euclidean_products():
    for K, c in itertools.product((1, 2, 3), (1.0, 2.5)):
        assert NormProduct((go.Norm.TWO,) * K, c).euclidean
        assert euclidean(K) == NormProduct((go.Norm.TWO,) * K)
    assert not NormProduct((go.Norm.TWO, go.Norm.ONE)).euclidean


class Cheaper(go.SumOfSquares):
    def theta(self, *W):
        return 0.5 * super().theta(*W)


class Larger(go.DeepRelu):
    def phi(self, *W):
        return 2 * super().phi(*W)


class Doubled(go.MatrixProduct):
    def phi(self, *W):
        return 2 * super().phi(*W)


class SaysSo(Cheaper):
    def product(self, shapes):
        return NormProduct((go.Norm.TWO,) * 2, 0.5)


def test_a_subclass_with_another_theta_or_phi_does_not_inherit_the_polar():
    """Negative control: the parent's polar would be too small by 2, and certify what is not optimal."""
    S = randn("lookup S", 7, 3)
    for f in (
        problem(MAPPINGS["matrix"], Cheaper()),
        problem(MAPPINGS["matrix"], go.WeightedSum((Cheaper(),))),
        problem(MAPPINGS["matrix"], go.NonNegative(Cheaper())),
        problem(Larger(S, (3, 2)), go.SumOfSquares()),
        problem(Doubled(4, 3), go.SumOfSquares()),
    ):
        with pytest.raises(LookupError, match="no polar is known"):
            go.polar_of(f)
    assert Doubled(4, 3).gates is None
    Q = randn("lookup Q", 1, 4, 3)
    one, other = (go.polar_of(problem(MAPPINGS["matrix"], theta))(Q) for theta in (go.SumOfSquares(), SaysSo()))
    laws.same(other.lower, 2 * one.lower, 1e-12)


CHAIN = go.DeepBiasedRelu(randn("lookup S2", 5, 2), (1, 1, 1))

UNITS: dict[str, go.Problem] = {name: problem(mapping, go.SumOfSquares()) for name, mapping in MAPPINGS.items()} | {
    "tensor": problem(TENSOR, go.SumOfPowers(3)),
    "deep relu, three layers": problem(go.DeepRelu(randn("lookup S2", 5, 2), (2, 1, 1)), go.SumOfPowers(3)),
    "chain with biases": problem(CHAIN, go.WeightedPowers(CHAIN.exponents, CHAIN.degree)),
    "free biases": problem(go.BiasedReluUnit(randn("lookup S2", 5, 2), 2), go.OnLayers(go.SumOfSquares(), (0, 2))),
    "non-negative factors": problem(go.MatrixProduct(4, 3), go.NonNegative()),
}


@pytest.mark.slow
@pytest.mark.parametrize("e", [-1000, -600, 600])
@pytest.mark.parametrize("f", params(UNITS))
def test_no_unit_of_the_dual_point_changes_its_polar(f, e):
    """Squares of Q vanish at 2^−600 already; a polar that is too small certifies what is not optimal."""
    Q, half, limit = f.loss.project(randn("lookup units", 3, *f.mapping.shape)), 2.0 ** (e // 2), 1e-3
    others = torch.cat([Q[:1], 0 * Q[1:2], Q[2:] * half * half])
    polar = go.polar_of(f, go.Effort(nodes=20, target=limit))
    one, other = polar(Q[2:]), polar.spending(go.Effort(target=limit * half * half))(others)
    laws.same(other.lower[2:] / half / half, one.lower, 1e-12)
    laws.same(other.upper[2:] / half / half, one.upper, 1e-12)
    laws.same(f.mapping.inner(Q[2:], *(w[2:] for w in other.atom))[:, 0], one.lower, 1e-9)
    assert float(other.upper[1]) == 0
    assert float(other.lower[0]) > 0
    found = polar.atoms(Q[2:] * half * half, 3, 0.5 * float(other.lower[2]))
    again = polar.atoms(Q[2:], 3, 0.5 * float(one.lower[0]))
    laws.same(f.mapping.inner(Q[2:], *found), f.mapping.inner(Q[2:], *again), 1e-9)
