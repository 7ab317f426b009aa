"""Certify a trained ``torch.nn.Sequential(Linear, ReLU, Linear)`` as PyTorch users write and train it."""

import copy
import math
from contextlib import nullcontext
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from ..certificate import Certificate, Verdict
from ..effort import Effort, check_effort
from ..factors import Factors, check_finite, check_values
from ..mappings import BiasedReluUnit
from ..polar import Polar, Unfinished
from ..problem import Problem
from ..settings import flag, instance, number
from ..sliding_frank_wolfe import Solution, solve
from .advice import judged
from .forecast import announced
from .losses import Scaled, scaled_loss
from .modules import Decay, decay_of, layers_of, unwrapped
from .resumption import resumed
from .translation import Translation

Layers = tuple[nn.Linear, nn.Linear]

CONSISTENT = 1e-9
"""Torch's own objective and ours, scaled, must agree to this, relative; else the model computes something else."""


@dataclass(frozen=True, eq=False)
class NetworkCertificate:
    """What is proved of one trained network; objectives in the user's scaling, J = loss + Σ (wd/2)‖w‖².

    ``best_possible`` ≤ J of every Sequential(Linear, ReLU, Linear) of any width on the same data. ``scale`` · f = J for
    the package's ``problem``, whose ``certificate`` has the best output bias instead of the user's.
    ``rounding`` is how far the objective, a float64 sum, may be from J of the model. ``unfinished`` holds what is left
    of the search: ``certify_network(..., resume=this)`` goes on with it, in a later session too (``torch.save``).
    ``upcast`` is the lower precision that weights or inputs came in (each is exactly a float64 number), else None.
    """

    objective: float
    best_possible: float
    verdict: Verdict
    advice: str
    scale: float
    problem: Problem
    weights: Factors
    certificate: Certificate
    upcast: torch.dtype | None
    translation: Translation
    rounding: float
    unfinished: Unfinished = field(repr=False)

    @property
    def gap(self) -> float:
        """objective − best_possible, never negative."""
        return max(0.0, self.objective - self.best_possible)

    @property
    def relative_gap(self) -> float:
        """gap / |objective|; 0 when both vanish."""
        return 0.0 if self.gap == 0 else self.gap / abs(self.objective) if self.objective else float("inf")

    @property
    def own_objective(self) -> float:
        """The objective in the package's scaling, f = ½‖Y − X‖² + λΘ (or Σ of the logistic terms + λΘ)."""
        return self.objective / self.scale

    def __str__(self) -> str:
        cast = f" Judged in float64, upcast from {self.upcast} without loss." if self.upcast else ""
        return (
            f"{self.verdict.name}: objective {self.objective:.10g}, no network of any width has less than "
            f"{self.best_possible:.10g} (relative gap {self.relative_gap:.1e}). {self.advice}{cast}"
        )

    def improved(
        self,
        *,
        tol: float = 1e-8,
        time_limit: float | None = None,
        polar: Polar | None = None,
        effort: Effort | None = None,
    ) -> tuple[nn.Sequential, Solution]:
        """The certified optimum as a float64 module of the user's form, and its ``Solution``; options: ``solve``."""
        solution = solve(self.problem, start=self.weights, tol=tol, time_limit=time_limit, polar=polar, effort=effort)
        return self.translation.module(solution), solution


def certify_network(
    model: nn.Module,
    inputs: Tensor,
    targets: Tensor,
    *,
    loss: nn.Module,
    weight_decay: float | torch.optim.Optimizer,
    decay_hidden_bias: bool | None = None,
    decay_output_bias: bool | None = None,
    tol: float = 1e-6,
    polar: Polar | None = None,
    effort: Effort | None = None,
    resume: NetworkCertificate | None = None,
) -> NetworkCertificate:
    """How far ``model`` is from the best Sequential(Linear, ReLU, Linear) of any width on full data (N, d), (N, c).

    ``loss`` is the torch loss (mean or sum), ``weight_decay`` the number given to SGD or Adam, or the optimizer itself.
    With a number every bias is decayed unless ``decay_hidden_bias`` or ``decay_output_bias`` is False; an optimizer
    knows. Decays may differ; only weights need one. A hidden bias without decay makes constants at a vanishing price,
    so that the best network is that with a free output bias, whether there is one or not. ``polar`` replaces
    ``polar_of(problem)``, ``effort`` limits its call; progress says first what it may cost (``certification_cost``).
    ``resume`` is an earlier result of your own on the same data, believed: its bound counts, and for the same weights
    its search goes on (others believe a file of ``save_certificate``).
    Errors say why something cannot be certified and what would work.
    """
    decayed = {"decay_hidden_bias": decay_hidden_bias, "decay_output_bias": decay_output_bias}
    _check_settings(tol, effort, resume, decayed)
    model = unwrapped(model)
    hidden, outer = layers_of(model)
    decay = decay_of(hidden, outer, weight_decay, decay_hidden_bias, decay_output_bias)
    twin, data, upcast = _upcast(model, inputs)
    hidden, outer = layers_of(twin)
    _check_rows(data, hidden.in_features)
    with torch.no_grad():
        outputs, translation = twin(data), Translation(decay)
        scaled = scaled_loss(loss, targets, outputs, 0.0 if translation.free else decay.output_bias)
        problem = translation.problem(scaled, data, outer.out_features)
        W = translation.factors(problem, hidden, outer)
        objective = _objective(scaled, outputs, (hidden, outer), decay)
        own = _own(problem, W, data, (hidden, outer), scaled, decay)
        rounding = _rounding(scaled, data, outputs, (hidden, outer), decay)
    _check_same(objective, own, rounding)
    earlier = None if resume is None else (resume.problem, resume.certificate, resume.unfinished)
    with announced(problem, effort) if polar is None else nullcontext():
        certificate, unfinished = resumed(problem, W, earlier, polar, effort)
    verdict, advice = judged(certificate, problem, W, data, objective, rounding, scaled.scale, tol)
    return NetworkCertificate(
        objective=objective,
        best_possible=scaled.scale * float(certificate.lower_bound[0]),
        verdict=verdict,
        advice=advice,
        scale=scaled.scale,
        problem=problem,
        weights=W,
        certificate=certificate,
        upcast=upcast,
        translation=translation,
        rounding=rounding,
        unfinished=unfinished,
    )


def _check_settings(tol: float, effort: Effort | None, resume: object, decayed: dict[str, bool | None]) -> None:
    check_values()
    number("tol", tol)
    check_effort(effort)
    if resume is not None:
        cure = "pass what certify_network returned, or none."
        instance("resume", resume, NetworkCertificate, cure)
        for name, kind in (("problem", Problem), ("certificate", Certificate), ("unfinished", Unfinished)):
            instance(f"resume.{name}", getattr(resume, name), kind, cure)
    for name, setting in decayed.items():
        if setting is not None:
            flag(name, setting)


def _check_rows(data: Tensor, features: int) -> None:
    if data.dim() != 2 or data.shape[1] != features or len(data) == 0:
        raise ValueError(f"inputs have shape {tuple(data.shape)}, expected (N, {features}): a row a sample.")
    check_finite("inputs", data)


def _check_same(objective: float, own: float, rounding: float) -> None:
    """``ValueError`` where torch computes something else than the package does."""
    if not math.isfinite(objective):
        raise ValueError(f"the objective is {objective}: weights or inputs are too large for float64; scale the data.")
    if not abs(own - objective) <= CONSISTENT * abs(objective) + 2 * rounding:
        raise ValueError(
            f"torch computes the objective {objective:.12g} but Sequential(Linear, ReLU, Linear) with this loss and "
            f"decay has {own:.12g}: remove hooks and overridden methods, or diverged weights."
        )


def _upcast(model: nn.Module, inputs: Tensor) -> tuple[nn.Module, Tensor, torch.dtype | None]:
    """Copies in float64, and the lowest precision that was met: floats of fewer bits are float64 numbers exactly."""
    if not isinstance(inputs, Tensor) or not inputs.dtype.is_floating_point:
        raise TypeError(f"inputs must be a floating tensor (N, d), as the model takes it: {_floating(inputs)}")
    if inputs.layout != torch.strided or inputs.is_meta or inputs.is_nested:
        raise ValueError("inputs are sparse, nested, or on the device meta: pass inputs.to_dense() with its numbers.")
    parameters = list(model.parameters())
    if any(p.device != inputs.device for p in parameters):
        raise ValueError(f"inputs are on {inputs.device} but the model is on {parameters[0].device}: move one of them.")
    dtypes = {inputs.dtype, *(p.dtype for p in parameters)}
    lowest = min(dtypes, key=lambda dtype: torch.finfo(dtype).bits)
    return copy.deepcopy(model).double(), inputs.detach().double(), None if lowest == torch.float64 else lowest


def _floating(inputs: object) -> str:
    """How what is no floating tensor becomes one."""
    if isinstance(inputs, Tensor):
        return "they are complex, pass real numbers." if inputs.is_complex() else "pass inputs.float()."
    return (
        "e.g. torch.tensor(X).float(), of a table torch.tensor(X.to_numpy()).float(); of a loader all batches, "
        "torch.cat([x for x, _ in loader])."
    )


def _objective(scaled: Scaled, outputs: Tensor, layers: Layers, decay: Decay) -> float:
    """Torch's own loss + Σ (wd/2)‖w‖²."""
    return float(scaled.torch_value(outputs)) + _price(layers, decay)


def _price(layers: Layers, decay: Decay) -> float:
    """Σ (wd/2)‖w‖²."""
    hidden, outer = layers
    priced = [(hidden.weight, decay.hidden), (outer.weight, decay.outer)]
    priced += [(hidden.bias, decay.hidden_bias), (outer.bias, decay.output_bias)]
    return sum(0.5 * wd * float(w.square().sum()) for w, wd in priced if w is not None and wd)


def _own(problem: Problem, W: Factors, data: Tensor, layers: Layers, scaled: Scaled, decay: Decay) -> float:
    """The same from the package's loss, at the user's output bias; θ of the factors prices all but that bias."""
    hidden, outer = layers
    if isinstance(problem.mapping, BiasedReluUnit):
        X = torch.relu(data @ hidden.weight.mT + hidden.bias) @ outer.weight.mT
        X = X[None]
    else:
        X = problem.mapping.Phi(*W)
    value = scaled.scale * float(problem.lam * problem.regularizer.Theta(*W))
    if outer.bias is None:
        return value + scaled.scale * float(scaled.fixed_bias(X))
    penalty = 0.5 * (decay.output_bias or 0.0) * float(outer.bias.square().sum())
    return value + scaled.scale * float(scaled.fixed_bias(X + outer.bias)) + penalty


def _rounding(scaled: Scaled, data: Tensor, outputs: Tensor, layers: Layers, decay: Decay) -> float:
    """How far torch's objective may be from the one that real numbers have: sums of m terms err by m eps/2 Σ|terms|."""
    hidden, outer = layers
    moduli = data.abs() @ hidden.weight.abs().mT + (0.0 if hidden.bias is None else hidden.bias.abs())
    moduli = moduli @ outer.weight.abs().mT + (0.0 if outer.bias is None else outer.bias.abs())
    share = (hidden.in_features + hidden.out_features + 8) * torch.finfo(data.dtype).eps / 2
    size = _price(layers, decay) * (hidden.weight.numel() + outer.weight.numel()) ** 0.5
    return scaled.scale * float(scaled.fixed_bias.rounding(outputs[None], share * moduli[None])) + share * size
