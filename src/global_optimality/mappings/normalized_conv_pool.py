"""``ConvPool`` with batch normalization: φ(w¹, g, w²) = pool((g ∘ norm(S ∗ w¹))₊) w² (section 6)."""

import math
from dataclasses import dataclass, field, replace
from typing import final

import torch
from torch import Tensor
from torch.nn import functional

from ..factors import check_alike
from .chains import add_columns, in_blocks, inner_columns
from .conv_pool import PooledConvolution, check_images, pooled_features, window_patches
from .normalized_relu import inverse_deviation, standardised_moduli, weighed


@final
@dataclass(frozen=True, eq=False)
class NormalizedConvPool(PooledConvolution):
    """Convolution, each channel whitened over images and pixels, gain, ReLU, pooling, linear; ``(n, N, outputs)``.

    Factors ``(n, r, channels, C, k, k)``, ``(n, r, channels)``, ``(n, r, features, outputs)``. Degree 2, all of it from
    the gain and the last layer: φ is blind to the length of a filter, and 0 for a channel that does not vary. Means and
    variances are those of ``reference`` (the training images, when others are judged), by default of ``images``.
    """

    reference: Tensor | None = None
    _patches: Tensor = field(init=False, repr=False)
    _mean: Tensor = field(init=False, repr=False)
    _root: Tensor = field(init=False, repr=False)

    def __post_init__(self) -> None:
        PooledConvolution.__post_init__(self)
        known = self.images if self.reference is None else self.reference
        check_images(known)
        check_alike(images=self.images, reference=known)
        if known.shape[1:] != self.images.shape[1:]:
            raise ValueError(
                f"reference images are {tuple(known.shape[1:])} but images {tuple(self.images.shape[1:])}: "
                "make channels, height and width equal."
            )
        seen = window_patches(known, self.kernel, self.pool).transpose(0, 1).flatten(1)
        mean = seen.mean(1)
        # variance of wᵀx over all patches x is ‖R w‖² with R from a QR: no rounding of a covariance is squared
        root = torch.linalg.qr((seen - mean[:, None]).T / seen.shape[1] ** 0.5, mode="r").R
        object.__setattr__(self, "_patches", self.patches - mean[:, None])
        object.__setattr__(self, "_mean", mean)
        object.__setattr__(self, "_root", root)

    @property
    def factor_shapes(self) -> tuple[tuple[int, ...], ...]:
        filters, last = super().factor_shapes
        return filters, (self.channels,), last

    @property
    def scaled_layers(self) -> tuple[int, int]:
        """The factors that the degree counts, numbered from 0: the gain and the last layer."""
        return 1, 2

    def on(self, inputs: Tensor) -> "NormalizedConvPool":
        return replace(self, images=inputs, reference=self.images if self.reference is None else self.reference)

    def folded(self, filters: Tensor, gain: Tensor) -> tuple[Tensor, Tensor]:
        """Filters shaped as given and biases ``(n, r, channels)`` of the plain convolution that this one equals."""
        rows = self._rows(filters, gain)
        return rows.reshape(filters.shape), -(rows @ self._mean).reshape(gain.shape)

    def phi(self, *W: Tensor) -> Tensor:
        filters, gain, last = W
        n, r, c = filters.shape[:3]
        known = self.images if self.reference is None else self.reference
        rows = filters.flatten(0, 2)
        seen, x = functional.conv2d(known, rows), functional.conv2d(self.images, rows)
        mean = seen.mean((0, 2, 3), keepdim=True)
        variance = (seen - mean).square().mean((0, 2, 3), keepdim=True)
        x = (x - mean) * inverse_deviation(mean, variance)
        x = self.pooling(torch.relu(x * gain.reshape(1, n * r * c, 1, 1)), self.pool)
        return x.reshape(len(x), n, r, -1).permute(1, 2, 0, 3) @ last

    def Phi(self, *W: Tensor) -> Tensor:
        numbers = self.channels * self._patches.shape[2]
        return in_blocks(lambda filters, gain, last: add_columns(self._features(filters, gain), last), W, numbers)

    def inner(self, Q: Tensor, *W: Tensor) -> Tensor:
        return inner_columns(Q, self._features(W[0], W[1]), W[2])

    def magnitude(self, *W: Tensor) -> Tensor:
        filters, gain, last = W
        n, r, c = filters.shape[:3]
        known = self.images if self.reference is None else self.reference
        rows, axes = filters.flatten(0, 2), (0, 2, 3)
        seen, x = functional.conv2d(known, rows), functional.conv2d(self.images, rows)
        size, moduli = (functional.conv2d(images.abs(), rows.abs()) for images in (known, self.images))
        mean = seen.mean(axes, keepdim=True)
        variance = (seen - mean).square().mean(axes, keepdim=True)
        # the root R of the covariance is off, column by column, by a share of the root mean square of that pixel
        pixels = window_patches(known, self.kernel, self.pool).transpose(0, 1).flatten(1).square().mean(1).sqrt()
        spread = (rows.flatten(1).abs() @ pixels).reshape(mean.shape)
        share = (math.prod(filters.shape[2:]) + math.prod(last.shape[2:]) + 4) * torch.finfo(x.dtype).eps
        z, mean_size = (x - mean) * inverse_deviation(mean, variance), size.mean(axes, keepdim=True)
        moduli = standardised_moduli(moduli, z, mean_size, (mean.square(), variance), spread, share)
        weights = gain.abs().reshape(1, n * r * c, 1, 1)
        moduli = self.pooling(torch.where(weights > 0, moduli * weights, 0.0), self.pool)
        return weighed(moduli.reshape(len(x), n, r, -1).permute(1, 2, 0, 3), last.abs()).sum(1)

    def _rows(self, filters: Tensor, gain: Tensor) -> Tensor:
        """Filters of unit variance times their gains, ``(n r channels, C k²)``."""
        rows = filters.flatten(0, 2).flatten(1)
        length = inverse_deviation(rows @ self._mean, (rows @ self._root.mT).square().sum(1))
        return rows * (gain.reshape(-1) * length)[:, None]

    def _features(self, filters: Tensor, gain: Tensor) -> Tensor:
        """(n, r, features, N), on centred patches."""
        rows, (n, r) = self._rows(filters, gain), filters.shape[:2]
        return pooled_features(rows, self._patches, self.pooling).reshape(n, r, -1, len(self.images))
