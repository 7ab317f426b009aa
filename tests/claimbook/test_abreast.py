"""Pages that several processes read and write: the bytes of one process, and what each knows of the others' pages."""

import os
import re
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
from tiny_site import command, pages, rendered

from claimbook import abreast
from claimbook.project import Project

BY = "from claimbook import abreast; abreast.PROCESSES = {}"
SHARE = re.compile(r"reading sources.* \.\. ")
"""Of a share of the pages Sphinx says the first and the last."""

FURTHER = """# Page {0}

```{{prf:theorem}} Of page {0}
:label: thm-{0}
There is {{prf:ref}}`thm-{1}`, and {{term}}`twice`.
```

```{{exercise}}
:label: ex-{0}
See {{ref}}`ex-{1}`, {{ref}}`that page<page-{1}>` and `toy.double`.
```
"""


def _known(**labels: str) -> SimpleNamespace:
    entries = {label: {"docname": page} for label, page in labels.items()}
    return SimpleNamespace(proof_list=entries, claimbook_terms={}, claimbook_statements={})


@pytest.mark.parametrize(
    ("found", "pages", "told"),
    [
        ({"thm-a": "one", "thm-b": "two"}, {"two"}, []),  # the other was forked with what was known of page one
        ({"thm-a": "two"}, {"two"}, [("thm-a", "two", "one")]),
        ({"thm-a": "one"}, {"one"}, []),
    ],
)
def test_a_label_on_pages_of_two_processes_is_named(
    found: dict[str, str], pages: set[str], told: list[tuple], monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[tuple] = []
    monkeypatch.setattr(abreast, "LOGGER", SimpleNamespace(warning=lambda text, *of: said.append(of)))
    env, other = _known(**{"thm-a": "one"}), _known(**found)
    other.claimbook_terms["term-a"] = "A word."
    abreast.merge(None, env, pages, other)
    assert said == told
    assert env.claimbook_terms == {"term-a": "A word."}


@pytest.mark.slow
@pytest.mark.skipif(
    not abreast.forks_are_safe() or (os.cpu_count() or 1) < 2, reason="pages are divided among cores, by safe forks"
)
def test_several_processes_make_the_bytes_of_one(book: Callable[..., Project], tmp_path: Path) -> None:
    """Of statements, exercises, terms and sections named across pages; Sphinx divides sites of more than five."""
    names = "abcdefgh"
    further = {f"page_{a}": FURTHER.format(a, names[k - 1]) for k, a in enumerate(names)}
    project = book(pages() | {name: f"(page-{name[-1]})=\n{text}" for name, text in further.items()}, site=True)
    assert command(project, "build") == 0
    (one, said), (several, said_abreast) = (
        rendered(project, tmp_path / f"by-{count}", first=BY.format(count)) for count in (1, 3)
    )
    assert [bool(SHARE.search(words)) for words in (said, said_abreast)] == [False, True]
    assert {name for name in one.keys() | several.keys() if one.get(name) != several.get(name)} == set()
    assert "book/page_a.html" in one
