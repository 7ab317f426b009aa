"""The commands that record evidence: every claim at many seeds, and with errors put in on purpose."""

from __future__ import annotations

import argparse

from . import cache
from .build import Options
from .files import lock
from .many import FOLDER
from .mutations import mutate, noticed
from .progress import Progress
from .project import BuildFailed, Project
from .requests import options_of
from .seeds import failures, parse_seeds, seeded, spans, summary, sweep
from .started import say
from .sweeps import Workers, status
from .tables import Provenance, write_table


def _workers(arguments: argparse.Namespace, options: Options) -> Workers:
    """Those of a sweep: a scheduler's, as many processes of this machine as chapters run at a time, or this one."""
    if arguments.scheduler:
        return Workers(scheduler=arguments.scheduler)
    return Workers(options.jobs if options.jobs > 1 else 0)


def _command(name: str, options: Options) -> str:
    """What makes the table again."""
    return f"python -m claimbook.cli {name}" + ("" if options.tier == "quick" else f" --tier {options.tier}")


def seeds(project: Project, arguments: argparse.Namespace) -> None:
    """Run chapters at many seeds and record every claim's measured number in a table; runs that are stored stay."""
    if arguments.status:
        say(status(project.build / FOLDER / "seeds"))
        return
    chosen, progress = parse_seeds(arguments.seeds), Progress()
    chapters, options = seeded(project, arguments.chapters), options_of(arguments)
    with lock(project.build):
        cache.sweep_up(project)
        file = arguments.table or project.build / "seeds.csv"
        onto, workers = file if arguments.onto else None, _workers(arguments, options)
        table = sweep(project, chapters, chosen, options, progress, onto, workers)
        runs = table.drop_duplicates(["chapter", "seed"])
        seeds = spans(runs["seed"]) if arguments.onto else arguments.seeds
        command = f"{_command('seeds', options)} --seeds {seeds}"
        parameters: dict[str, object] = {"command": command, "runs": len(runs), "tier": options.tier}
        seconds = float(runs["seconds"].sum())
        origin = Provenance.here(seed=chosen[0], parameters=parameters, seconds=seconds, root=project.root)
        write_table(table, file, origin)
    say(f"{file}\n{summary(table).to_string(index=False)}")
    if found := failures(table):
        raise BuildFailed("\n".join(found))


def mutations(project: Project, arguments: argparse.Namespace) -> None:
    """Run chapters with errors put in on purpose and record which claims notice; runs that are stored stay."""
    if arguments.status:
        say(status(project.build / FOLDER / "mutations"))
        return
    progress, options = Progress(), options_of(arguments)
    with lock(project.build):
        cache.sweep_up(project)
        file = arguments.table or project.build / "mutations.csv"
        onto = file if arguments.onto else None
        workers = _workers(arguments, options)
        table = mutate(project, arguments.chapters, arguments.only, options, progress, onto, workers)
        parameters: dict[str, object] = {"command": _command("mutations", options), "tier": options.tier}
        parameters["mutations"] = table["mutation"].nunique()
        seconds = float(table.drop_duplicates(["mutation", "chapter"])["cpu"].sum())
        origin = Provenance.here(seed=0, parameters=parameters, seconds=seconds, root=project.root)
        write_table(table, file, origin)
    say(f"{file}\n{noticed(table).to_string(index=False)}")
