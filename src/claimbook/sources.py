"""The text files that authors write; what cannot be read is a BookError that names the file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from .project import BookError


def text_of(path: Path) -> str:
    """The text of a file, which must be UTF-8."""
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise BookError(f"{path.name}: not UTF-8 text (byte {error.start}): save it as UTF-8") from None
    except OSError as error:
        raise BookError(f"{path}: cannot be read: {error.strerror}") from None


def yaml_of(text: str) -> Any:
    """What YAML text says; yaml.YAMLError where it is none. Read by libyaml, where PyYAML has it: ten times as fast."""
    try:
        return yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except yaml.YAMLError:
        return yaml.safe_load(text)  # which says more exactly where the fault is


def mapping_of(text: str, name: str) -> dict[str, Any]:
    """YAML text that maps names to values, from the file ``name``; empty text maps none."""
    try:
        found = yaml_of(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        at = f", line {mark.line + 1}" if mark else ""
        raise BookError(f"{name}{at}: not YAML: {getattr(error, 'problem', None) or error}") from None
    if not isinstance(found, dict | None):
        raise BookError(f"{name}: expected lines `name: value`, not a {type(found).__name__}")
    return found or {}
