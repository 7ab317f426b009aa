"""What float64 does not resolve is not certified: objectives beside the same in rational numbers."""

from fractions import Fraction

import pytest
import torch
from torch import Tensor, nn

import global_optimality as go
from cases import randn

N = 8
S = torch.cat([randn("rounding S", N, 1), torch.ones(N, 1, dtype=torch.float64)], 1)
Y = torch.sin(3 * S[:, :1])


def rational(problem: go.Problem, W: tuple[Tensor, Tensor], b: float = 0.0) -> Fraction:
    """f of one run of ReLU units under the squared loss with one output, at an output bias of no price."""
    (U, V), S = (w[0].tolist() for w in W), problem.mapping.data.tolist()
    value = Fraction(0)
    for row, (y,) in zip(S, problem.loss.Y.tolist(), strict=True):
        x = Fraction(b)
        for u, (v,) in zip(U, V, strict=True):
            x += max(sum((Fraction(p) * Fraction(s) for p, s in zip(u, row, strict=True)), Fraction(0)), 0) * Fraction(
                v
            )
        value += (x - Fraction(y)) ** 2 / 2
    return value + Fraction(problem.lam) / 2 * sum(Fraction(w) ** 2 for part in (*U, *V) for w in part)


@pytest.mark.parametrize("offset", [0.0, 1e4, 1e8, 1e11])
@pytest.mark.parametrize("where", ["inputs", "targets", "weights"])
def test_an_objective_is_off_by_its_rounding_at_most(where, offset):
    rows, targets = S.clone(), Y.clone()
    W = (randn("rounding U", 1, 4, 2), randn("rounding V", 1, 4, 1))
    if where == "inputs":
        rows[:, 0] += offset
    elif where == "targets":
        targets += offset
    else:  # two units that cancel
        W = tuple(torch.cat([w, (1 + offset) * sign * w[:, :1]], 1) for w, sign in zip(W, (1, -1), strict=True))
    problem = go.Problem(go.SquaredLoss(targets), go.ReluUnit(rows), go.SumOfSquares(), 1e-3)
    found = go.certify(problem, W)
    truth = rational(problem, W)
    assert abs(Fraction(float(found.objective[0])) - truth) <= Fraction(float(found.rounding[0]))
    if not offset:
        assert float(found.rounding[0]) <= 1e-13 * float(truth)


@pytest.mark.parametrize("offset", [1e8, 1e10, 1e12, 1e13])
def test_a_network_on_targets_far_from_zero_is_not_judged_by_noise(offset):
    """Optimal but for rounding: torch's own objective is off by more than the tolerance, to either side."""
    far, model = Y + offset, nn.Sequential(nn.Linear(1, 4), nn.ReLU(), nn.Linear(4, 1)).double()
    options = {"loss": nn.MSELoss(reduction="sum"), "weight_decay": 0.2, "decay_output_bias": False}
    best, _ = go.certify_network(model, S[:, :1], far, **options).improved()
    found = go.certify_network(best, S[:, :1], far, **options)
    U = torch.cat([best[0].weight, best[0].bias[:, None]], 1).detach()
    W = U[None], best[2].weight.detach().mT[None]
    problem = go.Problem(go.SquaredLoss(far), go.ReluUnit(S), go.SumOfSquares(), 0.1)
    truth = 2 * rational(problem, W, best[2].bias.item())
    assert abs(Fraction(found.objective) - truth) <= Fraction(found.rounding)
    assert Fraction(found.best_possible) <= truth
    assert found.verdict is (go.Verdict.CERTIFIED if offset < 1e9 else go.Verdict.UNDECIDED)
    assert ("offsets" in found.advice) == (offset > 1e9)


@pytest.mark.parametrize("name", ["logistic", "cross-entropy"])
def test_losses_of_labels_know_their_rounding(name):
    """Outputs far away beside the same loss of twice the bits."""
    X = torch.cat([randn("rounding X", 1, N, 3) * s for s in (1e-9, 1.0, 30.0, 1e5)])
    labels = torch.arange(N) % 3
    loss = go.CrossEntropyLoss(labels) if name == "cross-entropy" else go.LogisticLoss(randn("signs", N, 3).sign())
    value = loss(X)
    import mpmath

    for x, f, room in zip(X.tolist(), value.tolist(), loss.rounding(X, torch.zeros_like(X)).tolist(), strict=True):
        with mpmath.workdps(60):
            if name == "cross-entropy":
                each = [mpmath.log(sum(map(mpmath.exp, r))) - r[k] for r, k in zip(x, labels.tolist(), strict=True)]
            else:
                signs = loss.Y.tolist()
                each = [
                    mpmath.log1p(mpmath.exp(-y * v))
                    for r, s in zip(x, signs, strict=True)
                    for v, y in zip(r, s, strict=True)
                ]
            assert abs(sum(each) - f) <= room <= 1e-10 * (1 + abs(f))


BUILDS = {
    "matrix": lambda S, images: go.MatrixProduct(4, 3),
    "tensor": lambda S, images: go.RankOneTensor((2, 3, 2)),
    "linear": lambda S, images: go.DeepLinear(2, (2, 2), S),
    "relu": lambda S, images: go.ReluUnit(S, 2),
    "free bias": lambda S, images: go.BiasedReluUnit(S, 2),
    "free bias elsewhere": lambda S, images: go.BiasedReluUnit(S, 2).on(S.flip(0)[:5] + 0.25),
    "deep relu": lambda S, images: go.DeepRelu(S, (3, 2, 2)),
    "leaky": lambda S, images: go.DeepRelu(S, (3, 2), 0.25),
    "deep biased": lambda S, images: go.DeepBiasedRelu(S, (2, 3, 1)),
    "normalized": lambda S, images: go.NormalizedRelu(S, (3, 2)),
    "normalized, deep": lambda S, images: go.NormalizedRelu(S, (3, 3, 2)),
    "normalized elsewhere": lambda S, images: go.NormalizedRelu(S, (3, 2), reference=S[:5]),
    "pooled": lambda S, images: go.ConvPool(images, 2, 3, 2, 2),
    "averaged": lambda S, images: go.ConvPool(images, 2, 3, 2, 2, go.Pooling.AVERAGE),
    "normalized pooled": lambda S, images: go.NormalizedConvPool(images, 2, 3, 2, 2),
    "normalized pooled elsewhere": lambda S, images: go.NormalizedConvPool(images, 2, 3, 2, 2, reference=images[:2]),
    "AlexNet": lambda S, images: go.AlexNet(images, (3, 2), (3, 2), (2, 1), 3, 1),
}
"""Every mapping, of inputs and images."""


@pytest.mark.parametrize("offset", [0.0, 30.0, 3e3])
@pytest.mark.parametrize("name", BUILDS)
def test_the_moduli_of_a_mapping_bound_its_rounding(name, offset):
    """Outputs in single precision beside those in double, also of data far from zero and of units that cancel."""
    inputs, images = (randn("moduli S", 9, 2) + offset).float(), (randn("moduli images", 3, 1, 6, 6) + offset).float()
    single, double = BUILDS[name](inputs, images), BUILDS[name](inputs.double(), images.double())
    for one, two in (single, double), (getattr(single, "trained", None), getattr(double, "trained", None)):
        if isinstance(one, go.BiasedReluUnit):  # where its biases are counted from is part of φ, and any number
            for key, value in ("centre", one.centre.double()), ("reach", one.reach.double()):
                object.__setattr__(two, key, value)
            object.__setattr__(two, "centred", two.S - two.centre)
    W = tuple(randn(f"moduli {k}", 60, 4, *shape).float() for k, shape in enumerate(single.factor_shapes))
    W = tuple(torch.cat([w, w[:, :2] * (1 if k else -1)], 1) for k, w in enumerate(W))
    size = sum(w[0, 0].numel() for w in W)
    share = (size + W[0].shape[1] + 4) * torch.finfo(torch.float32).eps / 2  # as Problem.rounding takes it
    truth = double.Phi(*(w.double() for w in W))
    for found in (single.Phi(*W), single.phi(*W).sum(1)):
        room = share * single.magnitude(*W).double()
        assert bool(((found.double() - truth).abs() <= room).all())
    if not offset:
        assert float(room.isinf().double().mean()) < 0.02  # a bound that says nothing is rare
