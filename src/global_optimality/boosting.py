"""One subnetwork at a time, the polar as weak learner (eq. 4; Bengio et al. 2005): fully corrective Frank–Wolfe."""

from .effort import Effort
from .factors import Factors
from .polar import Polar
from .problem import Problem
from .sliding_frank_wolfe import Scaling, Solution, solve


def boost(
    problem: Problem,
    W: Factors | None = None,
    *,
    polar: Polar | None = None,
    effort: Effort | None = None,
    time_limit: float | None = None,
    tol: float = 1e-6,
    max_rounds: int = 200,
) -> Solution:
    """From W (one run; zero by default): append the polar's atom, then give all subnetworks their best scales.

    Weights change in scale only, so kinks are no obstacle; f never rises. This is ``solve`` with best scales as its
    descent and a certificate in every round. Ends with GLOBAL once the certified relative gap is at most ``tol``, with
    NO_ESCAPE when the atom lowers f no more. Errors as ``solve``.
    """
    return solve(
        problem,
        start=W,
        polar=polar,
        effort=effort,
        time_limit=time_limit,
        tol=tol,
        max_rounds=max_rounds,
        local=Scaling,
    )
