"""The names that chapters use, for notebooks that take them from here: `claim`, `show`, `number`, `recorded`."""

from claimbook import ClaimDoesNotHold, claim, number, recorded, show

__all__ = ["ClaimDoesNotHold", "claim", "number", "recorded", "show"]
