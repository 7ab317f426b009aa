"""The browser check finds what only a browser can see."""

from pathlib import Path

import pytest

from claimbook.accessibility import ALIKE
from claimbook.browser import JUDGED, VIEWS, check_in_browser, find_chromium
from claimbook.first_view import first_views, largest, moved, report
from claimbook.project import BookError

HEAD = (
    '<!doctype html><html lang="en"><head><title>A page</title>'
    '<meta name="viewport" content="width=device-width"></head><body>'
)
GOOD = f"""{HEAD}<main><h1>A page.</h1>
<div style="overflow-x: auto" tabindex="0"><div style="width: 3000px">wide</div></div>
<span class="math"><mjx-container>x</mjx-container></span>
<input type="search" aria-label="Search"></main></body></html>"""
BAD = f"""{HEAD}<main><div style="width: 3000px">wide</div>
<div style="overflow-x: auto"><mjx-container style="position: relative; left: -30px">hidden</mjx-container></div>
<span class="math">\\(x\\)</span>
<div class="book-table" style="overflow-x: auto"><table style="width: 3000px"><tr><td>cut</td></tr></table></div>
<input type="search"><form class="bd-search"><input type="search"></form>
<img src="gone.png" alt="gone"><img src="http://127.0.0.1:9/a.png" alt="elsewhere">
<script>fetch("https://example.org/x").catch(() => null); undefined.property;</script></main></body></html>"""


@pytest.mark.browser
@pytest.mark.skipif(find_chromium() is None, reason="no Chromium here")
def test_each_fault_is_found_in_each_view(tmp_path: Path) -> None:
    site = tmp_path / "site"
    site.mkdir()
    (site / "good.html").write_text(GOOD)
    (site / "bad.html").write_text(BAD)
    found = check_in_browser(site, tmp_path / "shots")
    assert {finding.page.split()[0] for finding in found} == {"bad.html"}
    for size, scheme in VIEWS:
        kinds = {finding.kind for finding in found if finding.page == f"bad.html ({size}, {scheme})"}
        expected = {
            "wider than the screen",
            "formula whose left end is hidden",
            "formula not rendered",
            "search bars",
            "image not loaded",
            "missing file",
            "request to another host",
            "JavaScript error",
        }
        expected |= {"table cut off"} if size != "phone" else set()  # a phone scrolls it
        assert kinds == expected | ({"accessibility"} if (size, scheme) in JUDGED else set())
    requests = {finding.cause for finding in found if finding.kind == "request to another host"}
    assert requests == {"http://127.0.0.1:9/a.png", "https://example.org/x"}
    assert len(list((tmp_path / "shots").glob("*.png"))) == 2 * len(VIEWS)


PALE = """<main><h1>A page.</h1><pre><span style="color: #555">word</span> <span style="color: #555">more</span></pre>
<pre style="background: #fff"><span style="color: COLOUR">(</span><span style="color: COLOUR">word</span>
<span style="color: COLOUR">more</span></pre><pre style="background: #777"><span style="color: #555">dark</span></pre>
<pre><a href="#" style="color: #ccc"><span style="color: #222">link</span></a>
<a href="#" style="color: #ccc"><span style="color: #222">next</span></a></pre>
<svg role="img"><title>A drawing</title><path d="M0 0H9"/></svg></main></body></html>"""


@pytest.mark.browser
@pytest.mark.skipif(find_chromium() is None, reason="no Chromium here")
def test_of_texts_alike_a_few_of_each_colour_on_each_ground_are_judged(tmp_path: Path) -> None:
    """`#555` can be read on white and not on grey; `#ccc`, which a link hides under its token, on neither."""
    site = tmp_path / "site"
    site.mkdir()
    fine = HEAD + PALE.replace("COLOUR", "#333").replace("#777", "#fff")
    (site / "fine.html").write_text(fine)
    (site / "unnamed.html").write_text(fine.replace("<title>A drawing</title>", ""))
    (site / "ground.html").write_text(HEAD + PALE.replace("COLOUR", "#333"))
    (site / "pale.html").write_text(fine.replace("#333", "#ccc"))
    rows = "".join(f"<tr{ground}>{'<td>cell</td>' * 5}</tr>" for ground in ("", ' style="background: #777"'))
    (site / "table.html").write_text(fine.replace("<pre>", f'<table style="color: #555">{rows}</table><pre>', 1))
    found = check_in_browser(site, tmp_path / "shots")
    causes = {(finding.page.split()[0], finding.cause.split(":")[0]) for finding in found}
    assert causes == {
        ("unnamed.html", "svg-img-alt (1 places)"),
        ("ground.html", "color-contrast (1 places)"),
        ("pale.html", "color-contrast (2 places)"),
        ("table.html", f"color-contrast ({ALIKE} places)"),
    }


MOVED = (
    HEAD
    + """<main><div id="late"></div><p style="height: 500px; background: green">moves</p>
<script>const late = () => document.getElementById("late").style.height = "400px";
requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(late)));</script></main></body></html>"""
)


@pytest.mark.browser
@pytest.mark.skipif(find_chromium() is None, reason="no Chromium here")
def test_a_page_that_moves_after_it_was_seen_is_told(tmp_path: Path) -> None:
    for name, text in (("still.html", GOOD), ("moved.html", MOVED)):
        (tmp_path / name).write_text(text)
    views = list(first_views(tmp_path, largest(tmp_path)))
    assert len(views) == 4
    assert {finding.page.split()[0] for finding in moved(views)} == {"moved.html"}
    assert "still.html (phone)" in report(views)


def test_a_missing_browser_is_an_error_with_the_cure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHROMIUM", str(tmp_path / "nowhere"))
    with pytest.raises(BookError, match="install it"):
        check_in_browser(tmp_path, tmp_path / "shots")
