"""The errors that the book puts in on purpose can still be put in: they patch what is private and may move."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

from claimbook.chapters import read_book
from claimbook.mutations import read_mutations
from claimbook.project import Project

BOOK = Project(Path(__file__).resolve().parents[2])
MUTATIONS = read_mutations(BOOK)

PROOF = """
import torch
from global_optimality import MatrixProduct, Problem, SquaredLoss, SumOfSquares, certify, minimise
def gap():
    problem = Problem(SquaredLoss(torch.eye(2, dtype=torch.float64)), MatrixProduct(2, 2), SumOfSquares(), 0.5)
    return float(certify(problem, minimise(problem, problem.random(1, 2)).weights).relative_gap)
assert gap() < 1e-6, gap()
from book.mutations import patches
patches.polar(1.01)
assert gap() > 1e-3, gap()
"""


@pytest.mark.slow
def test_every_patch_can_be_put_in_and_one_is_seen_to_act() -> None:
    calls = "\n".join(MUTATIONS.first(mutation) for mutation in MUTATIONS.all)
    own = os.environ | {"PYTHONPATH": BOOK.import_path()}
    command = [sys.executable, "-c", PROOF + calls]
    done = subprocess.run(command, cwd=BOOK.root, env=own, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_mutations_have_names_of_their_own_words_and_chapters() -> None:
    names = [mutation.name for mutation in MUTATIONS.all]
    assert len(set(names)) == len({mutation.says for mutation in MUTATIONS.all}) == len(names)
    chapters = {chapter.name for chapter in read_book(BOOK).chapters}
    assert {chapter for mutation in MUTATIONS.all for chapter in mutation.chapters} <= chapters


def test_every_patch_is_used() -> None:
    for module, text in MUTATIONS.texts.items():
        functions = [node.name for node in ast.parse(text).body if isinstance(node, ast.FunctionDef)]
        called = {mutation.patch.partition("(")[0] for mutation in MUTATIONS.all if mutation.module == module}
        assert {name for name in functions if not name.startswith("_")} == called
