"""Check a saved certificate from its file alone: numpy only, nothing shared with the code that made it.

F* ≥ −ℓ*(G) for every G with Ω°(−G) ≤ λ (weak duality; MATH.md, section 1). So a certificate is verified by evaluating
Ω° (spectral norm; for ReLU units by brute force over all arcs and cells), of ℓ*, and of f at the saved weights.
"""

import json
import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np

EPS = float(np.finfo(np.float64).eps)
AGREE = 1e-9
"""Saved and recomputed numbers agree when they differ by at most AGREE, relative; more is an error or a forgery."""

BALANCED = 1e-13
"""Column sums of G, which a free output bias forces to zero, may miss it by BALANCED · Σ|g|: that is rounding."""


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
    Y, G, w = data["Y"], data["G"], data["weights"][:, None]
    value, conjugate = kind
    if "S" in data:
        X, polar = np.maximum(data["S"] @ data["U"].T, 0) @ data["V"], relu(data["S"], -G)
    else:
        X, polar = data["U"].T @ data["V"], spectral(-G)
    objective = float(np.sum(w * data["mask"] * value(Y, X + data["b"])))
    objective += 0.5 * lam * float(np.sum(data["U"] ** 2) + np.sum(data["V"] ** 2))
    objective += 0.5 * (decay or 0.0) * float(np.sum(data["b"] ** 2))

    G = G * min(1.0, lam / polar * (1 - 2 * EPS)) if polar > 0 else G
    terms = w * conjugate(Y, G / w)
    bound, size = -float(np.sum(terms)), float(np.sum(np.abs(terms)) + np.sum(np.abs(G * Y)) + G.size)
    reasons = []
    if np.any((data["mask"] == 0) & (G != 0)):
        bound, reasons = -math.inf, [*reasons, "The dual point is not zero off the mask."]
    total = G.sum(axis=0)
    if decay:
        bound -= float(np.sum(total**2)) / (2 * decay)
        size += float(np.sum(np.abs(total) * np.abs(G).sum(axis=0))) / decay
    elif decay == 0 and np.any(np.abs(total) > BALANCED * np.abs(G).sum(axis=0)):
        bound, reasons = -math.inf, [*reasons, "The output bias is free, but the dual point's columns do not sum to 0."]
    bound -= 4 * (math.log2(G.size) + 4) * EPS * size
    if math.isnan(bound):
        bound, reasons = -math.inf, [*reasons, "The dual point lies outside the domain of the loss's conjugate."]
    slack = AGREE * max(abs(claims[0]), abs(objective))
    if not abs(objective - claims[0]) <= slack:
        reasons.append(f"The weights give the objective {objective:.12g}, not {claims[0]:.12g}.")
    if not polar <= lam * (1 + AGREE):
        reasons.append(f"The dual point is not feasible: its polar is {polar:.12g}, above λ = {lam:.12g}.")
    if not bound >= claims[1] - slack:
        reasons.append(f"The dual point proves the bound {bound:.12g}, not {claims[1]:.12g}.")
    if bound > objective + slack:
        reasons.append("The bound exceeds the objective: the file contradicts itself.")
    return Verification(objective, bound, polar / lam, tuple(reasons))


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


def spectral(Q: np.ndarray) -> float:
    """max uᵀQv over unit u, v, raised above its rounding."""
    return float(np.linalg.norm(Q, 2)) * (1 + 8 * max(Q.shape) * EPS)


def relu(S: np.ndarray, Q: np.ndarray) -> float:
    """max ‖Qᵀ(Su)₊‖ over unit u, S (N, d), d ≤ 3, raised above its rounding: every arc and every cell, O(N³).

    On an arc or a cell the active rows D are fixed, and the function is ‖Bᵀu‖, B = SᵀDQ. Every cell has an arc on its
    boundary, so both sides of every arc are all cells. A pattern listed in error does no harm: its value counts only at
    points where the pattern is right. A cell's maximiser within rounding of its boundary is left to the arcs, which
    know its value to second order.
    """
    S = np.pad(S, ((0, 0), (0, 3 - S.shape[1])))
    length = np.linalg.norm(S, axis=1)
    S, Q, length = S[length > 0], Q[length > 0], length[length > 0]
    scale = float(np.sum(length * np.linalg.norm(Q, axis=1)))
    if not scale > 0:
        return 0.0
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
    return best + (2 * len(S) + 64) * EPS * scale


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


def _xlogx(x: np.ndarray) -> np.ndarray:
    return np.where(x > 0, x * np.log(np.maximum(x, 1e-300)), 0.0)


def _in_unit(a: np.ndarray) -> np.ndarray:
    """a, where it lies in [0, 1] up to rounding, drawn into it; else NaN, so that the bound fails every comparison."""
    return np.where((a >= -8 * EPS) & (a <= 1 + 8 * EPS), np.clip(a, 0, 1), np.nan)


def _logistic(Y: np.ndarray, G: np.ndarray) -> np.ndarray:
    a = _in_unit(-G * Y)
    return _xlogx(a) + _xlogx(1 - a)


def _cross_entropy(Y: np.ndarray, G: np.ndarray) -> np.ndarray:
    balanced = np.abs(G.sum(1, keepdims=True)) <= 64 * EPS * (1 + np.abs(G).sum(1, keepdims=True))
    return _xlogx(np.where(balanced, _in_unit(G + Y), np.nan))


def _softmax_value(Y: np.ndarray, X: np.ndarray) -> np.ndarray:
    """Per entry, so that a row sums to log Σ e^x − x_label."""
    top = X.max(1, keepdims=True)
    return Y * (top + np.log(np.exp(X - top).sum(1, keepdims=True)) - X)


LOSSES = {
    "squared": (lambda Y, X: 0.5 * (Y - X) ** 2, lambda Y, G: 0.5 * G**2 + G * Y),
    "logistic": (lambda Y, X: np.logaddexp(0, -Y * X), _logistic),
    "cross entropy": (_softmax_value, _cross_entropy),
}
"""Each loss by entries: its value at X and its conjugate at G, for labels Y."""
