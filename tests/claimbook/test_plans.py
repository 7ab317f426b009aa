"""Plans: tables of sessions from one file, whose every name must exist; minutes come from the pages themselves."""

import pytest
from pages_of_problems import PROBLEMS
from throwaway import REPOSITORY, chapter_text, make_book

from claimbook.chapters import read_book
from claimbook.plans import READING, read_plans, reading_minutes, with_plans
from claimbook.project import BookError, Project

PLAN = "week:\n  - {title: Doubling, read: [one], levels: [derive]}\n"


@pytest.fixture
def project(tmp_path) -> Project:
    words = "word " * (3 * READING)
    project = make_book(tmp_path, {"one/one": chapter_text(["seed = 0"], prose=words), "one/one_problems": PROBLEMS})
    (tmp_path / "book" / "course.yml").write_text(PLAN)
    return project


def table(project: Project, mark: str) -> str:
    return with_plans(f"Before\n\n{mark}\n\nAfter", project, read_book(project), project.root / "book" / "welcome.md")


def test_a_plan_says_what_to_read_show_and_set(project):
    book = read_book(project)
    assert reading_minutes(book.chapter("one")) == 3
    shown = table(project, "% plan: week")
    assert "| 1. Doubling | [A tiny chapter](one/one.md), 3 min |" in shown
    assert "{ref}`Twice <ex-twice>`, 10 min" in shown
    assert "Parity" not in shown
    assert shown.startswith("Before\n\n|")
    assert shown.endswith("|\n\nAfter")


def test_goals_and_counts_come_from_the_problems(project):
    assert "| check | Name the parity of a double. |" in table(project, "% goals")
    assert "| [A tiny chapter](one/one.md) | 1 | 1 | 0 | 1 | 15 |" in table(project, "% counts")


@pytest.mark.parametrize(
    ("name", "other", "said"),
    [
        ("[one]", "[onne]", "unknown chapter onne: did you mean one"),
        ("[derive]", "[hard]", "unknown level hard"),
        ("title", "name", "exactly the entries levels, read, title"),
        ("week", "month", "unknown plan week"),
    ],
)
def test_what_a_plan_names_must_exist(project, name, other, said):
    (project.root / "book" / "course.yml").write_text(PLAN.replace(name, other))
    with pytest.raises(BookError, match=said):
        table(project, "% plan: week")


def test_the_plans_of_the_book_cover_it():
    project = Project(REPOSITORY)
    book = read_book(project)
    plans = read_plans(project, book)
    assert set(plans) == {"one-lecture", "one-week", "two-weeks", "reading-group"}
    chapters = {c.name for c in book.chapters if c.folder is not None and c.folder.name == c.name}
    assert {c.name for session in plans["two-weeks"] for c in session.chapters} == chapters
    assert all(session.problems for session in plans["one-lecture"])
