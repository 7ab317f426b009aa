"""Every public function on a pretended accelerator: no mixed devices, the CPU's numbers, the CPU's refusals."""

import dataclasses
from collections.abc import Callable
from enum import Enum
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

import global_optimality as library
from cases import randn
from global_optimality import (
    LBFGS,
    AlexNet,
    BalancedWeightDecay,
    BiasedReluUnit,
    ConvPool,
    CrossEntropyLoss,
    DeepBiasedRelu,
    DeepLinear,
    DeepRelu,
    DropoutPenalty,
    Effort,
    GradientDescent,
    L1Decay,
    LogisticLoss,
    MaskedSquaredLoss,
    MatrixProduct,
    MaxNorm,
    NewtonCG,
    NonNegative,
    Norm,
    NormalizedConvPool,
    NormalizedRelu,
    OnLayers,
    PathNorm,
    Pooling,
    PowerDecay,
    Problem,
    ProductOfNorms,
    RankOneTensor,
    ReluUnit,
    SquaredLoss,
    SumOfPowers,
    SumOfSquares,
    WeightDecay,
    WeightedPowers,
    WeightedSum,
    certify,
    lambda_max,
    meta_algorithm,
    minimise,
    omega,
    polar_of,
    solve,
    solve_path,
)
from global_optimality.descent import refit
from global_optimality.homogeneity import report
from global_optimality.losses import Loss
from global_optimality.mappings import Mapping
from global_optimality.regularizers import Regularizer
from pretend_device import DEVICE, pretended

EFFORT = Effort(nodes=30)
N, D = 5, 2
"""Samples and inputs."""


def inputs(d: int = D) -> Tensor:
    return randn("S", N, d)


def images() -> Tensor:
    return randn("images", N, 1, 6, 6)


def targets(c: int = 1) -> Tensor:
    return randn("Y", N, c)


def labels(classes: int = 3) -> Tensor:
    return torch.arange(N) % classes


def of(loss: Loss, mapping: Mapping, regularizer: Regularizer) -> Problem:
    return Problem(loss, mapping, regularizer, 0.3, allow_mismatch=True)


RELU = ReluUnit(inputs())
BIASED = DeepBiasedRelu(inputs(), (1, 1, 1))
LAYERWISE = WeightedSum((OnLayers(WeightDecay(), (0,)), OnLayers(WeightDecay(), (1,))))
MATRIX = SquaredLoss(randn("matrix", 3, 2))
PROBLEMS: dict[str, Problem] = {
    "squared, matrix": of(MATRIX, MatrixProduct(3, 2), SumOfSquares()),
    "masked, matrix": of(
        MaskedSquaredLoss(randn("matrix", 3, 2), torch.arange(6).reshape(3, 2) != 4),
        MatrixProduct(3, 2),
        SumOfSquares(),
    ),
    **{
        f"matrix, product {a.name} {b.name}".lower(): of(MATRIX, MatrixProduct(3, 2), ProductOfNorms((a, b)))
        for a, b in ((Norm.TWO, Norm.ONE), (Norm.INFINITY, Norm.TWO), (Norm.INFINITY, Norm.INFINITY))
    },
    "matrix, non-negative": of(MATRIX, MatrixProduct(3, 2), NonNegative()),
    "matrix, dropout": of(MATRIX, MatrixProduct(3, 2), DropoutPenalty(MatrixProduct(3, 2))),
    "squared, relu": of(SquaredLoss(targets()), RELU, SumOfSquares()),
    "weighted and biased, relu": of(
        SquaredLoss(targets(), weights=torch.arange(1.0, N + 1, dtype=torch.float64), output_bias=0.5),
        RELU,
        SumOfSquares(),
    ),
    "free bias, relu": of(SquaredLoss(targets(), output_bias=0.0), RELU, SumOfSquares()),
    "logistic, relu": of(LogisticLoss(targets().sign()), RELU, SumOfSquares()),
    "cross-entropy, relu": of(CrossEntropyLoss(labels()), ReluUnit(inputs(), 3), SumOfSquares()),
    "cross-entropy with a bias, relu": of(
        CrossEntropyLoss(labels(), output_bias=0.0), ReluUnit(inputs(), 3), SumOfSquares()
    ),
    "relu of four inputs": of(SquaredLoss(targets()), ReluUnit(inputs(4)), SumOfSquares()),
    "relu, max norm": of(SquaredLoss(targets()), RELU, MaxNorm(SumOfSquares(), 3.0)),
    "relu, dropout": of(SquaredLoss(targets()), RELU, DropoutPenalty(RELU)),
    "relu, weight decay": of(SquaredLoss(targets()), RELU, WeightDecay()),
    "relu, l1": of(SquaredLoss(targets()), RELU, L1Decay()),
    "relu, cubes": of(SquaredLoss(targets()), RELU, PowerDecay(3)),
    "relu, layer by layer": of(SquaredLoss(targets()), RELU, LAYERWISE),
    "relu, weighted sum": of(SquaredLoss(targets()), RELU, WeightedSum((SumOfSquares(), ProductOfNorms()))),
    "deep relu": of(SquaredLoss(targets()), DeepRelu(inputs(), (2, 1)), SumOfSquares()),
    "deeper relu, decay": of(SquaredLoss(targets()), DeepRelu(inputs(), (2, 2, 1)), BalancedWeightDecay(3)),
    "deeper relu, powers": of(SquaredLoss(targets()), DeepRelu(inputs(), (1, 1, 1)), SumOfPowers(3)),
    "deeper relu, paths": of(SquaredLoss(targets()), DeepRelu(inputs(), (2, 2, 1)), PathNorm(3)),
    "leaky relu, paths": of(SquaredLoss(targets()), DeepRelu(inputs(), (2, 1), 0.1), PathNorm(2, 1.0)),
    "deep linear": of(SquaredLoss(randn("deep", 3, 2)), DeepLinear(3, (2, 2, 2)), BalancedWeightDecay(3)),
    "deep linear on data": of(SquaredLoss(targets()), DeepLinear(D, (2, 1), inputs()), SumOfSquares()),
    "three layers with biases": of(SquaredLoss(targets()), BIASED, WeightedPowers(BIASED.exponents, BIASED.degree)),
    "biased relu": of(SquaredLoss(targets()), BiasedReluUnit(inputs()), OnLayers(SumOfSquares(), (0, 2))),
    "tensor": of(SquaredLoss(randn("tensor", 2, 2, 2)), RankOneTensor((2, 2, 2)), SumOfPowers(3)),
    "convolution, max": of(SquaredLoss(targets()), ConvPool(images(), 1, 3, 2, 1), SumOfSquares()),
    "convolution, average": of(SquaredLoss(targets()), ConvPool(images(), 1, 3, 2, 1, Pooling.AVERAGE), SumOfSquares()),
    "normalised relu": of(SquaredLoss(targets()), NormalizedRelu(inputs(), (2, 1)), SumOfSquares()),
    "normalised convolution": of(SquaredLoss(targets()), NormalizedConvPool(images(), 1, 3, 2, 1), SumOfSquares()),
    "alexnet": of(
        SquaredLoss(targets()),
        AlexNet(randn("larger", N, 1, 12, 12), (1, 1), (3, 2), (2, 2), 2, 1),
        WeightDecay(),
    ),
}


def weights(problem: Problem, n: int = 2, r: int = 3) -> tuple[Tensor, ...]:
    return problem.random(n, r, seed=5)


def derivatives(f: Problem) -> Any:
    W = weights(f)
    value, gradient = f.gradient(*W)
    return value, gradient, f.hessian_product(W, gradient), f(*W), f.alignment(*W), f.gradient_scale(value)


def parts(f: Problem) -> Any:
    W = weights(f)
    X = f.mapping.Phi(*W)
    G = f.loss.gradient(X)
    return (
        X,
        f.loss(X),
        G,
        f.loss.conjugate(0.1 * G),
        f.mapping.phi(*W),
        f.mapping.inner(G, *W),
        f.regularizer.theta(*W),
    )


def polar(f: Problem) -> Any:
    Q = torch.stack([randn(f"Q{i}", *f.mapping.shape).to(f.loss.Y.device) for i in range(2)])
    return polar_of(f, EFFORT)(Q)


EVERYWHERE: dict[str, Callable[[Problem], Any]] = {
    "derivatives": derivatives,
    "parts": parts,
    "polar": polar,
    "homogeneity": lambda f: report(f.mapping, f.regularizer),
}
SOMEWHERE: dict[str, Callable[[Problem], Any]] = {
    "lambda max": lambda f: lambda_max(f, effort=EFFORT),
    "omega": lambda f: omega(f, f.mapping.Phi(*weights(f))[:1], effort=EFFORT),
    "certify": lambda f: certify(f, weights(f), polar_of(f, EFFORT)),
    "gradient descent": lambda f: minimise(f, weights(f), GradientDescent(), max_steps=5),
    "lbfgs": lambda f: minimise(f, weights(f), LBFGS(), max_steps=5),
    "newton": lambda f: minimise(f, weights(f), NewtonCG(), max_steps=3),
    "refit": lambda f: refit(f, weights(f, 1)),
}
"""Each of these runs on SEVERAL problems: what they add to the parts is not peculiar to a mapping or a regularizer."""

SEVERAL = (
    "masked, matrix",
    "matrix, non-negative",
    "squared, relu",
    "logistic, relu",
    "cross-entropy, relu",
    "deep linear",
    "tensor",
)


WHOLE: dict[str, Callable[[Problem], Any]] = {
    "meta-algorithm": lambda f: meta_algorithm(f, weights(f, 1), polar=polar_of(f, EFFORT), max_rounds=1, tol=1e-2),
    "solve": lambda f: solve(f, effort=EFFORT, tol=1e-1, max_rounds=1).weights,
    "path": lambda f: [s.weights for s in solve_path(f, [0.5, 1.0], polar=polar_of(f, EFFORT), tol=1e-1, max_rounds=1)],
}
"""The algorithms, made of all that is above: on FEW problems."""

FEW = ("masked, matrix",)


SEARCHED = ("relu of four inputs", "three layers with biases", "deeper relu, decay", "tensor")
"""Polars by branch and bound: an operation costs too much here for a search."""


def plain(x: Any) -> Any:
    """Results as numbers and words that can be compared, with every tensor's device checked by its type."""
    if isinstance(x, Tensor):
        return x.cpu().detach().numpy()
    if isinstance(x, dict):
        return {str(k): plain(v) for k, v in x.items()}
    if isinstance(x, tuple | list):
        return [plain(v) for v in x]
    if dataclasses.is_dataclass(x) and not isinstance(x, type | Enum):
        return [plain(getattr(x, f.name)) for f in dataclasses.fields(x) if not isinstance(getattr(x, f.name), Problem)]
    return x if isinstance(x, float | int | np.ndarray | str | Enum) else type(x).__name__


def outcome(job: Callable[[Problem], Any], problem: Problem) -> Any:
    """What a job gives, or how it refuses."""
    try:
        return plain(job(problem))
    except (ValueError, LookupError, TypeError) as error:
        return type(error).__name__, str(error).replace(str(DEVICE), "cpu")


def same(a: Any, b: Any) -> None:
    if isinstance(a, dict):
        assert a.keys() == b.keys()
        a, b = list(a.values()), list(b.values())
    if isinstance(a, list | tuple):
        assert len(a) == len(b)
        for x, y in zip(a, b, strict=True):
            same(x, y)
    elif isinstance(a, float | np.ndarray):
        np.testing.assert_allclose(b, a, rtol=1e-9, atol=1e-12)
    else:
        assert a == b


PAIRS = [
    pytest.param(found, PROBLEMS[problem], id=f"{job}: {problem}")
    for jobs, problems in ((EVERYWHERE, PROBLEMS), (SOMEWHERE, SEVERAL), (WHOLE, FEW))
    for job, found in jobs.items()
    for problem in problems
    if not (problem in SEARCHED and found in (polar, SOMEWHERE["certify"], SOMEWHERE["lambda max"]))
]


@pytest.mark.parametrize(("job", "problem"), PAIRS)
def test_the_numbers_and_the_refusals_are_those_of_the_cpu(job, problem):
    expected = outcome(job, problem)
    with pretended() as device:
        found = outcome(job, problem.to(device))
    same(expected, found)


def parts_of(x: Any) -> set[str]:
    """The names of the classes that a problem is built of."""
    if isinstance(x, tuple):
        return set().union(*map(parts_of, x))
    if not dataclasses.is_dataclass(x):
        return set()
    return {type(x).__name__}.union(*(parts_of(getattr(x, f.name)) for f in dataclasses.fields(x)))


def test_every_public_mapping_loss_and_regularizer_is_held_to_it():
    public = {
        name
        for name in library.__all__
        if isinstance(part := getattr(library, name), type) and issubclass(part, Mapping | Loss | Regularizer)
    }
    assert public <= set().union(*map(parts_of, PROBLEMS.values()))


def test_mixed_devices_are_caught():
    with pretended() as device:
        there, here = torch.ones(2, device=device), torch.ones(2)
        for mix in (lambda: there + here, lambda: torch.stack([there, here]), lambda: here[there.long()], there.numpy):
            with pytest.raises(RuntimeError):
                mix()
        assert (there + torch.tensor(1.0)).cpu().tolist() == [2, 2]
        assert there[torch.tensor([0])].device == device
