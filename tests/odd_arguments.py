"""Every argument of every public function, and the odd values that it is given: a table that is made, not written.

``CALLS`` names for every public name a call that is right, and the sort of each argument; ``ODD`` lists by sort what is
put in its place. Every row is refused by a ``raise`` of the package whose message names a cure, except those that
``ANSWERED`` lists.
"""

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

import global_optimality as go
from cases import randn
from odd_data import MATRIX, NAN, UNIT, M, S, W, Y

LABELS = torch.tensor([0, 1, 0, 1, 1, 0])
IMAGES = randn("odd images", 3, 1, 6, 6)
MODEL = nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 1))
SOLUTION = go.solve(UNIT)
SAVED = Path(tempfile.mkdtemp()) / "certificate.json"
go.save_certificate(SAVED, UNIT, W, go.certify(UNIT, W))
LONG = 10**400
"""A whole number that is no float64."""


def tensors(x: Tensor) -> dict[str, Any]:
    floats = {"NaN": x * NAN, "infinity": x / 0, "half precision": x.half()} if x.dtype.is_floating_point else {}
    return floats | {
        "complex": x.to(torch.complex128), "empty": x[:0], "a number": x.flatten()[0],
        "on the device meta": x.to("meta"), "sparse": x.to_sparse(), "a list": x.tolist(), "words": "abc", "3.0": 3.0,
        "an object": object(),
    }  # fmt: skip


def weights(right: go.problem.Factors) -> dict[str, Any]:
    first, second = right
    return {
        "integers": tuple(w.long() for w in right), "true and false": tuple(w > 0 for w in right),
        "complex": tuple(w + 0j for w in right), "none": (), "no runs": tuple(w[:0] for w in right),
        "on the device meta": tuple(w.to("meta") for w in right), "two None": (None, None), "words": ("a", "b"),
        "two precisions": (first, second.float()), "two sizes": (first, second[:, :2]), "one too many": (*right, first),
        "a dictionary": {0: first}, "sparse": tuple(w.to_sparse() for w in right),
        "lists": tuple(w.tolist() for w in right), "another axis": tuple(w[None] for w in right),
        "numbers": tuple(torch.tensor(1.0) for _ in right), "a number": 3,
        "bfloat16": tuple(w.bfloat16() for w in right),
    }  # fmt: skip


NO_NUMBERS = {
    "words": "a", "complex": 1j, "a list": [1], "bytes": b"a", "the class int": int, "an object": object(),
    "two numbers": torch.ones(2), "a pair": (1, 2), "a dictionary": {},
}  # fmt: skip
NO_OBJECTS = {"words": "a", "3.0": 3.0, "3": 3, "an object": object(), "a list": [], "a tensor": torch.ones(2)}
ODD: dict[str, Callable[[Any], dict[str, Any]]] = {
    "tensor": tensors,
    "weights": weights,
    "number": lambda _: NO_NUMBERS | {"NaN": NAN, "-1": -1, "True": True, "a long integer": LONG, "None": None},
    "optional number": lambda _: NO_NUMBERS | {"NaN": NAN, "-1": -1, "True": True, "a long integer": LONG},
    "bound": lambda _: NO_NUMBERS | {"NaN": NAN, "a long integer": LONG},
    "whole": lambda _: NO_NUMBERS | {"NaN": NAN, "-1": -1, "True": True, "2.5": 2.5, "infinity": float("inf")},
    "seed": lambda _: NO_NUMBERS | {"NaN": NAN, "2.5": 2.5, "True": True, "a long integer": LONG, "None": None},
    "flag": lambda _: NO_NUMBERS | {"1": 1, "0.0": 0.0},
    "object": lambda _: NO_OBJECTS | {"the class int": int},
    "function": lambda _: NO_OBJECTS,
    "widths": lambda _: {
        "3": 3,
        "words": "21",
        "None": None,
        "an object": object(),
        "a tensor": torch.tensor([2, 1]),
        "of nothing": (),
        "of floats": (2.5, 1),
        "of booleans": (True, 1),
        "below zero": (-1, 1),
        "nested": ((2,), 1),
    },
    "numbers": lambda _: {"3": 3, "words": "21", "nested": ((2.0,),), "of NaN": (NAN,)},
    "path": lambda _: {"None": None, "3": 3, "2.5": 2.5, "a list": ["a"], "an object": object()},
}
"""By the sort of an argument, what is put in the place of a right value."""

ANSWERED = {
    ("generator", "names", "words"), ("certify_network", "inputs", "half precision"),
    ("certify_network", "targets", "half precision"),
}  # fmt: skip
"""Argument and value that are answered: a name in words; modules of half precision are judged as they are."""

Argument = tuple[Any, str]
Call = tuple[Callable[..., Any], dict[str, Argument]]


def loss(kind: Callable[..., Any], targets: Tensor, **more: Argument) -> Call:
    ones = torch.ones(6, dtype=torch.float64)
    return kind, {
        "Y": (targets, "tensor"),
        "weights": (ones, "tensor"),
        "output_bias": (0.5, "optional number"),
        **more,
    }


def layers(kind: Callable[..., Any], widths: tuple[int, ...] = (2, 1), **more: Argument) -> Call:
    return kind, {"S": (S, "tensor"), "widths": (widths, "widths"), **more}


def pooled(kind: Callable[..., Any], **more: Argument) -> Call:
    sizes = {"channels": 2, "kernel": 3, "pool": 2, "outputs": 1}
    pooling = {"pooling": (go.Pooling.MAX, "object")}
    return kind, {"images": (IMAGES, "tensor"), **{k: (v, "whole") for k, v in sizes.items()}, **pooling, **more}


PROBLEM, EFFORT, POLAR = (UNIT, "object"), (go.Effort(), "object"), (go.polar_of(UNIT), "function")
SHORT = {"tol": (1e-6, "number"), "max_rounds": (2, "whole"), "time_limit": (1.0, "optional number")}
CALLS: dict[str, Call] = {
    "SquaredLoss": loss(go.SquaredLoss, Y),
    "LogisticLoss": loss(go.LogisticLoss, torch.sign(S)),
    "CrossEntropyLoss": loss(go.CrossEntropyLoss, LABELS, classes=(2, "whole")),
    "MaskedSquaredLoss": (go.MaskedSquaredLoss, {"Y": (S, "tensor"), "mask": (S > 0, "tensor")}),
    "ReluUnit": (go.ReluUnit, {"S": (S, "tensor"), "outputs": (1, "whole")}),
    "BiasedReluUnit": (go.BiasedReluUnit, {"S": (S, "tensor"), "outputs": (1, "whole")}),
    "DeepRelu": layers(go.DeepRelu, slope=(0.1, "number")),
    "DeepBiasedRelu": layers(go.DeepBiasedRelu),
    "NormalizedRelu": layers(go.NormalizedRelu, reference=(S, "tensor")),
    "DeepLinear": layers(go.DeepLinear, rows=(2, "whole")),
    "ConvPool": pooled(go.ConvPool),
    "NormalizedConvPool": pooled(go.NormalizedConvPool, reference=(IMAGES, "tensor")),
    "AlexNet": (go.AlexNet, {
        "images": (IMAGES, "tensor"), "channels": ((2, 2), "widths"), "kernels": ((3, 2), "widths"),
        "pools": ((2, 1), "widths"), "hidden": (3, "whole"), "outputs": (1, "whole"), "window": (3, "whole"),
    }),
    "MatrixProduct": (go.MatrixProduct, {"rows": (2, "whole"), "columns": (3, "whole")}),
    "RankOneTensor": (go.RankOneTensor, {"sizes": ((2, 2, 2), "widths")}),
    "BalancedWeightDecay": (go.BalancedWeightDecay, {"layers": (2, "whole")}),
    "SumOfPowers": (go.SumOfPowers, {"layers": (2, "whole")}),
    "PowerDecay": (go.PowerDecay, {"q": (2, "whole")}),
    "PathNorm": (go.PathNorm, {"layers": (2, "whole"), "q": (2.0, "number")}),
    "MaxNorm": (go.MaxNorm, {"inside": (go.SumOfSquares(), "object"), "radius": (1.0, "number")}),
    "NonNegative": (go.NonNegative, {"inside": (go.SumOfSquares(), "object")}),
    "OnLayers": (go.OnLayers, {"inside": (go.SumOfSquares(), "object"), "layers": ((0,), "widths")}),
    "WeightedPowers": (go.WeightedPowers, {"exponents": ((1, 1), "widths"), "power": (2, "whole")}),
    "ProductOfNorms": (go.ProductOfNorms, {"norms": ((go.Norm.TWO,) * 2, "numbers")}),
    "WeightedSum": (go.WeightedSum, {"terms": ((go.SumOfSquares(),), "numbers"), "weights": ((1.0,), "numbers")}),
    "DropoutPenalty": (go.DropoutPenalty, {"mapping": (go.ReluUnit(S), "object")}),
    "L1Decay": (go.L1Decay, {}),
    "SumOfSquares": (go.SumOfSquares, {}),
    "WeightDecay": (go.WeightDecay, {}),
    "LBFGS": (go.LBFGS, {"memory": (5, "whole"), "interior": (0, "whole")}),
    "GradientDescent": (go.GradientDescent, {
        "first_step": (1.0, "number"), "halvings": (5, "whole"), "interior": (0, "whole"),
    }),
    "NewtonCG": (go.NewtonCG, {
        "inner_steps": (5, "whole"), "lanczos_steps": (5, "whole"), "seed": (0, "seed"), "interior": (0, "whole"),
    }),
    "Effort": (go.Effort, {
        "nodes": (1, "whole"), "seconds": (1, "optional number"), "tolerance": (1, "optional number"),
        "target": (1, "bound"), "enough": (1, "bound"), "memory": (1, "optional number"),
    }),
    "Problem": (go.Problem, {
        "loss": (UNIT.loss, "object"), "mapping": (UNIT.mapping, "object"), "regularizer": (UNIT.regularizer, "object"),
        "lam": (0.1, "number"), "allow_mismatch": (False, "flag"),
    }),
    "certify": (go.certify, {"problem": PROBLEM, "W": (W, "weights"), "polar": POLAR, "effort": EFFORT}),
    "minimise": (go.minimise, {
        "problem": PROBLEM, "W": (W, "weights"), "method": (go.LBFGS(), "object"), "tol": (1e-9, "number"),
        "max_steps": (2, "whole"), "time_limit": (1.0, "optional number"), "observe": (None, "function"),
        "stop": (bool, "function"),
    }),
    "solve": (go.solve, {
        "problem": PROBLEM, "start": (W, "weights"), "memory_limit": (2.0**30, "number"), "seed": (0, "seed"),
        "device": (torch.device("cpu"), "object"), "polar": POLAR, "effort": EFFORT, "local": (None, "function"),
        **SHORT,
    }),
    "solve_path": (go.solve_path, {"problem": PROBLEM, "lams": ((0.1,), "numbers"), "polar": POLAR}),
    "meta_algorithm": (go.meta_algorithm, {
        "problem": PROBLEM, "W": (W, "weights"), "r": (None, "whole"), "seed": (0, "seed"),
        "method": (go.NewtonCG(), "object"), "local": (None, "function"), "polar": POLAR, "effort": EFFORT,
        "samples": (2, "whole"), **SHORT,
    }),
    "lambda_max": (go.lambda_max, {"problem": PROBLEM, "effort": EFFORT}),
    "polar_of": (go.polar_of, {"problem": PROBLEM, "effort": EFFORT}),
    "what polar_of returns": (go.polar_of(UNIT), {"Q": (Y[None].clone(), "tensor")}),
    "max_relu_sum": (go.max_relu_sum, {"S": (S, "tensor"), "Q": (Y, "tensor"), "effort": EFFORT}),
    "omega": (go.omega, {"problem": (MATRIX, "object"), "X": (M[None].clone(), "tensor"), "effort": EFFORT}),
    "generator": (lambda seed, name: go.generator(seed, name), {"seed": (0, "seed"), "names": (1, "seed")}),
    "progress_to": (lambda hook: go.progress_to(hook).__enter__(), {"hook": (None, "function")}),
    "save_certificate": (go.save_certificate, {
        "file": (SAVED, "path"), "problem": PROBLEM, "W": (W, "weights"),
        "certificate": (go.certify(UNIT, W), "object"),
        "run": (0, "whole"), "proof": (None, "object"), "effort": EFFORT,
    }),
    "load_certificate": (go.load_certificate, {"file": (SAVED, "path")}),
    "verify_certificate": (go.verify_certificate, {"file": (SAVED, "path")}),
    "certification_cost": (go.certification_cost, {"N": (9, "whole"), "d": (2, "whole"), "outputs": (1, "whole")}),
    "certify_network": (go.certify_network, {
        "model": (MODEL, "object"), "inputs": (S.float(), "tensor"), "targets": (Y.float(), "tensor"),
        "loss": (nn.MSELoss(), "object"), "weight_decay": (0.1, "number"), "decay_hidden_bias": (True, "flag"),
        "decay_output_bias": (True, "flag"), "tol": (1e-6, "number"), "polar": (None, "function"), "effort": EFFORT,
        "resume": (None, "object"),
    }),
    "optimal_face": (go.optimal_face, {"solution": (SOLUTION, "object")}),
    "prediction_bounds": (go.prediction_bounds, {
        "solution": (SOLUTION, "object"), "inputs": (S, "tensor"), "within": (0.0, "number"), "tol": (1e-10, "number"),
    }),
    "Solution.predict": (SOLUTION.predict, {"inputs": (S, "tensor")}),
    "Problem.random": (UNIT.random, {
        "n": (1, "whole"), "r": (2, "whole"), "seed": (0, "seed"), "deviation": (1.0, "number"),
    }),
    "Problem.gradient": (lambda W: UNIT.gradient(*(W if isinstance(W, tuple) else (W,))), {"W": (W, "weights")}),
    "Problem.alignment": (lambda W: UNIT.alignment(*(W if isinstance(W, tuple) else (W,))), {"W": (W, "weights")}),
    "Problem.output_bias": (lambda W: UNIT.output_bias(*(W if isinstance(W, tuple) else (W,))), {"W": (W, "weights")}),
    "Problem.hessian_product": (UNIT.hessian_product, {"W": (W, "weights"), "V": (W, "weights")}),
    "Certificate.verdict": (go.certify(UNIT, W).verdict, {"tol": (1e-6, "number")}),
}  # fmt: skip
"""By public name, or a method's, a function and for each argument a right value and its sort."""
