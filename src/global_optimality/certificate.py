"""How far a network is from the global optimum over networks of every size (theory page, "The lower bound")."""

import math
from dataclasses import dataclass, replace
from enum import Enum

import torch
from torch import Tensor

from .effort import Effort
from .factors import Factors, append
from .losses.base import column
from .polar import Polar
from .polar.in_units import twin_oracle
from .problem import Problem, check_problem
from .settings import number
from .twin import Twin, twin

SUMMATION = 4.0
"""−ℓ* is lowered by SUMMATION · (log₂ card(X) + 4) · eps · Σ|terms|.

``pairwise`` sums of m terms err by at most ⌈log₂ m⌉ · eps/2 · Σ|terms| to first order, and every term of a conjugate
by a few eps/2: the factor leaves room for terms of several operations.
"""


CONTRADICTION = 0.5
"""A lower bound above the objective by more than eps^CONTRADICTION, relative, proves the polar wrong: no bound then."""

ENCLOSED = "The polar is only enclosed: tighten its upper bound with effort=Effort(seconds=..., nodes=...)"
"""What would decide a certificate whose polar is far from its lower bound."""

CANCELS = "Take offsets off inputs and targets (an output bias takes them up), or a larger λ: large terms cancel."
"""What to do where the rounding of the objective is more than the tolerance."""


class Verdict(Enum):
    """What a certificate says of one run at a tolerance on the relative gap; tested in this order."""

    CERTIFIED = "Globally optimal over networks of every size, within the tolerance."
    REFUTED = "Not optimal over all sizes: appending one subnetwork lowers the objective by more than the tolerance."
    UNDECIDED = "Neither: the gap exceeds the tolerance, and no lower network of one more subnetwork was found."


@dataclass(frozen=True, eq=False)
class Certificate:
    """What is proved of each run's weights; every field ``(n,)`` unless said. Undefined numbers are +∞ (bounds −∞).

    ``lower_bound`` ≤ F* = min over all sizes; ``gap`` = objective − lower_bound. ``polar`` is an upper bound of
    Ω°(−∇ℓ)/λ: at most 1 at an optimum. ``alignment`` = max_i |⟨−∇ℓ, φ(w_i)⟩ − λθ(w_i)|. ``dual`` ``(n, *D)`` proves
    the bound: Ω°(−dual) ≤ λ. ``escape`` is one subnetwork, optimally scaled; with it appended the objective is
    ``escape_objective``. ``rounding`` is how far the objective, a float64 sum, may be from f(W).
    """

    objective: Tensor
    lower_bound: Tensor
    gap: Tensor
    polar: Tensor
    polar_lower: Tensor
    alignment: Tensor
    gradient_norm: Tensor
    dual: Tensor
    escape: Factors
    escape_objective: Tensor
    rounding: Tensor

    @property
    def relative_gap(self) -> Tensor:
        """gap / |objective|, ``(n,)``; 0 when both vanish, +∞ where the gap is."""
        share = torch.where(torch.isfinite(self.gap), self.gap / self.objective.abs(), self.gap)
        return torch.where(self.gap == 0, torch.zeros_like(self.gap), share)

    def within(self, tol: float) -> Tensor:
        """Whether gap ≤ tol · |objective| whatever was rounded, ``(n,)``."""
        return self.gap + self.rounding <= tol * self.objective.abs()

    def verdict(self, tol: float) -> tuple[Verdict, ...]:
        """One ``Verdict`` a run: CERTIFIED iff ``within`` tol, from float64 and a finite polar only."""
        number("tol", tol)
        sound = torch.isfinite(self.gap) & torch.isfinite(self.polar) & (self.objective.dtype == torch.float64)
        certified = self.within(tol) & sound
        refuted = self.objective - self.escape_objective - 2 * self.rounding > tol * self.objective.abs()
        return tuple(
            Verdict.CERTIFIED if c else Verdict.REFUTED if r else Verdict.UNDECIDED
            for c, r in zip(certified.tolist(), refuted.tolist(), strict=True)
        )

    def explain(self, tol: float) -> tuple[str, ...]:
        """One or two sentences a run: the verdict, its numbers, and what would decide an undecided one."""
        return tuple(self._sentence(i, v, tol) for i, v in enumerate(self.verdict(tol)))

    def _sentence(self, i: int, verdict: Verdict, tol: float) -> str:
        f, gap = float(self.objective[i]), float(self.relative_gap[i])
        if verdict is Verdict.CERTIFIED:
            return f"{verdict.value} Objective {f:.10g}, relative gap {gap:.1e}."
        if verdict is Verdict.REFUTED:
            return (
                f"{verdict.value} Objective {f:.10g}, with one more subnetwork {float(self.escape_objective[i]):.10g}; "
                "networks of the given size are not judged."
            )
        if self.objective.dtype != torch.float64:
            cure = "Nothing is certified from float32: convert data and weights to float64."
        elif not bool(torch.isfinite(self.lower_bound[i])):
            cure = (
                "There is no finite lower bound: take φ and θ of one degree, a polar with a finite upper bound, and "
                "finite weights."
            )
        elif float(self.gap[i] - self.rounding[i]) <= tol * abs(f):
            cure = f"float64 knows the objective to {float(self.rounding[i]):.1e} only. {CANCELS}"
        elif float(self.polar[i]) > 1.01 * float(self.polar_lower[i]):
            cure = f"{ENCLOSED}, or reduce the input's dimension."
        else:
            cure = (
                "Descend further: the gap is first order in the gradient norm; solve(problem, start=W) descends at "
                "kinks too. Where that does not help, features, samples or weights lie too many orders of magnitude "
                "apart for float64, and large terms cancel: standardise them."
            )
        enclosure = f"polar between {self.polar_lower[i]:.6g} and {self.polar[i]:.6g}"
        return f"{verdict.value} Relative gap {gap:.1e}, {enclosure}. {cure}"


def certify(problem: Problem, W: Factors, polar: Polar | None = None, *, effort: Effort | None = None) -> Certificate:
    """The certificate of W ``(n, r, *D_k)``, stationary or not: a pure function of its arguments.

    The dual point is G = sĜ with Ĝ = ∇ℓ(Φ_r(W)) projected on the affine hull of dom ℓ* and s the best in
    [0, λ/Ω°(−Ĝ)]; then F* ≥ −ℓ*(G). ``polar`` defaults to ``polar_of(problem)``; a call costs at most ``effort``.
    All is computed in units of the data (``twin``), so that theirs do not matter. Weights that are not finite, or a
    polar that contradicts itself, prove nothing (gap +∞); nor does a mismatch.
    """
    check_problem(problem).check(W)
    if not problem.balanced:
        return _nothing(problem, W)
    same = twin(problem)
    return same_in_units(same, certify_twin(same.problem, same.inside(W), twin_oracle(same, polar, effort), effort))


def certify_twin(problem: Problem, W: Factors, polar: Polar, effort: Effort | None) -> Certificate:
    """``certify`` for a problem that is in units of its own data. Once the seconds of ``effort``, which the polar knows
    already, are over, the escape keeps the last scale at which f was seen to fall.
    """
    clock = (Effort() if effort is None else effort).started("certify")
    objective, gradient = problem.gradient(*W)
    finite = torch.isfinite(objective)
    W = tuple(torch.where(column(finite, w), w.detach(), torch.zeros_like(w)) for w in W)
    with torch.no_grad():
        X = problem.mapping.Phi(*W)
        G = problem.loss.project(problem.loss.gradient(X))
        bound = polar(-G)
        upper = torch.where(bound.upper >= bound.lower, bound.upper, torch.full_like(bound.upper, torch.inf))
        dual, value = _dual_point(problem, G, upper)
        norm = torch.stack([g.flatten(1).square().sum(1) for g in gradient]).sum(0).sqrt()
        alignment, rounding = problem.alignment(*W), problem.rounding(*W)
        with clock.running():
            escape, escape_objective = best_escape(problem, W, X, bound.atom)

    def proved(a: Tensor, otherwise: float = torch.inf) -> Tensor:
        return torch.where(finite & ~a.isnan(), a, torch.full_like(a, otherwise))

    value = proved(torch.where(_contradicts(value, objective), torch.nan, value), -torch.inf)
    objective = proved(objective)
    return Certificate(
        objective=objective,
        lower_bound=value,
        gap=proved(objective - value).clamp(min=0),
        polar=proved(upper / problem.lam),
        polar_lower=proved(bound.lower / problem.lam, 0.0),
        alignment=proved(alignment),
        gradient_norm=proved(norm),
        dual=dual,
        escape=escape,
        escape_objective=proved(escape_objective),
        rounding=proved(rounding),
    )


def with_dual(certificate: Certificate, dual: Tensor, value: Tensor) -> Certificate:
    """The certificate with another dual point ``(n, *D)`` of its problem, where that proves more: value ``(n,)``."""
    more = (value > certificate.lower_bound) & ~_contradicts(value, certificate.objective)
    if not bool(more.any()):
        return certificate
    lower = torch.where(more, value, certificate.lower_bound)
    gap = torch.where(more, (certificate.objective - value).clamp(min=0), certificate.gap)
    dual = dual if bool(more.all()) else torch.where(column(more, dual), dual, certificate.dual)
    return replace(certificate, lower_bound=lower, gap=gap, dual=dual)


def _contradicts(value: Tensor, objective: Tensor) -> Tensor:
    return value - objective > torch.finfo(value.dtype).eps ** CONTRADICTION * objective.abs()


def same_in_units(twin: Twin, certificate: Certificate) -> Certificate:
    """A certificate of the twin as one of the problem: every number in the problem's units."""
    if (twin.weight, twin.dual, twin.value) == (1.0, 1.0, 1.0):
        return certificate
    values = "objective", "lower_bound", "gap", "alignment", "escape_objective", "rounding"
    return replace(
        certificate,
        **{name: getattr(certificate, name) * twin.value for name in values},
        gradient_norm=certificate.gradient_norm * (twin.value / twin.weight),
        dual=certificate.dual * twin.dual,
        escape=twin.outside(certificate.escape),
    )


def _nothing(problem: Problem, W: Factors) -> Certificate:
    """Of unequal degrees: the objective and its gradient, the bound −∞, no subnetwork that refutes."""
    objective, gradient = problem.gradient(*W)
    objective = torch.where(torch.isfinite(objective), objective, torch.inf)
    infinite = torch.full_like(objective, torch.inf)
    norm = torch.stack([g.flatten(1).square().sum(1) for g in gradient]).sum(0).sqrt()
    with torch.no_grad():
        alignment, X = problem.alignment(*W), problem.mapping.Phi(*W)
    return Certificate(
        objective=objective,
        lower_bound=-infinite,
        gap=infinite,
        polar=infinite,
        polar_lower=torch.zeros_like(objective),
        alignment=torch.where(alignment.isnan(), torch.inf, alignment),
        gradient_norm=torch.where(norm.isnan(), torch.inf, norm),
        dual=torch.zeros_like(X),
        escape=tuple(torch.zeros_like(w[:, :1]) for w in W),
        escape_objective=objective,
        rounding=infinite,
    )


def _dual_point(problem: Problem, G: Tensor, upper: Tensor) -> tuple[Tensor, Tensor]:
    """(sG, −ℓ*(sG) less its rounding): s is the best scale that keeps Ω°(−sG) ≤ λ."""
    eps = torch.finfo(G.dtype).eps
    # rounding the entries of sG changes a norm Ω° of a matrix by at most √card(X) · eps/2 of itself, the scale by a few
    # eps/2; where data enter Ω°, the upper bounds of our polars have room for rounded entries
    margin = (2 + problem.card**0.5) * eps
    cap = torch.where(upper > 0, problem.lam / upper * (1 - margin), torch.full_like(upper, torch.inf))
    s = torch.where(torch.isfinite(upper), problem.loss.dual_scale(G, cap), torch.zeros_like(upper))
    dual = column(s, G) * G
    # a product that underflows errs by half the smallest number, however small the sum of the moduli
    underflow = 4 * problem.card * torch.finfo(G.dtype).smallest_normal * eps * (dual != 0).flatten(1).any(1)
    slack = SUMMATION * (math.log2(problem.card) + 4) * eps * problem.loss.conjugate_magnitude(dual)
    return dual, 0.0 - problem.loss.conjugate(dual) - slack - underflow  # 0 − 0, lest a bound read −0


def best_escape(problem: Problem, W: Factors, X: Tensor, atom: Factors) -> tuple[Factors, Tensor]:
    """The polar's atom, scaled to minimise the objective when appended to W, and that objective."""
    D = problem.mapping.Phi(*atom)
    theta = problem.regularizer.Theta(*atom)
    unit = torch.where(theta > 0, theta, torch.ones_like(theta))
    alpha = problem.loss.line_minimum(X, D / column(unit, D), problem.lam) / unit
    escape = problem.mapping.scaled(atom, alpha[:, None])
    return escape, problem(*append(W, escape))
