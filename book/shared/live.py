"""A figure that the reader moves: the numbers it starts from, exported when the page is built."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from torch import Tensor

from claimbook.templates import render


@dataclass(frozen=True, eq=False)
class Live:
    """The figure ``name`` of the page's scripts, its title and data, and the static figure that shows the same."""

    name: str
    title: str
    picture: str
    data: dict[str, Any]

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        told = f"{self.title}. To be moved by hand on the site; without scripts, its picture is"
        data = json.dumps(self.data, allow_nan=False)
        page = render("live.html", Path(__file__).parent, figure=self, told=told, data=data)
        return {"text/html": page, "text/plain": f"{told} {self.picture}."}


def live(name: str, title: str, picture: str, **data: Any) -> Live:
    """The figure ``name`` with its data: numbers, text, tensors, data frames (one list a column), lists of these."""
    return Live(name, title, picture, {key: _plain(value) for key, value in data.items()})


DIGITS = 12
"""Significant digits of an exported number."""


def _plain(value: Any) -> Any:
    if isinstance(value, Tensor):
        return _plain(value.tolist())
    if isinstance(value, pd.DataFrame):
        return {str(column): _plain(value[column].tolist()) for column in value}
    if isinstance(value, dict):
        return {str(key): _plain(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]
    return float(f"{value:.{DIGITS}g}") if isinstance(value, float) else value
