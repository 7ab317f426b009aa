"""``python -m book.benchmarks [name ...]``: run the benchmarks and record each in the folder of its chapter."""

import argparse
import time
from collections.abc import Callable
from pathlib import Path

import pandas as pd

from claimbook.tables import DIRTY, commit_of, write_table

from ..shared.tables import provenance
from .adam_steps import adam_steps
from .batching import batching
from .beyond import faces_with_bias, fixed_width, needed_width, optimal_faces, unseen
from .bounds import bounds
from .census import relu_census
from .completion import completion
from .deep import branch_and_bound, deep
from .dense import dense
from .depth import depth_adam, depth_chains, depth_gradient, depth_lbfgs
from .frontier import frontier
from .relu import certified_training, convex_program, exact_polar
from .scnn import against_pyscnn
from .shaken import shaken_descents
from .subnetworks import subnetworks, tuning

BENCHMARKS: dict[str, tuple[str, Callable[[], pd.DataFrame]]] = {
    "adam_steps": ("certified_training", adam_steps),
    "batching": ("deep_networks", batching),
    "completion": ("matrix_factorization", completion),
    "deep": ("deep_networks", deep),
    "branch_and_bound": ("deep_networks", branch_and_bound),
    "depth_adam": ("deep_networks", depth_adam),
    "depth_gradient": ("deep_networks", depth_gradient),
    "depth_lbfgs": ("deep_networks", depth_lbfgs),
    "depth_chains": ("implications", depth_chains),
    "relu_exact_polar": ("certified_training", exact_polar),
    "relu_convex_program": ("certified_training", convex_program),
    "relu_certified_training": ("certified_training", certified_training),
    "relu_frontier": ("certified_training", frontier),
    "relu_bounds": ("certified_training", bounds),
    "relu_census": ("one_hidden_layer", relu_census),
    "shaken": ("one_hidden_layer", shaken_descents),
    "relu_pyscnn": ("certified_training", against_pyscnn),
    "dense": ("implications", dense),
    "optimal_faces": ("beyond_the_paper", optimal_faces),
    "faces_with_bias": ("beyond_the_paper", faces_with_bias),
    "fixed_width": ("beyond_the_paper", fixed_width),
    "needed_width": ("beyond_the_paper", needed_width),
    "unseen": ("beyond_the_paper", unseen),
    "tuning": ("implications", tuning),
    "subnetworks": ("implications", subnetworks),
}
"""Each benchmark: the chapter whose folder `data` holds its table, and the function that makes it."""

CHAPTERS = Path(__file__).parents[1]


def main() -> None:
    """Record the named tables, each by its benchmark."""
    parser = argparse.ArgumentParser(prog="python -m book.benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="name", help=f"of {', '.join(BENCHMARKS)}; all of them if none")
    parser.add_argument("--into", type=Path, help="folder for all tables (default: `data` of each chapter)")
    arguments = parser.parse_args()
    for name in arguments.names:
        if name not in BENCHMARKS:
            parser.error(f"unknown benchmark {name!r}: choose from {', '.join(BENCHMARKS)}")
    if arguments.into is None and commit_of(CHAPTERS).endswith(DIRTY):
        parser.error("the tree holds uncommitted changes, and a table must name its commit: commit, or use --into")
    left_out: list[str] = []
    for name in arguments.names or BENCHMARKS:
        start = time.perf_counter()
        try:
            chapter, function = BENCHMARKS[name]
            table = function()
        except ModuleNotFoundError as missing:
            print(f"{name} left out: {missing}\n")
            left_out.append(name)
            continue
        command = f"python -m book.benchmarks {name}"
        origin = provenance(seed=0, parameters={"command": command}, seconds=time.perf_counter() - start)
        write_table(table, (arguments.into or CHAPTERS / chapter / "data") / f"{name}.csv", origin)
        print(f"{name}\n{table.to_string(index=False)}\n", flush=True)
    if left_out:
        parser.exit(1, f"left out: {', '.join(left_out)}\n")


if __name__ == "__main__":
    main()
