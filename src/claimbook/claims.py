"""Claims: a chapter measures something, and states the bound that the measurement must keep."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from typing import Any

from .ledger import Kind, Outcome
from .templates import render

METADATA = "claimbook"  # the key of our entries in an output's metadata
CLAIMS_FILE = "CLAIMBOOK_CLAIMS"  # names the file with the other chapters' claims
MAY_FAIL = "CLAIMBOOK_CLAIMS_MAY_FAIL"  # set where a claim that does not hold is a result, and the chapter goes on
_ID = re.compile(r"[a-z0-9][a-z0-9.-]*/[a-z0-9][a-z0-9.-]*")


class ClaimDoesNotHold(AssertionError):  # noqa: N818
    """The measured number is on the wrong side of its bound, or is not a number."""


@dataclass(frozen=True)
class Claim:
    """One measured statement. Exactly one of `at_most` and `at_least` is given. NaN never holds.

    A claim of kind `theorem` names the mathematics that implies it in `because`; `bound_from` says where a bound that
    mathematics does not give comes from.
    """

    id: str
    sentence: str
    measured: float
    at_most: float | None = None
    at_least: float | None = None
    function: str | None = None
    negative_control: bool = False
    kind: str = Kind.EXPERIMENT.value
    because: str | None = None
    outcome: str = Outcome.SUPPORTS.value
    bound_from: str | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.id, str) or not _ID.fullmatch(self.id):
            raise ValueError(f"claim {self.id!r}: write it as <statement>/<name>, in a-z, 0-9, - and .")
        if (self.at_most is None) == (self.at_least is None):
            raise ValueError(f"claim {self.id}: give exactly one of at_most and at_least")
        if math.isnan(self.bound):
            raise ValueError(f"claim {self.id}: the bound is not a number")
        if not isinstance(self.sentence, str) or not self.sentence.strip():
            raise ValueError(f"claim {self.id}: say in a sentence what was measured")
        for name, choices in (("kind", Kind), ("outcome", Outcome)):
            known = [choice.value for choice in choices]
            if not isinstance(getattr(self, name), str) or getattr(self, name) not in known:
                raise ValueError(f"claim {self.id}: {name} {getattr(self, name)!r} is none of {', '.join(known)}")
        if (self.kind == Kind.THEOREM.value) != (self.because is not None):
            raise ValueError(f"claim {self.id}: a theorem, and no other kind, names what implies it: because=…")

    @property
    def bound(self) -> float:
        return self.at_most if self.at_most is not None else self.at_least  # type: ignore[return-value]

    @property
    def holds(self) -> bool:
        return self.measured <= self.bound if self.at_most is not None else self.measured >= self.bound

    @property
    def relation(self) -> str:
        return "≤" if self.at_most is not None else "≥"

    @property
    def anchor(self) -> str:
        return "claim-" + re.sub(r"[^a-z0-9]+", "-", self.id)

    @property
    def verdict(self) -> str:
        return Outcome(self.outcome).verdict if self.holds else "does not hold"

    @property
    def mark(self) -> str:
        return Outcome(self.outcome).mark if self.holds else "✗"

    @property
    def css(self) -> str:
        """The class of its box and its row: nothing that contradicts the paper is green."""
        return f"claim-{self.outcome}" if self.holds else "claim-fails"

    @property
    def reason(self) -> str:
        """What its kind says of it and, for a theorem, what implies it."""
        return f"{Kind(self.kind).sentence}{': ' if self.because else ''}{self.because or ''}"

    @property
    def measured_text(self) -> str:
        return number_text(self.measured)

    @property
    def required_text(self) -> str:
        return required_text(self.relation, self.bound)

    def record(self) -> dict[str, Any]:
        """A JSON object; numbers that JSON lacks are written as text."""
        numbers = {k: repr(v) for k, v in asdict(self).items() if isinstance(v, float) and not math.isfinite(v)}
        return {**asdict(self), **numbers, "holds": self.holds}

    @classmethod
    def from_record(cls, record: dict[str, Any]) -> Claim:
        fields: dict[str, Any] = {name: record[name] for name in cls.__dataclass_fields__ if name in record}
        for name in ("measured", "at_most", "at_least"):
            fields[name] = None if fields.get(name) is None else float(fields[name])
        return cls(**fields)

    def __str__(self) -> str:
        control = ", negative control" if self.negative_control else ""
        return (
            f"{self.mark} {self.id} ({self.kind}{control}): {self.sentence} "
            f"measured {self.measured_text}, {self.required_text}: {self.verdict}"
        )

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> tuple[dict, dict]:
        data = {"text/html": claim_html(self), "text/plain": str(self)}
        return data, {METADATA: {"claim": self.record()}}


def number_text(value: float) -> str:
    """A number as shown: integers in full, others with three digits."""
    if math.isfinite(value) and value == int(value) and abs(value) < 1e6:
        return str(int(value))
    return re.sub(r"e([+-])0*(\d)", r"e\1\2", f"{value:.3g}").replace("e+", "e")


def required_text(relation: str, bound: float) -> str:
    """What is required of the measured number, as in ≤ 0.1."""
    return f"{relation} {number_text(bound)}"


def tally(count: int) -> str:
    """How many claims hold, in words."""
    return {0: "no claims", 1: "1 claim holds"}.get(count, f"{count} claims hold")


def claim_html(claim: Claim) -> str:
    """The box a reader sees below the cell."""
    return render("claim.html", claim=claim)


def claim(
    id: str,
    sentence: str,
    *,
    measured: Any,
    at_most: float | None = None,
    at_least: float | None = None,
    function: Callable[..., Any] | type | None = None,
    negative_control: bool = False,
    kind: str = "experiment",
    because: str | None = None,
    outcome: str = "supports",
    bound_from: str | None = None,
) -> None:
    """Record and display a claim; raise ClaimDoesNotHold when it does not hold.

    `measured` is a number or a one-element tensor. `function` is the code that the claim speaks about. `kind` is
    theorem (then `because` names what implies it), software, experiment or recorded; `outcome`, towards the statement:
    supports, contradicts or open. `bound_from` says where the bound comes from: a standard error, a tolerance, a
    number by hand. A negative control must fail by mathematics: its claim says that it did.
    """
    from IPython.display import display

    name = None if function is None else f"{function.__module__}.{function.__qualname__}"
    made = Claim(
        id,
        sentence,
        _float(id, "measured", measured),
        None if at_most is None else _float(id, "at_most", at_most),
        None if at_least is None else _float(id, "at_least", at_least),
        name,
        negative_control,
        kind,
        because,
        outcome,
        bound_from,
    )
    display(made)
    if not made.holds and not os.environ.get(MAY_FAIL):
        raise ClaimDoesNotHold(str(made))


def _float(id: str, name: str, value: Any) -> float:
    """The value as a float; ``TypeError``, naming the claim, for what is no number."""
    try:
        if isinstance(value, str | bytes):
            raise TypeError
        return float(value)
    except (TypeError, ValueError, OverflowError, RuntimeError):
        raise TypeError(
            f"claim {id}: {name} is a {type(value).__name__}, no number of float64: pass a number or a tensor of one."
        ) from None


def claims_text(claims: Iterable[Claim]) -> str:
    """The claims as lines of text, for a terminal."""
    return "\n".join(f"  {claim}" for claim in claims) or "  no claims"
