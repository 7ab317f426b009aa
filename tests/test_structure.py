"""The package's floors and habits: imports go down only, every core module is tested, every public name explained."""

import ast
import inspect
import subprocess
import sys
from pathlib import Path

import pytest

import global_optimality

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src" / "global_optimality"
CORE = [
    "certificate",
    "convex",
    "data",
    "descent",
    "factors",
    "losses",
    "mappings",
    "meta_algorithm",
    "polar",
    "problem",
    "regularizers",
    "results",
    "streams",
]


def lint(config: Path) -> subprocess.CompletedProcess:
    """import-linter, told to read a configuration, on the package under test."""
    command = (
        "import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports(sys.argv[1], no_cache=True))"
    )
    return subprocess.run([sys.executable, "-c", command, config], cwd=SOURCE.parent, capture_output=True, text=True)


def test_imports_go_down_only():
    run = lint(ROOT / "pyproject.toml")
    assert run.returncode == 0, run.stdout + run.stderr
    assert "0 broken" in run.stdout


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


@pytest.mark.parametrize("module", CORE)
def test_every_core_module_has_its_tests(module):
    assert (SOURCE / module).exists() or (SOURCE / f"{module}.py").exists()
    assert (ROOT / "tests" / f"test_{module}.py").exists()


def core_files():
    for module in CORE:
        place = SOURCE / module
        yield from sorted(place.glob("*.py")) if place.is_dir() else [place.with_suffix(".py")]


@pytest.mark.parametrize("file", list(core_files()), ids=lambda f: str(f.relative_to(SOURCE)))
def test_small_files_with_docstrings(file):
    text = file.read_text(encoding="utf-8")
    assert text.count("\n") <= 250, "split it"
    tree = ast.parse(text)
    assert ast.get_docstring(tree)
    banned = {"hasattr", "eval", "exec", "print"}
    called = {n.func.id for n in ast.walk(tree) if isinstance(n, ast.Call) and isinstance(n.func, ast.Name)}
    assert not called & banned


def test_every_public_name_is_documented():
    for name in global_optimality.__all__:
        value = getattr(global_optimality, name)
        assert inspect.getdoc(value), name
        assert value.__module__.startswith("global_optimality."), name
