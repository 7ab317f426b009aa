"""The compiler of Coq, run on the development of this folder and on theorems made from certificates."""

import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

SOURCES = ("Duality", "Dyadic", "Cones", "Trees", "Definite", "Certificate")
"""In the order of their imports."""

OF_THE_REALS = {
    "ClassicalDedekindReals.sig_forall_dec",
    "FunctionalExtensionality.functional_extensionality_dep",
}
"""What the real numbers of Coq's standard library assume: all that a theorem may."""

FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class Kernel:
    """The development, compiled in ``folder``: the kernel that theorems are handed to."""

    folder: Path

    def proves(self, name: str, text: str) -> str | None:
        """None where the file ``name``.v of this text is accepted and assumes nothing else; otherwise what was said."""
        file = self.folder / f"{name}.v"
        file.write_text(text, encoding="utf-8")
        run = _coqc(file)
        if run.returncode:
            return run.stderr.strip() or f"coqc ended with status {run.returncode}."
        assumed = set(re.findall(r"^([A-Z][\w.]*)(?= :|$)", run.stdout, re.MULTILINE)) - {"Axioms"}
        return None if assumed <= OF_THE_REALS else f"it assumes {sorted(assumed)}."


def kernel(folder: Path) -> Kernel:
    """Compile the development into an empty ``folder``; ``FileNotFoundError`` where there is no Coq."""
    if shutil.which("coqc") is None:
        raise FileNotFoundError("coqc is missing: apt-get install coq (140 MB to fetch, 1 GB on the disk).")
    for name in SOURCES:
        file = shutil.copy(FOLDER / f"{name}.v", folder)
        run = _coqc(Path(file))
        if run.returncode:
            raise RuntimeError(f"{name}.v: {run.stderr.strip()}")
    return Kernel(folder)


def _coqc(file: Path) -> subprocess.CompletedProcess[str]:
    command = ["coqc", "-q", "-noglob", "-Q", ".", "Certificates", file.name]
    return subprocess.run(command, cwd=file.parent, capture_output=True, text=True, check=False)
