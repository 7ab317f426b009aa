"""The chapters: one folder each, with its text, experiments, figures and recorded tables."""

import os

from global_optimality.progress import QUIET

os.environ.setdefault(QUIET, "1")  # what a search says of its progress is no part of a page
