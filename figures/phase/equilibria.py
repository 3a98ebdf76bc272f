"""Equilibria by class, with their eigen-directions, and the separatrices of saddles."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from dynamics.games.field import Field, Game
from figures import style
from figures.phase.plane import Plane
from figures.phase.tracing import Tracer

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes

    from dynamics.stability import Equilibrium

#: Marker and face of each verdict; the shape alone tells them apart.
VERDICT_MARKS: dict[str, tuple[str, str]] = {
    "attracting": ("o", style.BLACK),
    "repelling": ("o", "white"),
    "saddle": ("X", "white"),
    "neutral": ("s", style.LIGHT_GREY),
    "undecided": ("D", style.YELLOW),
}
#: Eigenvalues this small against the largest belong to no direction of growth or decay.
FLAT = 1e-7
#: Distance from a plane, in units of the box, within which an equilibrium lies in it.
IN_PLANE = 1e-6


@dataclass(frozen=True)
class Direction:
    """A real eigenvector in the plane.

    Attributes
    ----------
    vector : ndarray, shape (2,)
        Of length 1 in box sides.
    eigenvalue : float
        Negative: the flow comes in along it.
    """

    vector: NDArray[np.float64]
    eigenvalue: float


@dataclass(frozen=True)
class Mark:
    """An equilibrium as drawn.

    Attributes
    ----------
    at : ndarray, shape (dim,)
        The state.
    position : ndarray, shape (2,)
    verdict : str
        A key of :data:`VERDICT_MARKS`.
    flow : str
        The class of the linearisation.
    directions : tuple of Direction
        Real eigenvectors that lie in the plane.
    continuum : ndarray, shape (directions, 2)
        Null directions in the plane along which there are further equilibria.
    inside : bool
        Whether it lies in the plane; others are not drawn.
    smooth : bool
        Whether the field has a Jacobian there.
    """

    at: NDArray[np.float64]
    position: NDArray[np.float64]
    verdict: str
    flow: str
    directions: tuple[Direction, ...]
    continuum: NDArray[np.float64]
    inside: bool
    smooth: bool


def compute_marks(game: Field, plane: Plane, sides: NDArray[np.float64]) -> tuple[Mark, ...]:
    """Find and classify the equilibria in a box of all coordinates.

    Parameters
    ----------
    game : Field
    plane : Plane
    sides : ndarray, shape (dim, 2)
        Where to search.
    """
    return tuple(make_mark(item, game, plane, sides) for item in search(game, sides))


def search(game: Field, sides: NDArray[np.float64]) -> tuple[Equilibrium, ...]:
    """Return the equilibria in a box of all coordinates with the sides (dim, 2)."""
    from dynamics.stability import analyse

    box = {name: (float(low), float(high)) for name, (low, high) in zip(game.names, sides, strict=True)}
    # No methods run on a field without players, and none may be given for it.
    return tuple(analyse(game, box=box, methods=() if isinstance(game, Game) else None).equilibria)


def nearest(
    found: tuple[Equilibrium, ...], start: NDArray[np.float64], sides: NDArray[np.float64]
) -> NDArray[np.float64] | None:
    """Return the equilibrium nearest to a state (dim,), in box sides; None if there is none."""
    size = sides[:, 1] - sides[:, 0]
    # Rounded, so that a tie goes to the first one found.
    places = [np.asarray(item.at, dtype=np.float64) for item in found]
    return min(places, key=lambda at: round(float(np.sum(((at - start) / size) ** 2)), 9), default=None)


def make_mark(item: Equilibrium, game: Field, plane: Plane, sides: NDArray[np.float64]) -> Mark:
    """Return the mark of an equilibrium that :func:`dynamics.stability.analyse` found."""
    at = np.asarray(item.at, dtype=np.float64)
    position = plane.project(at)
    size = sides[:, 1] - sides[:, 0]
    held = [game.names.index(name) for name in plane.others]
    inside = bool(np.all(np.abs(at - plane.point)[held] <= IN_PLANE * size[held]))
    scale = float(np.abs(item.eigenvalues).max(initial=0.0))
    directions = []
    for value, vector in zip(item.eigenvalues, item.eigenvectors.T, strict=True):
        if abs(value.imag) > FLAT * scale or abs(value.real) <= FLAT * scale:
            continue
        across = np.delete(np.real(vector) / size, list(plane.indices))
        shown = plane.project(np.real(vector)) / plane.size
        if np.abs(across).max(initial=0.0) <= IN_PLANE:
            directions.append(Direction(shown / np.sqrt(np.sum(shown**2)) * plane.size, float(value.real)))
    null = np.asarray(item.continuum if item.continuum is not None else [], dtype=float).reshape(-1, game.dim)
    # A continuum that leaves the plane meets it in a point.
    stays = np.abs((null / size)[:, held]).max(axis=-1, initial=0.0) <= IN_PLANE
    along = plane.project(null[stays])
    return Mark(
        at, position, str(item.verdict), str(item.flow), tuple(directions), along, inside, len(item.eigenvalues) > 0
    )


@dataclass(frozen=True)
class Separatrix:
    """A branch of a saddle's stable or unstable manifold.

    Attributes
    ----------
    points : ndarray, shape (points, 2)
        From the saddle outwards.
    stable : bool
        Whether the flow comes in along it.
    """

    points: NDArray[np.float64]
    stable: bool


def compute_separatrices(
    tracer: Tracer, marks: tuple[Mark, ...], offset: float = 1e-4, length: float = 5.0
) -> tuple[Separatrix, ...]:
    """Follow the one-dimensional manifolds of saddles from a small step along their eigenvectors.

    The unstable manifold is followed forward in time and the stable one backward: both then attract the computed
    orbit, so that the error of the first step (second order in ``offset``, a fraction of the box) dies out.

    Parameters
    ----------
    tracer : Tracer
    marks : tuple of Mark
        Those in the plane that are saddles are used.
    offset, length : float
        In box sides.
    """
    starts: dict[bool, list[NDArray[np.float64]]] = {True: [], False: []}
    origins: dict[bool, list[NDArray[np.float64]]] = {True: [], False: []}
    for mark in marks:
        if mark.verdict != "saddle" or not mark.inside or not mark.smooth:
            continue
        state = tracer.start(mark.position) if tracer.sliced else mark.at
        values, vectors = np.linalg.eig(np.asarray(tracer.field.jacobian(state), dtype=np.float64))
        values = np.asarray(values, dtype=np.complex128)
        flat = FLAT * float(np.abs(values).max())
        for stable, group in ((True, values.real < -flat), (False, values.real > flat)):
            # A manifold of more dimensions is no curve, and two complex directions have no offset of their own.
            if np.count_nonzero(group) != 1:
                continue
            vector = np.real(vectors[:, np.flatnonzero(group)[0]])
            vector = vector / np.sqrt(np.sum((tracer.weights * vector) ** 2))
            for side in (1.0, -1.0):
                starts[stable].append(state + side * offset * vector)
                origins[stable].append(mark.position)
    branches = []
    for stable in (True, False):
        if starts[stable]:
            lines = tracer.follow(np.array(starts[stable]), length, -1.0 if stable else 1.0)
            for origin, line in zip(origins[stable], lines, strict=True):
                line = line[np.isfinite(line).all(axis=-1)]
                if len(line):
                    branches.append(Separatrix(np.concatenate([origin[None], line]), stable))
    return tuple(branches)


def draw_separatrices(axes: Axes, separatrices: tuple[Separatrix, ...]) -> list[Artist]:
    """Draw stable manifolds as full and unstable ones as dotted lines."""
    from matplotlib.collections import LineCollection

    artists: list[Artist] = []
    for stable, dashes, label in (
        (True, "-", "stable manifold of a saddle"),
        (False, ":", "unstable manifold of a saddle"),
    ):
        lines = [branch.points for branch in separatrices if branch.stable is stable]
        if lines:
            collection = LineCollection(
                lines, colors=style.PURPLE, linewidths=2.0, linestyles=dashes, label=label, zorder=3.5
            )
            artists.append(axes.add_collection(collection, autolim=False))
    return artists


def draw_marks(axes: Axes, marks: tuple[Mark, ...], plane: Plane, reach: float = 0.06) -> list[Artist]:
    """Draw the equilibria of a plane: a shape per verdict, short lines along real eigen-directions.

    Arrowheads on the lines point in for negative eigenvalues and out for positive ones; lines of equilibria are
    drawn through the whole box. Returns one artist per verdict and one for continua, for the legend.
    """
    from figures.phase.orbits import draw_heads

    artists: list[Artist] = []
    shown = [mark for mark in marks if mark.inside and bool(plane.contains(mark.position, margin=1e-9))]
    for mark in shown:
        for vector in mark.continuum:
            if np.sqrt(np.sum((vector / plane.size) ** 2)) > IN_PLANE:
                far = vector / np.sqrt(np.sum((vector / plane.size) ** 2))
                ends = np.stack([mark.position - 2 * far, mark.position + 2 * far])
                (line,) = axes.plot(
                    *ends.T, color=style.YELLOW, linewidth=5, alpha=0.8, zorder=1.5, scalex=False, scaley=False
                )
                line.set_label("line of equilibria")
                artists[:] = [a for a in artists if a.get_label() != "line of equilibria"] + [line]
        for direction in mark.directions:
            step = reach * direction.vector
            ends = np.stack([mark.position - step, mark.position + step])
            axes.plot(*ends.T, color=style.BLACK, linewidth=1.1, zorder=4, scalex=False, scaley=False)
            way = np.stack([-step, step]) * np.sign(direction.eigenvalue)
            draw_heads(axes, ends, way, style.BLACK, zorder=4.1)
    for verdict, (marker, face) in VERDICT_MARKS.items():
        places = np.array([mark.position for mark in shown if mark.verdict == verdict])
        if len(places):
            artists += axes.plot(
                *places.T,
                linestyle="none",
                marker=marker,
                markersize=8,
                markerfacecolor=face,
                markeredgecolor=style.BLACK,
                markeredgewidth=1.2,
                label=f"{verdict} equilibrium",
                zorder=6,
                # A mark on the frame would lose half its shape.
                clip_on=False,
                scalex=False,
                scaley=False,
            )
    return artists
