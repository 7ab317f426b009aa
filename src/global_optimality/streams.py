"""Named streams of random numbers: the same names give the same numbers, on every device."""

import hashlib

import torch
from torch import Tensor

from .settings import MOST, whole

Name = str | int


def generator(seed: int, *names: Name) -> torch.Generator:
    """A CPU generator that depends on the seed and the names only, e.g. ``generator(0, "matrix", "init", r)``."""
    plain = (name if isinstance(name, str) else whole("a name of a stream", name, -MOST) for name in names)
    digest = hashlib.blake2b(repr((checked_seed(seed), *plain)).encode(), digest_size=8).digest()
    return torch.Generator("cpu").manual_seed(int.from_bytes(digest, "big") >> 1)


def checked_seed(seed: object) -> int:
    """The seed, a whole number of either sign; ``TypeError`` for what is none."""
    return whole("seed", seed, -MOST)


def normal(stream: torch.Generator, *shape: int, like: Tensor | None = None) -> Tensor:
    """Standard normal float64 numbers drawn on the CPU, then moved to the dtype and device of ``like``."""
    x = torch.randn(*shape, generator=stream, dtype=torch.float64, device="cpu")
    return x if like is None else x.to(like)


def uniform(stream: torch.Generator, *shape: int, like: Tensor | None = None) -> Tensor:
    """Uniform float64 numbers on [0, 1) drawn on the CPU, then moved to the dtype and device of ``like``."""
    x = torch.rand(*shape, generator=stream, dtype=torch.float64, device="cpu")
    return x if like is None else x.to(like)
