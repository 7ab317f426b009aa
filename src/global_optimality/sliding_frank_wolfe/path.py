"""``solve`` along a path of λ."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from ..effort import Effort
from ..polar import Polar
from ..polar.lookup import oracle_of
from ..problem import Problem, check_problem
from ..settings import number
from ..status import Status
from .solution import Solution
from .solve import solve


def solve_path(problem: Problem, lams: Sequence[float], *, polar: Polar | None = None, **options) -> list[Solution]:
    """``solve`` for every λ, from the largest down, each started from the one before; in the order of ``lams``.

    ``options`` are those of ``solve``; the polar does not depend on λ and is built once. Ctrl-C ends the search: every
    λ that is left gets the last weights and a bound, with INTERRUPTED.
    """
    check_problem(problem)
    polar = oracle_of(problem, polar)
    if not isinstance(lams, Iterable) or isinstance(lams, str | bytes):
        raise TypeError(f"lams is a {type(lams).__name__}: pass several λ, as in [0.1, 0.01].")
    solutions: dict[float, Solution] = {}
    start = options.pop("start", None)
    lams = [number("λ", lam, finite=True) for lam in lams]
    clock = Effort().started("path")
    for lam in sorted(set(lams), reverse=True):
        at, found = replace(problem, lam=lam), None
        if not clock.interrupted:
            with clock.interruptible():
                found = solve(at, polar=polar, start=start, **options)
        if found is None:
            found = solve(at, polar=polar, start=start, **{**options, "time_limit": 0.0})
            found = found if found.status is Status.GLOBAL else replace(found, status=Status.INTERRUPTED)
        solutions[lam], start = found, found.weights
    return [solutions[lam] for lam in lams]
