"""Networks, losses and data as users of torch bring them."""

import torch
from torch import nn

from global_optimality import generator

N = 9
OUTPUTS = {"mse-mean": 2}  # the factor c of λ = N·c·wd/2 is visible only with c > 1


def data(name: str, d: int = 1) -> tuple[torch.Tensor, torch.Tensor]:
    X = torch.randn(N, d, generator=generator(3, "inputs"), dtype=torch.float64)
    Y = torch.cat([torch.sin(3 * X[:, :1]) + 1, X[:, :1].square()], 1)
    positive = Y[:, :1] > 1
    if name.startswith("mse"):
        return X, Y[:, : OUTPUTS.get(name, 1)]
    if name.startswith("ce"):
        return X, positive[:, 0].long()
    return X, positive.double() * 2 - 1 if name.startswith("margin") else positive.double()


def network(outputs: int, width: int = 4, d: int = 1, hidden_bias: bool = True, bias: bool = True) -> nn.Sequential:
    model = nn.Sequential(
        nn.Linear(d, width, bias=hidden_bias), nn.ReLU(), nn.Linear(width, outputs, bias=bias)
    ).double()
    with torch.no_grad():
        for k, p in enumerate(model.parameters()):
            p.copy_(0.7 * torch.randn(p.shape, generator=generator(5, k), dtype=torch.float64))
    return model
