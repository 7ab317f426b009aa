"""The figures of one hidden layer that a reader moves: sweep, cones and certificates are the package's."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from book.one_hidden_layer import kinks
from book.shared import planar
from book.shared.live import live
from book.shared.relu_problems import line_problem
from claimbook.browser import chromium, find_chromium
from global_optimality import ReluUnit, SquaredLoss, certify, polar_of, solve
from global_optimality.polar.relu_cones import ReluCones
from global_optimality.sliding_frank_wolfe import Solution
from global_optimality.streams import generator, normal
from tests.live import data_of, html_of, javascript, opened
from tests.node import needs_node

EXPORTED = 1e-9  # relative; the data of a page have twelve digits


@pytest.fixture(scope="module")
def found() -> Solution:
    return solve(planar.planar_problem(7, 0.2, seed=0))


def moved(found: Solution, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Samples and targets as a reader may move them."""
    S, y = found.problem.mapping.S, found.problem.loss.Y
    stream = generator(seed, "moved")
    return S + 0.3 * seed * normal(stream, *S.shape), y + 0.3 * seed * normal(stream, *y.shape)


@needs_node
def test_moved_samples_are_certified_as_by_the_package(found: Solution) -> None:
    U, V = (w[0] for w in found.weights)
    cases = [(*moved(found, seed), factor * found.problem.lam) for seed in range(4) for factor in (0.4, 1.0, 1.9)]
    plain = json.dumps([[S.tolist(), y[:, 0].tolist(), U.tolist(), V[:, 0].tolist(), lam] for S, y, lam in cases])
    for (S, y, lam), shown in zip(cases, javascript("live_planar.js", f"{plain}.map(x => it.at(...x))"), strict=True):
        judged = certify(replace(found.problem, loss=SquaredLoss(y), mapping=ReluUnit(S), lam=lam), found.weights)
        for name, value in (("objective", judged.objective), ("bound", judged.lower_bound), ("polar", judged.polar)):
            assert shown[name] == pytest.approx(float(value), rel=EXPORTED, abs=EXPORTED)
        assert shown["verdict"] == judged.verdict(1e-3)[0].name.lower()


@needs_node
def test_cones_are_bounded_as_by_the_package_and_close_on_the_polar(found: Solution) -> None:
    S, q = found.problem.mapping.S, planar.residual(found.problem, found.weights)
    arguments = ", ".join(json.dumps(x.tolist()) for x in (S, q))
    code = f"""(() => {{ const [S, q] = [{arguments}]; let cones = it.begin(S, q); const seen = [cones];
      for (let k = 0; k < 40; k++) {{
        cones = it.cut(S, q, cones, cones.reduce((best, c, j) => (c.bound > cones[best].bound ? j : best), 0));
        seen.push(cones); }}
      return {{ first: seen[3], bare: seen[3].map(c => it.coneBound(S, q, c.a, c.b)),
        all: seen.map(c => it.enclosure(S, q, c)) }}; }})()"""
    shown = javascript("live_planar.js", code)
    ends = torch.tensor([[c["a"], c["b"]] for c in shown["first"]], dtype=torch.float64)
    vertices = torch.stack([ends.cos(), ends.sin()], 2)[:, :, None]
    cones = ReluCones(S, q[:, None], (), S.new_ones(1), 0.0, outer=False)
    centres = [vertices.new_full((len(vertices), 2), 0.5)]
    by_centre = cones._vertex_bounds((vertices,), centres).amax(1)  # the bound of a cone from its centre alone
    torch.testing.assert_close(
        torch.tensor(shown["bare"], dtype=torch.float64), by_centre, rtol=EXPORTED, atol=EXPORTED
    )
    exact = polar_of(found.problem)(q[None, :, None])
    lower, upper = (torch.tensor([e[name] for e in shown["all"]]) for name in ("lower", "upper"))
    assert bool((upper >= float(exact.lower) * (1 - EXPORTED)).all())
    assert bool((lower <= float(exact.upper) * (1 + EXPORTED)).all())
    assert float(upper[-1] / lower[-1]) - 1 < 1e-3
    assert float(upper[0] / lower[0]) > 1.05


@needs_node
def test_fits_of_the_path_are_certified_as_by_the_package() -> None:
    fits = kinks.fits(line_problem(14, 0.02, seed=0), 4)
    data = data_of(live("path", "Path", "fig-kinks", **kinks.fits_data(fits)))
    cases = [(k, factor) for k in range(len(fits)) for factor in (0.8, 1.0, 1.3)]
    shown = javascript("live_path.js", f"{json.dumps(cases)}.map(([k, factor]) => it.judged({data}, k, factor))")
    for (k, factor), page in zip(cases, shown, strict=True):
        judged = certify(replace(fits[k].problem, lam=factor * fits[k].problem.lam), fits[k].weights)
        assert page["objective"] == pytest.approx(float(judged.objective), rel=EXPORTED)
        assert page["bound"] == pytest.approx(float(judged.lower_bound), rel=1e-6)
        assert page["verdict"] == judged.verdict(1e-3)[0].name.lower()


@pytest.mark.browser
@pytest.mark.skipif(find_chromium() is None, reason="no Chromium here")
def test_the_page_says_what_the_package_says(tmp_path: Path, found: Solution) -> None:
    figures = {name: live(name, name, "fig-x", **planar.planar_data(found)) for name in ("sweep", "cones")}
    with chromium() as browser:
        with opened(browser, tmp_path, html_of(figures["sweep"])) as page:
            verdict = page.locator(".live-verdict")
            assert "Certified" in verdict.inner_text()
            page.locator("[data-name=sample]").press("ArrowRight")
            page.locator("[data-name=y]").press("Home")
            y = found.problem.loss.Y.clone()
            y[1, 0] = float(page.locator("[data-name=y]").input_value())
            judged = certify(replace(found.problem, loss=SquaredLoss(y)), found.weights)
            assert f"Polar/λ {float(judged.polar[0]):.3f}" in verdict.inner_text()
            assert judged.verdict(1e-3)[0].name.capitalize() in verdict.inner_text()
            page.get_by_role("button", name="Back to the optimum").press("Enter")
            assert "Certified" in verdict.inner_text()
        with opened(browser, tmp_path, html_of(figures["cones"])) as page:
            verdict = page.locator(".live-verdict")
            assert "Undecided" in verdict.inner_text()
            for _ in range(30):
                page.get_by_role("button", name="Cut the largest bound").press("Enter")
            assert "Certified" in verdict.inner_text()
