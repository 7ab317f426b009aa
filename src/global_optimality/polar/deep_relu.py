"""The polar of deep ReLU subnetworks, max ⟨Q, φ(w)⟩ over ‖w¹‖_F = … = ‖wᴷ‖_F = 1, by reduction and search.

Reductions, each exact, for hidden layers of widths m_1, …, m_L (L = K − 1):
1. The best last layer gives ‖Qᵀh‖_F = (Σ_j ‖Qᵀh_j‖²)^{1/2} over the units h_j of layer L. Each term is homogeneous of
   degree 2 in that unit's weights w_j, and Σ‖w_j‖² = 1, so one unit is as good as many: m_L = 1.
2. ReLU, m_l = 1: the layer's output z is a non-negative column, and later layers only scale it. The network ends there.
3. With m_L = 1 let a_u be the weights into the last unit and w_u column u of the layer before: |a_u| w_u = z_u and
   σ_u = sign a_u turn Σ_u a_u relu(H w_u) into Σ_u σ_u relu(H z_u), and the least ‖w‖_F ‖a‖ for given z is Σ_u ‖z_u‖
   (Cauchy and Schwarz). Hence one layer less, and m + 1 patterns of signs, as units of equal sign are interchangeable.
4. Two units of equal sign whose H z_u have the same signs are worth their sum (triangle inequality). So all patterns of
   at most m units are searched, and each leaves such places to the smaller ones.
5. ReLU and all σ_u = +: h is linear in its non-negative units, ‖Qᵀh‖ convex in their shares: one unit, which every
   pattern with a plus contains. All σ_u = −: h = 0. Both are left out.
"""

import itertools
import math
from dataclasses import replace

import torch
from torch import Tensor

from ..effort import Clock, Effort, room
from ..factors import Factors
from ..mappings import DeepRelu
from ..regularizers import SumOfPowers
from .ascent import Climbing, ascend
from .best_first import COPIES, Search, begin, refine
from .bound import Oracle, PolarBound
from .relu_cones import ReluCones
from .relu_enclosure.branch_and_bound import LARGEST_RANK
from .sample_signs import SampleSigns
from .spectral import decompose

EFFORT = Effort(nodes=100_000, tolerance=1e-7)
"""Of one Q, unless told otherwise: about a second; it mostly closes for d · m₁ ≤ 4, often for 6."""

FEW = 4
"""Up to so many coordinates cones are cut first of all: most problems close, and their bounds know the widths."""

CONES_PER_CELL = 200
"""A cell of signs takes the time of so many cones (measured: some 10 ms, at 14 samples)."""

CLIMBS = 256
"""Starts of the ascents on the way: they cost hardly more than few, and find what few miss where many are near best."""

STARTS = 64
"""Starts of the ascent that precedes the search."""

CLIMBING = 0.5
"""Share of the seconds that this ascent may take; the search that proves something has the others."""


def deep_relu_polar(mapping: DeepRelu, effort: Effort = EFFORT) -> Oracle:
    """The polar as a function of Q ``(n, N, c)``; the limits are those of each Q, but the seconds of all together.

    Cones of weights are cut where there are few coordinates; else signs of samples first, with multipliers layer by
    layer, which is all where there are more orthants than ``effort.nodes``.
    """

    def polar(Q: Tensor, effort: Effort, clock: Clock) -> PolarBound:
        return _joined([_enclose(mapping, q, effort, clock) for q in Q])

    return Climbing(mapping, polar, effort=effort.otherwise(EFFORT), starts=CLIMBS)


def search_of(mapping: DeepRelu, Q: Tensor, known: float = 0.0) -> Search:
    """The branch and bound for one Q ``(N, c)`` before its first cut, to be refined; progress is in ``history``.

    ``known`` is a value that an ascent attained already; below it nothing is searched.
    """
    return begin(_patterns(mapping, Q), Q.new_tensor([known]))


def _patterns(mapping: DeepRelu, Q: Tensor) -> list[ReluCones]:
    """One for each σ, the largest last."""
    widths = mapping.effective_widths
    return [
        ReluCones(mapping.S, Q, widths[:-2], sigma, mapping.slope, outer=len(widths) > 1) for sigma in _signs(mapping)
    ]


def number_of_orthants(mapping: DeepRelu) -> int:
    """At most so many cones does the search start with."""
    widths = (mapping.S.shape[1], *mapping.effective_widths[:-1])
    hidden = sum(a * b for a, b in itertools.pairwise(widths[:-1]))
    last = widths[-2] if len(widths) > 1 else widths[0]
    return sum(2 ** (hidden + last * len(sigma)) for sigma in _signs(mapping))


def _coordinates(mapping: DeepRelu) -> int:
    """Of the cones of the largest pattern."""
    widths = (mapping.S.shape[1], *mapping.effective_widths[:-1])
    return sum(a * b for a, b in itertools.pairwise(widths))


def _signs(mapping: DeepRelu) -> list[Tensor]:
    """The patterns σ up to the order of units (reductions 3 to 5), plus signs first, small ones first."""
    widths = mapping.effective_widths
    if len(widths) == 1:
        return [mapping.S.new_ones(1)]
    m, least = widths[-2], 0 if mapping.slope > 0 else 1
    counts = [(p, size - p) for size in range(min(m, 2), m + 1) for p in range(least, size + 1 - least)]
    return [torch.tensor([1.0] * p + [-1.0] * q, device="cpu").to(mapping.S) for p, q in counts]


def _enclose(mapping: DeepRelu, Q: Tensor, effort: Effort, clock: Clock) -> PolarBound:
    with clock.part(CLIMBING).running():
        value, atom = ascend(mapping, SumOfPowers(mapping.degree), Q[None], starts=STARTS)
    bound = PolarBound(value, torch.maximum(_spectral_bound(mapping.S, Q), value), atom)
    if not bool(Q.any()):
        return bound
    nodes = math.inf if effort.nodes is None else effort.nodes
    first = number_of_orthants(mapping)
    held = max(8 * COPIES * first * _coordinates(mapping) ** 2, _patterns(mapping, Q)[-1].held)
    cones = first <= nodes and held <= room()
    if not (cones and _coordinates(mapping) <= FEW) and len(mapping.effective_widths) > 1:
        bound = _by_signs(mapping, Q, bound, effort, clock, 0.5 if cones else 1.0)
    done = not cones or clock.over or effort.met(bound.lower, bound.upper)
    return bound if done else _by_cones(mapping, Q, bound, effort, clock)


def _by_cones(mapping: DeepRelu, Q: Tensor, known: PolarBound, effort: Effort, clock: Clock) -> PolarBound:
    """``known``, improved by the search over cones of weights."""
    search = refine(search_of(mapping, Q, float(known.lower)), effort, clock)
    value, atom = known.lower, known.atom
    if bool(search.lower > value):
        atom = atom_of(mapping, search)
        value = mapping.inner(Q[None], *atom)[:, 0].clamp(min=0)
    return PolarBound(value, torch.maximum(torch.minimum(search.upper, known.upper), value), atom)


def _by_signs(
    mapping: DeepRelu, Q: Tensor, known: PolarBound, effort: Effort, clock: Clock, share: float
) -> PolarBound:
    """``known``, improved by the search over signs of the last layer, in a ``share`` of the time left."""
    part = clock.part(share)
    search = sign_search(mapping, Q, known, part)
    if search is None:
        return known
    nodes = None if effort.nodes is None else max(2, effort.nodes // CONES_PER_CELL)
    search = refine(search, replace(effort, nodes=nodes), part)
    clock.interrupted |= part.interrupted
    value, atom = known.lower, known.atom
    if len(mapping.effective_widths) == 2 and not clock.over and bool(search.covers[0].best.value > 0):
        f, (z, sigma) = search.best()
        assert isinstance(f, SampleSigns)
        found = _network(mapping, (), z[0], sigma[0], f.output(z, sigma)[0])
        climbed = ascend(mapping, SumOfPowers(mapping.degree), Q[None], starts=1, first=found)
        value, atom = climbed if bool(climbed[0] > value) else (value, atom)
    return PolarBound(value, torch.maximum(torch.minimum(search.upper, known.upper), value), atom)


def sign_search(mapping: DeepRelu, Q: Tensor, known: PolarBound, clock: Clock) -> Search | None:
    """The search over signs of the last layer on samples, whatever the widths, for one Q ``(N, c)``, before its first
    cell; None where Q has too large a rank, or no sample counts.
    """
    widths = mapping.effective_widths
    bound = SampleSigns(mapping.S, Q, len(widths) - 1, widths[-2], mapping.slope, known.upper, clock)
    return begin([bound], known.lower) if bool(bound.kept.any()) and bound.outputs <= LARGEST_RANK else None


def _spectral_bound(S: Tensor, Q: Tensor) -> Tensor:
    """‖Qᵀh‖ ≤ σ₁(Q) σ₁(S), since ‖h‖ ≤ ‖S w¹ …‖ layer by layer; ``(1,)``."""
    return decompose(S[None])[3] * decompose(Q[None])[3] * (1 + torch.finfo(Q.dtype).eps)  # a rounded product


def atom_of(mapping: DeepRelu, search: Search) -> Factors:
    """The best point of a search over cones as one subnetwork with layers of norm 1 (the reductions undone)."""
    f, point = search.best()
    assert isinstance(f, ReluCones)
    *first, z = (p[0] for p in point)
    return _network(mapping, tuple(first), z, f.signs, f.output(point)[0])


def _network(mapping: DeepRelu, first: tuple[Tensor, ...], z: Tensor, signs: Tensor, y: Tensor) -> Factors:
    """The subnetwork of the layers ``first``, units z ``(m, ·)`` with their signs, and the output y ``(c,)``."""
    widths = (mapping.S.shape[1], *mapping.effective_widths)
    layers = [w.reshape(a, b) for w, a, b in zip(first, widths[:-1], widths[1:], strict=False)]
    if len(widths) == 2:
        layers.append(z.mT)
    else:
        share = z.norm(dim=1).sqrt()
        inverse = torch.where(share > 0, 1 / share, torch.zeros_like(share))
        layers += [(z * inverse[:, None]).mT, (signs * share)[:, None]]
    length = y.norm()
    y = y / length if float(length) > 0 else torch.nn.functional.one_hot(torch.tensor(0, device="cpu"), len(y)).to(y)
    return mapping.embed(tuple(w[None, None] for w in layers), y[None, None, None])


def _joined(bounds: list[PolarBound]) -> PolarBound:
    atoms = zip(*(b.atom for b in bounds), strict=True)
    return PolarBound(
        torch.cat([b.lower for b in bounds]), torch.cat([b.upper for b in bounds]), tuple(torch.cat(w) for w in atoms)
    )
