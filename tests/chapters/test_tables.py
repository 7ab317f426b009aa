"""Tables of runs and paths: declared columns, every status, provenance."""

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

import book
import cases
from book.benchmarks import __main__ as benchmarks
from book.benchmarks.__main__ import BENCHMARKS
from book.shared.tables import RUN_COLUMNS, frame, path_table, provenance, runs_table
from claimbook.sweeps import Sweep, Workers
from claimbook.tables import read_table
from global_optimality import LBFGS, Status, certify, meta_algorithm, minimise

BOOK = Path(book.__path__[0])


def runs():
    """Four runs, one of which fails: its weights are not a number."""
    f = cases.problem()
    W = tuple(w.clone() for w in f.random(4, 5))
    W[0][2, 0, 0] = torch.nan
    descent = minimise(f, W, LBFGS())
    return f, descent, certify(f, descent.weights)


def test_every_recorded_table_names_its_command_and_a_commit():
    files = sorted(file for file in BOOK.glob("*/data/*.json") if file.with_suffix(".csv").exists())
    assert files
    for file in files:
        _, origin = read_table(file.with_suffix(".csv"))
        assert origin.parameters["command"] == f"python -m book.benchmarks {file.stem}"
        assert file.stem in BENCHMARKS
        assert re.fullmatch("[0-9a-f]{40}", origin.commit), f"{file.stem}: recorded from no commit"


def test_declared_columns_and_failures_are_rows():
    _, descent, certificate = runs()
    table = runs_table(descent, certificate, r=5, method="lbfgs")
    assert list(table.columns) == ["r", "method", *RUN_COLUMNS]
    assert len(table) == 4
    assert table.status.tolist() == ["STATIONARY", "STATIONARY", "NONFINITE", "STATIONARY"]
    failed, good = table.iloc[2], table.iloc[0]
    assert failed.objective == failed.relative_gap == np.inf
    assert failed.lower_bound == -np.inf
    assert good.relative_gap < 1e-8
    assert good["size"] == 5
    assert 1 <= good.active <= 5
    assert table.objective.tolist()[:2] == certificate.objective.tolist()[:2]
    assert all(text for text in RUN_COLUMNS.values())


def test_active_counts_subnetworks_that_are_not_zero():
    f = cases.problem()
    W = tuple(w.clone() for w in f.random(2, 4))
    for w in W:
        w[0, 1:] = 0
    descent = minimise(f, W, max_steps=0)
    assert runs_table(descent, certify(f, W)).active.tolist() == [1, 4]


def test_a_label_may_not_shadow_a_column():
    _, descent, certificate = runs()
    with pytest.raises(ValueError, match="already exists"):
        runs_table(descent, certificate, objective=1)


def test_path_table():
    path = meta_algorithm(cases.problem(), r=1, seed=1)
    table = path_table(path)
    assert list(table.columns) == ["point", "piece", "step", "size", "objective"]
    assert len(table) == len(path.steps)
    assert table.objective.is_monotonic_decreasing or table.objective.diff().max() <= 1e-12 * table.objective.max()
    assert (table.groupby("piece").step.nunique() == 1).all()
    assert table.piece.diff().dropna().isin([0, 1]).all()
    assert set(table.step) <= {"START", "DESCEND", "SLIDE", "APPEND", "ESCAPE"}


def test_frame_takes_vectors_only():
    assert frame(a=torch.arange(3), b=1.5, c=["x", "y", "z"]).shape == (3, 3)
    assert frame(a=torch.arange(2.0, requires_grad=True)).a.tolist() == [0.0, 1.0]
    with pytest.raises(ValueError, match="1-dim"):
        frame(a=torch.ones(2, 2))


def test_every_status_can_be_written():
    assert all(isinstance(status.name, str) for status in Status)


def test_provenance_names_the_versions_that_matter_here():
    where = provenance(seed=3, parameters={"a": 1}, seconds=0.25)
    assert {"python", "torch", "numpy", "pandas"} <= set(where.versions)
    assert (where.seed, where.seconds, where.parameters) == (3, 0.25, {"a": 1})


def beside_a_peer(shared: dict, batch: list[dict]) -> pd.DataFrame:
    """What a benchmark returns."""
    return pd.DataFrame({"way": ["ours", "a peer"]})


def test_a_table_beside_peers_names_their_versions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(BENCHMARKS, "toy", ("cost_and_scaling", Sweep(beside_a_peer, {"a": [1]}, packages=("pytest",))))
    monkeypatch.setattr(benchmarks, "KEPT", tmp_path)
    table, origin = benchmarks.made("toy", Workers())
    assert list(table["way"]) == ["ours", "a peer"]
    assert origin.versions["pytest"] == pytest.__version__
    assert {"torch", "numpy", "pandas"} <= set(origin.versions)
    assert origin.parameters == {"command": "python -m book.benchmarks toy"}


def test_every_recorded_table_is_a_sweep_whose_chunks_are_told_apart():
    for name, (_, known) in BENCHMARKS.items():
        plan = known if isinstance(known, Sweep) else known()
        keys = [chunk.key for chunk in plan.chunks]
        assert len(set(keys)) == len(keys) >= 1, name
