"""The certificate that a reader moves by hand: the page's mathematics is the package's, at every point."""

import json
import subprocess
from pathlib import Path

import numpy as np
import pytest
import torch

from book.landscape.experiment import two_weights
from global_optimality import certify
from tests.node import NODE, needs_node

SCRIPT = Path(__file__).parents[2] / "book" / "static" / "two_weights.js"
ROUNDING = 1e-12  # relative; a dozen operations in float64, and the package's own outward rounding


def _javascript(expression: str) -> list:
    code = f"const two = require({json.dumps(str(SCRIPT))}); console.log(JSON.stringify({expression}))"
    assert NODE is not None
    return json.loads(subprocess.run([NODE, "-e", code], capture_output=True, text=True, check=True).stdout)


@needs_node
@pytest.mark.parametrize(("y", "lam"), [(3.0, 1.0), (3.0, 0.1), (3.0, 3.5)])
def test_the_page_and_the_package_certify_alike(y: float, lam: float) -> None:
    points = [(u, v) for u in np.linspace(-2.6, 2.6, 7) for v in np.linspace(-2.6, 2.6, 7)] + [(0.0, 0.0)]
    shown = _javascript(f"{json.dumps(points)}.map(([u, v]) => two.certificate(u, v, {y}, {lam}))")
    w = torch.tensor(points, dtype=torch.float64)
    found = certify(two_weights(y, lam), (w[:, :1, None], w[:, 1:, None]))
    for name, mine in (("objective", found.objective), ("bound", found.lower_bound), ("gradient", found.gradient_norm)):
        theirs = torch.tensor([s[name] for s in shown], dtype=torch.float64)
        torch.testing.assert_close(theirs, mine, rtol=ROUNDING, atol=10 * ROUNDING)
    assert all(s["bound"] <= s["optimum"] * (1 + ROUNDING) <= s["objective"] * (1 + ROUNDING) ** 2 for s in shown)
    names = {"CERTIFIED": "certified", "REFUTED": "refuted", "UNDECIDED": "undecided"}
    assert [s["verdict"] for s in shown] == [names[v.name] for v in found.verdict(1e-3)]


@needs_node
def test_descent_on_the_page_ends_at_the_optimum_and_rests_at_the_saddle() -> None:
    u, v = _javascript("two.descend(0.3, 0.1, 3, 1)")
    assert abs(u - 2**0.5) < 1e-9
    assert abs(v - 2**0.5) < 1e-9
    assert _javascript("two.descend(0, 0, 3, 1)") == [0, 0]
