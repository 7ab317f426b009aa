"""The verdict on a trained network, and what to do about one that is not certified, the cheapest first."""

from torch import Tensor

from ..certificate import CANCELS, ENCLOSED, Certificate, Verdict
from ..factors import Factors
from ..problem import Problem

APART = 1e4
"""Sizes of features or samples further apart than so are named where a certificate stays undecided."""


def judged(
    certificate: Certificate,
    problem: Problem,
    W: Factors,
    data: Tensor,
    J: float,
    rounding: float,
    scale: float,
    tol: float,
) -> tuple[Verdict, str]:
    """The verdict on the objective J = ``scale`` · f, known to ``rounding``, and its sentence with the cures."""
    best = scale * float(certificate.lower_bound[0])
    verdict = _verdict(J, best, scale * float((certificate.escape_objective + certificate.rounding)[0]), tol, rounding)
    if verdict is Verdict.UNDECIDED and J - rounding - best <= tol * abs(J):
        return verdict, f"{verdict.value} Float64 knows this objective to {rounding:.1e} only. {CANCELS}"
    return verdict, _advice(verdict, certificate, problem, W, J, scale, tol) + _apart(verdict, data)


def _apart(verdict: Verdict, data: Tensor) -> str:
    """What to do about inputs of very different sizes: what matters is then closer together than float64 tells."""
    sizes = {"features": data.abs().amax(0), "samples": data.abs().amax(1)}
    spread = {name: float(x.max() / x[x > 0].min()) for name, x in sizes.items() if bool(x.any())}
    worst = max(spread, key=spread.__getitem__, default="")
    if verdict is not Verdict.UNDECIDED or spread.get(worst, 0.0) < APART:
        return ""
    return (
        f" If that does not help: {worst} differ {spread[worst]:.0e}-fold in size, large terms cancel; take offsets "
        "off, divide each by its size and train again (another problem: decay then prices other weights)."
    )


def _advice(
    verdict: Verdict, certificate: Certificate, problem: Problem, W: Factors, J: float, scale: float, tol: float
) -> str:
    if verdict is Verdict.CERTIFIED:
        return verdict.value
    worth = tol * abs(J) / 10
    u, v = W[0][0].norm(dim=1), W[-1][0].norm(dim=1)
    uneven = scale * problem.lam * 0.5 * float((u - v).square().sum())
    offset = J - scale * float(certificate.objective[0])
    cures = []
    if uneven > worth:
        cures.append(
            f"Balance the weights: scale each hidden unit so that ‖incoming‖ = ‖outgoing‖; the outputs stay and the "
            f"objective falls by {uneven:.3g}."
        )
    if offset > worth:
        cures.append(f"The output bias is not the best one for these weights: it alone gives {offset:.3g}.")
    if verdict is Verdict.UNDECIDED and float(certificate.polar[0]) > 1.01 * float(certificate.polar_lower[0]):
        cures.append(f"{ENCLOSED}, or reduce the dimension.")
    if verdict is Verdict.REFUTED and scale * float(certificate.escape_objective[0]) < J - tol * abs(J):
        cures.append(
            "certificate.escape is a hidden unit that lowers the objective when appended; a network of this width is "
            "not judged."
        )
    cures.append("Descend further, or take the certified optimum from .improved().")
    return " ".join([verdict.value, *cures])


def _verdict(objective: float, best: float, lower: float, tol: float, rounding: float) -> Verdict:
    if objective + rounding - best <= tol * abs(objective):
        return Verdict.CERTIFIED
    return Verdict.REFUTED if objective - rounding - lower > tol * abs(objective) else Verdict.UNDECIDED
