"""The local half of a round: new subnetworks get their best scales, then all weights descend together."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar, final

import torch
from torch import Tensor

from ..descent import GradientDescent, Stop, minimise, refit
from ..descent.scales import largest, number_within
from ..effort import MEMORY, work
from ..factors import Factors, append
from ..losses import SampleLoss
from ..losses.arrays import COPIES
from ..mappings import MatrixProduct
from ..polar import Oracle
from ..problem import Problem
from ..regularizers import FREE_BIAS, NormProduct
from ..settings import function, instance
from .dictionary import first_units
from .entering import WORTH, entering
from .merge import singular_pairs
from .newton import held
from .objective import OutputObjective
from .slide import STEPS, slide
from .units import Rows, Units, units_of
from .ways import Way, gated_way, in_place, straight

ATOMS = 24
"""Ascents of the polar in one round; the best few of their starts and ends enter."""

RANDOM, SEARCHES = 8, 200
"""Random networks that are tried where nothing else lowers f, and steps of batched descent in a round."""

WEIGHTS, OUTPUTS = 24, 8
"""Of each run of a batched descent: copies of its weights (ten of them pairs of L-BFGS) and of its outputs."""

OPERATIONS = 2e10, 2e8
"""Newton's matrix is built up to so many multiplications: some seconds at kinks, where nothing else is as good; less
where φ is smooth, and L-BFGS needs about a hundred gradients."""

Observe = Callable[[Factors], object]


@dataclass(frozen=True, eq=False)
class Local(ABC):
    """Descends in weights of one run, whatever the number of subnetworks."""

    proves: ClassVar[bool] = False
    """Whether every round begins with a certificate, and takes the atom that attains its polar."""

    patience: ClassVar[int] = 3
    """Rounds in a row in which f does not fall before this descent is at its end: other atoms may come yet."""

    problem: Problem
    memory: float = MEMORY

    @property
    def method(self) -> GradientDescent | None:
        """Of batched descent: one that respects the regularizer's cone, the usual one where there is none."""
        return GradientDescent() if self.problem.regularizer.constrained else None

    @abstractmethod
    def descend(self, W: Factors, stop: Stop, observe: Observe = len) -> Factors:
        """Weights of at most the objective of W; ``observe`` is told every step, dropped units left out."""

    def way(self, W: Factors, new: Factors) -> Way:
        """From W to the end ``new`` of a step from there, with a zero subnetwork in the place of a dropped one."""
        return straight(W, in_place(self.problem, W, new))

    def __call__(self, W: Factors, atoms: Factors, stop: Stop) -> Factors:
        """Weights of at most the objective of W, some of the atoms among them."""
        return self.descend(append(W, entering(self.problem, W, atoms, self.memory)), stop)

    def atoms(self, polar: Oracle, Q: Tensor, W: Factors) -> Factors:
        """Subnetworks that may lower f where −∇ℓ = Q, found cheaply."""
        return polar.ascend(Q, W, ATOMS, self.problem.lam * (1 + WORTH))

    def proved(self, polar: Oracle, Q: Tensor, escape: Factors) -> Factors:
        """Subnetworks that may lower f, with that of a certificate among them."""
        return append(polar.atoms(Q, ATOMS, self.problem.lam * (1 + WORTH)), escape)

    def elsewhere(self, W: Factors, seed: int, stop: Stop) -> Factors:
        """A network found from random ones of ``seed`` beside W by batched descent; W where none is lower."""
        r = W[0].shape[1] + 1
        size = float(W[0].abs().max()) or 1.0
        runs = int(
            max(1, min(RANDOM, self.memory / 8 / (WEIGHTS * r * self.problem.size + OUTPUTS * self.problem.card)))
        )
        starts = append(self.problem.random(runs, r, seed=seed, deviation=size), W)
        ends = minimise(self.problem, starts, self.method, max_steps=SEARCHES, stop=stop)
        best = int(ends.objective.nan_to_num(torch.inf).argmin())
        return refit(self.problem, tuple(w[best : best + 1] for w in ends.weights), stop, memory=self.memory)

    def first(self, W: Factors, stop: Stop) -> Factors:
        """Weights to start from instead of the zero network W; W itself where none are at hand."""
        return W


def local_of(problem: Problem, memory: float = MEMORY) -> Local:
    """Newton on faces where φ is gated linear and θ the (half squared) Euclidean pair, else batched descent.

    A free hidden bias is one of them where constants over the samples are those of a free output bias.
    """
    gates = problem.mapping.gates
    if gates is None:
        return Descending(problem, memory)
    free = gates.priced is not None
    constants = isinstance(problem.loss, SampleLoss) and problem.loss.output_bias == 0
    if constants and _form(problem) == FREE_BIAS if free else _euclidean(problem):
        return OnFaces(problem, memory)
    return Descending(problem, memory)


def built(local: Callable[[Problem], Local], problem: Problem) -> Local:
    """What the caller's ``local`` makes of the problem; ``TypeError`` where that is no descent."""
    found = function("local", local, "pass local_of, or another function of the problem.")(problem)
    return instance("what local returns", found, Local, "return a descent such as OnFaces(problem).")


def _euclidean(problem: Problem) -> bool:
    form = _form(problem)
    return form is not None and form.euclidean


def _form(problem: Problem) -> NormProduct | None:
    return problem.regularizer.product(problem.mapping.factor_shapes)


@final
@dataclass(frozen=True, eq=False)
class OnFaces(Local):
    """Exact treatment of kinks, Newton's method in between; L-BFGS where Newton's matrix is too large."""

    @cached_property
    def objective(self) -> OutputObjective:
        return OutputObjective.of(self.problem)

    @cached_property
    def rows(self) -> Rows:
        assert self.problem.mapping.gates is not None
        return Rows.of(self.problem.mapping.gates)

    def descend(self, W: Factors, stop: Stop, observe: Observe = len, steps: int = STEPS) -> Factors:
        """At most ``steps`` steps of the slide."""
        if not self.affordable(W[0].shape[1]):
            return Descending(self.problem, self.memory).descend(W, stop, observe)

        units = units_of(self.rows, self.problem.mapping.gated(W))

        def weights(units: Units) -> Factors:
            return self.problem.mapping.ungated(units.weights(W[0]))

        return weights(slide(self.objective, units, stop, steps, lambda now: observe(weights(now))))

    def way(self, W: Factors, new: Factors) -> Way:
        start, end = (self.problem.mapping.gated(V) for V in (W, in_place(self.problem, W, new)))
        way = gated_way(start, end, self.rows.priced)
        return lambda t: self.problem.mapping.ungated(way(t))

    def affordable(self, units: int) -> bool:
        """Whether a step of Newton's method on so many units takes little enough memory and time."""
        coordinates = units * (self.rows.S.shape[1] + self.outputs - 1)
        operations = 2 * coordinates**2 * self.problem.card
        return units <= self.most and operations <= min(OPERATIONS[not self.rows.kinked], work())

    @cached_property
    def most(self) -> int:
        """The largest number of units for which a step leaves memory for a product with the Hessian of the loss."""
        left = min(self.memory, 2.0**62) / 8 - COPIES * self.problem.card
        N, d = self.rows.S.shape
        return int(largest(*held(N, d, self.outputs), left)) if left > 0 else 0

    @property
    def outputs(self) -> int:
        return self.problem.card // len(self.rows.S)

    def first(self, W: Factors, stop: Stop) -> Factors:
        most = min(self.most, number_within(self.problem, self.memory))
        units = first_units(self.objective, self.rows, W[-1].shape[2], stop, most)
        return self.problem.mapping.ungated(slide(self.objective, units, stop).weights(W[0]))


@final
@dataclass(frozen=True, eq=False)
class Descending(Local):
    """Any mapping: best scales, L-BFGS, best scales again. Scaling is convex at kinks too, where L-BFGS may jam;
    subnetworks that no longer help get the scale 0 and are left out.
    """

    def descend(self, W: Factors, stop: Stop, observe: Observe = len) -> Factors:
        W = refit(self.problem, W, stop, memory=self.memory)
        observe(W)
        ends = minimise(
            self.problem, W, self.method, max_steps=SEARCHES, stop=stop, observe=lambda new, _: observe(new)
        )
        W = ends.weights
        if isinstance(self.problem.mapping, MatrixProduct) and _euclidean(self.problem):
            W = singular_pairs(W)
        W = refit(self.problem, W, stop, memory=self.memory)
        observe(W)
        return W


@final
@dataclass(frozen=True, eq=False)
class Scaling(Local):
    """Best scales only (fully corrective Frank–Wolfe): the directions of the weights stay as the polar gave them."""

    proves: ClassVar[bool] = True
    patience: ClassVar[int] = 1

    def descend(self, W: Factors, stop: Stop, observe: Observe = len) -> Factors:
        W = refit(self.problem, W, stop, memory=self.memory)
        observe(W)
        return W

    def __call__(self, W: Factors, atoms: Factors, stop: Stop) -> Factors:
        return self.descend(append(W, atoms), stop)

    def atoms(self, polar: Oracle, Q: Tensor, W: Factors) -> Factors:
        return W

    def proved(self, polar: Oracle, Q: Tensor, escape: Factors) -> Factors:
        return escape

    def elsewhere(self, W: Factors, seed: int, stop: Stop) -> Factors:
        return W
