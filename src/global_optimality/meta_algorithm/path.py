"""The path of Theorem 2: f at every point looked at, and the piece that each point lies on."""

from dataclasses import dataclass
from enum import Enum

from torch import Tensor

from ..certificate import Certificate
from ..descent import largest_rise
from ..factors import Factors
from ..status import Status


class Step(Enum):
    """The kinds of pieces of the path, with the paper's numbers of the steps; the escape is the way along which step 1
    leaves the zero subnetwork of step 4.
    """

    START = "the start"
    DESCEND = "local descent (step 1)"
    SLIDE = "slide along a null vector until a subnetwork is zero (step 3)"
    APPEND = "append a zero subnetwork (step 4)"
    ESCAPE = "leave zero along the atom of the polar"


@dataclass(frozen=True, eq=False)
class DescentPath:
    """f along the whole path, in between steps too: T points, each with the kind of piece it lies on and the size r.

    ``objective`` is ``(T,)``; ``weights`` and ``certificate`` (of one run) are those of the end.
    """

    objective: Tensor
    steps: tuple[Step, ...]
    size: tuple[int, ...]
    weights: Factors
    certificate: Certificate
    status: Status

    @property
    def largest_rise(self) -> float:
        """The largest increase of f over any earlier point of the path, relative to f there; 0 if it never rises."""
        return largest_rise(self.objective)
