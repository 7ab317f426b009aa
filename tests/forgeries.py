"""Random corruptions of saved certificates; `python -m tests.forgeries 10000` tries that many on both checkers.

A checker may accept a corrupted file only where its claims hold all the same: the bound may exceed no known network,
the objective must be what numpy computes, and no direction may exceed λ.
"""

import copy
import json
import math
import struct
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from global_optimality import verify_certificate
from tests.node import NODE, check_with_node

ROUNDING = 1e-9
"""What numpy's recomputation may differ by, relative to the sizes of the terms."""


def corrupt(saved: dict[str, Any], random: np.random.Generator) -> dict[str, Any]:
    """A copy with one to three changes, each of a kind and a place drawn at random."""
    forged = copy.deepcopy(saved)
    for _ in range(int(random.integers(1, 4))):
        kind = random.choice(["number", "number", "claim", "dual", "proof", "label"])
        if kind == "claim":
            _claim(forged, random)
        elif kind == "dual":
            G = np.array(forged["G"])
            change = [G * (1 + 2.0 ** -random.integers(8, 52)), G + random.normal(size=G.shape) * 1e-3, -G]
            forged["G"] = change[random.integers(3)].tolist()
        elif kind == "proof" and forged["proof"]:
            _proof(forged["proof"], random)
        elif kind == "label":
            forged["loss"] = str(random.choice(["squared", "logistic", "cross entropy"]))
        else:
            keys = ("lam", "S", "Y", "mask", "weights", "U", "V", "b", "G", "a")
            _number(forged, str(random.choice([key for key in keys if forged[key]])), random)
    return forged


def _flip(x: float, random: np.random.Generator) -> float:
    """x with one bit of its 64 turned, most often one that leaves it of similar size."""
    bit = int(random.integers(0, 64)) if random.random() < 0.3 else int(random.integers(20, 52))
    (bits,) = struct.unpack("<Q", struct.pack("<d", float(x)))
    return struct.unpack("<d", struct.pack("<Q", bits ^ (1 << bit)))[0]


def _number(holder: Any, key: Any, random: np.random.Generator) -> None:
    while isinstance(holder[key], list):
        if not holder[key]:
            return
        holder, key = holder[key], int(random.integers(len(holder[key])))
    if isinstance(holder[key], int | float):
        holder[key] = _flip(holder[key], random)


def _claim(forged: dict[str, Any], random: np.random.Generator) -> None:
    key = str(random.choice(["lower_bound", "objective"]))
    way = 1 if key == "lower_bound" else -1
    steps = [
        lambda x: math.nextafter(x, way * math.inf),
        lambda x: x + way * abs(x) * 2.0 ** -float(random.integers(1, 50)),
        lambda x: _flip(x, random),
        lambda x: x * 10.0 ** (way * random.uniform(0, 12)),
    ]
    forged[key] = steps[random.integers(len(steps))](forged[key])


def _proof(proof: dict[str, Any], random: np.random.Generator) -> None:
    tree = proof[str(random.choice(["plus", "minus"]))]
    place = int(random.integers(len(tree)))
    kind = random.integers(6)
    if kind == 0:
        del tree[place]
    elif kind == 1:
        tree.insert(place, copy.deepcopy(tree[int(random.integers(len(tree)))]))
    elif kind == 2:
        proof["plus"], proof["minus"] = proof["minus"], proof["plus"]
    elif kind == 3:
        other = int(random.integers(len(tree)))
        tree[place], tree[other] = tree[other], tree[place]
    elif isinstance(tree[place], dict) and tree[place]:
        key = str(random.choice(sorted(tree[place])))
        if key == "row":
            tree[place][key] += int(random.integers(-2, 3))
        elif key in ("edge", "shares") and random.random() < 0.5 and tree[place][key]:
            tree[place][key] = tree[place][key][::-1]
        else:
            _number(tree[place], key, random)


Network = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]


def network(saved: dict[str, Any]) -> Network:
    """(U, V, b, a) of a file; a is 0 where units have no bias of their own."""
    a = np.array(saved["a"] or [0.0] * len(saved["U"]), dtype=float)
    return *(np.array(saved[key], dtype=float) for key in "UVb"), a


def falsehood(saved: dict[str, Any], known: list[Network]) -> str | None:
    """What is false about a file, as far as known networks and directions tell: numpy alone."""
    own = network(saved)
    value, size = objective(saved, *own)
    if not saved["objective"] >= value - ROUNDING * size:
        return f"objective {saved['objective']!r} below {value!r}"
    for other in [own, *known]:
        value, size = objective(saved, *other)
        if saved["lower_bound"] > value + ROUNDING * size:
            return f"bound {saved['lower_bound']!r} above a network of {value!r}"
    Q, lam = -np.array(saved["G"]), saved["lam"]
    if saved["S"] is None:
        size = np.linalg.norm(Q, 2)
    else:
        random, S = np.random.default_rng(0), np.array(saved["S"])
        U = np.concatenate([random.normal(size=(500, S.shape[1])), *(other[0] for other in [own, *known])])
        length = np.linalg.norm(U, axis=1)
        H = S @ (U[length > 0] / length[length > 0, None]).T
        if saved["a"] is not None:  # a unit that is 0 at a sample
            H = H - H[random.integers(len(S), size=H.shape[1]), np.arange(H.shape[1])]
        H = np.maximum(H, 0)
        size = np.linalg.norm(Q.T @ H, axis=0).max(initial=0)
    return f"polar at least {size!r} above {lam!r}" if size > lam * (1 + ROUNDING) else None


def objective(saved: dict[str, Any], U: np.ndarray, V: np.ndarray, b: np.ndarray, a: np.ndarray) -> tuple[float, float]:
    """f of a network on the file's problem, and the size of its terms."""
    Y, w, lam, decay = (np.array(saved[key]) for key in ("Y", "weights", "lam", "output_bias"))
    mask = np.array(saved["mask"])
    b = np.zeros_like(b) if saved["output_bias"] is None else b
    with np.errstate(all="ignore"):
        hidden = U.T if saved["S"] is None else np.maximum(np.array(saved["S"]) @ U.T + a, 0)
        X = hidden @ V + b
        if saved["loss"] == "squared":
            each = 0.5 * mask * (Y - X) ** 2
        elif saved["loss"] == "logistic":
            each = np.logaddexp(0, -Y * X)
        else:
            each = np.logaddexp.reduce(X, axis=1, keepdims=True) - (X * Y).sum(1, keepdims=True)
        parts = [w @ each.sum(1), lam / 2 * ((U**2).sum() + (V**2).sum())]
        parts.append((saved["output_bias"] or 0.0) / 2 * (b**2).sum() if decay is not None else 0.0)
        size = np.abs(parts).sum() + w @ (np.abs(hidden) @ np.abs(V) + np.abs(b) + np.abs(Y)).sum(1)
        squares = (np.abs(hidden) @ np.abs(V) + np.abs(b) + np.abs(Y)) ** 2
        return float(np.sum(parts)), float(size + w @ squares.sum(1))


def accepted(text: str) -> bool:
    """Whether the checker in Python confirms a file of this text; a refusal must be a ValueError."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "forged.json"
        file.write_text(text)
        try:
            return verify_certificate(file).confirmed
        except ValueError:
            return False


def attack(valid: list[dict[str, Any]], count: int, seed: int = 0) -> tuple[int, list[str]]:
    """How many of ``count`` corruptions were accepted, and what went wrong: a false one, or checkers that differ."""
    random = np.random.default_rng(seed)
    forged = [corrupt(valid[i % len(valid)], random) for i in range(count)]
    known = [network(saved) for saved in valid]
    texts = [json.dumps(saved) for saved in forged]
    python = [accepted(text) for text in texts]
    javascript = [found["confirmed"] for found in check_with_node(texts)] if NODE else python
    wrong = []
    for i, (saved, first, second) in enumerate(zip(forged, python, javascript, strict=True)):
        if first != second:
            wrong.append(f"{i}: Python says {first}, JavaScript {second}: {texts[i]}")
        if first or second:
            zero = tuple(np.zeros_like(part) for part in known[i % len(valid)])
            if (false := falsehood(saved, [known[i % len(valid)], zero])) is not None:
                wrong.append(f"{i}: {false}: {texts[i]}")
    return sum(python), wrong


if __name__ == "__main__":
    from tests.certificates import valid_certificates

    number = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    valid = list(valid_certificates().values())
    confirmed, wrong = attack(valid, number)
    print(f"{number} corruptions of {len(valid)} certificates: {confirmed} still true and accepted, {len(wrong)} wrong")
    print(*wrong, sep="\n")
    sys.exit(bool(wrong))
