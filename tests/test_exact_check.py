"""The exact checks: circles against other polars, definiteness, logarithms against decimals, files of version 1."""

import ast
import json
import math
import sys
from decimal import Decimal, localcontext
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch

from global_optimality import (
    Problem,
    ReluUnit,
    SquaredLoss,
    SumOfSquares,
    certify,
    generator,
    polar_of,
    verify_certificate,
)
from global_optimality.exact import forms, numbers
from global_optimality.exact.circles import exceeding
from tests.saved_problems import PROBLEMS, N, solved

SOURCE = Path(forms.__file__).parent


def normal(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=generator(seed, "exact", *shape), dtype=torch.float64)


def test_the_checkers_import_the_standard_library_only():
    for file in SOURCE.glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Import):
                assert {alias.name for alias in node.names} <= sys.stdlib_module_names, file.name
            if isinstance(node, ast.ImportFrom):
                assert node.level <= 1, file.name
                if node.level == 0 and node.module:
                    assert node.module.split(".")[0] in sys.stdlib_module_names, file.name


DEGENERATE = {
    "generic": normal(8, 3, seed=5),
    "bias": torch.cat([normal(8, 2, seed=6), torch.ones(8, 1, dtype=torch.float64)], 1),
    "duplicates": normal(4, 3, seed=7).repeat(2, 1),
    "opposite": torch.cat([normal(4, 3, seed=8), -2 * normal(4, 3, seed=8)]),
    "axes": torch.cat([torch.eye(3), -torch.eye(3), torch.ones(1, 3), torch.zeros(1, 3)]).double(),
    "grid": torch.cartesian_prod(*[torch.arange(3.0)] * 2, torch.ones(1)).double(),
    "whole numbers": (3 * normal(9, 3, seed=15)).round(),
    "rank 2": (4 * normal(8, 2, seed=9)).round() @ torch.tensor([[1.0, 2, 0], [0, 1, -1]]).double(),
    "rank 1": (4 * normal(8, 1, seed=9)).round() @ torch.tensor([[1.0, 2, -1]]).double(),
    "d=2": normal(8, 2, seed=11),
    "d=1": normal(8, 1, seed=12),
    "one row": normal(1, 3, seed=12),
    "zero": torch.zeros(4, 2, dtype=torch.float64),
    "units apart": normal(6, 3, seed=16) * torch.tensor([1e60, 1.0, 1e-60], dtype=torch.float64),
}


def decides(S: torch.Tensor, Q: torch.Tensor, bound: float) -> list[int] | None:
    rows, ks = numbers.matrix(S.tolist())
    columns, kq = numbers.matrix(Q.tolist())
    return exceeding(rows, columns, math.floor(Fraction(bound) ** 2 * Fraction(2) ** (2 * (ks + kq))))


@pytest.mark.parametrize("outputs", [1, 2, 3])
@pytest.mark.parametrize("name", DEGENERATE)
def test_the_polar_is_feasible_and_anything_below_it_is_not(name, outputs):
    S = DEGENERATE[name]
    Q = normal(len(S), outputs, seed=13)
    bound = polar_of(Problem(SquaredLoss(Q), ReluUnit(S, outputs), SumOfSquares(), 1.0))(Q[None])
    assert decides(S, Q, float(bound.upper)) is None
    low = float(bound.lower) * (1 - 1e-9)
    u = decides(S, Q, low)
    assert (u is None) == (low == 0)
    if u is not None:  # the witness, in fractions
        z = [sum(Fraction(a) * b for a, b in zip(s, u, strict=False)) for s in S.tolist()]
        sums = [sum(Fraction(q) * max(a, 0) for q, a in zip(column, z, strict=True)) for column in Q.T.tolist()]
        assert sum(t * t for t in sums) > Fraction(low) ** 2 * sum(a * a for a in u)


@pytest.mark.parametrize("seed", range(60))
def test_small_whole_numbers_meet_in_every_way(seed):
    """Rows drawn from a small grid: many on one hyperplane, many hyperplanes through one point."""
    random = np.random.default_rng(seed)
    count, d, outputs = int(random.integers(1, 9)), int(random.integers(1, 4)), int(random.integers(1, 3))
    S = torch.tensor(random.integers(-1, 2, (count, d)), dtype=torch.float64)
    Q = torch.tensor(random.integers(-3, 4, (count, outputs)), dtype=torch.float64)
    bound = polar_of(Problem(SquaredLoss(Q), ReluUnit(S, outputs), SumOfSquares(), 1.0))(Q[None])
    assert decides(S, Q, float(bound.upper) * (1 + 1e-12)) is None
    if float(bound.lower) > 0:
        assert decides(S, Q, float(bound.lower) * (1 - 1e-12)) is not None


@pytest.mark.parametrize("seed", range(40))
def test_a_negative_direction_is_one_and_is_found_whenever_there_is_one(seed):
    random = np.random.default_rng(seed)
    n, rank = int(random.integers(1, 7)), int(random.integers(0, 7))
    B = random.integers(-3, 4, (n, rank)).astype(object)
    A = B @ B.T if rank else np.zeros((n, n), object)
    assert forms.negative_direction(A.tolist()) is None
    v = random.integers(-2, 3, n).astype(object)
    lower = (100 * A - np.outer(v, v)).tolist()
    x = forms.negative_direction(lower)
    least = np.linalg.eigvalsh(np.array(lower, float))[0]
    if x is None:
        assert least > -1e-9
    else:
        assert forms.value(lower, x) < 0


@pytest.mark.parametrize(("p", "q"), [(1, 3), (2, 1), (10**40, 7), (7, 10**40), (10**30 + 1, 10**30), (1, 1)])
def test_logarithms_and_exponentials_are_enclosed(p, q):
    unit = Fraction(1, 2**numbers.BITS)
    with localcontext() as context:
        context.prec = 100
        true = Fraction((Decimal(p) / Decimal(q)).ln())
        lower, upper = numbers.log(p, q)
        assert lower * unit <= true <= upper * unit
        assert upper - lower <= 2
        small = Fraction(p % 1000, 64)
        lower, upper = numbers.exp(p % 1000, 6)
        assert lower * unit <= Fraction((-Decimal(p % 1000) / 64).exp()) <= upper * unit
        assert upper - lower <= 2
        for sign in (1, -1):
            true = Fraction((1 + (Decimal(sign * (p % 1000)) / 64).exp()).ln())
            lower, upper = numbers.softplus(sign * (p % 1000), 6)
            assert lower * unit <= true <= upper * unit
            assert upper - lower <= 8
        assert small >= 0


@pytest.mark.parametrize("x", [0.1, -0.1, 1e308, 5e-324, 0.0, 3.0])
def test_rounding_goes_the_way_it_says(x):
    exact = Fraction(x)
    assert numbers.round_up(exact) == numbers.round_down(exact) == x
    hair = Fraction(1, 10**400)
    assert numbers.round_up(exact + hair) == math.nextafter(x, math.inf)
    assert numbers.round_down(exact + hair) == x
    assert numbers.round_up(Fraction(10**400)) == math.inf
    assert numbers.round_down(Fraction(10**400)) == math.nextafter(math.inf, 0)


def version_1(name: str) -> dict:
    """A file as it was written before: numbers as they were rounded."""
    problem, W, certificate = solved(name)
    loss = problem.loss
    weights = getattr(loss, "weights", None)
    mask = getattr(loss, "mask", torch.ones_like(loss.Y))
    S = problem.mapping.S.tolist() if isinstance(problem.mapping, ReluUnit) else None
    names = {"Squared": "squared", "MaskedSquared": "squared", "Logistic": "logistic", "CrossEntropy": "cross entropy"}
    U, V = W
    scale = ((U.norm(dim=2, keepdim=True) / V.norm(dim=2, keepdim=True)) ** 0.5).nan_to_num(1.0)
    return {
        "format": "global-optimality certificate 1",
        "loss": names[type(loss).__name__.removesuffix("Loss")],
        "objective": float(certificate.objective[0]),
        "lower_bound": float(certificate.lower_bound[0]),
        "lam": problem.lam,
        "output_bias": getattr(loss, "output_bias", None),
        "S": S,
        "Y": loss.Y.tolist(),
        "mask": mask.int().tolist(),
        "weights": (torch.ones(N) if weights is None else weights).tolist(),
        "U": (U / scale)[0].tolist(),
        "V": (V * scale)[0].tolist(),
        "b": loss.bias(problem.mapping.Phi(*W))[0].tolist(),
        "G": certificate.dual[0].tolist(),
    }


@pytest.mark.parametrize("name", [name for name in PROBLEMS if not name.startswith("hidden biases")])
def test_files_of_the_first_version_are_still_read(name, tmp_path):
    file = tmp_path / "old.json"
    saved = version_1(name)
    file.write_text(json.dumps(saved))
    found = verify_certificate(file)
    assert found.confirmed, found.reasons
    assert found.lower_bound == pytest.approx(saved["lower_bound"], rel=1e-10)
    file.write_text(json.dumps(saved | {"lower_bound": saved["lower_bound"] + 1e-9 * abs(saved["lower_bound"])}))
    assert not verify_certificate(file).confirmed
    file.write_text(json.dumps(saved | {"G": (2 * np.array(saved["G"])).tolist()}))
    assert not verify_certificate(file).confirmed


@pytest.mark.parametrize("name", ["completion", "squared free bias", "logistic", "cross entropy"])
def test_what_is_drawn_into_the_domain_gives_version_1_no_slack(name, tmp_path):
    """Entries far outside the conjugate's domain are moved into it: their former size excuses no claim."""
    saved = version_1(name)
    Y, mask = np.array(saved["Y"]), np.array(saved["mask"])
    far = np.where(mask == 0, 1e30, saved["G"]) if name == "completion" else 1e30 * Y
    if name == "squared free bias":
        far = np.where(np.arange(len(Y)) == 0, 1e30, 0.0)[:, None]
    file = tmp_path / "old.json"
    file.write_text(json.dumps(saved | {"G": far.tolist(), "lower_bound": 2 * saved["objective"]}))
    assert any("proves the bound" in reason for reason in verify_certificate(file).reasons)


def test_an_objective_of_version_1_must_agree(tmp_path):
    file = tmp_path / "old.json"
    saved = version_1("squared")
    file.write_text(json.dumps(saved | {"objective": saved["objective"] * (1 - 1e-9)}))
    assert any("objective" in reason for reason in verify_certificate(file).reasons)


def test_certificates_of_a_hundred_samples_take_seconds_and_are_exact(tmp_path):
    from global_optimality import save_certificate

    S = torch.cat([normal(100, 2, seed=20), torch.ones(100, 1, dtype=torch.float64)], 1)
    problem = Problem(SquaredLoss(torch.sin(2 * S[:, :1])), ReluUnit(S), SumOfSquares(), 2.0)
    W = problem.random(1, 3, seed=1)
    file = tmp_path / "hundred.json"
    save_certificate(file, problem, W, certify(problem, W))
    assert verify_certificate(file).confirmed
