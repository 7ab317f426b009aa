"""The names, keywords and fields that callers may rely on."""

import builtins
import collections
import dataclasses
import enum
import inspect
import pathlib
import typing

import pytest
import torch

import global_optimality
from global_optimality import (
    Certificate,
    Descent,
    DescentPath,
    MaskedSquaredLoss,
    MatrixProduct,
    PolarBound,
    Problem,
    SquaredLoss,
    SumOfSquares,
    Verdict,
    certify,
    meta_algorithm,
    minimise,
    omega,
    polar_of,
)

PROMISED = {
    "Problem", "MatrixProduct", "SquaredLoss", "MaskedSquaredLoss", "SumOfSquares", "ProductOfNorms", "minimise",
    "certify", "polar_of", "meta_algorithm", "omega", "lambda_max", "Certificate", "Verdict", "Status", "Effort",
}  # fmt: skip


def test_names():
    assert set(global_optimality.__all__) >= PROMISED
    assert all(hasattr(global_optimality, name) for name in global_optimality.__all__)
    assert len(set(global_optimality.__all__)) == len(global_optimality.__all__)


def test_importing_everything_hides_no_name_of_the_standard_library():
    usual = {"np", "plt", "pd", "torch", "nn", "F"}
    for module in (builtins, collections, dataclasses, enum, pathlib, typing):
        usual |= set(getattr(module, "__all__", None) or [name for name in dir(module) if name[0] != "_"])
    assert not usual & set(global_optimality.__all__)


def accepts(function, positional, keywords=()):
    signature = inspect.signature(function)
    signature.bind(*positional, **dict.fromkeys(keywords))
    for name in keywords:
        assert signature.parameters[name].kind is inspect.Parameter.KEYWORD_ONLY, name


@pytest.mark.parametrize(
    ("function", "count", "keywords"),
    [
        (Problem, 4, ("allow_mismatch",)),
        (SquaredLoss, 1, ()),
        (MaskedSquaredLoss, 2, ()),
        (MatrixProduct, 2, ()),
        (polar_of, 1, ()),
        (minimise, 3, ("tol", "max_steps")),
        (certify, 2, ()),
        (certify, 3, ()),
        (meta_algorithm, 1, ("r", "seed")),
        (omega, 2, ()),
    ],
)
def test_signatures(function, count, keywords):
    accepts(function, [None] * count, keywords)


def test_fields_and_shapes():
    Y = torch.eye(3, 2, dtype=torch.float64)
    problem = Problem(SquaredLoss(Y), MatrixProduct(3, 2), SumOfSquares(), 0.1)
    W = problem.random(4, 2)
    descent, certificate, bound = minimise(problem, W, max_steps=3), certify(problem, W), polar_of(problem)(Y[None])
    assert isinstance(descent, Descent)
    assert isinstance(certificate, Certificate)
    assert isinstance(bound, PolarBound)
    for name in ("objective", "gradient_norm", "alignment", "steps"):
        assert getattr(descent, name).shape == (4,)
    for name in ("objective", "lower_bound", "gap", "relative_gap", "polar", "alignment", "gradient_norm"):
        assert getattr(certificate, name).shape == (4,)
    assert len(descent.status) == len(certificate.verdict(1e-3)) == len(certificate.explain(1e-3)) == 4
    assert [tuple(a.shape) for a in bound.atom] == [(1, 1, 3), (1, 1, 2)]
    path = meta_algorithm(problem, r=1)
    assert isinstance(path, DescentPath)
    assert [v.name for v in Verdict] == ["CERTIFIED", "REFUTED", "UNDECIDED"], "tested in this order"


def test_values_are_frozen():
    problem = Problem(SquaredLoss(torch.eye(2, dtype=torch.float64)), MatrixProduct(2, 2), SumOfSquares(), 0.1)
    certificate = certify(problem, problem.random(1, 1))
    for value, name in ((problem, "lam"), (certificate, "gap"), (problem.loss, "Y"), (problem.mapping, "rows")):
        with pytest.raises(AttributeError):
            setattr(value, name, 0)


def test_every_status_and_verdict_is_a_sentence():
    for value in (*global_optimality.Status, *Verdict):
        assert value.value[0].isupper()
        assert value.value.endswith(".")
