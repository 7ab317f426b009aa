"""Figures at full size: kept with the book under their commit, shown below the quick ones."""

import json
import subprocess
from pathlib import Path

import pytest

from claimbook.cache import Record
from claimbook.drawings import FOLDER, inline_drawings
from claimbook.figure_files import clean_commit, keep_full, stage_full
from claimbook.project import BookError, Project

SVG = '<svg viewBox="0 0 10 10" xmlns="http://www.w3.org/2000/svg"><path d="M 0 0 L {} 1"/></svg>'
PAGE = '<figure class="align-default" id="fig-line"><img alt="A &amp; B" src="_images/1.svg"/></figure>'


def book(root: Path) -> Project:
    (root / "pyproject.toml").write_text('[tool.claimbook]\nevidence = "data"\n')
    return Project(root)


def record(folder: Path, *names: str, end: int = 7) -> Record:
    (folder / "figures").mkdir(parents=True)
    for name in names:
        (folder / "figures" / f"{name}.svg").write_text(SVG.format(end))
    return Record(folder, "one", {"tier": "full", "seed": 0}, 12.0, (), names, {})


def test_figures_at_full_size_are_kept_and_shown_below_the_quick_ones(tmp_path: Path):
    project, commit = book(tmp_path), "0123456789abcdef"
    kept = keep_full(project, {"one": record(tmp_path / "first", "fig-line", "fig-gone")}, commit)
    quick = record(tmp_path / "second", "fig-line", "fig-new")
    keep_full(project, {"one": quick}, commit)
    assert sorted(file.name for file in kept.iterdir()) == ["fig-line.svg", "fig-new.svg", "figures.json"]
    assert json.loads((kept / "figures.json").read_text())["fig-line"]["commit"] == commit
    (kept / "fig-new.svg").unlink()
    staged, site = tmp_path / FOLDER, tmp_path / "site"
    staged.mkdir()
    stage_full(project, quick, staged)
    assert not list(staged.iterdir()), "what does not depend on the tier is shown once"
    stage_full(project, record(tmp_path / "third", "fig-line", "fig-new", end=3), staged)
    (site / "_images").mkdir(parents=True)
    (site / "_images" / "1.svg").write_text(SVG.format(3))
    (site / "page.html").write_text(PAGE)
    inline_drawings(site, staged)
    shown = (site / "page.html").read_text()
    assert shown.index("<svg") < shown.index("<details")
    assert 'src="_images/fig-line-full.svg" alt="At full size: A &amp; B"' in shown
    assert "Recorded with seed = 0, tier = full in 12 s on" in shown
    assert "at commit 0123456789ab." in shown
    assert " 7 1" in (site / "_images" / "fig-line-full.svg").read_text()
    assert not (site / "_images" / "fig-new-full.svg").exists()


def test_figures_of_no_commit_are_not_kept(tmp_path: Path):
    project = book(tmp_path)
    with pytest.raises(BookError, match="commit first"):
        clean_commit(project)
    who = ["-c", "user.name=a", "-c", "user.email=a@b.example"]
    for words in (["init", "-q"], ["add", "pyproject.toml"], [*who, "commit", "-qm", "one"]):
        subprocess.run(["git", *words], cwd=tmp_path, check=True)
    assert len(clean_commit(project)) == 40
    (tmp_path / "stray.py").write_text("")
    with pytest.raises(BookError, match="commit first"):
        clean_commit(project)
