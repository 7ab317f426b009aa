"""Odd files, and odd certificates to be saved."""

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from global_optimality import certify, load_certificate, save_certificate, verify_certificate
from odd_data import NAN, UNIT, W, problem_rows, scaled, setting, weight_rows
from odd_rows import Kind, Row


def written(text: str) -> Path:
    file = Path(tempfile.mkstemp(suffix=".json")[1])
    file.write_text(text)
    return file


def file_rows(read: Callable[[Any], Any]) -> list[Row]:
    return [
        Row(Kind.FILE, "no such file", lambda: read("/nowhere/c.json"), "/nowhere/c.json", FileNotFoundError),
        Row(Kind.FILE, "a folder", lambda: read(tempfile.gettempdir()), "Is a directory", IsADirectoryError),
        Row(Kind.FILE, "an empty file", lambda: read(written("")), ".json: ", ValueError),
        Row(Kind.FILE, "half a file", lambda: read(written('{"format": ')), ".json: ", ValueError),
        Row(Kind.FILE, "another JSON file", lambda: read(written('{"a": 1}')), "save_certificate", ValueError),
        Row(Kind.FILE, "a number as file", lambda: read(3), "not int", TypeError),
    ]


FILES: dict[str, list[Row]] = {
    "save_certificate": [
        *problem_rows(lambda problem: save_certificate(written(""), problem, W, certify(UNIT, W))),
        *weight_rows(lambda weights: save_certificate(written(""), UNIT, weights, certify(UNIT, W))),
        Row(
            Kind.TYPE,
            "no certificate",
            lambda: save_certificate("c.json", UNIT, W, None),
            "certify(problem, W)",
            TypeError,
        ),
        setting(
            "run", 3, lambda run: save_certificate("c.json", UNIT, W, certify(UNIT, W), run=run), "1 runs", ValueError
        ),
        Row(
            Kind.NUMBERS,
            "weights of NaN",
            lambda: save_certificate("c.json", UNIT, W, certify(UNIT, scaled(NAN))),
            "finite",
            ValueError,
        ),
        Row(
            Kind.FILE,
            "into no folder",
            lambda: save_certificate("/nowhere/c.json", UNIT, W, certify(UNIT, W)),
            "/nowhere/",
            FileNotFoundError,
        ),
    ],
    "load_certificate": file_rows(load_certificate),
    "verify_certificate": file_rows(verify_certificate),
}
