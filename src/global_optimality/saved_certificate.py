"""A certificate as a text file that ``verify_certificate`` checks without this package's solver."""

import json
import os
import tempfile
from pathlib import Path

import torch
from torch import Tensor

from .certificate import Certificate
from .factors import Factors
from .losses import CrossEntropyLoss, LogisticLoss, Loss, MaskedSquaredLoss, SampleLoss, SquaredLoss
from .mappings import MatrixProduct, ReluUnit
from .problem import Problem
from .regularizers import Norm, ProductOfNorms, SumOfSquares

FORMAT = "global-optimality certificate 1"

_NAMES: dict[type[Loss], str] = {
    SquaredLoss: "squared",
    MaskedSquaredLoss: "squared",
    LogisticLoss: "logistic",
    CrossEntropyLoss: "cross entropy",
}


def save_certificate(file: str | Path, problem: Problem, W: Factors, certificate: Certificate, *, run: int = 0) -> None:
    """Write one run's weights, dual point and claims with all data that prove them, as JSON, in one atomic step.

    For outputs that are a matrix, θ = ½(‖u‖² + ‖v‖²) or ‖u‖‖v‖. Python's JSON keeps every bit of a float64.
    ``ValueError`` for other problems, float32, or a bound that is not finite.
    """
    problem.check(W)
    loss, mapping = problem.loss, problem.mapping
    if type(loss) not in _NAMES or not isinstance(mapping, MatrixProduct | ReluUnit) or loss.Y.dim() != 2:
        raise ValueError(
            f"({type(loss).__name__}, {type(mapping).__name__}) cannot be saved: the checker knows squared, logistic "
            "and cross-entropy losses of MatrixProduct and ReluUnit."
        )
    if loss.Y.dtype != torch.float64:
        raise ValueError(f"the certificate is {loss.Y.dtype}: nothing is certified from less than float64.")
    if not torch.isfinite(certificate.lower_bound[run]):
        raise ValueError("the certificate has no finite lower bound: there is nothing to save.")
    with torch.no_grad():
        U, V = (w[run].detach() for w in W)
        b = loss.bias(mapping.Phi(*W))[run]
    if problem.regularizer == ProductOfNorms((Norm.TWO, Norm.TWO)):
        U, V = _balanced(U, V)  # the checker knows ½(‖u‖² + ‖v‖²): equal to ‖u‖‖v‖ where the two norms agree
    elif problem.regularizer != SumOfSquares():
        raise ValueError(f"{problem.regularizer} cannot be saved: the checker knows SumOfSquares and ‖u‖‖v‖.")
    samples = isinstance(loss, SampleLoss)
    weights = loss.weights if samples and loss.weights is not None else torch.ones_like(loss.Y[:, 0])
    mask = loss.mask if isinstance(loss, MaskedSquaredLoss) else torch.ones_like(loss.Y, dtype=torch.bool)
    saved = {
        "format": FORMAT,
        "loss": _NAMES[type(loss)],
        "objective": float(certificate.objective[run]),
        "lower_bound": float(certificate.lower_bound[run]),
        "lam": problem.lam,
        "output_bias": loss.output_bias if samples else None,
        "S": mapping.S.tolist() if isinstance(mapping, ReluUnit) else None,
        "Y": loss.Y.tolist(),
        "mask": mask.int().tolist(),
        "weights": weights.tolist(),
        "U": U.tolist(),
        "V": V.tolist(),
        "b": b.tolist(),
        "G": certificate.dual[run].tolist(),
    }
    _write(Path(file), json.dumps(saved, allow_nan=False).replace(', "', ',\n"') + "\n")


def load_certificate(file: str | Path) -> tuple[Problem, Factors]:
    """The problem (with ``SumOfSquares``) and the weights of one run: ``certify`` them again, nothing is believed."""
    saved = json.loads(Path(file).read_text())
    if not isinstance(saved, dict) or saved.get("format") != FORMAT:
        raise ValueError(f"{Path(file).name} is not a saved certificate: write one with save_certificate.")

    def tensor(name: str) -> Tensor:
        return torch.tensor(saved[name], dtype=torch.float64)

    Y, mask = tensor("Y"), tensor("mask").bool()
    if bool(mask.all()):
        kind = {"squared": SquaredLoss, "logistic": LogisticLoss, "cross entropy": CrossEntropyLoss}[saved["loss"]]
        loss = kind(Y, weights=tensor("weights"), output_bias=saved["output_bias"])
    else:
        loss = MaskedSquaredLoss(Y, mask)
    mapping = MatrixProduct(*Y.shape) if saved["S"] is None else ReluUnit(tensor("S"), Y.shape[1])
    return Problem(loss, mapping, SumOfSquares(), saved["lam"]), (tensor("U")[None], tensor("V")[None])


def _balanced(U: Tensor, V: Tensor) -> Factors:
    u, v = U.norm(dim=1, keepdim=True), V.norm(dim=1, keepdim=True)
    root = (u * v).sqrt()
    return tuple(torch.where(a > 0, w * (root / a), torch.zeros_like(w)) for w, a in ((U, u), (V, v)))


def _write(file: Path, text: str) -> None:
    """Write in one step: the file holds the old text or the new one, never a part."""
    handle, part = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")
    try:
        with os.fdopen(handle, "w") as stream:
            stream.write(text)
        os.chmod(part, 0o644)
        os.replace(part, file)
    except BaseException:
        Path(part).unlink(missing_ok=True)
        raise
