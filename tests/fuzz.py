"""Random small problems, odd ones among them: no bound above a known network, no unit above the polar.

As a command: ``python tests/fuzz.py --count 10000`` (from the root, with the package installed); a shorter run is a
test. Every problem is drawn from its own seed: ``--first 4711 --count 1`` draws one again and prints what it is.
"""

import argparse
import sys
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator

import torch

from drawn import SMALL, Case, draw
from global_optimality import GradientDescent, Problem, Verdict, certify, minimise, polar_of, solve

ROUNDING = 1e-12
"""A bound may exceed the objective of a network by this share of it: that objective is itself a rounded number."""

ATTAINED = 1e-11
"""An atom may miss the value it stands for by this share of ‖Q‖ ‖φ‖: the sums of its value are rounded."""

TOLERANCE = 1e-6
"""Networks whose relative gap is at most this count as certified."""

STEPS = 8
"""Of descent from three starts: the first start and the best end are judged."""

SOLVED = 16
"""One problem in so many is solved as well, for a second: nothing comes nearer to the bounds."""

SECONDS = 1.0


def faults(case: Case) -> Iterator[str]:
    """What is wrong with the bounds of a problem, its polar and its atoms; nothing, if all is well."""
    problem = case.problem
    size = float(problem.loss(torch.zeros(1, *problem.mapping.shape, dtype=torch.float64)))
    deviation = (size / problem.lam) ** (1 / problem.mapping.degree) / 3 if size else 1.0
    start = problem.random(3, 3, seed=case.seed, deviation=deviation)
    descent = minimise(problem, start, method_of(problem), max_steps=STEPS)
    best = descent.objective.nan_to_num(torch.inf).argmin()
    W = tuple(torch.stack([w[0], end[best]]) for w, end in zip(start, descent.weights, strict=True))
    certificate = certify(problem, W, effort=SMALL)
    known = torch.cat([descent.objective, certificate.objective, certificate.escape_objective])
    bound = float(certificate.lower_bound.max())
    yield from polar_faults(problem, certificate.dual[-1:])
    certified = [v is Verdict.CERTIFIED for v in certificate.verdict(TOLERANCE)]
    if any(certified) and float(known.min()) < float(certificate.objective[certified].min()) * (1 - 2 * TOLERANCE):
        yield "a network is certified that another one beats"
    if case.seed % SOLVED == 0:
        begin = tuple(w[-1:] for w in W) if bool(torch.isfinite(certificate.objective[-1])) else None
        solution = solve(problem, start=begin, time_limit=SECONDS, effort=SMALL)
        known = torch.cat([known, solution.certificate.objective])
        bound = max(bound, float(solution.certificate.lower_bound))
        if begin is not None and solution.objective > float(certificate.objective[-1]) * (1 + ROUNDING):
            yield f"solve ends at {solution.objective!r}, above its start {float(certificate.objective[-1])!r}"
    lowest = float(known[torch.isfinite(known)].min())
    if bound > lowest + ROUNDING * abs(lowest):
        yield f"the bound {bound!r} is above a network's {lowest!r}"


def method_of(problem: Problem) -> GradientDescent | None:
    """A descent that respects cones; the usual one where there is none."""
    return GradientDescent() if problem.regularizer.constrained else None


def polar_faults(problem: Problem, dual: torch.Tensor) -> Iterator[str]:
    polar, mapping, theta = polar_of(problem, SMALL), problem.mapping, problem.regularizer
    Q = torch.cat([-dual, torch.ones_like(dual[:1])])
    bound = polar(Q)
    if not bool((bound.lower <= bound.upper).all()):
        yield "the polar's lower end is above its upper one"
    value = mapping.inner(Q, *bound.atom)[:, 0]
    room = Q.flatten(1).norm(dim=1) * mapping.phi(*bound.atom).flatten(1).norm(dim=1)
    for i in ((value - bound.lower).abs() > ATTAINED * room).nonzero()[:, 0].tolist():
        yield f"an atom has {float(value[i])!r} and stands for {float(bound.lower[i])!r}"
    if bool((theta.theta(*bound.atom) > 1 + ATTAINED).any()):
        yield "an atom costs more than 1"
    units = problem.random(1, 200, seed=7)
    pull = torch.stack([mapping.inner(q[None], *units)[0] for q in Q]) / theta.theta(*units)
    if bool((pull.amax(1) > bound.upper * (1 + ROUNDING)).any()):
        yield "a random unit exceeds the polar"


def run(first: int, count: int, say: Callable[[str], None]) -> Counter[str]:
    """The faults found in so many problems, the first of that seed; ``say`` is told each and how far the work is."""
    found: Counter[str] = Counter()
    began = time.monotonic()
    for k, seed in enumerate(range(first, first + count)):
        words = ""
        try:
            case = draw(seed)
            words = case.words
            seen = list(dict.fromkeys(faults(case)))
        except Exception as error:
            seen = [f"{type(error).__name__}: {error} (line {traceback.extract_tb(error.__traceback__)[-1].lineno})"]
        for fault in seen:
            found[fault.split(" has ")[0].split(" above a ")[0].split(" at ")[0][:40]] += 1
            say(f"seed {seed}, {words}: {fault}")
        if (k + 1) % 100 == 0:
            say(f"{k + 1} problems, {sum(found.values())} faults, {time.monotonic() - began:.0f} s")
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--count", type=int, default=10_000, help="how many problems")
    parser.add_argument("--first", type=int, default=0, help="the seed of the first one")
    options = parser.parse_args()
    if options.count == 1:
        print(draw(options.first))
    found = run(options.first, options.count, lambda line: print(line, flush=True))
    print(f"{options.count} problems: {dict(found) or 'no fault'}")
    return bool(found)


if __name__ == "__main__":
    sys.exit(main())
