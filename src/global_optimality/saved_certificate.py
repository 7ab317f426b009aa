"""A certificate as a text file that anyone can check without rounding (book: How to check a certificate)."""

import json
import os
import tempfile
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from .certificate import Certificate, certify
from .exact.check import infeasible
from .exact.drawn import drawn
from .exact.file import FORMATS, Saved, read
from .exact.numbers import round_down, round_up
from .exact.values import OutsideDomainError, dual_value, objective
from .factors import Factors
from .losses import CrossEntropyLoss, LogisticLoss, Loss, MaskedSquaredLoss, SampleLoss, SquaredLoss
from .mappings import MatrixProduct, ReluUnit
from .problem import Problem
from .regularizers import Norm, ProductOfNorms, SumOfSquares

SHRINK = (0.0, 2.0**-46, 2.0**-40, 2.0**-34)
"""How much of the dual point is given away until it is feasible exactly, not only to rounding."""

_NAMES: dict[type[Loss], str] = {
    SquaredLoss: "squared",
    MaskedSquaredLoss: "squared",
    LogisticLoss: "logistic",
    CrossEntropyLoss: "cross entropy",
}


@dataclass(frozen=True, eq=False)
class SavedCertificate:
    """What a file holds: the problem (with ``SumOfSquares``), one run's weights, and their certificate, made anew."""

    problem: Problem
    weights: Factors
    certificate: Certificate


def save_certificate(
    file: str | Path,
    problem: Problem,
    W: Factors,
    certificate: Certificate,
    *,
    run: int = 0,
    proof: dict[str, Any] | None = None,
) -> None:
    """Write one run's weights, dual point and claims with all data that prove them, as JSON, in one atomic step.

    For outputs that are a matrix, θ = ½(‖u‖² + ‖v‖²) or ‖u‖‖v‖. The claims are those of exact arithmetic: the objective
    rounded up, the bound rounded down. S of more than three columns needs a ``proof`` by splits.
    ``ValueError`` for other problems, float32, a bound that is not finite or not feasible to rounding.
    """
    saved = _exact(_collected(problem, W, certificate, run, proof))
    names = {"bias": "output_bias"}
    entries = {names.get(key, key): value for key, value in asdict(saved).items() if key != "version"}
    text = json.dumps({"format": FORMATS[-1], **entries}, allow_nan=False)
    _write(Path(file), text.replace(', "', ',\n"') + "\n")


def load_certificate(file: str | Path) -> SavedCertificate:
    """Problem and weights as saved, and ``certify`` of them: of the file's claims nothing is believed.

    ``ValueError``, naming the file, where it is damaged.
    """
    saved = read(file)

    def tensor(x: object) -> Tensor:
        return torch.tensor(x, dtype=torch.float64)

    Y, mask = tensor(saved.Y), tensor(saved.mask).bool()
    if bool(mask.all()):
        kind = {"squared": SquaredLoss, "logistic": LogisticLoss, "cross entropy": CrossEntropyLoss}[saved.loss]
        loss: Loss = kind(Y, weights=tensor(saved.weights), output_bias=saved.bias)
    else:
        loss = MaskedSquaredLoss(Y, mask)
    mapping = MatrixProduct(*Y.shape) if saved.S is None else ReluUnit(tensor(saved.S), Y.shape[1])
    problem = Problem(loss, mapping, SumOfSquares(), saved.lam)
    W = tensor(saved.U)[None], tensor(saved.V)[None]
    return SavedCertificate(problem, W, certify(problem, W))


def _collected(problem: Problem, W: Factors, certificate: Certificate, run: int, proof: dict[str, Any] | None) -> Saved:
    problem.check(W)
    loss, mapping = problem.loss, problem.mapping
    if type(loss) not in _NAMES or not isinstance(mapping, MatrixProduct | ReluUnit) or loss.Y.dim() != 2:
        raise ValueError(
            f"({type(loss).__name__}, {type(mapping).__name__}) cannot be saved: the checkers know squared, logistic "
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
        U, V = _balanced(U, V)  # the checkers know ½(‖u‖² + ‖v‖²): equal to ‖u‖‖v‖ where the two norms agree
    elif problem.regularizer != SumOfSquares():
        raise ValueError(f"{problem.regularizer} cannot be saved: the checkers know SumOfSquares and ‖u‖‖v‖.")
    samples = isinstance(loss, SampleLoss)
    weights = loss.weights if samples and loss.weights is not None else torch.ones_like(loss.Y[:, 0])
    mask = loss.mask if isinstance(loss, MaskedSquaredLoss) else torch.ones_like(loss.Y, dtype=torch.bool)
    S = mapping.S if isinstance(mapping, ReluUnit) else None
    if S is not None and S.shape[1] > 3 and proof is None:
        raise ValueError(
            f"S has {S.shape[1]} columns: beyond 3 the checkers need proof=..., a tree of splits (book: How to check a "
            "certificate)."
        )
    return Saved(
        version=2,
        loss=_NAMES[type(loss)],
        objective=float(certificate.objective[run]),
        lower_bound=float(certificate.lower_bound[run]),
        lam=problem.lam,
        bias=loss.output_bias if samples else None,
        S=None if S is None else S.tolist(),
        Y=loss.Y.tolist(),
        mask=mask.int().tolist(),
        weights=weights.tolist(),
        U=U.tolist(),
        V=V.tolist(),
        b=b.tolist(),
        G=certificate.dual[run].tolist(),
        proof=proof,
    )


def _exact(saved: Saved) -> Saved:
    """With a dual point that is feasible exactly, and claims that hold exactly."""
    reason: str | None = "The dual point lies outside the domain of the loss's conjugate."
    for shrink in SHRINK if saved.proof is None else SHRINK[:1]:
        G = drawn(saved, shrink)
        if G is None:
            break
        exact = replace(saved, G=G, objective=round_up(objective(saved)))
        try:
            exact = replace(exact, lower_bound=round_down(dual_value(exact)))
        except OutsideDomainError as error:
            reason = str(error)
            continue
        reason = infeasible(exact)
        if reason is None:
            return exact
    raise ValueError(f"the certificate cannot be saved: {reason}")


def _balanced(U: Tensor, V: Tensor) -> Factors:
    u, v = U.norm(dim=1, keepdim=True), V.norm(dim=1, keepdim=True)
    root = (u * v).sqrt()
    return tuple(torch.where(a > 0, w * (root / a), torch.zeros_like(w)) for w, a in ((U, u), (V, v)))


def _write(file: Path, text: str) -> None:
    """Write in one step: the file holds the old text or the new one, never a part."""
    handle, part = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            stream.write(text)
        os.chmod(part, 0o644)
        os.replace(part, file)
    except BaseException:
        Path(part).unlink(missing_ok=True)
        raise
