"""A certificate on a page, with a button that checks it in the reader's browser."""

import re
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from claimbook.templates import render
from global_optimality import Certificate, Problem, Verification, save_certificate, verify_certificate
from global_optimality.factors import Factors

_NAME = re.compile(r"[a-z0-9-]+")


@dataclass(frozen=True)
class VerifyHere:
    """The file's text and what the checker in Python found when the page was built."""

    name: str
    title: str
    text: str
    found: Verification

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        proved = (
            f"No network of any size has an objective below {self.found.lower_bound:.12g}; this one has at most "
            f"{self.found.objective:.12g}."
        )
        page = render("verify_here.html", Path(__file__).parent, shown=self, proved=proved)
        return {"text/html": page, "text/plain": f"{self.title}. {proved}"}


def verify_here(name: str, title: str, problem: Problem, W: Factors, certificate: Certificate) -> VerifyHere:
    """Save the certificate of one run, check the file, and show it; ``name`` (a-z, 0-9, -) becomes the file's.

    ``ValueError`` for a malformed name, what cannot be saved, and a certificate that the checker rejects.
    """
    if not _NAME.fullmatch(name):
        raise ValueError(f"name {name!r}: write it in a-z, 0-9 and -.")
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / f"{name}.json"
        save_certificate(file, problem, W, certificate)
        found, text = verify_certificate(file), file.read_text(encoding="utf-8")
    if not found.confirmed:
        raise ValueError(f"{name} is rejected: {' '.join(found.reasons)}")
    return VerifyHere(name, title, text, found)
