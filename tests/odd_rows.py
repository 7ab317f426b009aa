"""One row of the table of odd inputs."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any


class Kind(Enum):
    """What is odd about an input."""

    TYPE = auto()
    SHAPE = auto()
    NUMBERS = auto()
    SETTING = auto()
    FILE = auto()
    SURROUNDINGS = auto()


@dataclass(frozen=True)
class Row:
    """``attempt`` raises ``error`` with ``cure`` in its message, or (no error) returns what ``holds`` is true of."""

    kind: Kind
    what: str
    attempt: Callable[[], Any]
    cure: str
    error: type[BaseException] | None = None
    holds: Callable[[Any], bool] | None = None
