"""φ(w¹, w²) = pool((S ∗ w¹)₊) w²: one convolutional subnetwork; eq. (14) with a convolution and a pooling."""

from dataclasses import dataclass, field, replace
from enum import Enum
from functools import reduce
from typing import ClassVar, final

import torch
from torch import Tensor
from torch.nn import functional

from ..factors import check_alike, check_finite, whole_numbers
from ..settings import instance
from .chains import add_columns, in_blocks, inner_columns
from .inputs import OnImages


class Pooling(Enum):
    """How a window of p × p values becomes one."""

    MAX = "the largest value"
    AVERAGE = "the mean"

    def __call__(self, x: Tensor, size: int) -> Tensor:
        """Pools the last two axes of ``(batch, channels, height, width)``."""
        pool = functional.max_pool2d if self is Pooling.MAX else functional.avg_pool2d
        return pool(x, size)


@dataclass(frozen=True, eq=False)
class PooledConvolution(OnImages):
    """What a convolution without padding and a pooling over p × p windows are told; ``patches``: ``window_patches``.

    ``ValueError`` for sizes that do not fit and pooling that does not divide.
    """

    degree: ClassVar[int] = 2

    images: Tensor
    channels: int
    kernel: int
    pool: int
    outputs: int
    pooling: Pooling = Pooling.MAX
    patches: Tensor = field(init=False, repr=False)

    def __post_init__(self) -> None:
        check_images(self.images)
        for name in ("channels", "kernel", "pool", "outputs"):
            whole_numbers(f"{type(self).__name__}: ({name},)", (getattr(self, name),))
            if getattr(self, name) < 1:
                raise ValueError(f"{type(self).__name__}: {name} = {getattr(self, name)} must be at least 1.")
        instance("pooling", self.pooling, Pooling, "pass Pooling.MAX or Pooling.AVERAGE.")
        convolved(tuple(self.images.shape[2:]), self.kernel, self.pool, type(self).__name__)
        object.__setattr__(self, "patches", window_patches(self.images, self.kernel, self.pool))

    @property
    def factor_shapes(self) -> tuple[tuple[int, ...], ...]:
        """Of the filters and of the linear layer, whose features are ordered (channel, row, column)."""
        height, width = ((side - self.kernel + 1) // self.pool for side in self.images.shape[2:])
        filters = (self.channels, self.images.shape[1], self.kernel, self.kernel)
        return filters, (self.channels * height * width, self.outputs)


@final
@dataclass(frozen=True, eq=False)
class ConvPool(PooledConvolution):
    """Convolution without padding, ReLU, pooling over p × p windows, linear; degree 2; output ``(n, N, outputs)``.

    ``images`` ``(N, C, height, width)``; factors ``(n, r, channels, C, k, k)`` and ``(n, r, features, outputs)``,
    features ordered (channel, row, column). ``patches`` are those of ``window_patches``. ``ValueError`` for sizes that
    do not fit and pooling that does not divide.
    """

    @property
    def by_sample(self) -> bool:
        return True

    def in_units(self, unit: float) -> "ConvPool":
        return replace(self, images=self.images / unit)

    def on(self, inputs: Tensor) -> "ConvPool":
        return replace(self, images=inputs)

    def phi(self, *W: Tensor) -> Tensor:
        filters, last = W
        n, r = filters.shape[:2]
        x = functional.conv2d(self.images, filters.flatten(0, 2))  # runs and subnetworks folded into output channels
        x = self.pooling(torch.relu(x), self.pool)
        return x.reshape(len(x), n, r, -1).permute(1, 2, 0, 3) @ last

    def Phi(self, *W: Tensor) -> Tensor:
        numbers = self.channels * self.patches.shape[2]
        return in_blocks(lambda filters, last: add_columns(self._features(filters), last), W, numbers)

    def inner(self, Q: Tensor, *W: Tensor) -> Tensor:
        return inner_columns(Q, self._features(W[0]), W[1])

    def _features(self, filters: Tensor) -> Tensor:
        """(n, r, features, N): pixel by pixel of the pooling window, one product with the patches of all images."""
        n, r, c = filters.shape[:3]
        rows = filters.reshape(n * r * c, -1)
        return pooled_features(rows, self.patches, self.pooling).reshape(n, r, -1, len(self.images))


def window_patches(images: Tensor, kernel: int, pool: int) -> Tensor:
    """The patches under each pixel of the pooling windows: ``(p², C k², h w N)``."""
    N = len(images)
    h, w = ((side - kernel + 1) // pool for side in images.shape[2:])
    columns = functional.unfold(images, kernel).reshape(N, -1, h, pool, w, pool)
    return columns.permute(3, 5, 1, 2, 4, 0).reshape(pool * pool, columns.shape[1], h * w * N).contiguous()


def pooled_features(rows: Tensor, patches: Tensor, pooling: Pooling) -> Tensor:
    """Filters ``(rows, C k²)`` to pooled features ``(rows, h w N)``: the maximum precedes the ReLU, as it may."""
    if pooling is Pooling.MAX:
        return torch.relu(reduce(torch.maximum, (rows @ window for window in patches)))
    return reduce(torch.add, (torch.relu(rows @ window) for window in patches)) / len(patches)


def check_images(images: Tensor) -> None:
    """``ValueError`` unless images is a finite floating tensor (N, C, height, width)."""
    check_alike(images=images)
    if images.dim() != 4 or 0 in images.shape:
        raise ValueError(
            f"images have shape {tuple(images.shape)}, expected (N, channels, height, width): grey pictures of 8 × 8 "
            "pixels are S.reshape(-1, 1, 8, 8)."
        )
    check_finite("images", images)


def convolved(size: tuple[int, ...], kernel: int, pool: int, name: str) -> tuple[int, int]:
    """Height and width after a convolution without padding and a pooling; ``ValueError`` when they do not fit."""
    for side in size:
        if side < kernel:
            raise ValueError(f"{name}: a kernel of {kernel} does not fit on {size[0]} × {size[1]} values.")
        if (side - kernel + 1) % pool:
            raise ValueError(
                f"{name}: pooling over {pool} × {pool} does not divide the {side - kernel + 1} values a side that a "
                f"kernel of {kernel} leaves of {side}: change kernel or pool."
            )
    height, width = ((side - kernel + 1) // pool for side in size)
    return height, width
