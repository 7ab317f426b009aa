"""Every check of the site fires on a page that has the fault, and stays silent on one that has not."""

from pathlib import Path
from threading import Event, Thread

import pytest

from claimbook import check
from claimbook.check import check_site, oversize

GOOD = r"""<!doctype html><html><head><title>\(x\)</title>
<link rel="stylesheet" href="s.css"><script src="a.js"></script>
<link rel="canonical" href="https://example.org/"></head><body><h1 id="top">A page</h1>
<p>It costs $5, and $6 more.</p>
<p><a href="https://example.org/">elsewhere</a> <a href="#top">up</a> <a href="b.html#x">b</a></p>
<p>Price \alpha-free <span class="math notranslate">\(\frac12\)</span></p><div class="math">$$x$$</div>
<pre>print("$$", r"\begin{a}")</pre><code>\eqref{x}</code>
<img src="f.svg" alt="Three curves fall to one value"><svg aria-hidden="true"></svg>
<svg><title>A drawing</title></svg></body></html>"""
FILES = {
    "a.js": "",
    "s.css": "a { background: url(f.svg) }",
    "f.svg": '<svg xmlns="http://www.w3.org/2000/svg"><use xlink:href="#a"/></svg>',
    "b.html": '<html><body><p id="x">b</p></body></html>',
}


def _site(folder: Path, body: str = "", **files: str) -> Path:
    for name, text in {**FILES, **files}.items():
        (folder / name).write_text(text)
    (folder / "index.html").write_text(GOOD.replace("</body>", f"{body}</body>"))
    return folder


def test_a_good_page_has_no_findings(tmp_path: Path) -> None:
    assert check_site(_site(tmp_path)) == []


@pytest.mark.parametrize("beside_a_thread", [True, False])
def test_one_process_finds_what_several_find(
    beside_a_thread: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process with other threads is not forked, nor one whose system has no safe fork."""
    site = _site(tmp_path, "<h1>Another</h1>", **{"c.html": "<html><body><img src='g.svg' alt='A'></body></html>"})
    expected, done = check_site(site), Event()
    assert expected
    if not beside_a_thread:
        monkeypatch.setattr(check, "forks_are_safe", lambda: False)
    other = Thread(target=done.wait if beside_a_thread else done.set)
    other.start()
    try:
        assert check_site(site) == expected
    finally:
        done.set()
        other.join()


def test_an_empty_site_is_a_finding(tmp_path: Path) -> None:
    assert [finding.kind for finding in check_site(tmp_path)] == ["site"]


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ('<div class="output traceback"><pre>NameError: x</pre></div>', "traceback"),
        ("<pre>Traceback (most recent call last)\nValueError: y</pre>", "traceback"),
        ('<img src="f.svg">', "alternative text"),
        ('<img src="f.svg" alt=" ">', "alternative text"),
        ('<img src="f.svg" alt="f.svg">', "alternative text"),
        (f'<img src="f.svg" alt="_images/{"0123456789abcdef" * 4}.svg">', "alternative text"),
        ("<svg><path/></svg>", "alternative text"),
        ('<a href="c.html">c</a>', "dead link"),
        ('<a href="b.html#y">b</a>', "dead anchor"),
        ('<a href="#nowhere">up</a>', "dead anchor"),
        ('<img src="https://example.org/f.svg" alt="a curve">', "request to another host"),
        ('<img src="f.svg" srcset="f.svg 1x, //example.org/f.svg 2x" alt="a curve">', "request to another host"),
        ('<script src="//example.org/a.js"></script>', "request to another host"),
        ('<link rel="preload" href="http://example.org/font">', "request to another host"),
        ("<style>@import 'https://example.org/a.css';</style>", "request to another host"),
        ('<p style="background: url(https://example.org/a.png)">p</p>', "request to another host"),
        ('<iframe src="https://example.org/"></iframe>', "request to another host"),
        ('<script src="gone.js"></script>', "missing file"),
        ("<p>see $$x^2$$</p>", "raw LaTeX"),
        (r"<p>see \eqref{eq-1}</p>", "raw LaTeX"),
        (r"<p>\begin{align}</p>", "raw LaTeX"),
        (r"<p>the value \(x\)</p>", "raw LaTeX"),
        (r"<p>for $\lambda$ small</p>", "raw LaTeX"),
        ("<p>for $x_1$ small</p>", "raw LaTeX"),
    ],
)
def test_each_fault_is_found(tmp_path: Path, body: str, kind: str) -> None:
    assert [finding.kind for finding in check_site(_site(tmp_path, body))] == [kind]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("s.css", "a { background: url('https://example.org/a.png') }"),
        ("s.css", '@import "//example.org/a.css";'),
        ("f.svg", '<svg><image xlink:href="http://example.org/a.png"/></svg>'),
    ],
)
def test_requests_inside_other_files_are_found(tmp_path: Path, name: str, text: str) -> None:
    found = check_site(_site(tmp_path, **{name: text}))
    assert [(finding.page, finding.kind) for finding in found] == [(name, "request to another host")]


def test_a_site_may_take_so_many_megabytes(tmp_path: Path) -> None:
    site = _site(tmp_path)
    (site / "downloads").mkdir()
    (site / "downloads" / "book.pdf").write_bytes(bytes(2_000_000))
    assert oversize(site, 2.1) == oversize(site, None) == []
    assert [(finding.kind, finding.cause[:18]) for finding in oversize(site, 1.9)] == [("size", "2.0 MB, at most 1.")]
