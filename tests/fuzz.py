"""Random small problems, odd ones among them: no bound above a known network, no unit above the polar.

As a command: ``python tests/fuzz.py --count 10000`` (from the root, with the package installed); a shorter run is a
test. Every problem is drawn from its own seed: ``--first 4711 --count 1`` draws one again and prints what it is.
"""

import argparse
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch

from global_optimality import (
    BiasedReluUnit,
    CrossEntropyLoss,
    DeepLinear,
    LogisticLoss,
    MaskedSquaredLoss,
    MatrixProduct,
    OnLayers,
    Problem,
    RankOneTensor,
    ReluUnit,
    SquaredLoss,
    SumOfPowers,
    SumOfSquares,
    Verdict,
    certify,
    lambda_max,
    minimise,
    polar_of,
    solve,
)
from global_optimality.losses import Loss
from global_optimality.mappings import Mapping
from global_optimality.regularizers import Regularizer

ROUNDING = 1e-12
"""A bound may exceed the objective of a network by this share of it: that objective is itself a rounded number."""

ATTAINED = 1e-11
"""An atom may miss the value it stands for by this share of ‖Q‖ ‖φ‖: the sums of its value are rounded."""

SOLVED = 16
"""One problem in so many is solved as well, for a second: nothing comes nearer to the bounds."""


FAMILIES = {"matrix": 0.15, "masked": 0.1, "relu": 0.4, "free bias": 0.2, "linear": 0.1, "tensor": 0.05}
"""How often each is drawn."""


@dataclass(frozen=True)
class Case:
    """A problem, the seed it was drawn from and words that describe it."""

    seed: int
    problem: Problem
    words: str


def draw(seed: int) -> Case:
    """The problem of a seed: mapping, odd rows, loss, output bias, sample weights, units and λ."""
    random = np.random.default_rng(seed)
    family = random.choice(
        ["matrix", "masked", "relu", "free bias", "linear", "tensor"], p=[0.15, 0.1, 0.4, 0.2, 0.1, 0.05]
    )
    N, c = int(random.integers(2, 9)), int(random.integers(1, 4))
    unit = 2.0 ** int(random.choice([0, 0, 0, -20, 20, -100, 100]))
    theta: Regularizer = SumOfSquares()
    if family in ("matrix", "masked"):
        mapping: Mapping = MatrixProduct(N, c)
    elif family == "tensor":
        mapping, theta = RankOneTensor((2, N % 3 + 1, 2)), SumOfPowers(3)
    else:
        S = torch.from_numpy(rows(random, N, int(random.integers(1, 4)))) * unit
        if family == "free bias":
            mapping, theta = BiasedReluUnit(S, c), OnLayers(SumOfSquares(), (0, 2))
        else:
            mapping = ReluUnit(S, c) if family == "relu" else DeepLinear(S.shape[1], (2, c), S)
    loss, kind = loss_of(random, mapping.shape, family, 2.0 ** int(random.choice([0, 0, 0, -60, 60])))
    lam = lambda_max(Problem(loss, mapping, theta, 1.0)) * 10.0 ** random.uniform(-6, 0.3)
    if not 1e-280 < lam < 1e280:
        lam = 1.0
    return Case(
        seed, Problem(loss, mapping, theta, lam), f"{family} {mapping.shape} {kind}, units {unit:g}, λ = {lam:.3g}"
    )


def rows(random: np.random.Generator, N: int, d: int) -> np.ndarray:
    """Samples: general ones, or with repeated, opposite, zero, collinear or nearly equal rows, or a column of ones."""
    S = random.normal(size=(N, d))
    odd, i, k = random.integers(0, 8), 0, N - 1
    if odd == 1:
        S[k] = S[i]
    elif odd == 2:
        S[k] = -2 * S[i]
    elif odd == 3:
        S[k] = 0
    elif odd == 4:
        S = random.normal(size=(N, 1)) * random.normal(size=(1, d))
    elif odd == 5:
        S[k] = S[i] * (1 + 1e-12) + 1e-13
    elif odd == 6:
        S[:, -1] = 1
    elif odd == 7:
        S = np.round(S * 2) / 2 + (np.arange(N)[:, None] == 0)
    if np.ptp(S, axis=0).max() == 0:
        S[0] += 1
    return S


def loss_of(random: np.random.Generator, shape: tuple[int, ...], family: str, unit: float) -> tuple[Loss, str]:
    Y = random.normal(size=shape)
    if family == "masked":
        mask = random.random(shape) < 0.6
        mask.flat[0] = True
        return MaskedSquaredLoss(torch.from_numpy(Y) * unit, torch.from_numpy(mask)), "masked"
    if family == "tensor":
        return SquaredLoss(torch.from_numpy(Y) * unit), "squared"
    bias = random.choice([None, 0.0, 0.5]) if family != "free bias" else 0.0
    weights = torch.from_numpy(random.uniform(0.1, 3, shape[0])) if random.random() < 0.3 else None
    kind = random.choice(["squared", "logistic", "cross entropy"], p=[0.75, 0.2, 0.05])
    options = {"output_bias": bias, "weights": weights}
    words = f"{kind}, output bias {bias}{', weights' if weights is not None else ''}"
    if kind == "logistic" and shape[0] > 1:
        signs = np.sign(Y) + (Y == 0)
        signs[0], signs[1] = 1, -1
        return LogisticLoss(torch.from_numpy(signs), **options), words
    if kind == "cross entropy" and shape[0] >= shape[1] > 1:
        labels = np.concatenate([np.arange(shape[1]), random.integers(0, shape[1], shape[0] - shape[1])])
        return CrossEntropyLoss(torch.from_numpy(labels), classes=shape[1], **options), words
    return SquaredLoss(torch.from_numpy(Y) * unit, **options), words.replace(kind, "squared")


def faults(case: Case) -> Iterator[str]:
    """What is wrong with the bounds of a problem, its polar and its atoms; nothing, if all is well."""
    problem = case.problem
    size = float(problem.loss(torch.zeros(1, *problem.mapping.shape, dtype=torch.float64)))
    start = problem.random(3, 3, seed=case.seed, deviation=(size / problem.lam) ** 0.5 / 3 if size else 1.0)
    ends = minimise(problem, start, max_steps=25)
    known = torch.cat([problem(*start), ends.objective])
    bounds = []
    for W in (start, ends.weights):
        certificate = certify(problem, W)
        known = torch.cat([known, certificate.escape_objective])
        bounds.append(certificate.lower_bound)
        yield from polar_faults(problem, certificate.dual)
        certified = [v is Verdict.CERTIFIED for v in certificate.verdict(1e-6)]
        if any(certified) and float(known.min()) < float(certificate.objective[certified].min()) * (1 - 2e-6):
            yield "a network is certified that another one beats"
    if case.seed % SOLVED == 0:
        solution = solve(problem, time_limit=1)
        known = torch.cat([known, solution.certificate.objective])
        bounds.append(solution.certificate.lower_bound)
    known = known[torch.isfinite(known)]
    highest, lowest = float(torch.cat(bounds).max()), float(known.min())
    if highest > lowest + ROUNDING * abs(lowest):
        yield f"the bound {highest!r} is above a network's {lowest!r}"


def polar_faults(problem: Problem, dual: torch.Tensor) -> Iterator[str]:
    polar, mapping, theta = polar_of(problem), problem.mapping, problem.regularizer
    for Q in (-dual, torch.ones_like(dual[:1])):
        bound = polar(Q)
        if not bool((bound.lower <= bound.upper).all()):
            yield "the polar's lower end is above its upper one"
        value = mapping.inner(Q, *bound.atom)[:, 0]
        room = Q.flatten(1).norm(dim=1) * mapping.phi(*bound.atom).flatten(1).norm(dim=1)
        if bool(((value - bound.lower).abs() > ATTAINED * room).any()):
            yield f"an atom has {float(value[0])!r} and stands for {float(bound.lower[0])!r}"
        units = problem.random(1, 200, seed=7)
        price = theta.theta(*units)
        pull = torch.stack([mapping.inner(q[None], *units)[0] for q in Q]) / price
        if bool((pull.amax(1) > bound.upper * (1 + ROUNDING)).any()):
            yield "a random unit exceeds the polar"


def run(first: int, count: int, say: Callable[[str], None]) -> Counter[str]:
    """The faults found in so many problems, the first of that seed; ``say`` is told each and how far the work is."""
    found: Counter[str] = Counter()
    began = time.monotonic()
    for k, seed in enumerate(range(first, first + count)):
        case = draw(seed)
        for fault in dict.fromkeys(faults(case)):
            found[fault.split(" has ")[0].split(" above a ")[0][:40]] += 1
            say(f"seed {seed}, {case.words}: {fault}")
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
