"""Basins of attraction: one colour per attractor, with the attractors on top."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dynamics.games import load
from dynamics.stability.basins import DIVERGED, LEAVING, UNDECIDED, Basins
from figures import labels, style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

#: Light forms of the series' colours, so that attractors and their marks stand out.
_COLOURS = ("#9ACBEA", "#F5CF85", "#8FD3BB", "#E3B7CE", "#F2A98A", "#F6EE9C", "#8DB8D9", "#BDBDBD")
_DIVERGED, _LEAVING, _UNDECIDED = "#5A5A5A", "#A8A8A8", "#FFFFFF"


@dataclass(frozen=True)
class BasinPicture:
    """What is drawn.

    Attributes
    ----------
    names : tuple of str
        The axes of the picture.
    edges : tuple of ndarray
        Edges of the cells along each axis.
    places : ndarray of int, shape (ny, nx)
        Row of ``colours`` and ``texts`` of each cell.
    colours, texts : tuple of str
        Only of labels that occur or are attractors.
    marks : tuple of ndarray, shape (m, 2) each
        Points of the attractors in the picture, one array each.
    caption : str
    """

    names: tuple[str, ...]
    edges: tuple[NDArray[np.float64], ...]
    places: NDArray[np.int64]
    colours: tuple[str, ...]
    texts: tuple[str, ...]
    marks: tuple[NDArray[np.float64], ...]
    caption: str


def compute_basins(basins: Basins) -> BasinPicture:
    """Return what a picture of basins shows."""
    texts, shares, errors = basins.texts, basins.fractions, basins.standard_errors
    shown = [*range(len(basins.attractors)), *(x for x in (DIVERGED, LEAVING, UNDECIDED) if (basins.labels == x).any())]
    special = {DIVERGED: _DIVERGED, LEAVING: _LEAVING, UNDECIDED: _UNDECIDED}
    grid = np.atleast_2d(basins.labels)
    places = np.zeros(grid.shape, dtype=np.int64)
    for place, label in enumerate(shown):
        places[grid == label] = place
    names = tuple(basins.axes)
    columns = [basins.names.index(name) for name in names]
    marks = []
    for attractor in basins.attractors:
        points = attractor.points[:, columns]
        marks.append(points if len(names) == 2 else np.column_stack([points, np.full(len(points), 0.5)]))
    held = f" at {labels.state(tuple(basins.at), basins.at.values())}" if basins.at else ""
    cells = "×".join(str(count) for count in basins.labels.shape[::-1])
    described = basins.provenance["game"]
    # modified flows and other fields have a name only
    game = labels.game_label(load(described)) if described["kind"] in ("catalogue", "losses") else basins.game
    caption = (
        f"{game}{held}: basins of {labels.typeset(basins.of)}. "
        f"One random start in each of {cells} cells, seed {basins.provenance['seed']}; shares of the box ± standard "
        f"error. Diverged: norm beyond {labels.number(basins.bound)}."
    )
    return BasinPicture(
        names,
        tuple(_edges(centres) for centres in basins.axes.values()),
        places,
        tuple(special.get(label, _COLOURS[label % len(_COLOURS)]) for label in shown),
        tuple(f"{labels.typeset(texts[x])}: {_percent(shares[texts[x]], errors[texts[x]])}" for x in shown),
        tuple(marks),
        caption,
    )


def draw_basins(axes: Axes, picture: BasinPicture) -> list[Any]:
    """Draw cells and attractors, and return the handles of a legend."""
    from matplotlib.colors import BoundaryNorm, ListedColormap
    from matplotlib.patches import Patch

    count = len(picture.colours)
    vertical = picture.edges[1] if len(picture.names) == 2 else np.array([0.0, 1.0])
    axes.pcolormesh(
        picture.edges[0],
        vertical,
        picture.places,
        cmap=ListedColormap(picture.colours),
        norm=BoundaryNorm(np.arange(count + 1) - 0.5, count) if count > 1 else None,
        rasterized=True,
    )
    for points in picture.marks:
        if len(points) == 1:
            axes.plot(*points[0], "o", color=style.BLACK, markersize=6, clip_on=False)
        else:
            axes.plot(points[:, 0], points[:, 1], ".", color=style.BLACK, markersize=1.5)
    axes.set_xlim(picture.edges[0][0], picture.edges[0][-1])
    axes.set_ylim(vertical[0], vertical[-1])
    axes.set_xlabel(labels.symbol(picture.names[0]))
    if len(picture.names) == 2:
        labels.upright_ylabel(axes, picture.names[1])
    else:
        axes.set_yticks([])
    pairs = zip(picture.colours, picture.texts, strict=True)
    return [Patch(facecolor=colour, edgecolor="#444444", linewidth=0.5, label=text) for colour, text in pairs]


def basin_picture(basins: Basins) -> Figure:
    """Return the figure of basins of attraction.

    Parameters
    ----------
    basins : Basins
        Of :func:`dynamics.stability.basins.find_basins`.
    """
    picture = compute_basins(basins)
    with style.context():
        flat = len(picture.names) == 1
        figure = style.new_figure(6.4, 2.6 if flat else 6.6)
        axes = figure.add_subplot()
        handles = draw_basins(axes, picture)
        figure.legend(handles=handles, loc="outside upper left", ncols=1)
        labels.add_caption(figure, picture.caption)
    return figure


def _percent(share: float, error: float) -> str:
    """Return a share with its standard error, both to the error's first digit."""
    digits = 1 if error == 0 else max(0, int(np.ceil(-np.log10(100 * error))))
    return f"{100 * share:.{digits}f} ± {100 * error:.{digits}f} %"


def _edges(centres: NDArray[np.float64]) -> NDArray[np.float64]:
    step = centres[1] - centres[0]
    return np.concatenate([centres - step / 2, centres[-1:] + step / 2])
