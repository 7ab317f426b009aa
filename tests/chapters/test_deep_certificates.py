"""The chapter Deep networks, certified: closed forms, enumeration, the search's honesty, tensors, figures."""

import matplotlib
import numpy as np
import pytest
import torch
from scipy import optimize

from book.deep_certificates import digits_tensor as tensor
from book.deep_certificates import exact_ground as ground
from book.deep_certificates import experiment as deep
from book.deep_certificates import figures
from book.deep_certificates import parallel_branches as linear
from claimbook import show
from global_optimality import DeepRelu, Effort, Status, SumOfPowers, Verdict, certify
from global_optimality.convex import three_layers as enumeration
from global_optimality.polar.ascent import ascend
from global_optimality.polar.deep_relu import deep_relu_polar
from global_optimality.streams import generator, normal

pytestmark = pytest.mark.slow


def draw(name: str, *shape: int) -> torch.Tensor:
    return normal(generator(0, "tests", "deep certificates", name), *shape)


# --- exact ground -----------------------------------------------------------------------------------------------------


def test_branches_fall_from_one_branch_to_the_nuclear_norm():
    table = linear.branches([1, 2, 5], layers=3, runs=6, seed=0).set_index("size")
    assert table.loc[5, "objective"] == pytest.approx(table.loc[5, "optimum"], rel=1e-9)
    assert table.loc[5, "verdict"] == "CERTIFIED"
    assert table.loc[1, "objective"] == pytest.approx(table.loc[1, "grouped"], rel=1e-6)
    assert table.loc[1, "verdict"] == "REFUTED"
    assert table["objective"].is_monotonic_decreasing
    assert (table["objective"] >= table["grouped"] * (1 - 1e-7)).all(), "sharing singular values out is not beaten"


def test_sharing_singular_values_out_against_brute_force():
    sigma, lam = np.array([3.0, 2.0, 1.5]), 0.5
    values = linear.grouped(sigma, lam, 2)
    nuclear = float(0.5 * np.minimum(sigma, lam) ** 2 @ np.ones(3) + lam * np.maximum(sigma - lam, 0).sum())
    assert values == pytest.approx([nuclear] * 3), "K = 2: one branch has the nuclear norm already"
    three = linear.grouped(sigma, lam, 3)
    assert three[2] == pytest.approx(nuclear)

    x = np.stack(np.meshgrid(*(np.linspace(0, s, 61) for s in sigma)), -1)
    shared = (x[..., :2] ** (2 / 3)).sum(-1) ** 1.5 + x[..., 2]  # the first two in one branch, the third alone
    assert three[1] <= (0.5 * ((sigma - x) ** 2).sum(-1) + lam * shared).min() + 1e-9
    assert three[0] > three[1] > three[2]


@pytest.mark.parametrize("widths", [(2, 2), (1, 3, 2), (3, 2, 2, 2)])
def test_without_biases_the_polar_on_a_line_has_a_closed_form(widths):
    x, Q = draw("line", 7), draw(f"Q {widths}", 1, 7, 2)
    truth = max(float((Q[0].T @ side.clamp(min=0)).norm()) for side in (x, -x))
    mapping = DeepRelu(x[:, None], widths)
    value, _ = ascend(mapping, SumOfPowers(len(widths)), Q, starts=64)
    assert float(value) <= truth * (1 + 1e-12)
    bound = deep_relu_polar(mapping, Effort(nodes=3000, tolerance=1e-6))(Q)
    assert float(bound.lower) == pytest.approx(truth, rel=1e-6)
    assert float(bound.upper) >= truth


def test_two_rays_against_scipy():
    x, Y, lam = ground.line(9, 0.4, seed=1)
    value, rays = ground.two_rays(x, Y, lam)
    sides = np.stack([np.maximum(x.numpy(), 0), np.maximum(-x.numpy(), 0)])

    def objective(flat: np.ndarray) -> float:
        a = flat.reshape(2, 2)
        return float(0.5 * ((Y.numpy() - sides.T @ a) ** 2).sum() + lam * np.linalg.norm(a, axis=1).sum())

    best = optimize.minimize(objective, np.ones(4), method="Nelder-Mead", options={"xatol": 1e-9, "fatol": 1e-12})
    assert value == pytest.approx(best.fun, rel=1e-7)
    assert objective(rays.numpy().flatten()) == pytest.approx(value, rel=1e-12)
    assert ground.depths([3], N=9, share=0.4, width=2, tol=1e-3, seed=1)["relative_error"].abs().max() < 1e-6
    assert ground.knots(x, Y, lam)[0] < ground.two_rays(x, Y[:, :1], lam)[0], "free biases fit more"


@pytest.fixture(scope="module")
def listed():
    S, Y = ground.few_samples(3)
    cells = enumeration.cells_in_the_plane(S.numpy())
    return S, Y, enumeration.patterns(S.numpy(), cells)


def test_patterns_cover_everything(listed):
    """Every z lies in a cone of its own σ, and there M z is the output."""
    S, _, kinds = listed
    stream = np.random.default_rng(0)
    assert len(enumeration.cells_in_the_plane(S.numpy())) == 2 * len(S)
    for _ in range(200):
        z = stream.standard_normal(4)
        output = np.maximum(S.numpy() @ z[:2], 0) - np.maximum(S.numpy() @ z[2:], 0)
        output = np.maximum(output, 0)
        inside = [p for p in kinds if (p.A @ z >= 0).all() and np.allclose(p.M @ z, output)]
        assert inside or not output.any()


def test_the_search_agrees_with_the_enumeration(listed):
    S, Y, kinds = listed
    mapping = DeepRelu(S, (2, 1, 1))
    for Q in (Y, *(draw(f"q {k}", 3, 1) for k in range(3))):
        truth = enumeration.three_layer_polar(kinds, Q[:, 0].numpy())
        bound = deep_relu_polar(mapping, Effort(nodes=20_000, tolerance=1e-7))(Q[None])
        assert float(bound.lower) == pytest.approx(truth, rel=1e-6)
        assert float(bound.upper) >= truth * (1 - 1e-8)


def test_training_by_enumeration_lies_in_the_certified_interval():
    table = ground.enumerated_training(3, 0.3, tol=1e-2)
    program, three, two = table["objective"]
    assert table["lower_bound"].iloc[1] <= program * (1 + 1e-7)
    assert program <= three * (1 + 1e-7)
    assert three <= program * (1 + 1e-2)
    assert program <= two * (1 + 1e-7)


def test_mixed_signs_matter():
    closing = ground.enumerated_polar(4, 1, [100, 1000], seed=0)
    assert closing["one_sign"].iloc[0] < 0.8
    assert (closing["upper"] >= 1 - 1e-7).all()
    assert (closing["lower"] <= 1 + 1e-7).all()


def test_one_hidden_layer_lifted():
    table = ground.width_one([(2, 1), (1, 1, 1), (2, 1, 1)], N=8, seed=0)
    assert table["objective_change"].abs().max() < 1e-12
    assert (table["verdict"] == ["CERTIFIED"] * 2 + ["REFUTED"]).all()
    assert (table[["polar_lower", "polar_upper"]].iloc[:2] - 1).abs().max().max() <= 2e-6


# --- the deep network -------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def certified():
    problem = deep.curve(7, (2, 2, 1), 0.3, seed=0)
    return deep.certified(problem, cones=20_000, tol=1e-2)


def test_a_deep_network_is_certified(certified):
    assert certified.status is Status.GLOBAL
    assert certified.certificate.verdict(1e-2) == (Verdict.CERTIFIED,)
    again = certify(certified.problem, certified.weights, deep.searched(certified.problem.mapping, 20_000))
    assert torch.equal(again.lower_bound, certified.certificate.lower_bound)
    assert (deep.sizes(certified)["share"] > 1e-3).sum() >= 2
    at_zero = deep.searched(certified.problem.mapping, 1)(certified.problem.loss.Y[None])
    assert certified.problem.lam <= 0.5 * float(at_zero.lower)


def test_effort_decides_and_ascent_alone_never_does(certified):
    table = deep.efforts(certified, [50, 20_000], tol=1e-2)
    assert list(table["verdict"]) == ["UNDECIDED", "UNDECIDED", "CERTIFIED"]
    assert np.isinf(table["polar"].iloc[0])
    tried = deep.sampled(certified, 20_000, seed=3)["value"]
    assert tried.iloc[:2].max() <= tried.iloc[2]


def test_progress_is_monotone_and_resumable(certified):
    parts = deep.search_progress(certified, stretches=6, cones=500)
    whole = deep.search_progress(certified, stretches=1, cones=3000)
    for table in (parts, whole):
        assert table["upper"].is_monotonic_decreasing
        assert table["lower"].is_monotonic_increasing
    assert parts["cones"].is_monotonic_increasing
    assert parts["upper"].iloc[-1] >= whole["lower"].iloc[-1]
    assert whole["upper"].iloc[-1] >= parts["lower"].iloc[-1]
    assert deep.certifying_level(certified, 1e-2) >= float(certified.certificate.polar)


def test_a_single_subnetwork_is_refuted_and_led_on(certified):
    problem = certified.problem
    table, networks = deep.refutation(problem, deep.single(problem, runs=2, seed=0), cones=2000, tol=1e-3)
    assert table["verdict"].iloc[0] == "REFUTED"
    assert table["objective"].is_monotonic_decreasing
    for name, W in networks.items():
        assert float(problem(*W)) == pytest.approx(table.loc[name, "objective"], rel=1e-12)
        assert float(problem(*W)) >= float(certified.certificate.lower_bound)


# --- tensors, figures -------------------------------------------------------------------------------------------------


def test_digits_are_certified_and_too_small_decompositions_refuted():
    table = tensor.enclosures(20, [4, 8], [0.3], r=4, runs=1, seed=0, tol=1e-2).set_index("side")
    assert table["verdict"].tolist() == ["CERTIFIED", "CERTIFIED"]
    small = tensor.enclosures(20, [4], [0.1], r=1, runs=1, seed=0, tol=1e-2)
    assert small["verdict"].tolist() == ["REFUTED"]
    assert (table["polar_lower"] <= table["polar"]).all()
    T = tensor.digits(20, 4)
    assert float(T.mean()) == pytest.approx(1)
    bounds = tensor.unfoldings(T)["value"]
    assert bounds["ascent"] <= bounds["proved bound"] <= bounds.iloc[:3].min() * (1 + 1e-12)
    with pytest.raises(ValueError, match="side = 3"):
        tensor.digits(5, 3)


def test_partial_transposition_is_exact_for_two_axes_of_choi_and_lam():
    bounds = np.array([tensor.transposed(tensor.choi_lam(), axis) for axis in range(3)]) / 2**0.5
    assert bounds[0] == pytest.approx(1.0379548, rel=1e-6)  # by CVXPY, tests/test_tensor_polar.py
    assert bounds[1:] == pytest.approx(1, rel=1e-8)


def test_a_wide_axis_is_the_worst_case_of_the_unfoldings():
    T = draw("T", 3, 4, 5)
    spectral = deep_spectral(T)
    assert tensor.unfoldings(T)["value"]["ascent"] == pytest.approx(spectral, rel=1e-6)


def deep_spectral(T: torch.Tensor) -> float:
    """max over a grid of u on the sphere of σ₁(T(u, ·, ·)), refined by power steps."""
    polar, azimuth = np.meshgrid(np.linspace(0, np.pi, 60), np.linspace(0, np.pi, 60))
    u = np.stack([np.sin(polar) * np.cos(azimuth), np.sin(polar) * np.sin(azimuth), np.cos(polar)], -1).reshape(-1, 3)
    best = u[np.linalg.norm(np.tensordot(u, T.numpy(), 1), 2, axis=(1, 2)).argmax()]
    for _ in range(200):
        U, _, Vh = np.linalg.svd(np.tensordot(best, T.numpy(), 1))
        best = np.einsum("ijk,j,k->i", T.numpy(), U[:, 0], Vh[0])
        best /= np.linalg.norm(best)
    return float(np.linalg.norm(np.tensordot(best, T.numpy(), 1), 2))


def test_figures_are_drawn(certified):
    x, Y, lam = ground.line(9, 0.4, seed=1)
    _, bends = ground.knots(x, Y, lam)
    closing = ground.enumerated_polar(3, 1, [50, 100], seed=0)
    cases = tensor.enclosures(6, [2], [0.3], r=1, runs=1, seed=0, tol=1e-2)
    problem = tensor.problem(tensor.digits(6, 8), 0.5)
    pictures = tensor.pictures(problem, tensor.fit(problem, 1, runs=1, seed=0, tolerance=1e-3), 3)
    curve = {"certified": deep.fitted(certified.problem, certified.weights, 31)}
    drawn = {
        "fig-branches": figures.branches(linear.branches([1, 5], layers=2, runs=1, seed=0)),
        "fig-rays": figures.rays(ground.rays_samples(x, Y), ground.rays_on_grid(ground.two_rays(x, Y, lam)[1]), bends),
        "fig-enumerated": figures.enumerated(closing),
        "fig-search": figures.search(deep.search_progress(certified, stretches=1, cones=500), 1.02),
        "fig-deep-fits": figures.fits(deep.samples(certified.problem), curve, [1.0]),
        "fig-tensors": figures.tensors(cases),
        "fig-tensor-digits": figures.pictures(pictures),
    }
    for name, figure in drawn.items():
        assert isinstance(figure, matplotlib.figure.Figure)
        assert "<svg" in show(figure, name).svg
