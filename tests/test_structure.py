"""The package's floors and habits: imports go down only, every core module is tested, every public name explained."""

import ast
import inspect
import re
import subprocess
import sys
import tomllib
from collections import Counter
from pathlib import Path

import pytest

import global_optimality

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src" / "global_optimality"
WINGS = (SOURCE, ROOT / "src" / "claimbook", ROOT / "book")
FILES = [file for wing in WINGS for file in sorted(wing.rglob("*.py")) if file.name != "__init__.py"]
TESTS = sorted((ROOT / "tests").rglob("*.py"))
PRINTS = {"cli.py", "started.py", "__main__.py", "execute.py", "frontier.py"}
"""Commands speak to their user (the frontier takes hours); everything else returns values."""

LONG = {
    "_layers": "a table, one entry a layer",
    "_newton": "one safeguarded iteration over batched state that its parts would have to hand on",
    "_collected": "every field of the file once, in the order of the format",
    "newton_direction": "one linear system, assembled block by block",
    "_parser": "the commands and their options, declared one after the other",
    "of_content": "a list of forgeries, one after the other",
}
"""Functions with a body of more than 40 lines, each with its reason."""


def lint(config: Path) -> subprocess.CompletedProcess:
    """import-linter, told to read a configuration, on the package under test."""
    command = (
        "import sys; sys.path[:0] = ['src', '.']; from importlinter.cli import lint_imports; "
        "sys.exit(lint_imports(sys.argv[1], no_cache=True))"
    )
    return subprocess.run([sys.executable, "-c", command, config], cwd=ROOT, capture_output=True, text=True)


def test_imports_go_down_only():
    run = lint(ROOT / "pyproject.toml")
    assert run.returncode == 0, run.stdout + run.stderr
    assert "0 broken" in run.stdout


def test_the_picture_of_the_floors_is_the_contract():
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"][
        "contracts"
    ]
    (floors,) = (c["layers"] for c in contracts if c.get("containers") == ["global_optimality"])
    picture = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8").split("```")[1].splitlines()
    told = [line.strip().split("  ")[0] for line in picture]
    assert told[-len(floors) :] == floors


def test_the_floors_can_be_broken(tmp_path):
    """The control: upside down, the first contract fails."""
    config = tmp_path / "upside_down.toml"
    config.write_text(
        '[tool.importlinter]\nroot_package = "global_optimality"\n'
        '[[tool.importlinter.contracts]]\nname = "upside down"\n'
        'type = "layers"\ncontainers = ["global_optimality"]\nlayers = ["factors", "problem", "certificate"]\n'
    )
    run = lint(config)
    assert run.returncode != 0
    assert "certificate" in run.stdout


def functions(tree: ast.Module) -> dict[str, int]:
    """The functions of a file that are longer than 40 lines without a reason, with their lengths."""
    found = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and node.name not in LONG:
            body = node.body[1:] if ast.get_docstring(node) else node.body
            found[node.name] = (body[-1].end_lineno or 0) - body[0].lineno + 1 if body else 0
    return {name: lines for name, lines in found.items() if lines > 40}


@pytest.mark.parametrize("file", FILES + TESTS, ids=lambda f: f.relative_to(ROOT).as_posix())
def test_small_files_with_docstrings_and_small_functions(file):
    text = file.read_text(encoding="utf-8")
    assert text.count("\n") <= 250, "split it"
    tree = ast.parse(text)
    assert ast.get_docstring(tree)
    assert functions(tree) == {}, "split them, or give a reason"


@pytest.mark.parametrize("file", FILES, ids=lambda f: f.relative_to(ROOT).as_posix())
def test_public_names_of_a_file_are_explained_and_nothing_is_printed(file):
    tree = ast.parse(file.read_text(encoding="utf-8"))
    banned = {"hasattr", "eval", "exec"} | (set() if file.name in PRINTS else {"print"})
    called = {n.func.id for n in ast.walk(tree) if isinstance(n, ast.Call) and isinstance(n.func, ast.Name)}
    assert not called & banned
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_"):
            told = ast.get_docstring(node) or ""
            assert 1 <= len(told.splitlines()) <= 10, f"{node.name}: a docstring of at most ten lines"


def test_every_public_name_is_documented():
    for name in global_optimality.__all__:
        value = getattr(global_optimality, name)
        assert inspect.getdoc(value), name
        assert value.__module__.startswith("global_optimality."), name


def test_a_class_is_called_by_one_name_only():
    """Among the public classes of all wings, so that a reader who searches for a word finds one thing."""
    named = Counter(
        node.name
        for wing in WINGS
        for file in wing.rglob("*.py")
        for node in ast.parse(file.read_text(encoding="utf-8")).body
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_")
    )
    assert named["Certificate"] == 1
    assert {name for name, count in named.items() if count > 1} == set()


def private(file: Path) -> list[str]:
    """Lines of a file that use a private name of another module, as an import, an attribute or text, and say no why."""
    text = file.read_text(encoding="utf-8")
    lines, found = text.splitlines(), []
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.ImportFrom):
            names = [*(node.module or "").split("."), *(alias.name for alias in node.names)]
        elif isinstance(node, ast.Attribute):
            own = ast.unparse(node.value) in ("self", "cls", "super()", "os")  # os._exit is public
            names = [] if own else [node.attr]
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "setattr":
            names = [str(a.value) for a in node.args[:2] if isinstance(a, ast.Constant)]
        else:
            continue
        line = lines[node.end_lineno - 1 if isinstance(node, ast.Attribute) and node.end_lineno else node.lineno - 1]
        if any(re.fullmatch(r"_\w*[^_]", name.split(".")[-1]) for name in names) and "  # " not in line:
            found.append(f"{file.name}: {line.strip()}")
    return found


@pytest.mark.slow
def test_code_and_tests_use_public_names_of_others_or_say_why_not():
    assert [line for file in FILES + TESTS for line in private(file)] == []


def test_a_private_name_would_be_seen(tmp_path):
    file = tmp_path / "some.py"
    file.write_text(
        "from a._b import c\nfrom a import _b\na._b()\nm.setattr(a, '_b', 1)\n"
        "self._b = a.__name__\na._repr_html_()\na._b()  # why\n"
    )
    assert len(private(file)) == 4


NARROWING = re.compile(r"isinstance\(.*\)|[\w.]+ is not None|[\w.]+")
"""What may be asserted: what a value is, where the reader of types cannot see it. Python -O leaves assertions out.

Chapters may assert: their kernels run without -O whatever the builder has chosen.
"""


def checks_that_may_be_left_out(file: Path) -> list[str]:
    tests = [node.test for node in ast.walk(ast.parse(file.read_text())) if isinstance(node, ast.Assert)]
    return [text for test in tests if not NARROWING.fullmatch(text := ast.unparse(test))]


@pytest.mark.parametrize("file", [file for file in FILES if ROOT / "src" in file.parents], ids=lambda f: f.name)
def test_no_check_of_a_proof_or_of_an_input_is_an_assertion(file):
    assert not checks_that_may_be_left_out(file)


def test_an_assertion_that_checks_would_be_seen(tmp_path):
    (tmp_path / "a.py").write_text("assert gap <= 0\nassert isinstance(x, int)\nassert x is not None\nassert f(x)\n")
    assert checks_that_may_be_left_out(tmp_path / "a.py") == ["gap <= 0", "f(x)"]
