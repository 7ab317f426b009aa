"""Non-negative matrix factorization: the theorems hold, the polar is only enclosed."""

from collections.abc import Sequence

import pandas as pd

from global_optimality.certificate import certify
from global_optimality.descent import GradientDescent, minimise
from global_optimality.losses import SquaredLoss
from global_optimality.mappings import MatrixProduct
from global_optimality.polar import lambda_max
from global_optimality.problem import Problem
from global_optimality.regularizers import NonNegative

from ..shared import data
from ..shared.tables import runs_table


def non_negative_digits(
    shares: Sequence[float], *, images: int, r: int, runs: int, seed: int, tol: float = 1e-6, max_steps: int = 3000
) -> pd.DataFrame:
    """Non-negative factors of the first digits for several λ = share · λ_max: gap, polar's enclosure, verdict."""
    Y = data.digits().S[:images]
    mapping = MatrixProduct(*Y.shape)
    largest = lambda_max(Problem(SquaredLoss(Y), mapping, NonNegative(), 1.0))
    tables = []
    for share in shares:
        problem = Problem(SquaredLoss(Y), mapping, NonNegative(), share * largest)
        start = problem.regularizer.project(*(w.abs() for w in problem.random(runs, r, seed=seed)))
        descent = minimise(problem, start, GradientDescent(), tol=1e-8, max_steps=max_steps)
        certificate = certify(problem, descent.weights)
        table = runs_table(descent, certificate, share=share)
        table["polar_lower"] = certificate.polar_lower.numpy()
        table["verdict"] = [verdict.name for verdict in certificate.verdict(tol)]
        tables.append(table)
    return pd.concat(tables, ignore_index=True)
