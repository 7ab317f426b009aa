"""Measured degrees: of functions, layers, pairs and users' networks; and the cases in which nothing is claimed."""

import math
from dataclasses import dataclass

import pytest
import torch
from torch import Tensor

import global_optimality as go
from global_optimality.homogeneity import (
    Homogeneity,
    Mismatch,
    Nondegeneracy,
    check_degree,
    check_pair,
    layer_table,
    measure_degree,
    random_points,
    report,
    report_module,
)
from global_optimality.regularizers import Regularizer
from global_optimality.streams import generator, normal

S = normal(generator(0, "tests", "homogeneity"), 6, 2)
POINTS = random_points(((3,), (4,)))
DEEP = go.DeepRelu(S, (2, 2, 1))


@pytest.mark.parametrize(
    ("function", "degree"),
    [
        (lambda u, v: u[..., :3] * v[..., :3], 2.0),
        (lambda u, v: u.abs().sqrt(), 0.5),
        (lambda u, v: u.square().sum() ** 1.5, 3.0),
        (lambda u, v: 1 / u, -1.0),
        (lambda u, v: torch.sign(v), 0.0),
        (lambda u, v: u.abs() ** 2.3, 2.3),
    ],
)
def test_degrees_are_found(function, degree):
    found = measure_degree(function, POINTS)
    assert found.verdict is Homogeneity.HOMOGENEOUS
    assert found.estimate == pytest.approx(degree, abs=1e-12)
    assert found.residual <= 1e-14
    assert found.is_degree(degree) or degree == 2.3


@pytest.mark.parametrize(
    "function",
    [
        lambda u, v: u + v.square().sum(),
        lambda u, v: torch.tanh(u),
        lambda u, v: torch.nn.functional.gelu(100 * u),
        lambda u, v: u + 1e-6,
        lambda u, v: torch.where(u.norm() > 1, u, torch.zeros_like(u)),
    ],
)
def test_no_degree_is_found(function):
    found = measure_degree(function, POINTS)
    assert found.verdict is Homogeneity.NOT_HOMOGENEOUS
    assert found.residual > 1e-8


@pytest.mark.parametrize(
    "function", [lambda u, v: 0 * u, lambda u, v: u / 0, lambda u, v: u * (1 + 1e-10 * torch.sin(u.norm()))]
)
def test_undecided(function):
    assert measure_degree(function, POINTS).verdict is Homogeneity.UNDECIDED


def test_float32_is_judged_by_its_own_rounding():
    points = [tuple(w.float() for w in point) for point in POINTS]
    assert measure_degree(lambda u, v: u.sum() * v, points).is_degree(2)


def test_without_points():
    with pytest.raises(ValueError, match="no point"):
        measure_degree(lambda u: u, [])


EXPECTED = {
    "linear": 1,
    "linear with bias": 1,
    "convolution": 1,
    "ReLU": 1,
    "leaky ReLU": 1,
    "two ReLU layers": 2,
    "two ReLU layers with biases": None,
    "max pooling": 1,
    "average pooling": 1,
    "batch normalization": 0,
    "batch normalization with gain": 1,
    "batch normalization as coded": None,
    "response normalization (AlexNet)": None,
    "response normalization, homogeneous": 1,
    "residual block": None,
    "residual block, weighted skip": 1,
    "dropout mask": 1,
    "sigmoid": None,
    "tanh": None,
    "GELU": None,
    "softmax": None,
}


def test_the_table_of_layers():
    rows = {row.layer: row for row in layer_table()}
    assert set(rows) == set(EXPECTED)
    for name, degree in EXPECTED.items():
        assert rows[name].allowed == (degree is not None), name
        if degree is not None:
            assert rows[name].estimate == degree, name
    assert 1e-8 < rows["batch normalization as coded"].residual < 1e-2, "homogeneous but for its 1e-5"
    assert layer_table() == layer_table()


@dataclass(frozen=True)
class Other(Regularizer):
    """Regularizers that are degenerate beside a mapping of three layers."""

    kind: int

    @property
    def degree(self) -> int:
        return 3

    def theta(self, *W: Tensor) -> Tensor:
        sizes = [w.flatten(2).norm(dim=2) for w in W]
        if self.kind == 0:  # bounded while the other layers grow
            return sizes[0] ** 3
        if self.kind == 1:  # vanishes for a sparse first layer
            return sizes[0] * sizes[1] * W[2].flatten(2).sum(2).clamp(min=0)
        return sizes[0] ** 3 + torch.sin(sizes[1])


@pytest.mark.parametrize(
    ("theta", "verdict"),
    [
        (go.SumOfPowers(3), Nondegeneracy.NOT_REFUTED),
        (go.BalancedWeightDecay(3), Nondegeneracy.NOT_REFUTED),
        (go.ProductOfNorms((go.Norm.TWO,) * 3), Nondegeneracy.NOT_REFUTED),
        (go.PathNorm(3, 1), Nondegeneracy.NOT_REFUTED),
        (go.NonNegative(go.SumOfPowers(3)), Nondegeneracy.NOT_REFUTED),
        (go.WeightDecay(), Nondegeneracy.UNEQUAL_DEGREES),
        (Other(0), Nondegeneracy.UNBOUNDED),
        (Other(1), Nondegeneracy.VANISHING),
        (Other(2), Nondegeneracy.UNEQUAL_DEGREES),
    ],
)
def test_nondegenerate_pairs(theta, verdict):
    test = check_pair(DEEP, theta)
    assert test.verdict is verdict
    assert math.isfinite(test.largest_ratio) == (verdict is Nondegeneracy.NOT_REFUTED)
    if verdict is Nondegeneracy.VANISHING:
        assert test.witness is not None
        assert float(theta.theta(*test.witness)) == 0
        assert bool(DEEP.phi(*test.witness).any())


@pytest.mark.parametrize(
    ("mapping", "theta", "kind"),
    [
        (DEEP, go.BalancedWeightDecay(3), Mismatch.BALANCED),
        (DEEP, go.NonNegative(go.SumOfPowers(3)), Mismatch.BALANCED),
        (DEEP, go.WeightDecay(), Mismatch.TOO_LOW),
        (DEEP, go.L1Decay(), Mismatch.TOO_LOW),
        (go.MatrixProduct(3, 2), go.SumOfSquares(), Mismatch.BALANCED),
        (go.MatrixProduct(3, 2), go.L1Decay(), Mismatch.TOO_LOW),
        (go.DeepRelu(S, (2, 1)), Other(0), Mismatch.TOO_HIGH),
        (DEEP, go.PowerDecay(4), Mismatch.TOO_HIGH),
        (DEEP, Other(2), Mismatch.NO_DEGREE),
    ],
)
def test_reports(mapping, theta, kind):
    found = report(mapping, theta)
    assert found.mismatch is kind
    if kind in (Mismatch.TOO_LOW, Mismatch.TOO_HIGH):
        assert f"BalancedWeightDecay({mapping.degree})" in found.advice
    assert kind.value in str(found)


def network(*, bias: bool, normalised: bool = False) -> torch.nn.Module:
    layers = [torch.nn.Linear(2, 4, bias=bias), torch.nn.ReLU(), torch.nn.Linear(4, 4, bias=bias), torch.nn.ReLU()]
    if normalised:
        layers.append(torch.nn.BatchNorm1d(4, affine=False))
    return torch.nn.Sequential(*layers, torch.nn.Linear(4, 1, bias=bias)).double()


def test_reports_of_modules():
    plain = network(bias=False)
    before = [p.detach().clone() for p in plain.parameters()]
    found = report_module(plain, S, 1e-2)
    assert found.mismatch is Mismatch.TOO_LOW
    assert found.mapping.is_degree(3)
    assert found.regularizer.is_degree(2)
    assert all(torch.equal(a, b) for a, b in zip(before, plain.parameters(), strict=True)), "left as it was"
    assert report_module(network(bias=True), S, 1e-2).mismatch is Mismatch.NO_DEGREE
    assert report_module(plain[:3], S, 1e-2).mismatch is Mismatch.BALANCED
    assert report_module(torch.nn.Linear(2, 1, bias=False).double(), S, 1e-2).mismatch is Mismatch.TOO_HIGH
    assert report_module(plain, S, 0.0).mismatch is Mismatch.UNDECIDED
    batch = network(bias=False, normalised=True)
    mean = batch[4].running_mean.clone()
    assert report_module(batch, S, 1e-2).mismatch is Mismatch.NO_DEGREE, "its eps spoils it"
    assert torch.equal(batch[4].running_mean, mean), "running averages untouched"


def test_reports_of_optimizers_read_every_group():
    plain = network(bias=False)
    adam = torch.optim.Adam(plain.parameters(), weight_decay=1e-2)
    assert str(report_module(plain, S, adam)) == str(report_module(plain, S, 1e-2))
    groups = [{"params": plain[0].parameters(), "weight_decay": 0.0}, {"params": plain[2].parameters()}]
    partial = report_module(plain, S, torch.optim.SGD(groups, lr=0.1, weight_decay=0.1))
    assert partial.mapping.is_degree(2), "the last layer is in no group: a constant"
    assert partial.mismatch is Mismatch.BALANCED
    assert "Decay 0.weight too" in partial.advice
    plain[4].weight.requires_grad_(False)
    assert report_module(plain, S, 0.1).mapping.is_degree(2)


def test_exponents():
    assert report(DEEP, go.WeightDecay()).exponent == pytest.approx(1 / 3)
    assert report(DEEP, go.BalancedWeightDecay(3)).exponent == 0
    high = report(DEEP, go.PowerDecay(4))
    assert high.exponent == pytest.approx(-1 / 3)
    assert "1 − q/p = -0.3333" in str(high)
    assert math.isnan(report(DEEP, Other(2)).exponent)


def test_bad_reports():
    with pytest.raises(ValueError, match="AdamW decouples"):
        report_module(network(bias=False), S, torch.optim.AdamW(network(bias=False).parameters()))
    with pytest.raises(ValueError, match="no parameters"):
        report_module(network(bias=False), S, torch.optim.SGD(network(bias=False).parameters(), weight_decay=0.1))
    with pytest.raises(ValueError, match="at least 0"):
        report_module(network(bias=False), S, -1.0)
    with pytest.raises(ValueError, match="no parameters"):
        report_module(torch.nn.ReLU(), S, 1e-2)


def test_check_degree():
    check_degree("φ", DEEP.phi, DEEP.factor_shapes, 3)
    check_degree("zero", lambda *W: 0 * W[0], DEEP.factor_shapes, 7)
    with pytest.raises(ValueError, match="φ declares degree 2 but is measured to be homogeneous of degree 3"):
        check_degree("φ", DEEP.phi, DEEP.factor_shapes, 2)
