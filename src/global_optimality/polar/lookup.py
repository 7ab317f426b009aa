"""Which polar a problem has: that of the simplest mapping and the product of norms that its pair (φ, θ) comes to."""

from collections.abc import Callable
from dataclasses import replace

import torch

from .. import mappings
from ..effort import Clock, Effort, check_effort
from ..mappings import Mapping
from ..problem import Problem, check_problem
from ..regularizers import FREE_BIAS, NormProduct, WeightedPowers, euclidean
from .biased_chain import BiasedChainPolar
from .bound import Checked, Divided, Lifted, Oracle, Polar, oracle
from .convolution import convolution_polar
from .deep_linear import deep_linear_polar
from .deep_relu import deep_relu_polar
from .free_bias import free_bias_polar
from .in_range import InRange, sample_units
from .matrix import matrix_polar
from .relu import relu_unit_polar
from .tensor import tensor_polar

EUCLIDEAN: dict[type[Mapping], Callable[..., Polar]] = {
    mappings.AlexNet: convolution_polar,
    mappings.ConvPool: convolution_polar,
    mappings.DeepLinear: deep_linear_polar,
    mappings.DeepRelu: deep_relu_polar,
    mappings.RankOneTensor: tensor_polar,
    mappings.ReluUnit: relu_unit_polar,
}
"""The polar of a mapping with Euclidean norms, by exact type: a subclass may have another φ."""


def polar_of(problem: Problem, effort: Effort | None = None) -> Oracle:
    """The polar of the problem's pair (φ, θ): Q ``(n, *D)`` → ``PolarBound``; each call costs at most ``effort``.

    Searches that are cut short, by their limits or by Ctrl-C, return bounds that hold all the same. ``LookupError``
    when no polar is known for the pair; ``ValueError`` for a mismatched problem or a Q with NaN.
    """
    check_problem(problem).check_balanced()
    check_effort(effort)
    mapping, steps = problem.mapping, None
    if mapping.by_sample and mapping.data is not None:
        data, steps = sample_units(mapping.data)
        mapping = mapping if data is mapping.data else mapping.on(data)
    shapes = mapping.factor_shapes
    if type(mapping) is mappings.DeepBiasedRelu and problem.regularizer == WeightedPowers(
        mapping.exponents, mapping.degree
    ):
        chain = BiasedChainPolar(mapping=mapping)
        return _checked(mapping, InRange(chain), effort)
    form = problem.regularizer.product(shapes)
    found = None if form is None else _found(mapping, form)
    if form is None or found is None:
        cure = "" if form is None or form.euclidean else "take Euclidean norms such as SumOfSquares() has, or "
        raise LookupError(
            f"no polar is known for ({type(mapping).__name__}, {problem.regularizer}): {cure}pass certify(..., "
            "polar=...) a function Q -> PolarBound of your own."
        )
    if form.constant != 1:
        found = Divided(form.constant, mapping.degree, found)
    return _checked(mapping, InRange(found, steps), effort)


def _checked(mapping: Mapping, found: Oracle, effort: Effort | None) -> Oracle:
    return Checked(mapping.shape, found if effort is None else found.spending(effort))


def _found(mapping: Mapping, form: NormProduct) -> Oracle | None:
    """The polar of φ and ∏‖wᵏ‖, whatever the constant of the product."""
    if type(mapping) is mappings.MatrixProduct:
        polar = matrix_polar(form)
        return None if polar is None else oracle(polar)
    if isinstance(mapping, mappings.BiasedReluUnit):
        return free_bias_polar(mapping) if form == replace(FREE_BIAS, constant=form.constant) else None
    if not form.euclidean:
        return None
    if (reduction := mapping.reduction) is not None:
        simpler = _found(reduction.mapping, euclidean(len(reduction.mapping.factor_shapes)))
        return None if simpler is None else Lifted(reduction, simpler)
    build = EUCLIDEAN.get(type(mapping))
    return None if build is None else oracle(build(mapping))


def oracle_of(
    problem: Problem, polar: Polar | None, effort: Effort | None = None, clock: Clock | None = None
) -> Oracle:
    """``polar`` as an oracle, or ``polar_of(problem)`` if there is none; with these limits, on that clock."""
    check_effort(effort)
    found = polar_of(problem) if polar is None else oracle(polar)
    found = found if effort is None else found.spending(effort)
    return found if clock is None else found.within(clock)


def lambda_max(problem: Problem, *, effort: Effort | None = None) -> float:
    """Ω°(−∇ℓ(0)): at this λ and above, the zero network is optimal (upper end if the polar is an enclosure)."""
    check_problem(problem)
    zero = torch.zeros(1, *problem.mapping.shape, dtype=problem.loss.Y.dtype, device=problem.loss.Y.device)
    return float(polar_of(problem, effort)(-problem.loss.project(problem.loss.gradient(zero))).upper[0])
