"""``python -m book.benchmarks [name ...]``: make recorded tables again, each in the folder of its chapter.

Those that are sweeps keep every chunk in _build/sweeps: a second start goes on where the first one ended, ``--status``
tells how far it is. On a cluster with a scheduler of Dask: ``--scheduler tcp://…``; book/benchmarks/cluster.md shows
Slurm and several GPUs.
"""

import argparse
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pandas as pd

from claimbook.project import BookError, BuildFailed
from claimbook.sweeps import Sweep, Workers, carry_out, spent, status
from claimbook.tables import DIRTY, commit_of, write_table

from ..shared.tables import provenance
from .batching import batching
from .beyond import faces_with_bias, fixed_width, needed_width, optimal_faces, unseen
from .bounds import bounds
from .certifying import certifying_cost
from .completion import completion
from .completion_peers import COMPLETION_PEERS
from .deep import branch_and_bound, deep
from .frontier import frontier
from .grids import SWEEPS
from .polar_peers import DEEP_POLAR_PEERS, POLAR_PEERS
from .reach import RELU_REACH
from .relu import certified_training, convex_program, exact_polar
from .scnn import against_pyscnn
from .section_six import dropout_by_masks, non_negative_columns, normalized_networks, path_norm
from .starts import MANY_STARTS
from .subnetworks import subnetworks, tuning
from .time_to_gap import TIME_TO_GAP

BENCHMARKS: dict[str, tuple[str, Callable[[], pd.DataFrame] | Sweep]] = {
    "adam_steps": ("certified_training", SWEEPS["adam_steps"]),
    "batching": ("deep_networks", batching),
    "completion": ("matrix_factorization", completion),
    "deep": ("deep_networks", deep),
    "branch_and_bound": ("deep_networks", branch_and_bound),
    "depth_adam": ("deep_networks", SWEEPS["depth_adam"]),
    "depth_gradient": ("deep_networks", SWEEPS["depth_gradient"]),
    "depth_lbfgs": ("deep_networks", SWEEPS["depth_lbfgs"]),
    "depth_chains": ("implications", SWEEPS["depth_chains"]),
    "relu_exact_polar": ("certified_training", exact_polar),
    "relu_convex_program": ("certified_training", convex_program),
    "relu_certified_training": ("certified_training", certified_training),
    "relu_frontier": ("certified_training", frontier),
    "relu_reach": ("certified_training", RELU_REACH),
    "relu_bounds": ("certified_training", bounds),
    "certifying_cost": ("../src/global_optimality/torch_networks", certifying_cost),
    "relu_census": ("one_hidden_layer", SWEEPS["relu_census"]),
    "shaken": ("one_hidden_layer", SWEEPS["shaken"]),
    "relu_pyscnn": ("certified_training", against_pyscnn),
    "dense": ("implications", SWEEPS["dense"]),
    "dropout_by_masks": ("implications", dropout_by_masks),
    "path_norm": ("implications", path_norm),
    "normalized_networks": ("implications", normalized_networks),
    "non_negative_columns": ("matrix_factorization", non_negative_columns),
    "optimal_faces": ("beyond_the_paper", optimal_faces),
    "many_faces": ("beyond_the_paper", SWEEPS["many_faces"]),
    "faces_with_bias": ("beyond_the_paper", faces_with_bias),
    "fixed_width": ("beyond_the_paper", fixed_width),
    "needed_width": ("beyond_the_paper", needed_width),
    "unseen": ("beyond_the_paper", unseen),
    "many_starts": ("cost_and_scaling", MANY_STARTS),
    "completion_peers": ("cost_and_scaling", COMPLETION_PEERS),
    "time_to_gap": ("cost_and_scaling", TIME_TO_GAP),
    "polar_peers": ("cost_and_scaling", POLAR_PEERS),
    "deep_polar_peers": ("cost_and_scaling", DEEP_POLAR_PEERS),
    "tuning": ("implications", tuning),
    "subnetworks": ("implications", subnetworks),
}
"""Each table: the chapter whose folder `data` holds it (of what the library itself tells, its own folder), and the
function or the sweep that makes it."""

CHAPTERS = Path(__file__).parents[1]
KEPT = CHAPTERS.parent / "_build" / "sweeps"


def arguments_of(words: list[str] | None = None) -> argparse.Namespace:
    """The command line, checked."""
    parser = argparse.ArgumentParser(prog="python -m book.benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="name", help=f"of {', '.join(BENCHMARKS)}; all of them if none")
    parser.add_argument("--into", type=Path, help="folder for all tables (default: `data` of each chapter)")
    parser.add_argument("--workers", type=int, default=0, help="processes of this machine for sweeps (default: none)")
    parser.add_argument("--scheduler", metavar="ADDRESS", help="of a Dask scheduler, as tcp://host:8786")
    parser.add_argument("--memory", type=float, metavar="GB", help="that one worker of this machine may take")
    parser.add_argument("--status", action="store_true", help="how far the sweeps are, running or dead")
    arguments = parser.parse_args(words)
    for name in arguments.names:
        if name not in BENCHMARKS:
            parser.error(f"unknown benchmark {name!r}: choose from {', '.join(BENCHMARKS)}")
    if not arguments.status and arguments.into is None and commit_of(CHAPTERS).endswith(DIRTY):
        parser.error("the tree holds uncommitted changes, and a table must name its commit: commit, or use --into")
    memory = arguments.memory and arguments.memory * 1e9
    try:
        arguments.workers = Workers(arguments.workers, arguments.scheduler, memory)
    except BookError as error:
        parser.error(str(error))
    return arguments


def made(name: str, workers: Workers) -> tuple[pd.DataFrame, float]:
    """A table, and the seconds that it took; those of all its chunks where it is a sweep, whenever they ran."""
    start, make = time.perf_counter(), BENCHMARKS[name][1]
    if isinstance(make, Sweep):
        table = carry_out(make, KEPT / name, workers=workers)
        return table, spent(make, KEPT / name)
    return make(), time.perf_counter() - start


def tell() -> None:
    """Print how far the sweeps are that were ever started."""
    for folder in sorted(file.parent for file in KEPT.glob("*/plan.json")):
        print(status(folder))


def main() -> int:
    """Record the named tables, each by its benchmark; 1 where one could not be made."""
    arguments = arguments_of()
    if arguments.status:
        tell()
        return 0
    lost: list[str] = []
    commit = commit_of(CHAPTERS)  # before the first table is written: that changes the tree
    for name in arguments.names or BENCHMARKS:
        try:
            table, seconds = made(name, arguments.workers)
        except (ModuleNotFoundError, BookError, BuildFailed) as error:
            lost.append(f"{name}: {error}")
            print(lost[-1], flush=True)
            continue
        origin = provenance(seed=0, parameters={"command": f"python -m book.benchmarks {name}"}, seconds=seconds)
        origin = replace(origin, commit=commit)
        place = arguments.into or CHAPTERS / BENCHMARKS[name][0] / "data"
        write_table(table, place / f"{name}.csv", origin)
        print(f"{name}\n{table.to_string(index=False)}\n", flush=True)
    return int(bool(lost))


if __name__ == "__main__":
    raise SystemExit(main())
