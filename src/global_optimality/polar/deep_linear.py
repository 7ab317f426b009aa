"""The polar of deep linear subnetworks with Euclidean norms: a spectral norm, for every depth (section 5)."""

import torch
from torch import Tensor

from ..mappings import DeepLinear
from .bound import Polar, PolarBound
from .matrix import spectral_polar


def deep_linear_polar(mapping: DeepLinear) -> Polar:
    """The polar as a function of Q ``(n, *D)``."""
    return lambda Q: _polar(mapping, Q)


def _polar(mapping: DeepLinear, Q: Tensor) -> PolarBound:
    """Ω°(Q) = σ₁(Q), or σ₁(SᵀQ) with an input: σ₁ bounds ⟨Q, w¹ … wᴷ⟩ / ∏‖wᵏ‖_F and is attained by rank-one layers
    u e₁ᵀ, e₁e₁ᵀ, …, e₁vᵀ of the leading singular pair. The upper bound covers the rounding of SᵀQ.
    """
    S = mapping.S
    bound = spectral_polar(Q if S is None else S.mT @ Q)
    upper = bound.upper
    if S is not None:
        # a sum of N products errs by N eps/2 of its moduli, all entries together of ‖S‖‖Q‖; four times that
        slack = 2 * len(S) * torch.finfo(Q.dtype).eps * torch.linalg.matrix_norm(S)
        upper = upper + slack * torch.linalg.matrix_norm(Q)
    u, v = bound.atom
    atom = []
    for k, (a, b) in enumerate(mapping.factor_shapes):
        w = Q.new_zeros(len(Q), 1, a, b)
        if k == 0:
            w[..., 0] = u
        elif k == mapping.degree - 1:
            w[..., 0, :] = v
        else:
            w[..., 0, 0] = 1
        atom.append(w)
    lower = mapping.inner(Q, *atom)[:, 0].clamp(min=0)
    return PolarBound(lower, torch.maximum(upper, lower), tuple(atom))
