"""Executable books of claims: chapters, how they run, what they claim, and the site made of them.

A chapter needs four names: `claim`, `show`, `number` and `recorded`. Everything else is the machinery that runs it.
"""

from .claims import ClaimDoesNotHold, claim
from .recorded import recorded
from .show import number, show

__all__ = ["ClaimDoesNotHold", "claim", "number", "recorded", "show"]
