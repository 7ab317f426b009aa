"""Every figure that a reader moves: found by its script, driven by keyboard and finger, readable by everybody."""

import re
from pathlib import Path

import pytest

from book.landscape import experiment as landscape
from book.shared.live import Live, live
from claimbook.browser import chromium, find_chromium
from tests.live import STATIC, html_of, opened


def figures() -> dict[str, Live]:
    """One of each kind, from the data that its chapter shows."""
    pair = landscape.matrix_problem([[3.0, 1.0], [1.0, 3.0]], 1.0)
    slide = landscape.slide_data(landscape.stuck_copies(pair, seed=0))
    made = [live("two-weights", "Two weights", "fig-x", y=3.0, lam=1.0), live("slide", "Slide", "fig-x", **slide)]
    return {figure.name: figure for figure in made}


def test_every_figure_of_the_scripts_is_tried_and_every_script_is_loaded() -> None:
    scripts = {path.name: path.read_text(encoding="utf-8") for path in STATIC.glob("*.js")}
    named = {name for text in scripts.values() for name in re.findall(r'Live\.figure\("([a-z-]+)"', text)}
    assert named == set(figures())
    config = (STATIC.parents[1] / "_config.yml").read_text(encoding="utf-8")
    assert [name for name, text in scripts.items() if "Live" in text and name not in config] == []


def test_numbers_that_are_none_are_refused() -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        html_of(live("x", "X", "fig-x", value=float("nan")))


@pytest.mark.skipif(find_chromium() is None, reason="no Chromium here")
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_keyboard_touch_and_accessibility(tmp_path: Path, theme: str) -> None:
    from axe_playwright_python.sync_playwright import Axe

    body = "".join(map(html_of, figures().values()))
    with chromium() as browser, opened(browser, tmp_path, body, theme=theme) as page:
        for box in page.locator(".live").all():
            name, verdict = box.get_attribute("data-live"), box.locator(".live-verdict")
            seen = {verdict.inner_text()}
            for slider in box.locator("input").all():
                before = slider.input_value()
                for key in ("Home", "PageUp", "PageUp", "PageUp"):
                    slider.press(key)
                    seen.add(verdict.inner_text())
                assert slider.input_value() != before or slider.get_attribute("max") == before, name
            assert len(seen) > 2, f"{name}: the keys change nothing that is spoken"
            for picture in box.locator("svg.live-draggable").all():
                values = [i.input_value() for i in box.locator("input").all()]
                area = picture.bounding_box()
                picture.scroll_into_view_if_needed()
                picture.tap(position={"x": 0.71 * area["width"], "y": 0.37 * area["height"]})
                assert [i.input_value() for i in box.locator("input").all()] != values, name
        for width in (390, 1400):
            page.set_viewport_size({"width": width, "height": 1400})
            assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
            faults = Axe().run(page, context="main").response["violations"]
            assert [f["id"] for f in faults if f["impact"] in ("serious", "critical")] == []
        assert page.events.found == []
