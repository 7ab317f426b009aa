"""Everything the book writes as HTML goes through Jinja2 templates, with autoescape on."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

FOLDER = Path(__file__).with_name("templates")
_MATH = re.compile(r"\$([^$]+)\$")
_INDEX = re.compile(r"(?<=[α-ωΑ-Ω])_(\{[\w+]+\}|\w+)")


@cache
def _environment(folder: Path) -> Environment:
    """Templates of a folder and, after them, of this package; a name that is not given is an error."""
    made = Environment(
        loader=FileSystemLoader([folder, FOLDER]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters["math_parts"] = _MATH.split
    made.filters["index_parts"] = _INDEX.split
    made.filters["in_script"] = _in_script
    return made


def _in_script(data: str) -> Markup:
    """JSON inside a script element: no `</` in it, so that nothing ends the element early."""
    return Markup(data.replace("</", "<\\/"))


def render(template: str, folder: Path = FOLDER, **values: Any) -> str:
    """The template, a file in ``folder`` or of this package, filled in; values are escaped unless they are ``Markup``.

    ``jinja2.TemplateNotFound`` for an unknown template, ``jinja2.UndefinedError`` for a value that it needs.
    """
    return _environment(folder).get_template(template).render(values)
