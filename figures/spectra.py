"""Eigenvalues in the complex plane, against the boundary of stability."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from dynamics.core.errors import InputError, unknown
from figures import style
from figures.series import finish, place

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def spectrum(
    eigenvalues: Mapping[str, ArrayLike],
    *,
    kind: str = "flow",
    title: str = "",
    caption: str = "",
    axes: Axes | None = None,
) -> Figure:
    r"""Draw eigenvalues of a flow against the imaginary axis, or multipliers of a map against the unit circle.

    The stable side is shaded: ``Re \lambda < 0`` for ``J = dv/dy`` of a flow, ``|\mu| < 1`` for a map.

    Parameters
    ----------
    eigenvalues : mapping of label to complex array_like
    kind : "flow" or "map"
    title, caption : str
    axes : Axes, optional
    """
    if kind not in ("flow", "map"):
        raise unknown("kind of spectrum", kind, ("flow", "map"))
    points = {label: np.ravel(np.asarray(values, dtype=np.complex128)) for label, values in eigenvalues.items()}
    for label, values in points.items():
        if not np.isfinite(values).all():
            raise InputError(f"The eigenvalues '{label}' must be finite: leave out NaN and infinite ones.")
    together = np.concatenate([*points.values(), np.zeros(1)])
    with style.context():
        figure, axes = place(axes, 6.4, 4.6)
        axes.axhline(0.0, color=style.LIGHT_GREY, linewidth=0.8, zorder=0)
        axes.axvline(0.0, color=style.LIGHT_GREY, linewidth=0.8, zorder=0)
        if kind == "map":
            from matplotlib.patches import Circle

            axes.add_patch(Circle((0, 0), 1.0, facecolor="#F2F2F2", edgecolor=style.GREY, linewidth=1, zorder=-1))
            together = np.concatenate([together, [1, -1, 1j, -1j]])
        reach = 1.15 * max(float(np.abs(together.imag).max()), 0.5 * float(np.ptp(together.real)), 1e-12)
        middle = (float(together.real.min()) + float(together.real.max())) / 2
        wide = max(reach, 0.575 * float(np.ptp(together.real)))
        left, right = middle - wide, middle + wide
        if kind == "flow":
            # The imaginary axis and a margin of the unstable side stay in view however far left the spectrum lies.
            right, left = max(right, 0.12 * wide), min(left, -0.12 * wide)
            axes.axvspan(left, 0.0, facecolor="#F2F2F2", zorder=-1)
            axes.axvline(0.0, color=style.GREY, linewidth=1, zorder=0)
        for position, (label, values) in enumerate(points.items()):
            look = style.series_style(position)
            axes.plot(
                values.real,
                values.imag,
                linestyle="none",
                marker=look["marker"],
                # Nested sizes: marks of equal eigenvalues stay visible inside one another.
                markersize=6 + 2 * (position % 4),
                markerfacecolor="none",
                markeredgecolor=look["color"],
                markeredgewidth=1.6,
                label=label,
                # Points on the frame would lose half their mark.
                clip_on=False,
            )
        axes.set(xlim=(left, right), ylim=(-reach, reach), aspect="equal", title=title)
        letter = r"\lambda" if kind == "flow" else r"\mu"
        axes.set_xlabel(rf"$\mathrm{{Re}}\ {letter}$")
        axes.set_ylabel(rf"$\mathrm{{Im}}\ {letter}$")
        finish(figure, axes, caption)
    return figure
