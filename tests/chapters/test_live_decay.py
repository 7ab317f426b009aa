"""The figures of weight decay that a reader moves: critical points, steps and fates are those of the tables."""

import json
from pathlib import Path

import pytest
import torch

from book.shared.live import live
from book.weight_decay import basin_of_zero as basin
from book.weight_decay import scalar_chains as chains
from claimbook.browser import chromium, find_chromium
from global_optimality.streams import generator, normal
from tests import laws
from tests.live import drag, html_of, javascript, opened
from tests.node import needs_node


@needs_node
def test_zero_is_what_the_package_measures() -> None:
    cases = [
        (2, 2, 0.4),
        (3, 2, 0.3),
        (3, 2, 0.65),
        (3, 2, 0.8),
        (3, 3, 0.3),
        (3, 3, 1.2),
        (3, 4, 1.4),
        (4, 2, 0.3),
        (5, 3, 0.4),
    ]
    shown = javascript("live_decay.js", f"{json.dumps(cases)}.map(([K, q, lam]) => it.kinds(K, q, lam))")
    for (K, q, lam), found in zip(cases, shown, strict=True):
        table = chains.critical_points(K, q, lam)
        assert found["zero"] == table["kind"].iloc[0], (K, q, lam)
        others = table.iloc[1:]
        assert (found["a"] is None) == others.empty
        if not others.empty:
            assert found["a"] == pytest.approx(others["weight"].iloc[-1], rel=1e-12)
            assert found["f"] == pytest.approx(others["objective"].iloc[-1], rel=1e-12)


@needs_node
def test_descent_on_the_page_ends_at_a_critical_point() -> None:
    weights = chains.critical_points(3, 2, 0.3)["weight"].tolist()
    low, high = javascript("live_decay.js", "[0.2, 0.9].map(a => it.descend(3, 2, 0.3, a))")
    assert abs(low) < 1e-6
    assert high == pytest.approx(max(weights), rel=1e-9)
    assert javascript("live_decay.js", "it.descend(3, 1, 0.3, 0.2)") == 0


@needs_node
@pytest.mark.parametrize(("K", "q", "r"), [(3, 2, 4), (5, 2, 2), (3, 1, 4)])
def test_flows_on_the_page_are_those_of_the_table(K: int, q: int, r: int) -> None:
    w = 0.6 * normal(generator(3, "page", K, q), 12, r, K)
    lam = torch.linspace(0.1, 0.6, 12, dtype=torch.float64)
    pairs = json.dumps([w.tolist(), lam.tolist()])
    code = f"""(() => {{ const [W, lams] = {pairs}; return W.map((w, n) => ({{ f: it.objective(w, lams[n], {q}),
      next: it.euler(w, lams[n], {q}), fate: it.run(w, lams[n], {q}).fate,
      radius: it.radius(0.7, lams[n], {K}, {q}) }})); }})()"""
    shown = javascript("live_decay.js", code)
    laws.same(torch.tensor([s["f"] for s in shown], dtype=torch.float64), basin.objective(w, lam, q))
    torch.testing.assert_close(torch.tensor([s["next"] for s in shown], dtype=torch.float64), basin.euler(w, lam, q))
    found = torch.tensor([s["radius"] for s in shown], dtype=torch.float64)
    torch.testing.assert_close(found, basin.collapse_radius(torch.full_like(lam, 0.7), lam, K, q))
    fates = basin.fates(w, lam, q)
    assert [s["fate"] for s in shown] == fates.tolist()
    assert len(set(fates.tolist())) > 1


@needs_node
def test_the_starts_of_the_page_are_normal() -> None:
    drawn = torch.tensor(javascript("live_decay.js", "it.normals(20000, 3)"), dtype=torch.float64)
    for moment, expected in ((1, 0), (2, 1), (3, 0), (4, 3)):
        assert abs(float((drawn**moment).mean()) - expected) < 6 * float((drawn**moment).std()) / 20000**0.5


@pytest.mark.browser
@pytest.mark.skipif(find_chromium() is None, reason="no Chromium here")
def test_the_trap_is_found_by_keyboard_and_the_cell_by_mouse(tmp_path: Path) -> None:
    grid = basin.diagram([(3, 2, 1), (3, 2, 4)], points=4, runs=20, seed=0, device="cpu")
    with chromium() as browser:
        with opened(browser, tmp_path, html_of(live("degrees", "D", "fig-x", K=3, q=2, lam=0.3))) as page:
            verdict = page.locator(".live-verdict")
            assert "A trap" in verdict.inner_text()
            page.get_by_role("button", name="Descend").press("Enter")
            assert page.locator("[data-name=a]").input_value() == "0"
            page.locator("[data-name=q]").press("ArrowRight")
            assert "No trap" in verdict.inner_text()
            page.locator("[data-name=lam]").press("End")
            assert "Zero is best" in verdict.inner_text()
        with opened(browser, tmp_path, html_of(live("phases", "P", "fig-x", **basin.diagram_data(grid)))) as page:
            drag(page, "map", (0.9, 0.5), (0.92, 0.05))
            assert page.locator("[data-name=lam]").input_value() == "4"
            assert page.locator("[data-name=deviation]").input_value() == "4"
            cell = grid[(grid["size"] == 4) & (grid["share_of_tie"] > 1.8) & (grid["deviation"] > 0.9)]
            assert f"{100 * cell['captured'].iloc[0]:.0f} % of 20" in page.locator(".live-verdict").inner_text()
