"""A certificate as a text file that anyone can check without rounding (book: How to check a certificate)."""

import json
import math
import os
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from .certificate import Certificate, certify
from .cone_proof import prove_by_cones
from .effort import Effort, check_effort
from .exact.check import infeasible
from .exact.drawn import drawn
from .exact.file import FORMATS, Saved, read, write
from .exact.numbers import round_down, round_up
from .exact.values import dual_value, objective
from .factors import Factors
from .losses import CrossEntropyLoss, LogisticLoss, Loss, MaskedSquaredLoss, SampleLoss, SquaredLoss
from .mappings import BiasedReluUnit, MatrixProduct, ReluUnit
from .polar.relu_enclosure import CONES_UP_TO
from .problem import Problem, check_problem
from .regularizers import Norm, OnLayers, ProductOfNorms, SumOfSquares
from .row_proof import prove_by_rows
from .settings import instance, whole

SHRINK = (0.0, 2.0**-46, 2.0**-40, 2.0**-34)
"""How much of the dual point is given away until it is feasible exactly, not only to rounding."""

SHARES = (2.0**-30, 2.0**-14)
"""How much of the dual point is given away to a proof by cones: the more, the fewer cones."""

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
    effort: Effort | None = None,
) -> None:
    """Write one run's weights, dual point and claims with all data that prove them, as JSON, in one atomic step.

    For outputs that are a matrix, θ = ½(‖u‖² + ‖v‖²) or ‖u‖‖v‖. The claims are those of exact arithmetic: the objective
    rounded up, the bound rounded down. S of more than three columns needs a ``proof`` by splits: without one it is
    looked for by cones, within ``effort.nodes``, and costs the bound up to SHARES of itself.
    ``ValueError`` for other problems, float32, a bound that is not finite, not feasible, or not proved in time.
    """
    check_effort(effort)
    if proof is not None:
        instance("proof", proof, dict, "pass what prove_by_cones or prove_by_rows returned, or none.")
    if not isinstance(file, str | os.PathLike):
        raise TypeError(f"file is a {type(file).__name__}: pass the path of a file to write.")
    saved = _collected(problem, W, certificate, run, proof)
    saved = _proved(saved, effort) if saved.S is not None and len(saved.S[0]) > 3 else _exact(saved)
    names = {"bias": "output_bias"}
    entries = {names.get(key, key): value for key, value in asdict(saved).items() if key != "version"}
    text = json.dumps({"format": FORMATS[-1], **entries}, allow_nan=False)
    write(Path(file), text.replace(', "', ',\n"') + "\n")


def load_certificate(file: str | Path) -> SavedCertificate:
    """Problem and weights as saved, and ``certify`` of them: of the file's claims nothing is believed.

    ``ValueError``, naming the file, where it is damaged.
    """
    saved = read(file)

    def tensor(x: object) -> Tensor:
        return torch.tensor(x, dtype=torch.float64, device="cpu")

    Y, mask = tensor(saved.Y), tensor(saved.mask).bool()
    if bool(mask.all()):
        kind = {"squared": SquaredLoss, "logistic": LogisticLoss, "cross entropy": CrossEntropyLoss}[saved.loss]
        loss: Loss = kind(Y, weights=tensor(saved.weights), output_bias=saved.bias)
    else:
        loss = MaskedSquaredLoss(Y, mask)
    U, V = tensor(saved.U)[None], tensor(saved.V)[None]
    if saved.a is not None:
        units = BiasedReluUnit(tensor(saved.S), Y.shape[1])
        problem = Problem(loss, units, OnLayers(SumOfSquares(), (0, 2)), saved.lam)
        W = U, (tensor(saved.a)[None, :, None] + U @ units.centre[:, None]) / units.reach, V
    else:
        mapping = MatrixProduct(*Y.shape) if saved.S is None else ReluUnit(tensor(saved.S), Y.shape[1])
        problem, W = Problem(loss, mapping, SumOfSquares(), saved.lam), (U, V)
    return SavedCertificate(problem, W, certify(problem, W))


def _collected(problem: Problem, W: Factors, certificate: Certificate, run: int, proof: dict[str, Any] | None) -> Saved:
    check_problem(problem).check(W)
    instance("certificate", certificate, Certificate, "pass what certify(problem, W) returned.")
    if not 0 <= whole("run", run) < len(W[0]):
        raise ValueError(f"run = {run}, but the weights hold {len(W[0])} runs, numbered from 0.")
    loss, mapping = problem.loss, problem.mapping
    mappings = MatrixProduct | ReluUnit | BiasedReluUnit
    if type(loss) not in _NAMES or not isinstance(mapping, mappings) or loss.Y.dim() != 2:
        raise ValueError(
            f"({type(loss).__name__}, {type(mapping).__name__}) cannot be saved: the checkers know squared, logistic "
            "and cross-entropy losses of MatrixProduct, ReluUnit and BiasedReluUnit."
        )
    if loss.Y.dtype != torch.float64:
        raise ValueError(f"the certificate is {loss.Y.dtype}: nothing is certified from less than float64.")
    if not torch.isfinite(certificate.lower_bound[run]):
        raise ValueError("the certificate has no finite lower bound: there is nothing to save.")
    if not all(bool(torch.isfinite(w[run]).all()) for w in W):
        raise ValueError(f"the weights of run {run} are not finite: there is no network to save.")
    U, a, V, b = _network(problem, W, run)
    samples = isinstance(loss, SampleLoss)
    weights = loss.weights if samples and loss.weights is not None else torch.ones_like(loss.Y[:, 0])
    mask = loss.mask if isinstance(loss, MaskedSquaredLoss) else torch.ones_like(loss.Y, dtype=torch.bool)
    S = mapping.S if isinstance(mapping, ReluUnit | BiasedReluUnit) else None
    if a is not None and samples and loss.output_bias != 0:
        raise ValueError("hidden biases without decay go with a free output bias: pass output_bias=0.0 to the loss.")
    if S is not None and S.shape[1] > 3 and a is not None:
        raise ValueError(f"S has {S.shape[1]} columns: beyond 3 the checkers know no hidden biases without decay.")
    if S is not None and S.shape[1] > 3 and loss.Y.shape[1] > 1:
        raise ValueError(
            f"S has {S.shape[1]} columns and there are {loss.Y.shape[1]} outputs: beyond 3 columns the checkers know "
            "proofs of one output only."
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
        a=None if a is None else a.tolist(),
    )


def _network(problem: Problem, W: Factors, run: int) -> tuple[Tensor, Tensor | None, Tensor, Tensor]:
    """U, the hidden biases or None, V and the output bias of one run, as the file's objective has them.

    The checkers know ½(‖u‖² + ‖v‖²): equal to ‖u‖‖v‖ where the two norms agree.
    """
    mapping, W = problem.mapping, tuple(w[run : run + 1].detach() for w in W)
    priced = (0, len(W) - 1)
    known = [SumOfSquares(), ProductOfNorms((Norm.TWO, Norm.TWO))]
    if isinstance(mapping, BiasedReluUnit):
        known = [OnLayers(inside, priced) for inside in known]
    if problem.regularizer not in known:
        raise ValueError(f"{problem.regularizer} cannot be saved: the checkers know SumOfSquares and ‖u‖‖v‖.")
    with torch.no_grad():
        U, V, b = W[0][0], W[-1][0], problem.loss.bias(mapping.Phi(*W))[0]
        a = mapping.reach * W[1][0] - U @ mapping.centre[:, None] if isinstance(mapping, BiasedReluUnit) else None
        if problem.regularizer == known[1]:
            u, v = U.norm(dim=1, keepdim=True), V.norm(dim=1, keepdim=True)
            up, down = (torch.where(x > 0, (u * v).sqrt() / x, torch.zeros_like(x)) for x in (u, v))
            U, V, a = up * U, down * V, None if a is None else up * a
        if isinstance(mapping, BiasedReluUnit) and a is not None:
            b = b - (torch.relu(mapping.S @ U.mT + a.mT) @ V).mean(0)  # the mapping leaves out means over the samples
    return U, None if a is None else a[:, 0], V, b


def _exact(saved: Saved) -> Saved:
    """With a dual point that is feasible exactly, and claims that hold exactly."""
    reason: str | None = None
    for shrink in SHRINK:
        exact = _claimed(saved, shrink)
        if (reason := infeasible(exact)) is None:
            return exact
    raise ValueError(f"the certificate cannot be saved: {reason}")


def _proved(saved: Saved, effort: Effort | None) -> Saved:
    """As ``_exact``, with the proof that is given, or else by cones or signs of rows: the smallest share first."""
    if saved.proof is not None:
        exact = _claimed(saved, 0.0)
        if (reason := infeasible(exact)) is not None:
            raise ValueError(f"the certificate cannot be saved: {reason}")
        return exact
    for share in SHARES:
        exact = _claimed(saved, share)
        S, q = np.array(saved.S), -np.array(exact.G)[:, 0]
        try:
            prove = prove_by_cones if S.shape[1] <= CONES_UP_TO else prove_by_rows
            return replace(exact, proof=prove(S, q, saved.lam, effort))
        except ValueError:
            if share == SHARES[-1]:
                raise
    raise AssertionError("SHARES is empty")


def _claimed(saved: Saved, shrink: float) -> Saved:
    """The dual point less a share, exactly in the conjugate's domain, and the claims that follow."""
    G = drawn(saved, shrink)
    if G is None:
        raise ValueError("the certificate cannot be saved: its dual point lies outside the conjugate's domain.")
    exact = replace(saved, G=G, objective=round_up(objective(saved)))
    if not math.isfinite(exact.objective):
        raise ValueError("the objective of these weights is no number of float64: there is nothing to save.")
    return replace(exact, lower_bound=round_down(dual_value(exact)))
