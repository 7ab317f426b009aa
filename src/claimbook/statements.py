"""The statements that a book tests, read from the YAML file that its settings name.

The file holds `sections` (number: title) and `statements`, each with `id`, `name`, `section` and `paraphrase`, and with
`untested`, the reason, if no claim can test it. A claim is named `<statement>/<what was measured>`.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from .project import BookError, Project
from .sources import mapping_of, text_of


@dataclass(frozen=True)
class Statement:
    """One statement: its identifier, its name in the paper, its section, a paraphrase, and why none tests it if so."""

    id: str
    name: str
    section: int
    paraphrase: str
    untested: str = ""


@dataclass(frozen=True)
class Statements:
    """All statements by identifier; a book without a file of statements accepts claims about any (`open`)."""

    sections: Mapping[int, str]
    by_id: Mapping[str, Statement]
    open: bool = False

    def of(self, claim: str) -> Statement:
        """The statement that the claim `<statement>/<name>` tests; an unknown one is a BookError."""
        identifier, slash, name = claim.partition("/")
        if not slash or not name:
            raise BookError(f"claim {claim!r}: write it as <statement>/<name>, for example theorem-1/gap")
        if identifier not in self.by_id and not self.open:
            near = difflib.get_close_matches(identifier, self.by_id, n=3, cutoff=0.4)
            hint = f"did you mean {' or '.join(near)}?" if near else "the book's file of statements lists them"
            raise BookError(f"claim {claim!r}: there is no statement {identifier!r}: {hint}")
        return self.by_id.get(identifier) or Statement(identifier, identifier, 0, identifier)

    def record(self) -> dict[str, Any]:
        """A JSON object that `from_record` reads."""
        sections = {str(number): title for number, title in self.sections.items()}
        return {"sections": sections, "statements": [asdict(s) for s in self.by_id.values()], "open": self.open}

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Statements:
        statements = [Statement(**entry) for entry in record["statements"]]
        sections = {int(number): title for number, title in record["sections"].items()}
        return cls(sections, {s.id: s for s in statements}, record["open"])


def read_statements(project: Project) -> Statements:
    """The statements of a book; a malformed file is a BookError."""
    name = project.settings.statements
    if name is None:
        return Statements({}, {}, open=True)
    try:
        data = mapping_of(text_of(project.root / name), name)
        statements = [Statement(**entry) for entry in data["statements"]]
        sections = {int(number): title for number, title in data["sections"].items()}
    except (TypeError, KeyError, ValueError) as error:
        raise BookError(f"{name}: not a file of statements: {error}") from None
    by_id = {statement.id: statement for statement in statements}
    if len(by_id) < len(statements):
        raise BookError(f"{name}: two statements have the same id")
    lost = {s.section for s in statements} - set(sections)
    if lost:
        raise BookError(f"{name}: statements of sections {sorted(lost)} that `sections` does not name")
    return Statements(sections, by_id)
