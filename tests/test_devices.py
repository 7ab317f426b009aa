"""The pretended accelerator of `devices.py`, in a process of its own: PyTorch keeps a device once registered."""

import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent


@pytest.mark.slow
def test_nothing_mixes_the_devices() -> None:
    command = [sys.executable, "-m", "pytest", "-n", "0", str(HERE / "devices.py")]
    done = subprocess.run(command, cwd=HERE.parent, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-1000:]
    assert " passed" in done.stdout
