"""Section 4 of the paper: planted problems, the certified census, Theorem 1's table and Theorem 2's path."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import pandas as pd
import torch

from global_optimality.certificate import Certificate, Verdict, certify
from global_optimality.descent import GradientDescent, minimise
from global_optimality.factors import Factors, append, scale, take_runs, zeros_like_slice
from global_optimality.meta_algorithm import null_vectors
from global_optimality.polar import polar_of
from global_optimality.problem import Problem
from global_optimality.regularizers import Norm, ProductOfNorms
from global_optimality.sliding_frank_wolfe import Solution
from global_optimality.sliding_frank_wolfe.local import OnFaces

from ..shared.relu_problems import TOL, active_units, descend, escape, inputs, take_alive, with_bias
from ..shared.tables import frame


def fitted(solution: Solution, low: float, high: float, points: int) -> pd.DataFrame:
    """The fitted function on a regular grid of inputs: along a line (d = 2) or in a square (d = 3)."""
    axis = torch.linspace(low, high, points, dtype=torch.float64)
    inputs_only = inputs(solution.problem).shape[1] - 1
    x = torch.cartesian_prod(*[axis] * inputs_only).reshape(-1, inputs_only)
    columns = {f"x{k + 1}": x[:, k] for k in range(inputs_only)}
    return frame(**columns, y=solution.predict(with_bias(x))[:, 0])


def omega_at(solution: Solution) -> pd.DataFrame:
    """Ω at the output X of a certified network: below by ⟨Q, X⟩/Ω°(Q) with Q = −∇ℓ(X), above by Θ of three networks."""
    problem, W = solution.problem, solution.weights
    X = problem.mapping.Phi(*W)
    Q = -problem.loss.gradient(X)
    lower = float((Q * X).sum() / polar_of(problem)(Q).upper)
    networks = {
        "the certified weights": W,
        "every unit split into two halves": tuple(torch.cat([w, w], 1) / 2**0.5 for w in W),
        "inner weights doubled, outer halved": (2 * W[0], W[1] / 2),
    }
    rows = [(name, float(problem.regularizer.Theta(*V)) / lower) for name, V in networks.items()]
    return pd.DataFrame(rows, columns=["network", "ratio"]).set_index("network")


def wrong_lambda(solution: Solution, factors: Sequence[float]) -> pd.DataFrame:
    """The same weights judged with other λ: only the factor 1 may be certified."""
    rows = []
    for factor in factors:
        judged = replace(solution.problem, lam=factor * solution.problem.lam)
        certificate = certify(judged, solution.weights)
        rows.append((factor, float(certificate.relative_gap), certificate.verdict(1e-8)[0].name))
    return pd.DataFrame(rows, columns=["factor", "relative_gap", "verdict"])


def census(problem: Problem, sizes: Sequence[int], *, runs: int, optimum: float, seed: int) -> pd.DataFrame:
    """Gradient descent, then descent on faces, from random starts of each r; then escapes within the size r.

    One row a run and stage ("descent", "escaped"): objective, certified gap, units left, whether one of the r is zero.
    """
    polar, rows = polar_of(problem), []
    for r, first in zip(sizes, _descended(problem, sizes, runs, seed), strict=True):
        for run in range(runs):
            ends = list(escape(problem, descend(problem, take_runs(first, torch.tensor([run]))), r, polar))
            rows.append(("descent", r, run, 0, *_judged(*ends[0])))
            rows.append(("escaped", r, run, len(ends) - 1, *_judged(*ends[-1])))
    names = ["stage", "size", "run", "escapes", "objective", "relative_gap", "polar", "active", "verdict"]
    table = pd.DataFrame(rows, columns=names)
    table["excess"] = 1 - optimum / table["objective"]
    table["zero_unit"] = table["active"] < table["size"]
    table["global"] = table["verdict"] == Verdict.CERTIFIED.name
    return table


def _descended(problem: Problem, sizes: Sequence[int], runs: int, seed: int) -> list[Factors]:
    """Gradient descents from random starts of each r, all in one batch: zero units, which stay zero, fill them up."""
    most = max(sizes)
    starts = [problem.random(runs, r, seed=seed, deviation=0.3) for r in sizes]
    filled = [append(W, tuple(w.new_zeros(runs, most - w.shape[1], *w.shape[2:]) for w in W)) for W in starts]
    together = tuple(torch.cat(parts) for parts in zip(*filled, strict=True))
    ends = minimise(problem, together, GradientDescent(), max_steps=400).weights
    return [tuple(w[k * runs : (k + 1) * runs, :r] for w in ends) for k, r in enumerate(sizes)]


def _judged(W: Factors, c: Certificate) -> tuple[float, float, float, int, str]:
    return float(c.objective), float(c.relative_gap), float(c.polar), active_units(W), c.verdict(TOL)[0].name


def contingency(table: pd.DataFrame) -> pd.DataFrame:
    """Runs counted by stage and (has a zero unit) × (globally optimal); a table with ``runs`` counts so many a row."""
    label = table["zero_unit"].map({True: "a unit is zero", False: "no unit is zero"})
    verdict = table["global"].map({True: "global", False: "not global"})
    weight = table["runs"] if "runs" in table else pd.Series(1, index=table.index)
    counts = weight.groupby([table["stage"], label.rename("units"), verdict.rename("verdict")]).sum()
    return counts.unstack("verdict").reindex(columns=["global", "not global"]).fillna(0).astype(int)


def shares(table: pd.DataFrame) -> pd.DataFrame:
    """Share of global runs for each stage and r."""
    return table.groupby(["stage", "size"])["global"].mean().rename("share").reset_index()


def sizes_side_by_side(problem: Problem, solution: Solution, table: pd.DataFrame) -> pd.DataFrame:
    """What the theory asks for, what the certified optimum has, and the smallest r that was enough in the census."""
    rows = [
        ("Theorem 2: more than card(X)", problem.card + 1),
        ("Proposition 1, item 5: card(X)", problem.card),
        ("Carathéodory for cones: card(X), here N", problem.card),
        ("Carathéodory for convex hulls: card(X) + 1", problem.card + 1),
        ("units of the certified optimum", solution.size),
        ("smallest r with a certified run in the census", int(table.loc[table["global"], "size"].min())),
    ]
    return pd.DataFrame(rows, columns=["subnetworks", "r"]).set_index("subnetworks")


def refusal_of_degrees(problem: Problem) -> str:
    """What the code says when θ has degree 3 and φ degree 2."""
    try:
        Problem(problem.loss, problem.mapping, ProductOfNorms((Norm.TWO,) * 3), problem.lam)
    except ValueError as error:
        return str(error)
    return ""


def path(problem: Problem, W: Factors, *, samples: int = 3, tol: float = 1e-9) -> pd.DataFrame:
    """Theorem 2's path from W (one run): descent on faces, slide along a null vector, append, escape.

    One row a point: the iterates of every descent, and ``samples`` points inside every slide and every escape. Zero
    units are kept in the count ``size`` and put to use first; one is appended only when none is left. Another walk than
    ``meta_algorithm``: that one looks inside the steps of a descent too and cuts each until f never rises on its way,
    which took 10 to 150 times as long here.
    """
    polar, rows, r = polar_of(problem), [], W[0].shape[1]
    times = [j / (samples + 1) for j in range(1, samples + 2)]

    def note(kind: str, W: Factors) -> None:
        rows.append((kind, r, float(problem(*W))))

    note("START", W)
    for _ in range(100):
        for beta in null_vectors(problem, W)[:1]:
            flat = [scale(W, (1 + t * beta).clamp(min=0).sqrt()[None]) for t in times]
            for moved in flat:
                note("SLIDE", moved)
            W = take_alive(flat[-1])
        for moved in iterates(problem, W):
            note("DESCEND", moved)
            W = moved
        certificate = certify(problem, W, polar)
        if certificate.verdict(tol)[0] is Verdict.CERTIFIED:
            break
        if W[0].shape[1] == r:
            r += 1
            note("APPEND", append(W, zeros_like_slice(W)))
        for t in times:
            note("ESCAPE", append(W, tuple(t**0.5 * w for w in certificate.escape)))
        W = append(W, certificate.escape)
    table = pd.DataFrame(rows, columns=["step", "size", "objective"])
    return table.assign(point=range(len(table)))


def iterates(problem: Problem, W: Factors) -> Iterator[Factors]:
    """The steps of the descent on faces, one by one while f falls, then its end."""
    local, falls = OnFaces(problem), True
    while falls:
        new = local.descend(W, lambda: False, steps=1)
        falls = bool(problem(*new) < problem(*W) * (1 - 1e-12))
        if falls:
            W = new
            yield W
    yield descend(problem, W)


def copies_of_one_unit(problem: Problem) -> Factors:
    """card(X) + 1 equal units: the descent of one unit from the polar's atom at zero, split without changing f."""
    zero = tuple(torch.zeros_like(w) for w in problem.random(1, 1))
    W = take_alive(descend(problem, certify(problem, zero).escape))
    r = problem.card + 1
    return tuple(w.expand(-1, r, -1) / r**0.5 for w in W)
