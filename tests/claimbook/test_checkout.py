"""The commit that a result names is that of the tree around it, and none where there is none, in any checkout."""

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from claimbook import checkout
from claimbook.checkout import DIRTY, NO_COMMIT, at, changes, commit_of, date_of, strangers, why_no_commit

WHO = ("-c", "user.name=A", "-c", "user.email=a@example.org", "-c", "protocol.file.allow=always")


def git(place: Path, *words: str) -> str:
    return subprocess.run(["git", *WHO, *words], cwd=place, check=True, capture_output=True, text=True).stdout.strip()


def made(place: Path, subject: str = "one") -> Path:
    """A repository of one commit with one file."""
    place.mkdir(parents=True)
    git(place, "init", "-q")
    (place / "module.py").write_text("x = 1\n")
    git(place, "add", "-A")
    git(place, "commit", "-qm", subject)
    return place


def cloned(place: Path) -> Path:
    git(place, "clone", "-q", "--depth=1", f"file://{made(place / 'a')}", "shallow")
    return place / "shallow"


def worktree(place: Path) -> Path:
    git(made(place / "a"), "worktree", "add", "-q", "../tree")
    return place / "tree"


def submodule(place: Path) -> Path:
    outer = made(place / "outer")
    git(outer, "submodule", "--quiet", "add", f"file://{made(place / 'a', 'another')}", "sub")
    return outer / "sub"


def detached(place: Path) -> Path:
    git(made(place / "a"), "checkout", "-q", "--detach")
    return place / "a"


def in_a_folder(place: Path) -> Path:
    (made(place / "a") / "book").mkdir()
    (place / "a" / "book" / "_toc.yml").touch()
    git(place / "a", "add", "-A")
    git(place / "a", "commit", "-qm", "the book")
    return place / "a" / "book"


CHECKOUTS: dict[str, Callable[[Path], Path]] = {
    "a repository": lambda place: made(place / "a"),
    "a path with everything in it": lambda place: made(place / "a b'c\"d#%20é\n$x [1]"),
    "a shallow clone": cloned,
    "a worktree": worktree,
    "a submodule": submodule,
    "a detached head": detached,
    "a folder of a larger checkout": in_a_folder,
}


@pytest.mark.parametrize("name", CHECKOUTS)
def test_the_commit_is_that_of_the_tree_and_says_when_it_was_changed(name: str, tmp_path: Path, monkeypatch) -> None:
    root = CHECKOUTS[name](tmp_path)
    head = git(root, "rev-parse", "HEAD")
    other = made(tmp_path / "other", "of another repository")
    for variable, text in (
        ("GIT_DIR", other / ".git"), ("GIT_WORK_TREE", other), ("GIT_INDEX_FILE", other / ".git" / "index"),
        ("GIT_LITERAL_PATHSPECS", 1),
    ):  # fmt: skip
        monkeypatch.setenv(variable, str(text))
    assert commit_of(root) == head
    assert why_no_commit(root) == ""
    assert date_of(root)
    assert changes(root)[0].commit == head
    assert not strangers(root, [file for file in root.iterdir() if file.is_file() and file.name[0] != "."])
    (root / "new.py").touch()
    assert commit_of(root) == head + DIRTY


def archive(place: Path) -> Path:
    place.joinpath("unpacked").mkdir()
    return place / "unpacked"


def inside_another(place: Path, ignored: bool) -> Path:
    book = made(place / "home") / "book"
    book.mkdir()
    (book / "_toc.yml").touch()
    (place / "home" / ".git" / "info").mkdir(exist_ok=True)
    (place / "home" / ".git" / "info" / "exclude").write_text("*\n" if ignored else "")
    return book


def unborn(place: Path) -> Path:
    git(place, "init", "-q", "a")
    return place / "a"


def orphan(place: Path) -> Path:
    tree = worktree(place)
    shutil.rmtree(place / "a")
    return tree


def torn(place: Path) -> Path:
    (made(place / "a") / ".git" / "index").write_bytes(b"no index")
    return place / "a"


NONE: dict[str, tuple[Callable[[Path], Path], str]] = {
    "an archive": (archive, "not a git repository"),
    "an archive in another's checkout that ignores it": (lambda p: inside_another(p, True), "holds no file of"),
    "an archive in another's checkout": (lambda p: inside_another(p, False), "holds no file of"),
    "no commit yet": (unborn, "does not have any commits yet"),
    "a worktree whose repository is gone": (orphan, "not a git repository"),
    "a damaged index": (torn, "index"),
}


@pytest.mark.parametrize("name", NONE)
def test_a_tree_without_a_commit_says_why(name: str, tmp_path: Path, monkeypatch) -> None:
    make, why = NONE[name]
    root = make(tmp_path)
    monkeypatch.setenv("LANGUAGE", "de")
    assert commit_of(root) == NO_COMMIT
    assert why in why_no_commit(root)
    if name != "a damaged index":
        assert changes(root) == ()


def test_without_git_there_is_no_commit(tmp_path: Path, monkeypatch) -> None:
    root = made(tmp_path / "a")
    monkeypatch.setenv("PATH", "/nowhere")
    assert (commit_of(root), date_of(root), changes(root)) == (NO_COMMIT, "", ())
    assert why_no_commit(root) == "git: No such file or directory"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_a_checkout_of_another_owner_counts_where_its_user_trusts_it(tmp_path: Path, monkeypatch) -> None:
    root = made(tmp_path / "a")
    for place in (root, *root.rglob("*")):
        os.chown(place, 12345, 12345)
    assert commit_of(root) == NO_COMMIT
    assert "safe.directory" in why_no_commit(root), "the cure is git's own"
    trusted = {"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "safe.directory", "GIT_CONFIG_VALUE_0": "*"}
    for variable, text in trusted.items():
        monkeypatch.setenv(variable, text)
    assert len(commit_of(root)) == 40


def test_changes_that_git_was_told_not_to_see_are_seen(tmp_path: Path) -> None:
    root = made(tmp_path / "a")
    module, hidden = root / "module.py", root / "hidden.py"
    clean = commit_of(root)
    git(root, "config", "status.showUntrackedFiles", "no")
    hidden.write_text("x = 2\n")
    assert commit_of(root) == clean + DIRTY
    (root / ".git" / "info").mkdir(exist_ok=True)
    (root / ".git" / "info" / "exclude").write_text("hidden.py\n")
    assert strangers(root, [module, hidden]) == [hidden], "a module that is ignored is in no commit"
    module.write_text("x = 3\n")
    for flag in ("assume-unchanged", "skip-worktree"):
        git(root, "update-index", f"--{flag}", "module.py")
        assert commit_of(root) == clean + DIRTY, flag
        git(root, "update-index", f"--no-{flag}", "module.py")


def test_names_and_messages_may_hold_any_bytes(tmp_path: Path) -> None:
    """A name that is no UTF-8; a subject with characters that end a line, or that no XML can hold."""
    root = made(tmp_path / "a", "a\u2028b \x0b c \x85 \x1f d \x1b[31m é")
    (change,) = changes(root)
    assert change.subject.split() == ["a", "b", "c", "d", "[31m", "é"]
    latin = Path(os.fsdecode(os.fsencode(root) + b"/\xe9.py"))
    latin.touch()
    assert commit_of(root).endswith(DIRTY)
    assert strangers(root, [latin]) == [latin]
    git(root, "add", "-A")
    assert strangers(root, [latin]) == []


def test_the_users_settings_of_git_change_nothing(tmp_path: Path, monkeypatch) -> None:
    root = made(tmp_path / "a")
    before = commit_of(root), date_of(root), changes(root)
    settings = (
        "[log]\nshowSignature = true\ndate = relative\n[color]\nui = always\n[status]\nbranch = true\nshort = true\n"
        "[format]\npretty = oneline\n[core]\nquotePath = false\npager = false\n"
    )
    (tmp_path / "config").write_text(settings)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "config"))
    assert (commit_of(root), date_of(root), changes(root)) == before


def test_sentences_name_the_commit() -> None:
    digest = "0679af34157189e96f26f"
    assert at(digest + DIRTY) == "at commit 0679af341571 with uncommitted changes"
    assert at(NO_COMMIT) == "at no known commit"
    assert checkout.short(digest) == "0679af341571"
