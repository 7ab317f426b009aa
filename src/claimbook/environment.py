"""The environment of a chapter's kernel: this interpreter, its own configuration folders, a locale, threads.

A kernel takes nothing from its builder's surroundings that could change a result or a figure: no matplotlibrc, no
kernel of another environment, no IPython profile, no home folder that must be writable.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from .chapters import Chapter
from .files import write_atomic
from .project import ROOT, Project
from .recorded import CHAPTER

_LEFT_OUT = ("MPLBACKEND", "PYTHONOPTIMIZE", "PYTHONWARNINGS", "PYTHONSTARTUP", "PYTHONIOENCODING", "PYTHONHOME")
"""What the builder may have chosen for Python and Matplotlib."""

_THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")


def _kernel(folder: Path, name: str) -> None:
    """A kernel specification of that name which starts this interpreter."""
    arguments = [sys.executable, "-P", "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    spec = {"argv": arguments, "display_name": "Python 3", "language": "python"}
    write_atomic(folder / "kernels" / name / "kernel.json", json.dumps(spec))


def _matplotlib(project: Project) -> Path:
    """A configuration folder for Matplotlib with an empty matplotlibrc and its list of fonts, made once a build."""
    folder = project.build / "matplotlib"
    if not (folder / "matplotlibrc").is_file():
        folder.mkdir(parents=True, exist_ok=True)
        environment = {**os.environ, "MPLCONFIGDIR": str(folder), "MPLBACKEND": "agg"}
        command = [sys.executable, "-P", "-c", "import matplotlib.font_manager"]
        subprocess.run(command, env=environment, capture_output=True, check=False)
        write_atomic(folder / "matplotlibrc", "")
    return folder


def kernel_environment(project: Project, chapter: Chapter, folder: Path, jobs: int) -> dict[str, str]:
    """The environment for `chapter`, with what it needs written below `folder`; `jobs` chapters share the cores.

    A number of threads that the caller's environment names stays.
    """
    _kernel(folder / "jupyter", chapter.kernel)
    matplotlib = _matplotlib(project)
    share = str(max(1, (os.cpu_count() or 1) // jobs))
    return {
        **{name: value for name, value in os.environ.items() if name not in _LEFT_OUT},
        **{name: os.environ.get(name) or share for name in _THREADS},
        "PYTHONPATH": project.import_path(),
        "PYTHONHASHSEED": "0",
        "PYTHONUTF8": "1",
        "LC_ALL": "C.UTF-8",
        "TZ": "UTC",
        "IPYTHONDIR": str(folder / "ipython"),
        "JUPYTER_PATH": str(folder / "jupyter"),
        "JUPYTER_CONFIG_DIR": str(folder / "jupyter"),
        "JUPYTER_DATA_DIR": str(folder / "jupyter"),
        "JUPYTER_RUNTIME_DIR": str(folder / "runtime"),
        "MPLCONFIGDIR": str(matplotlib),
        "MATPLOTLIBRC": str(matplotlib / "matplotlibrc"),
        "XDG_CACHE_HOME": str(folder / "cache"),
        ROOT: str(project.root),
        CHAPTER: str(chapter.folder or project.root),
    }
