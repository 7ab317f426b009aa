"""A saved certificate, read strictly: what is missing, doubled, misshapen or no float64 is refused by name."""

import errno
import json
import math
import stat
import tempfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Matrix = list[list[float]]

FORMATS = ("global-optimality certificate 1", "global-optimality certificate 2")
LOSSES = ("squared", "logistic", "cross entropy")
KEYS = ("loss", "objective", "lower_bound", "lam", "output_bias", "S", "Y", "mask", "weights", "U", "V", "b", "G")


def write(file: Path, text: str) -> None:
    """Write in one step: the file holds the old text or the new one, never a part. A link is replaced, not followed."""
    try:
        if file.is_dir():
            raise IsADirectoryError(errno.EISDIR, "a folder: name a file in it")
        if file.exists():
            _check_kind(file)
        with tempfile.TemporaryDirectory(dir=file.parent, prefix=".part.") as folder:
            part = Path(folder) / "part"
            part.write_text(text, encoding="utf-8", newline="")
            part.replace(file)
    except OSError as error:
        home = "; write Path(...).expanduser() for ~" if str(file).startswith("~") else ""
        why = f"{file} cannot be written ({error.strerror}): choose a folder that exists and can be written{home}."
        raise type(error)(error.errno, why) from error


@dataclass(frozen=True)
class Saved:
    """What a certificate's file holds, shapes and signs checked.

    Y, G, mask ``(N, c)``; U ``(r, d)``, or ``(r, N)`` where ``S`` is None (a product of matrices), V ``(r, c)``, b
    ``(c,)``, weights ``(N,)``; ``bias`` is None (no output bias), 0 (free) or its decay. ``a``
    holds the biases ``(r,)`` of hidden units, which no decay holds, or is None. ``proof`` is None or a tree.
    """

    version: int
    loss: str
    objective: float
    lower_bound: float
    lam: float
    bias: float | None
    S: Matrix | None
    Y: Matrix
    mask: Matrix
    weights: list[float]
    U: Matrix
    V: Matrix
    b: list[float]
    G: Matrix
    proof: dict[str, Any] | None
    a: list[float] | None = None


def read(file: str | Path) -> Saved:
    """The certificate in a file; ``ValueError``, naming the file, where it is damaged or of another kind."""
    name = Path(file).name
    _check_kind(Path(file))
    try:
        text = Path(file).read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise ValueError(f"{name} is damaged: it is not UTF-8 text ({error.reason}).") from None
    return parse(text, name)


def _check_kind(file: Path) -> None:
    """``ValueError`` for a pipe, which may never end, and for a device."""
    kind = file.stat().st_mode
    if not (stat.S_ISREG(kind) or stat.S_ISDIR(kind)):
        raise ValueError(f"{file.name} is a pipe or a device: pass the path of a file.")


def parse(text: str, name: str) -> Saved:
    """The certificate in a text; ``ValueError``, saying ``name``, where it is damaged or of another kind."""
    try:
        given = strict_json(text)
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from error
    return from_json(given, name)


def strict_json(text: str) -> Any:
    """What a JSON text holds; ``ValueError`` for a key that stands twice, NaN, infinities and endless nesting."""
    try:
        return json.loads(text, object_pairs_hook=_once, parse_constant=_constant)
    except RecursionError:
        raise ValueError("damaged: brackets within brackets without end.") from None


def from_json(given: Any, name: str) -> Saved:
    """The certificate in what a JSON text holds; ``ValueError`` as for ``parse``."""
    try:
        return _saved(given)
    except RecursionError:
        raise ValueError(f"{name} is damaged: brackets within brackets without end.") from None
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from error


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        twice = next(key for key, number in Counter(key for key, _ in pairs).items() if number > 1)
        raise ValueError(f"damaged: {twice[:40]!r} stands there twice.")
    return found


def _constant(text: str) -> float:
    raise ValueError(f"damaged: {text} is not finite.")


def _saved(saved: Any) -> Saved:
    if not isinstance(saved, dict) or saved.get("format") not in FORMATS:
        if isinstance(saved, dict) and str(saved.get("format")).startswith(FORMATS[0][:-1]):
            raise ValueError(f"its format is of another version than {' or '.join(FORMATS)}: update the package.")
        raise ValueError("this is not a saved certificate: write one with save_certificate.")
    version = FORMATS.index(saved["format"]) + 1
    expected = {"format", *KEYS} | ({"proof", "a"} if version == 2 else set())
    for key in sorted(expected ^ set(saved)):
        raise ValueError(f"damaged: {key!r} is {'missing' if key in expected else 'unknown'}.")
    if saved["loss"] not in LOSSES:
        raise ValueError(f"the loss {saved['loss']!r} is none of {', '.join(LOSSES)}.")
    proof = saved.get("proof")
    if not (proof is None or isinstance(proof, dict)):
        raise ValueError("damaged: 'proof' is neither null nor an object.")
    found = Saved(
        version,
        saved["loss"],
        objective=number("objective", saved["objective"]),
        lower_bound=number("lower_bound", saved["lower_bound"]),
        lam=number("lam", saved["lam"]),
        bias=None if saved["output_bias"] is None else number("output_bias", saved["output_bias"]),
        S=None if saved["S"] is None else rows("S", saved["S"]),
        proof=proof,
        a=None if saved.get("a") is None else vector("a", saved["a"]),
        weights=vector("weights", saved["weights"]),
        b=vector("b", saved["b"]),
        **{key: rows(key, saved[key]) for key in ("Y", "mask", "U", "V", "G")},
    )
    _check(found)
    return found


def number(name: str, x: Any) -> float:
    """x as a float64; ``ValueError`` unless it is a number and finite."""
    if isinstance(x, bool) or not isinstance(x, int | float):
        raise ValueError(f"damaged: {name} holds {str(x)[:40]!r}, which is not a number.")
    try:
        x = float(x)
    except OverflowError:
        x = math.inf
    if not math.isfinite(x):
        raise ValueError(f"damaged: {name} holds a number that is not finite.")
    return x


def vector(name: str, x: Any) -> list[float]:
    """x as a list of float64."""
    if not isinstance(x, list):
        raise ValueError(f"damaged: {name} is not a list of numbers.")
    return [number(name, a) for a in x]


def rows(name: str, x: Any) -> Matrix:
    """x as a matrix, a list of rows."""
    if not isinstance(x, list) or not all(isinstance(row, list) for row in x):
        raise ValueError(f"damaged: {name} is no matrix: it must be a list of rows.")
    if len({len(row) for row in x}) > 1:
        raise ValueError(f"damaged: the rows of {name} differ in length.")
    return [vector(name, row) for row in x]


def _check(saved: Saved) -> None:
    N, c, r = len(saved.Y), len(saved.Y[0]) if saved.Y else 0, len(saved.U)
    if not (N and c):
        raise ValueError("Y must be a matrix with at least one row and column.")
    if saved.S is not None and not (saved.S and saved.S[0]):
        raise ValueError("S must be a matrix with at least one row and column.")
    if saved.a is not None and (saved.S is None or saved.bias != 0 or len(saved.a) != r):
        raise ValueError(f"hidden biases need {r} numbers in a, an S, and a free output bias.")
    if saved.proof is not None and (saved.S is None or len(saved.S[0]) <= 3):
        raise ValueError("damaged: a proof by splits goes with an S of more than three columns.")
    inputs = N if saved.S is None else len(saved.S[0])
    shapes = {"U": (r, inputs), "V": (r, c), "G": (N, c), "mask": (N, c)}
    shapes |= {} if saved.S is None else {"S": (N, inputs)}
    for name, (count, length) in shapes.items():
        value = getattr(saved, name)
        if len(value) != count or (count and len(value[0]) != length):
            shape = (len(value), len(value[0]) if value else 0)
            raise ValueError(f"{name} has shape {shape}, expected {(count, length)}.")
    for name, length in (("weights", N), ("b", c)):
        if len(getattr(saved, name)) != length:
            raise ValueError(f"{name} has length {len(getattr(saved, name))}, expected {length}.")
    if not saved.lam > 0 or not all(w > 0 for w in saved.weights) or (saved.bias or 0) < 0:
        raise ValueError("λ and the sample weights must be positive, and the decay of the output bias not negative.")
    if not all(m in (0, 1) for row in saved.mask for m in row):
        raise ValueError("the mask must hold 0 and 1.")
    if saved.loss != "squared" and not all(m for row in saved.mask for m in row):
        raise ValueError(f"a mask goes with the squared loss, not with {saved.loss}.")
    if saved.bias is None and any(saved.b):
        raise ValueError("b must hold zeros where there is no output bias.")
    if not _labels(saved):
        raise ValueError(f"Y does not hold labels of the {saved.loss} loss.")


def _labels(saved: Saved) -> bool:
    if saved.loss == "logistic":
        return all(abs(y) == 1 for row in saved.Y for y in row)
    if saved.loss == "cross entropy":
        return all(y in (0, 1) for row in saved.Y for y in row) and all(sum(row) == 1 for row in saved.Y)
    return True
