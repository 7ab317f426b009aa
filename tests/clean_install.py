"""The library as a wheel, in environments of its own: `python tests/clean_install.py` installs it and certifies.

An empty environment for each Python found here. Where PyTorch's pinned release installs (the interpreter of this
environment) a network is certified outside any checkout; elsewhere every module is compiled, which is all that can be
said without a build of PyTorch.
"""

import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PYTHONS = tuple(f"python3.{minor}" for minor in range(11, 15))

CERTIFIES = """
import sys, torch
import global_optimality as go
Y = torch.randn(8, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
problem = go.Problem(go.SquaredLoss(Y), go.MatrixProduct(8, 6), go.SumOfSquares(), 1.0)
solution = go.solve(problem)
go.save_certificate(sys.argv[1], problem, solution.weights, solution.certificate)
assert go.verify_certificate(sys.argv[1]).confirmed
extra = {"pandas", "matplotlib", "yaml", "sklearn", "papermill", "claimbook", "book", "IPython"} & set(sys.modules)
assert not extra, f"the library loads {extra}"
print(go.__file__, torch.__version__, float(solution.certificate.relative_gap))
"""
"""What the library must do alone: certify, save, verify, and load nothing of a book."""


def build(folder: Path) -> Path:
    """The library's wheel, built without the network; the checkout is left as it was."""
    source = folder / "source"
    shutil.copytree(
        ROOT / "src" / "global_optimality",
        source / "src" / "global_optimality",
        ignore=shutil.ignore_patterns("__pycache__"),
    )
    for name in ("pyproject.toml", "README.md", "LICENSE", "LICENSE-text"):
        shutil.copy(ROOT / name, source / name)
    command = [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation", "-w", folder, source]
    subprocess.run(command, check=True, capture_output=True, text=True)
    (wheel,) = folder.glob("*.whl")
    return wheel


def pinned(package: str) -> str:
    found = re.search(rf"^{package}==\S+", (ROOT / "requirements.txt").read_text(), re.MULTILINE)
    assert found is not None
    return found[0]


def _run(*command: str | Path, cwd: Path) -> str:
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{' '.join(map(str, command))[:200]}\n{done.stdout}{done.stderr}")
    return done.stdout.strip()


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        wheel = build(folder)
        here = f"python3.{sys.version_info.minor}"
        for python in PYTHONS:
            program = sys.executable if python == here else shutil.which(python)
            if program is None or subprocess.run([program, "--version"], capture_output=True).returncode:
                print(f"{python}: not on this machine")
                continue
            place = folder / python
            _run(program, "-m", "venv", place, cwd=folder)
            own = place / "bin" / "python"
            pip = (own, "-m", "pip", "install", "-q", "--disable-pip-version-check")
            if python == here:
                _run(*pip, pinned("torch"), wheel, cwd=folder)
                print(f"{python}: {_run(own, '-c', CERTIFIES, folder / 'certificate.json', cwd=folder)}")
            else:
                _run(*pip, "--no-deps", wheel, cwd=folder)
                _run(own, "-W", "error", "-m", "compileall", "-q", "-f", place / "lib", cwd=folder)
                print(f"{python}: every module compiles (PyTorch not tried)")


if __name__ == "__main__":
    main()
