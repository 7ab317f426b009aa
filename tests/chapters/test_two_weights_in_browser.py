"""The certificate that a reader moves by hand, driven in a browser with keyboard and mouse."""

from pathlib import Path

import pytest

from claimbook.browser import chromium, find_chromium

STATIC = Path(__file__).parents[2] / "book" / "static"
PAGE = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>t</title>
<link rel="stylesheet" href="{static}/two_weights.css"><script src="{static}/two_weights.js"></script></head>
<body><main><div class="two-weights" data-y="3" data-lam="1"><p>static</p></div></main></body></html>"""


@pytest.mark.skipif(find_chromium() is None, reason="no Chromium here")
def test_keyboard_mouse_and_spoken_verdict(tmp_path: Path) -> None:
    file = tmp_path / "page.html"
    file.write_text(PAGE.format(static=STATIC.as_uri()), encoding="utf-8")
    with chromium() as browser:
        page = browser.new_page(viewport={"width": 390, "height": 1200})
        errors: list[str] = []
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(file.as_uri())
        verdict = page.locator(".tw-verdict")
        assert verdict.get_attribute("aria-live") == "polite"
        assert "Refuted" in verdict.inner_text()
        assert "gradient 0.00" in verdict.inner_text()
        page.locator("[data-name=u]").focus()
        page.keyboard.press("ArrowRight")
        assert page.locator("[data-name=u]").input_value() == "0.01"
        page.keyboard.press("Tab")
        page.keyboard.press("ArrowRight")
        page.get_by_role("button", name="Descend").press("Enter")
        assert "Certified" in verdict.inner_text()
        assert abs(float(page.locator("[data-name=u]").input_value()) - 2**0.5) < 0.01
        page.get_by_role("button", name="Back to the saddle").click()
        assert "Refuted" in verdict.inner_text()
        area = page.locator(".tw-map svg").bounding_box()
        page.mouse.move(area["x"] + area["width"] / 2, area["y"] + area["height"] / 2)
        page.mouse.down()
        page.mouse.move(area["x"] + 0.8 * area["width"], area["y"] + 0.2 * area["height"])
        page.mouse.up()
        assert abs(float(page.locator("[data-name=u]").input_value()) - 1.56) < 0.02
        assert abs(float(page.locator("[data-name=v]").input_value()) - 1.56) < 0.02
        assert "Undecided" in verdict.inner_text()
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        assert not errors
