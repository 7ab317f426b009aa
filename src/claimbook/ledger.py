"""What kind of evidence a claim is, and which way its outcome points."""

from __future__ import annotations

from enum import Enum


class Kind(Enum):
    """Why a claim could have come out otherwise, if it could."""

    THEOREM = "theorem"
    SOFTWARE = "software"
    EXPERIMENT = "experiment"
    RECORDED = "recorded"

    @property
    def sentence(self) -> str:
        return _SENTENCES[self]


_SENTENCES = {
    Kind.THEOREM: "implied by mathematics: a check of the implementation",
    Kind.SOFTWARE: "what the software answers: a refusal, a verdict, an error",
    Kind.EXPERIMENT: "could have come out otherwise",
    Kind.RECORDED: "replayed from a recorded table, not measured in this build",
}


class Outcome(Enum):
    """What a claim says of the statement that it tests."""

    SUPPORTS = "supports"
    CONTRADICTS = "contradicts"
    OPEN = "open"

    @property
    def mark(self) -> str:
        return {"supports": "✓", "contradicts": "≠", "open": "○"}[self.value]

    @property
    def verdict(self) -> str:
        """What a claim that holds says."""
        words = {"supports": "holds", "contradicts": "holds, against the paper", "open": "holds, question open"}
        return words[self.value]
