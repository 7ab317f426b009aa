"""The figures of the chapter Landscape that a reader moves: their mathematics is the package's, at every point."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
import torch

from book.landscape import experiment
from book.shared.live import live
from claimbook.browser import chromium, find_chromium
from global_optimality import certify
from global_optimality.certificate import Certificate
from tests.live import data_of, drag, html_of, javascript, opened
from tests.node import needs_node

ROUNDING = 1e-12  # relative; a dozen operations in float64, and the package's own outward rounding
EXPORTED = 1e-10  # relative; the data of a page have twelve digits


def compared(shown: list[dict], found: Certificate, tolerance: float) -> None:
    """Every number and every verdict of the page against the package's certificate."""
    names = {"objective": "objective", "bound": "lower_bound", "polar": "polar", "gradient": "gradient_norm"}
    for name, field in names.items():
        theirs = torch.tensor([s[name] for s in shown], dtype=torch.float64)
        torch.testing.assert_close(theirs, getattr(found, field), rtol=tolerance, atol=10 * tolerance)
    assert [s["verdict"] for s in shown] == [v.name.lower() for v in found.verdict(1e-3)]


def test_the_landing_page_shows_the_example_of_the_chapter() -> None:
    book = Path(__file__).parents[2] / "book"
    page, chapter = (book / "welcome.md").read_text(), (book / "landscape" / "landscape.md").read_text()
    shown = re.search(r'data-live="two-weights".*?<script type="application/json">(.*?)</script>', page, re.S)
    example = re.search(r"^y, lam = (.*)$", chapter, re.M)
    assert shown is not None
    assert example is not None
    assert json.loads(shown[1]) == dict(zip(("y", "lam"), map(float, example[1].split(",")), strict=True))


@needs_node
@pytest.mark.parametrize(("y", "lam"), [(3.0, 1.0), (3.0, 0.1), (3.0, 3.5)])
def test_two_weights_are_certified_as_by_the_package(y: float, lam: float) -> None:
    points = [(u, v) for u in np.linspace(-2.6, 2.6, 7) for v in np.linspace(-2.6, 2.6, 7)] + [(0.0, 0.0)]
    shown = javascript("two_weights.js", f"{json.dumps(points)}.map(([u, v]) => it.certificate(u, v, {y}, {lam}))")
    w = torch.tensor(points, dtype=torch.float64)
    compared(shown, certify(experiment.two_weights(y, lam), (w[:, :1, None], w[:, 1:, None])), ROUNDING)
    assert all(s["bound"] <= s["optimum"] * (1 + ROUNDING) <= s["objective"] * (1 + ROUNDING) ** 2 for s in shown)


@needs_node
def test_descent_on_the_page_ends_at_the_optimum_and_rests_at_the_saddle() -> None:
    u, v = javascript("two_weights.js", "it.descend(0.3, 0.1, 3, 1)")
    assert abs(u - 2**0.5) < 1e-9
    assert abs(v - 2**0.5) < 1e-9
    assert javascript("two_weights.js", "it.descend(0, 0, 3, 1)") == [0, 0]


@pytest.fixture(scope="module")
def slide() -> experiment.StuckCopies:
    return experiment.stuck_copies(experiment.matrix_problem([[3.0, 1.0], [1.0, 3.0]], 1.0), seed=0)


@needs_node
def test_the_slide_is_certified_as_by_the_package(slide: experiment.StuckCopies) -> None:
    points = [(t, e) for t in np.linspace(0, 1, 6) for e in np.linspace(-1.3, 1.3, 7)]
    data = data_of(live("slide", "Slide", "fig-plateau", **experiment.slide_data(slide)))
    shown = javascript("live_slide.js", f"{json.dumps(points)}.map(([t, e]) => it.at({data}, t, e))")
    t, e = torch.tensor(points, dtype=torch.float64).T
    compared(shown, certify(slide.problem, slide.at(t, e)), EXPORTED)
    assert abs(javascript("live_slide.js", f"it.descend({data}, 0, 0)")) < 1e-12
    assert abs(javascript("live_slide.js", f"it.descend({data}, 1, 0.01)") - 1) < 1e-9
    assert abs(javascript("live_slide.js", f"it.edge({data})") - 1 / 3) < 1e-6


@pytest.mark.browser
@pytest.mark.skipif(find_chromium() is None, reason="no Chromium here")
def test_keyboard_mouse_and_spoken_verdict(tmp_path: Path, slide: experiment.StuckCopies) -> None:
    two = live("two-weights", "Two weights", "fig-two-weights", y=3.0, lam=1.0)
    with chromium() as browser:
        with opened(browser, tmp_path, html_of(two)) as page:
            verdict = page.locator(".live-verdict")
            assert verdict.get_attribute("aria-live") == "polite"
            assert "gradient 0.00" in verdict.inner_text()
            page.locator("[data-name=u]").press("ArrowRight")
            assert page.locator("[data-name=u]").input_value() == "0.01"
            page.keyboard.press("Tab")
            page.keyboard.press("ArrowRight")
            page.get_by_role("button", name="Descend").press("Enter")
            assert "Certified" in verdict.inner_text()
            page.get_by_role("button", name="Back to the saddle").click()
            assert "Refuted" in verdict.inner_text()
            drag(page, "map", (0.5, 0.5), (0.85, 0.15))
            assert float(page.locator("[data-name=u]").input_value()) > 1
            assert float(page.locator("[data-name=v]").input_value()) > 1
            u, v = (float(page.locator(f"[data-name={name}]").input_value()) for name in "uv")
            w = torch.tensor([[[u]], [[v]]], dtype=torch.float64)
            judged = certify(experiment.two_weights(3.0, 1.0), (w[:1], w[1:]))
            shown = [f"{max(0.0, float(x)):.3f}" for x in (judged.objective, judged.lower_bound)]
            assert page.locator(".live-bar b").all_inner_texts()[:2] == shown
        moved = live("slide", "Slide", "fig-plateau", **experiment.slide_data(slide))
        with opened(browser, tmp_path, html_of(moved)) as page:
            verdict = page.locator(".live-verdict")
            assert "f 5.500" in verdict.inner_text()
            page.get_by_role("button", name="Descend").press("Enter")
            assert page.locator("[data-name=amplitude]").input_value() == "0"
            page.locator("[data-name=t]").press("End")
            page.locator("[data-name=amplitude]").press("ArrowRight")
            page.get_by_role("button", name="Descend").press("Enter")
            assert "Certified" in verdict.inner_text()
            assert "f 5.000" in verdict.inner_text()
            drag(page, "map", (0.3, 0.3), (0.2, 0.8))
            assert float(page.locator("[data-name=t]").input_value()) < 0.5
            assert float(page.locator("[data-name=amplitude]").input_value()) < 0
