"""The parameters of a chapter: literals assigned in its cell tagged `parameters`."""

from __future__ import annotations

import ast
import difflib
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .project import BookError

CHOICES = {"tier": ("quick", "full"), "device": ("cpu", "cuda")}


@dataclass(frozen=True)
class Parameter:
    """One assignment `name = default`; `start` and `stop` are the byte span of the default in the cell."""

    name: str
    default: Any
    start: int
    stop: int


def closest(name: str, known: Iterable[str]) -> str:
    """A sentence that helps with a misspelt name."""
    known = sorted(known)
    near = difflib.get_close_matches(name, known, n=3, cutoff=0.5)
    return f"did you mean {' or '.join(near)}?" if near else f"known: {', '.join(known) or 'none'}"


def parameters_of(source: str) -> tuple[Parameter, ...]:
    """The parameters that a cell assigns, in order. Only literals are allowed: anything else is a BookError."""
    lines = source.encode().splitlines(keepends=True)
    offsets = [sum(map(len, lines[:i])) for i in range(len(lines))]
    found = []
    for node in ast.parse(source).body:
        target = node.target if isinstance(node, ast.AnnAssign) else getattr(node, "targets", [None])[0]
        value = getattr(node, "value", None)
        if isinstance(node, ast.Expr) and isinstance(value, ast.Constant) and isinstance(value.value, str):
            continue
        if not isinstance(target, ast.Name) or value is None:
            raise BookError(f"the parameters cell may only assign literals, not `{ast.unparse(node)}`")
        try:
            default = ast.literal_eval(value)
        except ValueError:
            raise BookError(f"parameter {target.id} must be a literal, not `{ast.unparse(value)}`") from None
        start = offsets[value.lineno - 1] + value.col_offset
        stop = offsets[(value.end_lineno or value.lineno) - 1] + (value.end_col_offset or 0)
        found.append(Parameter(target.id, default, start, stop))
    return tuple(found)


def substitute(source: str, values: Mapping[str, Any]) -> str:
    """The cell with the effective values in the place of the defaults; comments stay."""
    text = source.encode()
    for parameter in sorted(parameters_of(source), key=lambda p: -p.start):
        if parameter.name in values and values[parameter.name] != parameter.default:
            value = values[parameter.name]
            shown = json.dumps(value, ensure_ascii=False) if isinstance(value, str) else repr(value)
            text = text[: parameter.start] + shown.encode() + text[parameter.stop :]
    return text.decode()


def _read(name: str, text: str, default: Any) -> Any:
    if isinstance(default, str) and text[:1] not in {"'", '"'}:
        return text
    try:
        return ast.literal_eval({"true": "True", "false": "False", "none": "None"}.get(text, text))
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        raise BookError(f"parameter {name}={text}: not a Python literal like {default!r}") from None


def parse(assignments: Sequence[str], known: Sequence[Parameter]) -> dict[str, Any]:
    """Read `name=value` words of a command line by the types of the defaults."""
    defaults = {parameter.name: parameter.default for parameter in known}
    values = {}
    for word in assignments:
        name, equals, text = word.partition("=")
        if not equals:
            raise BookError(f"-p {word}: write it as name=value")
        if name not in defaults:
            raise BookError(f"unknown parameter {name}: {closest(name, defaults)}")
        if name in values:
            raise BookError(f"-p {name}=...: it stands there twice: give it once")
        values[name] = _read(name, text.strip(), defaults[name])
    return values


def effective(known: Sequence[Parameter], values: Mapping[str, Any]) -> dict[str, Any]:
    """The defaults with `values` in their places; an unknown name, a wrong type or choice is a BookError."""
    result = {parameter.name: parameter.default for parameter in known}
    for name, value in values.items():
        if name not in result:
            raise BookError(f"unknown parameter {name}: {closest(name, result)}")
        default = result[name]
        if isinstance(default, float) and type(value) is int:
            value = float(value) if abs(value) < 1e300 else math.inf
        if isinstance(value, float) and not math.isfinite(value):
            raise BookError(f"parameter {name}={value}: it must be a finite number, like {default!r}")
        if default is not None and type(value) is not type(default):
            raise BookError(f"parameter {name}={value!r}: expected a {type(default).__name__} like {default!r}")
        result[name] = value
    for name, choices in CHOICES.items():
        if name in result and result[name] not in choices:
            raise BookError(f"parameter {name}={result[name]!r}: choose one of {', '.join(choices)}")
    return result
