"""Enclosures for convolutional subnetworks: ascent below, a product of spectral norms above, far from tight."""

import torch
from torch import Tensor
from torch.nn import functional

from ..effort import Clock, Effort
from ..mappings import AlexNet, ConvPool, Pooling
from ..regularizers import SumOfPowers
from .ascent import Climbing, ascend
from .bound import Polar, PolarBound
from .spectral import decompose

STARTS = 16
"""Starts of the ascent."""


def convolution_polar(mapping: ConvPool | AlexNet) -> Polar:
    """The polar as a function of Q ``(n, N, c)``, with Euclidean norms; its two ends are far apart."""
    gain = convolution_gain(mapping)

    def polar(Q: Tensor, effort: Effort, clock: Clock) -> PolarBound:
        lower, atom = ascend(mapping, SumOfPowers(mapping.degree), Q, starts=STARTS, steps=60)
        upper = decompose(Q)[3] * gain * (1 + 4 * torch.finfo(Q.dtype).eps)
        return PolarBound(lower, torch.maximum(upper, lower), atom)

    return Climbing(mapping, polar, starts=STARTS, steps=60)


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
