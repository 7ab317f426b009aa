"""max |Σ q_i (s_iᵀu)₊| on the ball for d = 3 to 20: ours, SCIP as a mixed-integer program, and MAiNGO."""

import importlib
import time
from collections.abc import Callable
from typing import Any

import pandas as pd
import torch
from torch import Tensor

from claimbook.sweeps import Sweep
from global_optimality import Effort, Problem, ReluUnit, SquaredLoss, SumOfSquares, polar_of
from global_optimality.streams import generator, normal

from .timing import clocked

TOLERANCE = 1e-3
SAMPLES = 20
SLOWEST = 10.0
"""A busy machine may stretch the clock by so much."""
Bounds = tuple[float, float]
"""A value that is attained, and an upper bound."""


def race(shared: dict[str, Any], _: list[dict[str, Any]]) -> pd.DataFrame:
    """One row a way: processor seconds until the bounds are 1e-3 apart, or after the limit.

    Rows and weights are standard normal. ``gap`` is that between the two bounds of a way, ``excess`` by what its upper
    bound exceeds the best value that any way attained: a negative one would be a wrong bound.
    """
    stream, limit = generator(0, "polar peers", shared["d"], shared["draw"]), shared["limit"]
    S, q = normal(stream, SAMPLES, shared["d"]), normal(stream, SAMPLES)
    sides: dict[str, Callable[[Tensor, Tensor, float], Bounds]] = {"ours": ours, "SCIP": scip, "MAiNGO": maingo}
    found = {way: clocked(lambda side=side: side(S, q, limit)) for way, side in sides.items()}
    best, rows = max(bounds[0] for bounds, _ in found.values()), []
    for way, ((lower, upper), seconds) in found.items():
        gap = upper / lower - 1
        row = {
            "way": way,
            "cpu_seconds": seconds.cpu,
            "gap": gap,
            "closed": gap <= 1.01 * TOLERANCE and seconds.cpu <= 1.2 * limit,
        }
        rows.append(row | {"excess": upper / best - 1})
    return pd.DataFrame(rows).assign(N=SAMPLES, tolerance=TOLERANCE, threads=torch.get_num_threads())


POLAR_PEERS = Sweep(race, {"d": [3, 4, 6, 10, 20], "draw": [0], "limit": [3.0]})


def ours(S: Tensor, q: Tensor, limit: float) -> Bounds:
    """The polar of one hidden layer with one output."""
    problem = Problem(SquaredLoss(q[:, None]), ReluUnit(S), SumOfSquares(), 1.0)
    wall = SLOWEST * limit  # the search counts seconds of the clock, the race those of the processor
    bound = polar_of(problem, Effort(tolerance=TOLERANCE, seconds=wall))(q[None, :, None])
    return float(bound.lower), float(bound.upper)


def scip(S: Tensor, q: Tensor, limit: float) -> Bounds:
    """A binary variable for the sign of each row, |s_iᵀu| ≤ ‖s_i‖ as big M, ‖u‖² ≤ 1; once for either sign of q."""
    peer, found = importlib.import_module("pyscipopt"), []
    for sign in (1.0, -1.0):
        model = peer.Model()
        model.hideOutput()
        model.setParam("limits/gap", TOLERANCE / 2)
        model.setParam("timing/clocktype", 1)  # of the processor, as we count
        model.setParam("limits/time", limit / 2)
        u = [model.addVar(lb=-1, ub=1) for _ in range(S.shape[1])]
        model.addCons(peer.quicksum(x * x for x in u) <= 1)
        total = []
        for row, weight in zip(S.tolist(), (sign * q).tolist(), strict=True):
            size = sum(x * x for x in row) ** 0.5
            z = peer.quicksum(a * x for a, x in zip(row, u, strict=True))
            h, on = model.addVar(lb=0, ub=size), model.addVar(vtype="B")
            model.addCons(h >= z)
            model.addCons(h <= z + size * (1 - on))
            model.addCons(h <= size * on)
            total.append(weight * h)
        model.setObjective(peer.quicksum(total), "maximize")
        model.optimize()
        point = torch.tensor([[model.getVal(x) for x in u]], dtype=S.dtype)
        found.append((_value(S, q, point), model.getDualbound()))
    return max(value for value, _ in found), max(bound for _, bound in found)


def maingo(S: Tensor, q: Tensor, limit: float) -> Bounds:
    """Deterministic global optimisation by McCormick relaxations; once for either sign of q."""
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
        found.append((_value(S, q, point), -solver.get_final_LBD()))
    return max(value for value, _ in found), max(bound for _, bound in found)


def _value(S: Tensor, q: Tensor, u: Tensor) -> float:
    """|Σ q_i (s_iᵀu)₊| at u, scaled back onto the ball where a solver's tolerance let it leave."""
    u = u / u.norm().clamp(min=1.0)
    return abs(float(torch.relu(S @ u[0]) @ q))
