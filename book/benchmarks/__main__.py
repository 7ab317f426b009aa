"""``python -m book.benchmarks [name ...]``: make recorded tables again, each in the folder of its chapter.

All are sweeps, which keep every chunk in _build/sweeps: a second start goes on where the first one ended, ``--status``
tells how far it is. On a cluster with a scheduler of Dask: ``--scheduler tcp://…``; book/benchmarks/cluster.md shows
Slurm and several GPUs.
"""

import argparse
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pandas as pd

import claimbook
import global_optimality
from claimbook.checkout import DIRTY, NO_COMMIT, commit_of, strangers, why_no_commit
from claimbook.project import BookError, BuildFailed
from claimbook.sweeps import Sweep, Workers, carry_out, spent, status
from claimbook.sweeps.code import files_of, module_of
from claimbook.tables import Provenance, write_table

from ..shared.tables import provenance
from .batching import BATCHING
from .beyond import BEYOND
from .bounds import RELU_BOUNDS
from .build_times import build_times
from .certifying import CERTIFYING_COST
from .completion import COMPLETION
from .completion_peers import COMPLETION_PEERS
from .deep import DEEP
from .deep_layers import DEEP_LAYERS
from .dual_points import RELU_DUAL_POINTS
from .frontier import RELU_FRONTIER
from .grids import SWEEPS
from .memory import MEMORY
from .polar_peers import DEEP_POLAR_PEERS, POLAR_PEERS
from .reach import RELU_REACH
from .relu import RELU
from .scnn import RELU_PYSCNN
from .section_six import SECTION_SIX
from .small_eigen import SMALL_EIGEN
from .starts import MANY_STARTS
from .subnetworks import TUNING, after_tuning
from .throughput import THROUGHPUT
from .time_to_gap import TIME_TO_GAP

BENCHMARKS: dict[str, tuple[str, Sweep | Callable[[], Sweep]]] = {
    "adam_steps": ("certified_training", SWEEPS["adam_steps"]),
    "batching": ("deep_networks", BATCHING),
    "completion": ("matrix_factorization", COMPLETION),
    "deep": ("deep_networks", DEEP["deep"]),
    "branch_and_bound": ("deep_networks", DEEP["branch_and_bound"]),
    "deep_layers": ("deep_certificates", DEEP_LAYERS),
    "depth_adam": ("deep_networks", SWEEPS["depth_adam"]),
    "depth_gradient": ("deep_networks", SWEEPS["depth_gradient"]),
    "depth_lbfgs": ("deep_networks", SWEEPS["depth_lbfgs"]),
    "depth_chains": ("implications", SWEEPS["depth_chains"]),
    **{name: ("certified_training", sweep) for name, sweep in RELU.items()},
    "relu_frontier": ("certified_training", RELU_FRONTIER),
    "relu_dual_points": ("certified_training", RELU_DUAL_POINTS),
    "relu_reach": ("certified_training", RELU_REACH),
    "relu_bounds": ("certified_training", RELU_BOUNDS),
    "certifying_cost": ("../src/global_optimality/torch_networks", CERTIFYING_COST),
    "relu_census": ("one_hidden_layer", SWEEPS["relu_census"]),
    "shaken": ("one_hidden_layer", SWEEPS["shaken"]),
    "relu_pyscnn": ("certified_training", RELU_PYSCNN),
    "dense": ("implications", SWEEPS["dense"]),
    "dropout_by_masks": ("implications", SECTION_SIX["dropout_by_masks"]),
    "path_norm": ("implications", SECTION_SIX["path_norm"]),
    "normalized_networks": ("implications", SECTION_SIX["normalized_networks"]),
    "non_negative_columns": ("matrix_factorization", SECTION_SIX["non_negative_columns"]),
    **{name: ("beyond_the_paper", sweep) for name, sweep in BEYOND.items()},
    "many_starts": ("cost_and_scaling", MANY_STARTS),
    "completion_peers": ("cost_and_scaling", COMPLETION_PEERS),
    "time_to_gap": ("cost_and_scaling", TIME_TO_GAP),
    "polar_peers": ("cost_and_scaling", POLAR_PEERS),
    "deep_polar_peers": ("cost_and_scaling", DEEP_POLAR_PEERS),
    "memory": ("cost_and_scaling", MEMORY),
    "small_eigen": ("cost_and_scaling", SMALL_EIGEN),
    "throughput": ("cost_and_scaling", THROUGHPUT),
    "build_times": ("cost_and_scaling", build_times),
    "tuning": ("implications", TUNING),
    "subnetworks": ("implications", after_tuning),
}
"""Each table: the chapter whose folder `data` holds it (of what the library itself tells, its own folder), and the
sweep that makes it, or what tells it once another table is there."""

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
    if not arguments.status and arguments.into is None and (reason := unfit(arguments.names or list(BENCHMARKS))):
        parser.error(f"{reason}, and a table must name its commit: commit, or use --into")
    memory = arguments.memory and arguments.memory * 1e9
    try:
        arguments.workers = Workers(arguments.workers, arguments.scheduler, memory)
    except BookError as error:
        parser.error(str(error))
    return arguments


def unfit(names: list[str]) -> str | None:
    """Why tables made by this code cannot name a commit; None where they can."""
    commit = commit_of(CHAPTERS)
    if commit == NO_COMMIT:
        return f"the tree has {NO_COMMIT} ({why_no_commit(CHAPTERS)})"
    if commit.endswith(DIRTY):
        return "the tree holds uncommitted changes"
    ours = [Path(str(package.__file__)) for package in (claimbook, global_optimality)]
    sweeps = [sweep for name in names if isinstance(sweep := BENCHMARKS[name][1], Sweep)]
    used = {file for sweep in sweeps for file in files_of(module_of(sweep.run))}
    others = strangers(CHAPTERS, {*ours, *used})
    return f"{others[0]} is code outside this tree" if others else None


def made(name: str, workers: Workers) -> tuple[pd.DataFrame, Provenance]:
    """A table and where it comes from: the seconds of all its chunks, whenever they ran, their device, its peers."""
    known = BENCHMARKS[name][1]
    plan = workers.placed(known if isinstance(known, Sweep) else known())
    table = carry_out(plan, KEPT / name, workers=workers)
    command: dict[str, object] = {"command": f"python -m book.benchmarks {name}"}
    origin = provenance(seed=0, parameters=command, seconds=spent(plan, KEPT / name))
    device = plan.specification["arithmetic"].get("device", "cpu")
    device = origin.device if device == "cpu" else device
    return table, replace(origin, device=device, versions=origin.versions | plan.specification["packages"])


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
            table, origin = made(name, arguments.workers)
        except (ModuleNotFoundError, BookError, BuildFailed) as error:
            lost.append(f"{name}: {error}")
            print(lost[-1], flush=True)
            continue
        place = arguments.into or CHAPTERS / BENCHMARKS[name][0] / "data"
        write_table(table, place / f"{name}.csv", replace(origin, commit=commit))
        print(f"{name}\n{table.to_string(index=False)}\n", flush=True)
    return int(bool(lost))


if __name__ == "__main__":
    raise SystemExit(main())
