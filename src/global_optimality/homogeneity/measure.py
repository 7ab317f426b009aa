"""The degree of positive homogeneity of any function of weights, measured: an estimate, a residual, a verdict."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import cached_property

import torch
from torch import Tensor

from ..factors import Factors
from ..streams import generator, normal, uniform

SCALES = (0.125, 0.5, 3.0, 10.0)
"""The α at which f(αw) is compared with α^p f(w): small and large ones, since tanh is linear near 0, GELU far out."""

_ALPHA = torch.tensor(SCALES, dtype=torch.float64, device="cpu")

ROUNDING = 2.0**16
"""Residuals up to ROUNDING · eps (1e-11 in float64) are rounding."""

CLEAR = 2.0**10
"""Residuals above CLEAR times that are no rounding; those in between are left undecided."""

OUTPUTS = 2**18
"""Values of f that are compared at one point; of more, so many drawn ones: each has the degree that all have."""


class Homogeneity(Enum):
    """What the measurement says of f(αw) = α^p f(w) for all α ≥ 0."""

    HOMOGENEOUS = "f(αw) = α^p f(w) holds at every point and scale tried, up to rounding."
    NOT_HOMOGENEOUS = "f(αw) = α^p f(w) fails for every p: no one exponent fits the points and scales tried."
    UNDECIDED = "f vanishes or is not finite at a point tried, or the residual is neither rounding nor clearly more."


@dataclass(frozen=True)
class Degree:
    """The exponent that fits best, the largest ‖f(αw) − α^p f(w)‖ / (‖f(αw)‖ + α^p ‖f(w)‖) with it, and the verdict."""

    estimate: float
    residual: float
    verdict: Homogeneity

    def is_degree(self, p: float) -> bool:
        """Whether f was found homogeneous of degree p."""
        return self.verdict is Homogeneity.HOMOGENEOUS and self.estimate == p

    def __str__(self) -> str:
        number = f"degree {self.estimate:.6g}, residual {self.residual:.1e}"
        if self.verdict is Homogeneity.HOMOGENEOUS:
            return f"homogeneous of {number}"
        return f"{'not homogeneous' if self.verdict is Homogeneity.NOT_HOMOGENEOUS else 'undecided'} (best {number})"


def measure_degree(
    function: Callable[..., Tensor], points: Sequence[Factors], exponents: Sequence[int] | None = None
) -> Degree:
    """Measures the degree of ``function`` of the tensors of one point, at every point and at every one of SCALES.

    α takes tensor k times α^κ_k, with κ = ``exponents``, by default 1 for all.
    The exponent is the median of log(‖f(αw)‖ / ‖f(w)‖) / log α; when an integer fits as well, it is that integer.
    Points at which f vanishes altogether, or is too small for float64 to hold all its digits, say nothing and are left
    out; f finite at w and infinite at αw has no degree. Of more than OUTPUTS values of f so many drawn ones are seen.
    ``ValueError`` without points.
    """
    if not points:
        raise ValueError("no point to measure the degree at: pass at least one, two or more to be convinced.")
    rays = [_Ray.of(function, w, exponents) for w in points]
    if any(ray.leaves for ray in rays):
        return Degree(math.nan, 1.0, Homogeneity.NOT_HOMOGENEOUS)
    slopes = torch.cat([ray.slopes for ray in rays])
    if not all(ray.finite for ray in rays) or not len(slopes):
        return Degree(math.nan, math.nan, Homogeneity.UNDECIDED)
    estimate = float(slopes.median())
    if not math.isfinite(estimate):
        return Degree(math.nan, 1.0, Homogeneity.NOT_HOMOGENEOUS)
    rounding = ROUNDING * rays[0].kind.eps
    whole, best = (max(ray.residual(p) for ray in rays) for p in (round(estimate), estimate))
    if whole <= max(best, rounding):
        estimate, best = float(round(estimate)), whole
    return Degree(estimate, best, _verdict(best, rounding))


def random_points(
    shapes: Sequence[tuple[int, ...]], count: int = 4, *, like: Tensor | None = None, seed: int = 0
) -> list[Factors]:
    """Standard normal points of one run and one subnetwork, for functions of factors: each ``(1, 1, *D_k)``."""
    stream = generator(seed, "homogeneity", *(str(shape) for shape in shapes))
    return [tuple(normal(stream, 1, 1, *shape, like=like) for shape in shapes) for _ in range(count)]


def check_degree(
    name: str,
    function: Callable[..., Tensor],
    shapes: Sequence[tuple[int, ...]],
    declared: float,
    like: Tensor | None = None,
    exponents: Sequence[int] | None = None,
) -> None:
    """``ValueError`` when a function of factors is measured to have another degree than declared, or none at all.

    ``like`` gives dtype and device. An undecided measurement raises nothing.
    """
    found = measure_degree(function, random_points(shapes, 2, like=like), exponents)
    if found.verdict is Homogeneity.UNDECIDED or found.is_degree(declared):
        return
    raise ValueError(
        f"{name} declares degree {declared:g} but is measured to be {found}: correct its `degree`, or replace the "
        "layer that is not positively homogeneous (homogeneity.layer_table() lists the usual ones)."
    )


def _seen(outputs: Tensor) -> Tensor:
    """The values that are compared, the same ones at every point: all, or OUTPUTS of them."""
    count = outputs.numel()
    if count <= OUTPUTS:
        return outputs
    places = (count * uniform(generator(0, "outputs"), OUTPUTS)).long().clamp(max=count - 1)
    return outputs.flatten()[places.to(outputs.device)]


@dataclass(frozen=True)
class _Ray:
    """f at αw for α = 1 and the SCALES, a row each of `values` ``(1 + scales, m)``: in float64, computed as `kind`."""

    values: Tensor
    kind: torch.finfo

    @classmethod
    def of(cls, function: Callable[..., Tensor], w: Factors, exponents: Sequence[int] | None) -> "_Ray":
        kappa = (1,) * len(w) if exponents is None else exponents
        with torch.no_grad():
            scaled = (tuple(scale**k * x for k, x in zip(kappa, w, strict=True)) for scale in SCALES)
            rows = [_seen(function(*point)).flatten() for point in (w, *scaled)]
        return cls(torch.stack(rows).to("cpu", torch.float64), torch.finfo(rows[0].dtype))

    @property
    def finite(self) -> bool:
        return bool(self.values.isfinite().all())

    @property
    def leaves(self) -> bool:
        """Whether one of f(w), f(αw) is finite and the other infinite: then f is finite on no cone."""
        known, finite = ~self.values.isnan().any(1), self.values.isfinite().all(1)
        return bool((known[0] & known[1:] & (finite[0] != finite[1:])).any())

    @cached_property
    def tells(self) -> Tensor:
        """At which α one of f(w), f(αw) does not vanish, and neither is so small that its digits are few."""
        size = self.values.abs().amax(1)
        full = (size == 0) | (size >= self.kind.smallest_normal / self.kind.eps)
        return ((size[0] > 0) | (size[1:] > 0)) & full[0] & full[1:]

    @cached_property
    def norms(self) -> Tensor:
        return _norms(self.values)

    @property
    def slopes(self) -> Tensor:
        """log(‖f(αw)‖ / ‖f(w)‖) / log α, of the α that tell."""
        return ((self.norms[1:] / self.norms[0]).log() / _ALPHA.log())[self.tells]

    def residual(self, p: float) -> float:
        """The largest ‖f(αw) − α^p f(w)‖ / (‖f(αw)‖ + α^p ‖f(w)‖) of the α that tell; 0 if none does."""
        power = _ALPHA**p
        missed = _norms(self.values[1:] - power[:, None] * self.values[0])
        share = (missed / (self.norms[1:] + power * self.norms[0]))[self.tells]
        return float(share.amax()) if len(share) else 0.0


def _norms(x: Tensor) -> Tensor:
    """‖x‖ of each row, however small or large."""
    largest = x.abs().amax(1)
    unit = torch.where(largest > 0, largest, torch.ones_like(largest))
    return unit * (x / unit[:, None]).norm(dim=1)


def _verdict(residual: float, rounding: float) -> Homogeneity:
    if residual <= rounding:
        return Homogeneity.HOMOGENEOUS
    return Homogeneity.NOT_HOMOGENEOUS if residual > CLEAR * rounding else Homogeneity.UNDECIDED
