"""Recorded tables survive to the last bit, name where they come from, and are whole or absent."""

import json

import numpy as np
import pandas as pd
import pytest

from claimbook import files
from claimbook.tables import Provenance, read_table, write_table


def provenance(**parameters):
    return Provenance.here(seed=3, parameters=parameters, seconds=0.25)


def test_round_trip(tmp_path):
    random = np.random.default_rng(0).standard_normal(4) * 10.0 ** np.array([-300, -5, 0, 290])
    table = pd.DataFrame({"size": 5, "status": list("abcd"), "bound": [1.0, np.inf, -np.inf, 0.5], "random": random})
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
    assert set(where.versions) == {"python", "numpy", "pandas"}
    assert where.device
    assert where.commit


def test_no_git_is_not_a_failure(monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    assert provenance().commit == "no known commit"


@pytest.mark.parametrize("failing", [".json", ".csv"])
@pytest.mark.parametrize("call", ["replace", "fdopen"])
def test_a_write_that_fails_leaves_the_old_file_whole(tmp_path, monkeypatch, failing, call):
    """The disk is full, or the process is stopped, at any of the four moments."""
    file = tmp_path / "runs.csv"
    write_table(pd.DataFrame({"a": [1]}), file, provenance())
    before = file.read_bytes()
    real, seen = getattr(files.os, call), iter([".json", ".csv"])

    def fails(*arguments, **options):
        if next(seen) == failing:
            raise OSError("no space left")
        return real(*arguments, **options)

    monkeypatch.setattr(files.os, call, fails)
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
