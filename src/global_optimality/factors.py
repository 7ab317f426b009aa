"""The K-tuple of weights (W¹, …, Wᴷ)_r and its two axes: runs first, subnetworks second."""

from functools import reduce
from numbers import Integral

import torch
from torch import Tensor
from torch._C import _get_dispatch_mode, _TorchDispatchModeKey  # type: ignore[attr-defined]  # no public question
from torch._C._functorch import maybe_current_level  # type: ignore[import-not-found]  # nor here

Factors = tuple[Tensor, ...]
"""K tensors, each ``(n, r, *D_k)``: axis 0 the run, axis 1 the subnetwork."""


DISPATCH = "__torch_dispatch__"
"""What a kind of tensor overrides that keeps its numbers elsewhere."""


def check_factors(W: Factors, factor_shapes: tuple[tuple[int, ...], ...]) -> None:
    """Raise ``ValueError`` unless W is K floating tensors ``(n, r, *D_k)``, n, r ≥ 1, of one dtype and one device."""
    if not isinstance(W, tuple | list):
        raise TypeError(f"the weights are a {type(W).__name__}: pass a tuple of tensors, one for each layer.")
    if len(W) != len(factor_shapes):
        raise ValueError(f"expected {len(factor_shapes)} factors, got {len(W)}: pass one tensor for each layer.")
    check_alike(**{f"factor {k}": w for k, w in enumerate(W, start=1)})
    for k, (w, shape) in enumerate(zip(W, factor_shapes, strict=True), start=1):
        if w.dim() != 2 + len(shape) or tuple(w.shape[2:]) != tuple(shape):
            raise ValueError(
                f"factor {k} has shape {tuple(w.shape)}, expected (n, r, {', '.join(map(str, shape))}): "
                "axis 0 is the run and axis 1 the subnetwork; a single run is w[None]."
            )
    n, r = W[0].shape[:2]
    if n < 1:
        raise ValueError("the weights hold n = 0 runs: there must be at least 1.")
    if r < 1:
        raise ValueError(f"the network has r = {r} subnetworks: r must be at least 1.")
    for k, w in enumerate(W[1:], start=2):
        if tuple(w.shape[:2]) != (n, r):
            raise ValueError(
                f"factor {k} has (n, r) = {tuple(w.shape[:2])} but factor 1 has {(n, r)}: make them equal."
            )


_TRACERS = _TorchDispatchModeKey.FAKE, _TorchDispatchModeKey.PROXY
"""Of ``FakeTensorMode`` and ``make_fx``."""


def check_values() -> None:
    """Raise ``ValueError`` inside ``torch.func.vmap``, ``grad`` and tracers, where tensors have no values to go by.

    A bound, or a gradient in closed form, that is differentiated there would have the gradient 0 without a word.
    """
    if maybe_current_level() is not None:
        raise ValueError(
            "inside torch.func.vmap, grad, jvp or the like nothing can be decided, as tensors have no values there: "
            "call this outside. Many runs are one call, with weights (n, r, ...) and duals (n, ...); the gradient of "
            "problem(*W) is problem.gradient(*W), and its Hessian problem.hessian_product(W, V); problem(*W) itself "
            "can be mapped and differentiated."
        )
    if any(_get_dispatch_mode(key) is not None for key in _TRACERS):
        raise ValueError("inside FakeTensorMode, make_fx or a compiler tensors have no values: call this outside.")


def check_alike(**tensors: Tensor) -> None:
    """Raise ``ValueError`` unless all tensors share one floating dtype and one device; the message names both sides.

    ``TypeError`` for what is no tensor.
    """
    for name, x in tensors.items():
        if not isinstance(x, Tensor):
            raise TypeError(
                f"{name} is a {type(x).__name__}: pass torch.as_tensor({name}, dtype=torch.float64), of a table that "
                f"of {name}.to_numpy()."
            )
    (first, a), *others = tensors.items()
    if a.dtype not in (torch.float32, torch.float64):
        raise ValueError(f"{first} has dtype {a.dtype}: convert it with .double() first.")
    for name, x in tensors.items():
        if getattr(type(x), DISPATCH) is not getattr(Tensor, DISPATCH):
            raise TypeError(
                f"{name} is a {type(x).__name__}, whose numbers are not at hand: pass an ordinary tensor, as from "
                f"{name}.get_data() or {name}.full_tensor()."
            )
        if x.is_nested:
            raise ValueError(f"{name} is a nested tensor: pass torch.stack({name}.unbind()), rows of one length.")
        if x.layout != torch.strided:
            raise ValueError(f"{name} is sparse ({x.layout}): pass {name}.to_dense().")
    for name, b in others:
        if b.dtype != a.dtype:
            raise ValueError(f"{name} is {b.dtype} but {first} is {a.dtype}: convert one of them, e.g. with .double().")
        if b.device != a.device:
            raise ValueError(
                f"{name} is on {b.device} but {first} is on {a.device}: move one of them with .to(device)."
            )
    if a.is_meta:
        raise ValueError(f"{first} is on the device meta, which holds no numbers: pass it from another device.")


def whole_numbers(name: str, sizes: object) -> tuple[int, ...]:
    """A tuple or list of whole numbers as a tuple of int; ``TypeError`` for anything else, such as 2.5 or a bare 3."""
    if not isinstance(sizes, tuple | list) or not all(
        isinstance(m, Integral) and not isinstance(m, bool) for m in sizes
    ):
        raise TypeError(f"{name} = {sizes!r}: pass a tuple of whole numbers, such as (2, 1).")
    return tuple(int(m) for m in sizes)


def ordinary(x: Tensor) -> Tensor:
    """x, or its copy where x was made inside ``torch.inference_mode()``: autograd takes no such tensor."""
    if not x.is_inference():
        return x
    with torch.inference_mode(False):
        return x.clone()


def check_finite(name: str, data: Tensor, cure: str = "clean the data, or leave those samples out.") -> None:
    """Raise ``ValueError`` if data holds NaN or infinity, saying how many, where the first one is, and the cure."""
    check_values()
    bad = ~torch.isfinite(data)
    if bad.any():
        where = tuple(int(i) for i in bad.nonzero()[0])
        raise ValueError(f"{name} has {int(bad.sum())} NaN or infinite entries, the first at {where}: {cure}")


def take_runs(W: Factors, runs: Tensor) -> Factors:
    """The runs selected by an index or a boolean mask of shape ``(n,)``."""
    return tuple(w[runs] for w in W)


def append(W: Factors, V: Factors) -> Factors:
    """[W V]: the subnetworks of both, side by side (section 5, Notation); a V of one run serves every run."""
    return tuple(torch.cat([w, v.expand(w.shape[0], *v.shape[1:])], dim=1) for w, v in zip(W, V, strict=True))


def zeros_like_slice(W: Factors) -> Factors:
    """One all-zero subnetwork for every run, to be appended (Corollary 1)."""
    return tuple(torch.zeros_like(w[:, :1]) for w in W)


def scale(W: Factors, s: Tensor) -> Factors:
    """Every factor of subnetwork i multiplied by s[:, i]; s has shape ``(n, r)``."""
    return tuple(w * s.reshape(*s.shape, *[1] * (w.dim() - 2)) for w in W)


def slice_norms(W: Factors) -> Tensor:
    """Euclidean norm of all weights of each subnetwork, ``(n, r)``."""
    return reduce(torch.add, [w.flatten(2).square().sum(2) for w in W]).sqrt()


def has_zero_slice(W: Factors) -> Tensor:
    """Whether some subnetwork is exactly zero in all its factors (the condition of Theorem 1), ``(n,)``."""
    return (slice_norms(W) == 0).any(1)


def flatten(W: Factors) -> Tensor:
    """All weights of a run as one row, ``(n, r · Σ_k card(D_k))``."""
    return torch.cat([w.flatten(1) for w in W], dim=1)


def unflatten(x: Tensor, like: Factors) -> Factors:
    """Inverse of ``flatten`` for factors shaped as ``like``; x may have another number of runs."""
    parts = torch.split_with_sizes(x, [w[0].numel() for w in like], dim=1)
    return tuple(p.reshape(x.shape[0], *w.shape[1:]) for p, w in zip(parts, like, strict=True))
