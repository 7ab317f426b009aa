"""A miniature of AlexNet as one φ: the paper's r = 1 example, with homogeneous response normalization (section 5)."""

from dataclasses import dataclass, replace
from typing import ClassVar, final

import torch
from torch import Tensor
from torch.nn import functional

from ..factors import whole_numbers
from .conv_pool import Pooling, check_images, convolved
from .inputs import OnImages


@final
@dataclass(frozen=True, eq=False)
class AlexNet(OnImages):
    """Convolution, ReLU, response normalization, pooling; convolution, ReLU, pooling; linear, ReLU; linear. Degree 4.

    ``images`` ``(N, C, height, width)``; ``channels``, ``kernels`` and ``pools`` of the two convolutions; output
    ``(n, N, outputs)``. Factors ``(n, r, c₁, C, k₁, k₁)``, ``(n, r, c₂, c₁, k₂, k₂)``, ``(n, r, features, hidden)``,
    ``(n, r, hidden, outputs)``. ``ValueError`` for sizes that do not fit and pooling that does not divide.
    """

    degree: ClassVar[int] = 4

    images: Tensor
    channels: tuple[int, int]
    kernels: tuple[int, int]
    pools: tuple[int, int]
    hidden: int
    outputs: int
    window: int = 3

    def __post_init__(self) -> None:
        check_images(self.images)
        for name in ("channels", "kernels", "pools"):
            pair = whole_numbers(f"AlexNet: {name}", getattr(self, name))
            if len(pair) != 2 or min(pair) < 1:
                raise ValueError(f"AlexNet: {name} = {pair} must be two numbers of at least 1, one a convolution.")
        whole_numbers("AlexNet: (hidden, outputs, window)", (self.hidden, self.outputs, self.window))
        if min(self.hidden, self.outputs, self.window) < 1 or self.window % 2 == 0:
            raise ValueError(
                f"AlexNet: hidden = {self.hidden} and outputs = {self.outputs} must be at least 1, "
                f"window = {self.window} odd."
            )
        _ = self._map

    @property
    def _map(self) -> tuple[int, int]:
        (k1, k2), (p1, p2) = self.kernels, self.pools
        return convolved(convolved(tuple(self.images.shape[2:]), k1, p1, "AlexNet"), k2, p2, "AlexNet")

    @property
    def factor_shapes(self) -> tuple[tuple[int, ...], ...]:
        (c1, c2), (k1, k2), (h, w) = self.channels, self.kernels, self._map
        return (
            (c1, self.images.shape[1], k1, k1),
            (c2, c1, k2, k2),
            (c2 * h * w, self.hidden),
            (self.hidden, self.outputs),
        )

    @property
    def by_sample(self) -> bool:
        return True

    def on(self, inputs: Tensor) -> "AlexNet":
        return replace(self, images=inputs)

    def phi(self, *W: Tensor) -> Tensor:
        first, second, third, fourth = W
        n, r = first.shape[:2]
        x = torch.relu(functional.conv2d(self.images, first.flatten(0, 2)))
        x = response_normalization(x.unflatten(1, (n * r, -1)), self.window).flatten(1, 2)
        x = Pooling.MAX(x, self.pools[0])
        # a subnetwork is a group of channels: the second convolution mixes channels within groups only
        x = torch.relu(functional.conv2d(x, second.flatten(0, 2), groups=n * r))
        x = Pooling.MAX(x, self.pools[1])
        x = x.reshape(len(x), n, r, -1).permute(1, 2, 0, 3)
        return torch.relu(x @ third) @ fourth

    def magnitude(self, *W: Tensor) -> Tensor:
        """A response is off by less than twice what all of its window are: no slope of x²/√(x² + y²) exceeds 1.09."""
        first, second, third, fourth = (w.abs() for w in W)
        n, r = first.shape[:2]
        x = functional.conv2d(self.images.abs(), first.flatten(0, 2)).unflatten(1, (n * r, -1))
        x = Pooling.MAX(2 * over_window(x, self.window).flatten(1, 2), self.pools[0])
        x = Pooling.MAX(functional.conv2d(x, second.flatten(0, 2), groups=n * r), self.pools[1])
        x = x.reshape(len(x), n, r, -1).permute(1, 2, 0, 3)
        return (x @ third @ fourth).sum(1)


def response_normalization(x: Tensor, window: int) -> Tensor:
    """x_c² / √(Σ x²) over ``window`` channels around c, axis −3, for x ≥ 0; 0 where all vanish.

    Degree 1 and at most x: AlexNet's own x / (k + αΣx²)^β is not homogeneous for k > 0, and discontinuous for k = 0.
    """
    squares = x.square()
    total = over_window(squares, window)
    alive = total > 0
    return torch.where(alive, squares / torch.where(alive, total, torch.ones_like(total)).sqrt(), torch.zeros_like(x))


def over_window(x: Tensor, window: int) -> Tensor:
    """The sum over ``window`` channels around each, axis −3, those beyond the ends left out."""
    half = window // 2
    padded = functional.pad(x, (0, 0, 0, 0, half, half))
    total = sum(padded.narrow(-3, j, x.shape[-3]) for j in range(window))
    assert isinstance(total, Tensor)
    return total
