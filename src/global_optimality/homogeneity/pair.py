"""Whether (φ, θ) is a nondegenerate pair (section 5), as far as it can be tested at finitely many points."""

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from itertools import pairwise
from weakref import WeakKeyDictionary

import torch
from torch import Tensor

from ..effort import numbers
from ..factors import Factors
from ..mappings import Mapping
from ..regularizers import Regularizer
from ..settings import instance
from ..streams import generator, normal
from .measure import Degree, Homogeneity, check_degree, measure_degree, random_points


class Nondegeneracy(Enum):
    """The outcome of the test; a test at points can refute, never prove."""

    NOT_REFUTED = "Both conditions hold wherever they were tried; this is no proof."
    UNEQUAL_DEGREES = "Condition 1 fails: φ and θ are not both positively homogeneous of one degree p > 0."
    VANISHING = "Condition 2 fails: θ = 0 at a point where φ ≠ 0."
    UNBOUNDED = "Condition 2 fails: ‖φ‖/θ grows without end as one layer is scaled, so φ → ∞ while θ stays bounded."
    UNDECIDED = "A degree could not be measured."


@dataclass(frozen=True, eq=False)
class PairTest:
    """Both measured degrees, the largest ‖φ‖/θ met (+∞ when refuted), the verdict, and a point that shows it if any."""

    mapping: Degree
    regularizer: Degree
    largest_ratio: float
    verdict: Nondegeneracy
    witness: Factors | None


SHRINKS = (1e-2, 1e-4, 1e-6)
"""Factors by which one layer alone is scaled: a ratio ‖φ‖/θ that grows without end along it refutes condition 2."""

POINTS = 32
"""Dense points tried by ``check_pair``, and as many with most entries zero."""

FEW = 4
"""The same for the check at the construction of a problem."""


def check_pair(mapping: Mapping, regularizer: Regularizer, *, seed: int = 0) -> PairTest:
    """Tests the two conditions of a nondegenerate pair at random points, at points with zero layers and entries, and
    along rays that scale one layer alone. With one degree, condition 2 means that ‖φ‖/θ is bounded.
    """
    check_parts(mapping, regularizer)
    shapes, like = mapping.factor_shapes, mapping.data
    points = _inside(regularizer, random_points(shapes, like=like, seed=seed))
    p, q = (measure_degree(f, points, mapping.exponents) for f in (mapping.phi, regularizer.theta))
    if Homogeneity.UNDECIDED in (p.verdict, q.verdict):
        return PairTest(p, q, float("nan"), Nondegeneracy.UNDECIDED, None)
    if Homogeneity.NOT_HOMOGENEOUS in (p.verdict, q.verdict) or p.estimate != q.estimate or p.estimate <= 0:
        return PairTest(p, q, float("inf"), Nondegeneracy.UNEQUAL_DEGREES, None)
    ratio, verdict, witness = _condition_2(mapping, regularizer, _trials(shapes, like, seed, POINTS))
    return PairTest(p, q, ratio, verdict, witness)


def check_parts(mapping: object, regularizer: object) -> None:
    """``TypeError`` unless they are a mapping and a regularizer."""
    instance("mapping", mapping, Mapping, "pass a mapping such as ReluUnit(S).")
    instance("regularizer", regularizer, Regularizer, "pass a regularizer such as SumOfSquares().")


def check_nondegenerate(mapping: Mapping, regularizer: Regularizer, like: Tensor | None = None) -> None:
    """``ValueError`` when condition 2 is refuted at a few points; cheap, for a pair whose degrees are checked."""
    W = _trials(mapping.factor_shapes, like, 0, FEW)
    _, verdict, _ = _condition_2(mapping, regularizer, W)
    if verdict is not Nondegeneracy.NOT_REFUTED:
        raise ValueError(
            f"({type(mapping).__name__}, {type(regularizer).__name__}) is a degenerate pair. {verdict.value} Take a θ "
            "that grows with every layer, such as BalancedWeightDecay; homogeneity.check_pair shows a witness."
        )


def check_declared(mapping: Mapping, regularizer: Regularizer, like: Tensor) -> None:
    """``ValueError`` when a degree is measured to be another than declared, or a pair of one degree is degenerate.

    Measured once for each mapping and regularizer, as long as both live: with another loss or λ they are the same.
    """
    p, q = mapping.degree, regularizer.degree
    claims = (p, str(q), like.dtype, like.device)
    known = _known(mapping, regularizer)
    if claims in known:
        return
    shapes, kappa = mapping.factor_shapes, mapping.exponents
    check_degree(type(mapping).__name__, mapping.phi, shapes, p, like, kappa)
    if not math.isnan(q):
        check_degree(type(regularizer).__name__, regularizer.theta, shapes, q, like, kappa)
    if p == q:
        check_nondegenerate(mapping, regularizer, like)
    known.add(claims)


def _known(mapping: Mapping, regularizer: Regularizer) -> set[tuple[object, ...]]:
    try:
        return _KNOWN.setdefault(mapping, WeakKeyDictionary()).setdefault(regularizer, set())
    except TypeError:  # a class of the user's whose instances have no hash: measured each time
        return set()


_KNOWN: WeakKeyDictionary[Mapping, WeakKeyDictionary[Regularizer, set[tuple[object, ...]]]] = WeakKeyDictionary()
"""What was measured and found as declared: (p, q, dtype, device) of each pair."""


def _condition_2(mapping: Mapping, regularizer: Regularizer, W: Factors) -> tuple[float, Nondegeneracy, Factors | None]:
    """(largest ‖φ‖/θ met, verdict, witness) for the subnetworks W of one run."""
    with torch.no_grad():
        if not torch.isfinite(regularizer.theta(*W)).all():  # a cone: try its inside
            W = tuple(w.abs() for w in W)
        size, cost = _sizes(mapping, regularizer, W)
        allowed = torch.isfinite(cost)
        for i in (allowed & (size > 0) & (cost == 0)).nonzero()[:, 0].tolist():
            point = tuple(w[:, i : i + 1] for w in W)
            if float(size[i]) > _rounding(mapping, point):
                return float("inf"), Nondegeneracy.VANISHING, point
        ratio = torch.where(allowed & (cost > 0), size / cost, torch.zeros_like(cost))
        i = int(ratio.argmax())
        point = tuple(w[:, i : i + 1] for w in W)
        for k, shrink in itertools.product(range(len(W)), (True, False)):
            seen = _along(mapping, regularizer, point, k, [s if shrink else 1 / s for s in (1.0, *SHRINKS)])
            if all(b > 2 * a > 0 for a, b in pairwise(seen)):
                return float("inf"), Nondegeneracy.UNBOUNDED, point
    return float(ratio[i]), Nondegeneracy.NOT_REFUTED, None


def _rounding(mapping: Mapping, point: Factors) -> float:
    """What ‖φ‖ may be of a φ that is 0: sums of m terms err by m eps/2 Σ|terms|, over weights and outputs each."""
    terms = sum(w[0, 0].numel() for w in point) + math.prod(mapping.shape)
    return terms * torch.finfo(point[0].dtype).eps * float(mapping.magnitude(*point).norm())


def _sizes(mapping: Mapping, regularizer: Regularizer, W: Factors) -> tuple[Tensor, Tensor]:
    """(‖φ‖, θ) of the subnetworks of one run, as many at a time as the memory of a step holds."""
    count, outputs = W[0].shape[1], math.prod(mapping.shape)
    parts = zip(*(w.split(max(1, numbers(count * outputs, 4) // outputs), dim=1) for w in W), strict=True)
    return torch.cat([mapping.phi(*part)[0].flatten(1).norm(dim=1) for part in parts]), regularizer.theta(*W)[0]


def _along(mapping: Mapping, regularizer: Regularizer, point: Factors, k: int, scales: Sequence[float]) -> list[float]:
    """‖φ‖/θ of a point with layer k alone times each of the scales."""
    rows = [w.expand(-1, len(scales), *w.shape[2:]) for w in point]
    factor = torch.tensor(scales, dtype=rows[k].dtype, device=rows[k].device)
    rows[k] = factor.reshape(-1, *[1] * (rows[k].ndim - 2)) * rows[k]
    size, cost = _sizes(mapping, regularizer, tuple(rows))
    return torch.where(cost > 0, size / cost, torch.inf).tolist()


def _inside(regularizer: Regularizer, points: list[Factors]) -> list[Factors]:
    """The points themselves, or their absolute values where a cone excludes them."""
    finite = all(bool(torch.isfinite(regularizer.theta(*w)).all()) for w in points)
    return points if finite else [tuple(x.abs() for x in w) for w in points]


def _trials(shapes: tuple[tuple[int, ...], ...], like: Tensor | None, seed: int, points: int) -> Factors:
    """Subnetworks of one run: dense ones, ones with most entries zero, and the two with one layer zero each."""
    stream = generator(seed, "nondegenerate", *(str(s) for s in shapes))
    W = tuple(normal(stream, 1, 2 * points + len(shapes), *s, like=like) for s in shapes)
    for k, w in enumerate(W):
        keep = normal(stream, *w[:, points : 2 * points].shape, like=like) > 0.8
        w[:, points : 2 * points] *= keep
        w[:, 2 * points + k] = 0
    return W
