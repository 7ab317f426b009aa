"""Downloaded notebooks: they run beside the wheel alone, and say what is missing."""

import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import nbformat
import pytest

import claimbook
from claimbook.export import without_drawings
from claimbook.project import Project


@pytest.mark.slow
def test_a_downloaded_notebook_runs_in_an_empty_folder(site: Project, tmp_path: Path) -> None:
    """With the wheel that the site carries, and no book around it; its text needs no Sphinx."""
    packages, folder = tmp_path / "packages", tmp_path / "empty"
    folder.mkdir()
    with zipfile.ZipFile(site.html / "downloads" / "notebooks.zip") as archive:
        archive.extractall(tmp_path / "unpacked")
    unpacked = tmp_path / "unpacked"
    assert sorted(p.name for p in unpacked.iterdir()) == ["measured.ipynb", "one.ipynb", "toy-1.2-py3-none-any.whl"]
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--target", str(packages)]
    subprocess.run([*install, str(next(unpacked.glob("*.whl")))], check=True)
    for name in ("one", "measured"):
        downloaded = nbformat.read(site.html / "_sources" / "book" / f"{name}.ipynb", as_version=4)
        zipped = (unpacked / f"{name}.ipynb").read_text(encoding="utf-8")
        assert downloaded == nbformat.reads(without_drawings(zipped), as_version=4)
        assert ("image/svg+xml" in zipped) == (name == "one")
        code = [cell.source for cell in downloaded.cells if cell.cell_type == "code"]
        assert "python -m pip install toy-1.2-py3-none-any.whl" in code[0]
        asked = "\nprint(claims_summary().text, claims_table(3).text)"
        script = "\n".join(code) + (asked if name == "measured" else "")
        environment = {k: v for k, v in os.environ.items() if not k.startswith("CLAIMBOOK")}
        environment["PYTHONPATH"] = os.pathsep.join([str(packages), str(Path(claimbook.__file__).parents[1])])
        words = [sys.executable, "-P", "-c", script]
        done = subprocess.run(words, cwd=folder, env=environment, capture_output=True, text=True, check=True)
        assert "Missing" not in done.stdout
        if name == "measured":
            assert "1 claims, of which 1 hold" in done.stdout
            assert "twice the seed" in done.stdout
    text = "\n".join(c.source for c in nbformat.read(unpacked / "one.ipynb", 4).cells if c.cell_type == "markdown")
    assert "**Theorem 1 (Doubling).**" in text
    assert "By Theorem 1 and" in text
    assert "twice the seed is 2.0." in text
    assert "\\tag{1}" in text
    assert "See (1) and Fig. 1; doubled." in text
    assert "**Figure 1.** A line for $x > 0$." in text
    assert "**Solution to Exercise 1.**" in text
    assert "Haeffele and Vidal" in text
    assert not re.search(r"\{[a-z:]+\}`|^[`:]{3,}\{|:label:", text, re.MULTILINE)


def test_a_notebook_says_what_is_missing_and_where_it_lies(site: Project, tmp_path: Path) -> None:
    notebook = nbformat.read(site.html / "_sources" / "book" / "one.ipynb", as_version=4)
    words = [sys.executable, "-I", "-c", notebook.cells[0].source]
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert "Missing here: toy" in done.stdout
    assert "python -m pip install toy-1.2-py3-none-any.whl" in done.stdout
