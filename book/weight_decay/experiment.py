"""Section 6, side by side: the same data, starts and budget for θ of too low, equal and too high a degree."""

from collections.abc import Sequence

import pandas as pd
import torch

from global_optimality.certificate import Verdict, certify
from global_optimality.descent import LBFGS, minimise
from global_optimality.factors import Factors, slice_norms, take_runs
from global_optimality.problem import Problem

from ..shared.tables import frame
from .mismatched_networks import BUILD, THETAS, ZERO, DeepLinearOn, K, optimum
from .mismatched_theorems import from_zero

NEAR = 1e-4
"""t at which f is compared with f at zero: a subnetwork t^{1/p} w with layers w of norm 1."""

GLOBAL = 1e-6
"""Relative excess below which a run counts as global."""


def side_by_side(build: BUILD, sizes: Sequence[int], *, runs: int, steps: int, deviation: float, seed: int):
    """L-BFGS from the same starts with the same number of steps for every θ and r: a row a run, and the weights.

    ``active`` counts subnetworks that are not ZERO, ``spread_by`` compares objectives of one θ and r.
    """
    tables, weights = [], {}
    for name, theta in THETAS.items():
        problem = build(theta)
        for r in sizes:
            start = problem.random(runs, r, seed=seed, deviation=deviation)
            end = minimise(problem, start, LBFGS(), tol=1e-8, max_steps=steps)
            active = (slice_norms(end.weights) > ZERO).sum(1)
            table = frame(
                theta=name, q=theta.degree, size=r, run=range(runs), objective=end.objective, active=active,
                gradient_norm=end.gradient_norm, alignment=end.alignment, steps=end.steps,
                status=[s.name for s in end.status],
            )  # fmt: skip
            tables.append(table)
            weights[name, r] = end.weights
    return pd.concat(tables, ignore_index=True), weights


def summary(table: pd.DataFrame) -> pd.DataFrame:
    """For each θ and r: active subnetworks (mean, least, largest), the best objective, and the spread over starts.

    The spread is (90 % quantile − minimum) / minimum of the objective over the starts of one θ and r.
    """
    groups = table.groupby(["theta", "size"], sort=False)
    out = groups.agg(
        active=("active", "mean"), least=("active", "min"), largest=("active", "max"), best=("objective", "min")
    ).reset_index()
    high = groups["objective"].quantile(0.9).to_numpy()
    return out.assign(spread=(high - out["best"]) / out["best"])


def judged(table: pd.DataFrame, weights: dict[tuple[str, int], Factors], build: DeepLinearOn) -> pd.DataFrame:
    """The runs of deep linear networks with q ≤ K: excess over the closed form, and whether f falls from zero.

    ``stays``: f does not fall when one more subnetwork of size NEAR, in the polar's direction, is put beside W.
    """
    low = table[table["q"] <= K].copy()
    best = {q: optimum(build.Y, build.lam, q) for q in low["q"].unique()}
    low["excess"] = low["objective"] / low["q"].map(best) - 1
    low["zero_unit"] = low["active"] < low["size"]
    low["global"] = low["excess"] <= GLOBAL
    for (theta, r), rows in low.groupby(["theta", "size"]):
        name, size = str(theta), int(str(r))
        change = from_zero(build(THETAS[name]), weights[name, size], (NEAR,))["change"].to_numpy()
        low.loc[rows.index, "stays"] = change >= -1e-12 * rows["objective"].to_numpy()
    return low.astype({"stays": bool})


def contingency(table: pd.DataFrame) -> pd.DataFrame:
    """Runs counted by θ and (stays a local minimum with a zero subnetwork appended) × (globally optimal)."""
    kind = table["stays"].map({True: "stays a minimum", False: "f falls from zero"}).rename("with zero appended")
    verdict = table["global"].map({True: "global", False: "not global"})
    counts = pd.crosstab([table["theta"], kind], verdict)
    return counts.reindex(columns=["global", "not global"], fill_value=0)


def compressed(problem: Problem, W: Factors) -> tuple[int, float, float]:
    """For a run of deep linear networks: the rank k of its output X, f, and f of k rank-one subnetworks with that X."""
    U, s, Vh = torch.linalg.svd(problem.mapping.Phi(*W)[0], full_matrices=False)
    k = int((s > ZERO * s[0]).sum())
    V = []
    for layer, shape in enumerate(problem.mapping.factor_shapes):
        w = U.new_zeros(1, k, *shape)
        first, last = layer == 0, layer == K - 1
        w[0, :, :, 0] = U.T[:k] if first else w[0, :, :, 0]
        w[0, :, 0, :] = Vh[:k] if last else w[0, :, 0, :]
        if not (first or last):
            w[0, :, 0, 0] = 1
        V.append(w * s[:k, None, None] ** (1 / K))
    return k, float(problem(*W)), float(problem(*V))


def compressions(build: DeepLinearOn, weights: dict[tuple[str, int], Factors], r: int) -> pd.DataFrame:
    """``compressed`` for the first run of size r of each θ."""
    rows = []
    for name, theta in THETAS.items():
        k, before, after = compressed(build(theta), take_runs(weights[name, r], torch.tensor([0])))
        rows.append((name, r, k, before, after, after / before))
    return pd.DataFrame(rows, columns=["theta", "size", "rank", "objective", "compressed", "ratio"])


def claims_nothing(build: DeepLinearOn, weights: dict[tuple[str, int], Factors], r: int) -> pd.DataFrame:
    """Verdicts of ``certify`` for all runs of size r of each θ, counted."""
    rows = []
    for name, theta in THETAS.items():
        verdicts = certify(build(theta), weights[name, r]).verdict(GLOBAL)
        rows.append((name, *(sum(v is kind for v in verdicts) for kind in Verdict)))
    return pd.DataFrame(rows, columns=["theta", *(kind.name for kind in Verdict)]).set_index("theta")
