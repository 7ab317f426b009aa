"""Problems of every kind that a saved certificate knows, solved once."""

import torch

import global_optimality as go

N = 10


def normal(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=go.generator(seed, "verify", *shape), dtype=torch.float64)


def relu_problem(loss, d: int = 2, lam: float = 0.4) -> go.Problem:
    S = torch.cat([normal(N, d - 1), torch.ones(N, 1, dtype=torch.float64)], 1) if d > 1 else normal(N, 1)
    return go.Problem(loss, go.ReluUnit(S, loss.Y.shape[1]), go.SumOfSquares(), lam)


Y = torch.sin(2 * normal(N, 2, seed=1)) + 0.5
SIGNS = torch.where(Y > 0.6, 1.0, -1.0).double()
LABELS = (Y[:, 0] > 0).long() + (Y[:, 1] > 0.8).long()
WEIGHTS = torch.linspace(0.5, 2, N, dtype=torch.float64)
MASK = normal(N, 2, seed=2) > -0.7
PROBLEMS = {
    "squared": relu_problem(go.SquaredLoss(Y)),
    "squared d=1": relu_problem(go.SquaredLoss(Y[:, :1]), d=1),
    "squared d=3": relu_problem(go.SquaredLoss(Y[:, :1]), d=3),
    "squared free bias": relu_problem(go.SquaredLoss(Y[:, :1], output_bias=0.0)),
    "squared weighted": relu_problem(go.SquaredLoss(Y, weights=WEIGHTS, output_bias=0.3)),
    "masked relu": relu_problem(go.MaskedSquaredLoss(Y, MASK)),
    "logistic": relu_problem(go.LogisticLoss(SIGNS[:, :1], weights=WEIGHTS)),
    "logistic free bias": relu_problem(go.LogisticLoss(SIGNS[:, :1], output_bias=0.0)),
    "logistic decayed bias": relu_problem(go.LogisticLoss(SIGNS[:, :1], output_bias=0.5)),
    "cross entropy": relu_problem(go.CrossEntropyLoss(LABELS), lam=0.8),
    "cross entropy free bias": relu_problem(go.CrossEntropyLoss(LABELS, weights=WEIGHTS, output_bias=0.0), lam=0.8),
    "hidden biases": go.Problem(
        go.SquaredLoss(Y[:, :1], output_bias=0.0),
        go.BiasedReluUnit(normal(N, 2, seed=3)),
        go.OnLayers(go.SumOfSquares(), (0, 2)),
        0.4,
    ),
    "hidden biases of classes": go.Problem(
        go.CrossEntropyLoss(LABELS, output_bias=0.0),
        go.BiasedReluUnit(normal(N, 1, seed=4), 3),
        go.OnLayers(go.ProductOfNorms((go.Norm.TWO, go.Norm.TWO)), (0, 2)),
        0.5,
    ),
    "factorization": go.Problem(go.SquaredLoss(Y), go.MatrixProduct(N, 2), go.SumOfSquares(), 1.0),
    "completion": go.Problem(go.MaskedSquaredLoss(Y, MASK), go.MatrixProduct(N, 2), go.ProductOfNorms(), 0.5),
}
FILES: dict[str, tuple[go.Problem, tuple, object]] = {}


def solved(name: str):
    if name not in FILES:
        solution = go.solve(PROBLEMS[name], tol=1e-7)
        FILES[name] = solution.problem, solution.weights, solution.certificate
    return FILES[name]
