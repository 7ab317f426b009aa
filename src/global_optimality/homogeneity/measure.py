"""The degree of positive homogeneity of any function of weights, measured: an estimate, a residual, a verdict."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum

import torch
from torch import Tensor

from ..factors import Factors
from ..streams import generator, normal, uniform

SCALES = (0.125, 0.5, 3.0, 10.0)
"""The α at which f(αw) is compared with α^p f(w): small and large ones, since tanh is linear near 0, GELU far out."""

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
    pairs = [pair for w in points for pair in _pairs(function, w, exponents)]
    if any(_leaves(a, b) for a, b, _ in pairs):
        return Degree(math.nan, 1.0, Homogeneity.NOT_HOMOGENEOUS)
    finite = all(bool(torch.isfinite(a).all() and torch.isfinite(b).all()) for a, b, _ in pairs)
    pairs = [pair for pair in pairs if _tells(*pair[:2])]
    if not finite or not pairs:
        return Degree(math.nan, math.nan, Homogeneity.UNDECIDED)
    slopes = torch.tensor([_slope(a, b, scale) for a, b, scale in pairs], dtype=torch.float64, device="cpu")
    estimate = float(slopes.median())
    if not math.isfinite(estimate):
        return Degree(math.nan, 1.0, Homogeneity.NOT_HOMOGENEOUS)
    estimate = min((float(round(estimate)), estimate), key=lambda p: _residual(pairs, p))
    if _residual(pairs, round(estimate)) <= ROUNDING * _eps(pairs):
        estimate = float(round(estimate))
    residual = _residual(pairs, estimate)
    return Degree(estimate, residual, _verdict(residual, ROUNDING * _eps(pairs)))


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


def _pairs(
    function: Callable[..., Tensor], w: Factors, exponents: Sequence[int] | None
) -> list[tuple[Tensor, Tensor, float]]:
    kappa = (1,) * len(w) if exponents is None else exponents
    with torch.no_grad():
        value = _seen(function(*w))
        scaled = ([scale**k * x for k, x in zip(kappa, w, strict=True)] for scale in SCALES)
        return [(value, _seen(function(*point)), scale) for point, scale in zip(scaled, SCALES, strict=True)]


def _seen(outputs: Tensor) -> Tensor:
    """The values that are compared, the same ones at every point: all, or OUTPUTS of them."""
    count = outputs.numel()
    if count <= OUTPUTS:
        return outputs
    places = (count * uniform(generator(0, "outputs"), OUTPUTS)).long().clamp(max=count - 1)
    return outputs.flatten()[places.to(outputs.device)]


def _leaves(a: Tensor, b: Tensor) -> bool:
    """Whether one of f(w), f(αw) is finite and the other infinite: then f is finite on no cone."""
    if bool(a.isnan().any() or b.isnan().any()):
        return False
    return bool(torch.isfinite(a).all() != torch.isfinite(b).all())


def _tells(a: Tensor, b: Tensor) -> bool:
    """Whether f(w) or f(αw) does not vanish, and neither is so small that its digits are few."""
    kind = torch.finfo(a.dtype)
    sizes = [float(x.abs().amax()) for x in (a, b)]
    return max(sizes) > 0 and not any(0 < size < kind.smallest_normal / kind.eps for size in sizes)


def _norm(x: Tensor) -> float:
    """‖x‖ in float64, however small or large."""
    largest = x.abs().amax().double()
    return float(largest * (x.double() / largest).norm()) if bool(largest > 0) else 0.0


def _slope(a: Tensor, b: Tensor, scale: float) -> float:
    one, two = _norm(a), _norm(b)
    if one == 0 or two == 0:
        return math.nan if one == two else math.inf
    return math.log(two / one) / math.log(scale)


def _residual(pairs: list[tuple[Tensor, Tensor, float]], p: float) -> float:
    def one(a: Tensor, b: Tensor, scale: float) -> float:
        predicted = scale**p * a
        return _norm(b - predicted) / (_norm(b) + _norm(predicted))

    return max(one(*pair) for pair in pairs)


def _eps(pairs: list[tuple[Tensor, Tensor, float]]) -> float:
    return torch.finfo(pairs[0][0].dtype).eps


def _verdict(residual: float, rounding: float) -> Homogeneity:
    if residual <= rounding:
        return Homogeneity.HOMOGENEOUS
    return Homogeneity.NOT_HOMOGENEOUS if residual > CLEAR * rounding else Homogeneity.UNDECIDED
