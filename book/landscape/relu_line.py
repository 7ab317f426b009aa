"""Figure 1 of the paper from a real objective: a ReLU network along a straight line through its weights."""

import itertools
from dataclasses import dataclass
from fractions import Fraction

import pandas as pd
import torch
from torch import Tensor

from global_optimality.factors import Factors, flatten
from global_optimality.streams import generator, normal

from ..shared.tables import frame
from .critical_points import Critical, PolynomialPiece, critical_sets, multiply, value

CAPTION = dict(zip("abcdefgh", ["plateau", "global minimum"] * 2 + ["local maximum", "local minimum"] * 2, strict=True))
"""What the caption of the paper's Figure 1 calls its points (a) to (h)."""


@dataclass(frozen=True, eq=False)
class Line:
    """The networks x ↦ Σ_i v_i max(⟨u_i, x⟩, 0) with (U, V) = start + t · direction, fitted to samples S, Y.

    S is ``(N, d)``, Y ``(N,)``; start and direction are ``(r, d), (r,)``. The objective is the squared loss alone.
    """

    S: Tensor
    Y: Tensor
    start: Factors
    direction: Factors

    def weights(self, t: float) -> Factors:
        return tuple(a + t * b for a, b in zip(self.start, self.direction, strict=True))

    def objective(self, U: Tensor, V: Tensor) -> Tensor:
        """½ Σ_n (y_n − Σ_i v_i max(⟨u_i, s_n⟩, 0))²."""
        return 0.5 * (self.Y - torch.relu(self.S @ U.T) @ V).square().sum()

    def slope(self, t: float) -> float:
        """‖∇f‖ with respect to all weights, not only along the line."""
        U, V = (w.detach().requires_grad_() for w in self.weights(t))
        return float(flatten(tuple(g[None] for g in torch.autograd.grad(self.objective(U, V), (U, V)))).norm())

    def pieces(self) -> list[PolynomialPiece]:
        """f along the line as exact polynomials of degree ≤ 4 in t, one between any two neighbouring kinks."""
        (U, V), (dU, dV) = self.start, self.direction
        a, b = _products(self.S, U), _products(self.S, dU)
        outer = list(zip(_exact(V[None])[0], _exact(dV[None])[0], strict=True))
        hidden = [list(zip(p, q, strict=True)) for p, q in zip(a, b, strict=True)]
        kinks = sorted({-p / q for row in hidden for p, q in row if q != 0})
        edges = [None, *kinks, None]
        return [
            PolynomialPiece(low, high, self._polynomial(hidden, outer, _inside(low, high)))
            for low, high in itertools.pairwise(edges)
        ]

    def _polynomial(self, hidden: list, outer: list, t: Fraction) -> tuple[Fraction, ...]:
        total = [Fraction(0)] * 5
        for row, y in zip(hidden, _exact(self.Y[None])[0], strict=True):
            residual = [y, Fraction(0), Fraction(0)]
            for (p, q), layer in zip(row, outer, strict=True):
                if p + q * t > 0:
                    residual = [c - d for c, d in zip(residual, multiply((p, q), layer), strict=True)]
            total = [c + d / 2 for c, d in zip(total, multiply(residual, residual), strict=True)]
        return tuple(total)


def _exact(A: Tensor) -> list[list[Fraction]]:
    return [[Fraction(x) for x in row] for row in A.tolist()]


def _products(S: Tensor, U: Tensor) -> list[list[Fraction]]:
    """S Uᵀ without rounding."""
    rows, columns = _exact(S), _exact(U)
    return [[sum((a * b for a, b in zip(s, u, strict=True)), Fraction(0)) for u in columns] for s in rows]


def _inside(low: Fraction | None, high: Fraction | None) -> Fraction:
    if low is None:
        return Fraction(0) if high is None else high - 1
    return low + 1 if high is None else (low + high) / 2


def designed_line() -> Line:
    """Eight units w_i = (t − i)(1, c_i) with c_i dyadic: each is zero at t = i, so f is once differentiable in t.

    The slope of the network's output, X(t) = Σ c_i max(t − i, 0)², has a piecewise linear derivative, whose values at
    t = 0, …, 7 are ``bends``; after t = 7 it falls at rate 2. Three samples, least-squares slope exactly 1.
    """
    bends = [0, 1.75, 0, 0, -1.75, 0.75, -0.625, 0.375, -1.625]
    rates = [b - a for a, b in itertools.pairwise([0, *bends])]
    c = torch.tensor([(b - a) / 2 for a, b in itertools.pairwise(rates)], dtype=torch.float64)
    i, one = torch.arange(8, dtype=torch.float64), torch.ones(8, dtype=torch.float64)
    S, Y = torch.tensor([[1.0], [2.0], [3.0]]).double(), torch.tensor([2.0, 1.5, 3.0]).double()
    return Line(S, Y, (-i[:, None], -c * i), (one[:, None], c))


def random_line(r: int, samples: int, seed: int, index: int) -> Line:
    """A random direction through a random network of r units on plane inputs; all numbers multiples of 1/64."""
    stream = generator(seed, "random line", r, samples, index)
    shapes = (samples, 2), (samples,), (r, 2), (r,), (r, 2), (r,)
    S, Y, U, V, dU, dV = ((64 * normal(stream, *shape)).round() / 64 for shape in shapes)
    return Line(S, Y, (U, V), (dU, dV))


def least_squares_bound(line: Line) -> float:
    """The least objective of *any* ReLU network without biases on positive one-dimensional inputs: x ↦ slope · x."""
    x = line.S[:, 0]
    if line.S.shape[1] != 1 or bool((x <= 0).any()):
        raise ValueError("the bound needs positive one-dimensional inputs: there every such network is x ↦ slope · x.")
    slope = (x @ line.Y) / (x @ x)
    return float(0.5 * (line.Y - slope * x).square().sum())


def critical_table(line: Line) -> pd.DataFrame:
    """All critical points and plateaus of the section, left to right, lettered a, b, …; t_end > t on plateaus only.

    ``excess`` is f less its least value on the line; ``gradient_norm`` that of all the weights at the middle.
    """
    pieces = line.pieces()
    found = list(critical_sets(pieces))
    lowest = min((c.objective for c in found), default=Fraction(0))
    names = [_name(c, c.objective - lowest) for c in found]
    return frame(
        point=[chr(ord("a") + k) if k < 26 else f"a{k}" for k in range(len(found))],
        kind=names,
        t=[float(c.low) for c in found],
        t_end=[float(c.high) for c in found],
        objective=[float(c.objective) for c in found],
        excess=[float(c.objective - lowest) for c in found],
        curvature=[float(c.curvature) for c in found],
        gradient_norm=[line.slope(float(c.middle)) for c in found],
    )


def _name(c: Critical, excess: Fraction) -> str:
    if c.is_plateau:
        return "plateau"
    if c.before < 0 < c.after:
        return "global minimum" if excess < Fraction(1, 2**60) else "local minimum"
    return "local maximum" if c.after < 0 < c.before else "inflection"


def curve(line: Line, low: float, high: float, count: int) -> pd.DataFrame:
    """The objective of the network at ``count`` values of t, evaluated with torch: columns t, objective."""
    t = torch.linspace(low, high, count, dtype=torch.float64)
    return frame(t=t, objective=[float(line.objective(*line.weights(s))) for s in t.tolist()])


def polynomial_error(line: Line, table: pd.DataFrame) -> float:
    """Largest difference between the exact polynomials and the torch objective at the points of ``curve``."""
    pieces = line.pieces()
    differences = []
    for t, f in zip(table["t"], table["objective"], strict=True):
        piece = next(p for p in pieces if p.high is None or t <= p.high)
        differences.append(abs(f - float(value(piece.coefficients, Fraction(t)))))
    return max(differences)


def census(lines: int, *, r: int, samples: int, seed: int) -> pd.DataFrame:
    """Kinds on random lines: how many there are in all, and the share of the lines that have one."""
    kinds = ["plateau", "global minimum", "local minimum", "local maximum", "inflection"]
    tables = [critical_table(random_line(r, samples, seed, k))["kind"].value_counts() for k in range(lines)]
    counts = pd.DataFrame(tables).reindex(columns=kinds).fillna(0).astype(int)
    return frame(kind=kinds, count=counts.sum().to_numpy(), share_of_lines=(counts > 0).mean().to_numpy())
