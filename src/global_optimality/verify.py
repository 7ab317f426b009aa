"""Check a saved certificate from its file alone: numpy only, nothing shared with the code that made it.

F* ≥ −ℓ*(G) for every G with Ω°(−G) ≤ λ (weak duality; MATH.md, section 1). So a certificate is verified by evaluating
Ω° (spectral norm; for ReLU units by brute force over all arcs and cells), of ℓ*, and of f at the saved weights.
"""

import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

EPS = float(np.finfo(np.float64).eps)
TINY = float(np.finfo(np.float64).smallest_subnormal)
"""A rounded operation errs by at most EPS of its result, or by TINY where that underflows."""


Value = Callable[[np.ndarray, np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]


class Enclosure(NamedTuple):
    """What was computed, less and plus a bound of its own rounding."""

    lower: float
    upper: float


@dataclass(frozen=True)
class Verification:
    """What was recomputed: f at the saved weights, a proved bound of F*, Ω°(−G)/λ; ``reasons`` why a claim is rejected.

    ``lower_bound`` holds whatever the file claims: where the dual point is not feasible it is shrunk until it is.
    """

    objective: float
    lower_bound: float
    polar: float
    reasons: tuple[str, ...]

    @property
    def confirmed(self) -> bool:
        """Whether everything that the file claims was found true."""
        return not self.reasons

    @property
    def gap(self) -> float:
        return self.objective - self.lower_bound


def verify_certificate(file: str | Path) -> Verification:
    """Recompute every claim of a file written by ``save_certificate``.

    ``ValueError`` when the file is not such a file, its shapes do not fit, or S has more than 3 columns: brute force
    is then out of reach. O(N³) operations for ReLU units: seconds at N = 200.
    """
    saved = json.loads(Path(file).read_text())
    if not isinstance(saved, dict) or saved.get("format") != "global-optimality certificate 1":
        raise ValueError(f"{Path(file).name} is not a saved certificate: write one with save_certificate.")
    try:
        names = ["Y", "U", "V", "b", "G", "weights", "mask", *(["S"] if saved["S"] is not None else [])]
        data = {name: np.array(saved[name], dtype=np.float64) for name in names}
        lam, decay = float(saved["lam"]), saved["output_bias"]
        claims = float(saved["objective"]), float(saved["lower_bound"])
        kind = LOSSES[saved["loss"]]
    except (KeyError, TypeError) as error:
        raise ValueError(f"{Path(file).name} is damaged: {error} is missing or not a number.") from error
    _check(data, lam, decay, claims)
    if saved["loss"] != "squared" and not _are_labels(saved["loss"], data["Y"]):
        raise ValueError(f"Y does not hold labels of the {saved['loss']} loss.")
    objective, polar, reasons = _objective(data, lam, decay, kind[0]), _polar(data), []
    if not objective.lower <= claims[0] <= objective.upper:
        reasons.append(f"The weights give the objective {sum(objective) / 2:.12g}, not {claims[0]:.12g}.")
    if polar.lower > lam:
        reasons.append(f"The dual point is not feasible: its polar is {polar.lower:.12g}, above λ = {lam:.12g}.")
    shrink = min(1.0, lam / polar.upper * (1 - 2 * EPS)) if polar.upper > 0 else 1.0
    bound = _bound(data, data["G"], decay, kind[1])
    proved = _bound(data, shrink * data["G"], decay, kind[1]).lower
    if np.any((data["mask"] == 0) & (data["G"] != 0)):
        proved, reasons = -math.inf, [*reasons, "The dual point is not zero off the mask."]
    total, size = data["G"].sum(axis=0), np.abs(data["G"]).sum(axis=0)
    if decay == 0 and np.any(np.abs(total) > len(data["G"]) * EPS * size):
        proved, reasons = -math.inf, [*reasons, "The output bias is free: the dual point's columns must sum to 0."]
    if math.isnan(bound.upper):
        proved, reasons = -math.inf, [*reasons, "The dual point lies outside the domain of the loss's conjugate."]
    if not claims[1] <= bound.upper:
        reasons.append(f"The dual point proves the bound {bound.lower:.12g}, not {claims[1]:.12g}.")
    if proved > objective.upper:
        reasons.append("The bound exceeds the objective: the file contradicts itself.")
    return Verification(sum(objective) / 2, proved, polar.upper / lam, tuple(reasons))


def _objective(data: dict[str, np.ndarray], lam: float, decay: float | None, value: Value) -> Enclosure:
    """f at the saved weights; as much room again for the rounding of the number that is claimed."""
    U, V, b, w = data["U"], data["V"], data["b"], data["weights"][:, None] * data["mask"]
    H = np.maximum(data["S"] @ U.T, 0) if "S" in data else U.T
    size = np.abs(data["S"]) @ np.abs(U).T if "S" in data else np.abs(U).T
    error = (len(U) + len(U.T) + 6) * EPS * (size @ np.abs(V) + np.abs(b))
    terms, errors = value(data["Y"], H @ V + b, error)
    penalties = 0.5 * lam * np.sum(U**2), 0.5 * lam * np.sum(V**2), 0.5 * (decay or 0.0) * np.sum(b**2)
    total = float(np.sum(w * terms) + sum(penalties))
    operations = data["Y"].size + U.size + V.size + b.size + 8
    rounding = float(np.sum(w * errors) + operations * EPS * (np.sum(w * np.abs(terms)) + sum(penalties)))
    rounding += operations * TINY
    return Enclosure(total - 2 * rounding, total + 2 * rounding)


def _bound(data: dict[str, np.ndarray], G: np.ndarray, decay: float | None, conjugate: Value) -> Enclosure:
    """−ℓ*(G); NaN outside its domain."""
    w = data["weights"][:, None]
    terms, sizes = conjugate(data["Y"], G / w, EPS * np.abs(G / w))
    value, rounding = -float(np.sum(w * terms)), float(np.sum(w * sizes))
    size = float(np.sum(w * np.abs(terms)))
    if decay:
        total, spread = np.sum(G, axis=0), np.sum(np.abs(G), axis=0)
        value -= float(np.sum(total**2)) / (2 * decay)
        size += float(np.sum(spread * (np.abs(total) + len(G) * EPS * spread))) / decay
    rounding += (G.size + 8) * (EPS * size + TINY)
    return Enclosure(value - rounding, value + 2 * rounding)


def _check(data: dict[str, np.ndarray], lam: float, decay: float | None, claims: tuple[float, float]) -> None:
    """Raise ``ValueError`` unless all is finite and the shapes fit."""
    if not all(np.all(np.isfinite(a)) for a in data.values()) or not np.all(np.isfinite(claims)):
        raise ValueError("the file holds numbers that are not finite.")
    if not (0 < lam < math.inf) or not (decay is None or 0 <= decay < math.inf) or not np.all(data["weights"] > 0):
        raise ValueError("λ and the sample weights must be positive, and the decay of the output bias not negative.")
    if data["Y"].ndim != 2 or data["U"].ndim != 2 or data["V"].ndim != 2 or 0 in data["Y"].shape:
        raise ValueError("Y, U and V must be matrices.")
    (N, c), r, S = data["Y"].shape, len(data["U"]), data.get("S")
    if S is not None and (S.ndim != 2 or S.shape[1] > 3):
        raise ValueError(f"S has shape {S.shape}: ReLU units are verified by brute force for at most 3 columns.")
    shapes = {"U": (r, N if S is None else S.shape[1]), "V": (r, c), "b": (c,), "G": (N, c), "weights": (N,)}
    shapes |= {"mask": (N, c)} | ({} if S is None else {"S": (N, S.shape[1])})
    for name, shape in shapes.items():
        if data[name].shape != shape:
            raise ValueError(f"{name} has shape {data[name].shape}, expected {shape}.")
    if not np.all((data["mask"] == 0) | (data["mask"] == 1)) or (decay is None and np.any(data["b"] != 0)):
        raise ValueError("the mask must hold 0 and 1, and b zeros where there is no output bias.")


def _are_labels(loss: str, Y: np.ndarray) -> bool:
    if loss == "logistic":
        return bool(np.all(np.abs(Y) == 1))
    return bool(np.all((Y == 0) | (Y == 1)) and np.all(Y.sum(1) == 1))


def _polar(data: dict[str, np.ndarray]) -> Enclosure:
    return relu(data["S"], -data["G"]) if "S" in data else spectral(-data["G"])


def spectral(Q: np.ndarray) -> Enclosure:
    """max uᵀQv over unit u, v."""
    value, rounding = float(np.linalg.norm(Q, 2)), 8 * max(Q.shape) * EPS
    return Enclosure(value * (1 - rounding), value * (1 + rounding))


def relu(S: np.ndarray, Q: np.ndarray) -> Enclosure:
    """max ‖Qᵀ(Su)₊‖ over unit u, S (N, d), d ≤ 3: every arc and every cell, O(N³).

    On an arc or a cell the active rows D are fixed, and the function is ‖Bᵀu‖, B = SᵀDQ. Every cell has an arc on its
    boundary, so both sides of every arc are all cells. A pattern listed in error does no harm: its value counts only at
    points where the pattern is right. A cell's maximiser within rounding of its boundary is left to the arcs, which
    know its value to second order.
    """
    unit = _power_of_two(S), _power_of_two(Q)  # squares of small numbers would vanish, of large ones overflow
    S, Q = np.pad(S / unit[0], ((0, 0), (0, 3 - S.shape[1]))), Q / unit[1]
    length = np.linalg.norm(S, axis=1)
    S, Q, length = S[length > 0], Q[length > 0], length[length > 0]
    scale = float(np.sum(length * np.linalg.norm(Q, axis=1)))
    if not scale > 0:
        return Enclosure(0.0, 0.0)
    normals = S / length[:, None]
    products = (normals[:, :, None] * (length[:, None] * Q)[:, None, :]).reshape(len(S), -1)  # row i: n_i ⊗ |s_i| q_i
    best = 0.0
    for n in normals:
        e1 = np.cross(n, np.eye(3)[np.argmin(np.abs(n))])
        e1 /= np.linalg.norm(e1)
        e2 = np.cross(n, e1)
        same = np.linalg.norm(np.cross(normals, n), axis=1) < 1e-13  # rows of the very same hyperplane
        t = np.arctan2(-(normals[~same] @ e1), normals[~same] @ e2)  # n_jᵀu(t) = 0, u(t) = cos t e₁ + sin t e₂
        t = np.sort(np.concatenate([[0.0, np.pi], t % (2 * np.pi), (t + np.pi) % (2 * np.pi)]))
        end = np.append(t[1:], t[0] + 2 * np.pi)
        middle = (t + end) / 2
        on = (np.cos(middle)[:, None] * e1 + np.sin(middle)[:, None] * e2) @ normals.T > 0
        on[:, same] = False
        B = (on @ products).reshape(len(t), 3, -1)
        best = max(best, _arcs(B, e1, e2, t, end))
        for side in (normals @ n > 0, normals @ n < 0):
            add = (side & same) @ products
            active = on | (side & same)
            best = max(best, _cells(B + add.reshape(3, -1), active, normals, best))
    rounding = (2 * len(S) + 64) * EPS * scale
    return Enclosure(*(value * unit[0] * unit[1] for value in (max(best - rounding, 0.0), best + rounding)))


def _power_of_two(x: np.ndarray) -> float:
    """A power of two near the largest |x|; 1 for zeros."""
    return float(2.0 ** (np.frexp(np.max(np.abs(x), initial=0.0))[1] - 1)) if np.any(x) else 1.0


def _arcs(B: np.ndarray, e1: np.ndarray, e2: np.ndarray, start: np.ndarray, end: np.ndarray) -> float:
    """The largest ‖Bᵀu(t)‖ over start ≤ t ≤ end: its square is a sinusoid of 2t."""
    first, second = np.einsum("kdc,d->kc", B, e1), np.einsum("kdc,d->kc", B, e2)
    peak = 0.5 * np.arctan2(2 * np.sum(first * second, 1), np.sum(first**2, 1) - np.sum(second**2, 1))
    best = 0.0
    for t in (start, end, start + (peak - start) % np.pi):
        value = np.linalg.norm(np.cos(t)[:, None] * first + np.sin(t)[:, None] * second, axis=1)
        best = max(best, float(np.max(np.where(t <= end, value, 0.0))))
    return best


def _cells(B: np.ndarray, active: np.ndarray, normals: np.ndarray, floor: float) -> float:
    """The largest √λ₁(BBᵀ) over the cells that hold their leading eigenvector; those at most ``floor`` need no test."""
    tall = np.linalg.norm(B, axis=(1, 2)) > floor
    if not np.any(tall):
        return floor
    values, vectors = np.linalg.eigh(B[tall] @ B[tall].transpose(0, 2, 1))
    side = np.where(active[tall], 1.0, -1.0) * (vectors[:, :, 2] @ normals.T)
    inside = np.all(side >= -4 * EPS, axis=1) | np.all(side <= 4 * EPS, axis=1)
    # −u lies in the cell as well as u does: the sign of an eigenvector is free.
    return max(floor, float(np.sqrt(np.max(np.where(inside, values[:, 2], 0.0)))))


def _xlogx(x: np.ndarray, error: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """x log x, and what it may be off by where x is off by ``error`` and by EPS: NaN stays NaN."""
    slope = 1 + np.abs(np.log(np.maximum(x, EPS)))
    return np.where(x != 0, x * np.log(np.maximum(x, TINY)), 0.0), (error + EPS * np.maximum(x, EPS)) * slope


def _in_unit(a: np.ndarray) -> np.ndarray:
    """a, where it lies in [0, 1] up to rounding, drawn into it; else NaN, so that the bound fails every comparison."""
    return np.where((a >= -8 * EPS) & (a <= 1 + 8 * EPS), np.clip(a, 0, 1), np.nan)


def _logistic(Y: np.ndarray, G: np.ndarray, error: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    a = _in_unit(-G * Y)
    (first, off), (second, too) = _xlogx(a, error), _xlogx(1 - a, error)
    return first + second, off + too


def _cross_entropy(Y: np.ndarray, G: np.ndarray, error: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    balanced = np.abs(G.sum(1, keepdims=True)) <= 64 * EPS * (1 + np.abs(G).sum(1, keepdims=True))
    return _xlogx(np.where(balanced, _in_unit(G + Y), np.nan), error)


def _softmax_value(Y: np.ndarray, X: np.ndarray, error: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Per entry, so that a row sums to log Σ e^x − x_label."""
    top = X.max(1, keepdims=True)
    value = Y * (top + np.log(np.exp(X - top).sum(1, keepdims=True)) - X)
    return value, Y * (2 * error.max(1, keepdims=True) + 8 * EPS * (1 + np.abs(X).max(1, keepdims=True)))


def _logistic_value(Y: np.ndarray, X: np.ndarray, error: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    value = np.logaddexp(0, -Y * X)
    return value, np.minimum(1, value) * error + 8 * EPS * value


def _squared_value(Y: np.ndarray, X: np.ndarray, error: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    R = np.abs(Y - X)
    return 0.5 * R**2, (R + error) * (error + EPS * R)


def _squared(Y: np.ndarray, G: np.ndarray, error: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return 0.5 * G**2 + G * Y, (np.abs(G) + np.abs(Y)) * (error + 2 * EPS * np.abs(G))


LOSSES: dict[str, tuple[Value, Value]] = {
    "squared": (_squared_value, _squared),
    "logistic": (_logistic_value, _logistic),
    "cross entropy": (_softmax_value, _cross_entropy),
}
"""Each loss by entries, for labels Y: its value at X and its conjugate at G, argument and result with their errors."""
