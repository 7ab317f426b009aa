"""What a command line asks for, checked before anything runs; and file systems that refuse, in one line."""

from __future__ import annotations

import argparse
import errno
import math
import os
import re
import shutil
from pathlib import Path

from .build import Options
from .project import BookError, Project
from .shortage import CURES

_REFUSED = (errno.EROFS, errno.EACCES, errno.EPERM)
_NO_PLACE = (errno.EEXIST, errno.ENOTDIR, errno.ENOENT)


def seconds(text: str) -> float:
    """A positive number of seconds."""
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not 0 < number < math.inf:
        raise argparse.ArgumentTypeError(f"{text} is no limit: choose a positive number of seconds")
    return number


def port(text: str) -> int:
    """The number of a port; 0 for any free one."""
    if not text.isdecimal() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"{text} is no port: choose a number from 0 to 65535")
    return int(text)


def folder(text: str) -> Path:
    """The path of a folder; an empty one, as of a variable that is not set, would be the working directory."""
    if not text:
        raise argparse.ArgumentTypeError("the name is empty: name a folder")
    return Path(text)


def table_file(text: str) -> Path:
    """A .csv file in a folder that there is."""
    file = Path(text)
    if file.suffix != ".csv" or file.is_dir() or not file.parent.is_dir():
        raise argparse.ArgumentTypeError(f"{text} is no place for a table: name a .csv file in a folder that there is")
    return file


def _parts(error: OSError | MemoryError) -> tuple[int | None, str | None, str]:
    """The number of an error, its file, and what the system says; of a copied folder, those of the first file."""
    if isinstance(error, shutil.Error) and isinstance(error.args[0], list):
        file, _, text = error.args[0][0]
        number = re.match(r"\[Errno (\d+)\]", text)
        return (int(number[1]), file, os.strerror(int(number[1]))) if number else (None, file, text)
    if isinstance(error, MemoryError):
        return errno.ENOMEM, None, os.strerror(errno.ENOMEM)
    return error.errno, error.filename, error.strerror or str(error)


def refused(error: OSError | MemoryError, project: Project) -> BookError | None:
    """The cure where the results have no place, cannot be written, or a machine runs short; None for other errors."""
    number, file, why = _parts(error)
    where, place = file or project.build, Path(str(file))
    if number in CURES:
        return BookError(f"{where}: {why}: {CURES[number]}")
    above = number in _NO_PLACE and project.build.is_relative_to(place)
    if number not in _REFUSED and not above and not (number == errno.EISDIR and place.is_relative_to(project.build)):
        return None
    if place.exists() and not os.access(place, os.R_OK):
        return BookError(f"{where} cannot be read: {why}: ask its owner for the right to (chmod a+r)")
    cure = "copy the book to a folder of your own, or name one with --output"
    return BookError(f"{where} cannot be written: {why}: {cure}")


def options_of(arguments: argparse.Namespace) -> Options:
    """How to run, as the command line says it."""
    given = {name: getattr(arguments, name, None) for name in ("tier", "device", "jobs", "force", "limit", "stored")}
    return Options(**{name: value for name, value in given.items() if value is not None})
