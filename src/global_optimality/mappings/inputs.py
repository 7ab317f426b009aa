"""Mappings of given inputs: what those of samples, and those of images, say alike of their data and outputs."""

from abc import abstractmethod
from typing import ClassVar

from torch import Tensor

from .base import Mapping


class OfInputs(Mapping):
    """A mapping of N inputs, a row each: output ``(n, N, outputs)``."""

    outputs: int

    @property
    @abstractmethod
    def data(self) -> Tensor: ...

    @property
    def shape(self) -> tuple[int, ...]:
        return (len(self.data), self.outputs)


class HiddenUnit(OfInputs):
    """One hidden unit on S ``(N, d)``, a row a sample: degree 2, output ``(n, N, outputs)``."""

    degree: ClassVar[int] = 2

    S: Tensor

    @property
    def data(self) -> Tensor:
        return self.S


class FullyConnected(Mapping):
    """Layers of ``widths`` on S ``(N, d)``, a row a sample: degree K, the number of widths; output ``(n, N, c)``."""

    S: Tensor
    widths: tuple[int, ...]

    @property
    def degree(self) -> int:
        return len(self.widths)

    @property
    def shape(self) -> tuple[int, ...]:
        return (len(self.S), self.widths[-1])

    @property
    def data(self) -> Tensor:
        return self.S


class OnImages(OfInputs):
    """A mapping of images ``(N, C, height, width)``: output ``(n, N, outputs)``."""

    images: Tensor

    @property
    def data(self) -> Tensor:
        return self.images
