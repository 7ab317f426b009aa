"""Fully connected chains: the checks of their widths and the hidden layers that they share."""

from collections.abc import Callable, Iterator

import torch
from torch import Tensor
from torch.nn import functional

from ..factors import Factors, check_alike, check_finite
from ..settings import number

BLOCK = 2**16
"""Numbers in a hidden layer computed at a time: runs go through in blocks of that size, which stay in the cache."""

Widths = tuple[int, ...]


def chain_shapes(first: int, widths: Widths, name: str) -> tuple[tuple[int, int], ...]:
    """((first, m₁), (m₁, m₂), …, (m_{K−1}, c)); ``ValueError`` for K = 1 and for layers of width zero."""
    if len(widths) < 2:
        raise ValueError(
            f"{name} has widths {widths}, K = {len(widths)} weight layers: give at least two, (m1, ..., c); "
            "K = 1 is linear regression, which is convex already."
        )
    for k, width in enumerate((first, *widths)):
        if width < 1:
            raise ValueError(f"{name}: layer {k} has width {width}: every width must be at least 1.")
    return tuple(zip((first, *widths[:-1]), widths, strict=True))


def check_inputs(S: Tensor) -> None:
    """``ValueError`` unless S is a finite floating matrix with a row a sample."""
    check_alike(S=S)
    if S.dim() != 2 or 0 in S.shape:
        raise ValueError(f"S has shape {tuple(S.shape)}, expected (N, d): a row a sample, at least one of each.")
    check_finite("S", S)


def check_slope(slope: float) -> None:
    """``ValueError`` unless the slope of the negative side makes max(x, slope·x) a leaky ReLU."""
    if not number("slope", slope, positive=False) < 1:
        raise ValueError(f"slope = {slope}: the negative side of a leaky ReLU needs a slope in [0, 1).")


def relu(x: Tensor, slope: float) -> Tensor:
    """max(x, slope · x); 0 has the derivative of the negative side."""
    return functional.leaky_relu(x, slope) if slope > 0 else torch.relu(x)


def hidden_layers(
    S: Tensor | None, W: tuple[Tensor, ...], slope: float | None, biases: tuple[Tensor, ...] = ()
) -> Iterator[Tensor]:
    """The hidden layers of every subnetwork, ``(n, r, m, N)``, with samples as columns; no ReLU if slope is None.

    The first layer, whose input all subnetworks share, is one product; the others are batched over (n, r), and may
    have ``biases``, each ``(n, r, m)``. Without S, the input is the identity.
    """
    first, *others = W
    n, r, d, m = first.shape
    h = first.mT if S is None else (first.mT.reshape(n * r * m, d) @ S.mT).reshape(n, r, m, len(S))
    for k, w in enumerate((None, *others)):
        h = h if w is None else w.mT @ h
        h = h + biases[k - 1][..., None] if k and biases else h
        h = h if slope is None else relu(h, slope)
        yield h


def hidden_columns(
    S: Tensor | None, W: tuple[Tensor, ...], slope: float | None, biases: tuple[Tensor, ...] = ()
) -> Tensor:
    """The last of the hidden layers."""
    for h in hidden_layers(S, W, slope, biases):
        last = h
    return last


def chain_pullback(
    S: Tensor | None, W: tuple[Tensor, ...], slope: float | None, biases: tuple[Tensor, ...] = ()
) -> tuple[Tensor, Callable[[Tensor], Factors]]:
    """Φ_r(W) and G ↦ ∇_W ⟨G, Φ_r(W)⟩ of a chain, to be called once: back through its layers, `relu` as in there.

    The gradient in the bias of a layer comes right after that of its weights.
    """
    layers = list(hidden_layers(S, W[:-1], slope, biases))

    def pull(G: Tensor) -> Factors:
        last, below = layers[-1], W[-1]
        found = [(last.flatten(1, 2) @ G).view(below.shape)]
        D = (below.flatten(1, 2) @ G.mT).view(last.shape)
        for k in range(len(layers) - 1, -1, -1):
            if slope is not None:
                D = torch.where(layers[k] > 0, D, slope * D) if slope else D.mul_(layers[k].sign_())
            if k:
                found += [D.sum(3)] if biases else []
                found.append(layers[k - 1] @ D.mT)
                D = W[k] @ D
        shared = D if S is None else (D.flatten(0, 2) @ S).view(*D.shape[:3], S.shape[1])
        return (*reversed((*found, shared.mT)),)

    return add_columns(layers[-1], W[-1]), pull


def add_columns(h: Tensor, last: Tensor) -> Tensor:
    """Σ_i h_iᵀ w_i over subnetworks as one product: ``(n, r, m, N)`` and ``(n, r, m, c)`` → ``(n, N, c)``."""
    n, r, m, samples = h.shape
    return (last.reshape(n, r * m, -1).mT @ h.reshape(n, r * m, samples)).mT


def in_blocks(Phi: Callable[..., Tensor], W: tuple[Tensor, ...], numbers: int) -> Tensor:
    """Phi, block by block of runs; ``numbers`` is the size of one subnetwork's largest hidden layer on all samples."""
    runs = max(1, BLOCK // (W[0].shape[1] * numbers))
    if runs >= len(W[0]):
        return Phi(*W)
    return torch.cat([Phi(*block) for block in zip(*(w.split(runs) for w in W), strict=True)])


def inner_columns(Q: Tensor, h: Tensor, last: Tensor) -> Tensor:
    """⟨Q, h_iᵀ w_i⟩ of every subnetwork, ``(n, r)``, without the outputs h_iᵀ w_i themselves."""
    return ((h @ Q[:, None]) * last).flatten(2).sum(2)
