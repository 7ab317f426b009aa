"""From executed notebooks and plain pages to a published site: stage, render, check, replace in one step."""

from __future__ import annotations

import json
import posixpath
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterable
from importlib import metadata
from pathlib import Path
from typing import Any

import nbformat
import yaml
from nbformat.v4 import new_markdown_cell

from .build import claims_json
from .cache import Record
from .chapters import Book, Chapter, page_of
from .check import check_site, oversize
from .checkout import NO_COMMIT, changes, commit_of, date_of, short
from .drawings import FOLDER
from .editions import Edition, edited
from .environment import surroundings
from .export import export, source_digest
from .figure_files import stage_full
from .files import digest, leaving_out, recover_folder, replace_folder, scratch, stored, tree_digest, write_atomic
from .finish import finish
from .key import packages
from .links import api_pages, toc_with
from .plans import with_plans
from .project import BookError, BuildFailed, Project
from .show import WIDE
from .sources import mapping_of, text_of
from .tiers import on_tiers

_PACKAGE = Path(__file__).parent
_CHILD = _PACKAGE / "render.py"

_LINK = re.compile(r"(\]\()([^()\s#:]+)\.md(#[^()\s]*)?(\))")
_ANSI = re.compile(r"\x1b\[[0-9;]*m")
_not_copied = leaving_out(".*", "__pycache__", "*.ipynb", "*.py")


def _relinked(text: str, docname: str, chapters: frozenset[str]) -> str:
    """Markdown for the staged place of a page: a link to a chapter names the executed notebook in its staged place."""

    def name(match: re.Match[str]) -> str:
        target = posixpath.normpath(posixpath.join(posixpath.dirname(docname), match[2]))
        link = posixpath.relpath(page_of(target), posixpath.dirname(page_of(docname)) or ".")
        return f"{match[1]}{link}.{'ipynb' if target in chapters else 'md'}{match[3] or ''}{match[4]}"

    return _LINK.sub(name, text)


EXTENSION = "claimbook.extension"


def _staged_toc(entry: Any) -> Any:
    """The table of contents with every page in its staged place."""
    if isinstance(entry, dict):
        return {k: page_of(v) if k in ("root", "file") else _staged_toc(v) for k, v in entry.items()}
    return [_staged_toc(e) for e in entry] if isinstance(entry, list) else entry


def _told(project: Project, config: dict[str, Any]) -> dict[str, Any]:
    """Version, licence, commit and its date, repository, for head and foot of a page; what is not known is left out."""
    file = project.root / "pyproject.toml"
    told = tomllib.loads(file.read_text(encoding="utf-8")).get("project", {}) if file.is_file() else {}
    found = {"version": told.get("version"), "licence": told.get("license"), "preview": project.settings.preview}
    found["repository"] = (config.get("repository") or {}).get("url")
    commit = commit_of(project.root)
    if commit != NO_COMMIT:
        found["commit"] = short(commit)
        found["date"] = date_of(project.root)
        found["feed"] = "yes" if changes(project.root) else ""
    return {name: str(text) for name, text in found.items() if text}


def configuration(project: Project) -> dict[str, Any]:
    """What `_config.yml` says; BookError where it does not name this extension, without which no page is whole."""
    config = mapping_of(text_of(project.root / "_config.yml"), "_config.yml")
    sphinx = config.get("sphinx") or {}
    own = (sphinx.get("config") or {}).get("extensions") or ()
    if EXTENSION not in (*own, *(sphinx.get("extra_extensions") or ())):
        raise BookError(f"_config.yml: name {EXTENSION} among the `extensions` of `sphinx: config:`")
    return config


def stage(project: Project, book: Book, records: dict[str, Record], edition: Edition = Edition.BOOK) -> Path:
    """Write `_build/staged`: what Jupyter Book renders, with execution off. It replaces the old one in one step."""
    config = configuration(project)
    config["execute"] = {**(config.get("execute") or {}), "execute_notebooks": "off"}
    options = config.setdefault("sphinx", {}).setdefault("config", {})
    options["html_context"] = {**(options.get("html_context") or {}), "claimbook": _told(project, config)}
    if project.settings.api:
        options["claimbook_api"] = list(project.settings.api)
        options["claimbook_elsewhere"] = dict(project.settings.elsewhere)
        options["extensions"] = [*options.get("extensions", ()), "sphinx.ext.autodoc", "sphinx.ext.viewcode"]
        options["nitpick_ignore_regex"] = [["py:.*", ".*"]]
        options["autodoc_inherit_docstrings"] = False
        options["viewcode_follow_imported_members"] = False
    executed = frozenset(chapter.docname for chapter in book.chapters)
    with scratch(project.work, "staged") as folder:
        folder.chmod(0o755)
        shutil.copytree(project.root / "book", folder / "book", ignore=_not_copied)
        for chapter in book.chapters:
            _stage_chapter(project, book, chapter, records[chapter.name], edition, folder)
        for docname, path in book.pages:
            target = folder / f"{page_of(docname)}.md"
            target.parent.mkdir(parents=True, exist_ok=True)
            text = with_plans(path.read_text(encoding="utf-8"), project, book, path)
            write_atomic(target, _relinked(text, docname, executed))
        documented = api_pages(project)
        for docname, text in documented.items():
            write_atomic(folder / f"{docname}.md", text)
        write_atomic(folder / "claims.json", claims_json(book, records))
        write_atomic(folder / "_config.yml", yaml.safe_dump(config, sort_keys=False, allow_unicode=True))
        toc = mapping_of(text_of(project.root / "_toc.yml"), "_toc.yml")
        toc = toc_with(_staged_toc(toc), documented)
        write_atomic(folder / "_toc.yml", yaml.safe_dump(toc, sort_keys=False, allow_unicode=True))
        replace_folder(folder, project.staged)
    return project.staged


def _stage_chapter(
    project: Project, book: Book, chapter: Chapter, record: Record, edition: Edition, folder: Path
) -> None:
    """Put an executed chapter and its figures into `folder`, with a last paragraph about its tiers."""
    executed = frozenset(chapter.docname for chapter in book.chapters)
    (folder / f"{chapter.docname}.md").unlink()
    target = folder / f"{page_of(chapter.docname)}.ipynb"
    target.parent.mkdir(parents=True, exist_ok=True)
    notebook = edited(nbformat.read(record.notebook, as_version=4), edition)
    drawn = _stage_drawings(project, record, folder / FOLDER)
    if told := on_tiers(book, chapter, record, drawn):
        notebook.cells.append(new_markdown_cell(told, id="quick-and-full"))
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            cell["source"] = _relinked(cell.source, chapter.docname, executed)
    write_atomic(target, nbformat.writes(notebook) + "\n")


def _stage_drawings(project: Project, record: Record, folder: Path) -> int:
    """Put the wide layouts of a chapter's figures and the preview into `folder`; returns how many have a full size."""
    folder.mkdir(exist_ok=True)
    drawn = record.folder / "figures"
    for file in (*(drawn / f"{name}{WIDE}.svg" for name in record.figures), *drawn.glob("*.png")):
        shutil.copyfile(file, folder / file.name)
    return stage_full(project, record, folder)


def _inputs(project: Project) -> str:
    """A digest of everything that rendering, downloads and checks depend on."""
    versions = {"jupyter-book": metadata.version("jupyter-book"), **packages(project.root / "requirements.txt")}
    said = f"{tree_digest(project.staged)} {json.dumps(versions, sort_keys=True)} {source_digest(project)}"
    own = [digest(p.read_bytes()) for p in sorted(_PACKAGE.rglob("*")) if p.is_file() and p.suffix != ".pyc"]
    return digest(f"{said} {project.settings.site_megabytes} {own}".encode())


def _render(project: Project, output: Path) -> Path:
    """Render the staged book with every warning an error; the log is kept in `_build/site.log`."""
    command = [sys.executable, "-P", str(_CHILD), "build", str(project.staged), "--path-output", str(output)]
    command += ["-W", "-n", "--keep-going"]
    own, pipe = surroundings(project), subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=subprocess.STDOUT, cwd=output, env=own) as done:
        assert done.stdout is not None
        try:
            log = _ANSI.sub("", done.stdout.read().decode(errors="replace"))
        except BaseException:
            done.kill()
            raise
    write_atomic(project.build / "site.log", log)
    warnings = [line for line in log.splitlines() if "WARNING" in line or "ERROR" in line]
    if done.returncode != 0 or warnings:
        shown = "\n".join(warnings[:20] or log.splitlines()[-20:])
        raise BuildFailed(f"Jupyter Book refuses the book (whole log: {project.build / 'site.log'}):\n{shown}")
    return output / "_build" / "html"


def publish(project: Project, book: Book, also: Callable[[Path], Iterable[str]] = lambda site: ()) -> bool:
    """Bring `_build/html` up to date with what is staged. False when it was already, and these checks had passed.

    `also` may add to a rendered site, and returns what it finds wrong with it. A site that fails a check is not
    published: the last good one stays, the refused one is kept beside it.
    """
    recover_folder(project.html)
    stamp = project.build / "site.json"
    inputs = _inputs(project)
    last = stored(stamp)
    if project.html.is_dir() and last == {"inputs": inputs, "site": tree_digest(project.html)}:
        return False
    with scratch(project.work, "site") as folder:
        new = _render(project, folder)
        finish(project, new)
        export(project, book, new)
        try:
            _demand(project, new, also(new))
        except BuildFailed:
            replace_folder(new, project.build / "refused")
            raise
        site = tree_digest(new)
        replace_folder(new, project.html)
        write_atomic(stamp, json.dumps({"inputs": inputs, "site": site}))
    shutil.rmtree(project.build / "refused", ignore_errors=True)
    return True


def _demand(project: Project, site: Path, more: Iterable[str] = ()) -> None:
    found = [*more, *check_site(site), *oversize(site, project.settings.site_megabytes)]
    if found:
        raise BuildFailed("the site fails its checks:\n" + "\n".join(str(f) for f in found))
