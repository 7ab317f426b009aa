"""Saved certificates that are damaged, unreadable or cannot be written: refused by name."""

import json
import math
from pathlib import Path

import pytest
import torch

import global_optimality as go
from saved_problems import N, Y, solved


@pytest.fixture
def file(tmp_path) -> Path:
    return tmp_path / "certificate.json"


def damaged(**changes):
    return lambda text: json.dumps(json.loads(text) | changes)


DAMAGES = {
    "another format": (damaged(format="another"), "not a saved certificate"),
    "a list": (lambda text: "[1, 2]", "not a saved certificate"),
    "an unknown key": (damaged(more=1), "'more' is unknown"),
    "a missing key": (lambda text: text.replace('"lam"', '"mal"'), "'lam' is missing"),
    "a negative λ": (damaged(lam=-1.0), "must be positive"),
    "no λ": (damaged(lam=None), "lam holds 'None', which is not a number"),
    "λ as text": (damaged(lam="0.4"), "lam holds '0.4', which is not a number"),
    "λ true": (damaged(lam=True), "lam holds 'True', which is not a number"),
    "another loss": (damaged(loss="hinge"), "the loss 'hinge' is none of"),
    "a loss as a list": (damaged(loss=["squared"]), "is none of"),
    "negative weights": (damaged(weights=[-1.0] * N), "must be positive"),
    "a weight too few": (damaged(weights=[1.0]), "weights has length 1"),
    "a bias as text": (damaged(output_bias="free"), "output_bias holds 'free'"),
    "a bias as a list": (damaged(output_bias=[0.0]), "not a number"),
    "a bias as an object": (damaged(output_bias={}), "not a number"),
    "NaN": (damaged(objective=math.nan), "NaN is not finite"),
    "infinite": (damaged(lower_bound=-math.inf), "-Infinity is not finite"),
    "too large": (lambda text: text.replace('"lam": 0.4', '"lam": 1e400'), "lam holds a number that is not finite"),
    "a huge integer": (damaged(objective=10**400), "objective holds a number that is not finite"),
    "twice": (lambda text: text.replace('"lam": 0.4', '"lam": 0.3, "lam": 0.4'), "'lam' stands there twice"),
    "deep brackets": (lambda text: "[" * 100_000, "brackets within brackets"),
    "cut short": (lambda text: text[: len(text) // 2], "damaged|Expecting|Unterminated|Invalid"),
    "ragged": (damaged(Y=[[1.0, 2.0]] * (N - 1) + [[1.0]]), "rows of Y differ in length"),
    "one number in text": (damaged(U=[["1"]]), "U holds '1', which is not a number"),
    "a wrong shape": (damaged(U=[[1.0]]), "U has shape (1, 1), expected (1, 2)"),
    "no rows": (damaged(Y=[]), "at least one row"),
    "a vector": (damaged(Y=[1.0] * N), "Y is no matrix"),
    "other labels": (damaged(loss="logistic"), "labels of the logistic"),
    "half a mask": (damaged(mask=[[0.5, 1]] * N), "mask must hold 0 and 1"),
    "hidden biases without a free output bias": (damaged(a=[0.0] * 3), "a free output bias"),
    "a proof not needed": (damaged(proof={}), "more than three columns"),
    "a proof as text": (damaged(proof="yes"), "'proof' is neither"),
}


@pytest.mark.parametrize("name", DAMAGES)
def test_damaged_files_are_refused_by_name(name, file):
    damage, message = DAMAGES[name]
    problem, W, certificate = solved("squared")
    go.save_certificate(file, problem, W, certificate)
    file.write_text(damage(file.read_text()))
    for reader in (go.verify_certificate, go.load_certificate):
        with pytest.raises(ValueError, match=message.replace("(", r"\(").replace(")", r"\)")) as caught:
            reader(file)
        assert file.name in str(caught.value)


def test_bytes_that_are_no_text_are_refused_by_name(file):
    file.write_bytes(b"\xff\xfe{}")
    with pytest.raises(ValueError, match="it is not UTF-8 text"):
        go.verify_certificate(file)


def test_what_cannot_be_saved_is_refused_and_leaves_the_old_file(file):
    problem, W, certificate = solved("squared")
    go.save_certificate(file, problem, W, certificate)
    before = file.read_bytes()
    infinite = go.certify(problem, tuple(w * torch.inf for w in W))
    with pytest.raises(ValueError, match="no finite lower bound"):
        go.save_certificate(file, problem, W, infinite)
    other = go.Problem(go.SquaredLoss(Y), go.MatrixProduct(N, 2), go.ProductOfNorms((go.Norm.ONE, go.Norm.TWO)), 1.0)
    with pytest.raises(ValueError, match="SumOfSquares"):
        go.save_certificate(file, other, other.random(1, 2), go.certify(other, other.random(1, 2)))
    low = go.Problem(go.SquaredLoss(Y.float()), go.MatrixProduct(N, 2), go.SumOfSquares(), 1.0)
    with pytest.raises(ValueError, match="float32"):
        go.save_certificate(file, low, low.random(1, 2), go.certify(low, low.random(1, 2)))
    assert file.read_bytes() == before
    assert list(file.parent.iterdir()) == [file]
