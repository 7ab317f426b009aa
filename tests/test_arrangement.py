"""Cells, arcs and the reduction to distinct hyperplanes, against known counts and brute force."""

from math import pi

import pytest
import torch

from global_optimality.arrangement import arrangement, cells, generic_count, hyperplanes
from relu_reference import degenerate, normal

NAMES = list(degenerate(torch.Generator().manual_seed(0), 4))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("seed", [0, 1])
def test_rows_are_multiples_of_their_hyperplane_normals(name: str, seed: int) -> None:
    S = degenerate(torch.Generator().manual_seed(seed), 7)[name]
    planes = hyperplanes(S)
    rebuilt = planes.length[:, None] * planes.normals[planes.member] @ planes.basis.T
    torch.testing.assert_close(rebuilt * planes.scale, S, rtol=0, atol=1e-14 * float(S.abs().max()))
    assert float((planes.deviation / planes.length.abs().clamp_min(1e-30))[planes.length != 0].max()) < 1e-13
    torch.testing.assert_close(planes.normals.norm(dim=1), torch.ones(len(planes.normals)).double())


@pytest.mark.parametrize(
    ("name", "rank", "count"),
    [
        ("generic", 3, 8),
        ("plane", 2, 8),
        ("line", 1, 1),
        ("duplicates", 3, 4),
        ("multiples", 3, 4),
        ("zeros", 3, 6),
        ("collinear features", 2, 8),
        ("constant features", 2, 8),
        ("rank 1", 1, 1),
        ("rank 3 in 5", 3, 8),
        ("close 1e-9", 3, 8),
        ("close 1e-14", 3, 8),
        ("close 1e-16", 3, 4),
        ("nearly plane 1e-9", 3, 8),
        ("rows 1e8", 3, 8),
    ],
)
def test_rank_and_number_of_distinct_hyperplanes(name: str, rank: int, count: int) -> None:
    planes = hyperplanes(degenerate(torch.Generator().manual_seed(3), 8)[name])
    assert (planes.rank, len(planes.normals)) == (rank, count)


@pytest.mark.parametrize("name", NAMES)
def test_crossings_are_sorted_and_sides_are_those_between_them(name: str) -> None:
    S = degenerate(torch.Generator().manual_seed(5), 9)[name]
    a = arrangement(S)
    width = a.width(slice(None))
    assert (width >= -1e-15).all()
    torch.testing.assert_close(width.sum(1), torch.full((len(a.frames),), pi).double())
    middle = a.angle + width / 2
    u = middle.cos()[..., None] * a.frames[:, None, 0] + middle.sin()[..., None] * a.frames[:, None, 1]
    height = torch.einsum("ckx,cjx->ckj", u, a.normals[a.order.long()])
    arcs, crossings = torch.arange(a.order.shape[1])[:, None], torch.arange(a.order.shape[1])
    claimed = torch.where(crossings <= arcs, a.rising[:, None], ~a.rising[:, None])
    clear = height.abs() > 1e-12
    assert (claimed == (height > 0))[clear].all()
    if name in ("generic", "bias", "plane", "duplicates", "rank 3 in 5"):
        assert clear.all()


@pytest.mark.parametrize(("N", "d"), [(1, 1), (6, 1), (1, 3), (2, 3), (9, 2), (12, 3), (9, 4), (8, 5), (3, 5)])
def test_number_of_cells_in_general_position(N: int, d: int) -> None:
    S = normal(torch.Generator().manual_seed(N + d), N, d)
    found = cells(S)
    distinct, rank = (1, 1) if d == 1 else (N, min(N, d))
    assert len(found.active) == generic_count(distinct, rank)
    assert ((found.points @ S.T > 0) == found.active).all()


def numbered(patterns: torch.Tensor) -> torch.Tensor:
    """Each row of signs as a whole number, one binary digit a sign."""
    return (patterns.long() << torch.arange(patterns.shape[1])).sum(1)


@pytest.mark.parametrize("name", [n for n in NAMES if "close" not in n and "nearly" not in n and n != "columns 1e8"])
def test_cells_are_the_patterns_that_random_directions_meet(name: str) -> None:
    generator = torch.Generator().manual_seed(11)
    S = degenerate(generator, 7)[name]
    found = cells(S)
    assert len(torch.unique(found.active, dim=0)) == len(found.active)
    assert ((found.points @ S.T > 0) == found.active).all()
    met = numbered(normal(generator, 400_000, S.shape[1]) @ S.T > 0).unique()
    assert met.tolist() == sorted(numbered(found.active).tolist())


def test_bias_column_over_a_grid_has_the_cells_of_zaslavsky() -> None:
    """Regions of a central arrangement in R³: 2 + 2 Σ (hyperplanes through it − 1) over its lines."""
    x = torch.cartesian_prod(torch.arange(4.0), torch.arange(4.0)).double()
    S = torch.cat([x, torch.ones(16, 1).double()], 1)
    lines = {
        tuple(sorted(k for k in range(16) if abs(float(torch.linalg.det(S[[i, j, k]]))) < 1e-9))
        for i in range(16)
        for j in range(i)
    }
    assert len(cells(S).active) == 2 + 2 * sum(len(line) - 1 for line in lines)


def test_zero_data_has_one_cell_and_no_hyperplane() -> None:
    S = torch.zeros(3, 2, dtype=torch.float64)
    assert cells(S).active.tolist() == [[False, False, False]]
    assert arrangement(S).order.numel() == 0


def test_bad_input_is_named() -> None:
    S = normal(torch.Generator().manual_seed(0), 6, 4)
    with pytest.raises(ValueError, match="rank at most 3, got rank 4"):
        arrangement(S)
    with pytest.raises(ValueError, match="not finite"):
        hyperplanes(S * float("nan"))
    with pytest.raises(ValueError, match="real matrix"):
        hyperplanes(S[0])
    with pytest.raises(ValueError, match="real matrix"):
        hyperplanes(S[:0])
    with pytest.raises(ValueError, match="candidate rays"):
        cells(normal(torch.Generator().manual_seed(0), 60, 6))
