"""What Theorems 1 and 2 do when the degrees of φ and θ differ: neighbours, ways out of zero, the construction."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import pandas as pd
import torch
from torch import Tensor

from global_optimality.descent import NewtonCG, minimise
from global_optimality.factors import (
    Factors,
    append,
    flatten,
    scale,
    slice_norms,
    take_runs,
    unflatten,
    zeros_like_slice,
)
from global_optimality.meta_algorithm import null_vectors
from global_optimality.polar import polar_of
from global_optimality.problem import Problem
from global_optimality.regularizers import Norm, ProductOfNorms
from global_optimality.streams import generator, normal

from ..shared.tables import frame
from .mismatched_networks import THREE, ZERO, DeepLinearOn, K, optimum


def polished(problem: Problem, W: Factors, runs: Sequence[int]) -> Factors:
    """Some runs with their subnetworks that are ZERO set to zero, and descended by Newton's method to the end."""
    chosen = take_runs(W, torch.tensor(list(runs), dtype=torch.int64))
    cleared = scale(chosen, (slice_norms(chosen) > ZERO).double())
    return minimise(problem, cleared, NewtonCG(), tol=1e-11, max_steps=300).weights


def neighbours(
    problem: Problem, W: Factors, *, tries: int = 200, distance: float = 1e-2, seed: int = 0
) -> pd.DataFrame:
    """For each run: the gradient, the least eigenvalue of the Hessian, the least change of f at nearby points, all
    points within ``distance`` relative to the weights; and the same for nearby points that move zero subnetworks only.
    """
    rows, stream = [], generator(seed, "neighbours")
    for run in range(len(W[0])):
        one = take_runs(W, torch.tensor([run]))
        value, gradient = problem.gradient(*one)
        x = flatten(one)
        size = distance * x.norm().clamp(min=1) * torch.logspace(-2, 0, tries, dtype=torch.float64, device=x.device)
        step = normal(stream, tries, x.shape[1], like=x)
        step = size[:, None] * step / step.norm(dim=1, keepdim=True)
        change = problem(*unflatten(x + step, one)) - value
        idle = (slice_norms(one) == 0).double().expand(tries, -1)
        only = scale(unflatten(step, one), idle)
        from_zero = problem(*(a + b for a, b in zip(one, only, strict=True))) - value
        eigenvalue = torch.linalg.eigvalsh(_hessian(problem, one))[0]
        norm = torch.stack([g.square().sum() for g in gradient]).sum().sqrt()
        rows.append((run, float(value), float(norm), float(eigenvalue), float(change.min()), float(from_zero.min())))
    names = ["run", "objective", "gradient_norm", "least_eigenvalue", "least_change", "least_change_from_zero"]
    return pd.DataFrame(rows, columns=names)


def _hessian(problem: Problem, W: Factors) -> Tensor:
    m = flatten(W).shape[1]
    basis = unflatten(torch.eye(m, dtype=W[0].dtype, device=W[0].device), W)
    copies = tuple(w.expand(m, *w.shape[1:]) for w in W)
    H = flatten(problem.hessian_product(copies, basis))
    return (H + H.T) / 2


def balanced_twin(problem: Problem) -> Problem:
    """The same loss and mapping with the product of norms: its polar names directions for every θ."""
    return replace(problem, regularizer=ProductOfNorms((Norm.TWO,) * problem.mapping.degree), allow_mismatch=False)


def atom_at(problem: Problem, W: Factors) -> Factors:
    """The direction w, all layers of norm 1, with the largest ⟨−∇ℓ, φ(w)⟩ at the output of each run of W."""
    with torch.no_grad():
        return polar_of(balanced_twin(problem))(-problem.loss.gradient(problem.mapping.Phi(*W))).atom


def beside(problem: Problem, W: Factors, atom: Factors, t: float) -> Factors:
    """W with one more subnetwork t^{1/p} w, which adds t φ(w) to the output."""
    return append(W, tuple(t ** (1 / problem.mapping.degree) * w for w in atom))


def from_zero(problem: Problem, W: Factors, times: Sequence[float]) -> pd.DataFrame:
    """f(W and t^{1/p} w) − f(W) for the polar's direction w at W: one row a t and run."""
    atom, value = atom_at(problem, W), problem(*W)
    tables = [
        frame(
            t=t,
            run=range(len(value)),
            change=problem(*beside(problem, W, atom, t)) - value,
            q=problem.regularizer.degree,
        )
        for t in times
    ]
    return pd.concat(tables, ignore_index=True)


def rays(Y: Tensor, lam: float, times: Sequence[float]) -> pd.DataFrame:
    """``from_zero`` at the zero network, for q = 2, 3 (repaired decay) and 4."""
    tables = []
    for theta in THREE.values():
        problem = DeepLinearOn(Y, lam)(theta)
        zero = tuple(torch.zeros_like(w) for w in problem.random(1, 1))
        tables.append(from_zero(problem, zero, times))
    return pd.concat(tables, ignore_index=True)


def walks(Y: Tensor, lam: float, r: int, *, deviation: float, seed: int) -> dict[str, tuple[pd.DataFrame, float]]:
    """``walk`` from one start for each degree, and the least f over all sizes (q = 4: 0, never attained)."""
    tables = {}
    for name, theta in THREE.items():
        problem, q = DeepLinearOn(Y, lam)(theta), theta.degree
        start = problem.random(1, r, seed=seed, deviation=deviation)
        tables[name] = walk(problem, start), optimum(Y, lam, q) if q <= K else 0.0
    return tables


def walk(problem: Problem, W: Factors, *, rounds: int = 6, samples: int = 4) -> pd.DataFrame:
    """Theorem 2's construction step by step as printed, on one run, whatever the degrees: a row a point.

    Descend; if no subnetwork is zero, slide along a null vector if there is one, else append zero; from zero, go along
    the polar's direction if f falls there at once, else stop, as Theorem 1 would. At most ``rounds`` rounds.
    """
    rows: list[tuple[str, int, float]] = []

    def note(step: str, V: Factors) -> None:
        rows.append((step, V[0].shape[1], float(problem(*V))))

    note("START", W)
    times = [(j + 1) / (samples + 1) for j in range(samples + 1)]
    reach = (1e-9, *torch.logspace(-3, 1, 81, dtype=torch.float64).tolist())
    for _ in range(rounds):
        W = _descend(problem, W, note)
        idle = slice_norms(W)[0] <= ZERO
        if not idle.any():
            betas = null_vectors(problem, W)
            if betas:
                for t in times:
                    moved = scale(W, (1 + t * betas[0]).clamp(min=0)[None] ** (1 / problem.mapping.degree))
                    note("SLIDE", moved)
                W = moved
            else:
                W = append(W, zeros_like_slice(W))
                note("APPEND", W)
            idle = slice_norms(W)[0] <= ZERO
        ray = from_zero(problem, W, reach)["change"]
        if not ray.iloc[0] < 0:
            break
        best, slot, atom = reach[int(ray.argmin())], int(idle.nonzero()[0, 0]), atom_at(problem, W)
        start = W
        for t in times:
            size = (t * best) ** (1 / problem.mapping.degree)
            W = tuple(
                w.index_copy(1, torch.tensor([slot], device=w.device), size * a)
                for w, a in zip(start, atom, strict=True)
            )
            note("ESCAPE", W)
    table = pd.DataFrame(rows, columns=["step", "size", "objective"])
    return table.assign(point=range(len(table)))


def _descend(problem: Problem, W: Factors, note: Callable[[str, Factors], None]) -> Factors:
    end = minimise(
        problem, W, NewtonCG(interior=2), tol=1e-9, max_steps=300, observe=lambda V, _: note("DESCEND", V)
    )  # fmt: skip
    return scale(end.weights, (slice_norms(end.weights) > ZERO).double())
