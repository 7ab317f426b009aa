"""One network that was handed in, graded without rounding: how far its objective lies above a proven lower bound.

The assignment is a saved certificate. A hand-in is a network for its data (JSON: format, U, V, b, a), or a certificate
of one's own for the same data, whose bound counts too where it is proved. Nothing in a hand-in is executed.
"""

import json
import math
import os
import stat
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path

from .check import infeasible
from .file import Saved, from_json, read, strict_json
from .numbers import round_down, round_up
from .values import OutsideDomainError, dual_value, objective

NETWORK = "global-optimality network 1"
MAX_BYTES = 4_000_000
"""A hand-in may have this size; a network for a few hundred samples has a hundredth of it."""

MAX_UNITS = 4096
"""Units of a hand-in: what more units than samples can do, card(X) + 1 of them can do as well (Theorem 2)."""

_WEIGHTS = ("U", "V", "b", "a")
_DATA = tuple(
    f.name for f in fields(Saved) if f.name not in (*_WEIGHTS, "version", "objective", "lower_bound", "G", "proof")
)


@dataclass(frozen=True)
class Grade:
    """What was found out about a hand-in; ``reason`` says why it has no objective, and is empty where it has one.

    ``objective`` is f of its weights, rounded up; ``gap`` is (objective − lower_bound) / objective, at least 0.
    """

    objective: float | None = None
    gap: float | None = None
    units: int | None = None
    reason: str = ""


@dataclass(frozen=True)
class Assignment:
    """The problem that was set, and the best lower bound that is proved for it, rounded down."""

    problem: Saved
    lower_bound: float

    @classmethod
    def read(cls, file: str | Path) -> "Assignment":
        """From a saved certificate; ``ValueError`` where its bound is not proved."""
        saved = read(file)
        bound = proved_bound(saved)
        if bound is None:
            raise ValueError(f"{Path(file).name}: its lower bound is not proved: save the certificate of a solution.")
        return cls(saved, bound)


def proved_bound(saved: Saved) -> float | None:
    """−ℓ*(G), rounded down, where G is feasible; None where that is not proved."""
    try:
        return None if infeasible(saved) else round_down(dual_value(saved))
    except (OutsideDomainError, ValueError):
        return None


def open_text(file: str | Path) -> str:
    """The text of a regular file of at most MAX_BYTES; ``ValueError`` for links, pipes, devices, and what is larger."""
    try:
        if not stat.S_ISREG(os.lstat(file).st_mode):  # before it is opened: opening a device may do something
            raise ValueError("this is no regular file.")
        handle = os.open(file, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))
    except OSError as error:
        raise ValueError(f"the file cannot be opened ({error.strerror}).") from None
    with os.fdopen(handle, "rb") as stream:
        if not stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
            raise ValueError("this is no regular file.")
        data = stream.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise ValueError(f"the file is larger than {MAX_BYTES // 1_000_000} MB.")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ValueError("the file is not UTF-8 text.") from None


def network(text: str, problem: Saved) -> Saved:
    """The hand-in as weights on the data of the assignment; ``ValueError`` where it does not fit."""
    given = strict_json(text)
    if not isinstance(given, dict) or given.get("format") != NETWORK:
        saved = from_json(given, "the file")
        for name in _DATA:
            if getattr(saved, name) != getattr(problem, name):
                raise ValueError(f"it is for another problem: its {name} differs.")
        _check_units(saved.a, problem)
        return saved
    if set(given) - {"a"} != {"format", "U", "V", "b"}:
        raise ValueError("a network has the keys format, U, V, b, and a where hidden units have biases.")
    _check_units(given.get("a"), problem)
    whole = {**asdict(replace(problem, proof=None)), **{name: given.get(name) for name in _WEIGHTS}}
    whole["format"], whole["output_bias"] = "global-optimality certificate 2", whole.pop("bias")
    whole.pop("version")
    return from_json(whole, "the network")


def _check_units(a: object, problem: Saved) -> None:
    """Whether hidden units have biases is part of the problem: networks and bounds of the other kind prove nothing."""
    if (a is None) != (problem.a is None):
        raise ValueError(f"the units of this problem have {'no biases' if problem.a is None else 'biases, a'}.")


def grade(file: str | Path, assignment: Assignment) -> Grade:
    """How far the network in a file is from global. A file that cannot be graded gets a reason, never an exception."""
    try:
        saved = network(open_text(file), assignment.problem)
        if len(saved.U) > MAX_UNITS:
            raise ValueError(f"it has {len(saved.U)} units, more than {MAX_UNITS}.")
        value = objective(saved)
    except (ValueError, OutsideDomainError) as error:
        return Grade(reason=str(error)[:200])
    own = proved_bound(saved) if saved.G != assignment.problem.G else None
    bound = max(assignment.lower_bound, -math.inf if own is None else own)
    f = round_up(value)
    if not math.isfinite(f):
        return Grade(reason="its objective is beyond float64.")
    return Grade(f, max(0.0, (f - bound) / f) if f > 0 else 0.0, len(saved.U))


def main(arguments: Sequence[str]) -> int:
    """`hand_in.py ASSIGNMENT FILE`: print the grade of one file as JSON."""
    sys.stdout.write(json.dumps(asdict(grade(arguments[1], Assignment.read(arguments[0])))))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
