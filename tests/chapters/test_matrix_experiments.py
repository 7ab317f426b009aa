"""The experiments of the chapter Matrix factorization, small: closed forms, negative controls, figures."""

import io

import numpy as np
import pytest
import torch

from book.matrix_factorization import completion_figures as pictures
from book.matrix_factorization import experiment, non_negative
from book.matrix_factorization import figures as figure
from book.matrix_factorization import matrix_completion as completion
from book.shared import data
from global_optimality import LBFGS, NewtonCG, minimise


@pytest.fixture(scope="module")
def census():
    return experiment.census([2, 6], runs=3, seed=0)


@pytest.mark.slow
def test_rank_r_optimum_is_what_descent_finds():
    Y = data.low_rank(7, 6, 4, seed=1)
    problem = experiment.factorization(Y, 0.1)
    for r in range(1, 7):
        end = minimise(problem, problem.random(4, r, seed=r), NewtonCG(), tol=1e-10)
        best = experiment.rank_r_optimum(Y, problem.lam, r)
        assert end.objective.numpy() == pytest.approx(np.full(4, best), rel=1e-10)


def test_variational_form_is_attained_by_balanced_factors_only():
    table = experiment.variational_form([3, 4], trials=5, seed=0)
    ratio = table.groupby("factors")["ratio"]
    assert table["error"].max() < 1e-11
    assert ratio.min()["balanced SVD"] == pytest.approx(1, abs=1e-13)
    assert ratio.min()["random factors"] > 1.001
    assert ratio.min()["SVD with all of σ on one side"] > 1.001


def test_census_agrees_with_its_closed_forms(census):
    assert census["objective"].to_numpy() == pytest.approx(census["optimum_r"].to_numpy(), rel=1e-10)
    assert census["polar"].to_numpy() == pytest.approx(census["polar_r"].to_numpy(), rel=1e-7)
    small, large = census[census["size"] == 2], census[census["size"] == 6]
    assert small["excess"].min() > 0.1 > 1e-9 > large["excess"].abs().max()
    assert small["relative_gap"].min() > 0.1


def test_gap_falls_with_the_gradient_to_the_first_power():
    table = experiment.gap_along_descent([1e-2, 1e-4, 1e-6, 1e-8], runs=4, r=8, seed=0)
    assert experiment.loglog_slope(table["relative_gradient"], table["relative_gap"]) == pytest.approx(1, abs=0.15)


@pytest.mark.slow
def test_certified_size_is_the_number_of_singular_values_above_lambda():
    table = experiment.sufficient_sizes([0.1, 0.5], matrices=2, seed=3)
    assert list(table["size"]) == list(table["count"])
    assert set(table["status"]) == {"GLOBAL"}


@pytest.mark.slow
def test_paths_never_rise_and_descent_alone_stays_above():
    for walk in (experiment.path_from_a_bad_start, experiment.path_from_one_column):
        table, path = walk(seed=0)
        assert path.largest_rise <= 1e-12
        assert table["objective"].iloc[-1] == pytest.approx(table["optimum"].iloc[-1], rel=1e-9)
    assert {"DESCEND", "SLIDE", "ESCAPE"} <= set(experiment.path_from_a_bad_start(seed=0)[0]["step"])
    assert "APPEND" in set(experiment.path_from_one_column(seed=0)[0]["step"])
    excess, floor = experiment.descent_alone(seed=0)
    assert excess >= floor * (1 - 1e-6) > 0.01


def test_only_the_optimum_is_certified():
    table = experiment.refusals(seed=0)
    assert table["verdict"][0] == "CERTIFIED"
    assert "CERTIFIED" not in set(table["verdict"][1:])


def test_lower_bounds_of_random_networks_stay_below_the_optimum():
    table = experiment.random_lower_bounds(trials=50, seed=0)
    assert (table["lower_bound"] <= table["optimum"]).all()
    assert (table["objective"] >= table["optimum"]).all()


@pytest.mark.slow
def test_completion_agrees_with_the_convex_reference_and_refuses_another_mask():
    result = completion.complete_digits(40, hidden=0.3, share=0.1, seed=0, tol=1e-6)
    table = completion.completion_summary(result)
    assert table["objective"][0] == pytest.approx(table["objective"][1], rel=2e-6)
    assert table["hidden_rmse"][0] < table["hidden_rmse"][2]
    assert completion.gap_under_another_mask(result, seed=5) > 1e-2
    drawn = completion.completion_pictures(result, [0, 3])
    assert drawn[drawn["kind"] == "seen"]["value"].isna().mean() == pytest.approx(0.3, abs=0.12)
    assert len(pictures.pictures(drawn).axes) == 6


@pytest.mark.slow
def test_non_negative_factors_are_certified_for_large_lambda_only():
    table = non_negative.non_negative_digits([0.1, 0.6], images=20, r=6, runs=2, seed=0, max_steps=400)
    assert set(table[table["share"] == 0.6]["verdict"]) == {"CERTIFIED"}
    assert "CERTIFIED" not in set(table[table["share"] == 0.1]["verdict"])


@pytest.mark.parametrize("draw", [figure.census, figure.polar_against_size])
def test_figures_have_the_same_bytes_twice(census, draw):
    def svg() -> bytes:
        stream = io.BytesIO()
        draw(census).savefig(stream, format="svg", metadata={"Date": None})
        return stream.getvalue()

    import matplotlib as mpl

    with mpl.rc_context({"svg.hashsalt": "test"}):
        assert svg() == svg()


def test_equal_columns_stay_equal_under_first_order_descent():
    problem = experiment.factorization(data.low_rank(5, 4, 3, seed=0), 0.05)
    end = minimise(problem, experiment.equal_columns(problem, 0), LBFGS(), tol=1e-8)
    for w in end.weights:
        assert torch.allclose(w, w[:, :1].expand_as(w), rtol=0, atol=1e-9)


def test_the_certificates_by_hand():
    table = experiment.certificates_by_hand()
    assert table["objective"].tolist() == pytest.approx([4.5, 4.0], abs=1e-14)
    assert table["lower_bound"].tolist() == pytest.approx([2.875, 4.0], abs=1e-13)
    assert table["polar"].tolist() == pytest.approx([2.0, 1.0], abs=1e-13)
    assert table["verdict"].tolist() == ["REFUTED", "CERTIFIED"]


@pytest.mark.parametrize("columns", [1, 2, 3])
def test_orthant_polar_encloses_what_random_directions_reach(columns: int) -> None:
    stream = torch.Generator().manual_seed(columns)
    for shift in (-0.5, 0.0, 0.5):
        Q = torch.randn(1, 7, columns, dtype=torch.float64, generator=stream) + shift
        bound = non_negative.orthant_polar(Q)
        v = torch.rand(5000, columns, dtype=torch.float64, generator=stream)
        found = ((v / v.norm(dim=1, keepdim=True)) @ Q[0].T).clamp(min=0).norm(dim=1).max()
        u, v = (w[0, 0] for w in bound.atom)
        assert bound.lower[0] >= found * (1 - 1e-2)
        assert bound.upper[0] >= found
        assert bound.upper[0] <= bound.lower[0] * (1 + 2 * non_negative.CLOSED)
        assert torch.isclose(u @ Q[0] @ v, bound.lower[0])
        assert bool((u >= 0).all() & (v >= 0).all())


def test_orthant_polar_is_the_largest_singular_value_of_non_negative_matrices() -> None:
    Q = torch.rand(1, 6, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    assert torch.allclose(non_negative.orthant_polar(Q).upper, torch.linalg.matrix_norm(Q, 2), rtol=1e-8)
    assert float(non_negative.orthant_polar(-Q).upper[0]) == 0


@pytest.mark.slow
def test_non_negative_factors_of_rank_two_are_certified_where_the_spectral_bound_is_not() -> None:
    row = non_negative.of_higher_rank((2,), (0.2,), draws=[0]).iloc[0]
    assert row["rank"] == 2
    assert row["gap"] <= non_negative.TOL < row["spectral"]
    assert row["signed"] > 0
