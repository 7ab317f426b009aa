"""``python -m global_optimality.benchmarks [name ...]``: run the benchmarks and record them under data/benchmarks."""

import argparse
import time
from collections.abc import Callable
from pathlib import Path

import pandas as pd

from ..results import Provenance, write_table
from .batching import batching
from .completion import completion
from .deep import branch_and_bound, deep, deep_census

BENCHMARKS: dict[str, Callable[[], pd.DataFrame]] = {
    "batching": batching,
    "completion": completion,
    "deep": deep,
    "branch_and_bound": branch_and_bound,
    "deep_census": deep_census,
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m global_optimality.benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="name", help=f"of {', '.join(BENCHMARKS)}; all of them if none")
    parser.add_argument("--into", type=Path, default=Path("data/benchmarks"), help="folder of the recorded tables")
    arguments = parser.parse_args()
    for name in arguments.names:
        if name not in BENCHMARKS:
            parser.error(f"unknown benchmark {name!r}: choose from {', '.join(BENCHMARKS)}")
    for name in arguments.names or BENCHMARKS:
        start = time.perf_counter()
        table = BENCHMARKS[name]()
        provenance = Provenance.here(seed=0, parameters={"benchmark": name}, seconds=time.perf_counter() - start)
        write_table(table, arguments.into / f"{name}.csv", provenance)
        print(f"{name}\n{table.to_string(index=False)}\n")


if __name__ == "__main__":
    main()
