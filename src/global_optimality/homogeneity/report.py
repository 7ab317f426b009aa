"""For users: the degrees of a network and its regularizer, how they differ, what follows, the cure (section 6)."""

from dataclasses import dataclass, replace
from enum import Enum

import torch
from torch import Tensor

from ..mappings import Mapping
from ..regularizers import Regularizer
from ..settings import instance, number
from ..streams import generator, normal
from .measure import Degree, Homogeneity, measure_degree, random_points
from .optimizer import optimizer_decays
from .pair import check_parts


class Mismatch(Enum):
    """How the degrees p of φ and q of θ relate, and what the theory then predicts."""

    BALANCED = (
        "q = p: a local minimum with a zero subnetwork is global (Theorem 1), and every network has a certificate."
    )
    TOO_LOW = (
        "q < p: if θ > 0 away from zero, the zero network is a strict local minimum for every λ > 0 and every size, "
        "global or not; so a zero subnetwork proves nothing, and no certificate exists."
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

    @property
    def exponent(self) -> float:
        """1 − q/p: m scaled copies with the output of one subnetwork cost m to this power as much; NaN if unknown."""
        homogeneous = Homogeneity.HOMOGENEOUS
        known = self.mapping.verdict is homogeneous and self.regularizer.verdict is homogeneous
        return (
            1 - self.regularizer.estimate / self.mapping.estimate if known and self.mapping.estimate else float("nan")
        )

    def __str__(self) -> str:
        here = f" Here 1 − q/p = {self.exponent:.4g}." if self.mismatch is Mismatch.TOO_HIGH else ""
        return f"φ is {self.mapping}; θ is {self.regularizer}. {self.mismatch.value}{here} {self.advice}"


def report(mapping: Mapping, regularizer: Regularizer) -> Report:
    """Measures the degrees of φ and θ and says what follows from them; ``TypeError`` for what is no such pair."""
    check_parts(mapping, regularizer)
    points = random_points(mapping.factor_shapes, like=mapping.data)
    phi = measure_degree(mapping.phi, points, mapping.exponents)
    theta = measure_degree(regularizer.theta, points, mapping.exponents)
    for move in (_absolute, regularizer.project):  # where θ is +∞: into the orthant, or onto the set
        if theta.verdict is Homogeneity.UNDECIDED:
            theta = measure_degree(regularizer.theta, [move(*point) for point in points], mapping.exponents)
    return _judge(phi, theta, len(mapping.factor_shapes))


def _absolute(*W: Tensor) -> tuple[Tensor, ...]:
    return tuple(w.abs() for w in W)


def report_module(
    module: torch.nn.Module, inputs: Tensor, weight_decay: float | torch.optim.Optimizer, *, seed: int = 0
) -> Report:
    """The same for a torch module in its present mode, trained with a weight decay: a number, or the optimizer itself.

    A number decays all parameters that require a gradient; of an optimizer every group counts. Other parameters are
    constants. The module is evaluated at random parameters and left as it was. ``TypeError`` for what is no module,
    tensor or number, ``ValueError`` for a negative decay, a module without such parameters, and an optimizer whose
    decay is no term of an objective (AdamW).
    """
    instance("module", module, torch.nn.Module, "pass the model itself.")
    instance("inputs", inputs, Tensor, "pass what the model takes.")
    if isinstance(weight_decay, torch.optim.Optimizer):
        of = optimizer_decays(weight_decay)
    else:
        decay = number("weight_decay", weight_decay, positive=False, finite=True)
        of = {p: decay for p in module.parameters() if p.requires_grad}
    trained = {name: p for name, p in module.named_parameters() if p in of}
    if not trained:
        raise ValueError("the module has no parameters that are trained: pass the model, and the optimizer of it.")
    decays = [of[p] for p in trained.values()]
    if not all(0 <= decay < float("inf") for decay in decays):
        raise ValueError(f"weight_decay = {min(decays)} must be finite and not negative.")
    state = {name: t.detach() for name, t in (*module.named_parameters(), *module.named_buffers())}

    def outputs(*W: Tensor) -> Tensor:
        now = {name: t.clone() for name, t in state.items()} | dict(zip(trained, W, strict=True))
        return torch.func.functional_call(module, now, (inputs,))

    stream = generator(seed, "report", *trained)
    points = [tuple(normal(stream, *p.shape, like=p) for p in trained.values()) for _ in range(4)]
    phi = measure_degree(outputs, points)
    if not any(decays):
        advice = "There is no regularizer: the theory needs λ > 0 and a θ of the network's degree."
        return Report(phi, Degree(float("nan"), float("nan"), Homogeneity.UNDECIDED), Mismatch.UNDECIDED, advice)

    def penalty(*W: Tensor) -> Tensor:
        return torch.stack([0.5 * a * w.square().sum() for a, w in zip(decays, W, strict=True)]).sum()

    layers = int(phi.estimate) if phi.verdict is Homogeneity.HOMOGENEOUS else len(trained)
    judged = _judge(phi, measure_degree(penalty, points), layers)
    free = [name for name, decay in zip(trained, decays, strict=True) if decay == 0]
    if not free:
        return judged
    return replace(judged, advice=f"Decay {', '.join(free)} too: without it θ does not control φ. {judged.advice}")


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
