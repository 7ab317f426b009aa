"""Where slides end: units of one cell and one output direction are one there, however close together they began."""

import numpy as np
import pytest
import torch

from cases import randn
from global_optimality import CrossEntropyLoss, LogisticLoss, Problem, ReluUnit, SquaredLoss, SumOfSquares, solve
from global_optimality.sliding_frank_wolfe.faces import Faces
from global_optimality.sliding_frank_wolfe.local import OnFaces
from global_optimality.sliding_frank_wolfe.newton import newton_direction
from global_optimality.sliding_frank_wolfe.slide import slide
from global_optimality.sliding_frank_wolfe.units import Units, units_of

SAMPLES, LAM = 14, 0.2
LOSSES = {
    "squared": (1, lambda y: SquaredLoss(y)),
    "logistic": (1, lambda y: LogisticLoss(y.sign(), output_bias=0.0)),
    "two outputs": (2, lambda y: SquaredLoss(torch.cat([y, y.flip(0)], 1))),
    "cross-entropy": (3, lambda y: CrossEntropyLoss(torch.arange(SAMPLES) % 3)),
}
LEFT = 1e-10
"""A gradient of this share of λ is left where Newton's method has converged: rounding, times the condition of H."""


def split(units: Units, i: int, across: np.ndarray) -> Units | None:
    """Unit i in two parts of one cell, 2p/3 + across and p/3 − across; None where they would leave the cell."""
    p, rows = units.P[i], units.rows
    first, second = 2 * p / 3 + across, p / 3 - across
    if not all(np.array_equal(rows.S @ part > 0, units.open[i]) for part in (first, second)):
        return None
    P = np.concatenate([units.P, second[None]])
    P[i] = first
    Z, gates = np.concatenate([units.Z, units.Z[i : i + 1]]), np.concatenate([units.open, units.open[i : i + 1]])
    return Units(rows, P, Z, gates, Faces((*units.faces.each, rows.whole)))


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("d", [2, 3])
def test_two_units_of_one_cell_are_one_where_a_slide_ends(name, d):
    """Their merger gains size · (angle)², less than rounding of f for small angles: steps between them never end."""
    (outputs, loss_of), tried = LOSSES[name], 0
    for seed in range(8):
        S = torch.cat([randn(f"ends S {seed}", SAMPLES, d - 1), torch.ones(SAMPLES, 1, dtype=torch.float64)], 1)
        loss = loss_of(randn(f"ends y {seed}", SAMPLES, 1))
        problem = Problem(loss, ReluUnit(S, outputs=outputs), SumOfSquares(), LAM)
        step, found = OnFaces(problem), solve(problem)
        units = units_of(step.rows, found.weights)
        for i, face in enumerate(units.faces.each):
            across = randn(f"ends across {seed} {i}", d).numpy()
            across -= across @ units.P[i] / units.size[i] ** 2 * units.P[i]
            for angle in np.logspace(-9, -2, 8):
                apart = split(units, i, angle * across) if face.dim == d else None
                if apart is None:
                    continue
                tried += 1
                end = slide(step.objective, apart, lambda: False)
                assert len(end) <= len(units), (seed, i, angle)
                assert newton_direction(step.objective, end).gradient_norm <= LEFT * problem.lam, (seed, i, angle)
                assert step.objective(end.X, end.Theta) <= found.objective * (1 + 1e-14)
    assert tried
