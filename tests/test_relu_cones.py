"""Parts of the enclosure: bounds on cones, covers, min-norm problems, ascent steps."""

from __future__ import annotations

import pytest
import torch
from scipy.optimize import nnls

from cases import randn
from global_optimality.effort import Clock, Effort
from global_optimality.polar import fans
from global_optimality.polar.best_first import Open
from global_optimality.polar.relu_enclosure import (
    ascent,
    cones,
    min_norm,
    polar_problem,
)
from global_optimality.polar.relu_enclosure.outputs import ScalarOutput, VectorOutput
from relu_draws import seeded, stream


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
    S, Q = seeded(15, 4, seed=23), seeded(1, 15, c, seed=24)
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


@pytest.mark.parametrize("flat", [1.0, 1e-3, 1e-6])
def test_thin_cones_are_bounded_by_their_middle(flat):
    """Where vertices lie nearly in a plane the min-norm search hardly moves; the function is linear between them."""
    S, q = seeded(8, 4, seed=31), seeded(1, 8, 1, seed=32)
    method = cones.Cones(polar_problem.prepare(S, q), S[:1])
    count, spread = 50, torch.tensor([1.0, 1.0, 1.0, flat], dtype=torch.float64)
    around = torch.linalg.qr(seeded(count, 4, 4, seed=33)).Q
    V = seeded(count, 1, 4, seed=34).abs() + 1e-3 * (seeded(count, 4, 4, seed=35) * spread) @ around
    V = V / V.norm(dim=2, keepdim=True)
    zeros = torch.zeros(count, dtype=torch.long)
    cells = (V, zeros, torch.zeros(count, 2, dtype=torch.long))
    whole = Open(cells, zeros, torch.full((count,), torch.inf, dtype=torch.float64), zeros - 1)
    bound = method.branch(whole, q.new_zeros(1))[0].bound
    polar = method.polar
    Z = V @ polar.S.T
    values = method.output.value(zeros, Z)
    kinks = (Z.amax(1) - Z.amin(1)) * ((Z.amin(1) < 0) & (Z.amax(1) > 0)) @ polar.Q[0, :, 0].abs()
    lengths = (V @ (V.sum(1) / V.sum(1).norm(dim=1, keepdim=True))[:, :, None]).amin((1, 2))
    assert (bound <= (values.amax(1) + kinks).clamp(min=0) / lengths * (1 + 1e-12) + 1e-12).all()


def test_orthants_and_bisection_cover():
    V = random_cones(6)
    u = seeded(500, 4, seed=25)
    alpha = torch.einsum("md,kde->mke", u, torch.linalg.inv(V))
    assert (alpha >= -1e-12).all(2).any(1).all()


def test_min_norm_agrees_with_projection_onto_a_cone():
    """Box [0, 0]: min over μ ≥ 0 of ‖g + W μ‖ is a non-negative least-squares problem."""
    g, W = seeded(5, 4, seed=26), seeded(5, 4, 4, seed=27)
    W = W / W.norm(dim=1, keepdim=True)
    box = g.new_zeros(5, 3)
    problem = min_norm.MinNorm(seeded(3, 4, seed=28), g, box, box, W)
    _, r = min_norm.solve(problem, box, torch.zeros(5, dtype=torch.float64), chunk=500)
    reference = [nnls(W[k].numpy(), -g[k].numpy())[1] for k in range(5)]
    torch.testing.assert_close(r.norm(dim=1), g.new_tensor(reference), rtol=1e-6, atol=1e-6)


def test_vector_weights_make_the_sum_convex_on_the_cone():
    S, Q = seeded(12, 4, seed=29), seeded(1, 12, 3, seed=30)
    centre = seeded(200, 1, 4, seed=31)
    V = centre + 0.05 * centre.norm(dim=2, keepdim=True) * seeded(200, 4, 4, seed=32)
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
    S, Q = seeded(30, 5, seed=35), seeded(2, 30, 2, seed=36)
    u = seeded(2, 20, 5, seed=37)
    u = u / u.norm(dim=2, keepdim=True)
    f, v = ascent.value(S, Q, u)
    rises, _ = ascent.ascend(S, Q, u, v, rounds=1, steps=2000)
    q, D = (v @ Q.mT).flatten(0, 1), (u @ S.T > 0).to(S.dtype).flatten(0, 1)
    r, _ = ascent.convex_concave_step(S, q, D, torch.zeros_like(q), 2000)
    after = ascent.value(S, Q, (r / r.norm(dim=1, keepdim=True)).view_as(u))[0]
    assert (after >= f * (1 - 1e-6)).all()
    assert (rises >= f).all()


@pytest.mark.parametrize("looks", [0, 3, 40, 10**6])
def test_an_ascent_ends_between_two_steps_when_told(looks, monkeypatch):
    """What it has then is attained; it looks at the clock often, so that none of its parts is long."""
    S, Q, asked = randn("ended S", 40, 4), randn("ended Q", 40, 2), []

    def left(clock: Clock) -> float:
        asked.append(None)
        return 1.0 if len(asked) <= looks else 0.0

    monkeypatch.setattr(Clock, "left", property(left))
    with Effort().started().running():
        f, u = ascent.summits(S, Q, S[:0], 6)
    assert torch.allclose((((u @ S.T).clamp(min=0)) @ Q).norm(dim=1), f, rtol=1e-12)
    assert torch.allclose(u.norm(dim=1), torch.ones(len(u), dtype=torch.float64), rtol=1e-12)
    if looks < 10**6:
        assert looks < len(asked) < looks + 20
    else:
        assert len(asked) > 400
