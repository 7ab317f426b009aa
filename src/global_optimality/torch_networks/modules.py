"""Reading a user's torch model and optimizer: which layers, and which decay on which parameters."""

import math
from dataclasses import dataclass
from numbers import Real

import torch
from torch import nn
from torch.nn.modules.lazy import LazyModuleMixin
from torch.nn.utils import parametrize

from ..homogeneity import optimizer_decays
from ..settings import real
from .cures import WRAPPERS, cure_of

FORM = "certify_network takes Sequential(Linear, ReLU, Linear)"


@dataclass(frozen=True)
class Decay:
    """wd of the incoming and the outgoing weights of hidden units, of hidden and output bias (None: no such bias)."""

    hidden: float
    outer: float
    hidden_bias: float | None
    output_bias: float | None


def layers_of(model: nn.Module) -> tuple[nn.Linear, nn.Linear]:
    """The two linear layers; ``TypeError`` unless the model is Sequential(Linear, ReLU, Linear) and nothing else.

    Wrappers that compute the same are looked through: torch.compile, DataParallel, nested Sequential, Identity.
    """
    layers = _flat(unwrapped(model))
    for place, layer in enumerate(layers):
        if not (_linear(layer) or type(layer) is nn.ReLU):
            cure = cure_of(layer, last=place == len(layers) - 1)
            raise TypeError(f"{FORM}; it has a {type(layer).__name__} layer. {cure}")
    if [_linear(layer) for layer in layers] != [True, False, True]:
        kinds = ", ".join(type(layer).__name__ for layer in layers)
        raise TypeError(f"{FORM}, not Sequential({kinds}): {_form_cure(layers)}")
    hidden, outer = layers[0], layers[2]
    assert isinstance(hidden, nn.Linear)
    assert isinstance(outer, nn.Linear)
    for layer in (hidden, outer):
        _check_own_parameters(layer)
    if hidden.out_features != outer.in_features:
        raise ValueError(f"the layers do not fit: {hidden.out_features} hidden units, then {outer.in_features}.")
    if hidden.out_features < 1:
        raise ValueError("the network has no hidden unit: give it at least one, zero if you like.")
    if hidden.weight is outer.weight or (hidden.bias is not None and hidden.bias is outer.bias):
        raise ValueError(f"{FORM} with weights of their own; these layers share parameters: untie them.")
    for name, parameter in model.named_parameters():
        if parameter.is_meta:
            raise ValueError(f"parameter {name} is on the meta device and holds no numbers: load weights first.")
        if parameter.is_complex():
            raise ValueError(f"parameter {name} is complex: the theory is of real weights.")
        if not bool(torch.isfinite(parameter).all()):
            raise ValueError(f"parameter {name} holds NaN or infinity: the training diverged.")
    return hidden, outer


def unwrapped(model: nn.Module) -> nn.Sequential:
    """The Sequential inside torch.compile and the wrappers for several devices; ``TypeError`` if there is none."""
    if isinstance(model, type):
        raise TypeError(f"{FORM}, but the model is the class {model.__name__}: pass an instance, the trained model.")
    if not isinstance(model, nn.Module):
        raise TypeError(f"{FORM}, an nn.Module, but the model is a {type(model).__name__}: pass the module itself.")
    inside = dict(model.named_children())
    if isinstance(model, WRAPPERS):
        return unwrapped(inside["module"])
    if list(inside) == ["_orig_mod"]:
        return unwrapped(inside["_orig_mod"])
    if isinstance(model, torch.jit.ScriptModule | torch.fx.GraphModule):
        raise TypeError(f"{FORM}, not what torch.jit, torch.fx or torch.export made of it: pass the module itself.")
    if not isinstance(model, nn.Sequential) or type(model).forward is not nn.Sequential.forward:
        cure = (
            f"pass {_member(model, next(iter(inside)))}."
            if len(inside) == 1
            else "where it computes its layers one after the other, put them into an nn.Sequential."
        )
        raise TypeError(f"{FORM}, not {type(model).__name__}: {cure}")
    return model


def _member(model: nn.Module, name: str) -> str:
    """How Python writes a module inside another."""
    if isinstance(model, nn.ModuleDict):
        return f"model[{name!r}]"
    return f"model[{name}]" if name.isdigit() else f"model.{name}"


def _flat(model: nn.Sequential) -> list[nn.Module]:
    """Its layers, those of a nested Sequential in its place, without Identity."""
    layers = []
    for layer in model:
        plain = dict(layer.named_children()).get("_orig_mod", layer)
        if isinstance(plain, nn.Sequential) and type(plain).forward is nn.Sequential.forward:
            layers += _flat(plain)
        else:
            layers.append(plain)
    return [layer for layer in layers if type(layer) is not nn.Identity]


def _linear(layer: nn.Module) -> bool:
    """Whether it computes what Linear does, from weights of its own."""
    if not isinstance(layer, nn.Linear) or isinstance(layer, LazyModuleMixin) or parametrize.is_parametrized(layer):
        return False
    return type(layer).forward is nn.Linear.forward


def _check_own_parameters(layer: nn.Linear) -> None:
    """``ValueError`` where weights are computed from other parameters: decay of those is another regularizer."""
    names = {name for name, _ in layer.named_parameters(recurse=False)}
    if "weight_orig" in names:
        raise ValueError(
            "the weights are pruned or spectrally normalised: make that permanent with "
            "torch.nn.utils.prune.remove(layer, 'weight') or torch.nn.utils.remove_spectral_norm(layer)."
        )
    if "bias_orig" in names:
        raise ValueError("a bias is pruned: make that permanent with torch.nn.utils.prune.remove(layer, 'bias').")
    if "weight_g" in names:
        raise ValueError(
            "the weights are weight-normed, and decay of gain and direction is another regularizer: call "
            "torch.nn.utils.remove_weight_norm(layer), and certify decay of the weights themselves."
        )
    if not names <= {"weight", "bias"}:
        raise ValueError(f"a linear layer has parameters {sorted(names)}: a plain one has weight and bias only.")


def _form_cure(layers: list[nn.Module]) -> str:
    linear = sum(map(_linear, layers))
    if linear > 2:
        return (
            "of a deeper network freeze all but the last two linear layers, and certify these on the features that "
            "they receive."
        )
    if linear < 2:
        return "without a hidden layer the problem is convex, and every stationary point is optimal."
    if type(layers[-1]) is nn.ReLU:
        return "leave out the last ReLU, or train on the outputs before it."
    return "put exactly one ReLU between the two linear layers."


def decay_of(
    hidden: nn.Linear,
    outer: nn.Linear,
    weight_decay: float | torch.optim.Optimizer,
    decay_hidden_bias: bool | None,
    decay_output_bias: bool | None,
) -> Decay:
    """The decay of each parameter, from one number or an optimizer's groups; ``ValueError`` if none is certified."""
    if isinstance(weight_decay, torch.optim.Optimizer):
        if decay_hidden_bias is not None or decay_output_bias is not None:
            raise ValueError("the optimizer's groups say which biases are decayed: leave decay_..._bias out.")
        of = optimizer_decays(weight_decay)
        named = {"hidden weight": hidden.weight, "hidden bias": hidden.bias}
        named |= {"output weight": outer.weight, "output bias": outer.bias}
        for name, p in named.items():
            if p is not None and p not in of:
                raise ValueError(f"the {name} is not in the optimizer: pass weight_decay as a number instead.")
        weights = of[hidden.weight], of[outer.weight]
        bias = None if hidden.bias is None else of[hidden.bias]
        free = None if outer.bias is None else of[outer.bias]
    else:
        if getattr(weight_decay, "shape", None) == ():
            weight_decay = float(weight_decay)
        if isinstance(weight_decay, bool) or not isinstance(weight_decay, Real):
            raise TypeError(
                f"weight_decay is a {type(weight_decay).__name__}: pass the number given to SGD or Adam, or that "
                "optimizer (of a scheduler, scheduler.optimizer)."
            )
        weights = (real("weight_decay", weight_decay),) * 2
        bias = None if hidden.bias is None else 0.0 if decay_hidden_bias is False else weights[0]
        free = None if outer.bias is None else 0.0 if decay_output_bias is False else weights[0]
    for wd in weights:
        if not math.isfinite(wd):
            raise ValueError(f"weight_decay = {wd}: no positive, finite weight_decay; pass the number of the training.")
        if wd <= 0:
            raise ValueError(
                f"weight_decay = {wd}: without decay of both weight matrices nothing limits the network, and the best "
                "possible objective is that of an interpolation. Train with a positive, finite weight_decay on them."
            )
    for wd in (bias, free):
        if wd is not None and not (math.isfinite(wd) and wd >= 0):
            raise ValueError(f"a bias has weight_decay = {wd}: take 0 (free) or a positive, finite number.")
    return Decay(weights[0], weights[1], bias, free)
