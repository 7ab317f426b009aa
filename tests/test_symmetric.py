"""Eigenvalues of small symmetric matrices without LAPACK: as accurate, on any device, at a fixed number of launches."""

import math

import mpmath
import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode  # as torch's own documentation imports it

from cases import randn
from global_optimality import symmetric
from global_optimality.symmetric import LARGEST, SWEEPS, eigh, jacobi, norm_bound

EPS = torch.finfo(torch.float64).eps
SIZES = (1, 2, 3, 4, 5, 8, 13, LARGEST)
READS = ("aten._local_scalar_dense", "aten.nonzero", "aten.item", "aten.equal", "aten.is_nonzero", "aten.masked_select")


def turned(values: Tensor, seed: str) -> Tensor:
    """Symmetric matrices with these eigenvalues ``(n, k)``, in random bases."""
    Q = torch.linalg.qr(randn(seed, *values.shape, values.shape[1])).Q
    A = (Q * values[:, None]) @ Q.mT
    return (A + A.mT) / 2


def hard(k: int, n: int = 60) -> dict[str, Tensor]:
    X = randn(f"X{k}", n, k, k)
    X = X + X.mT
    grades = torch.logspace(0, -12, k, dtype=torch.float64)
    noise = randn(f"values{k}", n, k)
    return {
        "random": X,
        "equal": turned(1 + 1e-15 * noise, "equal"),
        "clustered": turned(1 + 1e-8 * noise, "clustered"),
        "two signs": turned(noise.sign(), "signs"),
        "three clusters": turned((3 * noise).round().clamp(-1, 1) + 1e-9 * noise, "three"),
        "graded": turned(grades.expand(n, -1), "graded"),
        "graded rows": X * (grades[:, None] * grades).sqrt(),
        "graded rows upwards": (X * (grades[:, None] * grades).sqrt()).flip(1, 2),
        "rank one": turned((torch.arange(k) == 0) * noise, "rank"),
        "diagonal": torch.diag_embed(noise),
        "ones": torch.ones(n, k, k, dtype=torch.float64),
        "zero": torch.zeros(n, k, k, dtype=torch.float64),
        "huge": 1e300 * X / X.abs().amax(),
        "tiny": 1e-300 * X,
    }


@pytest.mark.slow
@pytest.mark.parametrize("k", SIZES)
def test_backward_stable_like_lapack(k):
    eye = torch.eye(k, dtype=torch.float64)
    for name, A in hard(k).items():
        values, V = jacobi(A)
        scale = A.abs().amax((1, 2), keepdim=True).clamp(min=torch.finfo(A.dtype).tiny)
        size = scale[:, 0, 0] * torch.linalg.matrix_norm(A / scale)
        assert torch.linalg.matrix_norm(V.mT @ V - eye).max() <= 4 * k * EPS, name
        residual = torch.linalg.matrix_norm((A @ V - V * values[:, None]) / scale) * scale[:, 0, 0]
        assert (residual <= 8 * k * EPS * size).all(), name
        assert ((values - torch.linalg.eigvalsh(A)).abs().amax(1) <= 8 * k * EPS * size).all(), name
        assert (values.diff(dim=1) >= 0).all(), name


def test_values_are_those_of_fifty_digits():
    for k, name in ((2, "equal"), (3, "clustered"), (3, "graded rows"), (4, "two signs"), (5, "three clusters")):
        A = hard(k)[name][0]
        with mpmath.workdps(50):
            exact = sorted(float(x) for x in mpmath.eigsy(mpmath.matrix(A.tolist()), eigvals_only=True))
        found = jacobi(A[None])[0][0]
        assert (found - torch.tensor(exact, dtype=A.dtype)).abs().max() <= 4 * k * EPS * torch.linalg.matrix_norm(A)


def test_a_closed_form_alone_loses_half_the_digits():
    values = torch.tensor([-2.0, 1, 1], dtype=torch.float64)
    A = turned(values.expand(50, -1), "pair")
    angle = torch.acos((torch.linalg.det(A) / 2).clamp(-1, 1)) / 3
    closed = torch.stack([2 * torch.cos(angle + 2 * math.pi * j / 3) for j in range(3)], 1).sort(dim=1).values
    assert (closed - values).abs().max() > 1e-9
    assert (jacobi(A)[0] - values).abs().max() < 10 * EPS


@pytest.mark.parametrize("k", [2, 4, 8])
def test_fewer_sweeps_would_not_do(monkeypatch, k):
    fewer = {size: sweeps - 3 for size, sweeps in SWEEPS.items()}
    assert worst_residual(k) <= 8 * k * EPS
    monkeypatch.setattr(symmetric, "SWEEPS", fewer)
    assert worst_residual(k) > 8 * k * EPS


def worst_residual(k: int) -> float:
    A = torch.cat([A for name, A in hard(k, 100).items() if name not in ("zero", "huge", "tiny")])
    values, V = jacobi(A)
    return float((torch.linalg.matrix_norm(A @ V - V * values[:, None]) / torch.linalg.matrix_norm(A)).max())


def test_what_is_not_finite_stays_in_its_matrix():
    A = hard(4)["random"].clone()
    clean = jacobi(A)[0]
    A[3, 1, 2] = A[3, 2, 1] = torch.nan
    values = jacobi(A)[0]
    assert values[3].isnan().all()
    rest = torch.arange(len(A)) != 3
    assert (values - clean)[rest].abs().max() <= 4 * EPS * clean.abs().max()


class Launches(TorchDispatchMode):
    """Names of all operations."""

    def __init__(self) -> None:
        super().__init__()
        self.names: list[str] = []

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        self.names.append(str(func))
        return func(*args, **kwargs or {})


@pytest.mark.parametrize("k", [1, 2, 3, 4, 16])
def test_launches_depend_on_the_size_alone_and_nothing_is_read_back(k):
    jacobi(torch.eye(k, dtype=torch.float64)[None])
    counts = []
    for n in (1, 300):
        with Launches() as launches:
            jacobi(randn("launches", n, k, k))
        counts.append(len(launches.names))
        assert not {name for name in launches.names if any(read in name for read in READS)}
    assert counts[0] == counts[1]


def test_the_norm_is_bounded_tightly():
    for k in SIZES:
        for name, A in hard(k).items():
            A = A if name != "huge" else A / 1e10
            norm = torch.linalg.eigvalsh(A).abs().amax(1)
            bound = norm_bound(A)
            assert (bound >= norm * (1 - 8 * k * EPS)).all(), name
            assert (bound <= norm * k ** (1 / 128) * (1 + 8 * k * EPS) + torch.finfo(A.dtype).tiny).all(), name


def test_on_a_cpu_it_is_lapack():
    A = hard(5)["random"].reshape(6, 10, 5, 5)
    for mine, theirs in zip(eigh(A), torch.linalg.eigh(A), strict=True):
        assert torch.equal(mine, theirs)
    assert torch.equal(symmetric.eigvalsh(A), torch.linalg.eigvalsh(A))
