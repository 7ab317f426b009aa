"""A fresh assignment for a class: `python -m book.course.lab FOLDER --kind completion --seed 7`.

It writes two files. `problem.json` is for students: data, loss and λ. `assignment.json` stays with the teacher: a saved
certificate of a global optimum, whose bound the grading uses.
"""

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import torch

from global_optimality import save_certificate, solve, verify_certificate
from global_optimality.losses import LogisticLoss, MaskedSquaredLoss
from global_optimality.mappings import MatrixProduct, ReluUnit
from global_optimality.problem import Problem
from global_optimality.regularizers import SumOfSquares
from global_optimality.streams import generator, normal, uniform

from ..shared.planted_relu import teacher_problem
from ..shared.relu_problems import inputs

GIVEN = ("loss", "lam", "output_bias", "S", "Y", "mask", "weights")
"""What of the certificate the students get."""


def regression(samples: int, seed: int) -> Problem:
    """Rectified linear units on planted data in three dimensions, squared loss."""
    return teacher_problem(samples, 3, 0.03 * samples, seed=seed)


def classification(samples: int, seed: int) -> Problem:
    """The same inputs, their labels ±1 by the side of the median that the teacher's output lies on, logistic loss."""
    planted = teacher_problem(samples, 3, 1.0, seed=seed)
    S, y = inputs(planted), planted.loss.Y
    labels = torch.where(y > y.median(), 1.0, -1.0).to(y)
    return Problem(LogisticLoss(labels), ReluUnit(S), SumOfSquares(), 0.03 * samples)


def completion(samples: int, seed: int) -> Problem:
    """A matrix of rank two with noise, ``samples`` × COLUMNS, of which about SEEN of the entries are given."""
    stream = generator(seed, "lab", samples, COLUMNS)
    Y = normal(stream, samples, 2) @ normal(stream, 2, COLUMNS)
    Y = Y / Y.std() + 0.1 * normal(stream, samples, COLUMNS)
    mask = uniform(stream, samples, COLUMNS) < SEEN
    return Problem(MaskedSquaredLoss(Y * mask, mask), MatrixProduct(samples, COLUMNS), SumOfSquares(), 1.0)


COLUMNS = 8
SEEN = 0.6
KINDS: dict[str, Callable[[int, int], Problem]] = {f.__name__: f for f in (regression, classification, completion)}
"""What can be set: each is graded in exact arithmetic, as it stands."""


def assignment(folder: Path, samples: int, seed: int, kind: str = "regression") -> float:
    """Write the two files; return the lower bound that is proved. ``ValueError`` where the solver did not get there."""
    folder.mkdir(parents=True, exist_ok=True)
    solution = solve(KINDS[kind](samples, seed))
    kept = folder / "assignment.json"
    save_certificate(kept, solution.problem, solution.weights, solution.certificate)
    found = verify_certificate(kept)
    if not found.confirmed or found.gap > 1e-6 * found.objective:
        raise ValueError(f"seed {seed}: the gap is {found.gap:.3g}; take another seed.")
    saved = json.loads(kept.read_text(encoding="utf-8"))
    given = {"format": "global-optimality problem 1", **{name: saved[name] for name in GIVEN}}
    (folder / "problem.json").write_text(json.dumps(given) + "\n", encoding="utf-8")
    return found.lower_bound


def main(words: Sequence[str]) -> int:
    """Write an assignment; exit status 0."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seed", type=int, default=0, help="another seed, another assignment")
    parser.add_argument("--samples", type=int, default=20)
    parser.add_argument("--kind", choices=KINDS, default="regression", help="what is trained (default: regression)")
    given = parser.parse_args(words)
    bound = assignment(given.folder, given.samples, given.seed, given.kind)
    sys.stdout.write(f"no network of any size has an objective below {bound:.10g}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
