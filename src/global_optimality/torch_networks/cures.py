"""What to do about a layer that is in the way of certifying a network."""

from torch import nn
from torch.nn.modules.lazy import LazyModuleMixin
from torch.nn.utils import parametrize

WRAPPERS = nn.DataParallel, nn.parallel.DistributedDataParallel
CURES = {
    "lazy": "Its shape is not known yet: call the model once on data, model(inputs), and certify it then.",
    "parametrized": (
        "Its weights are computed from others (weight norm, orthogonality, ...), whose decay is another regularizer: "
        "call torch.nn.utils.parametrize.remove_parametrizations(layer, 'weight')."
    ),
    "quantised": (
        "It is quantised or prepared for it, and computes something else in every precision: pass the model before "
        "that."
    ),
    "mkldnn": "It was converted for one kind of processor: pass the model before that.",
    "linear": "It computes something else than Linear does: merge that into weight and bias of a plain nn.Linear.",
    "linear slope": "Its unit is positively homogeneous but its polar is not implemented: use ReLU.",
    "activation": "Its unit is not positively homogeneous, so the theory does not apply: use ReLU.",
    "dropout": "Dropout makes the objective random and changes what weight decay means: train without it.",
    "norm": "A normalisation couples the samples or units: normalise the inputs beforehand and remove it.",
    "wrapper": "Put the layer that it wraps in its place, layer.module, or wrap the whole model.",
    "flatten": "Pass inputs.flatten(1), and targets of shape (N, c), and leave it out.",
    "features": "Certify the layers behind it, on the features that it gives them as inputs.",
    "module": "Put its layers in its place, in the order in which they are called.",
    "other": "Leave it out, or replace it by one of these.",
}
"""What to do about a layer, by its kind."""

FEATURES = ("conv", "pooling", "sparse", "rnn", "transformer")
"""Modules of ``torch.nn`` whose layers make features."""


def cure_of(layer: nn.Module, last: bool) -> str:
    """What to do about a layer that is no Linear and no ReLU; ``last``: nothing comes behind it."""
    return (_end_cure(layer) if last else "") or CURES[_kind(layer)]


def _kind(layer: nn.Module) -> str:
    """What is in the way of certifying a layer; the first that fits."""
    home = type(layer).__module__
    kinds = {
        "lazy": isinstance(layer, LazyModuleMixin),
        "quantised": "quantized" in home or ".qat." in home,
        "mkldnn": "mkldnn" in home,
        "parametrized": parametrize.is_parametrized(layer),
        "linear": isinstance(layer, nn.Linear),
        "linear slope": isinstance(layer, nn.LeakyReLU | nn.PReLU | nn.RReLU),
        "activation": home == nn.ReLU.__module__,
        "dropout": home == nn.Dropout.__module__,
        "norm": home in {kind.__module__ for kind in (nn.BatchNorm1d, nn.LayerNorm, nn.InstanceNorm1d)},
        "wrapper": isinstance(layer, WRAPPERS),
        "flatten": home == nn.Flatten.__module__,
        "features": home in {f"torch.nn.modules.{name}" for name in FEATURES},
        "module": any(True for _ in layer.children()),
    }
    return next((kind for kind, fits in kinds.items() if fits), "other")


def _end_cure(layer: nn.Module) -> str:
    """What to do about a last layer that makes probabilities; empty for others."""
    if isinstance(layer, nn.Sigmoid | nn.LogSigmoid):
        return "Leave it out: loss=nn.BCEWithLogitsLoss() takes the outputs before it."
    if isinstance(layer, nn.Softmax | nn.LogSoftmax):
        return "Leave it out: loss=nn.CrossEntropyLoss() takes the outputs before it."
    return ""
