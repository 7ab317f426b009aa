"""The tests and the chapters under other processors' arithmetic and other numbers of threads: `make portability`.

A processor's instructions decide the order in which sums are taken, so the last digits. Four libraries choose their
code by the processor, and each by a variable of its own (found by comparing the digits of their results): PyTorch's
own kernels `ATEN_CPU_CAPABILITY`, its BLAS and LAPACK (MKL) `MKL_CBWR`, its float32 convolutions (oneDNN)
`ONEDNN_MAX_CPU_ISA`, numpy's loops `NPY_DISABLE_CPU_FEATURES`, the OpenBLAS of numpy and of scipy `OPENBLAS_CORETYPE`.
A configuration sets all of them to what an older processor would run; a newer one cannot be pretended.
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import yaml

ROOT = Path(__file__).resolve().parents[1]
COMMAND = Path(sys.executable).with_name("global-optimality")
NUMERICS = ("certificate", "polar", "relu_exact", "relu_enclosure", "descent", "solve", "theorems", "convex")
"""The tests of the fast part: where last digits could decide."""

QUICK_CHAPTERS = ("theorems", "landscape")
FEATURES: tuple[str, ...] = tuple(np.show_config(mode="dicts")["SIMD Extensions"].get("found", ()))

PROBE = """
import hashlib, numpy, scipy.linalg, torch
def digits(*arrays): return hashlib.sha1(b"".join(numpy.ascontiguousarray(a).tobytes() for a in arrays)).hexdigest()[:4]
A = torch.randn(300, 300, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
a, small = A.numpy(), A[None, None].float()
conv = torch.nn.functional.conv2d(small, small[..., :5, :5])
print(*(digits(*x) for x in ((A.sum(1), A.tanh()), (A @ A, *torch.linalg.svd(A)), (conv,),
                             (a.sum(1), numpy.exp(a)), (a @ a, *numpy.linalg.svd(a)), scipy.linalg.qr(a))))
"""
"""Prints how the libraries' last digits fall: a configuration with the same marks as another one has no effect."""

MARKS = ("ATen", "MKL", "oneDNN", "numpy", "its BLAS", "scipy")


@dataclass(frozen=True)
class Configuration:
    """A processor's level and a number of threads, as variables of the environment."""

    level: str
    threads: int
    variables: dict[str, str]

    def environment(self) -> dict[str, str]:
        counts = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), str(self.threads))
        return os.environ | self.variables | counts

    @property
    def abreast(self) -> int:
        """Processes that fill the cores: more would wait for one another's threads."""
        return max(1, (os.cpu_count() or 1) // self.threads)

    def __str__(self) -> str:
        return f"{self.level}, {self.threads} thread{'s' if self.threads > 1 else ''}"


def _level(aten: str, mkl: str, onednn: str, openblas: str, *kept: str) -> dict[str, str]:
    hidden = [f for f in FEATURES if f not in kept]
    chosen = {
        "ATEN_CPU_CAPABILITY": aten,
        "MKL_CBWR": mkl,
        "ONEDNN_MAX_CPU_ISA": onednn,
        "OPENBLAS_CORETYPE": openblas,
    }
    return chosen | ({"NPY_DISABLE_CPU_FEATURES": " ".join(hidden)} if hidden else {})


def configurations() -> list[Configuration]:
    """What this processor allows, from its own arithmetic to the one furthest from it."""
    levels: dict[str, dict[str, str]] = {"as it is": {}}
    if "X86_V4" in FEATURES:
        levels["AVX2"] = _level("avx2", "AVX2", "AVX2", "Haswell", "X86_V3")
    if "X86_V3" in FEATURES:
        levels["AVX"] = _level("default", "AVX", "AVX", "Sandybridge")
        levels["SSE"] = _level("default", "COMPATIBLE", "SSE41", "Prescott")
    counts = (2, 1) if (os.cpu_count() or 1) > 1 else (1,)
    return [Configuration(level, n, variables) for level, variables in levels.items() for n in counts]


def chapters() -> list[str]:
    """The chapters in the order of the table of contents; what a page collects of others has been judged there."""
    files = re.findall(r"file: (\S+)", (ROOT / "_toc.yml").read_text())
    texts = {Path(f).stem: (ROOT / f"{f}.md").read_text() for f in files}
    return [name for name, text in texts.items() if _is_run(text)]


def _is_run(text: str) -> bool:
    head = text.split("---\n")[1] if text.startswith("---\n") else ""
    own = (yaml.safe_load(head) or {}).get("claimbook")
    return own is not None and not own.get("collects_claims")


def _output(command: list[str | Path], environment: dict[str, str]) -> tuple[int, str]:
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    return done.returncode, done.stdout + done.stderr


def run_tests(configuration: Configuration, quick: bool) -> tuple[bool, str, str]:
    """Whether the tests pass, in words, and what pytest said of those that do not."""
    files = [f for name in NUMERICS for f in sorted(map(str, Path(ROOT / "tests").rglob(f"test_{name}*.py")))]
    command = [sys.executable, "-m", "pytest", "-m", "not browser", "-n", str(min(configuration.abreast, 4))]
    command += files if quick else ()
    code, text = _output(command, configuration.environment())
    summary = re.findall(r"(?:\d+ (?:failed|passed|errors?),? ?)+", text)
    return code == 0, summary[-1].strip() if summary else f"pytest ended with {code}", "" if code == 0 else text[-4000:]


def run_chapter(configuration: Configuration, chapter: str) -> tuple[bool, str, str]:
    """Whether a chapter's quick tier holds, in words, and what the command said if it does not."""
    start = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:  # of its own: a book's results are written by one run at a time
        code, text = _output([COMMAND, "--output", folder, "run", chapter], configuration.environment())
    return code == 0, f"{'holds' if code == 0 else 'FAILS'} {time.monotonic() - start:.0f} s", "" if code == 0 else text


def outcomes(configuration: Configuration, quick: bool) -> Iterator[tuple[str, tuple[bool, str, str]]]:
    """What was run in a configuration and what came of it: the tests, then chapters, as many at once as cores allow."""
    yield "tests", run_tests(configuration, quick)
    names = QUICK_CHAPTERS if quick else chapters()
    with ThreadPoolExecutor(configuration.abreast) as pool:
        yield from zip(names, pool.map(partial(run_chapter, configuration), names), strict=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="numerics and two chapters, where all is unlike here")
    parser.add_argument("--list", action="store_true", help="print the configurations and their last digits only")
    parser.add_argument("--only", nargs="+", type=int, metavar="N", help="the configurations with these numbers")
    arguments = parser.parse_args()
    chosen = list(enumerate(configurations()))
    if arguments.quick:
        chosen = chosen[-1:]
    if arguments.only:
        chosen = [(i, c) for i, c in chosen if i in arguments.only]
    print(f"numpy sees {' '.join(FEATURES) or 'no extensions'}; marks: {' '.join(MARKS)}", flush=True)
    failed = []
    for number, configuration in chosen:
        marks = _output([sys.executable, "-c", PROBE], configuration.environment())[1].strip()
        print(f"{number}  {configuration!s:20}  {marks}", flush=True)
        if arguments.list:
            continue
        for name, (holds, words, said) in outcomes(configuration, arguments.quick):
            print(f"     {name:22} {words}", flush=True)
            if not holds:
                failed.append(f"{configuration}: {name}")
                print(said, flush=True)
    print("\n".join(f"failed: {line}" for line in failed) or "everything holds in every configuration that was run")
    return bool(failed)


if __name__ == "__main__":
    sys.exit(main())
