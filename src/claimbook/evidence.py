"""What recorded tables say of a claim beyond this build: at other seeds, at full size, and the errors that it notices.

The folder `evidence` of the book's settings holds `seeds.csv` and `mutations.csv` as the commands of these names write
them, and `full.csv`, as `seeds --tier full` does; each may be missing.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from .claims import required_text
from .project import Project
from .recorded import Origin
from .tables import read_table

_Row = dict[Any, Any]


@dataclass(frozen=True)
class Evidence:
    """One claim: at how many seeds it was measured and held, least and largest number; the mutations tried on it.

    ``required`` is the bound at those seeds, as a claim writes it: numbers held against another are of another claim.
    ``full`` is the number at the full tier against ``full_required``; None where it was not measured.
    ``noticed`` are the mutations, in words, under which it does not hold; ``raised`` those under which its cell fails.
    """

    seeds: int = 0
    hold: int = 0
    least: float = 0.0
    largest: float = 0.0
    required: str = ""
    full: float | None = None
    full_required: str = ""
    full_holds: bool = True
    tried: int = 0
    noticed: tuple[str, ...] = ()
    raised: tuple[str, ...] = ()

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Evidence:
        return cls(**{**record, "noticed": tuple(record["noticed"]), "raised": tuple(record["raised"])})


@dataclass(frozen=True)
class FullRun:
    """One chapter at full size: how many claims were measured and held, the processor seconds, the commit."""

    claims: int
    hold: int
    cpu: float
    commit: str


@dataclass(frozen=True)
class AllEvidence:
    """What is known of every claim, where each recorded table comes from (a sentence), chapters run at full size."""

    by_claim: Mapping[str, Evidence]
    origins: tuple[str, ...] = ()
    full: Mapping[str, FullRun] = field(default_factory=dict)

    def of(self, claim: str) -> Evidence:
        return self.by_claim.get(claim, Evidence())

    def record(self) -> dict[str, Any]:
        """A JSON object that `from_record` reads."""
        told = {name: {key: asdict(e) for key, e in getattr(self, name).items()} for name in ("by_claim", "full")}
        return {**told, "origins": list(self.origins)}

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> AllEvidence:
        found = {name: Evidence.from_record(entry) for name, entry in record["by_claim"].items()}
        full = {name: FullRun(**entry) for name, entry in record["full"].items()}
        return cls(found, tuple(record["origins"]), full)


def read_evidence(project: Project) -> AllEvidence:
    """The evidence recorded for a book; none for a book without the setting, or before the tables are made."""
    found: dict[str, dict[str, Any]] = {}
    origins, full = [], {}
    for name, read in (("seeds", _seeds), ("full", _full), ("mutations", _mutations)):
        file = project.root / (project.settings.evidence or "") / f"{name}.csv"
        if project.settings.evidence is None or not file.is_file():
            continue
        table, origin = read_table(file)
        origins.append(str(Origin(name, origin)))
        rows = table[table["claim"].notna()].to_dict("records")
        for claim, own in _grouped(rows, "claim").items():
            found.setdefault(claim, {}).update(read(own))
        if name == "full":
            full = {chapter: _run(own) for chapter, own in _grouped(rows, "chapter").items()}
    return AllEvidence({claim: Evidence(**fields) for claim, fields in found.items()}, tuple(origins), full)


def _grouped(rows: Iterable[_Row], name: str) -> dict[str, list[_Row]]:
    """The rows by their entry of that name, in its order: pandas' groups take longer than all the rest of a book."""
    found: dict[str, list[_Row]] = {}
    for row in rows:
        found.setdefault(str(row[name]), []).append(row)
    return dict(sorted(found.items()))


def _seeds(rows: list[_Row]) -> dict[str, Any]:
    measured = [float(row["measured"]) for row in rows if row["measured"] == row["measured"]]  # a run that broke: NaN
    return {
        "seeds": len(rows),
        "hold": _holding(rows),
        "least": min(measured, default=math.nan),
        "largest": max(measured, default=math.nan),
        "required": required_text(rows[0]["relation"], float(rows[0]["bound"])),
    }


def _full(rows: list[_Row]) -> dict[str, Any]:
    row = rows[0]
    required = required_text(row["relation"], float(row["bound"]))
    return {"full": float(row["measured"]), "full_required": required, "full_holds": row["verdict"] == "holds"}


def _run(rows: list[_Row]) -> FullRun:
    return FullRun(len(rows), _holding(rows), float(rows[0]["cpu"]), str(rows[0]["commit"]))


def _holding(rows: list[_Row]) -> int:
    return sum(row["verdict"] == "holds" for row in rows)


def _mutations(rows: list[_Row]) -> dict[str, Any]:
    def named(verdict: str) -> tuple[str, ...]:
        return tuple(dict.fromkeys(row["says"] for row in rows if row["verdict"] == verdict))

    return {"tried": len(rows), "noticed": named("does not hold"), "raised": named("raised")}
