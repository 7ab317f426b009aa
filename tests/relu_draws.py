"""Data, of every kind of degeneracy too, and weights, for the polar of one hidden layer."""

import torch
from torch import Tensor

from relu_reference import degenerate, normal

KINDS = degenerate(torch.Generator().manual_seed(0), 4)
NAMES = list(KINDS)


def sizes(S: Tensor, Q: Tensor) -> float:
    largest = float(S.abs().max())
    return float((Q.norm(dim=1) * (S / largest).norm(dim=1)).sum()) * largest


def value(S: Tensor, Q: Tensor, u: Tensor) -> Tensor:
    return ((u @ S.T).clamp_min(0) @ Q).norm(dim=-1)


def drawn(name: str, seed: int, N: int, c: int) -> tuple[torch.Generator, Tensor, Tensor]:
    """S of one kind, Q ``(N, c)``, and the generator after them."""
    generator = stream(seed)
    return generator, degenerate(generator, N)[name], normal(generator, N, c)


def stream(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def seeded(*shape: int, seed: int) -> Tensor:
    return torch.randn(*shape, dtype=torch.float64, generator=stream(seed))
