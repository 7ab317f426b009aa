"""What an earlier certificate is good for: its bound holds for every network of its problem, its search goes on."""

from dataclasses import fields, is_dataclass
from typing import Any

import torch
from torch import Tensor

from ..certificate import Certificate, certify_twin, same_in_units, with_dual
from ..effort import Effort
from ..factors import Factors
from ..polar import Polar, Unfinished, polar_of
from ..polar.in_units import twin_oracle
from ..problem import Problem
from ..twin import twin

SAME = 1e-10
"""Two computations of one bound differ by less than so much of the bound and the objective."""

BEYOND = 1e-8
"""A unit that exceeds λ by this share is no rounding of a sum over the samples."""

GLANCE = Effort(nodes=1)
"""What it may cost to look for a unit that an earlier search has not excluded."""

PARTS = {
    "mapping": "inputs, or another kind of bias",
    "lam": "weight decay",
    "loss": "targets, another loss, or another decay of the output bias",
    "regularizer": "weight decay",
}
"""What may differ between two problems, in the words of who trained a network."""


def resumed(
    problem: Problem,
    W: Factors,
    earlier: tuple[Problem, Certificate, Unfinished] | None,
    polar: Polar | None,
    effort: Effort | None,
) -> tuple[Certificate, Unfinished]:
    """``certify``, with the better of the two lower bounds, and what its search has left open.

    The search goes on where the weights are the earlier ones. ``ValueError`` where the problem is not the earlier one,
    its dual point gives less than the bound, or a glance finds a unit beyond it. What it has searched is believed.
    """
    unfinished = Unfinished() if earlier is None else Unfinished(earlier[2].search)
    if earlier is not None:
        _check(problem, earlier[0])
        _check_bound(problem, earlier[1])
    same = twin(problem)
    oracle = twin_oracle(same, polar, effort).resuming(unfinished)
    certificate = same_in_units(same, certify_twin(same.problem, same.inside(W), oracle, effort))
    if earlier is not None:
        certificate = with_dual(certificate, earlier[1].dual, earlier[1].lower_bound)
        _check_dual(problem, certificate.dual, polar)
    return certificate, unfinished


def _check(problem: Problem, earlier: Problem) -> None:
    for name, words in PARTS.items():
        if not _alike(getattr(problem, name), getattr(earlier, name)):
            raise ValueError(
                f"resume was made with other {words}, so that it proves nothing here: pass what certify_network "
                "returned for the same inputs, targets, loss and weight decay, or none."
            )


def _check_bound(problem: Problem, earlier: Certificate) -> None:
    """The bound is −ℓ* at the dual point, which was computed in other units: to their rounding."""
    for name, shape in (("dual", (1, *problem.loss.shape)), ("lower_bound", (1,))):
        found = getattr(earlier, name)
        if not isinstance(found, Tensor) or tuple(found.shape) != shape or found.dtype != torch.float64:
            raise ValueError(f"resume.certificate.{name} is no float64 tensor {shape}: pass what certify_network gave.")
    proved = -problem.loss.conjugate(earlier.dual)
    given = earlier.lower_bound <= proved + SAME * (proved.abs() + earlier.objective.abs())
    if not bool((given | (earlier.lower_bound == -torch.inf)).all()):
        raise ValueError(
            "resume claims a larger bound than its dual point gives: it was changed. Pass what certify_network gave."
        )


def _check_dual(problem: Problem, dual: Tensor, polar: Polar | None) -> None:
    """Ω°(−G) ≤ λ, as far as a glance tells: this refutes what was changed, and proves nothing."""
    found = (polar or polar_of(problem, GLANCE))(-dual).lower
    if bool((found > problem.lam * (1 + BEYOND)).any()):
        raise ValueError(
            f"resume proves nothing: a unit has {float(found.max()):.6g} with its dual point, more than λ = "
            f"{problem.lam:.6g}; it was changed, or searched with another polar. Pass what certify_network gave."
        )


def _alike(a: Any, b: Any) -> bool:
    """Equal, to the last bit: of one type, and so are all fields."""
    if type(a) is not type(b):
        return False
    if isinstance(a, Tensor):
        return a.device == b.device and a.dtype == b.dtype and torch.equal(a, b)
    if is_dataclass(a):
        return all(_alike(getattr(a, f.name), getattr(b, f.name)) for f in fields(a))
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(map(_alike, a, b))
    return bool(a == b)
