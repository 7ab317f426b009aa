"""Claims at many seeds: one row each, failures too; what is stored is not run again."""

import io
from collections.abc import Callable

import pytest
from throwaway import chapter_text

from claimbook import many
from claimbook.build import Options, results
from claimbook.chapters import Chapter
from claimbook.cli import main
from claimbook.progress import Progress
from claimbook.project import BookError, Project
from claimbook.run import Run
from claimbook.seeds import COLUMNS, parse_seeds, seeded, spans, summary, sweep
from claimbook.sweeps import status
from claimbook.tables import read_table

CELLS = (
    "seed = 0",
    "from claimbook import claim",
    'claim("theorem-1/small", "small", measured=seed, at_most=1)',
    'claim("theorem-1/positive", "positive", measured=seed + 1, at_least=1)',
    "if seed == 3:\n    raise RuntimeError('three')",
)


@pytest.fixture
def project(book: Callable[..., Project]) -> Project:
    return book({"drawn": chapter_text(CELLS), "fixed": chapter_text(["n = 1", "n"])})


def run(project: Project, seeds: tuple[int, ...]):
    said = io.StringIO()
    return sweep(project, seeded(project, ()), seeds, Options(jobs=1), Progress(said)), said.getvalue()


@pytest.mark.slow
def test_one_row_a_claim_and_one_for_a_run_that_broke(project: Project):
    table, _ = run(project, (0, 2, 3))
    assert tuple(table.columns) == COLUMNS
    found = {(row.seed, row.claim): (row.measured, row.bound, row.verdict) for row in table.itertuples()}
    assert found[0, "theorem-1/small"] == (0, 1, "holds")
    assert found[2, "theorem-1/small"] == (2, 1, "does not hold")
    assert found[2, "theorem-1/positive"] == (3, 1, "holds"), "a chapter goes on after a claim that does not hold"
    assert "three" in found[3, ""][2]
    assert len(table) == 5
    assert (table["seconds"] > 0).all()
    assert summary(table)[["chapter", "seeds", "hold"]].values.tolist() == [["drawn", 3, 1]]


@pytest.mark.slow
def test_stored_runs_stay_until_the_code_changes(project: Project):
    first, _ = run(project, (0,))
    again, said = run(project, (0, 2))
    assert "1 runs are stored, 1 to do" in said
    assert again[again["seed"] < 2].reset_index(drop=True).equals(first.reset_index(drop=True))
    project.root.joinpath("book/drawn.md").write_text(chapter_text((*CELLS, "1 + 1")))
    assert "0 runs are stored, 1 to do" in run(project, (0,))[1]


@pytest.mark.slow
def test_a_run_with_the_parameters_of_a_build_is_that_builds_too(project: Project):
    run(project, (0, 1))
    said = io.StringIO()
    _, records = results(project, Options(jobs=1), Progress(said), seeded(project, ()))
    assert "drawn: unchanged, 2 claims hold" in said.getvalue()
    assert records["drawn"].parameters == {"seed": 0}


@pytest.mark.slow
def test_the_command_records_the_table_and_fails_where_a_claim_does(project: Project, capsys: pytest.CaptureFixture):
    file = project.root / "data" / "seeds.csv"
    file.parent.mkdir()
    arguments = ["--root", str(project.root), "seeds", "drawn", "--table", str(file), "--jobs", "1", "--seeds"]
    assert main([*arguments, "1"]) == 0
    assert main([*arguments, "1-2"]) == 1
    assert "drawn, seed 2: theorem-1/small: does not hold" in capsys.readouterr().err
    table, origin = read_table(file)
    assert set(table["seed"]) == {1, 2}
    command = "python -m claimbook.cli seeds --seeds 1-2"
    assert origin.parameters == {"command": command, "runs": 2, "tier": "quick"}
    assert main([*arguments, "1", "--tier", "full"]) == 0
    assert read_table(file)[1].parameters["command"] == "python -m claimbook.cli seeds --tier full --seeds 1"
    assert main([*arguments, "1-2"]) == 1
    fewer = [cell.replace("small", "zero") for cell in CELLS]
    project.root.joinpath("book/drawn.md").write_text(chapter_text(fewer))
    assert main([*arguments, "0", "--onto"]) == 0
    table, _ = read_table(file)
    assert set(table.loc[table["seed"] > 0, "claim"]) == {"theorem-1/positive"}, "theorem-1/small is gone from the book"
    assert set(table.loc[table["seed"] == 0, "claim"]) == {"theorem-1/positive", "theorem-1/zero"}


def test_a_run_that_is_stopped_is_not_stored(project: Project, monkeypatch: pytest.MonkeyPatch):
    def stopped(*_: object, **__: object) -> Run:
        raise KeyboardInterrupt

    monkeypatch.setattr(many, "run_chapter", stopped)
    with pytest.raises(KeyboardInterrupt):
        run(project, (0,))
    how = status(project.build / many.FOLDER / "seeds")
    assert (how.chunks, how.stored, how.clients) == (1, 0, 0)


def test_a_book_that_is_changed_under_a_run_is_not_stored(project: Project, monkeypatch: pytest.MonkeyPatch):
    def changing(project: Project, chapter: Chapter, values: dict, *_: object, **__: object) -> Run:
        project.root.joinpath("src", "toy", "used.py").write_text("changed = True")
        return Run(chapter, values, "", (), (), 0.0, 0.0, ())

    monkeypatch.setattr(many, "run_chapter", changing)
    with pytest.raises(BookError, match="drawn was changed while it ran"):
        run(project, (0,))


@pytest.mark.parametrize(("text", "seeds"), [("0-3", (0, 1, 2, 3)), ("7,1,5-6,6", (1, 5, 6, 7)), ("4", (4,))])
def test_seeds_are_numbers_and_ranges(text: str, seeds: tuple[int, ...]):
    assert parse_seeds(text) == seeds == parse_seeds(spans(seeds))


@pytest.mark.parametrize("text", ["", "a", "3-1", "1-", "-2", "1,,2", "0.5"])
def test_other_seeds_are_refused(text: str):
    with pytest.raises(BookError, match="0-19"):
        parse_seeds(text)


def test_a_chapter_without_a_seed_is_refused(project: Project):
    with pytest.raises(BookError, match="fixed is no chapter with a seed; known: drawn"):
        seeded(project, ["fixed"])


@pytest.mark.slow
def test_a_build_lets_no_claim_pass(project: Project, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture):
    monkeypatch.setenv("CLAIMBOOK_CLAIMS_MAY_FAIL", "1")
    assert main(["--root", str(project.root), "run", "drawn", "-p", "seed=2"]) == 1
    assert "ClaimDoesNotHold" in capsys.readouterr().err
