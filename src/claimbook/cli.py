"""The command line of a book: build · run · seeds · mutations · figures · serve · check.

Exit status 0: done; 1: something ran and did not hold; 2: the request is wrong, and nothing has run.
"""

from __future__ import annotations

import argparse
import errno
import io
import shutil
import signal
import sys
from collections.abc import Sequence
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from . import cache
from .browser import check_in_browser
from .build import Options, results
from .chapters import read_book
from .check import check_site
from .claims import claims_text
from .files import lock, replace_folder, scratch, write_atomic
from .mutations import mutate, noticed
from .parameters import CHOICES, effective, parse
from .progress import Progress
from .project import BookError, BuildFailed, Project
from .run import run_name
from .seeds import parse_seeds, seeded, summary, sweep
from .single import run_single
from .site import publish, stage
from .tables import Provenance, write_table

FIGURE_FORMATS = ("svg", "pdf")


def _options(arguments: argparse.Namespace) -> Options:
    given = {name: getattr(arguments, name, None) for name in ("tier", "device", "jobs", "force", "limit", "stored")}
    return Options(**{name: value for name, value in given.items() if value is not None})


def build(project: Project, arguments: argparse.Namespace) -> None:
    """Run what is not up to date, render and check the site, publish it."""
    progress = Progress()
    options = _options(arguments)
    with lock(project.build):
        cache.sweep_up(project)
        book, records = results(project, options, progress)
        stage(project, book, records)
        progress.say("rendering the site" if not project.html.is_dir() else "bringing the site up to date")
        changed = publish(project, book)
    progress.say(f"{'published' if changed else 'unchanged'} after {progress.seconds:.1f} s")
    print(f"open {(project.html / 'index.html').as_uri()}")


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
        done = run_single(project, chapter, values, _options(arguments), Progress())
        write_atomic(path, done.notebook)
    print(f"{path}\n{claims_text(done.claims)}")


def seeds(project: Project, arguments: argparse.Namespace) -> None:
    """Run chapters at many seeds and record every claim's measured number in a table; runs that are stored stay."""
    chosen, progress = parse_seeds(arguments.seeds), Progress()
    chapters, options = seeded(project, arguments.chapters), _options(arguments)
    with lock(project.build):
        cache.sweep_up(project)
        table = sweep(project, chapters, chosen, options, progress)
        origin = Provenance.here(
            seed=chosen[0],
            parameters={"chapters": [c.name for c in chapters], "seeds": arguments.seeds, "tier": options.tier},
            seconds=float(table.drop_duplicates(["chapter", "seed"])["seconds"].sum()),
            root=project.root,
        )
        file = arguments.table or project.build / "seeds.csv"
        write_table(table, file, origin)
    print(f"{file}\n{summary(table).to_string(index=False)}")
    bad = table[table["verdict"] != "holds"]
    if len(bad):
        lines = (
            f"{r.chapter}, seed {r.seed}: {r.claim or 'the run'}: {r.verdict} ({r.measured:g})"
            for r in bad.itertuples()
        )
        raise BuildFailed("\n".join(lines))


def mutations(project: Project, arguments: argparse.Namespace) -> None:
    """Run chapters with errors put in on purpose and record which claims notice; runs that are stored stay."""
    progress, options = Progress(), _options(arguments)
    with lock(project.build):
        cache.sweep_up(project)
        table = mutate(project, arguments.chapters, arguments.only, options, progress)
        parameters: dict[str, object] = {"mutations": table["mutation"].nunique(), "tier": options.tier}
        seconds = float(table.drop_duplicates(["mutation", "chapter"])["cpu"].sum())
        origin = Provenance.here(seed=0, parameters=parameters, seconds=seconds, root=project.root)
        file = arguments.table or project.build / "mutations.csv"
        write_table(table, file, origin)
    print(f"{file}\n{noticed(table).to_string(index=False)}")


def figures(project: Project, arguments: argparse.Namespace) -> None:
    """Write every declared figure of every chapter into _build/figures."""
    with lock(project.build):
        cache.sweep_up(project)
        _, records = results(project, _options(arguments), Progress())
        with scratch(project.work, "figures") as folder:
            folder.chmod(0o755)
            for record in records.values():
                for name in record.figures:
                    for suffix in arguments.formats:
                        shutil.copyfile(record.folder / "figures" / f"{name}.{suffix}", folder / f"{name}.{suffix}")
            count = len(list(folder.iterdir()))
            replace_folder(folder, project.build / "figures")
    print(f"{count} files in {project.build / 'figures'}")


def _site(project: Project) -> Path:
    if not (project.html / "index.html").is_file():
        raise BookError(f"no site in {project.html}: build it first (make book)")
    return project.html


def serve(project: Project, arguments: argparse.Namespace) -> None:
    """Serve the built site on this machine only."""
    handler = partial(SimpleHTTPRequestHandler, directory=str(_site(project)))
    try:
        server = ThreadingHTTPServer(("127.0.0.1", arguments.port), handler)
    except OSError as error:
        raise BookError(f"port {arguments.port}: {error.strerror}: choose another with --port") from None
    with server:
        print(f"http://127.0.0.1:{server.server_port}/ (stop with Ctrl-C)", flush=True)
        server.serve_forever()


def check(project: Project, arguments: argparse.Namespace) -> None:
    """Check the built site; with --browser also in a real browser with the network off."""
    site = _site(project)
    found = check_site(site)
    if arguments.browser:
        found += check_in_browser(site, project.build / "screenshots")
    if found:
        raise BuildFailed("\n".join(str(finding) for finding in found))
    print("the site holds every check")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="Build and run the book.")
    parser.add_argument("--root", type=Path, help="the folder of the book (default: around the working directory)")
    parser.add_argument("--output", type=Path, help="the folder for results and site (default: _build in the book)")
    commands = parser.add_subparsers(dest="command", required=True)

    running = argparse.ArgumentParser(add_help=False)
    running.add_argument("--tier", help="quick (default) or full")
    running.add_argument("--device", help="cpu (default) or cuda")
    running.add_argument("--limit", type=float, help="seconds a chapter may take (default: its own limit)")
    many = argparse.ArgumentParser(add_help=False)
    many.add_argument("--jobs", type=int, help="chapters at a time (default: 2, or 1 on one core)")
    many.add_argument("--force", action="store_true", help="run every chapter, whatever is stored")

    told = argparse.ArgumentParser(add_help=False)
    told.add_argument("--stored", action="store_true", help="run nothing: a table of the runs that are stored")

    def add(function, *parents: argparse.ArgumentParser) -> argparse.ArgumentParser:
        sub = commands.add_parser(
            function.__name__, help=function.__doc__, description=function.__doc__, parents=list(parents)
        )
        sub.set_defaults(function=function)
        return sub

    add(build, running, many)
    one = add(run, running)
    one.add_argument("chapter", metavar="CHAPTER")
    one.add_argument("-p", "--parameter", action="append", default=[], metavar="NAME=VALUE")
    sweeping = add(seeds, running, many, told)
    sweeping.add_argument("chapters", nargs="*", metavar="CHAPTER", help="default: every chapter with a seed")
    sweeping.add_argument("--seeds", default="0-19", help="numbers and ranges, 0-19 or 1,2,5-7 (default: 0-19)")
    sweeping.add_argument("--table", type=Path, help="the .csv file to write (default: seeds.csv in the results)")
    wrong = add(mutations, running, many, told)
    wrong.add_argument("chapters", nargs="*", metavar="CHAPTER", help="default: those that each mutation names")
    wrong.add_argument("--only", nargs="+", default=[], metavar="NAME", help="mutations (default: all)")
    wrong.add_argument("--table", type=Path, help="the .csv file to write (default: mutations.csv in the results)")
    add(figures, running, many).add_argument(
        "--formats", nargs="+", choices=FIGURE_FORMATS, default=list(FIGURE_FORMATS)
    )
    add(serve).add_argument("--port", type=_port, default=8000, help="0 for any free port")
    add(check).add_argument("--browser", action="store_true", help="also open every page in headless Chromium")
    return parser


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"{text} is no port: choose a number from 0 to 65535")
    return int(text)


def _unwritable(error: OSError, project: Project) -> str:
    """One line for a file system that refuses, with the cure."""
    where, why = error.filename or project.build, error.strerror or error
    if error.errno == errno.ENOSPC:
        return f"{where}: {why}: free some space, or name another folder with --output"
    return f"{where} cannot be written: {why}: copy the book to a folder of your own, or name one with --output"


def _stop(signum: int, _frame: object) -> None:
    raise KeyboardInterrupt


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit status."""
    arguments = _parser().parse_args(argv)
    signal.signal(signal.SIGTERM, _stop)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal that is not UTF-8 shows ? for a check mark
    try:
        root = arguments.root.resolve() if arguments.root else Project.find().root
        project = Project(root, arguments.output.resolve() if arguments.output else None)
        try:
            arguments.function(project, arguments)
        except OSError as error:
            if error.errno not in (errno.EROFS, errno.EACCES, errno.EPERM, errno.ENOSPC):
                raise
            raise BookError(_unwritable(error, project)) from None
    except BookError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except BuildFailed as error:
        print(f"failed:\n{error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
