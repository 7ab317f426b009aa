"""The checker in JavaScript, run by Node; the tests that need it are skipped where Node is missing."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

CHECKER = Path(__file__).parents[1] / "book" / "static" / "check_certificate.js"
NODE = shutil.which("node")
needs_node = pytest.mark.skipif(NODE is None, reason="node is not installed: the checker in JavaScript cannot be run")


def check_with_node(texts: list[str]) -> list[dict]:
    """What the checker says of each text (one line each): confirmed, reasons, checked."""
    assert NODE is not None
    lines = "\n".join(text.replace("\n", " ") for text in texts)
    run = subprocess.run([NODE, str(CHECKER), "--lines"], input=lines, capture_output=True, text=True, check=False)
    assert run.returncode in (0, 1), run.stderr
    return [json.loads(line) for line in run.stdout.splitlines()]
