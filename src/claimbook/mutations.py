"""Mutations: small errors put into the code on purpose, and the claims that notice them.

The book's folder of mutations (`mutations` in its settings) holds `mutations.yml`: `module`, the module of the patches,
and `mutations`, each with `name`, `says`, `patch` (a call of a function of that module), `chapters`, and `module` where
its patch is in another one of the folder.
"""

from __future__ import annotations

import ast
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import yaml

from .build import Options
from .chapters import read_book
from .files import digest
from .many import Row, Task, kept, run_many
from .parameters import closest
from .progress import Progress
from .project import BookError, Project
from .run import Run
from .sweeps import HERE, Workers

COLUMNS = ("mutation", "says", "chapter", "claim", "kind", "measured", "relation", "bound", "verdict", "cpu", "commit")
"""``verdict``: "holds" (the claim did not notice), "does not hold", or "raised": its cell, or one before it, failed."""


@dataclass(frozen=True)
class Mutation:
    """One error: its name, what is wrong in a sentence, the call that puts it in, and the chapters it is tried on."""

    name: str
    says: str
    patch: str
    chapters: tuple[str, ...]
    module: str


@dataclass(frozen=True)
class Mutations:
    """All mutations of a book, and the texts of the modules that put them in."""

    texts: Mapping[str, str]
    all: tuple[Mutation, ...]

    def first(self, mutation: Mutation) -> str:
        """The code that puts one in, with a digest of its patch and of what the patches share: a new patch elsewhere
        in the module is no reason to run anew."""
        folder, _, module = mutation.module.rpartition(".")
        called = mutation.patch.partition("(")[0]
        functions = [node for node in ast.parse(self.texts[mutation.module]).body if isinstance(node, ast.FunctionDef)]
        used = [ast.unparse(node) for node in functions if node.name == called or node.name.startswith("_")]
        return f"from {folder} import {module}  # {digest(''.join(used).encode())[:12]}\n{module}.{mutation.patch}"


def read_mutations(project: Project) -> Mutations:
    """The mutations of a book; BookError for a book without them, and for a malformed file."""
    name = project.settings.mutations
    if name is None:
        raise BookError("pyproject.toml: [tool.claimbook] mutations names no folder: this book has no mutations")
    folder = project.root / name
    try:
        data = yaml.safe_load((folder / "mutations.yml").read_text(encoding="utf-8"))
        entries = [
            {"module": data["module"], **entry, "chapters": tuple(entry["chapters"])} for entry in data["mutations"]
        ]
        found = tuple(Mutation(**entry) for entry in entries)
        modules = {mutation.module: f"{mutation.module.rpartition('.')[2]}.py" for mutation in found}
        return Mutations({name: (folder / file).read_text(encoding="utf-8") for name, file in modules.items()}, found)
    except (OSError, yaml.YAMLError, TypeError, KeyError) as error:
        raise BookError(f"{name}/mutations.yml: not a file of mutations: {error}") from None


def rows_of(task: Task, run: Run) -> list[Row]:
    """One row for every claim that the chapter makes: those that did not appear were raised over.

    BookError where the mutation itself failed: the first cell, which puts it in, holds nothing else that can fail.
    """
    if run.problems and ", cell 1 of " in run.problems[0]:
        raise BookError(f"{task.label} could not be put in: {run.problems[0]}")
    seen = {claim.id: claim for claim in run.claims}
    rows = []
    for name in task.chapter.claims:
        start = {"mutation": task.label, "chapter": task.chapter.name, "claim": name, "cpu": round(run.cpu, 1)}
        claim = seen.get(name)
        rows.append(
            start | {"kind": "", "measured": math.nan, "relation": "", "bound": math.nan, "verdict": "raised"}
            if claim is None
            else start
            | {"kind": claim.kind, "measured": claim.measured, "relation": claim.relation, "bound": claim.bound}
            | {"verdict": "holds" if claim.holds else "does not hold"}
        )
    return rows


def mutate(
    project: Project,
    chapters: Sequence[str],
    only: Sequence[str],
    options: Options,
    progress: Progress,
    onto: Path | None = None,
    workers: Workers = HERE,
) -> pd.DataFrame:
    """Run every chosen mutation on those of its chapters that are chosen: a row a claim.

    With `onto`, a table recorded before, its rows about other runs of declared mutations stay.
    """
    known, book = read_mutations(project), read_book(project)
    names = {mutation.name: mutation for mutation in known.all}
    for name in only:
        if name not in names:
            raise BookError(f"unknown mutation {name}: {closest(name, names)}")
    wanted = {book.chapter(name).name for name in chapters}
    tasks = [
        Task(chapter, mutation.name, options.values(chapter), known.first(mutation))
        for mutation in known.all
        if not only or mutation.name in only
        for chapter in map(book.chapter, mutation.chapters)
        if not wanted or chapter.name in wanted
    ]
    table = pd.DataFrame(run_many(project, tasks, "mutations", rows_of, options, progress, workers))
    if onto is not None and not table.empty:
        table = kept(table, onto, ("mutation", "chapter"), book)
        declared = {(m.name, c) for m in known.all for c in m.chapters}
        table = table[[pair in declared for pair in zip(table["mutation"], table["chapter"], strict=True)]]
    if table.empty:
        raise BookError("no mutation is declared for these chapters")
    order = {name: place for place, name in enumerate(names)}
    table = table.assign(says=table["mutation"].map({m.name: m.says for m in known.all}))[list(COLUMNS)]
    return table.sort_values("mutation", key=lambda s: s.map(order), kind="stable")


def noticed(table: pd.DataFrame) -> pd.DataFrame:
    """One row a claim that was measured in some run: the mutations that turn it red, those under which it raised."""
    kinds = table[table["kind"] != ""].groupby("claim")["kind"].first()

    def named(verdict: str) -> pd.Series:
        found = table[table["verdict"] == verdict].groupby("claim")["mutation"]
        return found.agg(lambda names: ", ".join(dict.fromkeys(names)))

    claims = table.drop_duplicates("claim").set_index("claim")[["chapter"]]
    claims = claims.assign(kind=kinds, broken_by=named("does not hold"), raised_under=named("raised"))
    return claims.fillna("").reset_index()
