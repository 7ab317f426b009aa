"""Problems: f, its gradient and Hessian, Euler's identity, and bad input."""

from dataclasses import dataclass, replace

import pytest
import torch

import global_optimality as go
import laws
from cases import LOSSES, MAPPINGS, PROBLEMS, SMOOTH, factors, matrix, params, problem, randn, seen, starts
from global_optimality.boosting import boost
from global_optimality.regularizers import Regularizer

every = pytest.mark.parametrize("f", params(PROBLEMS))


@every
def test_value_is_loss_plus_regularizer(f):
    W = starts(f)
    laws.same(f(*W), f.loss(f.mapping.phi(*W).sum(1)) + f.lam * f.regularizer.theta(*W).sum(1))
    laws.batched_is_looped(f, W)
    laws.sum_over_slices(f, W)
    laws.splitting_is_neutral(f, W, f.mapping.degree)


@every
def test_gradient_of_every_run(f):
    W, V = starts(f), tuple(0.05 * v for v in factors(f.mapping, name="direction"))
    laws.taylor_gradient(f, lambda *w: f.gradient(*w)[1], W, V)
    laws.same(f.gradient(*W)[0], f(*W))
    single = [f.gradient(*(w[i : i + 1] for w in W))[1] for i in range(3)]
    for k, g in enumerate(f.gradient(*W)[1]):
        laws.same(g, torch.cat([s[k] for s in single]))
    assert not any(w.requires_grad for w in W)


@every
def test_hessian_product(f):
    W, V = starts(f), tuple(0.05 * v for v in factors(f.mapping, name="direction"))
    laws.taylor_hessian(f, W, V)


@every
def test_euler(f):
    """⟨∇f, w_i⟩ over one subnetwork is p (λθ − ⟨−∇ℓ, φ⟩): stationarity along scaling is alignment."""
    W = starts(f)
    G = f.loss.gradient(f.mapping.Phi(*W))
    misfit = f.lam * f.regularizer.theta(*W) - f.mapping.inner(-G, *W)
    along = torch.stack([(g * w).flatten(2).sum(2) for g, w in zip(f.gradient(*W)[1], W, strict=True)]).sum(0)
    laws.same(along, f.mapping.degree * misfit, 1e-12)
    laws.same(f.alignment(*W), misfit.abs().amax(1), 1e-12)


@pytest.mark.parametrize("name", SMOOTH)
def test_orthogonal_mixing_leaves_f_alone(name):
    f = PROBLEMS[f"squared, {name}"]
    mix = torch.linalg.qr(randn("mix", 4, 4)).Q
    W = starts(f)
    laws.same(f(*(torch.einsum("ij,njd->nid", mix, w) for w in W)), f(*W))


def test_gradient_scale_has_the_units_of_the_gradient():
    """Data scaled by c and λ by c: f scales by c², weights by √c, gradients by c^{3/2}; so does their scale."""
    a, c = problem(), 100.0
    b = problem(go.SquaredLoss(c * matrix()), lam=c * a.lam)
    W = starts(a)
    fa, ga = a.gradient(*W)
    fb, gb = b.gradient(*(c**0.5 * w for w in W))
    laws.same(fb, c**2 * fa)
    for x, y in zip(ga, gb, strict=True):
        laws.same(y, c**1.5 * x)
    laws.same(b.gradient_scale(fb), c**1.5 * a.gradient_scale(fa))


def test_card_and_random_starts():
    f = problem()
    assert f.card == 12
    W = f.random(2, 5, seed=3)
    assert [tuple(w.shape) for w in W] == [(2, 5, 4), (2, 5, 3)]
    assert all(torch.equal(a, b) for a, b in zip(W, f.random(2, 5, seed=3), strict=True))
    assert not torch.equal(W[0], f.random(2, 5, seed=4)[0])
    laws.same(f.random(2, 5, deviation=3.0)[0], 3 * f.random(2, 5)[0])
    assert bool(
        torch.isfinite(problem(regularizer=go.NonNegative())(*problem(regularizer=go.NonNegative()).random(4, 3))).all()
    )


def test_mismatch_is_allowed_on_request_and_then_never_certified():
    f = go.Problem(go.SquaredLoss(matrix()), go.MatrixProduct(4, 3), _Cubed(), 1.0, allow_mismatch=True)
    assert not f.balanced
    assert bool(torch.isfinite(f(*starts(f))).all())
    for polar in (None, go.polar_of(problem())):
        certificate = go.certify(f, starts(f), polar)
        laws.same(certificate.objective, f(*starts(f)))
        assert bool((certificate.lower_bound == -torch.inf).all() & (certificate.relative_gap == torch.inf).all())
        for tol in (1e-8, 1e8):
            assert set(certificate.verdict(tol)) == {go.Verdict.UNDECIDED}
        assert "φ and θ of one degree" in certificate.explain(1e-8)[0]
    for use in (
        lambda: go.polar_of(f),
        lambda: go.omega(f, matrix()[None]),
        lambda: go.meta_algorithm(f),
        lambda: go.meta_algorithm(f, polar=go.polar_of(problem())),
        lambda: boost(f, polar=go.polar_of(problem())),
        lambda: go.solve(f),
    ):
        with pytest.raises(ValueError, match="Take a regularizer of degree 2"):
            use()


class _Cubed(go.ProductOfNorms):
    """A degree-3 regularizer of two factors."""

    @property
    def degree(self):
        return 3

    def theta(self, *W):
        return super().theta(*W) ** 1.5


def test_a_pair_is_measured_once(monkeypatch):
    """Another λ, another loss, a moved problem on the same device: no pass through φ or θ."""
    passes = []
    mapping, theta = go.AlexNet(randn("images", 2, 1, 8, 8), (1, 1), (3, 2), (2, 2), 1, 2), go.SumOfPowers(4)
    plain_phi, plain_theta = go.AlexNet.phi, go.SumOfPowers.theta
    monkeypatch.setattr(go.AlexNet, "phi", lambda self, *W: passes.append("φ") or plain_phi(self, *W))
    monkeypatch.setattr(go.SumOfPowers, "theta", lambda self, *W: passes.append("θ") or plain_theta(self, *W))
    f = go.Problem(go.SquaredLoss(randn("labels", 2, 2)), mapping, theta, 1.0)
    assert {"φ", "θ"} == set(passes)
    passes.clear()
    for g in (
        replace(f, lam=0.5),
        replace(f, loss=go.SquaredLoss(randn("other labels", 2, 2))),
        f.to(torch.device("cpu")),
    ):
        assert g.mapping is mapping
    assert passes == []
    replace(f, regularizer=go.BalancedWeightDecay(4))
    assert "φ" in passes, "another pair is measured"
    passes.clear()
    go.Problem(go.SquaredLoss(f.loss.Y.float()), replace(mapping, images=mapping.images.float()), theta, 1.0)
    assert "φ" in passes, "so is the pair in another precision"


@dataclass
class Unhashed(Regularizer):
    """½ Σ‖w‖², claimed to be of any degree; instances of such a class have no hash."""

    degree: float = 2

    def theta(self, *W):
        return go.SumOfSquares().theta(*W)


def test_what_has_no_hash_is_measured_each_time():
    theta = Unhashed()
    go.Problem(go.SquaredLoss(matrix()), go.MatrixProduct(4, 3), theta, 1.0)
    theta.degree = 3
    with pytest.raises(ValueError, match="declares degree 3"):
        go.Problem(go.SquaredLoss(matrix()), go.MatrixProduct(4, 3), theta, 1.0, allow_mismatch=True)


def test_float32_problem():
    f = problem(go.SquaredLoss(matrix().float()))
    W = tuple(w.float() for w in starts(f))
    assert f(*W).dtype == torch.float32
    assert f.random(1, 2)[0].dtype == torch.float32
    laws.same(f(*W).double(), problem()(*(w.double() for w in W)), 1e-5)


def test_every_case_is_used():
    assert set(LOSSES) == {name.split(", ")[0] for name in PROBLEMS}
    assert MAPPINGS["matrix 4x3"].shape == LOSSES["squared"]().shape == tuple(seen().shape)
    assert isinstance(LOSSES["masked"](), go.MaskedSquaredLoss)


@pytest.mark.skipif(torch.cuda.is_available(), reason="here is a CUDA device")
def test_cuda_where_there_is_none():
    with pytest.raises(ValueError, match=r"no CUDA device here; use torch\.device\('cpu'\)"):
        problem().to(torch.device("cuda"))
