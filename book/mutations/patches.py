"""Small errors, each a function that a kernel calls before its chapter: it puts the error in and returns.

Methods of classes are patched, so that it does not matter who has imported what.
"""

import copy
import sys
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from global_optimality import certificate
from global_optimality.certificate import Certificate, Verdict
from global_optimality.descent import minimise as _minimise  # noqa: F401  (the package before its module)
from global_optimality.descent.minimise import _Runs  # an error is put where no user reaches
from global_optimality.factors import Factors
from global_optimality.losses import CrossEntropyLoss, LogisticLoss
from global_optimality.losses.samples import SampleLoss
from global_optimality.meta_algorithm.trail import Trail
from global_optimality.polar.bound import Checked, PolarBound
from global_optimality.problem import Problem
from global_optimality.regularizers import Regularizer

from ..shared import data, descents, two_points


def _around(owner: Any, name: str, change: Callable[..., Any]) -> None:
    """Replace a method by ``change(original, self, *arguments)``."""
    original = getattr(owner, name)

    def changed(self: Any, *arguments: Any, **named: Any) -> Any:
        return change(original, self, *arguments, **named)

    setattr(owner, name, changed)


def polar(factor: float) -> None:
    """Every polar is so many times itself."""

    def scaled(original: Callable[..., PolarBound], self: Checked, Q: Tensor) -> PolarBound:
        bound = original(self, Q)
        return PolarBound(factor * bound.lower, factor * bound.upper, bound.atom)

    _around(Checked, "__call__", scaled)


def certified_polar(factor: float) -> None:
    """Certificates take every polar, whoever made it, so many times too large; searches and λ_max do not."""
    original = certificate.certify_twin

    def scaled(problem: Problem, W: Factors, polar: Callable[[Tensor], PolarBound], *more: Any) -> Certificate:
        def larger(Q: Tensor) -> PolarBound:
            bound = polar(Q)
            return PolarBound(factor * bound.lower, factor * bound.upper, bound.atom)

        return original(problem, W, larger, *more)

    for module in list(sys.modules.values()):
        if getattr(module, "certify_twin", None) is original:
            module.certify_twin = scaled  # type: ignore[attr-defined]


def forgotten_sample() -> None:
    """The polar overlooks the first sample: every cell on the boundary of which only that sample matters is missed."""

    def blind(original: Callable[..., Any], self: Checked, Q: Tensor, *more: Any) -> Any:
        seen = Q.clone()
        seen[:, 0] = 0
        return original(self, seen, *more)

    for name in ("__call__", "atoms"):
        _around(Checked, name, blind)


def price(factor: float) -> None:
    """f is computed with λ so many times itself; certificates know the right λ."""

    def dearer(original: Callable[..., Any], self: Problem, *W: Any) -> Any:
        other = copy.copy(self)
        object.__setattr__(other, "lam", factor * self.lam)
        return original(other, *W)

    for name in ("__call__", "gradient"):
        _around(Problem, name, dearer)


def degree(power: float) -> None:
    """Θ sums θ to that power: it has another degree than declared."""

    def other(original: Callable[..., Tensor], self: Regularizer, *W: Tensor) -> Tensor:
        return (self.theta(*W) ** power).sum(1)

    _around(Regularizer, "Theta", other)


def slide(sign: float = 1.0, power: float = 1.0) -> None:
    """The slide goes along sign · β, with (1 + tβ) to that power in the place of 1 + tβ; it is taken in any case."""

    def wrong(original: Callable[..., Any], self: Trail, beta: Tensor) -> Callable[[float], Factors]:
        start, scaled = self.weights, self.problem.mapping.scaled
        return lambda t: scaled(start, (1 + sign * t * beta).clamp(min=0)[None] ** power)

    _around(Trail, "_slide_along", wrong)


def no_output_bias() -> None:
    """The output bias is left out of the loss, though the certificate counts on it."""
    _around(SampleLoss, "_bias", lambda original, self, X: torch.zeros_like(X[:, 0]))


def no_entropy() -> None:
    """The conjugate of the cross-entropy lacks its entropy: it is 0 on its domain."""
    for loss in (CrossEntropyLoss, LogisticLoss):

        def without(original: Callable[..., Any], self: Any, G: Tensor) -> tuple[Tensor, Tensor]:
            value, size = original(self, G)
            return torch.where(torch.isfinite(value), 0.0, value), size

        _around(loss, "sample_conjugate", without)


def short_descents(steps: int) -> None:
    """Every descent stops after so many steps, and so do Adam and the gradient flow of two points."""
    flow = two_points.gradient_flow
    two_points.gradient_flow = lambda problem, W, **named: flow(problem, W, **{**named, "steps": steps})

    def limited(original: Callable[[Any], None], self: _Runs) -> None:
        if int(self.steps.max()) < steps:
            original(self)
        else:
            self.moved = torch.zeros_like(self.active, dtype=torch.bool)

    _around(_Runs, "step", limited)
    taken: dict[int, int] = {}

    def few(original: Callable[..., Any], self: torch.optim.Adam, *arguments: Any) -> Any:
        taken[id(self)] = taken.get(id(self), 0) + 1
        return original(self, *arguments) if taken[id(self)] <= steps else None

    _around(torch.optim.Adam, "step", few)


def shuffled_labels() -> None:
    """The targets of every data set belong to other samples."""
    for name in ("digits", "diabetes"):
        loaded = getattr(data, name)

        def shuffled(loaded: Callable[[], data.Samples] = loaded) -> data.Samples:
            samples = loaded()
            order = torch.randperm(len(samples.target), generator=torch.Generator().manual_seed(0))
            return replace(samples, target=samples.target[order])

        setattr(data, name, shuffled)


def repeated_data() -> None:
    """Every data set starts with its first ten samples over and over."""
    for name in ("digits", "diabetes"):
        loaded = getattr(data, name)

        def repeated(loaded: Callable[[], data.Samples] = loaded) -> data.Samples:
            samples = loaded()
            rows = torch.arange(len(samples.S)) % 10
            return replace(samples, S=samples.S[rows], target=samples.target[rows])

        setattr(data, name, repeated)


def credulous() -> None:
    """Every certificate says: certified, with the gap 0 and a polar of at most λ."""

    def believing(original: Callable[..., None], self: Certificate, **fields: Any) -> None:
        f, one = fields["objective"], torch.ones_like(fields["polar"])
        change = {"gap": torch.zeros_like(f), "lower_bound": f, "polar": one, "escape_objective": f}
        original(self, **{**fields, **change})

    _around(Certificate, "__init__", believing)
    _around(Certificate, "verdict", lambda original, self, tol: (Verdict.CERTIFIED,) * len(self.objective))


def one_start() -> None:
    """All runs start at the same weights."""
    drawn = two_points.balanced_starts

    def same(original: Callable[..., Factors], self: Problem, n: int, r: int, **named: Any) -> Factors:
        return tuple(w.expand(n, *w.shape[1:]).clone() for w in original(self, 1, r, **named))

    def same_balanced(n: int, r: int, *, seed: int) -> Factors:
        return tuple(w.expand(n, *w.shape[1:]).clone() for w in drawn(1, r, seed=seed))

    _around(Problem, "random", same)
    two_points.balanced_starts = same_balanced


def linear_units() -> None:
    """Rectifiers let everything through."""
    torch.relu = torch.Tensor.relu = lambda self: self


def lonely_starts() -> None:
    """Random starts have one subnetwork that is not zero."""

    def lonely(original: Callable[..., Factors], self: Problem, *size: int, **named: Any) -> Factors:
        W = original(self, *size, **named)
        for w in W:
            w[:, 1:] = 0
        return W

    _around(Problem, "random", lonely)


def no_restart() -> None:
    """The test whether a run has settled takes no step."""
    descend = descents.adam
    descents.adam = lambda runs, x, steps, **named: descend(runs, x, 0 if named else steps, **named)


def nothing_shuffled() -> None:
    """Permutations leave everything in its place."""
    torch.randperm = lambda n, **named: torch.arange(n)
