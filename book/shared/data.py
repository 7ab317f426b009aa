"""Real data that ships inside scikit-learn, and planted problems, as float64 tensors."""

from dataclasses import dataclass

import torch
from sklearn import datasets
from torch import Tensor

from global_optimality.streams import generator, normal, uniform


@dataclass(frozen=True, eq=False)
class Samples:
    """Inputs S ``(N, d)``, a row a sample, with targets ``(N,)`` and where they come from."""

    S: Tensor
    target: Tensor
    source: str


def digits() -> Samples:
    """1797 handwritten digits of 8 × 8 pixels, grey values 0 to 16, targets 0 to 9 (UCI, inside scikit-learn)."""
    S, target = datasets.load_digits(return_X_y=True)
    return Samples(torch.tensor(S, dtype=torch.float64), torch.tensor(target), "UCI optical digits")


def diabetes() -> Samples:
    """442 patients, 10 standardised features, a disease progression score (Efron et al. 2004, inside scikit-learn)."""
    S, target = (torch.tensor(a, dtype=torch.float64) for a in datasets.load_diabetes(return_X_y=True))
    return Samples(S, target, "diabetes, Efron et al. 2004")


def low_rank(rows: int, columns: int, rank: int, *, noise: float = 0.1, seed: int = 0) -> Tensor:
    """A planted matrix: standard normal factors of the given rank, scaled by 1/√rank, plus normal noise."""
    if not 1 <= rank <= min(rows, columns):
        raise ValueError(f"rank = {rank} must lie between 1 and min(rows, columns) = {min(rows, columns)}.")
    stream = generator(seed, "low rank", rows, columns, rank)
    signal = normal(stream, rows, rank) @ normal(stream, rank, columns) / rank**0.5
    return signal + noise * normal(stream, rows, columns)


def hide(Y: Tensor, share: float, *, seed: int = 0) -> Tensor:
    """A mask shaped as Y that is false on about the given share of its entries, and never on a whole row or column."""
    if not 0 <= share < 1:
        raise ValueError(f"share = {share} of hidden entries must lie in [0, 1).")
    chance = uniform(generator(seed, "hide", *Y.shape), *Y.shape)
    mask = chance >= share
    mask |= (chance == chance.amax(0, keepdim=True)) | (chance == chance.amax(1, keepdim=True))
    return mask.to(Y.device)
