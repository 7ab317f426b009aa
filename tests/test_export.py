"""Mappings of other inputs, predictions, and networks as torch modules."""

import pytest
import torch
from torch import Tensor, nn

import global_optimality as go
import laws
from cases import params, randn
from global_optimality.export import to_torch
from global_optimality.mappings import BiasedReluUnit, DeepBiasedRelu, Mapping
from global_optimality.regularizers import WeightedPowers

S, IMAGES = randn("export S", 9, 3), randn("export images", 5, 2, 6, 6)
OTHER = {2: randn("export other S", 4, 3), 4: randn("export other images", 3, 2, 6, 6)}

MAPPINGS: dict[str, Mapping] = {
    "relu unit": go.ReluUnit(S, 2),
    "free bias": BiasedReluUnit(S, 2),
    "deep relu": go.DeepRelu(S, (3, 2, 2)),
    "deep biased relu": DeepBiasedRelu(S, (3, 2, 4, 2)),
    "leaky": go.DeepRelu(S, (3, 2), 0.2),
    "deep linear": go.DeepLinear(3, (2, 4, 2), S),
    "convolution, max": go.ConvPool(IMAGES, 2, 3, 2, 3),
    "convolution, mean": go.ConvPool(IMAGES, 2, 3, 2, 3, go.Pooling.AVERAGE),
    "alexnet": go.AlexNet(randn("export large", 4, 2, 10, 10), (3, 2), (3, 3), (2, 1), 3, 2),
    "normalized relu": go.NormalizedRelu(S, (3, 2, 2)),
    "normalized convolution": go.NormalizedConvPool(IMAGES, 2, 3, 2, 3),
}


def problem(mapping: Mapping, **options) -> go.Problem:
    theta = go.WeightDecay() if mapping.degree == 2 else go.SumOfPowers(mapping.degree)
    if isinstance(mapping, go.NormalizedRelu | go.NormalizedConvPool):
        theta = go.OnLayers(go.SumOfSquares(), mapping.scaled_layers)
    if isinstance(mapping, BiasedReluUnit):
        theta = go.OnLayers(go.SumOfSquares(), (0, 2))
    if isinstance(mapping, DeepBiasedRelu):
        theta = WeightedPowers(mapping.exponents, mapping.degree)
    return go.Problem(go.SquaredLoss(randn("export Y", *mapping.shape), **options), mapping, theta, 0.1)


def other(mapping: Mapping) -> Tensor:
    return randn("export larger", 3, 2, 10, 10) if isinstance(mapping, go.AlexNet) else OTHER[mapping.data.dim()]


@pytest.mark.parametrize("mapping", params(MAPPINGS))
def test_a_mapping_on_its_own_inputs_is_itself(mapping):
    W = problem(mapping).random(2, 3)
    again = mapping.on(mapping.data)
    laws.same(again.phi(*W), mapping.phi(*W), 1e-12)
    laws.same(again.Phi(*W), mapping.Phi(*W), 1e-12)
    laws.same(again.on(mapping.data[:2]).phi(*W), mapping.phi(*W)[:, :, :2], 1e-12)
    Q = randn("export Q", 2, *mapping.shape)
    laws.same(again.inner(Q, *W), mapping.inner(Q, *W), 1e-12)


@pytest.mark.parametrize("mapping", params(MAPPINGS))
def test_samples_are_judged_one_by_one(mapping):
    W, inputs = problem(mapping).random(2, 3), other(mapping)
    whole = mapping.on(inputs).Phi(*W)
    rows = [mapping.on(inputs[i : i + 1]).Phi(*W) for i in range(len(inputs))]
    laws.same(torch.cat(rows, 1), whole, 1e-12)


def test_normalization_remembers_the_training_data():
    """Negative control: whitened with statistics of its own, a sample would be judged otherwise."""
    for mapping in (MAPPINGS["normalized relu"], MAPPINGS["normalized convolution"]):
        W, inputs = problem(mapping).random(1, 3), other(mapping)
        own = type(mapping)(inputs, *[getattr(mapping, f) for f in mapping.__dataclass_fields__ if f in CONSTRUCTED])
        assert not torch.allclose(own.Phi(*W), mapping.on(inputs).Phi(*W))
        laws.same(mapping.on(inputs).on(mapping.data).Phi(*W), mapping.Phi(*W), 1e-12)


CONSTRUCTED = ("widths", "channels", "kernel", "pool", "outputs")


@pytest.mark.parametrize("output_bias", [None, 0.0, 2.0])
@pytest.mark.parametrize("mapping", params(MAPPINGS))
def test_the_module_computes_what_predict_says(mapping, output_bias):
    f = problem(mapping, output_bias=output_bias)
    W = f.random(2, 3)
    inputs = other(mapping)
    expected = f.predict(W, inputs)
    assert expected.shape == (2, len(inputs), mapping.shape[-1])
    laws.same(f.predict(W, mapping.data), mapping.Phi(*W) + f.output_bias(*W)[:, None], 1e-12)
    for run in range(2):
        module = to_torch(f, tuple(w[run : run + 1] for w in W))
        assert all(type(layer).__module__.startswith(("torch.nn", "global_optimality.export")) for layer in module)
        assert (module[-1].bias is not None) == (output_bias is not None or isinstance(mapping, BiasedReluUnit))
        laws.same(module(inputs).detach(), expected[run], 1e-11)
        laws.same(module(mapping.data).detach(), f.predict(W, mapping.data)[run], 1e-11)


@pytest.mark.parametrize("widths", [(2, 2), (3, 2, 2)])
def test_a_column_of_ones_becomes_a_bias(widths):
    rows = torch.cat([S, torch.ones_like(S[:, :1])], 1)
    f = problem(go.DeepRelu(rows, widths))
    W = f.random(1, 3)
    biased, plain = to_torch(f, W), to_torch(f, W, hidden_bias=False)
    assert biased[0].in_features == 3
    assert plain[0].in_features == 4
    assert plain[0].bias is None
    laws.same(biased(S).detach(), plain(rows).detach(), 1e-12)
    normalized = go.NormalizedRelu(rows, widths)
    g = problem(normalized)
    V = g.random(1, 2)
    laws.same(to_torch(g, V)(S).detach(), normalized.Phi(*V)[0], 1e-11)


@pytest.mark.slow
def test_solutions_of_every_kind_export():
    for mapping in (go.ReluUnit(S, 2), BiasedReluUnit(S, 2), go.DeepRelu(S, (2, 2))):
        solution = go.solve(problem(mapping, output_bias=0.0), max_rounds=2, effort=go.Effort(nodes=30))
        laws.same(solution.to_torch()(S).detach(), solution.predict(S), 1e-12)
    f = problem(MAPPINGS["convolution, max"])
    W = go.minimise(f, f.random(1, 2), max_steps=5).weights
    assert [type(layer) for layer in to_torch(f, W)] == [nn.Conv2d, nn.ReLU, nn.MaxPool2d, nn.Flatten, nn.Linear]


def test_what_has_no_inputs_says_so():
    matrix, tensor = go.MatrixProduct(4, 3), go.RankOneTensor((2, 3, 2))
    for mapping in (matrix, tensor, go.DeepLinear(4, (2, 3))):
        f = problem(mapping)
        with pytest.raises(TypeError, match="takes no inputs"):
            f.predict(f.random(1, 2), S)
        with pytest.raises(TypeError, match="takes no inputs"):
            to_torch(f, f.random(1, 2))
    f = problem(go.ReluUnit(S, 2))
    with pytest.raises(ValueError, match="one run"):
        to_torch(f, f.random(2, 2))
    with pytest.raises(ValueError, match="not all ones"):
        to_torch(f, f.random(1, 2), hidden_bias=True)
    f = problem(MAPPINGS["convolution, max"])
    with pytest.raises(ValueError, match="no column of ones"):
        to_torch(f, f.random(1, 2), hidden_bias=True)
    with pytest.raises(ValueError, match="columns"):
        go.NormalizedRelu(S, (2, 2), reference=S[:, :2])
