"""A network of parallel subnetworks as a ``torch.nn.Sequential`` of the usual layers, in its weights' precision."""

from collections.abc import Callable, Sequence
from typing import final

import torch
from torch import Tensor, nn

from . import mappings
from .factors import Factors
from .mappings import Mapping, Pooling
from .mappings.alexnet import response_normalization
from .problem import Problem, check_problem
from .settings import flag


def to_torch(problem: Problem, W: Factors, *, hidden_bias: bool | None = None) -> nn.Sequential:
    """The network W (one run) as a module: layers of all subnetworks side by side, block by block behind the first.

    A last column of ones in S becomes the bias of the first layer, and the module takes inputs without that column;
    ``hidden_bias`` overrules the guess that such a column is one. An output bias is that of the training data.
    ``TypeError`` for a mapping without inputs, ``ValueError`` for several runs or a bias without a column of ones.
    """
    check_problem(problem).check(W)
    if hidden_bias is not None:
        flag("hidden_bias", hidden_bias)
    if len(W[0]) != 1:
        raise ValueError(f"a module is one network but W holds {len(W[0])} runs: pass one run, w[:1].")
    mapping = problem.mapping
    if type(mapping) not in LAYERS or (isinstance(mapping, mappings.DeepLinear) and mapping.S is None):
        raise TypeError(
            f"{type(mapping).__name__} takes no inputs: to_torch serves mappings of data, such as ReluUnit; the "
            "outputs are mapping.Phi(*weights)."
        )
    with torch.no_grad():
        layers = LAYERS[type(mapping)](mapping, tuple(w[0] for w in W))
        outer = layers[-1]
        assert isinstance(outer, nn.Linear)
        if problem.loss.has_bias:
            own = 0.0 if outer.bias is None else outer.bias
            outer = _linear(outer.weight, problem.output_bias(*W)[0] + own)
        layers = [*layers[:-1], outer]
        first, data = layers[0], mapping.data
        if isinstance(first, nn.Linear) and data is not None:
            layers[0] = _without_ones(first, data, hidden_bias)
        elif hidden_bias:
            raise ValueError(f"{type(mapping).__name__} has no column of ones that could become a hidden bias.")
    return nn.Sequential(*layers)


def _without_ones(first: nn.Linear, S: Tensor, hidden_bias: bool | None) -> nn.Linear:
    """The first layer with the weights of a last column of ones as its bias."""
    ones = S.shape[1] > 1 and bool((S[:, -1] == 1).all())
    biased = ones if hidden_bias is None else hidden_bias
    if biased and not ones:
        raise ValueError("the last column of S is not all ones: it cannot become a hidden bias.")
    if not biased:
        return first
    own = 0.0 if first.bias is None else first.bias
    return _linear(first.weight[:, :-1], first.weight[:, -1] + own)


def _linear(weight: Tensor, bias: Tensor | None = None) -> nn.Linear:
    """x ↦ weight x + bias, weight ``(outputs, inputs)``."""
    layer = nn.Linear(weight.shape[1], weight.shape[0], bias is not None, dtype=weight.dtype, device=weight.device)
    layer.weight.copy_(weight)
    if bias is not None:
        layer.bias.copy_(bias)
    return layer


def _convolution(filters: Tensor, bias: Tensor | None = None, groups: int = 1) -> nn.Conv2d:
    """Filters ``(outputs, inputs of a group, k, k)``."""
    outputs, inputs, height, width = filters.shape
    options = {"dtype": filters.dtype, "device": filters.device, "groups": groups, "bias": bias is not None}
    layer = nn.Conv2d(inputs * groups, outputs, (height, width), **options)
    layer.weight.copy_(filters)
    if bias is not None and layer.bias is not None:
        layer.bias.copy_(bias)
    return layer


def _chain(W: Sequence[Tensor], biases: Sequence[Tensor | None], activation: Callable[[], nn.Module] | None):
    """Fully connected layers ``(r, a, b)``: the input is shared, later layers are block diagonal, the output a sum."""
    first, *middle, last = W
    weights = [first.mT.flatten(0, 1), *(torch.block_diag(*w.mT) for w in middle), last.flatten(0, 1).mT]
    layers: list[nn.Module] = []
    for k, (weight, bias) in enumerate(zip(weights, biases, strict=True)):
        if k and activation is not None:
            layers.append(activation())
        layers.append(_linear(weight, bias))
    return layers


def _relu_unit(mapping: Mapping, W: Factors) -> list[nn.Module]:
    return _chain((W[0][:, :, None], W[1][:, None]), (None, None), nn.ReLU)


def _biased_relu_unit(mapping: Mapping, W: Factors) -> list[nn.Module]:
    assert isinstance(mapping, mappings.BiasedReluUnit)
    biases, constants = mapping.folded(*(w[None] for w in W))
    return _chain((W[0][:, :, None], W[2][:, None]), (biases[0], constants[0]), nn.ReLU)


def _deep_relu(mapping: Mapping, W: Factors) -> list[nn.Module]:
    assert isinstance(mapping, mappings.DeepRelu)
    slope = mapping.slope
    return _chain(W, (None,) * len(W), nn.ReLU if slope == 0 else lambda: nn.LeakyReLU(slope))


def _deep_biased_relu(mapping: Mapping, W: Factors) -> list[nn.Module]:
    biases = [b.flatten() for b in W[2:-1:2]]
    return _chain((W[0], *W[1:-1:2], W[-1]), (None, *biases, None), nn.ReLU)


def _deep_linear(mapping: Mapping, W: Factors) -> list[nn.Module]:
    return _chain(W, (None,) * len(W), None)


def _normalized_relu(mapping: Mapping, W: Factors) -> list[nn.Module]:
    assert isinstance(mapping, mappings.NormalizedRelu)
    weights, biases = zip(*mapping.folded(*(w[None] for w in W)), strict=True)
    return _chain((*(w[0] for w in weights), W[-1]), (*(b[0].flatten() for b in biases), None), nn.ReLU)


def _pooling(pooling: Pooling, size: int) -> nn.Module:
    return nn.MaxPool2d(size) if pooling is Pooling.MAX else nn.AvgPool2d(size)


def _conv_pool(mapping: Mapping, W: Factors) -> list[nn.Module]:
    assert isinstance(mapping, mappings.ConvPool)
    pooling, last = _pooling(mapping.pooling, mapping.pool), W[1].flatten(0, 1).mT
    return [_convolution(W[0].flatten(0, 1)), nn.ReLU(), pooling, nn.Flatten(), _linear(last)]


def _normalized_conv_pool(mapping: Mapping, W: Factors) -> list[nn.Module]:
    assert isinstance(mapping, mappings.NormalizedConvPool)
    filters, bias = mapping.folded(W[0][None], W[1][None])
    pooling, last = _pooling(mapping.pooling, mapping.pool), W[2].flatten(0, 1).mT
    convolution = _convolution(filters[0].flatten(0, 1), bias[0].flatten())
    return [convolution, nn.ReLU(), pooling, nn.Flatten(), _linear(last)]


@final
class ResponseNormalization(nn.Module):
    """``response_normalization`` over the channels of each of ``groups`` subnetworks."""

    def __init__(self, groups: int, window: int) -> None:
        super().__init__()
        self.groups, self.window = groups, window

    def forward(self, x: Tensor) -> Tensor:
        return response_normalization(x.unflatten(1, (self.groups, -1)), self.window).flatten(1, 2)


def _alexnet(mapping: Mapping, W: Factors) -> list[nn.Module]:
    assert isinstance(mapping, mappings.AlexNet)
    r, (one, two) = len(W[0]), mapping.pools
    hidden, last = torch.block_diag(*W[2].mT), W[3].flatten(0, 1).mT
    first = [_convolution(W[0].flatten(0, 1)), nn.ReLU(), ResponseNormalization(r, mapping.window), nn.MaxPool2d(one)]
    second = [_convolution(W[1].flatten(0, 1), groups=r), nn.ReLU(), nn.MaxPool2d(two), nn.Flatten()]
    return [*first, *second, _linear(hidden), nn.ReLU(), _linear(last)]


LAYERS: dict[type[Mapping], Callable[[Mapping, Factors], list[nn.Module]]] = {
    mappings.AlexNet: _alexnet,
    mappings.BiasedReluUnit: _biased_relu_unit,
    mappings.ConvPool: _conv_pool,
    mappings.DeepBiasedRelu: _deep_biased_relu,
    mappings.DeepLinear: _deep_linear,
    mappings.DeepRelu: _deep_relu,
    mappings.NormalizedConvPool: _normalized_conv_pool,
    mappings.NormalizedRelu: _normalized_relu,
    mappings.ReluUnit: _relu_unit,
}
"""The layers of one run's weights ``(r, *D_k)``, the last one linear."""
