"""Which polar a pair has: regularizers with one product of norms share it, to the last bit."""

import itertools

import pytest
import torch

import laws
from cases import params, randn
from global_optimality import (
    BalancedWeightDecay,
    ConvPool,
    DeepLinear,
    DeepRelu,
    Effort,
    L1Decay,
    MatrixProduct,
    NonNegative,
    Norm,
    OnLayers,
    PathNorm,
    PolarBound,
    PowerDecay,
    Problem,
    ProductOfNorms,
    RankOneTensor,
    ReluUnit,
    SquaredLoss,
    SumOfPowers,
    SumOfSquares,
    WeightDecay,
    WeightedSum,
    certify,
    lambda_max,
    polar_of,
    solve,
)
from global_optimality.mappings import Mapping
from global_optimality.polar import oracle, oracle_of
from global_optimality.polar.bound import Checked
from global_optimality.regularizers import NormProduct, Regularizer, euclidean

MAPPINGS: dict[str, Mapping] = {
    "matrix": MatrixProduct(4, 3),
    "relu plane": ReluUnit(randn("lookup S", 7, 3), 2),
    "relu d = 4": ReluUnit(randn("lookup S4", 5, 4), 1),
    "deep relu, two layers": DeepRelu(randn("lookup S", 7, 3), (3, 2)),
    "deep linear": DeepLinear(4, (2, 3)),
    "convolution": ConvPool(randn("lookup images", 3, 1, 4, 4), 2, 3, 2, 2),
}
"""Mappings of degree 2 with a factor for each."""

TENSOR = RankOneTensor((3, 2, 4))

EQUAL: dict[str, Regularizer] = {
    "weight decay": WeightDecay(),
    "balanced weight decay": BalancedWeightDecay(2),
    "sum of powers": SumOfPowers(2),
    "power decay": PowerDecay(2),
    "product of norms": ProductOfNorms(),
    "on all layers": OnLayers(WeightDecay(), (0, 1)),
    "on all layers, in another order": OnLayers(SumOfPowers(2), (1, 0)),
    "half and half": WeightedSum((WeightDecay(), ProductOfNorms()), (0.5, 0.5)),
}
"""All with the polar of ½(‖u‖² + ‖v‖²)."""

EFFORT = Effort(nodes=100)


def problem(mapping: Mapping, theta: Regularizer) -> Problem:
    return Problem(SquaredLoss(randn("lookup Y", *mapping.shape)), mapping, theta, 1.0)


@pytest.mark.parametrize("theta", params(EQUAL))
@pytest.mark.parametrize("mapping", params(MAPPINGS))
def test_equal_up_to_balance_means_equal_to_the_last_bit(mapping, theta):
    Q = randn("lookup Q", 1, *mapping.shape)
    one = polar_of(problem(mapping, SumOfSquares()), EFFORT)(Q)
    other = polar_of(problem(mapping, theta), EFFORT)(Q)
    assert torch.equal(one.lower, other.lower)
    assert torch.equal(one.upper, other.upper)
    assert all(torch.equal(a, b) for a, b in zip(one.atom, other.atom, strict=True))
    laws.same(theta.theta(*other.atom)[:, 0], torch.ones_like(other.lower), 1e-12)


PRODUCTS: dict[str, tuple[Regularizer, Mapping]] = {
    **{name: (theta, MAPPINGS["matrix"]) for name, theta in EQUAL.items()},
    "sum of squares": (SumOfSquares(), MAPPINGS["matrix"]),
    "mixed norms": (ProductOfNorms((Norm.ONE, Norm.INFINITY)), MAPPINGS["matrix"]),
    "weighted": (WeightedSum((SumOfSquares(), SumOfPowers(2)), (0.3, 2.0)), MAPPINGS["matrix"]),
    "paths, 1": (PathNorm(2, 1.0), MAPPINGS["matrix"]),
    "paths, 2": (PathNorm(2), MAPPINGS["matrix"]),
    "powers, deep": (SumOfPowers(3), DeepRelu(randn("lookup S", 7, 3), (2, 3, 2))),
    "balanced, deep": (BalancedWeightDecay(3), DeepRelu(randn("lookup S", 7, 3), (2, 3, 2))),
    "powers, tensor": (PowerDecay(3), TENSOR),
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
    assert PathNorm(2).product(matrices) is None, "paths through two hidden units do not multiply"
    assert PathNorm(2, 1.5).product(vectors) is None
    assert L1Decay().product(vectors) is None
    assert WeightDecay().product(((1,),) * 3) is None, "of degree 2, whatever the number of layers"
    assert SumOfPowers(3).product(vectors) is None
    assert WeightedSum((SumOfSquares(), ProductOfNorms((Norm.ONE, Norm.TWO)))).product(vectors) is None
    assert NonNegative(PathNorm(2, 1.5)).product(vectors) is None
    assert NonNegative(WeightDecay()).product(vectors) == NormProduct((Norm.TWO,) * 2, non_negative=True)
    assert not NonNegative().product(vectors).euclidean
    with pytest.raises(LookupError, match=r"PathNorm.*Q -> PolarBound"):
        polar_of(problem(DeepRelu(randn("lookup S", 7, 3), (2, 2)), PathNorm(2)))
    with pytest.raises(LookupError, match="take Euclidean norms"):
        polar_of(problem(MAPPINGS["relu plane"], ProductOfNorms((Norm.ONE, Norm.TWO))))


@pytest.mark.parametrize("mapping", params(MAPPINGS | {"tensor": TENSOR}))
@pytest.mark.parametrize("c", [0.3, 7.0])
def test_a_multiple_of_theta_divides_the_polar(mapping, c):
    K = mapping.degree
    plain, scaled = problem(mapping, SumOfPowers(K)), problem(mapping, WeightedSum((SumOfPowers(K),), (c,)))
    Q = randn("lookup Q", 1, *mapping.shape)
    one, other = (polar_of(p, EFFORT)(Q) for p in (plain, scaled))
    laws.same(other.lower, one.lower / c, 1e-13)
    laws.same(other.upper, one.upper / c, 1e-13)
    assert bool((other.upper * c >= one.upper).all()), "rounding never lowers a bound"
    laws.same(scaled.regularizer.theta(*other.atom)[:, 0], torch.ones_like(other.lower), 1e-12)
    laws.same(mapping.inner(Q, *other.atom)[:, 0], other.lower, 1e-9)
    assert lambda_max(scaled, effort=EFFORT) == pytest.approx(lambda_max(plain, effort=EFFORT) / c, rel=1e-12)


def test_the_solver_certifies_every_equal_regularizer():
    mapping = MAPPINGS["relu plane"]
    values = []
    for theta in (SumOfSquares(), WeightDecay(), PowerDecay(2), WeightedSum((SumOfSquares(),), (2.0,))):
        scale = theta.product(mapping.factor_shapes).constant
        f = Problem(SquaredLoss(randn("lookup Y", *mapping.shape)), mapping, theta, 0.4 / scale)
        solution = solve(f, tol=1e-7)
        assert float(solution.relative_gap) <= 1e-7
        values.append(solution.objective)
    assert max(values) - min(values) <= 2e-7 * values[0]


def test_a_plain_function_is_an_oracle_of_one_atom():
    f = problem(MAPPINGS["matrix"], SumOfSquares())
    inside = polar_of(f)
    Q = randn("lookup Q", 1, 4, 3)

    def plain(Q: torch.Tensor) -> PolarBound:
        return inside(Q)

    wrapped = oracle(plain)
    assert oracle(wrapped) is wrapped
    assert oracle_of(f, inside) is inside
    assert isinstance(oracle_of(f, None), Checked)
    for atoms in (wrapped.atoms(Q, 3, 0.0), wrapped.ascend(Q, f.random(1, 2), 3, 0.0)):
        assert all(torch.equal(a, b) for a, b in zip(atoms, inside(Q).atom, strict=True))
    W = f.random(2, 3)
    one, two = certify(f, W), certify(f, W, plain, effort=Effort(seconds=1.0))
    assert torch.equal(one.lower_bound, two.lower_bound)


def test_euclidean_products():
    for K, c in itertools.product((1, 2, 3), (1.0, 2.5)):
        assert NormProduct((Norm.TWO,) * K, c).euclidean
        assert euclidean(K) == NormProduct((Norm.TWO,) * K)
    assert not NormProduct((Norm.TWO, Norm.ONE)).euclidean


class Cheaper(SumOfSquares):
    def theta(self, *W):
        return 0.5 * super().theta(*W)


class Larger(DeepRelu):
    def phi(self, *W):
        return 2 * super().phi(*W)


class Doubled(MatrixProduct):
    def phi(self, *W):
        return 2 * super().phi(*W)


class SaysSo(Cheaper):
    def product(self, shapes):
        return NormProduct((Norm.TWO,) * 2, 0.5)


def test_a_subclass_with_another_theta_or_phi_does_not_inherit_the_polar():
    """Negative control: the parent's polar would be too small by 2, and certify what is not optimal."""
    S = randn("lookup S", 7, 3)
    for f in (
        problem(MAPPINGS["matrix"], Cheaper()),
        problem(MAPPINGS["matrix"], WeightedSum((Cheaper(),))),
        problem(MAPPINGS["matrix"], NonNegative(Cheaper())),
        problem(Larger(S, (3, 2)), SumOfSquares()),
        problem(Doubled(4, 3), SumOfSquares()),
    ):
        with pytest.raises(LookupError, match="no polar is known"):
            polar_of(f)
    assert Doubled(4, 3).gates is None
    Q = randn("lookup Q", 1, 4, 3)
    one, other = (polar_of(problem(MAPPINGS["matrix"], theta))(Q) for theta in (SumOfSquares(), SaysSo()))
    laws.same(other.lower, 2 * one.lower, 1e-12)
