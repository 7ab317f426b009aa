"""The slide's parts against references: derivatives by automatic differentiation and differences, faces, merges."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import torch

from cases import randn
from global_optimality import (
    CrossEntropyLoss,
    LogisticLoss,
    MatrixProduct,
    Problem,
    ReluUnit,
    SquaredLoss,
    SumOfSquares,
)
from global_optimality import solve as solve_problem
from global_optimality.losses.arrays import ArrayLoss
from global_optimality.polar.directions import SPREAD, apart, directions
from global_optimality.sliding_frank_wolfe import dictionary, local
from global_optimality.sliding_frank_wolfe.dictionary import enlarged, first_units
from global_optimality.sliding_frank_wolfe.faces import face_through
from global_optimality.sliding_frank_wolfe.line import ray, search
from global_optimality.sliding_frank_wolfe.local import OnFaces
from global_optimality.sliding_frank_wolfe.merge import drop, merge
from global_optimality.sliding_frank_wolfe.newton import newton_direction
from global_optimality.sliding_frank_wolfe.slide import slide
from global_optimality.sliding_frank_wolfe.units import Rows, Units, no_units, units_of

LOSSES = {
    "squared": lambda N: (SquaredLoss(randn("slide y", N, 1)), 1),
    "weighted": lambda N: (
        SquaredLoss(randn("slide y", N, 1), weights=1.0 + torch.arange(N).double(), output_bias=0.5),
        1,
    ),
    "logistic": lambda N: (LogisticLoss(randn("slide y", N, 1).sign(), output_bias=0.0), 1),
    "cross-entropy": lambda N: (CrossEntropyLoss(torch.arange(N) % 3), 3),
}
every = pytest.mark.parametrize("name", LOSSES)


def problem_of(name: str, N: int = 14, lam: float = 0.2) -> Problem:
    S = torch.cat([randn("slide S", N, 2), torch.ones(N, 1, dtype=torch.float64)], 1)
    loss, outputs = LOSSES[name](N)
    return Problem(loss, ReluUnit(S, outputs=outputs), SumOfSquares(), lam)


def started(name: str, r: int = 4) -> tuple[Problem, OnFaces, Units]:
    problem = problem_of(name)
    local_step = OnFaces(problem)
    return problem, local_step, units_of(local_step.rows, problem.random(1, r, seed=3))


def never() -> bool:
    return False


def direction_of(units: Units) -> tuple[np.ndarray, np.ndarray]:
    """Any direction that stays on the faces and is tangent to the unit output directions."""
    step_p = np.stack(
        [f.project(p) for f, p in zip(units.faces.each, randn("dp", *units.P.shape).numpy(), strict=True)]
    )
    step_z = randn("dz", *units.Z.shape).numpy()
    step_z -= np.vecdot(step_z, units.Z)[:, None] * units.Z
    return step_p, step_z


@every
def test_array_losses_are_the_losses(name):
    loss = problem_of(name).loss
    arrays, X, T = ArrayLoss.of(loss), randn("X", *loss.shape), randn("T", 5, *loss.shape)
    value, G = arrays.value_and_gradient(X.numpy())
    assert value == pytest.approx(float(loss(X[None])), rel=1e-15)
    assert arrays(X.numpy()) == pytest.approx(value, rel=1e-15)
    assert np.array_equal(G, arrays.gradient(X.numpy()))
    assert np.allclose(G, loss.gradient(X[None])[0], rtol=1e-15, atol=0)
    assert np.allclose(arrays.each(T.numpy()), loss(T), rtol=1e-15)
    assert np.allclose(arrays.hessian_product(X.numpy(), T.numpy()), loss.hessian_product(X[None], T), rtol=1e-14)
    alpha = arrays.line_minimum(X.numpy(), -G, 0.0)
    assert abs((arrays.gradient(X.numpy() - alpha * G) * G).sum()) < 1e-9 * (G * G).sum()


@every
def test_objective_and_weights_agree_with_the_problem(name):
    problem, local_step, units = started(name)
    W = units.weights(problem.loss.Y)
    assert local_step.objective(units.X, units.Theta) == pytest.approx(float(problem(*W)), rel=1e-14)


@every
def test_newton_solves_its_equations(name):
    """H·move = −g with g and H of f along the faces, by automatic differentiation in the coordinates of the step."""
    problem, local_step, units = started(name)
    direction = newton_direction(local_step.objective, units)
    gates, S = torch.from_numpy(units.open), torch.from_numpy(units.rows.S)
    P, Z = torch.from_numpy(units.P), torch.from_numpy(units.Z)
    c = Z.shape[1]

    def f(step: torch.Tensor) -> torch.Tensor:
        p, z = P + step[:, :3], Z + step[:, 3:] if c > 1 else Z
        z = z / z.norm(dim=1, keepdim=True)
        X = (((p @ S.T) * gates).T @ z)[None]
        return problem.loss(X)[0] + problem.lam * p.norm(dim=1).sum()

    zero = torch.zeros(len(units), 3 + c, dtype=torch.float64)
    step = torch.from_numpy(np.concatenate([direction.step_p, direction.step_z], 1))
    g = torch.autograd.functional.jacobian(f, zero)
    assert float((g * step).sum()) == pytest.approx(direction.slope, rel=1e-10)
    bent = torch.autograd.functional.hvp(f, zero, step)[1]
    if direction.reach > 1:
        assert direction.slope < 0
        return
    # H is positive definite but for dead units: Newton's equation holds on the tangent space of the others
    alive, residual = torch.from_numpy(units.hidden.any(1)), bent + g
    residual[:, 3:] -= (residual[:, 3:] * Z).sum(1, keepdim=True) * Z
    if c == 1:
        residual = residual[:, :3]
    assert int(alive.sum()) > 1
    assert float(residual[alive].abs().max()) < 1e-7 * float(g.abs().max())


@every
def test_slopes_beside_kinks_against_differences(name):
    """Before and after each kink the derivative is that of f, by one-sided differences; control: it jumps there."""
    _, local_step, units = started(name)
    f = local_step.objective
    step_p, step_z = direction_of(units)
    direction = newton_direction(f, units)
    whole = ray(
        f, units, replace(direction, step_p=step_p, step_z=step_z, slope=-1.0, reach=1.0), f(units.X, units.Theta)
    )

    def value(t: float) -> float:
        moved = whole.at(t, after=False)
        return f(moved.X, moved.Theta)

    kinks = np.sort(whole.crossing[whole.crossing < 2])[:8]
    assert len(kinks) > 3
    jumps = []
    for t in kinks.tolist():
        before, after = whole.slopes(t)
        h = 1e-6 * max(t, 1e-3)
        assert (value(t) - value(t - h)) / h == pytest.approx(before, rel=1e-3, abs=1e-4)
        assert (value(t + h) - value(t)) / h == pytest.approx(after, rel=1e-3, abs=1e-4)
        jumps.append(abs(after - before))
    assert max(jumps) > 1e-2


@every
def test_search_never_rises_and_pins_what_it_meets(name):
    _, local_step, units = started(name)
    f, pins = local_step.objective, 0
    for _ in range(12):
        value = f(units.X, units.Theta)
        moved = search(ray(f, units, newton_direction(f, units), value * (1 + 1e-15)))
        assert f(moved.X, moved.Theta) <= value * (1 + 1e-14)
        on_face = np.where(moved.faces.pinned, np.abs(moved.heights), 0.0)
        assert on_face.max() <= 1e-12 * np.abs(moved.heights).max()
        pins += int(moved.faces.pinned.sum())
        units = moved
    assert pins > 0


def test_faces():
    """Two rows leave a line in three dimensions; the rays leave the face along one hyperplane each."""
    S = np.array([[1.0, 0, 0], [0, 2, 0], [1, 1, 1], [-3, 0, 0], [0, 0, 0]])
    rows = Rows.of(ReluUnit(torch.from_numpy(S)).gates)
    face = face_through(rows.unit, np.array([True, True, False, False, False]))
    assert face.pinned.tolist() == [True, True, False, True, False]  # the opposite row as well, never the zero row
    assert face.dim == 1
    assert np.allclose(np.abs(face.basis[:, 0]), [0, 0, 1])
    assert np.allclose(face.project(np.array([3.0, 4.0, 5.0])), [0, 0, 5])
    assert np.allclose(np.sort(np.abs(face.rays @ S[:2].T), axis=1)[:, 0], 0)
    assert rows.face(face.pinned) is rows.face(face.pinned)


def test_merge_and_drop_keep_the_function_or_lower_f():
    """Two units of one cell become one, exactly; a useless unit goes; control: units of different cells stay two."""
    _, local_step, units = started("squared", r=1)
    f = local_step.objective
    two = units.weights(randn("like", 1))
    halves = units_of(units.rows, tuple(torch.cat([w, w], 1) / 2**0.5 for w in two))
    merged, value = merge(f, halves, f(halves.X, halves.Theta) * (1 + 1e-14))
    assert len(merged) == 1
    assert np.allclose(merged.X, halves.X, rtol=1e-13)
    assert value == pytest.approx(f(units.X, units.Theta), rel=1e-13)
    opposite = units_of(units.rows, tuple(torch.cat([w, s * w], 1) for w, s in zip(two, (-1, 1), strict=True)))
    assert len(merge(f, opposite, f(opposite.X, opposite.Theta))[0]) == 2
    large = Units(units.rows, 1e3 * units.P, units.Z, units.open, units.faces)
    assert len(drop(f, large)[0]) == 0


@every
def test_first_units_from_the_dictionary(name):
    """They lower f below that of the zero network, close to the optimum, and no direction of it is left worth much."""
    problem, local_step, _ = started(name)
    f = local_step.objective
    units = first_units(f, local_step.rows, problem.mapping.outputs, never)
    optimum = solve_problem(problem, tol=1e-9).objective
    zero = f(np.zeros_like(units.X), 0.0)
    value = f(units.X, units.Theta)
    assert optimum * (1 - 1e-9) <= value <= optimum + 0.1 * (zero - optimum)
    assert enlarged(f, units, dictionary.FINE) is None


def test_no_first_units_where_the_dictionary_is_sparse():
    loss = SquaredLoss(randn("wide y", 9, 1))
    wide = OnFaces(Problem(loss, ReluUnit(randn("wide", 9, dictionary.DENSE + 1)), SumOfSquares(), 0.1))
    assert len(first_units(wide.objective, wide.rows, 1, never)) == 0
    matrix = OnFaces(Problem(SquaredLoss(randn("M", 4, 3)), MatrixProduct(4, 3), SumOfSquares(), 0.1))
    assert len(first_units(matrix.objective, matrix.rows, 3, never)) == 0


@pytest.mark.slow
@every
def test_the_start_does_not_decide_the_optimum(name, monkeypatch):
    """With the dictionary and without it: one optimum; far fewer rounds with it."""
    problem = problem_of(name)
    helped = solve_problem(problem, tol=1e-10)
    monkeypatch.setattr(local, "first_units", lambda f, rows, outputs, *rest: no_units(rows, outputs))
    alone = solve_problem(problem, tol=1e-10)
    assert helped.objective == pytest.approx(alone.objective, rel=1e-9)
    assert len(helped.history) < len(alone.history)


def test_a_short_slide_stops_and_a_stopped_one_keeps_f():
    _, local_step, units = started("squared", r=8)
    f = local_step.objective
    values = [f(u.X, u.Theta) for u in (slide(f, units, never, steps) for steps in (1, 3, 9, 27))]
    assert all(b <= a * (1 + 1e-14) for a, b in pairwise([f(units.X, units.Theta), *values]))
    assert slide(f, units, lambda: True).Theta <= units.Theta


def test_apart():
    U = directions(3).numpy()
    X = U[:, :1] + 2.0
    chosen = apart(U, X, 10, above=2.0)
    assert 1 < len(chosen) <= 10
    assert chosen[0] == int(X.argmax())
    inner = U[chosen] @ U[chosen].T - 2 * np.eye(len(chosen))
    assert inner.max() <= np.cos(SPREAD)
    assert apart(U, X, 10, above=3.1) == []
    assert len(apart(U, np.sign(U[:, :1]), 4)) == 4
