from itertools import pairwise

import pytest
import torch

import laws
import reference
from cases import (
    FIRST_ORDER,
    LOSSES,
    METHODS,
    PROBLEMS,
    REGULARIZERS,
    SEMIDEFINITE,
    SMOOTH,
    factors,
    matrix,
    params,
    problem,
    randn,
    starts,
)
from global_optimality import (
    LBFGS,
    GradientDescent,
    MatrixProduct,
    NewtonCG,
    NonNegative,
    Problem,
    ProductOfNorms,
    SquaredLoss,
    Status,
    SumOfSquares,
    certify,
    minimise,
)
from global_optimality.factors import append, take_runs, zeros_like_slice
from global_optimality.losses import Loss

every = pytest.mark.parametrize("method", params(METHODS))
first_order = pytest.mark.parametrize("method", params(FIRST_ORDER))
DONE = {Status.STATIONARY, Status.SECOND_ORDER}


def allowed(f: Problem):
    return {"gradient": GradientDescent()} if f.regularizer.constrained else METHODS


CASES = [(name, label) for name, f in PROBLEMS.items() for label in allowed(f)]


@every
@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("r", [3, 5])
def test_every_method_reaches_the_convex_optimum(method, loss, r):
    """Equation (8): from r ≥ rank on, local descent from random starts ends at the global optimum."""
    f = problem(loss)
    end = minimise(f, f.random(6, r), method, tol=1e-8, max_steps=3000)
    assert set(end.status) <= DONE
    optimum = (
        reference.shrunk(matrix().numpy(), f.lam)[1]
        if loss == "squared"
        else reference.optimum("masked, sum of squares")
    )
    accuracy = 1e-11 if loss == "squared" else 1e-7
    assert end.objective.tolist() == pytest.approx([optimum] * 6, rel=accuracy)
    laws.descent_is_recomputed(f, end)
    assert bool((end.gradient_norm <= 1.01e-8 * f.gradient_scale(end.objective)).all())


@pytest.mark.parametrize(("name", "label"), CASES)
def test_never_rises_and_reports_what_it_returns(name, label):
    """For every problem and method: the returned point is not above the start, and its numbers are its own."""
    f, method = PROBLEMS[name], METHODS[label]
    W = starts(f, n=4, r=3)
    values = [f(*W)]

    def observe(_, value):
        values.append(value)

    end = minimise(f, W, method, max_steps=40)
    laws.descent_is_recomputed(f, end)
    assert bool((end.objective <= values[0] * (1 + 1e-12)).all())
    for i in range(2):
        trail = [float(f(*take_runs(W, torch.tensor([i]))))]
        minimise(
            f, take_runs(W, torch.tensor([i])), method, max_steps=40, observe=lambda _, v, t=trail: t.append(float(v))
        )
        laws.never_rises(trail)
    assert int(end.steps.max()) <= 40


@every
def test_slices_of_the_batch_are_independent(method):
    """All at once and one by one end at the same objective with the same status."""
    f = problem()
    W = f.random(3, 3)
    whole = minimise(f, W, method, tol=1e-7, max_steps=5000)
    for i in range(3):
        one = minimise(f, take_runs(W, torch.tensor([i])), method, tol=1e-7, max_steps=5000)
        assert one.status == whole.status[i : i + 1]
        laws.same(one.objective, whole.objective[i : i + 1], 1e-11)


@every
def test_each_run_has_its_own_status(method):
    f = problem()
    start = f.random(5, 4)
    optimum = minimise(f, start, NewtonCG(), tol=1e-11).weights
    W = tuple(torch.cat([o[:1], s[1:4], s[4:]]) for o, s in zip(optimum, start, strict=True))
    W[0][1, 0, 0] = torch.nan
    W[1][2, 0, 0] = torch.inf
    W[0][3] = 0
    W[1][3] = 0
    end = minimise(f, W, method, max_steps=3)
    looks = method == NewtonCG()
    assert end.status[0] in DONE
    assert end.status[1:3] == (Status.NONFINITE, Status.NONFINITE)
    assert end.status[3] in ({Status.STEPS} if looks else {Status.STATIONARY})
    assert end.status[4] is Status.STEPS
    assert end.steps.tolist()[:3] == [0, 0, 0]
    assert end.steps.tolist()[4] == 3


class _Counting(Loss):
    """The squared loss that counts how many runs it is asked about."""

    def __init__(self, Y):
        super().__init__(Y)
        object.__setattr__(self, "runs", [])

    def __call__(self, X):
        self.runs.append(len(X))
        return SquaredLoss(self.Y)(X)

    def gradient(self, X):
        return SquaredLoss(self.Y).gradient(X)

    def conjugate(self, G):
        return SquaredLoss(self.Y).conjugate(G)

    def conjugate_magnitude(self, G):
        return SquaredLoss(self.Y).conjugate_magnitude(G)


@every
def test_finished_runs_stop_costing(method):
    """Nine runs that are at the optimum already add next to nothing to the cost of a tenth one."""
    slow = problem()
    optimum = minimise(slow, slow.random(1, 4), NewtonCG(), tol=1e-11).weights
    costs = {}
    for copies in (0, 9):
        counting = _Counting(matrix())
        f = Problem(counting, MatrixProduct(4, 3), SumOfSquares(), slow.lam)
        W = tuple(
            torch.cat([o.expand(copies, -1, -1), s]) for o, s in zip(optimum, slow.random(1, 4, seed=1), strict=True)
        )
        minimise(f, W, method, tol=1e-7, max_steps=3000)
        costs[copies] = sum(counting.runs)
    lanczos = 9 * 70 if isinstance(method, NewtonCG) else 0
    assert costs[9] <= costs[0] + 9 * 4 + lanczos
    assert costs[0] > 30


# --- saddles ----------------------------------------------------------------------------------------------------------


def saddle(rank: int) -> tuple:
    """A stationary network of eq. (6) that leaves out the leading singular vectors, and two zero subnetworks."""
    U, s, Vh = torch.linalg.svd(matrix(), full_matrices=False)
    root = (s - problem().lam).clamp(min=0).sqrt()[:, None]
    W = (root * U.T)[None, 3 - rank :], (root * Vh)[None, 3 - rank :]
    return append(append(W, zeros_like_slice((U.T[None], Vh[None]))), zeros_like_slice((U.T[None], Vh[None])))


@pytest.mark.parametrize("rank", [0, 1, 2])
def test_a_strict_saddle_is_left_along_negative_curvature_only(rank):
    f, W = problem(), saddle(rank)
    optimum = reference.shrunk(matrix().numpy(), f.lam)[1]
    assert float(f(*W)) > 1.01 * optimum
    for method in FIRST_ORDER.values():
        end = minimise(f, W, method, tol=1e-10)
        assert end.status == (Status.STATIONARY,)
        assert float(end.objective) == pytest.approx(float(f(*W)), rel=1e-12)
    end = minimise(f, W, NewtonCG(), tol=1e-10)
    assert end.status == (Status.SECOND_ORDER,)
    # two subnetworks were free: they find what was left out, unless more than two directions were
    missing = min(3 - rank, 2)
    kept = torch.linalg.svdvals(matrix())
    used = torch.zeros(3, dtype=torch.bool)
    used[3 - rank :] = rank > 0
    used[:missing] = True
    best = (
        0.5 * torch.where(used, kept.clamp(max=f.lam) ** 2, kept**2)
        + f.lam * used.double() * (kept - f.lam).clamp(min=0)
    ).sum()
    assert float(end.objective) == pytest.approx(float(best), rel=1e-10)


def test_second_order_ends_have_no_negative_curvature():
    f = problem("masked")
    end = minimise(f, f.random(4, 2), NewtonCG())
    size = sum(w[0].numel() for w in end.weights)
    for i in range(4):
        W = take_runs(end.weights, torch.tensor([i]))
        basis = torch.eye(size, dtype=torch.float64)
        parts = basis.split([w[0].numel() for w in W], 1)
        V = tuple(p.reshape(size, *w.shape[1:]) for p, w in zip(parts, W, strict=True))
        H = f.hessian_product(tuple(w.expand(size, -1, -1).contiguous() for w in W), V)
        values = torch.linalg.eigvalsh(torch.cat([h.flatten(1) for h in H], 1))
        assert float(values[0]) >= -1e-6 * f.lam


def test_local_minima_below_the_rank_are_those_of_the_truncated_svd():
    f = problem(lam=0.1)
    end = minimise(f, f.random(10, 2), NewtonCG())
    sigma = torch.linalg.svdvals(matrix())
    best = 0.5 * sigma[2] ** 2 + (0.5 * f.lam**2 + f.lam * (sigma[:2] - f.lam)).sum()
    laws.same(end.objective, best.expand(10), 1e-11)


# --- paths ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [GradientDescent, LBFGS, NewtonCG])
@pytest.mark.parametrize("theta", params(SEMIDEFINITE))
def test_with_interior_points_segments_do_not_rise(kind, theta):
    """``interior`` > 0: f is non-increasing along each straight step, looked at more finely than the method does."""
    f = problem(regularizer=theta)
    for seed in (0, 1):
        W = f.random(1, 3, seed=seed)
        trail = [float(f(*W))]
        before = [W]

        def observe(new, _, trail=trail, before=before):
            for j in range(1, 9):
                trail.append(float(f(*(a + j / 8 * (b - a) for a, b in zip(before[-1], new, strict=True)))))
            before.append(new)

        minimise(f, W, kind(interior=7), max_steps=60, observe=observe)
        assert len(trail) > 40
        laws.never_rises(trail)


def test_wild_steps_do_rise_in_between_without_interior_points():
    """The control: a plain step may cross a hill, which is why ``interior`` exists."""
    f = problem()
    rises = 0
    for seed in range(3):
        before = [f.random(1, 3, seed=seed)]

        def observe(new, _, before=before):
            nonlocal rises
            values = [float(f(*(a + j / 8 * (b - a) for a, b in zip(before[-1], new, strict=True)))) for j in range(9)]
            rises += max(b - a for a, b in pairwise(values)) > 1e-6
            before.append(new)

        minimise(f, before[0], NewtonCG(), max_steps=60, observe=observe)
        minimise(f, tuple(5 * w for w in before[0]), LBFGS(), max_steps=60, observe=observe)
    assert rises > 0


@pytest.mark.parametrize("theta", ["non-negative", "non-negative product"])
def test_gradient_descent_stays_in_the_cone(theta):
    f = problem(SquaredLoss(matrix().abs()), REGULARIZERS[theta], 0.2)
    seen_weights, values = [], []

    def observe(W, value):
        seen_weights.append(min(float(w.min()) for w in W))
        values.append(float(value[0]))

    end = minimise(f, factors(f.mapping, n=1), GradientDescent(), max_steps=2000, observe=observe)  # starts outside
    assert min(seen_weights) >= 0
    laws.never_rises(values)
    assert all(bool((w >= 0).all()) for w in end.weights)
    laws.descent_is_recomputed(f, end)
    if theta == "non-negative":
        assert end.status == (Status.STATIONARY,)
        _, gradient = f.gradient(*end.weights)
        for w, g in zip(end.weights, gradient, strict=True):  # Karush, Kuhn and Tucker
            assert float((w * g).abs().max()) <= 1e-7
            assert float(g[w == 0].min() if (w == 0).any() else 0) >= -1e-7


@pytest.mark.parametrize("method", [LBFGS(), NewtonCG()])
def test_methods_that_ignore_cones_are_refused(method):
    f = problem(regularizer=NonNegative())
    with pytest.raises(ValueError, match=r"ignores the cone.*use GradientDescent\(\)"):
        minimise(f, starts(f), method)


# --- ends -------------------------------------------------------------------------------------------------------------


@every
def test_kinks_and_rounding_end_in_a_named_status(method):
    """An unreachable tolerance: the run ends as stalled or at the step limit, near the optimum, and says so."""
    f = problem()
    end = minimise(f, f.random(4, 3), method, tol=1e-30, max_steps=3000)
    assert set(end.status) <= {Status.STALLED, Status.STEPS}
    if method != GradientDescent():
        assert Status.STALLED in end.status
        assert end.objective.tolist() == pytest.approx([reference.shrunk(matrix().numpy(), f.lam)[1]] * 4, rel=1e-11)
    laws.descent_is_recomputed(f, end)


def test_stalled_at_a_kink():
    """|u||v| in one norms: descent gets stuck where θ is not differentiable."""
    f = problem(regularizer=ProductOfNorms((1, 1)))
    end = minimise(f, starts(f, n=1), LBFGS(), max_steps=300)
    assert set(end.status) <= {Status.STALLED, Status.STEPS}
    assert float(end.gradient_norm.min()) > 1e-3


@every
def test_nothing_to_do(method):
    f = problem()
    end = minimise(f, f.random(2, 3), method, max_steps=0)
    assert end.status == (Status.STEPS, Status.STEPS)
    assert all(torch.equal(a, b) for a, b in zip(end.weights, f.random(2, 3), strict=True))
    optimum = minimise(f, f.random(1, 3), NewtonCG(), tol=1e-11).weights
    again = minimise(f, optimum, method, tol=1e-9)
    assert again.steps.tolist() == [0]
    assert set(again.status) <= DONE


@every
@pytest.mark.parametrize("name", SMOOTH)
def test_above_lambda_max_everything_vanishes(method, name):
    f = problem(regularizer=SMOOTH[name], lam=1.2 * float(torch.linalg.matrix_norm(matrix(), 2)))
    end = minimise(f, f.random(3, 3), method, tol=1e-9)
    assert set(end.status) <= DONE
    assert end.objective.tolist() == pytest.approx([0.5 * float(matrix().square().sum())] * 3, rel=1e-12)
    assert float(certify(f, end.weights).relative_gap.max()) <= 1e-9


@every
def test_units_do_not_matter(method):
    """Data and λ in other units: the same steps (the tolerance has no units)."""
    small = problem(SquaredLoss(1e-4 * matrix()), lam=1e-4 * 0.4)
    end = minimise(small, small.random(3, 3, deviation=0.01), method, tol=1e-7, max_steps=5000)
    assert set(end.status) <= DONE
    assert end.objective.tolist() == pytest.approx([1e-8 * reference.shrunk(matrix().numpy(), 0.4)[1]] * 3, rel=1e-10)


@every
def test_float32_descends_and_is_never_certified(method):
    f = problem(SquaredLoss(matrix().float()))
    end = minimise(f, f.random(4, 4), method, tol=1e-3, max_steps=2000)
    assert end.weights[0].dtype == end.objective.dtype == torch.float32
    assert end.objective.tolist() == pytest.approx([reference.shrunk(matrix().numpy(), 0.4)[1]] * 4, rel=1e-4)
    laws.same(end.objective, f(*end.weights), 1e-5)
    assert "CERTIFIED" not in {v.name for v in certify(f, end.weights).verdict(1e-2)}


def test_weights_are_not_changed_in_place():
    f = problem()
    for method in METHODS.values():
        W = f.random(2, 3)
        copy = tuple(w.clone() for w in W)
        minimise(f, W, method, max_steps=5)
        assert all(torch.equal(a, b) for a, b in zip(W, copy, strict=True))
        minimise(f, tuple(w.requires_grad_() for w in W), method, max_steps=2)


def test_deterministic():
    f = problem()
    a, b = (minimise(f, f.random(3, 3), NewtonCG()) for _ in range(2))
    assert torch.equal(a.objective, b.objective)
    assert torch.equal(a.weights[0], b.weights[0])


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        (lambda f: minimise(f, f.random(1, 2), tol=0.0), "tol = 0.0: it must be positive"),
        (lambda f: minimise(f, f.random(1, 2), tol=float("nan")), "must be positive"),
        (lambda f: minimise(f, f.random(1, 2), max_steps=-1), "max_steps = -1: it must be at least 0"),
        (lambda f: minimise(f, tuple(w[0] for w in f.random(1, 2))), r"w\[None\]"),
        (lambda f: minimise(f, tuple(w[:, :0] for w in f.random(1, 2))), "r must be at least 1"),
        (lambda f: minimise(f, tuple(w[:0] for w in f.random(1, 2))), "n = 0 runs"),
        (lambda _: LBFGS(memory=0), "at least 1"),
        (lambda _: LBFGS(interior=-1), "interior = -1"),
        (lambda _: GradientDescent(first_step=0.0), "positive"),
        (lambda _: GradientDescent(halvings=0), "at least 1"),
        (lambda _: NewtonCG(inner_steps=0), "at least 1"),
        (lambda _: NewtonCG(lanczos_steps=0), "at least 1"),
    ],
)
def test_bad_arguments(bad, words):
    with pytest.raises(ValueError, match=words):
        bad(problem())


def test_ill_conditioned_data():
    """Singular values over five decades, λ below all but the last two."""
    U, _, Vh = torch.linalg.svd(randn("ill", 8, 6), full_matrices=False)
    Y = U @ torch.diag(torch.logspace(0, -5, 6, dtype=torch.float64)) @ Vh
    f = problem(SquaredLoss(Y), lam=3e-4)
    end = minimise(f, f.random(2, 6, deviation=0.3), NewtonCG(), max_steps=150)
    optimum = reference.shrunk(Y.numpy(), f.lam)[1]
    assert end.objective.tolist() == pytest.approx([optimum] * 2, rel=1e-6)
