"""Ordinary data, problems and weights that odd inputs are made of, and rows that several functions share."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import torch

from cases import randn
from global_optimality import (
    DeepRelu,
    MatrixProduct,
    Problem,
    ReluUnit,
    SquaredLoss,
    SumOfSquares,
    certify,
    solve,
)
from odd_rows import Kind, Row

S = randn("odd data", 6, 2)
Y = S[:, :1].abs().contiguous()
M = randn("odd matrix", 5, 4)
UNIT = Problem(SquaredLoss(Y), ReluUnit(S), SumOfSquares(), 0.1)
MATRIX = Problem(SquaredLoss(M), MatrixProduct(5, 4), SumOfSquares(), 0.1)
SINGLE = Problem(SquaredLoss(M.float()), MatrixProduct(5, 4), SumOfSquares(), 0.1)
MISMATCHED = Problem(SquaredLoss(Y), DeepRelu(S, (2, 2, 1)), SumOfSquares(), 0.1, allow_mismatch=True)
W = UNIT.random(1, 3)
FAR = replace(solve(UNIT), weights=W, certificate=certify(UNIT, W))
NAN = float("nan")


def scaled(k: float) -> tuple[torch.Tensor, ...]:
    return tuple(k * w for w in W)


def problem_rows(call: Callable[[Any], Any]) -> list[Row]:
    return [
        Row(Kind.TYPE, "a loss as problem", lambda: call(UNIT.loss), "build one with Problem(", TypeError),
        Row(Kind.TYPE, "the class Problem", lambda: call(Problem), "Problem(...)", TypeError),
    ]


def weight_rows(call: Callable[[Any], Any]) -> list[Row]:
    return [
        Row(Kind.TYPE, "one tensor", lambda: call(W[0]), "a tuple of tensors", TypeError),
        Row(Kind.TYPE, "numpy weights", lambda: call(tuple(w.numpy() for w in W)), "torch.as_tensor(factor", TypeError),
        Row(Kind.TYPE, "float32 weights", lambda: call(tuple(w.float() for w in W)), ".double()", ValueError),
        Row(Kind.SHAPE, "no axis of runs", lambda: call(tuple(w[0] for w in W)), "a single run is w[None]", ValueError),
        Row(Kind.SHAPE, "factors swapped", lambda: call(W[::-1]), "expected (n, r, 2)", ValueError),
        Row(Kind.SHAPE, "one factor", lambda: call(W[:1]), "one tensor for each layer", ValueError),
        Row(Kind.SHAPE, "no subnetwork", lambda: call(tuple(w[:, :0] for w in W)), "r must be at least 1", ValueError),
    ]


def within_inference_mode(call: Callable[[Problem], Any]) -> Any:
    with torch.inference_mode():
        return call(Problem(SquaredLoss(Y.clone()), ReluUnit(S.clone()), SumOfSquares(), 0.1))


def inference(call: Callable[[Problem], Any], same: Callable[[Any], Any]) -> Row:
    return Row(
        Kind.SURROUNDINGS,
        "data and call inside torch.inference_mode()",
        lambda: within_inference_mode(call),
        "the same as outside",
        holds=lambda found: same(found) == same(call(UNIT)),
    )


def setting(name: str, value: Any, call: Callable[..., Any], cure: str, error: type[Exception]) -> Row:
    return Row(Kind.SETTING, f"{name} = {value!r}", lambda: call(**{name: value}), cure, error)


def stopped(found: Any) -> bool:
    return not bool(torch.isfinite(found.lower_bound).any()) and found.verdict(0.5)[0].name == "UNDECIDED"


def short(**options: Any) -> Any:
    return solve(MATRIX, **{"time_limit": 2, **options})
