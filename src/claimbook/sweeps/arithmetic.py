"""What the last digits of a result depend on beyond code and versions: the device, and the kind of its processor."""

from __future__ import annotations

import importlib
from functools import cache
from typing import Any

from threadpoolctl import threadpool_info

from .code import code_of


def arithmetic_of(module: str) -> dict[str, str]:
    """Device and vector instructions of PyTorch, where code that the module reaches imports it; numpy's BLAS kernels.

    A function takes the GPU where its process sees one, so what is seen here counts, not what is used.
    """
    found = {"blas": _blas()}
    if "torch (installed)" in code_of(module):
        torch: Any = importlib.import_module("torch")
        found["device"] = torch.cuda.get_device_name() if torch.cuda.is_available() else "cpu"
        found["vectors"] = torch.backends.cpu.get_cpu_capability()
    return found


@cache
def _blas() -> str:
    """The kernels that numpy's BLAS has chosen; of all that are loaded, where none stands in numpy's folder."""
    importlib.import_module("numpy.linalg")
    libraries = [library for library in threadpool_info() if library["user_api"] == "blas"]
    own = [library for library in libraries if "numpy" in str(library["filepath"])] or libraries
    return ", ".join(sorted({str(library.get("architecture", library["internal_api"])) for library in own}))


def difference(mine: dict[str, str], theirs: dict[str, str]) -> str:
    """The entries that differ, in words: device cpu here, NVIDIA H200 there."""
    names = [name for name in sorted({*mine, *theirs}) if mine.get(name) != theirs.get(name)]
    return "; ".join(f"{name} {mine.get(name, 'none')} here, {theirs.get(name, 'none')} there" for name in names)
