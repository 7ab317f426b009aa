"""Problems: every part is demanded, stubs fail, solutions pass, editions hold what they should, answers are judged."""

import json
import subprocess
from pathlib import Path
from types import SimpleNamespace

import nbformat
import pytest
from bs4 import BeautifulSoup
from pages_of_problems import PROBLEMS
from throwaway import REPOSITORY, make_book

from claimbook import choice_question, judge, number_question
from claimbook.build import Options
from claimbook.chapters import Chapter, read_book, read_chapter
from claimbook.editions import Edition, asked, edited, in_source_order
from claimbook.pieces import pieces
from claimbook.problems import problems_of
from claimbook.progress import Progress
from claimbook.project import BookError
from claimbook.questions import verdict
from claimbook.single import run_single
from node import NODE


def page(folder: Path, text: str = PROBLEMS) -> Chapter:
    file = folder / "some_problems.md"
    file.write_text(text)
    chapter = read_chapter(file, "book/some_problems")
    assert chapter is not None
    return chapter


def test_a_page_of_problems_is_read(tmp_path):
    first, second = page(tmp_path).problems
    assert (first.label, first.title, first.level, first.minutes, first.points) == (
        "ex-twice",
        "Twice",
        "derive",
        10,
        2,
    )
    assert (first.code, second.code, second.level) == (True, False, "check")
    assert first.line == PROBLEMS.splitlines().index("```{exercise-start} Twice") + 1
    assert [part.kind for part in first.solution] == ["solution-start", "text", "code", "solution-end"]


def without(start: str) -> str:
    """The page without the first fence that starts so."""
    before, rest = PROBLEMS.split(start, 1)
    return before + rest.split("\n```\n", 1)[1]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (PROBLEMS.replace("level: derive", "level: hard"), "'hard' is none of check, derive, explore"),
        (PROBLEMS.replace("points: 2\n", ""), "exactly the entries level, goal, minutes, points"),
        (PROBLEMS.replace("minutes: 10", "minutes: ten"), "minutes: 'ten' is no positive number"),
        (PROBLEMS.replace("Write a function that doubles.", "a double"), "beginning with a verb"),
        (PROBLEMS.replace(":label: ex-twice\n", "", 1), "needs a label"),
        (without("```{hint}"), "lacks a hint"),
        (without("```{admonition} Marking"), "lacks a note on marking"),
        (without("```{code-cell} ipython3\n:tags: [ask]"), "lacks a question"),
        (without("```{code-cell} ipython3\n:tags: [check]"), "a stub goes with a check"),
        (without('```{code-cell} ipython3\nprint("remainders"'), "no cell that runs"),
        (PROBLEMS.replace("solution-start} ex-twice", "solution-start} ex-parity"), "its solution names ex-parity"),
        (PROBLEMS.replace(', "twice three is six"', ""), "each assertion says what to look for"),
        (PROBLEMS.replace("def twice(x):\n    return x + x", "twice = (2).__mul__"), "the solution defines it anew"),
        (
            PROBLEMS.replace("    return x + x", "    from book.more import double\n    return double(x)"),
            "write it out",
        ),
    ],
)
def test_what_a_problem_lacks_is_named_with_its_line(tmp_path, text, said):
    with pytest.raises(BookError, match=rf"some_problems.md, line \d+: .*{said}"):
        problems_of(page(tmp_path, text).notebook(), "some_problems.md")


def test_two_problems_of_one_label_are_refused(tmp_path):
    with pytest.raises(BookError, match="a second problem has the label ex-twice"):
        read_book(make_book(tmp_path, {"a_problems": PROBLEMS, "b_problems": PROBLEMS}))


def run(folder: Path, text: str):
    project = make_book(folder, {"some_problems": text})
    return run_single(project, read_book(project).chapter("some_problems"), {}, Options(), Progress())


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("return x  # your code", "return 2 * x", "ex-twice: the stub passes its check"),
        ("return x  # your code", "return unknown", "must fail at an assertion, not by NameError"),
        ("return x + x", "return x + 1", "twice three is six"),
    ],
)
def test_a_run_holds_every_check_against_stub_and_solution(tmp_path, old, new, said):
    cells = page(tmp_path, PROBLEMS.replace(old, new)).parameterised({}).cells
    code = "\n".join(cell.source for cell in cells if cell.cell_type == "code")
    with pytest.raises((RuntimeError, AssertionError), match=said):
        exec(code, {})


@pytest.fixture(scope="module")
def executed(tmp_path_factory) -> str:
    return run(tmp_path_factory.mktemp("book"), PROBLEMS).notebook


def shown(executed: str, edition: Edition):
    return edited(nbformat.reads(executed, as_version=4), edition)


def text_of(notebook) -> str:
    return "\n".join(cell.source for cell in notebook.cells)


def test_an_edition_holds_what_its_reader_may_see(executed):
    texts = {edition: nbformat.writes(shown(executed, edition)) for edition in Edition}
    solutions = ("sum of equal terms", "return x + x", "leave no remainder", "remainders")
    for edition, text in texts.items():
        assert all((word in text) == (edition is not Edition.STUDENT) for word in solutions)
        assert ("common error" in text) == (edition is Edition.INSTRUCTOR)
        assert "return x  # your code" in text
        assert "twice three is six" in text
        assert "What is $2x$ as a sum?" in text
        assert "the stub passes" not in text


def test_on_the_page_checks_and_questions_come_first_and_a_notebook_runs_in_order(executed):
    notebook = shown(executed, Edition.BOOK)
    kinds = [part.kind for part in pieces(notebook, ("stub", "check", "ask"))]
    wanted = ["stub", "hint", "exercise-end", "check", "ask", "solution-start", "text", "code", "solution-end"]
    place = kinds.index("stub")
    assert kinds[place : place + len(wanted)] == wanted
    sources = [cell.source for cell in in_source_order(notebook.cells)]
    assert sources.index("def twice(x):\n    return x  # your code") < next(
        i for i, s in enumerate(sources) if "x + x" in s
    )
    assert next(i for i, s in enumerate(sources) if "x + x" in s) < next(
        i for i, s in enumerate(sources) if "assert" in s
    )


def test_a_notebook_asks_for_the_answer_and_hides_the_right_one(executed):
    cells = [made for cell in shown(executed, Edition.STUDENT).cells for made in asked(cell) or ()]
    assert [cell.cell_type for cell in cells] == ["markdown", "code"] * 2
    assert "a. " in cells[2].source
    assert "14" not in cells[1].source
    for answer, said in (("None", "Not yet. No answer."), ("14", "Right."), ("7", "Not yet. That is once.")):
        *before, last = cells[1].source.replace("answer = None", f"answer = {answer}").splitlines()
        names: dict = {}
        exec("\n".join(before), names)
        assert repr(eval(last, names)) == said


NUMBER = number_question("n", 0.6, within=1e-3, wrong={0.4: "the rest", -2: "négatif ½"}, otherwise="again")
CHOICE = choice_question("c", right=("yes", "so it is"), wrong=[("no", "why?"), ("perhaps", "no")])
RIGHT = "abc"[CHOICE.choices.index("yes")]
ANSWERS = [
    (NUMBER.key, "0.6004", True),
    (NUMBER.key, "0.6011", False),
    (NUMBER.key, "0.4", False),
    (NUMBER.key, "-2", False),
    (NUMBER.key, "nan", False),
    (NUMBER.key, "many", False),
    (NUMBER.key, "", False),
    *((CHOICE.key, letter, letter == RIGHT) for letter in "abc"),
    (CHOICE.key, "z", False),
    (CHOICE.key, "", False),
]


@pytest.mark.parametrize(("key", "answer", "right"), ANSWERS)
def test_answers_are_judged(key, answer, right):
    assert verdict(key, answer)[0] is right


@pytest.mark.skipif(NODE is None, reason="node is not installed")
def test_the_page_judges_as_the_notebook_does():
    script = REPOSITORY / "book" / "static" / "self_check.js"
    asked = [
        *ANSWERS,
        (NUMBER.key, "3/5", True),
        (NUMBER.key, "0,6", True),
        (NUMBER.key, "6e-1", True),
        (NUMBER.key, "−2", False),
    ]
    code = (
        f"const s = require({json.dumps(str(script))});"
        f"console.log(JSON.stringify({json.dumps([[k, a] for k, a, _ in asked])}.map(([k, a]) => s.verdict(k, a))))"
    )
    assert NODE is not None
    found = json.loads(subprocess.run([NODE, "-e", code], capture_output=True, text=True, check=True).stdout)
    for (key, answer, right), (judged, said) in zip(asked, found, strict=True):
        assert judged is right, answer
        if answer in ("0.6004", "0.6011", "0.4", "-2", *"abc"):
            assert said == verdict(key, answer)[1]


def test_questions_that_cannot_be_judged_are_refused():
    with pytest.raises(ValueError, match="cannot be told from the answer"):
        number_question("n", 1.0, within=0.1, wrong={1.15: "near"}, otherwise="")
    with pytest.raises(ValueError, match="tolerance positive"):
        number_question("n", float("nan"), within=0.1, otherwise="")
    with pytest.raises(ValueError, match="wrong choices"):
        choice_question("c", right=("a", ""), wrong=[])
    assert not judge(NUMBER.key, None).right


def test_a_question_is_readable_without_scripts():
    data, metadata = CHOICE._repr_mimebundle_()
    items = [item.text.strip() for item in BeautifulSoup(data["text/html"], "html.parser").find_all("li")]
    assert items == list(CHOICE.choices)
    assert set(items) == {"yes", "no", "perhaps"}
    assert "so it is" not in json.dumps([data, metadata])
    assert SimpleNamespace(**metadata["claimbook"]["question"]).text == "c"
