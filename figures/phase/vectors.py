"""The vector field on a plane: arrows of one length, or the speed as a background."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dynamics.core.errors import check_count
from dynamics.games.field import Field
from figures import style
from figures.phase.plane import Plane

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.collections import QuadMesh
    from matplotlib.quiver import Quiver


@dataclass(frozen=True)
class Vectors:
    """A field sampled at cell centres.

    Attributes
    ----------
    plane : Plane
    points : ndarray, shape (rows, columns, 2)
    velocity : ndarray, shape (rows, columns, 2)
        Its part along the plane.
    speed : ndarray, shape (rows, columns)
        Length of that part, in the game's units.
    """

    plane: Plane
    points: NDArray[np.float64]
    velocity: NDArray[np.float64]
    speed: NDArray[np.float64]


def compute_vectors(field: Field, plane: Plane, cells: int = 17) -> Vectors:
    """Sample the field's part along a plane on ``cells`` by ``cells`` cell centres."""
    points = plane.grid(check_count("cells", cells, least=2))
    velocity = plane.project(np.asarray(field(plane.lift(points))))
    velocity[~plane.admissible(points)] = 0.0
    return Vectors(plane, points, velocity, np.sqrt(np.sum(velocity**2, axis=-1)))


def draw_arrows(axes: Axes, vectors: Vectors, colour: str = style.LIGHT_GREY, **options: Any) -> Quiver:
    """Draw arrows of one length, centred at their points; where the field vanishes there is none."""
    size = vectors.plane.size
    # Directions on the page, so that arrows have one length and follow the orbits whatever the aspect.
    on_page = vectors.velocity / size
    length = np.sqrt(np.sum(on_page**2, axis=-1, keepdims=True))
    moving = length[..., 0] > 1e-12 * max(float(length.max()), np.finfo(float).tiny)
    unit = np.divide(on_page, length, out=np.zeros_like(on_page), where=moving[..., None])
    cell = 1.0 / vectors.points.shape[0]
    arrows = unit * size * 0.62 * cell
    return axes.quiver(
        *(vectors.points[moving].T),
        *(arrows[moving].T),
        angles="xy",
        scale_units="xy",
        scale=1.0,
        pivot="middle",
        color=colour,
        width=0.0028,
        headwidth=4.0,
        headlength=4.5,
        headaxislength=4.0,
        zorder=1,
        **options,
    )


def draw_speed(axes: Axes, vectors: Vectors, **options: Any) -> QuadMesh:
    """Draw the speed as a light background; darker is faster. Use a sample of some 100 cells a side."""
    rows, columns = vectors.speed.shape
    (left, right), (bottom, top) = vectors.plane.box
    # One mesh cell per sample: rasterised, so that an SVG does not carry ten thousand rectangles.
    return axes.pcolormesh(
        np.linspace(left, right, columns + 1),
        np.linspace(bottom, top, rows + 1),
        vectors.speed,
        cmap=options.pop("cmap", "Greys"),
        # The upper half of the map is too dark to read lines on.
        vmin=0.0,
        vmax=2.0 * max(float(vectors.speed.max()), np.finfo(float).tiny),
        rasterized=True,
        zorder=0,
        **options,
    )
