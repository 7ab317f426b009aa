"""Everything that a saved certificate claims, checked without rounding: weak duality, F* ≥ −ℓ*(G) if Ω°(−G) ≤ λ."""

import math
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

from .circles import exceeding
from .drawn import drawn
from .file import Saved, read
from .forms import spectral_norm_exceeds
from .numbers import integers, matrix, round_down, round_up
from .trees import ProofError, check_proof
from .values import OutsideDomainError, dual_size, dual_value, objective

SLACK = 2.0**-40
"""Files of version 1 hold rounded numbers: their claims, and the feasibility of their dual point, hold to SLACK."""


@dataclass(frozen=True)
class Verification:
    """What was proved from a file alone: lower_bound ≤ F* ≤ objective; ``reasons`` say why a claim is rejected.

    ``objective`` is f at the saved weights, rounded up; ``lower_bound`` is −ℓ*(G), rounded down, and −∞ where the dual
    point was not found feasible.
    """

    objective: float
    lower_bound: float
    reasons: tuple[str, ...]

    @property
    def confirmed(self) -> bool:
        """Whether everything that the file claims was found true."""
        return not self.reasons

    @property
    def gap(self) -> float:
        """objective − lower_bound."""
        return self.objective - self.lower_bound


def verify_certificate(file: str | Path) -> Verification:
    """Check every claim of a file written by ``save_certificate``, in exact arithmetic, without the solver's code.

    ``ValueError``, naming the file, where it is damaged. O(N² log N) operations on integers for ReLU units of at most
    three columns (N times as many where no decay holds their bias); else the file's tree is checked leaf by leaf.
    """
    saved = read(file)
    value = objective(saved)
    if saved.version == 1:
        return _first_version(saved, value)
    reasons, bound = [], -math.inf
    if value > Fraction(saved.objective):
        reasons.append(f"The weights give the objective {round_up(value):.17g}, more than {saved.objective:.17g}.")
    try:
        proved = dual_value(saved)
        if saved.lower_bound > proved:
            reasons.append(f"The dual point proves the bound {round_down(proved):.17g}, not {saved.lower_bound:.17g}.")
        if reason := infeasible(saved, Path(file).name):
            reasons.append(reason)
        else:
            bound = round_down(proved)
    except OutsideDomainError as error:
        reasons.append(str(error))
    return Verification(round_up(value), bound, tuple(reasons))


def infeasible(saved: Saved, name: str = "the certificate") -> str | None:
    """Why Ω°(−G) ≤ λ is not proved, or None where it is; ``ValueError`` for a proof that is damaged or missing."""
    if saved.S is not None and len(saved.S[0]) > 3:
        if saved.a is not None:
            return f"S has {len(saved.S[0])} columns: beyond 3 nothing is proved of units whose bias no decay holds."
        if saved.proof is None:
            return f"S has {len(saved.S[0])} columns: beyond 3, a file needs a proof by splits, and this one has none."
        try:
            check_proof(saved.S, saved.G, saved.lam, saved.proof)
        except ProofError as error:
            return f"The proof of feasibility fails. {error}"
        except ValueError as error:
            raise ValueError(f"{name}: {error}") from error
        return None
    Q, k = matrix([[-g for g in row] for row in saved.G])
    S, ks = ([], 0) if saved.S is None else matrix(saved.S)
    (lam,), kl = integers([saved.lam])
    up = max(kl - k - ks, 0)  # ‖Qᵀ(Su)₊‖ ≤ λ, with everything over 2^(k + ks + up)
    Q, limit = [[q << up for q in row] for row in Q], (lam << (k + ks + up - kl)) ** 2
    if saved.S is None:
        return "The dual point is not feasible: its largest singular value exceeds λ." if spectral_norm_exceeds(
            Q, limit
        ) else None  # fmt: skip
    # without a bias, once; with a free one, around every sample: there the norm, convex in the bias, is largest
    for anchor in [[0] * len(S[0])] if saved.a is None else S:
        shifted = [[x - y for x, y in zip(row, anchor, strict=True)] for row in S]
        if (u := exceeding(shifted, Q, limit)) is not None:
            size = max(map(abs, u))
            shown = ", ".join(f"{float(Fraction(x, size)):.6g}" for x in u[: len(S[0])])
            return f"The dual point is not feasible: its polar exceeds λ = {saved.lam:.12g} along u = ({shown})."
    return None


def _first_version(saved: Saved, value: Fraction) -> Verification:
    """Version 1 held numbers as they were rounded: claims hold to SLACK, relative to what is computed here."""
    reasons, bound = [], -math.inf
    if abs(value - Fraction(saved.objective)) > Fraction(SLACK) * value:
        reasons.append(f"The weights give the objective {float(value):.12g}, not {saved.objective:.12g}.")
    reason = None
    for shrink in (0.0, SLACK):
        G = drawn(saved, shrink)
        if G is None:
            reason = "The dual point lies outside the domain of the loss's conjugate."
            break
        moved = replace(saved, G=G)
        try:
            proved = dual_value(moved)
        except OutsideDomainError as error:
            reason = str(error)
            break
        if (reason := infeasible(moved)) is None:
            bound = round_down(proved)
            break
    if reason is not None:
        reasons.append(reason)
    elif Fraction(saved.lower_bound) - Fraction(SLACK) * dual_size(moved) > proved:
        reasons.append(f"The dual point proves the bound {bound:.12g}, not {saved.lower_bound:.12g}.")
    return Verification(round_up(value), bound, tuple(reasons))
