"""Plans: tables of sessions from one file, whose every name must exist; minutes come from the pages themselves."""

import pytest
from pages_of_problems import PROBLEMS
from throwaway import REPOSITORY, chapter_text, make_book

from claimbook.chapters import Book, Chapter, read_book
from claimbook.plans import READING, problems_to, read_plans, reading_minutes, with_plans
from claimbook.problems import LEVELS
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
    assert "| 1. Doubling: 3 + 8 + 10 min | [A tiny chapter](one/one.md), 3 min |" in shown
    assert "{ref}`Twice <ex-twice>`, 10 min" in shown
    assert "Parity" not in shown
    assert shown.startswith("Before\n\n|")
    assert shown.endswith("|\n\nAfter")


def test_goals_and_counts_come_from_the_problems(project):
    assert "| check | Name the parity of a double. |" in table(project, "% goals")
    assert "| [A tiny chapter](one/one.md) | 1 | 1 | 0 | 1 | 15 |" in table(project, "% counts")
    assert "**2 problems** to 1 chapters, 1 of them with code" in table(project, "% totals")


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


@pytest.fixture(scope="module")
def real() -> tuple[Project, Book]:
    project = Project(REPOSITORY)
    return project, read_book(project)


def test_the_plans_of_the_book_cover_it(real):
    plans, chapters = read_plans(*real), {c.name for c in chapters_of(real[1])}
    assert set(plans) == {"one-lecture", "one-week", "two-weeks", "reading-group"}
    assert {c.name for session in plans["two-weeks"] for c in session.chapters} == chapters
    assert all(session.problems for plan in plans.values() for session in plan)


def chapters_of(book: Book) -> list[Chapter]:
    return [c for c in book.chapters if c.folder is not None and c.folder.name == c.name]


def test_every_chapter_of_the_book_has_its_problems(real):
    """Six to ten at all levels, two or more with code, whose minutes are what the page for teachers says."""
    every = [problems_to(real[1], chapter) for chapter in chapters_of(real[1])]
    for chapter, problems in zip(chapters_of(real[1]), every, strict=True):
        assert 6 <= len(problems) <= 10, chapter.name
        assert sum(p.code for p in problems) >= 2, chapter.name
        assert {p.level for p in problems} == set(LEVELS), chapter.name
    assert sum(map(len, every)) >= 70
    assert sum(p.code for problems in every for p in problems) >= 20
    assert all(5 <= p.minutes / p.points <= 10 for problems in every for p in problems)
