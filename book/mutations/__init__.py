"""Errors put into the code on purpose: ``global-optimality mutations`` records which claims notice them."""
