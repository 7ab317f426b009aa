"""How a run of a solver ended; every value is a sentence."""

from enum import Enum


class Status(Enum):
    """The end of one run of ``minimise``, ``meta_algorithm`` or ``solve``; it never depends on what is printed."""

    SECOND_ORDER = "The gradient is below the tolerance and no direction of negative curvature was found."
    STATIONARY = "The gradient is below the tolerance; the curvature was not looked at, so this may be a saddle."
    STALLED = (
        "No step decreases the objective any more, though the gradient is above the tolerance: a kink, or rounding."
    )
    STEPS = "The step limit was reached before the tolerance."
    NONFINITE = "The objective or its gradient is not finite at the start."
    GLOBAL = "The certified relative gap is within the tolerance: globally optimal over all sizes."
    NO_ESCAPE = "No descent direction was found from a zero subnetwork, but the certified gap exceeds the tolerance."
    TIME = "The time limit was reached; the best network and bound so far are returned."
    INTERRUPTED = "Interrupted from the keyboard; the best network and bound so far are returned."
    ROUNDS = "The limit of rounds was reached; the best network and bound so far are returned."
