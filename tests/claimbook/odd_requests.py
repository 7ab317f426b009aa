"""Odd requests and odd books, as users bring them to the command line: what each is, and the cure that is named.

Every row ends with exit status 2 and one line that holds ``cure`` (argparse shows the usage above it); nothing runs.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from throwaway import chapter_text

CELLS = ('seed = 1\nshare = 0.5\nname = "a"\nsizes = [1, 2]\ntier = "quick"', "print(seed)")

Change = Callable[[Path], object]


@dataclass(frozen=True)
class Row:
    """A command line, after ``change`` of the book in a folder."""

    what: str
    words: tuple[str, ...]
    cure: str
    change: Change | None = None


def parameter(text: str, cure: str) -> Row:
    return Row(f"-p {text[:20]}", ("run", "one", "-p", text), cure)


def written(name: str, text: str | bytes) -> Change:
    return lambda root: (root / name).write_bytes(text if isinstance(text, bytes) else text.encode())


def book(what: str, name: str, text: str | bytes, cure: str) -> Row:
    return Row(what, ("build",), cure, written(name, text))


def chapter(what: str, cure: str, cells: tuple[str, ...] = CELLS, **front: object) -> Row:
    return book(what, "book/one.md", chapter_text(cells, **front), cure)


def gone(name: str) -> Change:
    return lambda root: (root / name).unlink()


PARAMETERS = [
    parameter("seed", "write it as name=value"),
    parameter("=3", "unknown parameter"),
    parameter("sead=3", "did you mean seed"),
    parameter("seed=1.5", "expected a int like 1"),
    parameter("seed=True", "expected a int like 1"),
    parameter("seed=None", "expected a int like 1"),
    parameter("seed=", "not a Python literal like 1"),
    parameter("seed=10**9", "not a Python literal"),
    parameter("seed=__import__('os')", "not a Python literal"),
    parameter("seed='a", "not a Python literal"),
    parameter(f"seed={'9' * 5000}", "not a Python literal"),
    parameter(f"sizes={'[' * 3000}", "not a Python literal"),
    parameter("sizes=3", "expected a list like [1, 2]"),
    parameter("share=nan", "not a Python literal"),
    parameter("share=1e400", "a finite number, like 0.5"),
    parameter("name='x", "not a Python literal"),
    parameter("tier=huge", "choose one of quick, full"),
    Row("a parameter twice", ("run", "one", "-p", "seed=1", "-p", "seed=2"), "give it once"),
]
COMMANDS = [
    Row("no command", (), "required: command"),
    Row("a misspelt command", ("buidl",), "choose from 'build'"),
    Row("no chapter", ("run",), "required: CHAPTER"),
    Row("a misspelt chapter", ("run", "oen"), "did you mean one"),
    Row("an empty chapter", ("run", ""), "known: one"),
    Row("two chapters", ("run", "one", "two"), "unrecognized arguments: two"),
    *(Row(f"a limit {t}", ("run", "one", "--limit", t), "a positive number") for t in ("0", "-1", "nan", "inf", "a")),
    *(Row(f"{t} jobs", ("build", "--jobs", t), "at least one chapter") for t in ("0", "-1")),
    Row("half a job", ("build", "--jobs", "1.5"), "invalid int value"),
    Row("another device", ("build", "--device", "tpu"), "choose one of cpu, cuda"),
    *(Row(f"seeds {t!r}", ("seeds", "--seeds", t), "for example 0-19") for t in ("", "a", "5-1", "1,,2", "-1", "1.5")),
    Row("a thousand million seeds", ("seeds", "--seeds", "0-999999999"), "at most 10000 at a time"),
    Row("seeds of no chapter", ("seeds", "two"), "known: one"),
    Row("a table that is none", ("seeds", "--seeds", "1", "--table", "x.txt"), "name a .csv file"),
    Row("a table nowhere", ("seeds", "--seeds", "1", "--table", "/proc/none/x.csv"), "in a folder that there is"),
    Row("figures as photographs", ("figures", "--formats", "jpeg"), "choose from 'svg', 'pdf'"),
    *(Row(f"port {t!r}", ("serve", "--port", t), "from 0 to 65535") for t in ("70000", "-1", "a", "", "80.5")),
    Row("nothing to serve", ("serve",), "build it first"),
    Row("nothing to check", ("check",), "build it first"),
    Row("nothing to check in a browser", ("check", "--browser"), "build it first"),
    Row("a misspelt option of check", ("check", "--browsr"), "unrecognized arguments"),
    Row("nothing to print", ("pdf",), "build it first"),
    Row("one page as PDF", ("pdf", "one"), "unrecognized arguments: one"),
    Row("a course of one chapter", ("course", "one"), "unrecognized arguments: one"),
    Row("errors of a book without any", ("mutations", "--only", "nothing"), "names no folder"),
    Row("no error", ("mutations", "--only"), "expected at least one argument"),
    Row("a table of errors that is none", ("mutations", "--table", "x.txt"), "name a .csv file"),
    *(
        Row(f"{command} {option} {value}", (command, option, value), cure)
        for command in ("build", "seeds", "mutations", "course", "figures")
        for option, value, cure in (
            ("--tier", "huge", "choose one of quick, full"),
            ("--device", "gpu", "choose one of cpu, cuda"),
            ("--limit", "-1", "a positive number"),
            ("--jobs", "0", "at least one chapter"),
        )
    ),
]
PLACES = [
    Row("results in a folder without a name", ("--output", "", "run", "one"), "name a folder"),
    Row("a root without a name", ("--root", "", "build"), "name a folder"),
    Row("a root that is not there", ("--root", "/nowhere", "build"), "name another folder with --root"),
    Row("a root that is a file", ("--root", __file__, "build"), "name another folder with --root"),
    Row("results into a file", ("--output", __file__, "run", "one"), "name one with --output"),
    Row("results below a file", ("--output", f"{__file__}/x", "run", "one"), "name one with --output"),
    Row("results where no folder can be", ("--output", "/proc/none", "run", "one"), "name one with --output"),
    Row("results in a folder with a colon", ("--output", f"/tmp/a{os.pathsep}b", "run", "one"), "name another one"),
    Row("a file called _build", ("run", "one"), "name one with --output", written("_build", "x")),
    Row("a folder as lock", ("run", "one"), "Is a directory", lambda root: (root / "_build/.lock").mkdir(parents=True)),
]
BOOKS = [
    book("contents that are no YAML", "_toc.yml", "a: [", "_toc.yml, line 1: not YAML"),
    book("empty contents", "_toc.yml", "", "names no page"),
    book("contents that are a list", "_toc.yml", "- a", "expected lines `name: value`"),
    book("contents in UTF-16", "_toc.yml", "a".encode("utf-16"), "save it as UTF-8"),
    book("a page that is not there", "_toc.yml", "root: book/none", "there is no book/none.md"),
    Row("no contents", ("build",), "there is no _toc.yml", gone("_toc.yml")),
    book("a configuration that is no YAML", "_config.yml", "a: [", "_config.yml, line 1: not YAML"),
    book("an empty configuration", "_config.yml", "", "name claimbook.extension"),
    book("settings that are no TOML", "pyproject.toml", "[a", "pyproject.toml"),
    book("settings in bytes", "pyproject.toml", b"\xff", "pyproject.toml"),
    book("an unknown setting", "pyproject.toml", '[tool.claimbook]\nsorces = ["a"]', "sorces"),
    book("sources that are not there", "pyproject.toml", '[tool.claimbook]\nsources = ["none"]', "does not exist"),
    book("statements that are no YAML", "book/statements.yml", "a: [", "statements.yml, line 1: not YAML"),
    book("statements that are a list", "book/statements.yml", "- a", "expected lines `name: value`"),
    Row("no statements", ("build",), "book/statements.yml", gone("book/statements.yml")),
    book("a chapter in bytes", "book/one.md", b"---\n\xff", "save it as UTF-8"),
    book("an empty chapter", "book/one.md", "", "write it as `# Title`"),
    book("a header that is no YAML", "book/one.md", "---\na: [\n---\n# A\n", "one.md, line 1: not YAML"),
    chapter("a cell that is no Python", "not plain Python", ("seed = ", "x")),
    chapter("a computed parameter", "must be a literal", ("seed = 1 + 1", "x")),
    chapter("minutes in words", "a positive number of minutes", minutes="long"),
    chapter("minutes below zero", "a positive number of minutes", minutes=-1),
    chapter("a misspelt key", "did you mean minutes", minuts=1),
]
REQUESTS = [*PARAMETERS, *COMMANDS, *PLACES, *BOOKS]
"""All rows."""
