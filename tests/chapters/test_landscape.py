"""The chapter Landscape: the designed line, the saddle of two weights, the slide, the staircase, the figures."""

import matplotlib
import numpy as np
import pytest
import torch

from book.landscape import experiment as landscape
from book.landscape import figures, relu_line
from claimbook import show
from global_optimality import LBFGS, NewtonCG

PAIR = [[3.0, 1.0], [1.0, 3.0]]


THREE = [[2.0, 1.0, 0.0], [1.0, 3.0, 1.0], [0.0, 1.0, 2.0]]


def test_the_designed_line_shows_the_points_of_figure_1():
    line = relu_line.designed_line()
    table = relu_line.critical_table(line)
    assert dict(zip(table["point"], table["kind"], strict=True)) == relu_line.CAPTION
    # independent of the polynomials: X(t) in closed form, whose slope is piecewise linear with these values
    bends = [0, 1.75, 0, 0, -1.75, 0.75, -0.625, 0.375]
    zeros = [k + bends[k] / (bends[k] - bends[k + 1]) for k in (4, 5, 6)] + [7 + 0.375 / 2]
    turns = table[table["kind"].isin(["local minimum", "local maximum"])]
    np.testing.assert_allclose(turns["t"], zeros, atol=1e-14)
    # X = 0.875 t² up to t = 1, then 0.875 + 1.75 (t − 1) − 0.875 (t − 1)²; after the plateau X falls by symmetry
    first = 1 + (1 - np.sqrt(1 - 4 * 0.875 * 0.125 / 1.75**2)) * 1.75 / (2 * 0.875)
    best = table[table["kind"] == "global minimum"]
    np.testing.assert_allclose(best["t"], [first, 5 - first], atol=1e-13)
    np.testing.assert_allclose(best["objective"], relu_line.least_squares_bound(line), rtol=0, atol=1e-14)
    assert (best["curvature"] > 0).all()


def test_only_a_b_and_d_are_critical_for_the_whole_network():
    table = relu_line.critical_table(relu_line.designed_line()).set_index("point")
    assert set(table.index[table["gradient_norm"] < 1e-10]) == {"a", "b", "d"}


def test_the_neighbourhoods_agree_with_the_kinds():
    line = relu_line.designed_line()
    for row in relu_line.critical_table(line).itertuples():
        at, left, right = (float(line.objective(*line.weights(t))) for t in (row.t, row.t - 0.01, row.t_end + 0.01))
        sides = {"local maximum": (1, 1), "local minimum": (-1, -1), "global minimum": (-1, -1)}
        if row.kind in sides:
            assert (np.sign(at - left), np.sign(at - right)) == sides[row.kind]
        else:
            inside = [float(line.objective(*line.weights(t))) for t in np.linspace(row.t, row.t_end, 7)]
            assert max(inside) - min(inside) <= 1e-14


def test_polynomials_agree_with_the_network_on_random_lines():
    for index in range(5):
        line = relu_line.random_line(4, 5, seed=1, index=index)
        curve = relu_line.curve(line, -3, 3, 101)
        assert relu_line.polynomial_error(line, curve) <= 1e-10 * curve["objective"].max()


@pytest.mark.slow
def test_no_dense_sampling_finds_a_turn_that_the_exact_search_missed():
    for index in range(6):
        line = relu_line.random_line(3, 4, seed=2, index=index)
        table = relu_line.critical_table(line)
        f = relu_line.curve(line, -6, 6, 4001)["objective"].to_numpy()
        slopes = np.sign(np.diff(f))[np.abs(np.diff(f)) > 1e-9]
        seen = int((slopes[1:] != slopes[:-1]).sum())
        inside = table[(table["t"].abs() < 6) & ~table["kind"].isin(["plateau", "inflection"])]
        assert len(inside) >= seen


def test_the_bound_refuses_inputs_for_which_it_is_not_proved():
    with pytest.raises(ValueError, match="positive one-dimensional"):
        relu_line.least_squares_bound(relu_line.random_line(2, 3, seed=0, index=0))


@pytest.mark.parametrize(("y", "lam"), [(3.0, 1.0), (2.5, 0.3), (1.0, 2.0), (1.0, 1.0)])
def test_two_weights_in_closed_form(y, lam):
    table = landscape.two_weights_table(y, lam)
    assert table["gradient_norm"].max() <= 1e-14 * (1 + y)
    np.testing.assert_allclose(table["objective"], table["closed_form"], rtol=1e-14)
    for row in table.itertuples():
        expected = [lam - y, lam + y] if row.u == 0 else sorted([2 * lam, 2 * (y - lam)])
        np.testing.assert_allclose([row.lowest_curvature, row.highest_curvature], expected, atol=1e-13)
        assert row.verdict == ("REFUTED" if row.kind == "saddle" else "CERTIFIED")


def test_the_search_finds_the_closed_form_points_and_no_other():
    found = landscape.stationary_search(landscape.two_weights(3.0, 1.0), 60)
    s = 2**0.5
    np.testing.assert_allclose(found[["u", "v"]], [[-s, -s], [0, 0], [s, s]], atol=1e-9)
    assert found["reached"].iloc[0] == 1


def test_two_subnetworks_have_two_ways_down_and_a_ring_of_minima():
    np.testing.assert_allclose(landscape.zero_spectrum(3.0, 1.0, 2)["eigenvalue"], [-2, -2, 4, 4], atol=1e-13)
    ring = landscape.ring(3.0, 1.0, 16)
    np.testing.assert_allclose(ring["objective"], 2.5, rtol=1e-14)
    assert set(ring["verdict"]) == {"CERTIFIED"}


@pytest.fixture(scope="module")
def slide():
    return landscape.stuck_copies(landscape.matrix_problem(PAIR, 1.0), 0)


def test_the_surface_is_the_one_computed_by_hand(slide):
    table = landscape.surface(slide, 21, 1.3)
    t, e = table["t"], table["amplitude"]
    np.testing.assert_allclose(table["objective"], 5.5 + (0.5 - 1.5 * t) * e**2 + 0.5 * e**4, atol=1e-12)
    assert (e == 0).sum() == 21


def test_the_slide_is_flat_with_the_right_power_and_not_with_a_wrong_one(slide):
    flat = landscape.slide_values(slide, 11, 1 / 2)["objective"]
    assert np.ptp(flat) <= 1e-14 * flat[0]
    wrong = landscape.slide_values(slide, 11, 1.0)["objective"]
    assert wrong.iloc[-1] == pytest.approx(10.0)
    drop, sentence = landscape.refutation(slide.problem, slide.weights)
    assert drop == pytest.approx(0.5 / 5.5)
    assert "Not optimal" in sentence


def test_nothing_is_refuted_at_the_optimum(slide):
    end = slide.at(torch.ones(1).double(), torch.ones(1).double())
    assert np.isnan(landscape.refutation(slide.problem, end)[0])


def test_the_staircase_stops_at_every_rank_and_ends_at_the_optimum():
    problem = landscape.matrix_problem(THREE, 0.5)
    path = landscape.staircase(problem, 10, 0, LBFGS())
    slides = landscape.slides(landscape.staircase_table(path))
    levels = landscape.rank_levels(problem)["objective"]
    np.testing.assert_allclose(levels, [10.5, 4.375, 3.25, 3.125], rtol=1e-14)
    np.testing.assert_allclose(slides["height"], levels[1:3], rtol=landscape.STAIR_TOL)
    assert slides["change"].max() <= 1e-12
    assert path.largest_rise <= 1e-12
    assert float(path.objective[-1]) == pytest.approx(3.125, rel=1e-9)
    assert landscape.descent_alone(problem, 10, 0, LBFGS()) == pytest.approx(4.375, rel=1e-9)


def test_curvature_needs_no_slide():
    path = landscape.staircase(landscape.matrix_problem(THREE, 0.5), 10, 0, NewtonCG())
    assert landscape.slides(landscape.staircase_table(path)).empty
    assert float(path.objective[-1]) == pytest.approx(3.125, rel=1e-8)


@pytest.fixture(scope="module")
def drawings(slide):
    line = relu_line.designed_line()
    curve, points = relu_line.curve(line, -1, 7.75, 80), relu_line.critical_table(line)
    problem = landscape.matrix_problem(THREE, 0.5)
    steps = landscape.staircase_table(landscape.staircase(problem, 10, 0, LBFGS()))
    plane, two = landscape.plane(3.0, 1.0, 31, 2.6), landscape.two_weights_table(3.0, 1.0)
    surface, levels = landscape.surface(slide, 21, 1.3), landscape.rank_levels(problem)
    return {
        "fig-section": lambda: figures.section(curve, points, 0.625),
        "fig-two-weights": lambda: figures.two_weights(plane, two),
        "fig-plateau": lambda: figures.plateau(surface, 1 / 3),
        "fig-staircase": lambda: figures.staircase(steps, levels),
    }


@pytest.mark.slow
@pytest.mark.parametrize("name", ["fig-section", "fig-two-weights", "fig-plateau", "fig-staircase"])
def test_figures_have_the_same_bytes_whatever_the_readers_settings(drawings, name):
    first = show(drawings[name](), name).svg
    with matplotlib.rc_context({"font.size": 30, "lines.linewidth": 9}):
        assert show(drawings[name](), name).svg == first


def test_every_point_of_the_section_is_lettered(drawings):
    (axes,) = drawings["fig-section"]().axes
    assert {text.get_text() for text in axes.texts} >= {f"({letter})" for letter in relu_line.CAPTION}
