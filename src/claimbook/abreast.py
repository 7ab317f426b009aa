"""Pages are read and written by a few processes beside each other, to the same bytes as by one."""

from __future__ import annotations

import gc
import os
from importlib import import_module
from typing import Any

from sphinx.ext import viewcode
from sphinx.util import logging
from sphinx.util.parallel import ParallelTasks

from .fork_server import forks_are_safe

PROCESSES = 4
"""At most: each may come to hold all that was read."""

_SILENT = ("sphinx_multitoc_numbering", "sphinx_jupyterbook_latex")
"""Extensions that do not say whether pages may be read so: one counts sections afterwards, the other makes LaTeX."""

_LABELS = ("proof_list", "sphinx_exercise_registry")
"""What holds the labels of statements and exercises, each with its page."""

LOGGER = logging.getLogger(__name__)


def begin(app: Any) -> None:
    """Load first what all processes need: the documented packages.

    A rendering makes millions of nodes that live to its end: Python looks through them for garbage less often than it
    would, which takes a fifth of the time, and not at all through those that were there before a step.
    """
    gc.set_threshold(200_000, 20, 100)
    app.parallel = min(PROCESSES, os.cpu_count() or 1) if forks_are_safe() else 1
    for name in set(_SILENT) & set(app.extensions):
        app.extensions[name].parallel_read_safe = True
    if "prf" in app.env.domains:  # it keeps nothing but its labels, and has no word for that
        type(app.env.domains["prf"]).merge_domaindata = lambda self, docnames, otherdata: None
    for package in app.config.claimbook_api:
        import_module(package)


def merge(app: Any, env: Any, docnames: Any, other: Any) -> None:
    """Take over what another process has found on its pages, and name labels that both have: each knows its own."""
    env.claimbook_terms |= other.claimbook_terms
    env.claimbook_statements |= other.claimbook_statements
    for name in _LABELS:
        known, found = getattr(env, name, {}), getattr(other, name, {})
        for label in [key for key, entry in found.items() if entry["docname"] in docnames and key in known]:
            pages = (found[label]["docname"], known[label]["docname"])
            if pages[0] != pages[1]:
                LOGGER.warning("duplicate label: %s, on %s and %s", label, *pages)


def settle(app: Any, env: Any) -> None:
    """Forget modules of which no page shows a source: whether they stay depends on who has read what."""
    modules = getattr(env, "_viewcode_modules", {})
    for name in [name for name, entry in modules.items() if entry and not entry[2]]:
        del modules[name]
    gc.freeze()
    for listener in app.events.listeners["html-collect-pages"]:
        if listener.handler is viewcode.collect_pages and app.parallel > 1:
            app.disconnect(listener.id)
            app.connect("html-collect-pages", sources)
            break


def sources(app: Any) -> tuple[()]:
    """The listings of sources, which viewcode would write by one process."""
    modules = getattr(app.env, "_viewcode_modules", {})

    def write(share: int) -> None:
        for k, name in enumerate(sorted(modules)):
            if k % app.parallel != share:
                modules[name] = False  # it is there, but not to be written
        for page, context, template in viewcode.collect_pages(app):
            if share == 0 or not page.endswith("/index"):
                app.builder.handle_page(page, context, template)

    tasks = ParallelTasks(app.parallel)
    for share in range(app.parallel):
        tasks.add_task(write, share)
    tasks.join()
    return ()


def setup(app: Any) -> None:
    """Connect this part of the extension."""
    app.connect("builder-inited", begin)
    app.connect("env-before-read-docs", lambda app, env, docnames: gc.freeze())
    app.connect("env-check-consistency", settle)
    app.connect("env-merge-info", merge, priority=400)  # before the other extensions take the labels over
