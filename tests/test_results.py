import json

import numpy as np
import pandas as pd
import pytest
import torch

import cases
from global_optimality import LBFGS, Status, certify, meta_algorithm, minimise, results
from global_optimality.results import RUN_COLUMNS, Provenance, frame, path_table, read_table, runs_table, write_table


def provenance(**parameters):
    return Provenance.here(seed=3, parameters=parameters, seconds=0.25)


def runs():
    """Four runs, one of which fails: its weights are not a number."""
    f = cases.problem()
    W = tuple(w.clone() for w in f.random(4, 5))
    W[0][2, 0, 0] = torch.nan
    descent = minimise(f, W, LBFGS())
    return f, descent, certify(f, descent.weights)


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


def test_round_trip(tmp_path):
    _, descent, certificate = runs()
    table = runs_table(descent, certificate, r=5)
    table["random"] = np.random.default_rng(0).standard_normal(4) * 10.0 ** np.array([-300, -5, 0, 290])
    where = provenance(tier="quick", sizes=[1, 2], λ=0.1)
    file = tmp_path / "deep" / "er" / "runs.csv"
    write_table(table, file, where)
    again, origin = read_table(file)
    pd.testing.assert_frame_equal(again, table, check_exact=True)
    assert origin == where
    assert sorted(p.name for p in file.parent.iterdir()) == ["runs.csv", "runs.json"], "nothing else is left"


def test_floats_survive_to_the_last_bit(tmp_path):
    rng = np.random.default_rng(1)
    table = pd.DataFrame({"x": rng.standard_normal(5000) * 10.0 ** rng.integers(-300, 300, 5000)})
    write_table(table, tmp_path / "x.csv", provenance())
    assert np.array_equal(read_table(tmp_path / "x.csv")[0].x, table.x)


def test_provenance_says_where_a_table_comes_from():
    where = provenance(a=1)
    assert where.seed == 3
    assert where.seconds == 0.25
    assert where.parameters == {"a": 1}
    assert {"python", "torch", "pandas"} <= set(where.versions)
    assert where.device
    assert where.commit


def test_no_git_is_not_a_failure(monkeypatch):
    def missing(*_, **__):
        raise FileNotFoundError("git")

    monkeypatch.setattr(results.subprocess, "run", missing)
    assert provenance().commit == "not under git"


@pytest.mark.parametrize("failing", [".json", ".csv"])
@pytest.mark.parametrize("call", ["replace", "write"])
def test_a_write_that_fails_leaves_the_old_file_whole(tmp_path, monkeypatch, failing, call):
    """The disk is full, or the process is stopped, at any of the four moments."""
    file = tmp_path / "runs.csv"
    write_table(pd.DataFrame({"a": [1]}), file, provenance())
    before = file.read_bytes()
    real_replace, real_write = results.os.replace, results.File.write_text

    def replace(source, target):
        if str(target).endswith(failing) and call == "replace":
            raise OSError("no space left")
        real_replace(source, target)

    def write(self, text, **options):
        if f"{failing}." in self.name and call == "write":
            real_write(self, text[: len(text) // 2], **options)
            raise OSError("no space left")
        return real_write(self, text, **options)

    monkeypatch.setattr(results.os, "replace", replace)
    monkeypatch.setattr(results.File, "write_text", write)
    with pytest.raises(OSError, match="no space left"):
        write_table(pd.DataFrame({"a": [2, 3]}), file, provenance())
    assert file.read_bytes() == before
    json.loads(file.with_suffix(".json").read_text())
    assert sorted(p.name for p in tmp_path.iterdir()) == ["runs.csv", "runs.json"]


def test_a_first_write_that_fails_leaves_no_table(tmp_path):
    with pytest.raises(TypeError):
        write_table(pd.DataFrame({"a": [1]}), tmp_path / "a.csv", provenance(unserialisable=object()))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["runs.txt", "runs", "runs.csv.gz", "runs.json"])
def test_other_suffixes_are_refused(tmp_path, name):
    with pytest.raises(ValueError, match=r"\.csv"):
        write_table(pd.DataFrame({"a": [1]}), tmp_path / name, provenance())
    assert list(tmp_path.iterdir()) == []


def test_a_table_without_provenance_is_not_read(tmp_path):
    write_table(pd.DataFrame({"a": [1]}), tmp_path / "a.csv", provenance())
    (tmp_path / "a.json").unlink()
    with pytest.raises(FileNotFoundError, match=r"a\.json"):
        read_table(tmp_path / "a.csv")


def test_every_status_can_be_written():
    assert all(isinstance(status.name, str) for status in Status)
