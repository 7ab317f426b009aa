"""The chapter's certificate in plain torch, held against the package's."""

from collections.abc import Callable

from torch import Tensor

from global_optimality.certificate import certify
from global_optimality.streams import generator, normal

from .experiment import factorization

ByHand = Callable[[Tensor, Tensor, Tensor, float], tuple[Tensor, Tensor, Tensor, tuple[Tensor, Tensor]]]
"""From U (r, a), V (r, b), Y (a, b) and λ: f, the lower bound, the polar over λ, and its atom."""


def compared(by_hand: ByHand, *, runs: int, seed: int) -> float:
    """At random networks of three columns for a random 5 × 4 matrix: the largest relative difference of any number.

    The atom counts by what it attains: ⟨Y − X, u vᵀ⟩ against the polar.
    """
    stream = generator(seed, "certificate by hand")
    problem = factorization(normal(stream, 5, 4), 0.3)
    U, V = 0.6 * normal(stream, runs, 3, 5), 0.6 * normal(stream, runs, 3, 4)
    proved = certify(problem, (U, V))
    worst = 0.0
    for k in range(runs):
        f, bound, polar, (u, v) = by_hand(U[k], V[k], problem.loss.Y, problem.lam)
        attained = u @ (problem.loss.Y - U[k].T @ V[k]) @ v / problem.lam
        theirs = proved.objective[k], proved.lower_bound[k], proved.polar[k], proved.polar[k]
        pairs = zip((f, bound, polar, attained), theirs, strict=True)
        worst = max(worst, *(float((mine - b).abs() / b.abs().clamp(min=1e-3)) for mine, b in pairs))
    return worst
