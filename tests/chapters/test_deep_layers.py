"""The table of bounds by multipliers layer by layer, beside cones."""

import pandas as pd

from book.deep_certificates import experiment as deep


def test_recorded_bounds_are_told_by_shape_weights_and_way():
    rows = [("K = 3", "drawn", way, draw, 9.0, 2.0 + draw, k * (1.0 + draw), draw < 2, 10, 0.5)
            for way, k in (("signs", 1.0), ("cones", 3.0)) for draw in range(3)]  # fmt: skip
    names = ["shape", "q", "way", "draw", "spectral", "first", "last", "closed", "cells", "cpu_seconds"]
    found = deep.by_layers(pd.DataFrame(rows, columns=names))
    assert found["way"].tolist() == ["signs", "cones"]
    assert found["last"].tolist() == [2.0, 6.0]
    assert found["worst"].tolist() == [3.0, 9.0]
    assert found["closed"].tolist() == [2, 2]
