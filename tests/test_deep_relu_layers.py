"""Multipliers layer by layer: any give a bound; the search on signs of samples closes, and agrees with cones."""

import pytest
import torch

import global_optimality as go
import laws
from deep_draws import draw, networks, trio
from global_optimality.effort import Clock
from global_optimality.polar.best_first import FINAL, refine
from global_optimality.polar.bound import PolarBound
from global_optimality.polar.deep_relu import deep_relu_polar, number_of_orthants, search_of, sign_search
from global_optimality.polar.layer_majorants import Multipliers, leaves
from global_optimality.polar.sample_signs import SampleSigns


def awkward(name: str, N: int, d: int) -> torch.Tensor:
    """Rows of all lengths, one of them zero, two equal, two opposite."""
    S = draw(name, N, d) * torch.logspace(-3, 1, N, dtype=torch.float64)[:, None]
    S[1], S[2], S[3] = 0, S[0], -S[4]
    return S


def search(mapping: go.DeepRelu, Q: torch.Tensor, **limits):
    """Without a value that is known, and from a bound that is none."""
    clock = Clock(go.Effort())
    far = 1e9 * (Q.norm(dim=1) @ mapping.S.abs().sum(1))
    nothing = PolarBound(Q.new_zeros(1), far[None], ())
    found = sign_search(mapping, Q, nothing, clock)
    assert found is not None
    return refine(found, go.Effort(**limits), clock)


@pytest.mark.parametrize("slope", [0.0, 0.3])
def test_any_multipliers_bound_any_network(slope):
    """Σ ψ(p) ≤ Σ_u of the leaves' functions, for random numbers c, x of any sign and size, and random known signs."""
    N = 6
    for seed in range(200):
        alpha, c, x, z = (draw(f"any {k} {seed}", *shape) for k, shape in enumerate(((N,), (1, N), (1, N), (4, N))))
        sigma = torch.tensor([1.0, 1.0, -1.0, -1.0]).double()
        h = torch.where(z > 0, z, slope * z)
        p = sigma @ h
        known = torch.where(draw(f"known {seed}", N) > 0, p.sign(), 0)
        (a, b), _ = leaves(Multipliers(3 * c, 3 * x), (alpha, slope * alpha), known, slope)
        leaf = (sigma < 0).long()
        above = (a[leaf] * z.clamp(min=0) - b[leaf] * (-z).clamp(min=0)).sum()
        truth = (alpha * torch.where(p > 0, p, slope * p)).sum()
        assert above >= truth - 1e-12
        if seed == 0:  # as they came, multipliers of the wrong sign prove nothing
            wrong = (-10 * p.sign() * sigma[:, None] * h).sum()
            assert wrong < truth


@pytest.mark.parametrize(
    ("widths", "slope"),
    [((2, 2, 1), 0.0), ((3, 1, 2), 0.0), ((2, 1, 1), 0.4), ((2, 2, 2, 1), 0.0), ((2, 2, 1, 1), 0.2)],
)
def test_cells_bound_all_networks_in_them(widths, slope):
    S, Q = awkward("awkward", 9, 2), draw("awkward Q", 9, widths[-1])
    mapping = go.DeepRelu(S, widths, slope)
    W = networks(mapping, 1, 4000)
    W = tuple(w / w.flatten(2).norm(dim=2)[:, :, None, None] for w in W)
    values = mapping.inner(Q[None], *W)[0]
    for nodes in (2, 9, 40):
        found = search(mapping, Q, nodes=nodes)
        assert bool((values <= found.upper).all())
        assert found.lower <= found.upper
    f = found.covers[0].bound
    assert isinstance(f, SampleSigns)
    if len(mapping.effective_widths) == 2:
        assert float(found.lower) >= 0.5 * float(found.upper), "points of the program's solution are good"
        z, sigma = found.covers[0].best.point
        assert float(z[0].norm(dim=1).sum()) == pytest.approx(1, rel=1e-12)
        assert float(f.value(z, sigma)) == pytest.approx(float(found.lower), rel=1e-12)


@pytest.mark.parametrize("case", range(4))
def test_signs_and_cones_agree(case):
    """Signs bound layers of any width: never less than the polar of two inner units, and where both close, the same."""
    S, q = draw(f"agree S {case}", 7, 2), draw(f"agree q {case}", 7, 1)
    mapping = go.DeepRelu(S, (2, 2, 1))
    cones = refine(search_of(mapping, q), go.Effort(nodes=20_000, tolerance=1e-5))
    assert cones.upper <= cones.lower * (1 + 2e-5)
    signs = search(mapping, q, nodes=300, tolerance=1e-3)
    assert float(signs.upper) >= float(cones.lower)
    assert float(signs.lower) <= float(cones.upper)
    wide = go.DeepRelu(S, (8, 2, 1))
    assert float(search(wide, q, nodes=300, tolerance=1e-3).upper) == pytest.approx(float(signs.upper), rel=2e-3)
    assert all(bool((c.open.depth[c.open.bound > 1.01 * signs.lower] >= FINAL).all()) for c in signs.covers)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("shape", "widths", "width"), [((8, 2), (6, 2, 1), 1e-2), ((7, 5), (4, 4, 1), 0.3), ((8, 2), (4, 4, 4, 1), 0.3)]
)
def test_where_orthants_are_too_many_signs_still_enclose(shape, widths, width):
    mapping, Q = go.DeepRelu(draw("many S", *shape), widths), draw("many Q", 1, shape[0], 1)
    effort = go.Effort(nodes=4000, tolerance=1e-2)
    assert number_of_orthants(mapping) > 4000
    bound = deep_relu_polar(mapping, effort)(Q)
    laws.polar_encloses(lambda q: bound, mapping, trio(mapping.degree)[0], Q, networks(mapping, 1))
    assert float(bound.upper / bound.lower) <= 1 + width


def test_signs_are_searched_in_any_scaling_and_not_without_time():
    mapping, Q = go.DeepRelu(draw("many S", 8, 2), (6, 2, 1)), draw("many Q", 8, 1)
    bound = search(mapping, Q, nodes=20)
    for s, r in ((1e-120, 1e5), (1e90, 1e-3)):
        other = search(go.DeepRelu(s * mapping.S, mapping.widths), r * Q, nodes=20)
        assert float(other.upper) / (s * r) == pytest.approx(float(bound.upper), rel=1e-6)
    unseen = go.DeepRelu(torch.where(torch.arange(8)[:, None] == 0, mapping.S, 0.0), mapping.widths)
    blind = torch.where(torch.arange(8)[:, None] == 0, 0.0, Q)
    assert float(deep_relu_polar(unseen, go.Effort(nodes=20))(blind[None]).lower) == 0, "no sample counts"
    late = deep_relu_polar(mapping, go.Effort(seconds=0.0))(Q[None])
    assert float(late.upper) >= float(bound.lower)
