"""The README's example runs as printed and says what the README says."""

import re
from pathlib import Path

import pytest
import torch

README = Path(__file__).parents[1] / "README.md"


def examples():
    return re.findall(r"```python\n(.*?)```", README.read_text(), re.DOTALL)


def test_the_examples_are_short():
    assert all(len(code.strip().splitlines()) <= 17 for code in examples())


def test_the_matrix_of_the_readme_is_certified(capsys):
    (code,) = [code for code in examples() if "certify_network" not in code]
    with torch.random.fork_rng():
        torch.manual_seed(0)
        exec(compile(code, "README.md", "exec"), {})
    assert capsys.readouterr().out.count("Globally optimal over networks of every size") == 8


def test_the_torch_network_of_the_readme_is_judged_and_improved(tmp_path, monkeypatch, capsys):
    (code,) = [code for code in examples() if "certify_network" in code]
    monkeypatch.chdir(tmp_path)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        exec(compile(code, "README.md", "exec"), {})
    printed = capsys.readouterr().out
    assert printed.startswith("REFUTED: objective")
    assert printed.rstrip().endswith("True")


@pytest.mark.parametrize("path", re.findall(r"\]\(([^)#]+)\)", README.read_text()))
def test_what_the_readme_links_to_exists(path):
    assert (README.parent / path).exists()
