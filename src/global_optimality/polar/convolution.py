"""Enclosures for convolutional subnetworks: ascent below, a product of spectral norms above, far from tight."""

import torch
from torch import Tensor
from torch.nn import functional

from ..mappings import AlexNet, ConvPool, Mapping, Pooling
from ..regularizers import BalancedWeightDecay, ProductOfNorms, Regularizer, SumOfPowers, SumOfSquares, WeightDecay
from .ascent import Climbing, ascend
from .bound import Polar, PolarBound, register
from .deep_relu import euclidean
from .spectral import decompose

STARTS = 16
"""Starts of the ascent."""


@register(ConvPool, SumOfSquares)
@register(ConvPool, WeightDecay)
@register(ConvPool, ProductOfNorms)
@register(ConvPool, SumOfPowers)
@register(ConvPool, BalancedWeightDecay)
@register(AlexNet, ProductOfNorms)
@register(AlexNet, SumOfPowers)
@register(AlexNet, BalancedWeightDecay)
def _registered(mapping: Mapping, regularizer: Regularizer) -> Polar:
    assert isinstance(mapping, ConvPool | AlexNet)
    if not (euclidean(regularizer) or isinstance(regularizer, SumOfSquares | WeightDecay)):
        raise LookupError(f"no polar is known for {type(mapping).__name__} with {regularizer}: take Euclidean norms.")
    gain = convolution_gain(mapping)

    def polar(Q: Tensor) -> PolarBound:
        lower, atom = ascend(mapping, regularizer, Q, starts=STARTS, steps=60)
        upper = decompose(Q)[3] * gain * (1 + 4 * torch.finfo(Q.dtype).eps)
        return PolarBound(lower, torch.maximum(upper, lower), atom)

    return Climbing(mapping, regularizer, polar, starts=STARTS, steps=60)


def convolution_gain(mapping: ConvPool | AlexNet) -> Tensor:
    """A bound of the Frobenius norm of the last hidden layer's outputs when every layer has norm 1.

    A convolution is its filter times the matrix P of patches: at most σ₁(P). ReLU, max pooling and the normalization
    shorten; averaging p × p values divides by p at least; a later convolution meets each value in at most k² patches.
    """
    kernel = mapping.kernel if isinstance(mapping, ConvPool) else mapping.kernels[0]
    patches = functional.unfold(mapping.images, kernel).transpose(0, 1).flatten(1)
    gain = decompose(patches[None])[3][0]
    if isinstance(mapping, AlexNet):
        return gain * mapping.kernels[1]
    return gain / mapping.pool if mapping.pooling is Pooling.AVERAGE else gain
