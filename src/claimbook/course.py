"""The course: the students' and the instructors' edition of a book, their notebooks, assignments, decks and figures.

Everything goes to `_build/course`: `student` and `instructor` (sites that open from disk), `*-notebooks.zip`,
`nbgrader.zip`, and `slides` (decks as PDF, figures for PowerPoint). The students' edition is refused where it says
what solutions alone say.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import nbformat

from .browser import find_chromium
from .build import Options, results
from .cache import Record, sweep_up
from .chapters import Book, page_of
from .editions import Edition
from .export import DOWNLOAD, REFERENCES, resolved, write_zip
from .files import lock, replace_folder, scratch
from .handouts import write_handouts
from .leaks import leaks, secrets_of
from .nbgrader import CONFIG, assignment
from .progress import Progress
from .project import BuildFailed, Project
from .site import publish, stage


def edition_of(project: Project, edition: Edition) -> Project:
    """The project whose results and site are an edition's own."""
    return replace(project, output=project.build / "course" / edition.value)


def make_course(project: Project, options: Options, progress: Progress) -> str:
    """Bring results up to date, render and check both editions; say what was made. BuildFailed: one may not go out."""
    with lock(project.build):
        sweep_up(project)
        book, records = results(project, options, progress)
        place = editions(project, book, records, progress)
    return f"{sum(len(c.problems) for c in book.chapters)} problems, two editions and assignments in {place}"


def editions(project: Project, book: Book, records: dict[str, Record], progress: Progress) -> Path:
    """Both editions from results that are up to date, and the folder that holds them."""
    place = project.build / "course"
    secrets = secrets_of(project, book, records)
    for edition in (Edition.STUDENT, Edition.INSTRUCTOR):
        own = edition_of(project, edition)
        stage(own, book, records, edition)
        progress.say(f"rendering the {edition.value} edition")
        if edition is Edition.STUDENT:
            publish(own, book, lambda site: leaks(secrets, site))
            _demand_none(leaks(secrets, own.html))
        else:
            publish(own, book, lambda site: _assignments(site, book, records))
        shutil.copyfile(own.html / DOWNLOAD, place / f"{edition.value}-notebooks.zip")
    shutil.copyfile(edition_of(project, Edition.INSTRUCTOR).html / "downloads" / "nbgrader.zip", place / "nbgrader.zip")
    if find_chromium() is None:
        progress.say("no Chromium here: decks as PDF and figures for PowerPoint are left out")
    else:
        with scratch(project.work, "slides") as folder:
            folder.chmod(0o755)
            write_handouts(edition_of(project, Edition.STUDENT).html, folder)
            _demand_none(leaks(secrets, folder))
            replace_folder(folder, place / "slides")
    return place


def _demand_none(found: list[str]) -> None:
    if found:
        raise BuildFailed("the students' edition gives solutions away:\n" + "\n".join(found))


def _assignments(site: Path, book: Book, records: dict[str, Record]) -> tuple[str, ...]:
    """Put `downloads/nbgrader.zip` into the instructors' site: the folder of a course as nbgrader wants it."""
    references = json.loads((site.parent / REFERENCES).read_text(encoding="utf-8"))
    files = {"nbgrader_config.py": CONFIG.encode()}
    for chapter in book.chapters:
        notebook = nbformat.read(records[chapter.name].notebook, as_version=4)
        text = assignment(notebook, chapter.path.name, resolved(references, page_of(chapter.docname), notebook))
        if text is not None:
            files[f"source/{chapter.name}/{chapter.name}.ipynb"] = text.encode()
    write_zip(site / "downloads" / "nbgrader.zip", files)
    return ()
