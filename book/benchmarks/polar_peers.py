"""max |Σ q_i h_i| over unit weights, h one or two hidden ReLU layers: ours, SCIP as a mixed-integer program, MAiNGO."""

import importlib
import math
import time
from collections.abc import Callable
from typing import Any

import pandas as pd
import torch
from torch import Tensor

from claimbook.sweeps import Sweep
from global_optimality import (
    DeepRelu,
    Effort,
    Problem,
    ReluUnit,
    SquaredLoss,
    SumOfPowers,
    SumOfSquares,
    polar_of,
)
from global_optimality.streams import generator, normal

from .alone import alone
from .timing import clocked

TOLERANCE = 1e-3
SAMPLES = [20, 60]
"""So few that a million signs are all there are, and so many that no list of signs is of use."""
LIMIT = 10.0
"""Processor seconds of each way."""
SLOWEST = 10.0
"""A busy machine may stretch the clock by so much."""
PATTERNS = {1: [(1.0,)], 2: [(1.0, -1.0)], 3: [(1.0, 1.0, -1.0), (1.0, -1.0, -1.0)]}
"""Signs of the second layer by its inner units, up to their order: a unit of zero weights stands for a missing one."""
Bounds = tuple[float, float]
"""A value that is attained, and an upper bound."""
Side = Callable[[Tensor, Tensor, int, float], Bounds]
"""Takes S, q, the inner units (1: one hidden layer, no second), and the limit in processor seconds."""


def race(shared: dict[str, Any], _: list[dict[str, Any]]) -> pd.DataFrame:
    """One row a way: processor seconds until the bounds are 1e-3 apart, or after the limit.

    Rows and weights are standard normal. ``gap`` is that between the two bounds of a way, ``excess`` by what its upper
    bound exceeds the best value that any way attained: a negative one would be a wrong bound. Both are infinite for a
    way that had to be killed.
    """
    N, inner, limit = shared["N"], shared["inner"], shared["limit"]
    stream = generator(0, "polar peers", shared["d"], shared["draw"], N, inner)
    S, q = normal(stream, N, shared["d"]), normal(stream, N)
    sides: dict[str, Side] = {"ours": ours, "SCIP": scip}
    found = {way: clocked(lambda side=side: side(S, q, inner, limit)) for way, side in sides.items()}
    if inner == 1:
        ended = alone(lambda: maingo(S, q, limit), seconds=2 * limit)  # it does not keep its limit
        found["MAiNGO"] = (ended.value or (0.0, math.inf), ended.seconds)
    best, rows = max(bounds[0] for bounds, _ in found.values()), []
    for way, ((lower, upper), seconds) in found.items():
        gap = upper / lower - 1 if lower > 0 and upper < 1e300 else math.inf
        row = {"way": way, "cpu_seconds": seconds.cpu, "gap": gap}
        row["closed"] = gap <= 1.01 * TOLERANCE and seconds.cpu <= 1.2 * limit
        rows.append(row | {"excess": upper / best - 1 if upper < 1e300 else math.inf})
    return pd.DataFrame(rows).assign(tolerance=TOLERANCE, threads=torch.get_num_threads())


POLAR_PEERS = Sweep(
    race,
    {"d": [3, 4, 6, 9, 13, 20], "N": SAMPLES, "inner": [1], "draw": [0, 1, 2], "limit": [LIMIT]},
    packages=("pyscipopt", "maingopy"),
)
DEEP_POLAR_PEERS = Sweep(
    race,
    {"d": [2], "N": [6, 9, 13, 20], "inner": [2], "draw": [0, 1, 2], "limit": [LIMIT]},
    packages=("pyscipopt",),
)


def ours(S: Tensor, q: Tensor, inner: int, limit: float) -> Bounds:
    """The polar of one hidden layer, or of two whose last has one unit, with one output."""
    loss = SquaredLoss(q[:, None])
    if inner == 1:
        problem = Problem(loss, ReluUnit(S), SumOfSquares(), 1.0)
    else:
        problem = Problem(loss, DeepRelu(S, (inner, 1, 1)), SumOfPowers(3), 1.0)
    wall = SLOWEST * limit  # the search counts seconds of the clock, the race those of the processor
    effort = Effort(tolerance=TOLERANCE, seconds=wall, nodes=10**9)
    bound = polar_of(problem, effort)(q[None, :, None])
    return float(bound.lower), float(bound.upper)


def scip(S: Tensor, q: Tensor, inner: int, limit: float) -> Bounds:
    """A binary variable for the sign of each unit at each row, with big M; once for either sign of q.

    For two hidden layers the program is the one that our reductions leave: h_i = (Σ σ_u (s_iᵀz_u)₊)₊, Σ ‖z_u‖ ≤ 1.
    """
    runs = [(sign, sigma) for sigma in PATTERNS[inner] for sign in (1.0, -1.0)]
    found = [_scip(S, sign * q, sigma, limit / len(runs)) for sign, sigma in runs]
    return max(value for value, _ in found), max(bound for _, bound in found)


def _scip(S: Tensor, q: Tensor, sigma: tuple[float, ...], limit: float) -> Bounds:
    peer = importlib.import_module("pyscipopt")
    model = peer.Model()
    model.hideOutput()
    model.setParam("limits/gap", TOLERANCE / 2)
    model.setParam("timing/clocktype", 1)  # of the processor, as we count
    model.setParam("limits/time", limit)
    units = [[model.addVar(lb=-1, ub=1) for _ in range(S.shape[1])] for _ in sigma]
    lengths = [model.addVar(lb=0, ub=1) for _ in sigma]
    for z, length in zip(units, lengths, strict=True):
        model.addCons(peer.quicksum(x * x for x in z) <= length * length)
    model.addCons(peer.quicksum(lengths) <= 1)

    def relu(argument: Any, size: float) -> Any:
        """A variable for (argument)₊, |argument| ≤ size."""
        h, on = model.addVar(lb=0, ub=size), model.addVar(vtype="B")
        model.addCons(h >= argument)
        model.addCons(h <= argument + size * (1 - on))
        model.addCons(h <= size * on)
        return h

    total = []
    for row, weight in zip(S.tolist(), q.tolist(), strict=True):
        size = sum(x * x for x in row) ** 0.5
        inner = [relu(peer.quicksum(a * x for a, x in zip(row, z, strict=True)), size) for z in units]
        outer = (
            inner[0] if sigma == (1.0,) else relu(peer.quicksum(s * h for s, h in zip(sigma, inner, strict=True)), size)
        )
        total.append(weight * outer)
    model.setObjective(peer.quicksum(total), "maximize")
    model.optimize()
    if model.getNSols() == 0:
        return 0.0, model.getDualbound()
    Z = torch.tensor([[model.getVal(x) for x in z] for z in units], dtype=S.dtype)
    return _value(S, q, Z, sigma), model.getDualbound()


def maingo(S: Tensor, q: Tensor, limit: float) -> Bounds:
    """Deterministic global optimisation by McCormick relaxations, one hidden layer; once for either sign of q."""
    maingopy: Any = importlib.import_module("maingopy")
    rows, found = S.tolist(), []

    class Model(maingopy.MAiNGOmodel):
        """Minimises −sign Σ q_i max(s_iᵀu, 0) on the ball."""

        def __init__(self, weights: list[float]) -> None:
            maingopy.MAiNGOmodel.__init__(self)
            self.weights = weights

        def get_variables(self):
            box, real = maingopy.Bounds(-1, 1), maingopy.VT_CONTINUOUS
            return [maingopy.OptimizationVariable(box, real, f"u{k}") for k in range(len(rows[0]))]

        def evaluate(self, u):
            total = 0 * u[0]
            for row, weight in zip(rows, self.weights, strict=True):
                z = sum((a * x for a, x in zip(row[1:], u[1:], strict=True)), row[0] * u[0])
                total = total - weight * maingopy.max(z, 0.0)
            square = sum((x * x for x in u[1:]), u[0] * u[0])
            result = maingopy.EvaluationContainer()
            result.objective = total
            result.ineq = [square - 1]
            return result

    for sign in (1.0, -1.0):
        model = Model((sign * q).tolist())  # the solver does not keep it alive
        solver = maingopy.MAiNGO(model)
        end = time.process_time() + limit / 2  # its clock is that of the whole process
        for name, value in (("epsilonR", TOLERANCE / 2), ("epsilonA", 1e-9), ("maxTime", end)):
            solver.set_option(name, value)
        solver.set_option("PRE_maxLocalSearches", 1)
        solver.set_log_file_name("")
        solver.set_option("loggingDestination", 0)
        solver.solve()
        point = torch.tensor([solver.get_solution_point()], dtype=S.dtype)
        found.append((_value(S, sign * q, point, (1.0,)), -solver.get_final_LBD()))
    return max(value for value, _ in found), max(bound for _, bound in found)


def _value(S: Tensor, q: Tensor, Z: Tensor, sigma: tuple[float, ...]) -> float:
    """Σ q_i h_i at the units Z, scaled back where a solver's tolerance let them leave the ball."""
    Z = Z / Z.norm(dim=1).sum().clamp(min=1.0)
    signs = torch.tensor(sigma, dtype=S.dtype)
    return float(torch.relu(torch.relu(S @ Z.T) @ signs) @ q)
