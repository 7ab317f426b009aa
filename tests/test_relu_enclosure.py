"""The enclosure of Ω°(Q) for d > 3 against enumeration of all cells, random points and closed forms."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from scipy.optimize import nnls

from global_optimality import Effort, Problem, ReluUnit, SquaredLoss, SumOfSquares, certify, effort, minimise
from global_optimality.polar import fans
from global_optimality.polar.best_first import Open
from global_optimality.polar.relu_enclosure import (
    Enclosure,
    ascent,
    cones,
    enclose,
    min_norm,
    polar_problem,
    refine,
)
from global_optimality.polar.relu_enclosure.outputs import ScalarOutput, VectorOutput

TOLERANCE = 1e-6


def stream(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def enclosed(S: torch.Tensor, Q: torch.Tensor, **options) -> Enclosure:
    """enclose with few starts: the search repairs what the ascents miss."""
    return enclose(S, Q, Effort(**{"nodes": 1_000_000, "tolerance": TOLERANCE} | options), starts=2)


def normal(*shape: int, seed: int) -> torch.Tensor:
    return torch.randn(*shape, dtype=torch.float64, generator=stream(seed))


def attained(S: torch.Tensor, Q: torch.Tensor, u: torch.Tensor) -> torch.Tensor:
    """‖Q_rᵀ(S u)₊‖ / ‖u‖ for every run: u (m, d) -> (n, m)."""
    return torch.einsum("rnc,mn->rmc", Q, (u @ S.T).clamp(min=0)).norm(dim=2) / u.norm(dim=1)


def cells(S: np.ndarray) -> list[np.ndarray]:
    """Every sign pattern (S u > 0) of a full cell: the neighbours of all rays that d − 1 hyperplanes meet in."""
    N, d = S.shape
    found = {}
    for rows in itertools.combinations(range(N), d - 1):
        ray = np.linalg.svd(S[list(rows)])[2][-1]
        for sign in (1, -1):
            base = sign * (S @ ray) > 0
            for bits in itertools.product((False, True), repeat=d - 1):
                pattern = base.copy()
                pattern[list(rows)] = bits
                found[pattern.tobytes()] = pattern
    return list(found.values())


def by_enumeration(S: np.ndarray, q: np.ndarray) -> float:
    """max over cells C and signs of ‖Proj_C(± SᵀDq)‖, the projection by non-negative least squares (Moreau)."""
    best = 0.0
    for D in cells(S):
        A = np.where(D, 1.0, -1.0)[:, None] * S
        for g in (S.T @ (D * q), -S.T @ (D * q)):
            if np.linalg.norm(g) > best:
                best = max(best, nnls(A.T, -g, maxiter=1000)[1])
    return best


@pytest.mark.parametrize(("N", "d", "seed"), [(9, 4, 0), (10, 4, 1), (12, 4, 2), (8, 5, 3), (9, 5, 4)])
def test_scalar_agrees_with_all_cells(N, d, seed):
    S, Q = normal(N, d, seed=seed), normal(1, N, 1, seed=seed + 100)
    exact = by_enumeration(S.numpy(), Q[0, :, 0].numpy())
    x = enclosed(S, Q, tolerance=TOLERANCE)
    assert x.closed
    assert exact * (1 - 1e-9) <= x.upper.item() <= exact * (1 + 2 * TOLERANCE)
    assert x.lower.item() == pytest.approx(exact, rel=1e-9)


@pytest.mark.parametrize("c", [1, 3])
@pytest.mark.parametrize("nodes", [0, 1, 10, 500])
def test_bounds_hold_at_any_effort(c, nodes):
    S, Q = normal(15, 5, seed=1), normal(3, 15, c, seed=2)
    x = enclosed(S, Q, nodes=nodes)
    assert x.search.made <= nodes + 1
    assert (attained(S, Q, normal(100_000, 5, seed=3)).amax(1) <= x.upper).all()
    assert (x.lower <= x.upper).all()
    assert x.upper.isfinite().all()
    value = attained(S, Q, x.u.reshape(-1, 5)).diagonal()
    torch.testing.assert_close(value, x.lower, rtol=1e-9, atol=0)
    inner = torch.einsum("rnc,rn,rc->r", Q, (x.u @ S.T).clamp(min=0), x.v)
    torch.testing.assert_close(inner, x.lower, rtol=1e-9, atol=0)


def test_no_time_at_all_leaves_bounds_that_hold():
    S, Q = normal(15, 5, seed=1), normal(3, 15, 2, seed=2)
    x = enclose(S, Q, Effort(seconds=0.0))
    assert x.search.made == 0
    assert not x.closed.any()
    assert (attained(S, Q, normal(100_000, 5, seed=3)).amax(1) <= x.upper).all()
    assert (x.lower > 0).all()
    assert (x.lower <= x.upper).all()


def interrupted(*_, **__):
    raise KeyboardInterrupt


@pytest.mark.parametrize(("where", "name"), [(ascent, "summits"), (cones.Cones, "branch")])
def test_an_interrupt_returns_bounds_that_hold_and_a_certificate(where, name, monkeypatch):
    S, Y = normal(8, 4, seed=1), normal(8, 1, seed=2)
    problem = Problem(SquaredLoss(Y), ReluUnit(S), SumOfSquares(), 0.5)
    monkeypatch.setattr(effort, "_last_interrupt", -np.inf)  # no interrupt of a test before this one
    monkeypatch.setattr(where, name, interrupted)
    W = problem.random(1, 3, seed=4)
    certificate = certify(problem, W)
    monkeypatch.undo()
    best = minimise(problem, problem.random(4, 6, seed=5), max_steps=20).objective.min()
    assert float(certificate.lower_bound) <= float(best)
    assert float(certificate.lower_bound) > 0
    closed = certify(problem, W)
    assert float(certificate.lower_bound) < float(closed.lower_bound)


@pytest.mark.parametrize("c", [1, 2])
def test_more_effort_is_never_worse(c):
    S, Q = normal(15, 4, seed=5), normal(2, 15, c, seed=6)
    upper = [enclosed(S, Q, nodes=nodes).upper for nodes in (0, 1, 50, 800)]
    assert all((b <= a).all() for a, b in itertools.pairwise(upper))
    assert (upper[-1] < upper[0]).all()


def test_refine_goes_on_where_enclose_stopped():
    S, Q = normal(20, 4, seed=7), normal(2, 20, 1, seed=8)
    first = enclosed(S, Q, nodes=100)
    assert not first.closed.all()
    again = refine(first.search)
    whole = enclosed(S, Q)
    assert again.closed.all()
    assert whole.closed.all()
    torch.testing.assert_close(again.upper, whole.upper, rtol=2 * TOLERANCE, atol=0)
    assert again.search.made > first.search.made


def test_same_data_same_result_and_runs_are_independent():
    S, Q = normal(20, 4, seed=9), normal(2, 20, 1, seed=10)
    x, y = enclose(S, Q), enclose(S, Q)
    assert torch.equal(x.lower, y.lower)
    assert torch.equal(x.upper, y.upper)
    assert torch.equal(x.u, y.u)
    alone = enclose(S, Q[1:])
    torch.testing.assert_close(alone.lower, x.lower[1:], rtol=1e-9, atol=0)


def test_vector_output_closes_and_contains_the_scalar_case():
    S, q = normal(10, 4, seed=11), normal(1, 10, 1, seed=12)
    scalar = enclosed(S, q)
    direction = torch.tensor([0.6, 0.8], dtype=torch.float64)
    vector = enclosed(S, q * direction, tolerance=1e-3)
    torch.testing.assert_close(vector.lower, scalar.lower, rtol=1e-9, atol=0)
    assert vector.closed
    Q = normal(1, 10, 2, seed=13)
    x = enclosed(S, Q, tolerance=1e-3)
    assert x.closed
    assert (attained(S, Q, normal(100_000, 4, seed=3)).amax(1) <= x.upper).all()


def test_a_target_reached_stops_the_search_and_one_refuted_does_not():
    S, Q = normal(20, 4, seed=14), normal(1, 20, 1, seed=15)
    exact = enclosed(S, Q).lower.item()
    below = enclosed(S, Q, target=1.01 * exact)
    assert not below.closed
    assert exact <= below.upper.item() <= 1.01 * exact
    above = enclosed(S, Q, target=0.99 * exact)
    assert above.lower.item() > 0.99 * exact
    assert exact <= above.upper.item() <= exact * (1 + 2 * TOLERANCE)
    assert below.search.made < above.search.made


def test_degenerate_rows():
    S, q = normal(8, 4, seed=16), normal(8, seed=17)
    exact = by_enumeration(S.numpy(), q.numpy())
    repeated = torch.cat([S, S[:3], S.new_zeros(2, 4), 2 * S[3:5]])  # ½ q each; zero rows; 2 s with ¼ q
    half = q.clone()
    half[:5] /= 2
    Q = torch.cat([half, half[:3], q.new_tensor([5.0, -7.0]), half[3:5] / 2])[None, :, None]
    x = enclosed(repeated, Q)
    assert x.closed
    assert exact * (1 - 1e-9) <= x.upper.item() <= exact * (1 + 2 * TOLERANCE)


def test_zero_and_cancelling_data():
    S = normal(6, 4, seed=18)
    nothing = enclosed(S, S.new_zeros(1, 6, 1))
    assert nothing.upper.item() == 0
    assert nothing.closed
    zero_rows = enclosed(torch.zeros_like(S), S.new_ones(1, 6, 2))
    assert zero_rows.upper.item() == 0
    q = normal(6, seed=19)
    cancelled = enclosed(torch.cat([S, S]), torch.cat([q, -q])[None, :, None], nodes=4000)
    assert cancelled.lower.item() == 0
    assert cancelled.upper.item() <= 1e-9
    assert cancelled.closed


def test_one_sample_and_one_dimension_have_closed_forms():
    s = normal(1, 5, seed=20)
    x = enclose(s, s.new_full((1, 1, 1), -2.0))
    assert x.lower.item() == pytest.approx(2 * s.norm().item(), rel=1e-9)
    assert x.closed
    line = torch.tensor([[1.0], [-2.0], [3.0]], dtype=torch.float64)
    q = torch.tensor([1.0, 4.0, -1.0], dtype=torch.float64)[None, :, None]
    assert enclosed(line, q).upper.item() == pytest.approx(8, rel=1e-5)


def test_high_dimension_keeps_the_root_bound():
    S, Q = normal(10, 120, seed=21), normal(1, 10, 1, seed=22)
    x = enclosed(S, Q)
    assert not x.closed
    assert 0 < x.lower.item() < x.upper.item() < 10 * x.lower.item()


@pytest.mark.parametrize("c", [1, 3])
def test_root_bound_holds_and_is_attained_by_orthogonal_rows(c):
    """200 random problems, each against many points; then σ₁(S) = 1, and the maximum is max(‖q₊‖, ‖q₋‖)."""
    S, Q = (
        normal(12, 7, seed=40),
        normal(200, 12, c, seed=41) * 10.0 ** torch.arange(-100, 100, dtype=torch.float64)[:, None, None],
    )
    polar = polar_problem.prepare(S, Q)
    u = torch.nn.functional.normalize(torch.cat([normal(2000, 7, seed=42), S, -S]), dim=1)
    assert (attained(S, Q, u).amax(1) <= polar.root_bound()).all()
    assert (polar.root_bound() < Q.flatten(1).norm(dim=1) * S.norm()).all()
    q = normal(1, 7, 1, seed=43)
    rows = torch.linalg.qr(normal(7, 7, seed=44)).Q
    largest = torch.maximum(q.clamp(min=0).norm(), q.clamp(max=0).norm())
    assert float(polar_problem.prepare(rows, q).root_bound()) == pytest.approx(float(largest), rel=1e-11)
    repeated = polar_problem.prepare(
        torch.cat([rows, rows]), torch.cat([q, -q * (1 - 1e-15)], 1)
    )  # cancels to rounding
    assert float(attained(rows, q * 1e-15, u).max()) <= float(repeated.root_bound())


def random_cones(cuts: int) -> torch.Tensor:
    """Cones (B, 4, 4) that cover R⁴: the orthants, cut at random edges."""
    V = fans.orthants(1, 4, [], torch.zeros(1, dtype=torch.float64))[:, :, 0]
    edges = torch.triu_indices(4, 4, 1).T
    for k in range(cuts):
        zeros = torch.zeros(len(V), dtype=torch.long)
        edge = edges[torch.randint(6, (len(V),), generator=stream(k))]
        V = cones.children(Open((V, zeros, edge), zeros, zeros.double(), zeros)).cells[0]
    return V


def excess_over_cone_bounds(c: int) -> torch.Tensor:
    """Largest value at random points of each of many cones less the bound claimed for the cone."""
    S, Q = normal(15, 4, seed=23), normal(1, 15, c, seed=24)
    V = random_cones(4)
    u = torch.rand(len(V), 300, 4, dtype=torch.float64, generator=stream(9)) ** 3 @ V
    f = cones.Cones(polar_problem.prepare(S, Q), u[:1, 0])
    j = torch.zeros(len(V), dtype=torch.long)
    unbounded = Open((V, j, j[:, None].expand(-1, 2)), j, V.new_full((len(V),), torch.inf), j - 1)
    bound = f.branch(unbounded, torch.zeros(1, dtype=torch.float64))[0].bound
    u = u / u.norm(dim=2, keepdim=True)
    return f.output.value(j, u @ f.polar.S.T).amax(1) - bound


@pytest.mark.parametrize("c", [1, 2])
def test_cone_bounds_hold_and_a_wrong_one_is_caught(c, monkeypatch):
    """Negative control: without the weights that make it convex, interpolation claims bounds that points beat."""
    assert (excess_over_cone_bounds(c) <= 0).all()
    monkeypatch.setattr(ScalarOutput, "weights", lambda self, j, Z: torch.zeros_like(self.q[j]))
    monkeypatch.setattr(VectorOutput, "weights", lambda self, j, Z: torch.zeros_like(self.Q[j, :, 0]))
    assert (excess_over_cone_bounds(c) > 1e-3).any()


def test_orthants_and_bisection_cover():
    V = random_cones(6)
    u = normal(500, 4, seed=25)
    alpha = torch.einsum("md,kde->mke", u, torch.linalg.inv(V))
    assert (alpha >= -1e-12).all(2).any(1).all()


def test_min_norm_agrees_with_projection_onto_a_cone():
    """Box [0, 0]: min over μ ≥ 0 of ‖g + W μ‖ is a non-negative least-squares problem."""
    g, W = normal(5, 4, seed=26), normal(5, 4, 4, seed=27)
    W = W / W.norm(dim=1, keepdim=True)
    box = g.new_zeros(5, 3)
    problem = min_norm.MinNorm(normal(3, 4, seed=28), g, box, box, W)
    _, r = min_norm.solve(problem, box, torch.zeros(5, dtype=torch.float64), chunk=500)
    reference = [nnls(W[k].numpy(), -g[k].numpy())[1] for k in range(5)]
    torch.testing.assert_close(r.norm(dim=1), g.new_tensor(reference), rtol=1e-6, atol=1e-6)


def test_vector_weights_make_the_sum_convex_on_the_cone():
    S, Q = normal(12, 4, seed=29), normal(1, 12, 3, seed=30)
    centre = normal(200, 1, 4, seed=31)
    V = centre + 0.05 * centre.norm(dim=2, keepdim=True) * normal(200, 4, 4, seed=32)
    V = V / V.norm(dim=2, keepdim=True)
    output, j = VectorOutput(torch.zeros(1, dtype=torch.long), Q), torch.zeros(200, dtype=torch.long)
    w = output.weights(j, V @ S.T)
    assert (w < 0.99 * Q[0].norm(dim=1)).any()  # the cap helped somewhere

    def convex(u):
        Z = u @ S.T
        return output.value(j, Z) + (Z.clamp(min=0) @ w[:, :, None])[:, :, 0]

    alpha, beta = (torch.rand(200, 50, 4, dtype=torch.float64, generator=stream(k)) for k in (33, 34))
    a, b = alpha @ V, beta @ V
    assert (convex(a) + convex(b) - convex(a + b) >= -1e-12).all()


def test_ascent_step_does_not_fall():
    S, Q = normal(30, 5, seed=35), normal(2, 30, 2, seed=36)
    u = normal(2, 20, 5, seed=37)
    u = u / u.norm(dim=2, keepdim=True)
    f, v = ascent.value(S, Q, u)
    rises, _ = ascent.ascend(S, Q, u, v, rounds=1, steps=2000)
    q, D = (v @ Q.mT).flatten(0, 1), (u @ S.T > 0).to(S.dtype).flatten(0, 1)
    r, _ = ascent.convex_concave_step(S, q, D, torch.zeros_like(q), 2000)
    after = ascent.value(S, Q, (r / r.norm(dim=1, keepdim=True)).view_as(u))[0]
    assert (after >= f * (1 - 1e-6)).all()
    assert (rises >= f).all()


@pytest.mark.parametrize(
    ("S", "Q", "message"),
    [
        (torch.ones(3, 4), torch.ones(1, 3, 1), "float64"),
        (torch.ones(3, 4, dtype=torch.float64), torch.ones(3, 1, dtype=torch.float64), r"Q \(n, N, c\)"),
        (torch.full((3, 4), torch.nan, dtype=torch.float64), torch.ones(1, 3, 1, dtype=torch.float64), "finite"),
    ],
)
def test_bad_input_is_refused(S, Q, message):
    with pytest.raises(ValueError, match=message):
        enclosed(S, Q)
