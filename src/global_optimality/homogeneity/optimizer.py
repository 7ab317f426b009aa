"""The weight decay that an optimizer of torch puts on every parameter, as a term of the objective."""

import torch
from torch import Tensor

from ..settings import instance

COUPLED = (
    torch.optim.SGD,
    torch.optim.Adam,
    torch.optim.Adagrad,
    torch.optim.Adadelta,
    torch.optim.Adamax,
    torch.optim.ASGD,
    torch.optim.NAdam,
    torch.optim.RAdam,
    torch.optim.RMSprop,
)
"""Optimizers that add wd · w to the gradient, that is (wd/2)‖w‖² to the objective."""


def optimizer_decays(optimizer: torch.optim.Optimizer) -> dict[Tensor, float]:
    """wd of every parameter, where the objective holds (wd/2)‖w‖²; ``ValueError`` for decoupled or unknown decay."""
    instance("optimizer", optimizer, torch.optim.Optimizer, "pass the one that trains the model.")
    name = type(optimizer).__name__
    if isinstance(optimizer, torch.optim.AdamW) or any(g.get("decoupled_weight_decay") for g in optimizer.param_groups):
        raise ValueError(
            f"{name} decouples the decay from the gradient: its iterates minimise no objective loss + (wd/2)‖w‖², so "
            "the theory does not speak of it. Train with Adam(weight_decay=...) or SGD(weight_decay=...), or pass the "
            "number whose objective you mean."
        )
    if type(optimizer) not in COUPLED:
        raise ValueError(
            f"{name} is not known to add wd · w to the gradient: if your loss holds (wd/2)‖w‖², pass weight_decay=wd "
            "as a number."
        )
    if any(g.get("maximize") for g in optimizer.param_groups):
        raise ValueError("the optimizer maximises: the theory is of minimisation.")
    return {p: float(g["weight_decay"]) for g in optimizer.param_groups for p in g["params"]}
