"""Legends above the axes and figures as high as what they show: no white stripes, nothing cut off."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from figures import labels

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.figure import Figure

#: Characters of a legend entry per inch at the legend's font size, and inches taken by its handle and the gaps.
DENSITY, HANDLE = 13.0, 0.65
MOST_COLUMNS = 4


def legend_above(figure: Figure, handles: Sequence[Artist], names: Sequence[str]) -> None:
    """Add a legend above all axes, in as many columns as fit; entries too long for two columns are wrapped."""
    if not handles:
        return
    width = figure.get_figwidth() - 0.3
    longest = max(labels.printed_length(name) for name in names)
    columns = max(2, int(width / (HANDLE + longest / DENSITY)))
    columns = min(columns, MOST_COLUMNS, len(handles))
    texts = [labels.wrap(name, width / columns - HANDLE, DENSITY) for name in names]
    figure.legend(handles, texts, loc="outside upper left", ncols=columns, columnspacing=1.4, handlelength=2.2)


def trim_height(figure: Figure) -> None:
    """Lower a figure by the height that axes of a fixed aspect leave empty, and lay it out again."""
    figure.draw_without_rendering()
    height = figure.get_figheight()
    slack = min(
        axes.get_position(original=True).height - axes.get_position(original=False).height for axes in figure.axes
    )
    if slack * height > 0.02:
        figure.set_figheight(height * (1.0 - slack))
        figure.draw_without_rendering()
