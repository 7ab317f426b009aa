"""Every instance that the laws are checked on, by name; a new mapping, regularizer or loss is one line here."""

import math
from collections.abc import Callable
from itertools import product

import numpy as np
import pytest
import torch
from torch import Tensor

from global_optimality import (
    LBFGS,
    GradientDescent,
    MaskedSquaredLoss,
    MatrixProduct,
    NewtonCG,
    NonNegative,
    Norm,
    Problem,
    ProductOfNorms,
    ReluUnit,
    SquaredLoss,
    SumOfSquares,
    generator,
    minimise,
)
from global_optimality.factors import Factors
from global_optimality.losses import Loss
from global_optimality.mappings import Mapping
from global_optimality.regularizers import Regularizer
from global_optimality.streams import normal, uniform

EPS = torch.finfo(torch.float64).eps
ROWS, COLUMNS = 4, 3
ONE, TWO, MAX = Norm.ONE, Norm.TWO, Norm.INFINITY


def params(table: dict) -> list:
    """The values of a table as pytest parameters that carry their names."""
    return [pytest.param(value, id=name) for name, value in table.items()]


def randn(name: str, *shape: int) -> Tensor:
    return normal(generator(0, "cases", name), *shape)


def matrix(name: str = "data", rows: int = ROWS, columns: int = COLUMNS) -> Tensor:
    return randn(name, rows, columns)


def seen(name: str = "mask", rows: int = ROWS, columns: int = COLUMNS) -> Tensor:
    """A mask with about a third of the entries hidden, and at least one of each kind."""
    mask = uniform(generator(0, "cases", name), rows, columns) > 0.35
    mask[0, 0], mask[-1, -1] = True, False
    return mask


MAPPINGS: dict[str, Mapping] = {
    "matrix 4x3": MatrixProduct(ROWS, COLUMNS),
    "matrix 1x1": MatrixProduct(1, 1),
    "matrix 2x7": MatrixProduct(2, 7),
    "relu 5x2": ReluUnit(randn("relu", 5, 2), 2),
}

SMOOTH: dict[str, Regularizer] = {"sum of squares": SumOfSquares()}
PRODUCTS: dict[str, Regularizer] = {
    f"product {a.name} {b.name}".lower(): ProductOfNorms((a, b)) for a, b in product(Norm, Norm)
}
CONES: dict[str, Regularizer] = {
    "non-negative": NonNegative(),
    "non-negative product": NonNegative(ProductOfNorms((TWO, TWO))),
}
REGULARIZERS = SMOOTH | PRODUCTS | CONES
SEMIDEFINITE = {"sum of squares": SumOfSquares(), "product two two": ProductOfNorms()}
"""Those whose Ω is the nuclear norm."""
HARD = {name: PRODUCTS[name] for name in ("product two infinity", "product infinity two", "product infinity infinity")}
EXACT = {name: theta for name, theta in (SMOOTH | PRODUCTS).items() if name not in HARD}

LOSSES: dict[str, Callable[[], Loss]] = {
    "squared": lambda: SquaredLoss(matrix()),
    "masked": lambda: MaskedSquaredLoss(matrix(), seen()),
}

METHODS = {"gradient": GradientDescent(), "lbfgs": LBFGS(), "newton": NewtonCG()}
FIRST_ORDER = {name: METHODS[name] for name in ("gradient", "lbfgs")}


def factors(mapping: Mapping, n: int = 3, r: int = 4, name: str = "factors") -> Factors:
    """n runs of r generic subnetworks."""
    return tuple(randn(f"{name} {k}", n, r, *shape) for k, shape in enumerate(mapping.factor_shapes))


def inside(regularizer: Regularizer, W: Factors) -> Factors:
    """W moved where θ is finite, and into the interior of the cone."""
    return tuple(w.abs() for w in W) if regularizer.constrained else W


def problem(loss: str | Loss = "squared", regularizer: Regularizer | None = None, lam: float = 0.4) -> Problem:
    """A problem on the 4 × 3 data, or on those of the given loss."""
    built = LOSSES[loss]() if isinstance(loss, str) else loss
    return Problem(built, MatrixProduct(*built.shape), regularizer or SumOfSquares(), lam)


PROBLEMS: dict[str, Problem] = {
    f"{loss}, {theta}": problem(loss, REGULARIZERS[theta]) for loss, theta in product(LOSSES, REGULARIZERS)
}


def starts(problem: Problem, n: int = 3, r: int = 4, name: str = "start") -> Factors:
    return inside(problem.regularizer, factors(problem.mapping, n, r, name))


def small() -> Problem:
    """2 × 2 data, so that card(X) = 4 and r > card(X) is cheap."""
    return problem(SquaredLoss(torch.tensor([[1.5, -0.4], [0.3, 2.0]], dtype=torch.float64)), lam=0.2)


def optimal(f: Problem, n: int = 2, r: int = 4) -> Factors:
    return minimise(f, f.random(n, r), NewtonCG()).weights


# --- what the polar and Ω are, from outside the package ---------------------------------------------------------------


def signs(length: int) -> np.ndarray:
    return np.array(list(product((-1.0, 1.0), repeat=length)))


def polar_truth(regularizer: Regularizer, Q: Tensor) -> np.ndarray:
    """Ω°(Q) of ``MatrixProduct`` by closed form or by enumeration, ``(n,)``."""
    return np.array([_polar_truth(regularizer, q) for q in Q.numpy()])


def _polar_truth(regularizer: Regularizer, Q: np.ndarray) -> float:
    if regularizer.constrained:
        return _non_negative_polar(Q)
    norms = (TWO, TWO) if isinstance(regularizer, SumOfSquares) else regularizer.norms
    dual = {ONE: np.inf, TWO: 2, MAX: 1}
    if ONE in norms:
        rows, other = (Q, norms[1]) if norms[0] is ONE else (Q.T, norms[0])
        return max(np.linalg.norm(row, dual[other]) for row in rows)
    if MAX in norms:
        rows, other = (Q, norms[0]) if norms[1] is MAX else (Q.T, norms[1])
        return max(np.linalg.norm(rows @ v, dual[other]) for v in signs(rows.shape[1]))
    return math.sqrt(np.linalg.eigvalsh(Q.T @ Q)[-1])


def _non_negative_polar(Q: np.ndarray) -> float:
    """max uᵀQv over non-negative unit vectors: on its support the maximiser is a singular pair of one sign."""
    best = max(Q.max(), 0.0)
    for rows, columns in product(signs(Q.shape[0]) > 0, signs(Q.shape[1]) > 0):
        if not (rows.any() and columns.any()):
            continue
        U, s, Vh = np.linalg.svd(Q[np.ix_(rows, columns)], full_matrices=False)
        for u, value, v in zip(U.T, s, Vh, strict=True):
            one_sign = (u * u[np.abs(u).argmax()] >= -1e-12).all() and (v * u[np.abs(u).argmax()] >= -1e-12).all()
            if one_sign:
                best = max(best, value)
    return best


def omega_truth(regularizer: Regularizer, X: Tensor) -> np.ndarray:
    """Ω(X) in closed form for the pairs with an exact polar, ``(n,)``."""
    norms = (TWO, TWO) if isinstance(regularizer, SumOfSquares) else regularizer.norms
    values = []
    for x in X.numpy():
        if ONE in norms:
            rows, other = (x, norms[1]) if norms[0] is ONE else (x.T, norms[0])
            values.append(sum(np.linalg.norm(row, other.value) for row in rows))
        else:
            values.append(np.linalg.svd(x, compute_uv=False).sum())
    return np.array(values)


every_theta = pytest.mark.parametrize("theta", params(REGULARIZERS))
exact = pytest.mark.parametrize("theta", params(EXACT))
hard = pytest.mark.parametrize("theta", params(HARD))
cones = pytest.mark.parametrize("theta", params(CONES))
every_method = pytest.mark.parametrize("method", params(METHODS))
