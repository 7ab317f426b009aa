"""The book of this checkout, read once for all tests that look at its pages."""

from pathlib import Path

from claimbook.chapters import read_book
from claimbook.project import Project

BOOK = read_book(Project(Path(__file__).parents[1]))
