"""Every figure that a reader moves: found by its script, driven by keyboard and finger, readable by everybody."""

import re
from functools import cache
from pathlib import Path

import pytest

from book.landscape import experiment as landscape
from book.one_hidden_layer import kinks
from book.shared import planar
from book.shared.live import Live, live
from book.shared.relu_problems import line_problem
from book.weight_decay import basin_of_zero as basin
from claimbook.browser import chromium, find_chromium
from global_optimality import solve
from tests.live import STATIC, html_of, opened


@cache
def figures() -> dict[str, Live]:
    """One of each kind, from the data that its chapter shows."""
    pair = landscape.matrix_problem([[3.0, 1.0], [1.0, 3.0]], 1.0)
    slide = landscape.slide_data(landscape.stuck_copies(pair, seed=0))
    plane = planar.planar_data(solve(planar.planar_problem(7, 0.2, seed=0)))
    made = [
        live("two-weights", "Two weights", "fig-x", y=3.0, lam=1.0),
        live("slide", "Slide", "fig-x", **slide),
        live("sweep", "Sweep", "fig-x", **plane),
        live("cones", "Cones", "fig-x", **plane),
        live("path", "Path", "fig-x", **kinks.fits_data(kinks.fits(line_problem(14, 0.02, seed=0), 6))),
    ]
    grid = basin.diagram([(3, 2, 1), (3, 1, 4)], points=3, runs=4, seed=0, device="cpu")
    made += [
        live("degrees", "Degrees", "fig-x", K=3, q=2, lam=0.3),
        live("phases", "Phases", "fig-x", **basin.diagram_data(grid)),
    ]
    return {figure.name: figure for figure in made}


@pytest.mark.slow
def test_every_figure_of_the_scripts_is_tried_and_every_script_is_loaded() -> None:
    scripts = {path.name: path.read_text(encoding="utf-8") for path in STATIC.glob("*.js")}
    named = {name for text in scripts.values() for name in re.findall(r'Live\.figure\("([a-z-]+)"', text)}
    assert named == set(figures())
    config = (STATIC.parents[1] / "_config.yml").read_text(encoding="utf-8")
    assert [name for name, text in scripts.items() if "Live" in text and name not in config] == []


def test_numbers_that_are_none_are_refused() -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        html_of(live("x", "X", "fig-x", value=float("nan")))


@pytest.mark.browser
@pytest.mark.skipif(find_chromium() is None, reason="no Chromium here")
def test_keyboard_touch_and_accessibility(tmp_path: Path) -> None:
    from axe_playwright_python.sync_playwright import Axe

    body = "".join(map(html_of, figures().values()))
    with chromium() as browser, opened(browser, tmp_path, body) as page:
        for box in page.locator(".live").all():
            name, verdict = box.get_attribute("data-live"), box.locator(".live-verdict")
            seen = {verdict.inner_text()}
            for slider in box.locator("input").all():
                for key in ("Home", "PageUp"):
                    slider.press(key)
                    seen.add(verdict.inner_text())
                assert float(slider.input_value()) > float(slider.get_attribute("min")), name
            assert len(seen) > 1, f"{name}: the keys change nothing that is spoken"
            for picture in box.locator("svg.live-draggable").all():
                values = [i.input_value() for i in box.locator("input").all()]
                area = picture.bounding_box()
                picture.scroll_into_view_if_needed()
                picture.tap(position={"x": 0.71 * area["width"], "y": 0.37 * area["height"]})
                assert [i.input_value() for i in box.locator("input").all()] != values, name
        for width, theme in ((390, "light"), (1400, "dark")):
            page.set_viewport_size({"width": width, "height": 1400})
            page.evaluate(f"document.documentElement.dataset.theme = '{theme}'")
            assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
            faults = Axe().run(page, context="main").response["violations"]
            grave = [f for f in faults if f["impact"] in ("serious", "critical")]
            assert [(f["id"], theme, n["html"], n["failureSummary"]) for f in grave for n in f["nodes"]] == []
        assert page.events.found == []


@pytest.mark.browser
@pytest.mark.skipif(find_chromium() is None, reason="no Chromium here")
def test_without_scripts_a_page_points_to_the_picture(tmp_path: Path) -> None:
    file = tmp_path / "page.html"
    file.write_text(html_of(live("slide", "A slide", "fig-plateau", x=1)), encoding="utf-8")
    with chromium() as browser:
        page = browser.new_context(java_script_enabled=False).new_page()
        page.goto(file.as_uri())
        assert page.get_by_role("link", name="this figure").get_attribute("href") == "#fig-plateau"
        assert "A slide. To be moved by hand" in page.locator(".live").inner_text()
