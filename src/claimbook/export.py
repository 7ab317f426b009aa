"""What a reader takes away: notebooks that run anywhere, and the wheels that they need.

The site's `downloads` holds the wheels and `notebooks.zip` (all notebooks, and the wheels again); the download button
of a page gives the same notebook. Its first cell says what to install, its text needs no Sphinx.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path, PurePosixPath
from typing import Any

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell

from .chapters import Book, Chapter, page_of
from .editions import asked, in_source_order
from .environment import surroundings
from .files import digest, leaving_out, scratch, write_atomic
from .plain import Resolved, plain_markdown, stored_values
from .project import BuildFailed, Project
from .slides import write_deck

REFERENCES = "references.json"
"""Beside the rendered pages: what the rendering made of every reference, written by the extension."""

DOWNLOAD = "downloads/notebooks.zip"

_no_source = leaving_out(".*", "_build", "build", "*.egg-info", "__pycache__", "tests", "node_modules")
_EPOCH = 1577836800  # 2020-01-01: a wheel's bytes depend on its sources only
_LINKED_PAGE = re.compile(r'href="(?:\.\./)?book/([\w-]+)\.html')


def source_digest(project: Project) -> str:
    """A digest of what the wheels are made from."""
    if not project.settings.wheels:
        return ""
    found = []
    for place, folders, names in os.walk(project.root):
        left_out = _no_source(place, [*folders, *names])
        folders[:] = sorted(set(folders) - left_out)
        found += [Path(place) / name for name in sorted(set(names) - left_out)]
    lines = [f"{path.relative_to(project.root).as_posix()} {digest(path.read_bytes())}" for path in found]
    return digest("\n".join(lines).encode())


def build_wheels(project: Project, folder: Path) -> tuple[Path, ...]:
    """Wheels of the book's `wheels`, from copies of their sources, without the network; BuildFailed if one fails."""
    if not project.settings.wheels:
        return ()
    with scratch(project.work, "wheels") as place:
        copy = place / "sources"
        shutil.copytree(project.root, copy, ignore=_no_source, symlinks=True)
        command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "wheel", "--quiet", "--no-deps"]
        command += ["--no-build-isolation", "--no-index", "--no-cache-dir", "--wheel-dir", str(folder)]
        command += [str(copy / name) for name in project.settings.wheels]
        environment = surroundings(project) | {"SOURCE_DATE_EPOCH": str(_EPOCH), "PIP_CONFIG_FILE": os.devnull}
        done = subprocess.run(command, env=environment, cwd=place, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise BuildFailed("the wheels cannot be built:\n" + "\n".join(done.stderr.strip().splitlines()[-8:]))
    return tuple(sorted(folder.glob("*.whl")))


_SETUP = """# This notebook needs the packages below. Their wheels lie in `notebooks.zip`, in the folder `downloads`
# of the site that it comes from. Where that file is unpacked, install them with
#     {install}
from importlib.metadata import PackageNotFoundError, version

wanted = {wanted}


def installed(name):
    try:
        return version(name)
    except PackageNotFoundError:
        return None


found = {{name: installed(name) for name in wanted}}
if None in found.values():
    print("Missing here:", ", ".join(name for name in wanted if found[name] is None))
    print("Unpack notebooks.zip (in the folder `downloads` of the site) and run in it:")
    print("    {install}")
elif found != wanted:
    print(f"The book was made with {{wanted}}, installed here is {{found}}: numbers may differ.")"""


def _setup(wheels: tuple[Path, ...]) -> str:
    """The cell that checks for what the notebook imports, and says how to get it."""
    parts = [wheel.name.split("-") for wheel in wheels]
    wanted = {name.replace("_", "-"): number for name, number, *_ in parts}
    install = " ".join(["python -m pip install", *(wheel.name for wheel in wheels)])
    return _SETUP.format(install=install, wanted=json.dumps(wanted))


def resolved(references: dict[str, Any], docname: str, notebook: Any) -> Resolved:
    """What references of a page have become, and the numbers that its cells stored."""
    texts = {**references["titles"], **references["labels"], **references["texts"].get(docname, {})}
    return Resolved(texts, references["numbers"], stored_values(notebook))


def _caption(cell: Any, known: Resolved) -> Any:
    """The caption of the figure that a code cell shows, as a cell of text; None where it shows none."""
    figure = cell.metadata.get("mystnb", {}).get("figure")
    if not figure:
        return None
    number = known.numbers.get(figure.get("name", ""), "")
    text = plain_markdown(figure.get("caption", "").strip(), known)
    return new_markdown_cell(f"**Figure {number}.** {text}" if number else text, id=f"caption-{cell['id']}")


def exported(notebook: Any, known: Resolved, wheels: tuple[Path, ...], claims: str | None) -> Any:
    """The executed notebook as one that runs by itself; `claims` is what the page of claims is made from."""
    cells = []
    if wheels:
        cells.append(new_code_cell(_setup(wheels), id="setup"))
    if claims is not None:
        text = (
            f"# The claims of all chapters, for the tables below\nfrom claimbook.measured import use\n\nuse({claims!r})"
        )
        cells.append(new_code_cell(text, id="claims", metadata={"jupyter": {"source_hidden": True}}))
    for cell in in_source_order(notebook.cells):
        question = asked(cell)
        if cell.cell_type == "markdown":
            cell["source"] = plain_markdown(cell.source, known).strip()
            if not cell["source"]:
                continue
        if question:
            cells += question
            continue
        for output in cell.get("outputs", ()):
            shown = output.get("data", {})
            if "text/html" in shown:
                shown["text/html"] = _LINKED_PAGE.sub(r'href="\1.ipynb', "".join(shown["text/html"]))
        cells.append(cell)
        caption = _caption(cell, known)
        if caption:
            cells.append(caption)
    notebook["cells"] = cells
    return notebook


def write_zip(target: Path, files: dict[str, bytes]) -> None:
    """A zip whose bytes depend on its files only."""
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in sorted(files):
            entry = zipfile.ZipInfo(name, (2020, 1, 1, 0, 0, 0))
            entry.compress_type, entry.external_attr = zipfile.ZIP_DEFLATED, 0o644 << 16
            archive.writestr(entry, files[name])


def _notebook(project: Project, chapter: Chapter, references: dict[str, Any], wheels: tuple[Path, ...]) -> str:
    docname = page_of(chapter.docname)
    notebook = nbformat.read(project.staged / f"{docname}.ipynb", as_version=4)
    claims = (project.staged / "claims.json").read_text(encoding="utf-8") if chapter.collects_claims else None
    made = exported(notebook, resolved(references, docname, notebook), wheels, claims)
    return nbformat.writes(made) + "\n"


def without_drawings(text: str) -> str:
    """A notebook whose figures appear when it runs: on the site, its page shows them; `notebooks.zip` has them too."""
    notebook = nbformat.reads(text, as_version=4)
    for cell in notebook.cells:
        for output in cell.get("outputs", ()):
            if output.get("data", {}).pop("image/svg+xml", None) is not None:
                output["data"] = {"text/plain": "The figure appears when this cell runs.", **output["data"]}
    return nbformat.writes(notebook) + "\n"


def export(project: Project, book: Book, site: Path) -> None:
    """Put wheels and notebooks into the rendered `site`."""
    references = json.loads((site.parent / REFERENCES).read_text(encoding="utf-8"))
    downloads = (site / DOWNLOAD).parent
    downloads.mkdir(exist_ok=True)
    wheels = build_wheels(project, downloads)
    files = {wheel.name: wheel.read_bytes() for wheel in wheels}
    for chapter in book.chapters:
        docname = page_of(chapter.docname)
        text = _notebook(project, chapter, references, wheels)
        write_atomic(site / "_sources" / f"{docname}.ipynb", without_drawings(text))
        files[f"{PurePosixPath(docname).name}.ipynb"] = text.encode()
        staged = nbformat.read(project.staged / f"{docname}.ipynb", as_version=4)
        write_deck(book, chapter, staged, resolved(references, docname, staged), site)
    write_zip(site / DOWNLOAD, files)
