"""The lab: good, bad and hostile hand-ins get the grade that they deserve, and none of them harms the grading."""

import csv
import json
import os
import re
from fractions import Fraction
from pathlib import Path

import pytest

from book.course.lab import KINDS, assignment
from book.course.lab import main as lab_main
from global_optimality import certify, load_certificate, save_certificate
from global_optimality.exact import lab
from global_optimality.exact.hand_in import NETWORK, Assignment, grade
from odd_hand_ins import BYTES, HOSTILE
from tests.saved_problems import solved

SEED = 5


@pytest.fixture(scope="module")
def place(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("lab")
    assignment(folder, 10, SEED)
    return folder


@pytest.fixture(scope="module")
def optimum(place) -> dict:
    saved = json.loads((place / "assignment.json").read_text())
    return {"format": NETWORK, "U": saved["U"], "V": saved["V"], "b": saved["b"]}


def handed_in(folder: Path, name: str, content) -> Path:
    file = folder / name
    file.write_text(content if isinstance(content, str) else json.dumps(content))
    return file


def found(place: Path, folder: Path, content):
    return grade(handed_in(folder, "h.json", content), Assignment.read(place / "assignment.json"))


def test_students_get_no_solution(place):
    given = json.loads((place / "problem.json").read_text())
    assert set(given) == {"format", "loss", "lam", "output_bias", "S", "Y", "mask", "weights"}


def test_the_optimum_has_no_gap_and_a_worse_network_the_gap_that_floats_find(place, optimum, tmp_path):
    best = found(place, tmp_path, optimum)
    assert best.gap is not None
    assert best.gap <= 1e-6
    worse = {**optimum, "U": [[1.1 * x for x in row] for row in optimum["U"]]}
    saved = load_certificate(place / "assignment.json")
    W = (1.1 * saved.weights[0], saved.weights[1])
    f, bound = float(saved.problem(*W)), float(saved.certificate.lower_bound)
    got = found(place, tmp_path, worse)
    assert got.objective == pytest.approx(f, rel=1e-12)
    assert got.gap == pytest.approx((f - bound) / f, rel=1e-6)
    zero = found(place, tmp_path, {**optimum, "U": [], "V": []})
    assert zero.units == 0
    assert zero.gap > got.gap


def test_a_certificate_may_be_handed_in_if_it_is_for_the_same_data(place, tmp_path):
    saved = load_certificate(place / "assignment.json")
    W = saved.problem.random(1, 4)
    save_certificate(tmp_path / "own.json", saved.problem, W, certify(saved.problem, W))
    own = grade(tmp_path / "own.json", Assignment.read(place / "assignment.json"))
    assert own.gap is not None
    assert own.gap > 0.1
    other = json.loads((tmp_path / "own.json").read_text())
    other["lam"] *= 0.5
    assert "another problem: its lam differs" in found(place, tmp_path, other).reason


@pytest.mark.parametrize(
    ("mine", "set_one"), [("squared free bias", "hidden biases"), ("hidden biases", "squared free bias")]
)
def test_units_of_another_kind_are_another_problem(tmp_path, mine, set_one):
    """Hidden biases make networks that units without them cannot beat, and bounds without them are higher."""
    for name in (mine, set_one):
        problem, W, certificate = solved(name)
        save_certificate(tmp_path / f"{name}.json", problem, W, certificate)
    text = json.loads((tmp_path / f"{set_one}.json").read_text())
    own = json.loads((tmp_path / f"{mine}.json").read_text())
    same = {key: text[key] for key in ("loss", "lam", "output_bias", "S", "Y", "mask", "weights")}
    got = grade(handed_in(tmp_path, "h.json", own | same), Assignment.read(tmp_path / f"{set_one}.json"))
    assert "the units of this problem have" in got.reason


def test_claims_of_a_hand_in_are_not_believed(place, optimum, tmp_path):
    """A forged objective, a forged bound and a dual point that proves too much change nothing."""
    saved = json.loads((place / "assignment.json").read_text())
    forged = {**saved, "objective": 0.0, "lower_bound": 1e9, "G": [[9 * x for x in row] for row in saved["G"]]}
    assert found(place, tmp_path, forged).objective == found(place, tmp_path, optimum).objective
    assert found(place, tmp_path, forged).gap == found(place, tmp_path, optimum).gap


@pytest.mark.parametrize("name", HOSTILE)
def test_what_cannot_be_graded_has_a_reason(place, tmp_path, name):
    got = found(place, tmp_path, HOSTILE[name])
    assert got.objective is None
    assert got.gap is None
    assert got.reason
    assert len(got.reason) <= 200
    assert got.reason.isprintable()
    got.reason.encode()


@pytest.mark.parametrize("name", BYTES)
def test_what_is_no_text_has_a_reason(place, tmp_path, name):
    (tmp_path / "h.json").write_bytes(BYTES[name])
    got = grade(tmp_path / "h.json", Assignment.read(place / "assignment.json"))
    assert got.gap is None
    assert got.reason


def exactly(saved: dict, U: list, V: list) -> Fraction:
    """The objective of the assignment by its formula, without the package."""
    S, Y, U, V = ([[Fraction(x) for x in row] for row in rows] for rows in (saved["S"], saved["Y"], U, V))
    none = Fraction(0)
    rows = [[max(sum((s * w for s, w in zip(x, u, strict=True)), none), none) for u in U] for x in S]
    outputs = [sum((h * v[0] for h, v in zip(row, V, strict=True)), none) for row in rows]
    loss = sum(((y[0] - x) ** 2 for y, x in zip(Y, outputs, strict=True)), none)
    return loss / 2 + Fraction(saved["lam"]) / 2 * sum((x**2 for row in [*U, *V] for x in row), none)


GOOD = {
    "negated": lambda U, V: ([[-x for x in u] for u in U], V),
    "rounded": lambda U, V: ([[round(x) for x in u] for u in U], V),
    "one ulp": lambda U, V: ([[x * (1 + 2**-52) for x in u] for u in U], V),
    "denormal": lambda U, V: ([*U, [5e-324] * 3], [*V, [5e-324]]),
    "far apart": lambda U, V: ([*U, [1e150] * 3, [1e-320] * 3], [*V, [-1e-300], [1e-5]]),
    "many": lambda U, V: ([[x / 16 for x in U[i % len(U)]] for i in range(256)], [V[i % len(U)] for i in range(256)]),
}


@pytest.mark.parametrize("name", GOOD)
def test_odd_but_good_networks_get_their_objective(place, optimum, tmp_path, name):
    saved, given = json.loads((place / "assignment.json").read_text()), Assignment.read(place / "assignment.json")
    U, V = GOOD[name](optimum["U"], optimum["V"])
    got, f = found(place, tmp_path, {**optimum, "U": U, "V": V}), exactly(saved, U, V)
    assert got.objective is not None
    assert f <= Fraction(got.objective) <= f * Fraction(1 + 2**-51)
    assert got.gap == pytest.approx(float(1 - Fraction(given.lower_bound) / f), rel=1e-6, abs=1e-15)


@pytest.mark.parametrize("sort", [True, False])
@pytest.mark.parametrize("before", ["", "\ufeff", " " * 1000])
def test_how_the_text_is_written_does_not_matter(place, optimum, tmp_path, sort, before):
    text = before + json.dumps(optimum, sort_keys=sort, indent=2).replace("\n", "\r\n")
    assert found(place, tmp_path, text) == found(place, tmp_path, optimum)


def test_a_class_gets_its_leaderboard(place, optimum, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "class"
    folder.mkdir()
    handed_in(folder, "ada.json", optimum)
    handed_in(folder, "=HYPERLINK(1) <script>.json", {**optimum, "V": [[0.5 * x for x in row] for row in optimum["V"]]})
    twins = [
        "ada!.json",
        "ada.JSON",
        "\u0430da.json",
        "\u674e\u96f7.json",
        "a\x1b[31m\nb.json",
        "\u202e.json",
    ]
    for name in twins:
        handed_in(folder, name, {**optimum, "U": [], "V": []})
    handed_in(folder, ".hidden.json", optimum)
    os.symlink(tmp_path / "elsewhere.txt", tmp_path / "board.csv")
    handed_in(folder, "pickle.json", HOSTILE["pickle"])
    handed_in(folder, "notes.txt", "not a hand-in")
    os.symlink("/etc/passwd", folder / "link.json")
    os.mkfifo(folder / "pipe.json")
    (folder / "folder.json").mkdir()
    assert lab.main([str(place / "assignment.json"), str(folder), "--leaderboard", str(tmp_path / "board.csv")]) == 0
    with open(tmp_path / "board.csv", newline="") as stream:
        head, *rows = csv.reader(stream)
    assert head[:2] == ["rank", "name"]
    names, last = [row[1] for row in rows], rows[2 + len(twins) :]
    assert names[0] == "ada"
    assert names[1].startswith("HYPERLINK_1_script~")
    assert {row[1] for row in last} == {"pickle", "link", "pipe", "folder"}
    assert all(row[0] == "–" and row[5] for row in last)
    assert len(set(names)) == len(rows)
    assert all("~" in name for name in names[1 : 2 + len(twins)])
    assert all(re.fullmatch(r"[\w~-]*", name) for name in names)
    assert not (tmp_path / "elsewhere.txt").exists()
    assert "<script" not in (tmp_path / "board.html").read_text()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["board.csv", "board.html", "class"]


def test_time_and_memory_are_limited(place, optimum, tmp_path):
    file = handed_in(tmp_path, "slow.json", optimum)
    too_short = 1e-4  # ten times that on the clock: no interpreter starts in a millisecond
    assert "within 0.0001 s" in lab.graded(file, place / "assignment.json", seconds=too_short).reason
    assert "broke off" in lab.graded(file, place / "assignment.json", memory=1 << 20).reason


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_assignment_is_graded_by_its_own_objective(tmp_path, kind):
    """The optimum is global, half of it and zero are not, and what is hostile gets a reason."""
    assert lab_main([str(tmp_path), "--samples", "8", "--seed", "3", "--kind", kind]) == 0
    given = Assignment.read(tmp_path / "assignment.json")
    saved = json.loads((tmp_path / "assignment.json").read_text())
    rows = zip(saved["Y"], saved["mask"], strict=True)
    assert not any(y for Y, mask in rows for y, seen in zip(Y, mask, strict=True) if not seen)
    best = {"format": NETWORK, "U": saved["U"], "V": saved["V"], "b": saved["b"]}
    half = {**best, "U": [[0.5 * x for x in row] for row in best["U"]]}
    nothing = {**best, "U": [], "V": []}
    gaps = [g for h in (best, half, nothing) if (g := grade(handed_in(tmp_path, "h.json", h), given).gap) is not None]
    assert len(gaps) == 3
    assert gaps[0] <= 1e-6 < min(gaps[1:])
    W = load_certificate(tmp_path / "assignment.json")
    f, bound = float(W.problem(0.5 * W.weights[0], W.weights[1])), float(W.certificate.lower_bound)
    assert gaps[1] == pytest.approx((f - bound) / f, rel=1e-6)
    hostile = [*HOSTILE.values(), {**best, "U": [row[:-1] for row in best["U"]]}, {**best, "mask": saved["mask"]}]
    for content in hostile:
        got = grade(handed_in(tmp_path, "h.json", content), given)
        assert got.gap is None
        assert got.reason


def test_without_an_assignment_nothing_is_graded(place, tmp_path):
    assert lab.main([str(tmp_path / "none.json"), str(tmp_path)]) == 2
    unproved = json.loads((place / "assignment.json").read_text())
    unproved["G"] = [[9 * x for x in row] for row in unproved["G"]]
    assert lab.main([str(handed_in(tmp_path, "a.json", unproved)), str(tmp_path)]) == 2
