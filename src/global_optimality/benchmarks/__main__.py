"""``python -m global_optimality.benchmarks [name ...]``: run the benchmarks and record them under data/benchmarks."""

import argparse
import time
from collections.abc import Callable
from pathlib import Path

import pandas as pd

from ..results import Provenance, write_table
from .batching import batching
from .census import relu_census
from .completion import completion
from .deep import branch_and_bound, deep, deep_census
from .frontier import frontier
from .relu import certified_training, convex_program, exact_polar
from .scnn import against_pyscnn
from .subnetworks import subnetworks, tuning

BENCHMARKS: dict[str, Callable[[], pd.DataFrame]] = {
    "batching": batching,
    "completion": completion,
    "deep": deep,
    "branch_and_bound": branch_and_bound,
    "deep_census": deep_census,
    "relu_exact_polar": exact_polar,
    "relu_convex_program": convex_program,
    "relu_certified_training": certified_training,
    "relu_frontier": frontier,
    "relu_census": relu_census,
    "relu_pyscnn": against_pyscnn,
    "tuning": tuning,
    "subnetworks": subnetworks,
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m global_optimality.benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="name", help=f"of {', '.join(BENCHMARKS)}; all of them if none")
    parser.add_argument("--into", type=Path, default=Path("data/benchmarks"), help="folder of the recorded tables")
    arguments = parser.parse_args()
    for name in arguments.names:
        if name not in BENCHMARKS:
            parser.error(f"unknown benchmark {name!r}: choose from {', '.join(BENCHMARKS)}")
    left_out: list[str] = []
    for name in arguments.names or BENCHMARKS:
        start = time.perf_counter()
        try:
            table = BENCHMARKS[name]()
        except ModuleNotFoundError as missing:
            print(f"{name} left out: {missing}\n")
            left_out.append(name)
            continue
        provenance = Provenance.here(seed=0, parameters={"benchmark": name}, seconds=time.perf_counter() - start)
        write_table(table, arguments.into / f"{name}.csv", provenance)
        print(f"{name}\n{table.to_string(index=False)}\n", flush=True)
    if left_out:
        parser.exit(1, f"left out: {', '.join(left_out)}\n")


if __name__ == "__main__":
    main()
