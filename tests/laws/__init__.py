"""What must hold, for any instance: each function raises AssertionError when its law is broken."""

from .closeness import same
from .functions import (
    batched_is_looped,
    homogeneous,
    mapping_twins,
    slices_independent,
    sum_over_slices,
    taylor_gradient,
    taylor_hessian,
)
from .losses import conjugate_is_supremum, convex, dual_scale_is_best, fenchel_young, line_minimum_is_best
from .polars import gauge, polar_contains, polar_encloses
from .proofs import (
    descent_is_recomputed,
    escape_is_real,
    never_rises,
    pure,
    same_certificate,
    splitting_is_neutral,
    verdict_order,
    weak_duality,
)

__all__ = [
    "batched_is_looped",
    "conjugate_is_supremum",
    "convex",
    "descent_is_recomputed",
    "dual_scale_is_best",
    "escape_is_real",
    "fenchel_young",
    "gauge",
    "homogeneous",
    "line_minimum_is_best",
    "mapping_twins",
    "never_rises",
    "polar_contains",
    "polar_encloses",
    "pure",
    "same",
    "same_certificate",
    "slices_independent",
    "splitting_is_neutral",
    "sum_over_slices",
    "taylor_gradient",
    "taylor_hessian",
    "verdict_order",
    "weak_duality",
]
