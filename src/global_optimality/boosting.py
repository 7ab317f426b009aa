"""One subnetwork at a time, the polar as weak learner (eq. 4; Bengio et al. 2005): fully corrective Frank–Wolfe."""

from dataclasses import dataclass

import torch
from torch import Tensor

from .certificate import Certificate, certify
from .factors import Factors, append, scale, zeros_like_slice
from .polar import Polar, polar_of
from .problem import Problem
from .status import Status

SWEEPS = 500
"""Passes over all scales in one correction, at most."""

SETTLED = 1e-14
"""A pass that lowers f by less than SETTLED · f ends the correction."""


@dataclass(frozen=True, eq=False)
class Boosting:
    """The last network (one run) with its certificate; (f, relative gap, size) before every round; how it ended."""

    weights: Factors
    certificate: Certificate
    history: tuple[tuple[float, float, int], ...]
    status: Status


def boost(
    problem: Problem,
    W: Factors | None = None,
    *,
    polar: Polar | None = None,
    tol: float = 1e-6,
    max_rounds: int = 200,
) -> Boosting:
    """From W (one run; zero by default): append the polar's atom, then give all subnetworks their best scales.

    Weights change in scale only, so kinks are no obstacle; f never rises. Ends with GLOBAL once the certified relative
    gap is at most ``tol``, with NO_ESCAPE when the atom lowers f no more. ``ValueError`` for several runs.
    """
    if W is None:
        W = tuple(torch.zeros_like(w) for w in problem.random(1, 1))
    problem.check(W)
    if W[0].shape[0] != 1:
        raise ValueError(f"boost builds one network but W holds {W[0].shape[0]} runs: pass one run, w[:1].")
    polar = polar_of(problem) if polar is None else polar
    history = []
    for _ in range(max_rounds):
        certificate = certify(problem, W, polar)
        value, gap = float(certificate.objective[0]), float(certificate.relative_gap[0])
        history.append((value, gap, W[0].shape[1]))
        if gap <= tol:
            return Boosting(W, certificate, tuple(history), Status.GLOBAL)
        new = refit(problem, append(W, certificate.escape))
        if not float(problem(*new)[0]) < value * (1 - SETTLED):
            return Boosting(W, certificate, tuple(history), Status.NO_ESCAPE)
        W = new
    return Boosting(W, certify(problem, W, polar), tuple(history), Status.STEPS)


def refit(problem: Problem, W: Factors) -> Factors:
    """The best scales of given subnetworks (one run): min over s ≥ 0 of ℓ(Σ s_i φ(w_i)) + λ Σ s_i θ(w_i), convex.

    By exact coordinate descent and Newton's steps in the positive s; each w_i becomes s_i^{1/p} w_i, and those with
    s_i = 0 are left out.
    """
    with torch.no_grad():
        scales = _Scales(problem, problem.mapping.phi(*W)[0], problem.lam * problem.regularizer.theta(*W)[0])
        s = torch.ones_like(scales.price)
        value = scales.value(s)
        for _ in range(SWEEPS):
            s = scales.descend(scales.sweep(s))
            new = scales.value(s)
            if not new < value - SETTLED * abs(value):
                break
            value = new
        kept = s > 0
        if not kept.any():
            return zeros_like_slice(W)
        return scale(tuple(w[:, kept] for w in W), s[None, kept] ** (1 / problem.mapping.degree))


@dataclass(frozen=True, eq=False)
class _Scales:
    """g(s) = ℓ(Σ s_i D_i) + ⟨price, s⟩ over s ≥ 0, for outputs D ``(r, *D)``."""

    problem: Problem
    D: Tensor
    price: Tensor

    def output(self, s: Tensor) -> Tensor:
        return torch.tensordot(s, self.D, 1)[None]

    def value(self, s: Tensor) -> float:
        return float(self.problem.loss(self.output(s))[0] + s @ self.price)

    def sweep(self, s: Tensor) -> Tensor:
        """Every scale in turn at its best value."""
        s, X = s.clone(), self.output(s)
        for i in range(len(s)):
            rest = X - s[i] * self.D[None, i]
            s[i] = self.problem.loss.line_minimum(rest, self.D[None, i], float(self.price[i]))[0]
            X = rest + s[i] * self.D[None, i]
        return s

    def descend(self, s: Tensor) -> Tensor:
        """Newton's steps while they lower g."""
        for _ in range(2 * len(s)):
            new = self.newton(s)
            if not self.value(new) < self.value(s) * (1 - SETTLED):
                break
            s = new
        return s

    def newton(self, s: Tensor) -> Tensor:
        """Newton's step in the positive scales, up to where the first becomes zero; s itself if that is no descent."""
        free, X, loss = s > 0, self.output(s), self.problem.loss
        J = self.D[free].flatten(1)
        slope = J @ loss.gradient(X).flatten() + self.price[free]
        H = J @ loss.hessian_product(X, self.D[free]).flatten(1).T
        step = torch.zeros_like(s)
        step[free] = -torch.linalg.lstsq(H, slope[:, None], driver="gelsd").solution[:, 0].to(s)
        falls = step < 0
        t = float((s[falls] / -step[falls]).amin().clamp(max=1)) if bool(falls.any()) else 1.0
        value = self.value(s)
        for _ in range(20):
            new = (s + t * step).clamp(min=0)
            new[falls & (new <= SETTLED * s)] = 0.0
            if self.value(new) < value:
                return new
            t /= 2
        return s
