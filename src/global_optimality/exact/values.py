"""The objective of the saved weights from above, and −ℓ*(G) from below, as rational numbers."""

from collections.abc import Sequence
from fractions import Fraction

from .file import Saved
from .numbers import BITS, dyadic, exp, integers, log, matrix, softplus


class OutsideDomainError(ValueError):
    """ℓ*(G) = +∞: the dual point proves nothing."""


def objective(saved: Saved) -> Fraction:
    """An upper bound of f = ℓ(Y, X + 1bᵀ) + (λ/2)(‖U‖² + ‖V‖²) + (μ/2)‖b‖²; exact for the squared loss."""
    X, k = outputs(saved)
    w, kw = integers(saved.weights)
    loss = {"squared": _squares, "logistic": _softplus, "cross entropy": _cross_entropy}[saved.loss](saved, X, k, w)
    total = loss / (1 << kw) if kw >= 0 else loss * (1 << -kw)
    for factor, parts in ((saved.lam, (*saved.U, *saved.V)), (saved.bias or 0.0, (saved.b,))):
        numbers, scale = integers(x for part in parts for x in part)
        total += Fraction(factor) * dyadic(sum(x * x for x in numbers), 2 * scale) / 2
    return total


def outputs(saved: Saved) -> tuple[list[list[int]], int]:
    """X + 1bᵀ = Σ_i φ(u_i, v_i) + 1bᵀ as integers over 2^k."""
    U, ku = matrix(saved.U)
    V, kv = matrix(saved.V)
    if saved.S is None:
        hidden, k = [list(column) for column in zip(*U, strict=True)] or [[] for _ in saved.Y], ku
    else:
        S, ks = matrix(saved.S)
        a, ka = integers(saved.a or [0.0] * len(U))
        k = max(ks + ku, ka)
        rise, heights = k - ks - ku, [x << (k - ka) for x in a]
        hidden = [[max((_dot(s, u) << rise) + x, 0) for u, x in zip(U, heights, strict=True)] for s in S]
    b, kb = integers(saved.b)
    columns = [list(column) for column in zip(*V, strict=True)] or [[] for _ in b]
    common = max(k + kv, kb)
    up, lift = common - k - kv, [x << (common - kb) for x in b]
    return [[(_dot(h, v) << up) + x for v, x in zip(columns, lift, strict=True)] for h in hidden], common


def dual_value(saved: Saved) -> Fraction:
    """A lower bound of −ℓ*(G), to about 2^−BITS; ``OutsideDomainError`` where it is −∞."""
    G, k = matrix(saved.G)
    w, kw = integers(saved.weights)
    total = {"squared": _squares_dual, "logistic": _logistic_dual, "cross entropy": _cross_entropy_dual}[saved.loss](
        saved, G, k, w, kw
    )
    sums = [sum(column) for column in zip(*G, strict=True)]
    if saved.bias == 0 and any(sums):
        raise OutsideDomainError("The output bias is free, but a column of the dual point does not sum to 0.")
    if saved.bias:
        total -= dyadic(sum(g * g for g in sums), 2 * k) / (2 * Fraction(saved.bias))
    return total


def dual_size(saved: Saved) -> Fraction:
    """Σ of the sizes of the terms of −ℓ*(G), with room: what their rounding is relative to."""
    total = Fraction(0)
    if saved.loss != "squared":
        total += sum(map(Fraction, saved.weights))
    for w, *rows in zip(map(Fraction, saved.weights), saved.G, saved.Y, strict=True):
        for g, y in zip(*(map(Fraction, row) for row in rows), strict=True):
            total += abs(g) * (abs(g) / w + abs(y))
    return total


def _squares(saved: Saved, X: list[list[int]], k: int, w: list[int]) -> Fraction:
    Y, ky = matrix(saved.Y)
    common = max(k, ky)
    up, lift = common - k, common - ky
    return dyadic(
        sum(
            a * sum(((x << up) - (y << lift)) ** 2 for x, y, seen in zip(*rows, strict=True) if seen)
            for a, *rows in zip(w, X, Y, saved.mask, strict=True)
        ),
        2 * common + 1,
    )


def _softplus(saved: Saved, X: list[list[int]], k: int, w: list[int]) -> Fraction:
    each = zip(w, X, saved.Y, strict=True)
    return Fraction(
        sum(a * softplus(-x if y > 0 else x, k)[1] for a, xs, ys in each for x, y in zip(xs, ys, strict=True)),
        1 << BITS,
    )


def _cross_entropy(saved: Saved, X: list[list[int]], k: int, w: list[int]) -> Fraction:
    total = Fraction(0)
    for a, xs, ys in zip(w, X, saved.Y, strict=True):
        top = max(xs)
        spread = sum(exp(top - x, k)[1] for x in xs)
        total += a * (dyadic(top - xs[ys.index(1)], k) + Fraction(log(spread, 1 << BITS)[1], 1 << BITS))
    return total


def _squares_dual(saved: Saved, G: list[list[int]], k: int, w: list[int], kw: int) -> Fraction:
    """−Σ (g²/(2w) + gy): a quotient by a weight is rounded away from 0, to 2^−BITS of the largest g²/w."""
    Y, ky = matrix(saved.Y)
    if any(g and not seen for gs, mask in zip(G, saved.mask, strict=True) for g, seen in zip(gs, mask, strict=True)):
        raise OutsideDomainError("The dual point is not zero off the mask.")
    up = BITS + max(w).bit_length()
    squares = sum(-((-sum(g * g for g in gs) << up) // a) for a, gs in zip(w, G, strict=True))
    linear = sum(g * y for gs, ys in zip(G, Y, strict=True) for g, y in zip(gs, ys, strict=True))
    return -dyadic(squares, 2 * k - kw + up + 1) - dyadic(linear, k + ky)


def _logistic_dual(saved: Saved, G: list[list[int]], k: int, w: list[int], kw: int) -> Fraction:
    """−Σ w (a log a + (1 − a) log(1 − a)), a = −gy/w in [0, 1]."""
    total = 0
    for whole, gs, ys in _over(saved, G, k, w, kw):
        for g, y in zip(gs, ys, strict=True):
            a = -g if y > 0 else g
            if not 0 <= a <= whole:
                raise OutsideDomainError("The dual point lies outside the domain of the logistic loss's conjugate.")
            total += _entropy(a, whole) + _entropy(whole - a, whole)
    return dyadic(total, max(k, kw) + BITS)


def _cross_entropy_dual(saved: Saved, G: list[list[int]], k: int, w: list[int], kw: int) -> Fraction:
    """−Σ w q log q, q = g/w + y on the simplex."""
    total = 0
    for whole, gs, ys in _over(saved, G, k, w, kw):
        q = [g + (whole if y else 0) for g, y in zip(gs, ys, strict=True)]
        if sum(gs) != 0 or min(q) < 0:
            raise OutsideDomainError("The dual point lies outside the domain of the cross-entropy's conjugate.")
        total += sum(_entropy(a, whole) for a in q)
    return dyadic(total, max(k, kw) + BITS)


def _over(saved: Saved, G: list[list[int]], k: int, w: list[int], kw: int) -> list[tuple[int, list[int], list[float]]]:
    """Every sample's weight and row of G over one denominator 2^max(k, kw), and its row of Y."""
    common = max(k, kw)
    weights = [a << (common - kw) for a in w]
    return list(zip(weights, [[g << (common - k) for g in gs] for gs in G], saved.Y, strict=True))


def _entropy(a: int, whole: int) -> int:
    """At most −a log(a / whole), over 2^BITS."""
    return -a * log(a, whole)[1] if a else 0


def _dot(a: Sequence[int], b: Sequence[int]) -> int:
    return sum(x * y for x, y in zip(a, b, strict=True))
