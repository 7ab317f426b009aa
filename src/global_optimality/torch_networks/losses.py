"""Torch's losses in the package's scaling: J = scale · f, so that λ = wd / scale."""

import copy
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from ..factors import check_finite
from ..losses import CrossEntropyLoss, LogisticLoss, SampleLoss, SquaredLoss


@dataclass(frozen=True, eq=False)
class Scaled:
    """``scale`` · ``loss`` = the torch loss at the best output bias; ``fixed_bias`` has no bias inside."""

    scale: float
    loss: SampleLoss
    fixed_bias: SampleLoss
    torch_value: Callable[[Tensor], Tensor]


def scaled_loss(loss: nn.Module, targets: Tensor, outputs: Tensor, bias_decay: float | None) -> Scaled:
    """The loss for float64 ``outputs`` ``(N, c)``; ``bias_decay`` is wd of the output bias, 0.0 free, None without one.

    ``TypeError`` for another loss, ``ValueError`` for settings or targets that are not covered.
    """
    readers = {
        nn.MSELoss: _squared,
        nn.BCEWithLogitsLoss: _logistic,
        nn.SoftMarginLoss: _soft_margin,
        nn.CrossEntropyLoss: _cross_entropy,
    }
    loss = getattr(loss, "_orig_mod", loss)  # torch.compile
    if type(loss) not in readers:
        raise TypeError(
            f"loss is {type(loss).__name__}, expected an instance of {', '.join(kind.__name__ for kind in readers)}: "
            f"{_cure(loss)}"
        )
    if loss.reduction not in ("mean", "sum"):
        raise ValueError(f"{type(loss).__name__} has reduction={loss.reduction!r}: an objective needs 'mean' or 'sum'.")
    if not isinstance(targets, Tensor):
        raise TypeError(
            f"targets is a {type(targets).__name__}: pass torch.as_tensor(targets), of a table its .to_numpy()."
        )
    if targets.layout != torch.strided or targets.is_meta or targets.is_nested:
        raise ValueError("targets are sparse, nested, or on the device meta: pass targets.to_dense() with its numbers.")
    if targets.device != outputs.device:
        raise ValueError(f"targets are on {targets.device} but the inputs on {outputs.device}: move one with .to(...).")
    check_finite("targets", targets, "clean the data, or leave those samples out of inputs and targets.")
    scale, plain, y = readers[type(loss)](loss, targets, outputs)
    try:
        own = plain if bias_decay is None else replace(plain, output_bias=bias_decay / scale)
    except ValueError as error:
        raise ValueError(
            "a class is missing among the targets, so that the free output bias has no best value: decay it, or "
            "leave it out."
        ) from error
    twin = copy.deepcopy(loss).double()
    return Scaled(scale, own, plain, lambda X: twin(X, y))


def _cure(loss: object) -> str:
    if isinstance(loss, nn.BCELoss | nn.NLLLoss):
        return "take the loss of the logits, without the last sigmoid or softmax."
    if isinstance(loss, nn.HuberLoss | nn.SmoothL1Loss):
        return (
            "beyond its threshold it has no curvature, so that neither an output bias nor a unit's scale need have "
            "a unique best value, on which the solvers rest: take MSELoss, and clip or leave out outliers."
        )
    if isinstance(loss, nn.L1Loss | nn.HingeEmbeddingLoss | nn.MultiMarginLoss):
        return "the theory needs a once differentiable convex loss."
    return "others have no conjugate here; pass an instance, as in loss=nn.MSELoss()."


def _like_outputs(targets: Tensor, outputs: Tensor) -> Tensor:
    """Targets of exactly the outputs' shape, float64: torch would silently broadcast (N,) against (N, 1) to (N, N)."""
    if targets.shape != outputs.shape:
        cure = "targets[:, None]" if targets.dim() == 1 else "a row a sample, a column an output"
        raise ValueError(
            f"targets have shape {tuple(targets.shape)} but the outputs {tuple(outputs.shape)}: make them equal, "
            f"{cure} (torch would compare every sample with every other)."
        )
    if targets.is_complex():
        raise ValueError("targets are complex: pass real numbers.")
    return targets.detach().double()


def _share(loss: nn.Module, count: int) -> float:
    return 1 / count if loss.reduction == "mean" else 1.0


def _squared(loss: nn.Module, targets: Tensor, outputs: Tensor) -> tuple[float, SampleLoss, Tensor]:
    """(x − y)² is twice ½(x − y)²: scale 2/(Nc), λ = Nc · wd/2 for the mean."""
    Y = _like_outputs(targets, outputs)
    return 2 * _share(loss, Y.numel()), SquaredLoss(Y), Y


def _soft_margin(loss: nn.Module, targets: Tensor, outputs: Tensor) -> tuple[float, SampleLoss, Tensor]:
    """log(1 + e^{−yx}), y = ±1: scale 1/(Nc), λ = Nc · wd for the mean."""
    Y = _like_outputs(targets, outputs)
    if not bool((Y.abs() == 1).all()):
        raise ValueError("SoftMarginLoss needs targets −1 and +1: from 0 and 1 they are 2 * targets - 1.")
    return _share(loss, Y.numel()), LogisticLoss(Y), Y


def _logistic(loss: Any, targets: Tensor, outputs: Tensor) -> tuple[float, SampleLoss, Tensor]:
    """For targets 0 and 1 it is the soft margin of 2y − 1; weights must be one a sample. λ = Nc · wd for the mean."""
    Y = _like_outputs(targets, outputs)
    if bool((Y.abs() == 1).all()) and bool((Y < 0).any()):
        raise ValueError(
            "BCEWithLogitsLoss with targets −1 and +1 is no loss of two classes: pass (targets + 1) / 2, or take "
            "SoftMarginLoss, which is for −1 and +1."
        )
    if not bool(((Y == 0) | (Y == 1)).all()):
        raise ValueError(
            "BCEWithLogitsLoss is certified for targets 0 and 1 only, not for probabilities: number the two classes 0 "
            "and 1."
        )
    each = torch.ones_like(Y)
    if loss.weight is not None:
        each = each * _fitting("weight", loss.weight, Y)
    if loss.pos_weight is not None:
        each = torch.where(Y == 1, each * _fitting("pos_weight", loss.pos_weight, Y), each)
    _check_positive(each)
    if not bool((each == each[:, :1]).all()):
        raise ValueError(
            "the weights differ within a sample, as a pos_weight of several classes makes them: losses, saved "
            "certificates and their checkers hold one weight a sample. Drop pos_weight, or weigh whole samples."
        )
    return _share(loss, Y.numel()), LogisticLoss(2 * Y - 1, weights=_unless_ones(each[:, 0])), Y


def _cross_entropy(loss: Any, targets: Tensor, outputs: Tensor) -> tuple[float, SampleLoss, Tensor]:
    """Scale 1/N, λ = N · wd for the mean; with class weights torch's mean divides by their sum over the samples."""
    N, c = outputs.shape
    if loss.label_smoothing:
        raise ValueError("label_smoothing is not covered: set it to 0 and certify that objective.")
    if c < 2:
        raise ValueError("CrossEntropyLoss of one output is constant: use BCEWithLogitsLoss for two classes.")
    if targets.shape != (N,) or targets.dtype.is_floating_point or targets.is_complex() or targets.dtype == torch.bool:
        raise ValueError(
            f"targets are {targets.dtype} of shape {tuple(targets.shape)}, expected class numbers, integers ({N},): "
            f"{_numbered(targets, N, c)}"
        )
    if bool(((targets < 0) | (targets >= c)).any()):
        raise ValueError(
            f"targets lie between {int(targets.min())} and {int(targets.max())}, expected 0 to {c - 1}: number the "
            f"classes from 0, give the last layer an output for each, and leave out ignored samples."
        )
    if bool(targets.eq(loss.ignore_index).any()):
        raise ValueError(
            f"ignore_index = {loss.ignore_index} leaves out samples: leave them out of inputs and targets."
        )
    if loss.weight is not None and loss.weight.shape != (c,):
        raise ValueError(f"the loss has class weights of shape {tuple(loss.weight.shape)}: give one a class, ({c},).")
    weights = None if loss.weight is None else _unless_ones(loss.weight.double()[targets.long()])
    scale = _share(loss, 1) if loss.reduction == "sum" else 1 / (N if weights is None else float(weights.sum()))
    return scale, CrossEntropyLoss(targets.long(), classes=c, weights=weights), targets.long()


def _numbered(targets: Tensor, N: int, c: int) -> str:
    """How labels of another shape or kind become class numbers."""
    if targets.shape == (N, 1):
        return "pass targets[:, 0].long()."
    if targets.shape == (N,):
        return "pass targets.long()."
    return "from one-hot rows they are targets.argmax(1); other probabilities are not covered."


def _fitting(name: str, weight: Tensor, Y: Tensor) -> Tensor:
    """The loss's weights as torch broadcasts them to Y ``(N, c)``, float64."""
    try:
        return weight.double().expand_as(Y)
    except RuntimeError:
        raise ValueError(
            f"the loss has a {name} of shape {tuple(weight.shape)} beside targets {tuple(Y.shape)}: give one a sample, "
            f"({len(Y)}, 1), or one for all."
        ) from None


def _check_positive(weights: Tensor) -> None:
    if not bool((torch.isfinite(weights) & (weights > 0)).all()):
        raise ValueError("the loss gives some sample a weight that is not positive: leave such samples out.")


def _unless_ones(weights: Tensor) -> Tensor | None:
    _check_positive(weights)
    return None if bool((weights == 1).all()) else weights
