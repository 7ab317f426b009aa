"""The style of figures: colours that readers with another colour vision can tell apart."""

import itertools

import matplotlib
import numpy as np
import pandas as pd
import pytest

from book.shared import style

# Machado, Oliveira and Fernandes (2009), full severity, on linear RGB
PROTAN = [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]


DEUTAN = [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]


def lab(colour: str, vision: list) -> np.ndarray:
    """CIE L*a*b* of a colour as someone with this vision sees it."""
    rgb = np.array(matplotlib.colors.to_rgb(colour))
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    seen = np.clip(np.array(vision) @ linear, 0, 1)
    xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]) @ seen
    f = np.cbrt(np.maximum(xyz / [0.9505, 1, 1.089], 216 / 24389))
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


@pytest.mark.parametrize("vision", [np.eye(3).tolist(), PROTAN, DEUTAN], ids=["full", "protan", "deutan"])
@pytest.mark.parametrize(
    "together",
    [
        ("descent", "slide", "append", "escape"),
        ("plateau", "global_optimum", "local_minimum", "local_maximum", "saddle"),
    ],
)
def test_colours_that_meet_in_one_figure_can_be_told_apart(together, vision):
    seen = {name: lab(getattr(style.COLOUR, name), vision) for name in together}
    distances = pd.Series({(a, b): np.linalg.norm(seen[a] - seen[b]) for a, b in itertools.combinations(together, 2)})
    assert distances.min() >= 15, distances.idxmin()
