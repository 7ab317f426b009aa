"""Executable books of claims: chapters, how they run, what they claim, and the site made of them.

A chapter needs four names: `claim`, `show`, `number` and `recorded`; a page of problems also `number_question` and
`choice_question`, and a notebook made of it `judge`. Everything else is the machinery that runs them.
"""

from .claims import ClaimDoesNotHold, claim
from .questions import choice_question, judge, number_question
from .recorded import recorded
from .show import number, show

__all__ = [
    "ClaimDoesNotHold",
    "choice_question",
    "claim",
    "judge",
    "number",
    "number_question",
    "recorded",
    "show",
]
