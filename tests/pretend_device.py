"""A pretended accelerator: tensors with real CPU numbers that say that they live on another device.

As on a GPU, an operation that mixes them with CPU tensors is an error, and so is ``numpy()`` without ``cpu()``;
allowed are CPU scalars, copies, and CPU indices into a tensor of the device. Numbers are those of the CPU, so results
must agree with the CPU's up to what a descent makes of the rounding of ``symmetric.eigh``, which is another one here.
"""

import contextlib
from collections.abc import Callable, Iterator
from typing import Any
from unittest.mock import patch

import numpy as np
import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode  # as torch's own documentation imports it
from torch.utils.backend_registration import _setup_privateuseone_for_python_backend  # no public name

from global_optimality import factors

NAME = "pretend"
_setup_privateuseone_for_python_backend(NAME)
DEVICE = torch.device(NAME, 0)

COPIES = ("aten._to_copy.default", "aten.copy_.default")
INDEXING = ("aten.index.Tensor", "aten.index_put.default", "aten.index_put_.default")
ZEROS = "aten._efficientzerotensor.default"
"""Zeros without memory, which autograd makes for missing derivatives: kernels that are called from here read them."""


class Pretended(Tensor):
    """A CPU tensor under another name."""

    held: Tensor

    @staticmethod
    def __new__(cls, real: Tensor) -> "Pretended":
        return torch.Tensor._make_wrapper_subclass(  # type: ignore[attr-defined]  # no public name
            cls,
            real.shape,
            strides=real.stride(),
            storage_offset=real.storage_offset(),
            dtype=real.dtype,
            device=DEVICE,
        )

    def __init__(self, real: Tensor) -> None:
        self.held = real

    def __repr__(self) -> str:  # type: ignore[override]
        return f"Pretended({self.held})"

    def tolist(self) -> Any:
        return self.held.tolist()

    def new_tensor(self, data: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
        made = self.held.new_tensor(data, dtype=dtype).requires_grad_(requires_grad)
        return made if device is not None and torch.device(device).type == "cpu" else made.to(DEVICE)

    def __getitem__(self, index: Any) -> Tensor:
        """Lists and arrays become indices on the device, as PyTorch itself does."""
        one = index if isinstance(index, tuple) else (index,)
        moved = tuple(Pretended(torch.as_tensor(i)) if isinstance(i, list | np.ndarray) else i for i in one)
        return super().__getitem__(moved if isinstance(index, tuple) else moved[0])

    @classmethod
    def __torch_dispatch__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return _run(func, args, kwargs or {})


class _Factories(TorchDispatchMode):
    """Sends ``torch.zeros(…, device=DEVICE)`` and its like here too."""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return _run(func, args, kwargs or {})


class _Conversions(TorchFunctionMode):
    """Makes tensors of numbers on the CPU and then moves them: PyTorch itself asks no dispatch mode there."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        device = kwargs.get("device")
        if func in (torch.as_tensor, torch.tensor) and device is not None and torch.device(device).type == NAME:
            where = args[0].device if isinstance(args[0], Tensor) else "cpu"
            return func(*args, **{**kwargs, "device": where}).to(DEVICE)
        return func(*args, **kwargs)


@contextlib.contextmanager
def pretended() -> Iterator[torch.device]:
    """The device, for as long as the context lasts; the library does not refuse its tensors for their class there."""
    with _Factories(), _Conversions(), patch.object(factors, "DISPATCH", "__add__"):
        yield DEVICE


def _run(func: Any, args: Any, kwargs: dict[str, Any]) -> Any:
    name = str(func)
    tensors: list[Tensor] = []

    def real(x: Any) -> Any:
        if not isinstance(x, Tensor):
            return x
        tensors.append(x)
        return x.held if isinstance(x, Pretended) else x

    real_args, real_kwargs = _mapped(real, args), _mapped(real, kwargs)
    there = [t for t in tensors if isinstance(t, Pretended)]
    _check(name, there, [t for t in tensors if not isinstance(t, Pretended) and t.dim() > 0])
    wrapped = bool(there)
    if kwargs.get("device") is not None:
        wrapped = torch.device(kwargs["device"]).type == NAME
        real_kwargs["device"] = torch.device("cpu")
        real_kwargs.pop("pin_memory", None)
    elif name == "aten.copy_.default":
        wrapped = isinstance(args[0], Pretended)
    if name == ZEROS:
        func = torch.ops.aten.zeros.default
    result = func(*real_args, **real_kwargs)
    return result if name == "aten._local_scalar_dense.default" else _mapped(_back(there, wrapped), result)


def _mapped(f: Callable[[Any], Any], x: Any) -> Any:
    """What `f` makes of the leaves of tuples, lists and dictionaries; torch's tree_map takes three times as long."""
    if isinstance(x, tuple | list):
        return type(x)([_mapped(f, y) for y in x])
    return {k: _mapped(f, y) for k, y in x.items()} if isinstance(x, dict) else f(x)


def _check(name: str, there: list[Pretended], here: list[Tensor]) -> None:
    if not (there and here) or name in COPIES:
        return
    if name in INDEXING and all(t.dtype in (torch.int64, torch.int32, torch.bool, torch.uint8) for t in here):
        return
    raise RuntimeError(
        f"Expected all tensors to be on the same device, but found at least two devices, {DEVICE} and cpu, in {name}."
    )


def _back(there: list[Pretended], wrapped: bool) -> Any:
    def back(result: Any) -> Any:
        if not isinstance(result, Tensor):
            return result
        own = [t for t in there if t.held is result]  # an operation in place
        return own[0] if own else Pretended(result) if wrapped else result

    return back
