"""Problems that are refused: λ, shapes, dtypes, degrees, and a mapping without polar."""

import pytest

import global_optimality as go
from cases import matrix, problem, starts
from global_optimality.mappings import Mapping


class _Holding(Mapping):
    """A mapping that holds data, as later ones do."""

    degree, shape, factor_shapes = 2, (4, 3), ((4,), (3,))

    def __init__(self, data):
        self._data = data

    @property
    def data(self):
        return self._data

    def phi(self, *W):
        return go.MatrixProduct(4, 3).phi(*W)


@pytest.mark.parametrize("lam", [0, -1.0, float("nan"), float("inf"), -float("inf")])
def test_lam_must_be_positive(lam):
    with pytest.raises(ValueError, match=r"λ.*positive and finite.*lambda_max"):
        problem(lam=lam)


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        (lambda: go.Problem(go.SquaredLoss(matrix()), go.MatrixProduct(3, 4), go.SumOfSquares(), 1.0), "same data"),
        (lambda: go.Problem(go.SquaredLoss(matrix()[0]), go.MatrixProduct(4, 3), go.SumOfSquares(), 1.0), "same data"),
        (lambda: problem(regularizer=go.ProductOfNorms((2, 2, 2))), "degree 2 but θ has degree 3.*allow_mismatch"),
        (lambda: problem(regularizer=go.NonNegative(go.ProductOfNorms((2,)))), "regularizer of degree 2"),
        (
            lambda: go.Problem(go.SquaredLoss(matrix()), _Holding(matrix().float()), go.SumOfSquares(), 1.0),
            "convert one",
        ),
        (
            lambda: go.Problem(go.SquaredLoss(matrix()), _Holding(matrix().to("meta")), go.SumOfSquares(), 1.0),
            r"\.to\(device\)",
        ),
        (lambda: problem().random(1, 0), "at least 1"),
        (lambda: problem().random(0, 1), "at least 1"),
        (lambda: problem()(*(w.float() for w in starts(problem()))), "convert one"),
        (lambda: problem()(*(w.to("meta") for w in starts(problem()))), "another device"),
        (lambda: problem()(*(w.long() for w in starts(problem()))), "convert"),
        (lambda: problem()(starts(problem())[0]), "expected 2 factors"),
        (lambda: problem()(*(w[0] for w in starts(problem()))), r"w\[None\]"),
    ],
)
def test_bad_input(bad, words):
    with pytest.raises(ValueError, match=words):
        bad()


def test_integer_and_misplaced_weights_are_refused_everywhere():
    f = problem()
    wrong = [tuple(w.long() for w in starts(f)), tuple(w.float() for w in starts(f)), starts(f)[::-1], (starts(f)[0],)]
    for W in wrong:
        for use in (go.minimise, go.certify, go.meta_algorithm):
            with pytest.raises(ValueError, match=r"convert|expected|pass"):
                use(f, W)


def test_a_mapping_without_polar_is_a_lookup_error_that_names_the_cure():
    f = go.Problem(go.SquaredLoss(matrix()), _Holding(matrix()), go.SumOfSquares(), 1.0)
    with pytest.raises(LookupError, match=r"polar=\.\.\."):
        go.certify(f, starts(problem()))
    with pytest.raises(LookupError, match="MatrixProduct"):
        go.omega(f, matrix()[None])
