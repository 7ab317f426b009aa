"""Odd problems, weights, dual points, files and settings, as users bring them to the functions of the package."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import torch

from cases import randn
from global_optimality import (
    LBFGS,
    DeepRelu,
    MatrixProduct,
    Norm,
    OnLayers,
    Problem,
    ProductOfNorms,
    ReluUnit,
    SquaredLoss,
    SumOfPowers,
    SumOfSquares,
    certify,
    lambda_max,
    max_relu_sum,
    meta_algorithm,
    minimise,
    omega,
    optimal_face,
    polar_of,
    prediction_bounds,
    solve,
    solve_path,
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


FUNCTIONS: dict[str, list[Row]] = {
    "Problem": [
        Row(
            Kind.TYPE,
            "a loss class",
            lambda: Problem(SquaredLoss, ReluUnit(S), SumOfSquares(), 0.1),
            "(...)",
            TypeError,
        ),
        Row(Kind.TYPE, "targets", lambda: Problem(Y, ReluUnit(S), SumOfSquares(), 0.1), "SquaredLoss(Y)", TypeError),
        Row(Kind.TYPE, "inputs", lambda: Problem(SquaredLoss(Y), S, SumOfSquares(), 0.1), "ReluUnit(S)", TypeError),
        Row(Kind.TYPE, "a decay", lambda: Problem(SquaredLoss(Y), ReluUnit(S), 0.1, 0.1), "SumOfSquares()", TypeError),
        Row(
            Kind.SHAPE,
            "two outputs for one",
            lambda: Problem(SquaredLoss(Y), ReluUnit(S, 2), SumOfSquares(), 0.1),
            "build both from the same data",
            ValueError,
        ),
        Row(
            Kind.TYPE,
            "float32 beside float64",
            lambda: Problem(SquaredLoss(Y.float()), ReluUnit(S), SumOfSquares(), 0.1),
            ".double()",
            ValueError,
        ),
        Row(
            Kind.SETTING,
            "unequal degrees",
            lambda: Problem(SquaredLoss(Y), ReluUnit(S), SumOfPowers(3), 0.1),
            "allow_mismatch=True",
            ValueError,
        ),
        Row(
            Kind.SETTING,
            "a factor without a price",
            lambda: Problem(SquaredLoss(Y), ReluUnit(S), OnLayers(SumOfSquares(), (0,)), 0.1),
            "degenerate pair",
            ValueError,
        ),
        Row(Kind.SETTING, "half a run", lambda: UNIT.random(1.5, 2), "whole number", TypeError),
        Row(Kind.SETTING, "no run", lambda: UNIT.random(0, 2), "at least 1", ValueError),
        Row(Kind.SETTING, "deviation NaN", lambda: UNIT.random(1, 2, deviation=NAN), "at least 0", ValueError),
        *(
            Row(
                Kind.SETTING,
                f"λ = {lam}",
                lambda lam=lam: Problem(SquaredLoss(Y), ReluUnit(S), SumOfSquares(), lam),
                "lambda_max(problem)",
                ValueError,
            )
            for lam in (0.0, -1.0, NAN, float("inf"))
        ),
    ],
    "certify": [
        *problem_rows(lambda problem: certify(problem, W)),
        *weight_rows(lambda weights: certify(UNIT, weights)),
        Row(Kind.NUMBERS, "NaN", lambda: certify(UNIT, scaled(NAN)), "no bound, undecided", holds=stopped),
        Row(Kind.NUMBERS, "times 1e200", lambda: certify(UNIT, scaled(1e200)), "no bound, undecided", holds=stopped),
        Row(Kind.TYPE, "a polar of numbers", lambda: certify(UNIT, W, lambda Q: 3.0), "return PolarBound(", TypeError),
        Row(Kind.SETTING, "tol in words", lambda: certify(UNIT, W).verdict("1e-6"), "pass a number", TypeError),
        Row(Kind.TYPE, "a number as polar", lambda: certify(UNIT, W, 2.0), "a function Q -> PolarBound", TypeError),
        Row(Kind.TYPE, "seconds as effort", lambda: certify(UNIT, W, effort=2.5), "Effort(seconds=2.5)", TypeError),
        inference(lambda problem: certify(problem, W), lambda found: float(found.lower_bound)),
        Row(
            Kind.TYPE,
            "float32",
            lambda: certify(SINGLE, SINGLE.random(1, 2)).verdict(0.999)[0].name,
            "never certified",
            holds=lambda verdict: verdict != "CERTIFIED",
        ),
    ],
    "minimise": [
        *problem_rows(lambda problem: minimise(problem, W)),
        *weight_rows(lambda weights: minimise(UNIT, weights)),
        Row(
            Kind.NUMBERS,
            "NaN",
            lambda: minimise(UNIT, scaled(NAN)),
            "NONFINITE",
            holds=lambda d: "NONF" in str(d.status),
        ),
        setting("tol", 0.0, lambda **o: minimise(UNIT, W, **o), "must be positive", ValueError),
        setting("max_steps", 2.5, lambda **o: minimise(UNIT, W, **o), "whole number", TypeError),
        setting("method", LBFGS, lambda **o: minimise(UNIT, W, **o), "LBFGS(...)", TypeError),
        setting("method", "adam", lambda **o: minimise(UNIT, W, **o), "pass LBFGS()", TypeError),
        inference(lambda problem: minimise(problem, W, max_steps=5), lambda found: float(found.objective)),
    ],
    "solve": [
        *problem_rows(solve),
        *weight_rows(lambda weights: solve(UNIT, start=weights)),
        Row(Kind.NUMBERS, "a start of NaN", lambda: solve(UNIT, start=scaled(NAN)), "pass finite weights", ValueError),
        Row(Kind.SHAPE, "two runs", lambda: solve(UNIT, start=UNIT.random(2, 3)), "w[:1]", ValueError),
        Row(Kind.TYPE, "float32", lambda: solve(SINGLE), ".double()", ValueError),
        Row(Kind.SETTING, "unequal degrees", lambda: solve(MISMATCHED), "a regularizer of degree 3", ValueError),
        setting("tol", NAN, short, "must be positive", ValueError),
        setting("memory_limit", "2GB", short, "pass a number", TypeError),
        setting("memory_limit", 0, short, "must be positive", ValueError),
        Row(Kind.TYPE, "other inputs, float32", lambda: solve(UNIT).predict(S.float()), ".double()", ValueError),
        Row(Kind.SHAPE, "other inputs, narrower", lambda: solve(UNIT).predict(S[:, :1]), "as in training", ValueError),
        setting("time_limit", -1, short, "at least 0", ValueError),
        setting("max_rounds", 2.5, short, "whole number", TypeError),
        setting("device", "gpu", short, "torch.device('cpu')", ValueError),
        Row(
            Kind.SETTING,
            "no time",
            lambda: short(time_limit=0),
            "an answer with a bound",
            holds=lambda s: s.relative_gap < 9,
        ),
        inference(lambda problem: solve(problem), lambda found: found.objective),
    ],
    "solve_path": [
        *problem_rows(lambda problem: solve_path(problem, [0.1])),
        Row(Kind.SETTING, "one λ", lambda: solve_path(MATRIX, 0.1), "pass several λ", TypeError),
        Row(Kind.SETTING, "λ = 0", lambda: solve_path(MATRIX, [0.0]), "must be positive", ValueError),
        Row(Kind.NUMBERS, "λ = NaN", lambda: solve_path(MATRIX, [NAN]), "must be positive", ValueError),
    ],
    "optimal_face": [
        Row(Kind.TYPE, "a problem", lambda: optimal_face(UNIT), "pass what solve(problem) returns", TypeError),
        Row(Kind.SETTING, "a matrix", lambda: optimal_face(solve(MATRIX)), "one hidden layer", TypeError),
        Row(Kind.SETTING, "a wide gap", lambda: optimal_face(FAR), "smaller tol", ValueError),
    ],
    "prediction_bounds": [
        Row(Kind.TYPE, "a problem", lambda: prediction_bounds(UNIT, S), "pass what solve(problem) returns", TypeError),
        Row(
            Kind.SHAPE,
            "a column short",
            lambda: prediction_bounds(solve(UNIT), S[:, :1]),
            "expected (M, 2)",
            ValueError,
        ),
        Row(Kind.NUMBERS, "NaN", lambda: prediction_bounds(solve(UNIT), NAN * S), "NaN or infinite", ValueError),
        Row(
            Kind.SETTING,
            "within < 0",
            lambda: prediction_bounds(solve(UNIT), S, within=-1.0),
            "at least 0",
            ValueError,
        ),
    ],
    "meta_algorithm": [
        *problem_rows(meta_algorithm),
        *weight_rows(lambda weights: meta_algorithm(UNIT, weights)),
        Row(Kind.NUMBERS, "NaN", lambda: meta_algorithm(UNIT, scaled(NAN)), "finite objectives only", ValueError),
        Row(Kind.SHAPE, "two runs", lambda: meta_algorithm(UNIT, UNIT.random(2, 3)), "w[:1]", ValueError),
        Row(Kind.SETTING, "unequal degrees", lambda: meta_algorithm(MISMATCHED), "degree 3", ValueError),
        setting("r", 0, lambda **o: meta_algorithm(UNIT, **o), "at least 1", ValueError),
        setting("samples", 2.5, lambda **o: meta_algorithm(UNIT, **o), "whole number", TypeError),
        setting("method", "newton", lambda **o: meta_algorithm(UNIT, **o), "NewtonCG()", TypeError),
    ],
    "lambda_max": [
        *problem_rows(lambda_max),
        Row(Kind.SETTING, "unequal degrees", lambda: lambda_max(MISMATCHED), "a regularizer of degree 3", ValueError),
        inference(lambda_max, float),
    ],
    "polar_of": [
        Row(Kind.TYPE, "Q as a list", lambda: polar_of(UNIT)([[1.0]]), "torch.as_tensor(Q", TypeError),
        Row(Kind.TYPE, "Q from numpy", lambda: polar_of(UNIT)(Y[None].numpy()), "torch.as_tensor(Q", TypeError),
        *problem_rows(polar_of),
        Row(Kind.SHAPE, "Q without runs", lambda: polar_of(UNIT)(Y), "expected (n, 6, 1)", ValueError),
        Row(Kind.NUMBERS, "Q of NaN", lambda: polar_of(UNIT)(NAN * Y[None]), "the data are not finite", ValueError),
        Row(Kind.NUMBERS, "Q = 0", lambda: polar_of(UNIT)(0 * Y[None]), "0", holds=lambda b: float(b.upper) == 0),
        Row(
            Kind.NUMBERS,
            "Q times 1e-300",
            lambda: polar_of(UNIT)(1e-300 * Y[None]),
            "1e-300 of the polar",
            holds=lambda b: abs(float(b.upper) / float(polar_of(UNIT)(Y[None]).upper) * 1e300 - 1) < 1e-12,
        ),
        Row(
            Kind.SETTING,
            "norms without a known polar",
            lambda: polar_of(Problem(SquaredLoss(Y), ReluUnit(S), ProductOfNorms((Norm.ONE, Norm.TWO)), 0.1)),
            "take Euclidean norms",
            LookupError,
        ),
    ],
    "max_relu_sum": [
        Row(Kind.TYPE, "numpy", lambda: max_relu_sum(S.numpy(), Y.numpy()), "as it is", holds=lambda b: b.upper > 0),
        Row(Kind.TYPE, "float32", lambda: max_relu_sum(S.float(), Y), ".double()", ValueError),
        Row(Kind.TYPE, "seconds as effort", lambda: max_relu_sum(S, Y, effort=1.0), "Effort", TypeError),
        Row(Kind.SHAPE, "rows of another number", lambda: max_relu_sum(S, Y[1:]), "(N, d) and Q (N, c)", ValueError),
        Row(Kind.SHAPE, "no rows", lambda: max_relu_sum(S[:0], Y[:0]), "(N, d) and Q (N, c)", ValueError),
        Row(Kind.NUMBERS, "NaN", lambda: max_relu_sum(S * torch.nan, Y), "finite", ValueError),
        Row(Kind.NUMBERS, "Q = 0", lambda: max_relu_sum(S, 0 * Y), "0", holds=lambda b: b.upper == 0),
        Row(Kind.NUMBERS, "a column of zeros", lambda: max_relu_sum(0 * S, Y), "0", holds=lambda b: b.upper == 0),
    ],
    "omega": [
        *problem_rows(lambda problem: omega(problem, M[None])),
        Row(Kind.TYPE, "numpy", lambda: omega(MATRIX, M[None].numpy()), "torch.as_tensor(X", TypeError),
        Row(Kind.TYPE, "float32", lambda: omega(MATRIX, M[None].float()), ".double()", ValueError),
        Row(Kind.SHAPE, "X without runs", lambda: omega(MATRIX, M), "expected (n, 5, 4)", ValueError),
        Row(Kind.NUMBERS, "X = 0", lambda: omega(MATRIX, 0 * M[None]), "0", holds=lambda b: float(b[1]) == 0),
        Row(Kind.SETTING, "another mapping", lambda: omega(UNIT, Y[None]), "omega serves MatrixProduct", LookupError),
    ],
}
