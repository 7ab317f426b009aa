"""The environment of the processes that a build starts, and of a chapter's kernel: configuration, a locale, threads.

They take nothing from the builder's surroundings that could change a result, a figure or a page: no settings of
Python, Jupyter, Matplotlib or pip, no kernel of another environment, no home folder that must be writable.
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

_SETTINGS = ("PYTHON", "IPYTHON", "JUPYTER", "MPL", "MATPLOTLIB", "PIP_", "SCIPY_", "TORCH_LOGS", "TORCH_ALLOW_")
"""Variables that begin so are what the builder has chosen for these tools."""

_TASTES = ("LANGUAGE", "COLUMNS", "LINES", "NO_COLOR", "FORCE_COLOR", "CLICOLOR_FORCE")
"""How the builder likes texts to be shown."""

_KEPT = ("PYTHONDONTWRITEBYTECODE", "PYTHONPYCACHEPREFIX", "PYTHONNOUSERSITE", "PYTHONUSERBASE", "PYTHONPLATLIBDIR")
"""Where Python finds packages and keeps its bytecode: part of the installation."""

_THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")


def surroundings(project: Project) -> dict[str, str]:
    """The environment of a process that works for the book: the builder's, without settings and tastes."""
    own = {name: text for name, text in os.environ.items() if name in _KEPT or not name.startswith(_SETTINGS)}
    fixed = {"PYTHONPATH": project.import_path(), "PYTHONHASHSEED": "0", "PYTHONUTF8": "1", "LC_ALL": "C.UTF-8"}
    return {name: text for name, text in own.items() if name not in _TASTES} | fixed


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
        environment = surroundings(project) | {"MPLCONFIGDIR": str(folder), "MPLBACKEND": "agg"}
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
        **surroundings(project),
        **{name: os.environ.get(name) or share for name in _THREADS},
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
