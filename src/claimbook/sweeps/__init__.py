"""Sweeps that lose nothing: a function over a grid, in chunks that are computed once, anywhere, and kept."""

from .clients import HowFar, status
from .grid import MEMORY, Chunk, Listed, Sweep
from .store import Store
from .sweep import HERE, carry_out, failed, spent, sweep
from .transport import Workers

__all__ = [
    "HERE",
    "MEMORY",
    "Chunk",
    "HowFar",
    "Listed",
    "Store",
    "Sweep",
    "Workers",
    "carry_out",
    "failed",
    "spent",
    "status",
    "sweep",
]
