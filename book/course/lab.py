"""A fresh assignment for a class: `python -m book.course.lab FOLDER --seed 7`.

It writes two files. `problem.json` is for students: data, loss and λ. `assignment.json` stays with the teacher: a saved
certificate of a global optimum, whose bound the grading uses.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from global_optimality import save_certificate, solve, verify_certificate

from ..shared.planted_relu import teacher_problem

GIVEN = ("loss", "lam", "output_bias", "S", "Y", "mask", "weights")
"""What of the certificate the students get."""


def assignment(folder: Path, samples: int, seed: int) -> float:
    """Write the two files; return the lower bound that is proved. ``ValueError`` where the solver did not get there."""
    folder.mkdir(parents=True, exist_ok=True)
    solution = solve(teacher_problem(samples, 3, 0.03 * samples, seed=seed))
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
    given = parser.parse_args(words)
    bound = assignment(given.folder, given.samples, given.seed)
    sys.stdout.write(f"no network of any size has an objective below {bound:.10g}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
