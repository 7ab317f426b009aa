"""What keeps a chapter from counting as run, in real kernels; other chapters keep their results."""

import io
import os
from collections.abc import Callable

import psutil
import pytest
from throwaway import SUM_CELLS, chapter_text

from claimbook import cache
from claimbook.build import Options, results
from claimbook.key import cuda_name
from claimbook.progress import Progress
from claimbook.project import BookError, BuildFailed, Project

FAILING = {
    "raises": (["n = 1", "x = 1\nx / 0"], {}, "cell 2 of 2", "`x = 1`: ZeroDivisionError"),
    "short": (["n = 1", "raise OSError(24, 'Too many open files')"], {}, "cell 2", "ulimit -n"),
    "exits": (["n = 1", "import sys; sys.exit()", "n"], {}, "cell 3 of 3", "did not run"),
    "hangs": (["n = 1", "while True: pass"], {"limit_minutes": 8 / 60}, "hangs", "still running after 8 s"),
    "killed": (["n = 1", "import os; os.kill(os.getpid(), 9)"], {}, "cell 2 of 2", "the kernel died"),
    "broken": (
        [
            "n = 1",
            "from claimbook import claim",
            'claim("theorem-1/gap", "holds", measured=0.0, at_most=1.0)',
            'claim("theorem-1/other", "too large", measured=2.0, at_most=1.0)',
        ],
        {},
        "cell 4 of 4",
        "ClaimDoesNotHold",
    ),
}


@pytest.mark.slow
def test_every_kind_of_failure_is_named_and_good_results_stay(book: Callable[..., Project]) -> None:
    good = chapter_text(SUM_CELLS)
    failing = {name: chapter_text(cells, **more) for name, (cells, more, _, _) in FAILING.items()}
    project = book({"good": good} | failing)
    shown = io.StringIO()
    with pytest.raises(BuildFailed) as caught:
        results(project, Options(), Progress(shown))
    lines = str(caught.value).splitlines()
    assert {line.split(",")[0].split(":")[0] for line in lines} == set(FAILING)
    for name, (_, _, where, why) in FAILING.items():
        assert any(line.startswith(name) and where in line and why in line for line in lines), (name, lines)
    record = cache.newest(project, "good")
    assert record is not None
    assert all(cache.newest(project, name) is None for name in FAILING)
    assert "good: cell 2/2" in shown.getvalue()
    assert (project.build / "failed" / "raises.ipynb").is_file()
    of_book = [p for p in psutil.process_iter(["cmdline"]) if str(project.root) in (p.info["cmdline"] or ())]
    assert [p.ppid() for p in of_book] == [os.getpid()]  # the server alone, to fork others

    text = record.notebook.read_text()
    project = book({"good": good, "raises": chapter_text(["n = 1", "n"])})
    again = io.StringIO()
    _, records = results(project, Options(), Progress(again))
    assert records["good"] == record
    assert "good: unchanged" in again.getvalue()
    assert "raises: to run" in again.getvalue()
    assert not (project.build / "failed" / "raises.ipynb").exists()

    record.notebook.write_text(text.replace("0\\n", "1\\n"))
    assert record.notebook.read_text() != text
    last = io.StringIO()
    results(project, Options(), Progress(last))
    assert "good: to run" in last.getvalue()
    assert "raises: unchanged" in last.getvalue()
    assert record.notebook.read_text() == text


@pytest.mark.slow
def test_cuda_where_there_is_none_is_an_error_before_anything_runs(
    book: Callable[..., Project], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    cuda_name.cache_clear()
    project = book({"good": chapter_text(SUM_CELLS)})
    with pytest.raises(BookError, match="use device=cpu"):
        results(project, Options(device="cuda"), Progress(io.StringIO()))
    assert not project.build.exists()
