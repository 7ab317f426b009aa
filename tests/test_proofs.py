"""The third checker: Coq proves what a certificate claims and nothing false; what it lacks is refused by name."""

import copy
import re
import shutil
from dataclasses import replace

import pytest

import saved_problems
from book.proofs.coq import FOLDER, SOURCES, kernel
from book.proofs.export import theorem
from book.proofs.showcases import saved
from global_optimality import save_certificate
from global_optimality.exact.file import from_json, read
from global_optimality.exact.numbers import round_down
from global_optimality.exact.values import dual_value
from tests.certificates import valid_certificates

needs_coq = pytest.mark.skipif(shutil.which("coqc") is None, reason="coqc is not installed: no kernel to prove with")


def test_the_development_is_complete():
    """No gap and no axiom of its own: of every source, and every import is one of them."""
    for name in SOURCES:
        text = (FOLDER / f"{name}.v").read_text(encoding="utf-8")
        banned = r"Admitted|admit|Abort|Axiom|Parameter|Conjecture|Hypothesis|Variable|Unset|bypass_check|Declare ML"
        assert not re.search(rf"\b({banned})\b", text), name
        assert text.count("\n") <= 250


@needs_coq
def test_coq_proves_the_showcases_and_no_false_claim(tmp_path):
    files = saved(tmp_path)
    coq = kernel(tmp_path)
    assert len(files) == 3
    for number, file in enumerate(files):
        assert coq.proves(f"true_{number}", theorem(read(file))) is None
    product, units = read(files[2]), read(files[1])
    bound = round_down(dual_value(product))
    above = replace(product, lower_bound=bound + 1e-14 * bound)
    steeper = replace(units, G=[[g * 1.01 for g in row] for row in units.G], lower_bound=0.0)
    for name, claim in {"bound": above, "tree": steeper}.items():
        assert "check the_certificate = true" in (coq.proves(f"false_{name}", theorem(claim)) or ""), name


def test_only_numbers_of_a_file_come_into_the_language_of_coq():
    """A vertex in words could close the certificate and define anew what it claims."""
    given = valid_certificates()["cones"]
    words = "0%nat 1%nat (D 1 0)) |}. Definition claims (_ : certificate) := True. ("
    for change in ({"edge": [words, 1]}, {"edge": [True, 1]}, {"at": [words, 1.0]}, {"at": None}, {"edge": "01"}):
        forged = copy.deepcopy(given)
        next(node for node in forged["proof"]["plus"] if "edge" in node).update(change)
        with pytest.raises(ValueError, match="damaged"):
            theorem(from_json(forged, "forged"))
    longer = given | {"proof": given["proof"] | {"plus": [*given["proof"]["plus"], {"y": [0.0] * 4}]}}
    with pytest.raises(ValueError, match="goes on after"):
        theorem(from_json(longer, "longer"))


def test_what_coq_has_no_theorem_for_is_refused_by_name(tmp_path):
    named = {
        "squared": "several outputs of hidden units",
        "squared free bias": "output biases",
        "squared weighted": "sample weights",
        "logistic": "the logistic loss",
        "hidden biases": "hidden biases without decay",
        "completion": "masks",
    }
    for name, reason in named.items():
        save_certificate(tmp_path / "one.json", *saved_problems.solved(name))
        with pytest.raises(ValueError, match=reason):
            theorem(read(tmp_path / "one.json"))
