"""Documented code names the pages and claims that use it, and a claim its statement."""

from pathlib import Path

from claimbook.backlinks import link_back

OBJECT = '<dl><dt class="sig sig-object py" id="toy.{0}">\n<span>{0}</span></dt>\n<dd><p>Told.</p></dd></dl>'
USE = '<a class="code-link" href="../api/toy.html#toy.double" title="toy.double"><code>double</code></a>'
CHAPTER = f"""<div id="jb-print-docs-body"><h1>A tiny chapter</h1></div><h1>A tiny <em>chapter</em>
<a class="headerlink" href="#x">#</a></h1><p>{USE}</p>
<div class="claim claim-supports" id="claim-equation-8-double" role="note"><p><code>f</code></p>
<p class="claim-numbers"><code>equation-8/double</code></p>
</div>
<div class="claim claim-supports" id="claim-other-one" role="note"><code>other/one</code></div>"""
TABLE = f"""<h1>Measured<a class="headerlink" href="#x">#</a></h1><div class="claims-table">
<table><tr><th id="equation-8"></th></tr></table>
<a href="../book/one.html#claim-equation-8-double">A tiny chapter</a>
{USE}</div>"""


def test_code_names_its_pages_and_claims_and_a_claim_its_statement(tmp_path: Path) -> None:
    pages = {"api/toy.html": OBJECT.format("double") + OBJECT.format("unused"), "book/one.html": CHAPTER}
    for name, text in (pages | {"book/measured.html": TABLE, "decks/one.html": CHAPTER}).items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    link_back(tmp_path)
    used, unused = (tmp_path / "api" / "toy.html").read_text().split("</dl>")[:2]
    assert 'On the pages\n<a href="../book/one.html">A tiny chapter</a>.' in used
    assert 'In the claims\n<a href="../book/one.html#claim-equation-8-double">equation-8-double</a>.' in used
    assert used.count("<a ") == 2
    assert "used-on" not in unused
    chapter = (tmp_path / "book" / "one.html").read_text()
    assert '<a href="measured.html#equation-8"><code>equation-8/double</code></a>' in chapter
    assert '"note"><code>other/one</code></div>' in chapter, "no statement of that name is listed"
    assert (tmp_path / "decks" / "one.html").read_text() == CHAPTER
    link_back(tmp_path / "api")
