"""The path so far: pieces that f does not rise along, looked at in between."""

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise

import torch
from torch import Tensor

from ..certificate import Certificate
from ..descent import Method, Stop, minimise
from ..descent.null_space import null_vectors
from ..descent.scales import best_scales
from ..factors import Factors, append, slice_norms, zeros_like_slice
from ..problem import Problem
from ..sliding_frank_wolfe.local import Local
from ..sliding_frank_wolfe.ways import straight
from ..status import Status
from .path import DescentPath, Step

RISE = 1e-13
"""A slide is taken only if f rises nowhere along it by more than RISE · f: rounding of the recomputed objective."""

WINDOW = 25
"""Steps over which a descent has to gain something: at kinks the gradient need not fall below any tolerance, and a
descent creeps on; an escape from a zero subnetwork then lowers f by more."""

HALVINGS = 12
"""A step that f rises on is cut in half so often before another descent takes over."""


@dataclass
class Trail:
    """The path so far: current weights, and f at every point looked at."""

    problem: Problem
    weights: Factors
    samples: int
    objective: list[Tensor] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)
    size: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._follow(Step.START, lambda t: self.weights, only_end=True)

    def descend(self, method: Method, tol: float, stop: Stop, gain: float) -> None:
        """Step 1: the path goes straight from each iterate to the next, while WINDOW steps lower f by ``gain`` · f."""
        values: list[float] = []

        def observe(new: Factors, value: Tensor) -> None:
            self._follow(Step.DESCEND, straight(self.weights, new))
            values.append(float(value[0]))

        def creeps() -> bool:
            return len(values) > WINDOW and values[-WINDOW - 1] - values[-1] <= gain * values[-1]

        minimise(self.problem, self.weights, method, tol=tol, observe=observe, stop=lambda: creeps() or stop())
        self._rescale(stop)

    def follow(self, local: Local, stop: Stop) -> bool:
        """Step 1 by the steps of ``local``, each as far as f never rises on its way; False where that leads nowhere."""
        while not stop():
            before = self.problem(*self.weights)
            if self._follow_to_the_end(local, stop):
                return True
            if bool(self.problem(*self.weights) >= before * (1 - RISE)):
                break
        return False

    def _follow_to_the_end(self, local: Local, stop: Stop) -> bool:
        """One descent of ``local``; False where it was left because f rises on the way of a step."""
        cut = False

        def observe(new: Factors) -> None:
            nonlocal cut
            if not cut:
                cut = self._go(local.way(self.weights, new)) < 1

        local.descend(self.weights, lambda: cut or stop(), observe)
        return not cut

    def _go(self, way: Callable[[float], Factors]) -> float:
        """The longest of the shares 1, ½, ¼, … of a way on which f never rises; the path goes that far."""
        for halvings in range(HALVINGS):
            share = 0.5**halvings
            if self._never_rises(lambda t, share=share: way(t * share)):
                self._follow(Step.DESCEND, lambda t, share=share: way(t * share))
                return share
        return 0.0

    def _never_rises(self, curve: Callable[[float], Factors]) -> bool:
        """Whether f rises between none of the points of the curve that the path looks at."""
        f = [self.problem(*self.weights), *(self.problem(*curve(t)) for t in self._times())]
        return all(bool(after <= before * (1 + RISE)) for before, after in pairwise(f))

    def _times(self) -> list[float]:
        return [(j + 1) / (self.samples + 1) for j in range(self.samples + 1)]

    def _rescale(self, stop: Stop) -> None:
        """To the best scales: f is convex in those of φ and least there, so it falls all the way, at kinks too."""
        start, scaled = self.weights, self.problem.mapping.scaled
        with torch.no_grad():
            D = self.problem.mapping.phi(*start)[0].cpu().numpy()
            cost = self.problem.lam * self.problem.regularizer.theta(*start)[0].cpu().numpy()
        s = torch.from_numpy(best_scales(self.problem.array_loss, D, cost, stop=stop)).to(start[0])
        before, after = (self.problem(*scaled(start, t[None])) for t in (torch.ones_like(s), s))
        if bool(after < before * (1 - RISE)):
            self._follow(Step.DESCEND, lambda t: scaled(start, (1 + t * (s - 1)).clamp(min=0)[None]))

    def slide(self) -> bool:
        """Step 3: w_i ← (1 + tβ_i)^{1/p} w_i for t from 0 to 1; False when there is no null vector β."""
        start = self.weights
        f0 = self.problem(*start)
        for beta in null_vectors(self.problem, start):
            curve = self._slide_along(beta)
            if all(bool(self.problem(*curve(t)) <= f0 * (1 + RISE)) for t in self._times()):
                self._follow(Step.SLIDE, curve)
                return True
        return False

    def _slide_along(self, beta: Tensor) -> Callable[[float], Factors]:
        start = self.weights

        def curve(t: float) -> Factors:
            return self.problem.mapping.scaled(start, (1 + t * beta).clamp(min=0)[None])

        return curve

    def append(self) -> None:
        """Step 4: [W 0]."""
        self.weights = append(self.weights, zeros_like_slice(self.weights))
        self._follow(Step.APPEND, lambda t: self.weights, only_end=True)

    def escape(self, atom: Factors) -> bool:
        """Leave a zero subnetwork towards an atom at its best scale: f is convex in ε^p along ε·atom, so it falls."""
        before, after = self.problem(*self.weights), self.problem(*append(self.weights, atom))
        zero = slice_norms(self.weights) == 0
        if bool(after >= before * (1 - RISE)) or not zero.any():
            return False
        start, share = self.weights, torch.ones_like(zero[:, :1], dtype=before.dtype)
        i = int(zero[0].nonzero()[0, 0])

        def curve(t: float) -> Factors:
            new = tuple(w.clone() for w in start)
            for w, a in zip(new, self.problem.mapping.scaled(atom, t * share), strict=True):
                w[:, i] = a[:, 0]
            return new

        self._follow(Step.ESCAPE, curve)
        return True

    def settle(self) -> None:
        """After an end inside a step: end the path at the present weights, which may have come before their record."""
        records = self.objective, self.steps, self.size
        whole = min(map(len, records))
        for record in records:
            del record[whole:]
        self._follow(self.steps[-1] if self.steps else Step.START, lambda t: self.weights, only_end=True)

    def path(self, certificate: Certificate, status: Status) -> DescentPath:
        objective = torch.cat(self.objective)
        return DescentPath(objective, tuple(self.steps), tuple(self.size), self.weights, certificate, status)

    def _follow(self, step: Step, curve: Callable[[float], Factors], only_end: bool = False) -> None:
        count = 1 if only_end else self.samples + 1
        for j in range(count):
            self.weights = curve((j + 1) / count)
            self.objective.append(self.problem(*self.weights).detach())
            self.steps.append(step)
            self.size.append(self.weights[0].shape[1])
