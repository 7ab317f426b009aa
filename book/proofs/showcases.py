"""The certificates that the page *How to check a certificate* shows, and Coq proves: small enough to be read."""

from pathlib import Path

import torch

from book.shared.planted_relu import teacher_problem
from global_optimality import MatrixProduct, Problem, SquaredLoss, SumOfSquares, save_certificate, solve


def showcases() -> dict[str, Problem]:
    """Problems by the names of their files: hidden units of three and of four columns, and a product of matrices."""
    Y = torch.tensor([[3.0, 1, 0], [1, 2, 1], [0, 1, 1], [2, 0, 1]], dtype=torch.float64)
    return {
        "one-hidden-layer": teacher_problem(12, 3, 0.4, seed=1),
        "four-columns": teacher_problem(8, 4, 0.6, seed=3),
        "matrix-product": Problem(SquaredLoss(Y), MatrixProduct(4, 3), SumOfSquares(), 1.0),
    }


def saved(folder: Path) -> list[Path]:
    """Solve the showcases and save their certificates in a folder."""
    files = []
    for name, problem in showcases().items():
        solution, file = solve(problem, tol=1e-8), folder / f"{name}.json"
        save_certificate(file, solution.problem, solution.weights, solution.certificate)
        files.append(file)
    return files
