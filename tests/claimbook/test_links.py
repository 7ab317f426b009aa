"""What names mean on a page, and docstrings as reStructuredText."""

import docutils.core
import pytest

from claimbook.links import Names, canonical, linked, plain_docstring

KNOWN = {"claimbook.claims.claim", "claimbook.claims.Claim", "claimbook.claims"}
CELLS = ["import claimbook\nfrom claimbook import claim as state\nfrom claimbook import claims as c", "not python ("]
NAMES = Names.of(CELLS, KNOWN.__contains__, ("claimbook",))


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("state", "claimbook.claims.claim"),
        ("c", "claimbook.claims"),
        ("c.Claim", "claimbook.claims.Claim"),
        ("claim", "claimbook.claims.claim"),
        ("claimbook.claim", "claimbook.claims.claim"),
        ("seed", None),
        ("c.nothing", None),
        ("json.dumps", None),
    ],
)
def test_a_name_means_what_the_page_imports(written: str, meant: str | None) -> None:
    assert NAMES.find(written) == meant


def test_an_object_is_known_by_where_it_is_defined() -> None:
    assert canonical("claimbook.claim") == "claimbook.claims.claim"
    assert canonical("claimbook.claims") == "claimbook.claims"
    assert canonical("claimbook.gone") is None
    assert canonical("claimbook.claims.Claim.measured") == "claimbook.claims.Claim"
    assert canonical("claimbook.chapters.Chapter.folder") == "claimbook.chapters.Chapter.folder"
    assert canonical("claimbook.claims.Claim.gone") is None


def test_only_known_names_become_links() -> None:
    code = '<span class="n">{}</span><span class="p">(</span><span class="n">{}</span>'
    block = '<div class="highlight-ipython3 notranslate"><div class="highlight"><pre>{}</pre></div></div>'
    page = block.format(code.format("state", "seed"))
    made = linked(page, NAMES, lambda name: f"#{name}")
    assert made.count("<a ") == 1
    assert '<a class="code-link" href="#claimbook.claims.claim" title="claimbook.claims.claim">' in made
    assert linked(code.format("state", "seed"), NAMES, str) == code.format("state", "seed")


def test_what_a_page_defines_and_what_others_document() -> None:
    cells = ["import numpy as np"]
    others = {"numpy": "https://n.org/{name}", "peer": "https://p.org"}
    names = Names.of(cells, KNOWN.__contains__, ("claimbook",), others)
    code = (
        '<span class="k">def</span> <span class="nf">bound</span>\n<span class="n">best</span> <span class="o">=</span>'
    )
    block = f'<div class="highlight-ipython3 notranslate"><div class="highlight"><pre>{code}</pre></div></div>'
    words = '<code class="docutils literal notranslate"><span class="pre">{}</span></code>'

    def target(text: str) -> str | None:
        page = f"{block}{block}<p>{words.format(text)}</p>"
        made = linked(page, names, lambda name: f"#{name}").partition("<p>")[2]
        return made.rpartition('href="')[2].partition('"')[0] if "href" in made else None

    assert linked(block + block, names, str).count('id="code-bound"') == 1
    leads = {
        "bound": "#code-bound",
        'bound(x,</span> <span class="pre">y)': "#code-bound",
        "best": "#code-bound",
        "np.roots": "https://n.org/numpy.roots",
        "peer": "https://p.org",
        "python -m claimbook.claims NAME": "#claimbook.claims",
        "claim(...).measured": "#claimbook.claims.claim",
        "best * 2": None,
        "x": None,
        "numpy": None,
        "make pdf": None,
    }
    assert {text: target(text) for text in leads} == leads
    kept = f'<a href="#there">{words.format("bound")}</a>'
    assert linked(block + kept, names, str).endswith(kept), "a link in a link"


@pytest.mark.parametrize(
    "text",
    [
        "|x| < *y and `code` of x_, ``more``",
        "A sum.\n\nOf   two:\n  indented\n back",
        "Code:\n\n    >>> 1 + 1\n    2",
        "",
    ],
)
def test_any_docstring_is_sound_markup_that_says_the_same(text: str) -> None:
    lines = plain_docstring(text.split("\n"))
    strict = {"report_level": 1, "halt_level": 1}
    shown = docutils.core.publish_doctree("\n".join(lines), settings_overrides=strict).astext()
    assert shown.split() == text.replace("`", "").split()
