"""Sweeps: chunks and their keys, failures as rows, what is stored stays, and bytes that no kill changes."""

import io
import random
import re
from pathlib import Path

import kills
import nbformat
import pandas as pd
import papermill
import pytest
import torch
import toy_sweep

from claimbook.progress import Progress, in_words
from claimbook.project import BookError, BuildFailed
from claimbook.sweeps import Sweep, Workers, carry_out, failed, status, sweep
from claimbook.sweeps.clients import present
from claimbook.sweeps.code import code_of
from claimbook.sweeps.perform import perform

TRIED: list[int] = []
BROKEN = {"memory"}


def square(shared: dict, batch: list[dict]) -> pd.DataFrame:
    TRIED.append(len(batch))
    return pd.DataFrame({"square": [(shared["a"] * varied["b"]) ** 2 for varied in batch]})


def table_of_three(shared: dict, batch: list[dict]) -> pd.DataFrame:
    return pd.DataFrame({"k": range(3), "status": "SMALL"})


def short_of_memory(shared: dict, batch: list[dict]) -> pd.DataFrame:
    if shared["a"] == 2 and BROKEN:
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory")
    return pd.DataFrame({"a_again": [shared["a"]]})


def on_torch(shared: dict, batch: list[dict]) -> pd.DataFrame:
    return pd.DataFrame({"device": [torch.cuda.get_device_name() if torch.cuda.is_available() else "cpu"]})


def one_row_short(shared: dict, batch: list[dict]) -> pd.DataFrame:
    return pd.DataFrame({"x": [0] * (len(batch) - 1)})


def a_number(shared: dict, batch: list[dict]) -> float:
    return 1.0


def quiet() -> Progress:
    return Progress(io.StringIO())


def test_chunks_fit_into_memory_and_are_in_the_key():
    plan = Sweep(square, {"a": [1, 2], "b": range(10)}, ("b",), bytes_per_run=lambda s: 10 * s["a"], memory=40)
    assert [len(chunk.batch) for chunk in plan.chunks] == [4, 4, 2, 2, 2, 2, 2, 2]
    wider = Sweep(square, plan.grid, ("b",), bytes_per_run=lambda s: 10 * s["a"], memory=60)
    threads = Sweep(square, plan.grid, ("b",), bytes_per_run=lambda s: 10 * s["a"], memory=40, threads=2)
    keys = [{chunk.key for chunk in p.chunks} for p in (plan, wider, threads)]
    assert [len(k) for k in keys] == [8, 6, 8]
    assert not keys[0] & keys[2]
    assert {len(c.batch) for c in plan.chunks if c.key in keys[1]} <= {2}, "a chunk with other boundaries is another"


def test_a_row_a_run_in_the_order_of_the_grid(tmp_path: Path):
    TRIED.clear()
    grid = {"b": [1, 2, 3], "a": [10, 20]}
    table = sweep(grid, square, into=tmp_path, batched=("b",), bytes_per_run=1, memory=2, progress=quiet())
    assert table.columns.tolist() == ["b", "a", "square", "status"]
    assert sorted(table["square"]) == [100, 400, 400, 900, 1600, 3600]
    assert TRIED == [2, 1, 2, 1]
    again = sweep(grid, square, into=tmp_path, batched=("b",), bytes_per_run=1, memory=2, progress=quiet())
    assert TRIED == [2, 1, 2, 1], "a chunk on disk is never computed again"
    pd.testing.assert_frame_equal(table, again)
    assert str(status(tmp_path)).endswith("complete, 6 of 6 runs in 4 of 4 chunks")
    whole = carry_out(Sweep(table_of_three, {"a": [1, 2]}), tmp_path, progress=quiet())
    assert whole[["a", "k", "status"]].values.tolist() == [[a, k, "SMALL"] for a in (1, 2) for k in range(3)]


def test_a_run_that_fails_is_a_row_and_the_others_of_its_chunk_are_too(tmp_path: Path):
    table = carry_out(toy_sweep.plan(3), tmp_path, progress=quiet())
    assert len(table) == 18
    assert failed(table)[["n", "seed", "status"]].values.tolist() == [
        [n, 7, "ValueError: seven is refused"] for n in (3, 10)
    ]
    assert (table.loc[table["seed"] != 7, "status"] == "done").all()
    assert table.loc[table["seed"] != 7, "mean"].notna().all()


def test_what_the_machine_lacks_is_no_result(tmp_path: Path):
    plan = Sweep(short_of_memory, {"a": [1, 2, 3]})
    with pytest.raises(BuildFailed, match=r"a = 2: RuntimeError.*\n1 of 3 chunks are missing: start again"):
        carry_out(plan, tmp_path, progress=quiet())
    assert status(tmp_path).stored == 2
    assert "not running" in str(status(tmp_path))
    BROKEN.clear()
    assert list(carry_out(plan, tmp_path, progress=quiet())["a_again"]) == [1, 2, 3]


def test_a_sweep_is_running_while_a_client_lives(tmp_path: Path):
    with present(tmp_path, {"one": 3, "two": 2}, 2):
        assert "running, 0 of 5 runs in 0 of 2 chunks" in str(status(tmp_path))
        assert "not running" not in str(status(tmp_path))
    assert "not running" in str(status(tmp_path))


def test_a_damaged_chunk_is_set_aside_and_done_again(tmp_path: Path):
    plan = toy_sweep.plan(2)
    carry_out(plan, tmp_path, progress=quiet())
    expected, victim = kills.bytes_of(tmp_path), tmp_path / f"{plan.chunks[1].key}.json"
    for damage in (b"", expected[victim.name][:-40], expected[victim.name].replace(b"mean", b"meat")):
        victim.write_bytes(damage)
        carry_out(plan, tmp_path, progress=quiet())
        assert kills.bytes_of(tmp_path) == expected
    assert status(tmp_path).damaged == 3


def test_code_reached_by_imports_is_in_the_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    package = tmp_path / "grown"
    package.mkdir()
    package.joinpath("__init__.py").write_text("")
    package.joinpath("top.py").write_text("import numpy\ndef f():\n    from .inner import g\n")
    package.joinpath("inner.py").write_text("from . import far\nfrom .far import x\n")
    package.joinpath("far.py").write_text("x = 1\n")
    package.joinpath("other.py").write_text("x = 1\n")
    tmp_path.joinpath("x").mkdir()  # a folder beside the package, with the name of what a module defines
    monkeypatch.syspath_prepend(tmp_path)
    code = code_of("grown.top")
    files = {name for name in code if name.startswith("grown")}
    assert files == {"grown.py", "grown.top.py", "grown.inner.py", "grown.far.py"}
    assert "numpy (installed)" in code
    package.joinpath("far.py").write_text("x = 2\n")
    assert code_of("grown.top") == code
    code_of.cache_clear()
    assert {k for k, v in code_of("grown.top").items() if code[k] != v} == {"grown.far.py"}


def test_rows_of_another_device_are_never_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    plan = Sweep(on_torch, {"a": [1, 2]})
    here = carry_out(plan, tmp_path, progress=quiet())
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda: "Pretended GPU")
    other = Sweep(on_torch, {"a": [1, 2]})
    assert other.specification["arithmetic"]["device"] == "Pretended GPU"
    assert not {chunk.key for chunk in plan.chunks} & {chunk.key for chunk in other.chunks}
    there = carry_out(other, tmp_path, progress=quiet())
    assert (set(here["device"]), set(there["device"])) == ({"cpu"}, {"Pretended GPU"})
    with pytest.raises(BookError, match="device Pretended GPU here, cpu there"):
        perform(plan.specification, {"a": 1}, [{}])
    monkeypatch.undo()
    assert set(carry_out(plan, tmp_path, progress=quiet())["device"]) == {"cpu"}
    instructions = {**(plan.specification["arithmetic"]), "vectors": "others"}
    assert plan.on(instructions).chunks[0].key != plan.chunks[0].key


def test_versions_of_peers_that_are_loaded_by_name_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    plan = Sweep(table_of_three, {"a": [1]}, packages=("pytest", "no-such-peer"))
    versions = {"pytest": pytest.__version__, "no-such-peer": "not installed"}
    assert plan.specification["packages"] == versions
    older = {**plan.specification, "packages": {**versions, "pytest": "1.0"}}
    with pytest.raises(BookError, match=rf"another version of a peer \(pytest {pytest.__version__} here, 1.0 there"):
        perform(older, {"a": 1}, [{}])
    assert plan.chunks[0].key != Sweep(table_of_three, {"a": [1]}).chunks[0].key


def test_no_more_workers_than_have_room():
    plan = Sweep(square, {"a": [1], "b": range(4)}, ("b",), bytes_per_run=1e11, memory=1e12)
    assert Workers(8).fitting(plan).count == 1
    assert Workers(8).fitting(Sweep(square, {"a": [1], "b": [1]}, ("b",), bytes_per_run=1)).count == 8
    with pytest.raises(BookError, match=r"4 GB are too few for a chunk of 4e\+02 GB"):
        Workers(8, memory=4e9).fitting(plan)


def test_what_cannot_be_a_sweep_is_refused(tmp_path: Path):
    for wrong in (
        lambda: Sweep(square, {"a": [1]}, ("b",)),
        lambda: Sweep(square, {"a": []}),
        lambda: Sweep(square, {"a": [float("nan")]}),
        lambda: Sweep(square, {"a": [{1}]}),
        lambda: Sweep(square, {"a": [1]}, memory=0),
        lambda: Sweep(lambda shared, batch: pd.DataFrame(), {"a": [1]}),
        lambda: Workers(2, "tcp://127.0.0.1:1"),
        lambda: Workers(-1),
        lambda: Workers(0, memory=1e9),
        lambda: status(tmp_path / "nowhere"),
        lambda: carry_out(Sweep(one_row_short, {"a": [1, 2]}, ("a",)), tmp_path, progress=quiet()),
        lambda: carry_out(Sweep(a_number, {"a": [1, 2]}), tmp_path, progress=quiet()),  # type: ignore[arg-type]
    ):
        with pytest.raises(BookError):
            wrong()


def test_the_time_left_is_said_in_words():
    assert [in_words(s) for s in (5, 100, 7500)] == ["5 s", "2 min", "2 h 5 min"]
    said = io.StringIO()
    said.isatty = lambda: True  # type: ignore[method-assign]
    with Progress(said).counted("law", 4) as count:
        count()
    assert "law 1/4, about 0 s left" in said.getvalue()


def as_shown(text: str) -> str:
    """The last line as a notebook shows it: a carriage return goes back, codes of terminals do nothing."""
    line = ""
    for part in re.sub(r"\x1b\[.*?[@-~]", "", text).rpartition("\n")[2].split("\r"):
        line = part + line[len(part) :]
    return line.rstrip()


@pytest.mark.slow
def test_a_notebook_shows_the_time_left_in_one_line_that_goes_at_the_end(tmp_path: Path):
    cell = f"import sys; from pathlib import Path; sys.path.append({str(Path(toy_sweep.__file__).parent)!r})\n"
    cell += "import toy_sweep; from claimbook.sweeps import carry_out\n"
    cell += f"carry_out(toy_sweep.plan(2), Path({str(tmp_path / 'kept')!r}));"
    nbformat.write(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell)]), tmp_path / "in.ipynb")
    done = papermill.execute_notebook(tmp_path / "in.ipynb", None, kernel_name="python3", progress_bar=False)
    said = [out.text for out in done.cells[-1].outputs if out.get("name") == "stderr"]
    shown = [as_shown("".join(said[: k + 1])) for k in range(len(said))]
    for line in shown[:-1]:
        assert re.fullmatch(r"(running: kept [1-4]/4, about \d+ s left)?", line)
    assert any("kept 2/4" in line for line in shown)
    assert shown[-1] == ""


@pytest.mark.slow
def test_kills_a_full_disk_and_two_clients_change_no_byte(tmp_path: Path):
    carry_out(toy_sweep.plan(4), tmp_path / "quiet", progress=quiet())
    expected, folder = kills.bytes_of(tmp_path / "quiet"), tmp_path / "disturbed"
    kills.fill_disk(folder, 4)
    assert kills.kill_clients(folder, 2, 4, random.Random(0)) == 2
    kills.two_at_once(folder, 4)
    assert kills.bytes_of(folder) == expected


@pytest.mark.slow
def test_killed_workers_change_no_byte(tmp_path: Path):
    carry_out(toy_sweep.plan(8), tmp_path / "quiet", progress=quiet())
    assert kills.kill_workers(tmp_path / "disturbed", 3, 8, random.Random(0)) >= 2
    kills.finish(tmp_path / "disturbed", 0, 8)
    assert kills.bytes_of(tmp_path / "disturbed") == kills.bytes_of(tmp_path / "quiet")
