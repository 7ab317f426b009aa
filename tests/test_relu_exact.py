"""The exact ReLU polar against rational arithmetic, NNLS, eigenvectors of all strata, CVXPY."""

from fractions import Fraction

import cvxpy
import pytest
import torch
from torch import Tensor

from global_optimality.arrangement import arrangement, cells, circles
from global_optimality.polar.relu_exact import maximisers, relu_polar
from global_optimality.polar.relu_exact import maximum as module
from relu_draws import KINDS, NAMES, drawn, sizes, value
from relu_reference import cone_maximum, degenerate, exact_square, normal, strata_maximum

NARROW = [name for name in NAMES if KINDS[name].shape[1] <= 3]  # d <= 3, for references that need it


WIDTH = 2e-14  # of the enclosure, in units of Σ‖q_i‖‖s_i‖: about a hundred roundoffs


def cancelling(generator: torch.Generator, N: int, c: int) -> Tensor:
    q = normal(generator, N, c)
    return torch.cat([q[: N // 2], -q[: N - N // 2]])


@pytest.mark.parametrize("name", NARROW)
@pytest.mark.parametrize("weights", [normal, cancelling])
@pytest.mark.parametrize("seed", range(2))
def test_encloses_the_polar_computed_in_rational_arithmetic(name: str, weights, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    S = degenerate(generator, 4 + seed)[name]
    Q = weights(generator, len(S), 1)
    found = relu_polar(arrangement(S), Q[None])
    exact = exact_square(torch.nn.functional.pad(S, (0, 3 - S.shape[1])), Q[:, 0])
    size = sizes(S, Q)
    assert Fraction(float(found.upper)) ** 2 >= exact
    assert Fraction(float(found.lower) - 1e-15 * size) ** 2 <= exact or found.lower <= 1e-15 * size
    assert found.upper - found.lower <= WIDTH * size


@pytest.mark.parametrize("name", [n for n in NARROW if n not in ("huge", "tiny")])  # it squares its input
@pytest.mark.parametrize("c", [1, 2, 5])
@pytest.mark.parametrize("seed", range(3))
def test_encloses_the_leading_eigenvectors_of_all_strata(name: str, c: int, seed: int) -> None:
    generator = torch.Generator().manual_seed(100 + seed)
    S = degenerate(generator, 5)[name]
    Q = cancelling(generator, 5, c) if seed == 2 else normal(generator, 5, c)
    found = relu_polar(arrangement(S), Q[None])
    size, reference = sizes(S, Q), strata_maximum(S, Q)
    assert reference <= float(found.upper) + 1e-15 * size
    assert found.upper - found.lower <= WIDTH * size
    u, v = found.u[0], found.v[0]
    assert float(u.norm()) == pytest.approx(1, abs=1e-14)
    assert float(v.norm()) == pytest.approx(1, abs=1e-14)
    assert float(v @ Q.T @ (S @ u).clamp_min(0)) == pytest.approx(float(found.lower), abs=1e-15 * size)


@pytest.mark.parametrize("name", ["generic", "bias", "plane", "duplicates", "multiples", "zeros", "grid", "integers"])
def test_equals_projection_onto_the_cones_of_all_cells(name: str) -> None:
    generator = torch.Generator().manual_seed(7)
    S = degenerate(generator, 14)[name]
    Q = normal(generator, 14, 1)
    found = relu_polar(arrangement(S), Q[None])
    assert float(found.lower) == pytest.approx(cone_maximum(S, Q[:, 0], cells(S).active), rel=1e-10)


def test_rank_three_data_in_four_dimensions_equals_projection_onto_cones() -> None:
    generator = torch.Generator().manual_seed(8)
    S = normal(generator, 8, 3) @ normal(generator, 3, 4)
    Q = normal(generator, 8, 1)
    found = relu_polar(arrangement(S), Q[None])
    assert float(found.lower) == pytest.approx(cone_maximum(S, Q[:, 0], cells(S).active), rel=1e-10)


@pytest.mark.parametrize("seed", [0, 1])
def test_equals_cone_programs_of_all_cells(seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    S, q = normal(generator, 4, 3), normal(generator, 4)
    best = 0.0
    for active in cells(S).active:
        u = cvxpy.Variable(3)
        sides = ((2 * active.double() - 1)[:, None] * S).numpy()
        g = (S.T @ (active * q)).numpy()
        for sign in (1, -1):
            program = cvxpy.Problem(cvxpy.Maximize(sign * g @ u), [sides @ u >= 0, cvxpy.norm(u) <= 1])
            best = max(best, program.solve(solver=cvxpy.CLARABEL))
    assert float(relu_polar(arrangement(S), q[None, :, None]).lower) == pytest.approx(best, rel=1e-6)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("c", [1, 3])
def test_no_direction_beats_it_and_a_fine_search_comes_close(name: str, c: int) -> None:
    generator, S, Q = drawn(name, 21, 40, c)
    found = relu_polar(arrangement(S), Q[None])
    u = normal(generator, 20_000, S.shape[1])
    u = u / u.norm(dim=1, keepdim=True)
    best = u[value(S, Q, u).argmax()]
    for step in torch.logspace(-1, -6, 40, dtype=torch.float64):
        around = torch.cat([best[None], best + step * normal(generator, 200, S.shape[1])])
        around = around / around.norm(dim=1, keepdim=True)
        best = around[value(S, Q, around).argmax()]
    reached = float(value(S, Q, best))
    assert reached <= float(found.upper)
    if name != "columns 1e8":
        assert reached >= 0.9 * float(found.lower)


@pytest.mark.parametrize("name", ["bias", "grid", "integers", "duplicates", "close 1e-9", "one pencil but one"])
@pytest.mark.parametrize("c", [1, 4])
def test_does_not_change_with_rotation_permutation_or_scale_of_rows(name: str, c: int) -> None:
    """Other circles, other orders, other roundings: every enclosure must meet every other."""
    generator, S, Q = drawn(name, 31, 120, c)
    rotation = torch.linalg.qr(normal(generator, 3, 3)).Q
    order = torch.randperm(120, generator=generator)
    scale = torch.exp(normal(generator, 120, 1))
    versions = [(S, Q), (S @ rotation, Q), (S[order], Q[order]), (S * scale, Q / scale), (-S @ rotation, -Q)]
    found = [relu_polar(arrangement(a), b[None]) for a, b in versions]
    slack = 1e-15 * sizes(S, Q)
    assert max(float(f.lower) for f in found) <= min(float(f.upper) for f in found) + slack
    assert all(float(f.upper - f.lower) <= 1e-12 * float(f.upper) for f in found)


@pytest.mark.parametrize("perturbation", [0.0, 1e-15, 1e-12, 1e-10, 1e-8, 1e-5])
@pytest.mark.parametrize("seed", range(3))
def test_nearly_double_eigenvalues_keep_the_enclosure_tight(perturbation: float, seed: int) -> None:
    """Symmetric data, Q = S: leading eigenvalues of B Bᵀ coincide, so their vectors cannot be computed."""
    generator = torch.Generator().manual_seed(seed)
    axes = torch.eye(3, dtype=torch.float64)
    diagonals = torch.tensor([[1.0, 1, 1], [1, -1, 1], [-1, 1, 1], [1, 1, -1]], dtype=torch.float64)
    S = torch.cat([axes, diagonals]) @ torch.linalg.qr(normal(generator, 3, 3)).Q
    Q = S + perturbation * normal(generator, 7, 3)
    found = relu_polar(arrangement(S), Q[None])
    assert strata_maximum(S, Q) <= float(found.upper) * (1 + 1e-15)
    assert found.upper - found.lower <= 1e-12 * found.upper


def test_is_homogeneous_and_treats_each_run_alone() -> None:
    generator = torch.Generator().manual_seed(41)
    S = normal(generator, 30, 3)
    Q = normal(generator, 30, 2)
    a = arrangement(S)
    stack = torch.stack([Q, 1e-200 * Q, -3 * Q, 0 * Q, 1e200 * Q])
    found = relu_polar(a, stack)
    torch.testing.assert_close(
        found.lower, float(found.lower[0]) * torch.tensor([1, 1e-200, 3, 0, 1e200], dtype=torch.float64)
    )
    for k in range(len(stack)):
        alone = relu_polar(a, stack[k : k + 1])
        assert all(torch.equal(x[k], y[0]) for x, y in zip(found, alone, strict=True))


@pytest.mark.parametrize("S", [torch.zeros(4, 3), torch.zeros(1, 1), torch.ones(4, 3), torch.eye(3)])
def test_zero_weights_or_zero_data_give_zero(S: Tensor) -> None:
    a = arrangement(S)
    weights = torch.zeros(2, len(S), 2) if S.any() else torch.ones(2, len(S), 2)
    found = relu_polar(a, weights)
    assert found.lower.tolist() == found.upper.tolist() == [0.0, 0.0]
    torch.testing.assert_close(found.u.norm(dim=1), torch.ones(2).double())
    torch.testing.assert_close(found.v.norm(dim=1), torch.ones(2).double())
    assert len(maximisers(a, weights[0], 3)[0]) == 0


def test_plateaus_are_exact() -> None:
    """S = Q = I: f(u) = ‖u₊‖ is 1 on a whole octant. Opposite rows: f(u) = |u₁| + |u₂|, kinks everywhere."""
    identity = torch.eye(3, dtype=torch.float64)
    found = relu_polar(arrangement(identity), identity[None])
    assert float(found.lower) == pytest.approx(1, abs=1e-15)
    assert float(found.upper) == pytest.approx(1, abs=1e-13)
    rows = torch.tensor([[1.0, 0, 0], [-1, 0, 0], [0, 1, 0], [0, -1, 0]])
    found = relu_polar(arrangement(rows), torch.ones(1, 4, 1))
    assert float(found.lower) == pytest.approx(2**0.5, abs=1e-15)


@pytest.mark.parametrize("limit", ["TIES", "CHUNK"])
def test_small_chunks_and_few_recomputed_arcs_keep_the_enclosure(limit: str, monkeypatch) -> None:
    generator = torch.Generator().manual_seed(51)
    S = degenerate(generator, 40)["integers"]
    Q = torch.randint(-1, 2, (1, 40, 2), generator=generator).double()
    reference = relu_polar(arrangement(S), Q)
    if limit == "TIES":
        monkeypatch.setattr(module, "TIES", 1)
    else:
        monkeypatch.setattr(circles, "CHUNK", 50)
    found = relu_polar(arrangement(S), Q)
    torch.testing.assert_close(found.lower, reference.lower, rtol=1e-14, atol=0)
    assert found.lower <= found.upper <= found.lower * (1 + 1e-12)


def test_bad_input_is_named() -> None:
    a = arrangement(torch.eye(3))
    with pytest.raises(ValueError, match="rows of S"):
        relu_polar(a, torch.ones(1, 4, 1))
    with pytest.raises(ValueError, match="rows of S"):
        relu_polar(a, torch.ones(3, 1))
    with pytest.raises(ValueError, match="not finite"):
        relu_polar(a, torch.full((1, 3, 1), float("inf")))
    with pytest.raises(ValueError, match="at least 1"):
        maximisers(a, torch.ones(3, 1), 0)
