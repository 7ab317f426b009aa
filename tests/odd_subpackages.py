"""The public functions of the subpackages, and the odd values of each argument, as ``odd_arguments`` has them."""

from typing import Any

import numpy as np
import torch
from torch import nn

from cases import randn
from global_optimality import arrangement, certify_network, convex, data, homogeneity
from global_optimality.boosting import boost
from global_optimality.cone_proof import prove_by_cones
from global_optimality.convex import relu, three_layers
from global_optimality.export import to_torch
from global_optimality.regularizers import dropout_lam
from global_optimality.row_proof import prove_by_rows
from odd_arguments import EFFORT, POLAR, PROBLEM, Call
from odd_data import NAN, UNIT, M, S, W, Y

ROWS, TARGETS, MATRIX = S.numpy(), Y[:, 0].numpy(), M.numpy()
LINE = np.stack([ROWS[:, 0], np.ones(6)], 1)
CELLS = arrangement.cells(torch.as_tensor(LINE)).active.numpy()
PLANE = randn("convex plane", 3, 2).numpy()
KINDS = three_layers.patterns(PLANE, three_layers.cells_in_the_plane(PLANE)[:2])
MODEL = nn.Sequential(nn.Linear(2, 3, bias=False), nn.ReLU(), nn.Linear(3, 1, bias=False)).double()
SGD = torch.optim.SGD(MODEL.parameters(), weight_decay=0.1)


def arrays(x: np.ndarray) -> dict[str, Any]:
    """What stands in the place of an array of numpy."""
    return {
        "a tensor": torch.as_tensor(x), "a list": x.tolist(), "words": "abc", "3.0": 3.0, "None": None,
        "complex": x + 0j, "objects": x.astype(object), "of words": x.astype(str), "empty": x[:0],
        "another axis": x[None], "NaN": x * NAN, "infinity": np.where(x == x, np.inf, x), "a number": np.float64(1.0),
        "a masked array": np.ma.array(x), "dates": x.astype("M8[s]"),
    }  # fmt: skip


def masks(x: np.ndarray) -> dict[str, Any]:
    """What stands in the place of an array of booleans."""
    return {
        "numbers": x.astype(float), "integers": x.astype(int), "a tensor": torch.as_tensor(x), "a list": x.tolist(),
        "transposed": x.T[:, :1], "empty": x[:0], "another axis": x[None], "None": None, "a masked array":
        np.ma.array(x),
    }  # fmt: skip


SORTS = {
    "array": arrays,
    "mask": masks,
    "kinds": lambda _: {"none": [], "None": None, "a number": 3, "words": ["a"]},
    "given": lambda x: {"a list": x.tolist(), "words": "a", "3": 3, "None": None},
    "pairs": lambda _: {"none": None, "3": 3, "one pair": (1.0, 1.0), "of zeros": ((0.0, 1.0),), "words": ("ab",)},
}

ONLY_ITS_SHAPE = {
    ("data.hide", "Y", what)
    for what in ("NaN", "infinity", "half precision", "complex", "on the device meta", "sparse")
}
"""Answered: a mask is drawn for any matrix."""

LAM = (0.1, "number")
PROOF = {"S": (ROWS, "array"), "q": (TARGETS, "array"), "lam": (99.0, "number"), "effort": EFFORT}
FUNCTIONS: dict[str, Call] = {
    "cone_proof.prove_by_cones": (prove_by_cones, PROOF),
    "row_proof.prove_by_rows": (prove_by_rows, PROOF),
    "boosting.boost": (boost, {
        "problem": PROBLEM, "W": (W, "weights"), "polar": POLAR, "effort": EFFORT,
        "time_limit": (1.0, "optional number"), "tol": (1e-6, "number"), "max_rounds": (2, "whole"),
    }),
    "data.low_rank": (data.low_rank, {
        "rows": (4, "whole"), "columns": (3, "whole"), "rank": (1, "whole"), "noise": (0.1, "number"),
        "seed": (0, "seed"),
    }),
    "data.hide": (data.hide, {"Y": (M, "tensor"), "share": (0.5, "number"), "seed": (0, "seed")}),
    "export.to_torch": (to_torch, {"problem": PROBLEM, "W": (W, "weights"), "hidden_bias": (False, "flag")}),
    "convex.shrink": (convex.shrink, {"Z": (MATRIX, "array"), "threshold": LAM}),
    "convex.nuclear_norm_approximation": (convex.nuclear_norm_approximation, {"Y": (MATRIX, "array"), "lam": LAM}),
    "convex.matrix_completion": (convex.matrix_completion, {
        "Y": (MATRIX, "array"), "mask": (MATRIX > -9, "mask"), "lam": LAM, "tol": (1e-6, "number"),
        "max_iterations": (9, "whole"), "momentum": (True, "flag"),
    }),
    "convex.relu.pilanci_ergen": (relu.pilanci_ergen, {
        "S": (LINE, "array"), "y": (TARGETS, "array"), "lam": LAM, "patterns": (CELLS, "mask"),
        "fit": (relu.Fit.SQUARED, "object"), "tolerance": (1e-9, "number"),
    }),
    "convex.three_layers.cells_in_the_plane": (three_layers.cells_in_the_plane, {"S": (PLANE, "array")}),
    "convex.three_layers.patterns": (three_layers.patterns, {
        "S": (PLANE, "array"), "cells": (three_layers.cells_in_the_plane(PLANE)[:2], "mask"),
        "signs": (three_layers.SIGNS, "pairs"),
    }),
    "convex.three_layers.three_layer_polar": (three_layers.three_layer_polar, {
        "kinds": (KINDS[:2], "kinds"), "q": (TARGETS[:3], "array"), "tolerance": (1e-9, "number"),
    }),
    "convex.three_layers.three_layers": (three_layers.three_layers, {
        "kinds": (KINDS[:2], "kinds"), "y": (TARGETS[:3], "array"), "lam": LAM, "tolerance": (1e-9, "number"),
    }),
    "arrangement.cells": (arrangement.cells, {"S": (S, "tensor"), "limit": (99, "whole")}),
    "arrangement.hyperplanes": (arrangement.hyperplanes, {"S": (S, "tensor")}),
    "arrangement.arrangement": (arrangement.arrangement, {"S": (S, "tensor")}),
    "arrangement.generic_count": (arrangement.generic_count, {"N": (5, "whole"), "d": (2, "whole")}),
    "homogeneity.report": (homogeneity.report, {
        "mapping": (UNIT.mapping, "object"), "regularizer": (UNIT.regularizer, "object"),
    }),
    "homogeneity.report_module": (homogeneity.report_module, {
        "module": (MODEL, "object"), "inputs": (S, "given"), "weight_decay": (0.1, "number"), "seed": (0, "seed"),
    }),
    "homogeneity.check_pair": (homogeneity.check_pair, {
        "mapping": (UNIT.mapping, "object"), "regularizer": (UNIT.regularizer, "object"), "seed": (0, "seed"),
    }),
    "homogeneity.layer_table": (homogeneity.layer_table, {"seed": (0, "seed")}),
    "homogeneity.optimizer_decays": (homogeneity.optimizer_decays, {"optimizer": (SGD, "object")}),
    "regularizers.dropout_lam": (dropout_lam, {"keep": (0.5, "number")}),
    "Problem()": (lambda W: UNIT(*(W if isinstance(W, tuple) else (W,))), {"W": (W, "weights")}),
    "Problem.predict": (UNIT.predict, {"W": (W, "weights"), "inputs": (S, "tensor")}),
    "Problem.rounding": (lambda W: UNIT.rounding(*(W if isinstance(W, tuple) else (W,))), {"W": (W, "weights")}),
    "Problem.to": (UNIT.to, {"device": (torch.device("cpu"), "object")}),
    "NetworkCertificate.improved": (certify_network(MODEL, S, Y, loss=nn.MSELoss(), weight_decay=0.1).improved, {
        "tol": (1e-6, "number"), "time_limit": (1.0, "optional number"), "polar": (None, "function"), "effort": EFFORT,
    }),
}  # fmt: skip
"""By module and name, or a method's, a function and for each argument a right value and its sort."""

INSIDE = {
    "arrangement.memory_of", "descent.largest_rise", "descent.never", "descent.refit", "homogeneity.check_declared",
    "homogeneity.check_degree", "homogeneity.check_nondegenerate", "homogeneity.measure_degree",
    "homogeneity.random_points", "meta_algorithm.null_vectors", "polar.oracle", "polar.oracle_of",
    "regularizers.euclidean", "sliding_frank_wolfe.ascent", "sliding_frank_wolfe.local_of",
}  # fmt: skip
"""Parts that other parts of the package call, with what is checked already."""

MODULES = (
    "arrangement", "boosting", "cone_proof", "convex", "convex.relu", "convex.three_layers", "data", "descent", "exact",
    "export", "homogeneity", "losses", "mappings", "meta_algorithm", "optimal_face", "polar", "regularizers",
    "row_proof", "saved_certificate", "sliding_frank_wolfe", "torch_networks",
)  # fmt: skip
"""What users import from, besides the package itself."""
