"""For users: the degrees of a network and its regularizer, how they differ, what follows, the cure (section 6)."""

from dataclasses import dataclass
from enum import Enum

import torch
from torch import Tensor

from ..streams import generator, normal
from .measure import Degree, Homogeneity, measure_degree, random_points
from .pair import MappingLike, RegularizerLike


class Mismatch(Enum):
    """How the degrees p of φ and q of θ relate, and what the theory then predicts."""

    BALANCED = (
        "q = p: a local minimum with a zero subnetwork is global (Theorem 1), and every network has a certificate."
    )
    TOO_LOW = (
        "q < p: the zero network is a strict local minimum for every λ > 0 and every size, so a zero subnetwork proves "
        "nothing; local minima that are not global exist at every size, and no certificate does."
    )
    TOO_HIGH = (
        "q > p: splitting a subnetwork into m scaled copies keeps the output and multiplies the regularizer by "
        "m^(1 − q/p) → 0, so the regularizer does not limit the network: its size is what the user makes it."
    )
    NO_DEGREE = "The network, or the regularizer, is not positively homogeneous: the theory does not speak of it."
    UNDECIDED = "A degree could not be measured."


@dataclass(frozen=True)
class Report:
    """Measured degrees, the kind of mismatch with its prediction (``mismatch.value``), and what to do."""

    mapping: Degree
    regularizer: Degree
    mismatch: Mismatch
    advice: str

    def __str__(self) -> str:
        return f"φ is {self.mapping}; θ is {self.regularizer}. {self.mismatch.value} {self.advice}"


def report(mapping: MappingLike, regularizer: RegularizerLike) -> Report:
    """Measures the degrees of φ and θ and says what follows from them."""
    points = random_points(mapping.factor_shapes, like=mapping.data)
    phi = measure_degree(mapping.phi, points)
    theta = measure_degree(regularizer.theta, points)
    for move in (_absolute, regularizer.project):  # where θ is +∞: into the orthant, or onto the set
        if theta.verdict is Homogeneity.UNDECIDED:
            theta = measure_degree(regularizer.theta, [move(*point) for point in points])
    return _judge(phi, theta, len(mapping.factor_shapes))


def _absolute(*W: Tensor) -> tuple[Tensor, ...]:
    return tuple(w.abs() for w in W)


def report_module(module: torch.nn.Module, inputs: Tensor, weight_decay: float, *, seed: int = 0) -> Report:
    """The same for a torch module in its present mode, trained with an optimizer's ``weight_decay`` on all parameters.

    The module is evaluated at random parameters and left as it was. ``ValueError`` for a negative weight decay or a
    module without parameters.
    """
    if weight_decay < 0:
        raise ValueError(f"weight_decay = {weight_decay} must not be negative.")
    parameters = {name: p.detach() for name, p in module.named_parameters()}
    if not parameters:
        raise ValueError("the module has no parameters.")
    buffers = {name: b.detach().clone() for name, b in module.named_buffers()}
    names = tuple(parameters)

    def outputs(*W: Tensor) -> Tensor:
        state = {**{n: b.clone() for n, b in buffers.items()}, **dict(zip(names, W, strict=True))}
        return torch.func.functional_call(module, state, (inputs,))

    stream = generator(seed, "report", *names)
    points = [tuple(normal(stream, *p.shape, like=p) for p in parameters.values()) for _ in range(4)]
    phi = measure_degree(outputs, points)
    if weight_decay == 0:
        advice = "There is no regularizer: the theory needs λ > 0 and a θ of the network's degree."
        return Report(phi, Degree(float("nan"), float("nan"), Homogeneity.UNDECIDED), Mismatch.UNDECIDED, advice)
    theta = measure_degree(lambda *W: torch.stack([w.square().sum() for w in W]).sum() / 2, points)
    layers = int(phi.estimate) if phi.verdict is Homogeneity.HOMOGENEOUS else len(names)
    return _judge(phi, theta, layers)


def _judge(phi: Degree, theta: Degree, layers: int) -> Report:
    verdicts = (phi.verdict, theta.verdict)
    if Homogeneity.NOT_HOMOGENEOUS in verdicts:
        what = "network" if phi.verdict is Homogeneity.NOT_HOMOGENEOUS else "regularizer"
        cure = (
            "no biases after the first layer (a constant input serves for the first), ReLU for smooth units, softmax "
            "in the loss"
            if what == "network"
            else "BalancedWeightDecay in place of sums of different degrees"
        )
        return Report(phi, theta, Mismatch.NO_DEGREE, f"Make the {what} homogeneous: {cure}.")
    if Homogeneity.UNDECIDED in verdicts:
        return Report(phi, theta, Mismatch.UNDECIDED, "Check for NaN, zero outputs, or float32, and measure again.")
    p, q = phi.estimate, theta.estimate
    if p == q and p > 0:
        return Report(phi, theta, Mismatch.BALANCED, "Nothing needs to change.")
    kind = Mismatch.TOO_LOW if q < p else Mismatch.TOO_HIGH
    if p != layers:
        return Report(phi, theta, kind, f"Raise the regularizer to degree {p:g}: θ^({p:g}/{q:g}).")
    advice = (
        f"Use BalancedWeightDecay({layers}), ProductOfNorms((Norm.TWO,) * {layers}) or SumOfPowers({layers}), which "
        f"induce one convex Ω for a chain of {layers} layers."
    )
    return Report(phi, theta, kind, advice)
