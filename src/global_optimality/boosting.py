"""One subnetwork at a time, the polar as weak learner (eq. 4; Bengio et al. 2005): fully corrective Frank–Wolfe."""

from dataclasses import dataclass

import torch

from .certificate import Certificate, certify
from .descent import refit
from .descent.scales import SETTLED
from .effort import Effort
from .factors import Factors, append
from .polar import Polar, oracle_of
from .problem import Problem
from .status import Status


@dataclass(frozen=True, eq=False)
class Boosting:
    """The last network (one run) with its certificate; (f, relative gap, size) before every round; how it ended."""

    weights: Factors
    certificate: Certificate
    history: tuple[tuple[float, float, int], ...]
    status: Status


def boost(
    problem: Problem,
    W: Factors | None = None,
    *,
    polar: Polar | None = None,
    effort: Effort | None = None,
    tol: float = 1e-6,
    max_rounds: int = 200,
) -> Boosting:
    """From W (one run; zero by default): append the polar's atom, then give all subnetworks their best scales.

    Weights change in scale only, so kinks are no obstacle; f never rises. Ends with GLOBAL once the certified relative
    gap is at most ``tol``, with NO_ESCAPE when the atom lowers f no more. ``ValueError`` for several
    runs or unequal degrees.
    """
    problem.check_balanced()
    if W is None:
        W = tuple(torch.zeros_like(w) for w in problem.random(1, 1))
    problem.check(W)
    if W[0].shape[0] != 1:
        raise ValueError(f"boost builds one network but W holds {W[0].shape[0]} runs: pass one run, w[:1].")
    polar = oracle_of(problem, polar, effort)
    history = []
    for _ in range(max_rounds):
        certificate = certify(problem, W, polar)
        value, gap = float(certificate.objective[0]), float(certificate.relative_gap[0])
        history.append((value, gap, W[0].shape[1]))
        if gap <= tol:
            return Boosting(W, certificate, tuple(history), Status.GLOBAL)
        new = refit(problem, append(W, certificate.escape))
        if not float(problem(*new)[0]) < value * (1 - SETTLED):
            return Boosting(W, certificate, tuple(history), Status.NO_ESCAPE)
        W = new
    return Boosting(W, certify(problem, W, polar), tuple(history), Status.STEPS)
