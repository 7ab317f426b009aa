"""Which atoms of a polar enter a network, and with what scales: one after the other, the steepest first."""

import numpy as np
import torch

from ..descent.scales import number_within
from ..effort import MEMORY, over
from ..factors import Factors
from ..problem import Problem

WORTH = 1e-9
"""An atom enters if ⟨−∇ℓ, φ⟩ > λθ(1 + WORTH) after the ones before it have entered."""

ENTRIES = 24
"""At most so many atoms enter in a round."""


def entering(problem: Problem, W: Factors, atoms: Factors, memory: float = MEMORY) -> Factors:
    """The atoms worth adding, one after the other, the steepest first, each with its best scale; zero for the rest.

    Only the steepest are looked at where the outputs of all take more than ``memory`` (bytes).
    """
    theta = problem.regularizer.theta(*atoms)
    if (most := number_within(problem, memory)) < theta.shape[1]:
        value = problem.mapping.inner(-problem.loss.gradient(problem.mapping.Phi(*W)), *atoms)
        steepest = (value / torch.where(theta > 0, theta, 1.0))[0].topk(most).indices
        atoms, theta = tuple(w[:, steepest] for w in atoms), theta[:, steepest]
    atoms = problem.mapping.scaled(atoms, 1 / torch.where(theta > 0, theta, 1.0))
    cost = problem.lam * problem.regularizer.theta(*atoms)[0].cpu().numpy()
    X, D = problem.mapping.Phi(*W)[0].cpu().numpy(), problem.mapping.phi(*atoms)[0].cpu().numpy()
    loss, scales = problem.array_loss, np.zeros_like(cost)
    for _ in range(min(ENTRIES, len(cost))):
        if over():
            break
        value = -D.reshape(len(D), -1) @ loss.gradient(X).ravel() - cost * (1 + WORTH)
        best = int(np.where(scales > 0, -np.inf, value).argmax())
        if scales[best] > 0 or not value[best] > 0:
            break
        scales[best] = loss.line_minimum(X, D[best], cost[best])
        X = X + scales[best] * D[best]
    entered = torch.from_numpy(scales > 0)
    if not bool(entered.any()):
        return tuple(torch.zeros_like(w[:, :1]) for w in atoms)
    chosen, scales = entered.nonzero()[:, 0].to(theta.device), torch.from_numpy(scales).to(theta)
    return problem.mapping.scaled(tuple(w[:, chosen] for w in atoms), scales[None, chosen])
