"""The command line of a book: build · course · run · seeds · mutations · figures · pdf · serve · check.

Exit status 0: done; 1: something ran and did not hold; 2: the request is wrong, and nothing has run.
"""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from . import cache
from .browser import check_in_browser
from .build import results
from .chapters import read_book
from .check import check_site, oversize
from .claims import claims_text
from .course import make_course
from .figure_files import clean_commit, keep_full, write_figures
from .files import lock, write_atomic
from .first_view import first_views, largest, moved, report
from .parameters import CHOICES, effective, parse
from .pdf import make_pdfs
from .progress import Progress
from .project import BookError, BuildFailed, Project
from .recording import mutations, seeds
from .requests import folder, options_of, port, refused, seconds, table_file
from .run import run_name
from .single import run_single
from .site import configuration, publish, stage
from .started import Untold, say, tell, usable


def build(project: Project, arguments: argparse.Namespace) -> None:
    """Run what is not up to date, render and check the site, publish it."""
    progress = Progress()
    options = options_of(arguments)
    configuration(project)
    with lock(project.build):
        cache.sweep_up(project)
        book, records = results(project, options, progress)
        stage(project, book, records)
        progress.say("rendering the site" if not project.html.is_dir() else "bringing the site up to date")
        changed = publish(project, book)
    progress.say(f"{'published' if changed else 'unchanged'} after {progress.seconds:.1f} s")
    say(f"open {(project.html / 'index.html').as_uri()}")


def course(project: Project, arguments: argparse.Namespace) -> None:
    """Make the students' and the instructors' edition, their notebooks and assignments in _build/course."""
    say(make_course(project, options_of(arguments), Progress()))


def run(project: Project, arguments: argparse.Namespace) -> None:
    """Run one chapter with other parameters; write the executed notebook and print its claims."""
    chapter = read_book(project).chapter(arguments.chapter)
    values = parse(arguments.parameter, chapter.parameters)
    for name in CHOICES:
        choice = getattr(arguments, name)
        if choice is not None:
            values[name] = choice
    values = effective(chapter.parameters, values)
    path = project.build / "runs" / f"{run_name(chapter, values)}.ipynb"
    with lock(project.build):
        cache.sweep_up(project)
        done = run_single(project, chapter, values, options_of(arguments), Progress())
        write_atomic(path, done.notebook)
    say(f"{path}\n{claims_text(done.claims)}")


def figures(project: Project, arguments: argparse.Namespace) -> None:
    """Write every figure of the chapters into _build/figures; with --keep, those of the tier full into the book."""
    options, book = options_of(arguments), read_book(project)
    chosen = [book.chapter(name) for name in arguments.chapters] or book.chapters
    if arguments.keep and options.tier != "full":
        raise BookError("--keep is for figures at full size: add --tier full")
    commit = clean_commit(project) if arguments.keep else ""
    with lock(project.build):
        cache.sweep_up(project)
        _, records = results(project, options, Progress(), chosen)
        if arguments.keep:
            say(keep_full(project, {name: r for name, r in records.items() if "tier" in r.parameters}, commit))
            return
        count = write_figures(project, records, arguments.formats)
    say(f"{count} files in {project.build / 'figures'}")


def _site(project: Project) -> Path:
    if not (project.html / "index.html").is_file():
        raise BookError(f"no site in {project.html}: build it first (make book)")
    return project.html


class Handler(SimpleHTTPRequestHandler):
    """It answers whether or not anybody reads the log of requests."""

    def log_message(self, format: str, *args: Any) -> None:
        with suppress(OSError):
            super().log_message(format, *args)


def serve(project: Project, arguments: argparse.Namespace) -> None:
    """Serve the built site on this machine only."""
    handler = partial(Handler, directory=str(_site(project)))
    try:
        server = ThreadingHTTPServer(("127.0.0.1", arguments.port), handler)
    except OSError as error:
        raise BookError(f"port {arguments.port}: {error.strerror}: choose another with --port") from None
    with server:
        say(f"http://127.0.0.1:{server.server_port}/ (stop with Ctrl-C)")
        server.serve_forever()


def check(project: Project, arguments: argparse.Namespace) -> None:
    """Check the built site; with --browser also in a real browser with the network off."""
    site = _site(project)
    found = check_site(site) + oversize(site, project.settings.site_megabytes)
    if arguments.browser:
        found += check_in_browser(site, project.build / "screenshots")
        views = list(first_views(site, largest(site)))
        say(f"first views of the largest pages:\n{report(views)}")
        found += moved(views)
    if found:
        raise BuildFailed("\n".join(str(finding) for finding in found))
    say("the site holds every check")


def pdf(project: Project, arguments: argparse.Namespace) -> None:
    """Print the built site: the book and each page as PDF, linked from the pages; needs Chromium."""
    with lock(project.build):
        say("\n".join(map(str, make_pdfs(project))))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="Build and run the book.")
    parser.add_argument("--root", type=folder, help="the folder of the book (default: around the working directory)")
    parser.add_argument("--output", type=folder, help="the folder for results and site (default: _build in the book)")
    commands = parser.add_subparsers(dest="command", required=True)

    running = argparse.ArgumentParser(add_help=False)
    running.add_argument("--tier", help="quick (default) or full")
    running.add_argument("--device", help="cpu (default) or cuda")
    running.add_argument("--limit", type=seconds, help="seconds a chapter may take (default: its own limit)")
    many = argparse.ArgumentParser(add_help=False)
    many.add_argument("--jobs", type=int, help="chapters at a time (default: 2, or 1 on one core)")
    many.add_argument("--force", action="store_true", help="run every chapter, whatever is stored")

    told = argparse.ArgumentParser(add_help=False)
    told.add_argument("--stored", action="store_true", help="run nothing: a table of the runs that are stored")
    told.add_argument("--status", action="store_true", help="how far these runs are, in this process or another one")
    told.add_argument("--scheduler", metavar="ADDRESS", help="of Dask, as tcp://host:8786, whose workers see the book")
    told.add_argument("--onto", action="store_true", help="keep what the table holds about runs not made or stored now")

    def add(function, *parents: argparse.ArgumentParser) -> argparse.ArgumentParser:
        sub = commands.add_parser(
            function.__name__, help=function.__doc__, description=function.__doc__, parents=list(parents)
        )
        sub.set_defaults(function=function)
        return sub

    for command in (build, course):
        add(command, running, many)
    one = add(run, running)
    one.add_argument("chapter", metavar="CHAPTER")
    one.add_argument("-p", "--parameter", action="append", default=[], metavar="NAME=VALUE")
    sweeping = add(seeds, running, many, told)
    sweeping.add_argument("chapters", nargs="*", metavar="CHAPTER", help="default: every chapter with a seed")
    sweeping.add_argument("--seeds", default="0-19", help="numbers and ranges, 0-19 or 1,2,5-7 (default: 0-19)")
    sweeping.add_argument("--table", type=table_file, help="the .csv file to write (default: seeds.csv in _build)")
    wrong = add(mutations, running, many, told)
    wrong.add_argument("chapters", nargs="*", metavar="CHAPTER", help="default: those that each mutation names")
    wrong.add_argument("--only", nargs="+", default=[], metavar="NAME", help="mutations (default: all)")
    wrong.add_argument("--table", type=table_file, help="the .csv file to write (default: mutations.csv in _build)")
    drawn = add(figures, running, many)
    drawn.add_argument("chapters", nargs="*", metavar="CHAPTER", help="default: all")
    drawn.add_argument("--formats", nargs="+", choices=("svg", "pdf"), default=["svg", "pdf"])
    drawn.add_argument("--keep", action="store_true", help="keep them with the book, shown beside the quick ones")
    add(serve).add_argument("--port", type=port, default=8000, help="0 for any free port")
    add(pdf)
    add(check).add_argument("--browser", action="store_true", help="also open every page in headless Chromium")
    return parser


def _stop(signum: int, _frame: object) -> None:
    raise KeyboardInterrupt


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit status."""
    with usable():
        arguments = _parser().parse_args(argv)
        signal.signal(signal.SIGTERM, _stop)
        return _perform(arguments)


def _project(arguments: argparse.Namespace) -> Project:
    """The book that the command line names, or the one around the working directory."""
    try:
        root = arguments.root.resolve() if arguments.root else Project.find().root
        return Project(root, arguments.output.resolve() if arguments.output else None).check()
    except OSError as error:  # a working directory that was removed, a folder that others may not enter
        place = error.filename or "the working directory"
        raise BookError(
            f"{place}: {error.strerror}: change to the folder of the book, or name it with --root"
        ) from None


def _perform(arguments: argparse.Namespace) -> int:
    """Do what was asked for; what stands in the way is told in one line."""
    try:
        project = _project(arguments)
        try:
            arguments.function(project, arguments)
        except (OSError, MemoryError) as error:
            found = refused(error, project)
            if found is None:
                raise
            raise found from None
    except Untold as error:
        if isinstance(error.__cause__, BrokenPipeError):  # nobody reads on, as behind `| head`
            return 141
        tell(f"error: {error}")
        return 2
    except BookError as error:
        tell(f"error: {error}")
        return 2
    except BuildFailed as error:
        tell(f"failed:\n{error}")
        return 1
    except KeyboardInterrupt:
        tell("stopped")
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
