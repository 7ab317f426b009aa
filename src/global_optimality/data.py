"""Planted matrices and masks to try things on, as float64 tensors."""

from torch import Tensor

from .settings import number, whole
from .streams import generator, normal, uniform


def low_rank(rows: int, columns: int, rank: int, *, noise: float = 0.1, seed: int = 0) -> Tensor:
    """A planted matrix: standard normal factors of the given rank, scaled by 1/√rank, plus normal noise."""
    for name, size, least in (("rows", rows, 1), ("columns", columns, 1), ("rank", rank, 0)):
        whole(name, size, least)
    number("noise", noise, positive=False, finite=True)
    if not 0 < rank <= min(rows, columns):
        raise ValueError(f"rank = {rank} must lie between 1 and min(rows, columns) = {min(rows, columns)}.")
    stream = generator(seed, "low rank", rows, columns, rank)
    signal = normal(stream, rows, rank) @ normal(stream, rank, columns) / rank**0.5
    return signal + noise * normal(stream, rows, columns)


def hide(Y: Tensor, share: float, *, seed: int = 0) -> Tensor:
    """A mask shaped as Y that is false on about the given share of its entries, and never on a whole row or column."""
    if not isinstance(Y, Tensor):
        raise TypeError(f"Y is a {type(Y).__name__}: pass a tensor (rows, columns).")
    if Y.dim() != 2 or 0 in Y.shape:
        raise ValueError(f"Y has shape {tuple(Y.shape)}: pass a matrix (rows, columns).")
    if number("share", share, positive=False) >= 1:
        raise ValueError(f"share = {share} of hidden entries must lie in [0, 1).")
    chance = uniform(generator(seed, "hide", *Y.shape), *Y.shape)
    mask = chance >= share
    mask |= (chance == chance.amax(0, keepdim=True)) | (chance == chance.amax(1, keepdim=True))
    return mask.to(Y.device)
