"""Figures that cannot be read are refused when they are shown."""

import pytest
from matplotlib.figure import Figure

from claimbook import show


@pytest.mark.parametrize(
    ("size", "message"),
    [((2, 2), "tick labels 1000000 and 1000001 overlap"), ((9, 2), "letters under 9 px on a phone")],
)
def test_a_figure_that_cannot_be_read_is_refused(size: tuple[int, int], message: str) -> None:
    figure = Figure(figsize=size)
    axes = figure.subplots()
    axes.set_xticks([1e6, 1e6 + 1, 1e6 + 2], ["1000000", "1000001", "1000002"])
    axes.set_xlim(1e6 - 20, 1e6 + 20)
    with pytest.raises(ValueError, match=message):
        show(figure, "fig-small")
