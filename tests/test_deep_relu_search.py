"""The search behind the polar of deep ReLU networks: it narrows, resumes, stops, and each of its bounds holds."""

import numpy as np
import pytest
import torch

import global_optimality as go
from book.benchmarks import deep as deep_benchmarks
from deep_draws import draw
from global_optimality.polar.best_first import refine
from global_optimality.polar.deep_relu import atom_of, deep_relu_polar, number_of_orthants, search_of
from global_optimality.polar.fans import normalised
from global_optimality.polar.relu_cones import ReluCones
from global_optimality.streams import generator, normal


@pytest.mark.slow
def test_the_search_narrows_can_be_resumed_and_stops_at_its_target():
    mapping, Q = go.DeepRelu(draw("S", 8, 2), (2, 2, 1)), draw("Q", 8, 1)
    tolerance = 1e-4
    whole = refine(search_of(mapping, Q), go.Effort(nodes=100_000, tolerance=tolerance))
    parts = search_of(mapping, Q)
    for _ in range(400):
        parts = refine(parts, go.Effort(nodes=500, tolerance=tolerance))
    for search in (whole, parts):
        made, lower, upper = (list(x) for x in zip(*search.history, strict=True))
        assert made == sorted(made)
        assert lower == sorted(lower)
        assert upper == sorted(upper, reverse=True)
        assert search.upper <= search.lower * (1 + 2 * tolerance)
    assert whole.upper >= parts.lower
    assert parts.upper >= whole.lower
    target = 1.2 * float(whole.lower)
    early = refine(search_of(mapping, Q), go.Effort(nodes=100_000, tolerance=tolerance, target=target))
    assert float(whole.lower) <= float(early.upper) <= target
    assert early.made < whole.made
    atom = atom_of(mapping, whole)
    assert float(mapping.inner(Q[None], *atom)) == pytest.approx(float(whole.lower), rel=1e-12)


def test_bounds_hold_on_every_cone():
    """On random cones of all sizes the bound exceeds F at random points inside, for all patterns and depths."""
    stream = generator(1, "cones")
    S, Q = draw("S", 6, 2), draw("Q", 6, 2)
    for widths, signs, slope in (((), (1.0, -1.0), 0.0), ((), (1.0, -1.0, 1.0), 0.3), ((2,), (1.0, -1.0), 0.0)):
        f = ReluCones(S, Q, widths, torch.tensor(signs, dtype=torch.float64), slope, outer=True)
        cones = f.orthants()
        for size in (1.0, 0.5, 0.1):
            around = tuple(normalised(v + 0.3 * normal(stream, *v[:, :1].shape)) for v in cones)
            small = tuple(normalised(v.sum(1, keepdim=True) / v.shape[1] + size * v) for v in around)
            bound = f.bounds(small)
            for _ in range(20):
                inside = []
                for v in small:
                    t = normal(stream, *v.shape[:2]).exp()
                    inside.append(normalised((t[:, :, None, None] * v).sum(1)))
                seen = torch.isfinite(bound) | (bound > 0)  # −∞: left to fewer units
                assert bool((f.value(tuple(inside)) <= bound + f.error(0))[seen].all())


def test_values_are_as_exact_as_their_rounding_is_said_to_be():
    """Against extended precision, and what is claimed is no million times the true rounding."""
    stream = generator(2, "rounding")
    S, Q = draw("many S", 400, 3), draw("many Q", 400, 2)
    f = ReluCones(S, Q, (2,), torch.tensor((1.0, -1.0), dtype=torch.float64), 0.0, outer=True)
    points = tuple(normalised(normal(stream, 50, *shape)) for shape in f.blocks)
    s, q = (x.numpy().astype(np.longdouble) for x in (S, Q))
    exact = []
    for w, z in zip(*(p.numpy().astype(np.longdouble) for p in points), strict=True):
        h = np.maximum(s @ w.reshape(3, 2), 0) @ z.T
        out = np.maximum(np.maximum(h, 0) @ np.array([1.0, -1.0], dtype=np.longdouble), 0)
        exact.append(np.sqrt(((out @ q) ** 2).sum()))
    off = np.abs(f.value(points).numpy() - np.array(exact)).max()
    claimed = f.evaluation * f.eps * f.scale
    assert off <= claimed < f.error(0)
    assert claimed <= 1e6 * max(off, f.eps * f.scale / 400)
    assert f.error(40) > f.error(0)


def test_negative_control_fewer_units_do_not_bound_more():
    """The search over one unit alone stays below what two units reach: patterns matter, and tests can see it."""
    x = torch.linspace(-1, 1, 6, dtype=torch.float64)
    S, q = torch.stack([x, torch.ones_like(x)], 1), torch.tensor([[0.4], [-0.5], [-0.5], [0.5], [0.4], [-0.4]]).double()
    one = deep_relu_polar(go.DeepRelu(S, (1, 1, 1)))(q[None])
    two = deep_relu_polar(go.DeepRelu(S, (2, 1, 1)))(q[None])
    assert float(one.upper) < 0.999 * float(two.lower)


def test_orthants_are_counted():
    for widths in ((2, 2, 1), (3, 1, 1), (1, 1), (2, 2, 1, 1)):
        mapping = go.DeepRelu(draw("S", 4, 2), widths)
        search = search_of(mapping, draw("Q", 4, 1))
        assert search.history[0][0] <= number_of_orthants(mapping)


def test_progress_is_measured():
    progress = deep_benchmarks.branch_and_bound(samples=6, width=2, cones=4000)
    assert progress["gap"].is_monotonic_decreasing
    assert progress["cones"].is_monotonic_increasing
    assert (progress["gap"] >= 0).all()
