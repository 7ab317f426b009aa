"""Checks of saved certificates in integers: the standard library only, and nothing shared with what made them."""

from .check import Verification, verify_certificate

__all__ = ["Verification", "verify_certificate"]
