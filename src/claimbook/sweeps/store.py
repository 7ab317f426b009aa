"""Rows on disk under their key: written in one step with a checksum; what is damaged is set aside."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..files import digest, write_atomic

Row = dict[str, Any]


def packed(rows: Sequence[Row]) -> bytes:
    """Rows as bytes: the checksum on the first line, then JSON, in which float64 survives."""
    body = json.dumps(list(rows)).encode()
    return f"{digest(body)}\n".encode() + body


def unpacked(data: bytes) -> list[Row] | None:
    """The rows; None where the bytes are not what was written."""
    checksum, _, body = data.partition(b"\n")
    return json.loads(body) if checksum.decode(errors="replace") == digest(body) else None


@dataclass(frozen=True)
class Store:
    """A folder of rows by key. Writers may race: they write the same bytes, each in one step."""

    folder: Path

    def place(self, key: str) -> Path:
        """The file of a key, whether it is there or not."""
        return self.folder / f"{key}.json"

    def read(self, key: str) -> list[Row] | None:
        """The rows under a key; None where there are none, or none that are whole (these go to `damaged`)."""
        place = self.place(key)
        try:
            data = place.read_bytes()
        except FileNotFoundError:
            return None
        rows = unpacked(data)
        if rows is None:
            aside = self.folder / "damaged" / f"{key}-{time.time_ns()}.json"
            aside.parent.mkdir(exist_ok=True)
            with suppress(FileNotFoundError):  # another client was first
                os.replace(place, aside)
        return rows

    def write(self, key: str, data: bytes, seconds: float) -> None:
        """Keep rows as `packed` made them, and beside them how long that took."""
        write_atomic(self.folder / "seconds" / key, repr(seconds))
        write_atomic(self.place(key), data)

    def seconds(self, key: str) -> float:
        """How long the rows under a key took; 0 where that is not known."""
        try:
            return float((self.folder / "seconds" / key).read_text())
        except (FileNotFoundError, ValueError):
            return 0.0

    def has(self, key: str) -> bool:
        """Whether there is a file for the key, whole or not."""
        return self.place(key).is_file()
