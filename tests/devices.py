"""Every public function on a pretended accelerator: no mixed devices, the CPU's numbers, the CPU's refusals."""

import dataclasses
from collections.abc import Callable
from enum import Enum
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

import global_optimality as go
from cases import randn
from device_problems import PROBLEMS
from global_optimality import symmetric
from global_optimality.descent import refit
from global_optimality.homogeneity import report
from global_optimality.losses import Loss
from global_optimality.mappings import Mapping
from global_optimality.regularizers import Regularizer
from pretend_device import DEVICE, pretended

EFFORT = go.Effort(nodes=10)


def weights(problem: go.Problem, n: int = 2, r: int = 3) -> tuple[Tensor, ...]:
    return problem.random(n, r, seed=5)


def derivatives(f: go.Problem) -> Any:
    W = weights(f)
    value, gradient = f.gradient(*W)
    return value, gradient, f.hessian_product(W, gradient), f(*W), f.alignment(*W), f.gradient_scale(value)


def parts(f: go.Problem) -> Any:
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


def polar(f: go.Problem) -> Any:
    Q = torch.stack([randn(f"Q{i}", *f.mapping.shape).to(f.loss.Y.device) for i in range(2)])
    return go.polar_of(f, EFFORT)(Q)


EVERYWHERE: dict[str, Callable[[go.Problem], Any]] = {
    "derivatives": derivatives,
    "parts": parts,
    "polar": polar,
}


SOMEWHERE: dict[str, Callable[[go.Problem], Any]] = {
    "homogeneity": lambda f: report(f.mapping, f.regularizer),
    "lambda max": lambda f: go.lambda_max(f, effort=EFFORT),
    "omega": lambda f: go.omega(f, f.mapping.Phi(*weights(f))[:1], effort=EFFORT),
    "certify": lambda f: go.certify(f, weights(f), go.polar_of(f, EFFORT)),
    "gradient descent": lambda f: go.minimise(f, weights(f), go.GradientDescent(), max_steps=3),
    "lbfgs": lambda f: go.minimise(f, weights(f), go.LBFGS(), max_steps=3),
    "newton": lambda f: go.minimise(f, weights(f), go.NewtonCG(), max_steps=2),
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


WHOLE: dict[str, Callable[[go.Problem], Any]] = {
    "meta-algorithm": lambda f: go.meta_algorithm(
        f, weights(f, 1), polar=go.polar_of(f, EFFORT), max_rounds=1, tol=0.1, samples=1
    ),
    "solve": lambda f: go.solve(f, effort=EFFORT, tol=1e-1, max_rounds=1).weights,
    "path": lambda f: [
        s.weights for s in go.solve_path(f, [0.5, 1.0], polar=go.polar_of(f, EFFORT), tol=1e-1, max_rounds=1)
    ],
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
        return [
            plain(getattr(x, f.name)) for f in dataclasses.fields(x) if not isinstance(getattr(x, f.name), go.Problem)
        ]
    return x if isinstance(x, float | int | np.ndarray | str | Enum) else type(x).__name__


def outcome(job: Callable[[go.Problem], Any], problem: go.Problem) -> Any:
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
        np.testing.assert_allclose(b, a, rtol=1e-9, atol=1e-10)
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
        for name in go.__all__
        if isinstance(part := getattr(go, name), type) and issubclass(part, Mapping | Loss | Regularizer)
    }
    assert public <= set().union(*map(parts_of, PROBLEMS.values()))


def test_eigenvalues_on_the_device_are_those_of_jacobis_method():
    A = randn("symmetric", 3, 5, 5)
    A = A + A.mT
    with pretended() as device:
        found = symmetric.eigh(A.to(device))
        alone = symmetric.eigvalsh(A.to(device))
    expected = symmetric.jacobi(A)
    assert all(torch.equal(x.cpu(), y) for x, y in zip((*found, alone), (*expected, expected[0]), strict=True))


def test_mixed_devices_are_caught():
    with pretended() as device:
        there, here = torch.ones(2, device=device), torch.ones(2)
        for mix in (lambda: there + here, lambda: torch.stack([there, here]), lambda: here[there.long()], there.numpy):
            with pytest.raises(RuntimeError):
                mix()
        assert (there + torch.tensor(1.0)).cpu().tolist() == [2, 2]
        assert there[torch.tensor([0])].device == device
