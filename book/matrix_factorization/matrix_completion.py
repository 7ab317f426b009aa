"""Hidden pixels of digits recovered with a certificate: rank growing against the convex references."""

from dataclasses import dataclass

import pandas as pd
import torch
from torch import Tensor

from global_optimality import convex
from global_optimality.certificate import Certificate, certify
from global_optimality.descent import LBFGS
from global_optimality.losses import MaskedSquaredLoss
from global_optimality.mappings import MatrixProduct
from global_optimality.meta_algorithm import DescentPath, meta_algorithm
from global_optimality.polar import lambda_max
from global_optimality.problem import Problem
from global_optimality.regularizers import SumOfSquares

from ..shared import data


@dataclass(frozen=True, eq=False)
class Completion:
    """Digits ``(N, 64)`` with the mask of seen pixels, λ-problem, the path of the meta-algorithm, the reference."""

    Y: Tensor
    mask: Tensor
    problem: Problem
    path: DescentPath
    reference: convex.ConvexSolution

    @property
    def recovered(self) -> Tensor:
        return self.problem.mapping.Phi(*self.path.weights)[0]

    @property
    def certificate(self) -> Certificate:
        return certify(self.problem, self.path.weights)


def masked_problem(Y: Tensor, *, hidden: float, share: float, seed: int) -> Problem:
    """Completion of Y with a share of entries hidden, at λ = share · λ_max."""
    loss, mapping = MaskedSquaredLoss(Y, data.hide(Y, hidden, seed=seed)), MatrixProduct(*Y.shape)
    largest = lambda_max(Problem(loss, mapping, SumOfSquares(), 1.0))
    return Problem(loss, mapping, SumOfSquares(), share * largest)


def complete_digits(
    images: int, *, hidden: float, share: float, seed: int, tol: float = 1e-6, device: str = "cpu"
) -> Completion:
    """Grow the rank from one by the meta-algorithm until certified, and solve the convex problem by itself."""
    Y = data.digits().S[:images].to(device)
    problem = masked_problem(Y, hidden=hidden, share=share, seed=seed)
    assert isinstance(problem.loss, MaskedSquaredLoss)
    path = meta_algorithm(problem, r=1, seed=seed, method=LBFGS(), tol=tol, samples=1)
    mask = problem.loss.mask
    reference = convex.matrix_completion(Y.cpu().numpy(), mask.cpu().numpy(), problem.lam, tol=tol)
    return Completion(Y, mask, problem, path, reference)


def completion_summary(result: Completion) -> pd.DataFrame:
    """Both solutions side by side: objective, proved lower bound, relative gap, rank, error on the hidden pixels."""
    certificate, hidden = result.certificate, ~result.mask
    rows = []
    for name, X, objective, bound in (
        ("rank growing", result.recovered, float(certificate.objective), float(certificate.lower_bound)),
        (
            "convex reference",
            torch.from_numpy(result.reference.X),
            result.reference.objective,
            result.reference.lower_bound,
        ),
    ):
        error = float((X.cpu() - result.Y.cpu())[hidden.cpu()].square().mean().sqrt())
        rank = int(torch.linalg.matrix_rank(X.cpu(), rtol=1e-6))
        rows.append((name, objective, bound, (objective - bound) / objective, rank, error))
    mean = (result.Y * result.mask).sum(0) / result.mask.sum(0)
    baseline = float((mean - result.Y)[hidden].square().mean().sqrt())
    rows.append(("mean of the seen pixels", float("nan"), float("nan"), float("nan"), 1, baseline))
    return pd.DataFrame(rows, columns=["solution", "objective", "lower_bound", "relative_gap", "rank", "hidden_rmse"])


def gap_under_another_mask(result: Completion, *, seed: int) -> float:
    """Relative gap of the completed weights judged on the problem with other pixels hidden: it must stay open."""
    hidden = 1 - float(result.mask.double().mean())
    other = masked_problem(result.Y, hidden=hidden, share=0.05, seed=seed)
    judged = Problem(other.loss, other.mapping, other.regularizer, result.problem.lam)
    return float(certify(judged, result.path.weights).relative_gap)


def completion_pictures(result: Completion, which: list[int]) -> pd.DataFrame:
    """Long table of pixels: image, kind (original, seen, recovered), row, column, grey value (NaN where hidden)."""
    seen = torch.where(result.mask, result.Y, torch.nan)
    rows = []
    for kind, X in (("original", result.Y), ("seen", seen), ("recovered", result.recovered.clamp(0, 16))):
        for image in which:
            for pixel, value in enumerate(X[image].tolist()):
                rows.append((image, kind, pixel // 8, pixel % 8, value))
    return pd.DataFrame(rows, columns=["image", "kind", "row", "column", "value"])
