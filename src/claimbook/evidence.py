"""What recorded tables say of a claim beyond this build: at other seeds, at full size, and the errors that it notices.

The folder `evidence` of the book's settings holds `seeds.csv` and `mutations.csv` as the commands of these names write
them, and `full.csv`, as `seeds --tier full` does; each may be missing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from .claims import required_text
from .project import Project
from .recorded import Origin
from .tables import read_table


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
        measured = table[table["claim"].notna()]
        for claim, rows in measured.groupby("claim"):
            found.setdefault(str(claim), {}).update(read(rows))
        if name == "full":
            full = {str(chapter): _run(rows) for chapter, rows in measured.groupby("chapter")}
    return AllEvidence({claim: Evidence(**fields) for claim, fields in found.items()}, tuple(origins), full)


def _seeds(rows: Any) -> dict[str, Any]:
    measured, holds = rows["measured"], rows["verdict"] == "holds"
    return {
        "seeds": len(rows),
        "hold": int(holds.sum()),
        "least": float(measured.min()),
        "largest": float(measured.max()),
        "required": required_text(rows["relation"].iloc[0], float(rows["bound"].iloc[0])),
    }


def _full(rows: Any) -> dict[str, Any]:
    row = rows.iloc[0]
    required = required_text(row["relation"], float(row["bound"]))
    return {"full": float(row["measured"]), "full_required": required, "full_holds": row["verdict"] == "holds"}


def _run(rows: Any) -> FullRun:
    hold = int((rows["verdict"] == "holds").sum())
    return FullRun(len(rows), hold, float(rows["cpu"].iloc[0]), str(rows["commit"].iloc[0]))


def _mutations(rows: Any) -> dict[str, Any]:
    def named(verdict: str) -> tuple[str, ...]:
        return tuple(dict.fromkeys(rows.loc[rows["verdict"] == verdict, "says"]))

    return {"tried": len(rows), "noticed": named("does not hold"), "raised": named("raised")}
