"""The files that `show` writes: one layout for all formats of a width, the same bytes every time."""

from pathlib import Path

import pytest
from matplotlib.figure import Figure
from throwaway import make_book

from claimbook import show
from claimbook.drawings import FOLDER
from claimbook.finish import finish
from claimbook.project import BookError
from claimbook.show import FOLDER as FIGURES


def drawn() -> Figure:
    figure = Figure(figsize=(3, 2), layout="constrained")
    axes = figure.subplots()
    axes.plot([1, 10], [0, 1], label="$10^x$")
    axes.set(xlabel="$x^2$", ylabel="height", xscale="log")
    return figure


@pytest.mark.slow
def test_files_of_figures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(FIGURES, str(tmp_path / "once"))
    assert show(drawn(), "fig-b").svg == (tmp_path / "once" / "fig-b.svg").read_text()
    show(drawn(), "fig-a")
    both = [f"fig-{x}{ending}" for x in "ab" for ending in ("-wide.svg", ".pdf", ".svg")]
    assert sorted(p.name for p in (tmp_path / "once").iterdir()) == sorted([*both, "fig-b.png"])
    monkeypatch.setenv(FIGURES, str(tmp_path / "again"))
    for name in ("fig-b", "fig-a"):
        show(drawn(), name)
    for file in (tmp_path / "once").iterdir():
        assert file.read_bytes() == (tmp_path / "again" / file.name).read_bytes()


def test_a_figure_that_is_shown_keeps_its_layout_engine() -> None:
    figure = drawn()
    engine = figure.get_layout_engine()
    show(figure, "fig-a")
    assert figure.get_layout_engine() is engine is not None


def test_the_layout_is_that_of_matplotlib(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Within two points of what saving a tight figure gives, which lays out anew for each format."""
    monkeypatch.setenv(FIGURES, str(tmp_path))
    figure = drawn()
    show(figure, "fig-a")
    figure = drawn()
    for name, wide in (("fig-a", False), ("fig-a-wide", True)):
        if wide:
            figure.set_size_inches(3 * 1.4, 2 * 1.2)
        figure.savefig(tmp_path / "tight.svg", bbox_inches="tight")
        boxes = [(tmp_path / f"{x}.svg").read_text().split('viewBox="')[1].split('"')[0] for x in (name, "tight")]
        own, tight = ([float(x) for x in box.split()] for box in boxes)
        assert own == pytest.approx(tight, abs=2)


def test_a_preview_that_is_not_drawn_is_named(tmp_path: Path) -> None:
    project = make_book(tmp_path, {})
    (project.staged / FOLDER).mkdir(parents=True)
    page = project.staged / "page.html"
    page.write_text('<meta property="og:image" content="https://book.example.org/previews/fig-second.png">')
    with pytest.raises(BookError, match=r"no preview fig-second: give .preview. in pyproject.toml the first figure"):
        finish(project, project.staged)
