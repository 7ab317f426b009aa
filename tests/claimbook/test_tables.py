"""Recorded tables survive to the last bit, name where they come from, and are whole or absent."""

import json
import subprocess

import numpy as np
import pandas as pd
import pytest

from claimbook import files, tables
from claimbook.tables import DIRTY, Provenance, commit_of, read_table, write_table


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
    def missing(*_, **__):
        raise FileNotFoundError("git")

    monkeypatch.setattr(tables.subprocess, "run", missing)
    assert provenance().commit == "not under git"


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


def test_a_tree_with_uncommitted_changes_is_marked(tmp_path):
    def git(*words):
        identity = ["-c", "user.name=x", "-c", "user.email=x@example.org"]
        subprocess.run(["git", *identity, *words], cwd=tmp_path, check=True, capture_output=True)

    git("init", "-q")
    (tmp_path / "a").write_text("1")
    git("add", "a")
    git("commit", "-qm", "one")
    assert len(commit_of(tmp_path)) == 40
    (tmp_path / "a").write_text("2")
    assert commit_of(tmp_path).endswith(DIRTY)


def test_a_tree_without_a_commit_says_why(tmp_path, monkeypatch):
    assert "not a git repository" in tables.why_no_commit(tmp_path)
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
    assert "fatal: " in tables.why_no_commit(tmp_path)
    monkeypatch.setenv("PATH", "/nowhere")
    assert tables.why_no_commit(tmp_path) == "git: No such file or directory"
    assert commit_of(tmp_path) == tables.NO_COMMIT


def test_changes_that_git_was_told_not_to_see_are_seen(tmp_path, monkeypatch):
    who = ("-c", "user.name=a", "-c", "user.email=a@b.example")

    def git(*words):
        subprocess.run(["git", *words], cwd=tmp_path, check=True, capture_output=True)

    git("init", "-q")
    module, hidden = tmp_path / "module.py", tmp_path / "hidden.py"
    module.write_text("x = 1\n")
    git("add", "module.py")
    git(*who, "commit", "-qm", "one")
    clean = commit_of(tmp_path)
    assert len(clean) == 40
    git("config", "status.showUntrackedFiles", "no")
    hidden.write_text("x = 2\n")
    assert commit_of(tmp_path) == clean + DIRTY
    (tmp_path / ".git" / "info").mkdir(exist_ok=True)
    (tmp_path / ".git" / "info" / "exclude").write_text("hidden.py\n")
    assert tables.strangers(tmp_path, [module, hidden]) == [hidden], "a module that is ignored is in no commit"
    module.write_text("x = 3\n")
    for flag in ("assume-unchanged", "skip-worktree"):
        git("update-index", f"--{flag}", "module.py")
        assert commit_of(tmp_path) == clean + DIRTY, flag
        git("update-index", f"--no-{flag}", "module.py")
    other = tmp_path / "other"
    other.mkdir()
    for words in (("init", "-q"), (*who, "commit", "-qm", "none", "--allow-empty")):
        subprocess.run(["git", *words], cwd=other, check=True)
    monkeypatch.setenv("GIT_DIR", str(other / ".git"))
    monkeypatch.setenv("GIT_WORK_TREE", str(other))
    assert commit_of(tmp_path) == clean + DIRTY, "of the tree around it, whatever the environment names"
