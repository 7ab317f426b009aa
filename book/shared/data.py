"""Real data that ships inside scikit-learn, beside the library's planted matrices, as float64 tensors."""

from dataclasses import dataclass

import torch
from sklearn import datasets
from torch import Tensor

from global_optimality.data import hide, low_rank

__all__ = ["Samples", "diabetes", "digits", "hide", "iris", "low_rank", "wine"]


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


def iris() -> Samples:
    """150 flowers of three kinds, four lengths in centimetres (Fisher 1936, inside scikit-learn)."""
    S, target = (torch.tensor(a) for a in datasets.load_iris(return_X_y=True))
    return Samples(S.double(), target, "iris, Fisher 1936")


def wine() -> Samples:
    """178 wines of three growers, 13 chemical measurements (UCI, inside scikit-learn)."""
    S, target = (torch.tensor(a) for a in datasets.load_wine(return_X_y=True))
    return Samples(S.double(), target, "UCI wine recognition")
