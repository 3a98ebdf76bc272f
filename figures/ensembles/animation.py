"""A cloud in time over the phase portrait, written as GIF."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dynamics.core.errors import InputError, check_positive
from dynamics.ensemble import SDE, Condition
from figures import labels, layout, style
from figures.ensembles.clouds import Cloud, compute_cloud, draw_backdrop, draw_points

#: Frames a second, and dots an inch: a minute of paths is a file of one or two megabytes.
RATE, DOTS = 12, 80


@dataclass(frozen=True)
class Frames:
    """A cloud at several times.

    Attributes
    ----------
    times : ndarray, shape (frames,)
    clouds : tuple of Cloud
        All with one portrait.
    caption : str
    """

    times: NDArray[np.float64]
    clouds: tuple[Cloud, ...]
    caption: str


def compute_frames(
    sde: SDE,
    times: ArrayLike,
    states: ArrayLike,
    *,
    last: ArrayLike | None = None,
    conditions: Sequence[str | Condition] = (),
    start: ArrayLike | None = None,
    box: Mapping[str, tuple[float, float]] | None = None,
    plane: Sequence[str] | None = None,
    caption: str = "",
) -> Frames:
    """Return the frames of an animation.

    Parameters
    ----------
    sde : SDE
    times : array_like, shape (frames,)
    states : array_like, shape (paths, frames, coordinates)
        NaN from where a path ended on.
    last : array_like, shape (paths, coordinates), optional
        Where paths ended, and stay; NaN for those that vanish. Without it they stay where they were seen last.
    conditions, start, box, plane
        As for :func:`figures.ensembles.clouds.compute_cloud`; the box holds the clouds of all times.
    caption : str
    """
    moments, array = np.asarray(times, dtype=np.float64), np.array(states, dtype=np.float64)
    if array.ndim != 3 or array.shape[1:] != (len(moments), sde.dim):
        raise InputError(f"The states have the shape {array.shape}, expected (paths, {len(moments)}, {sde.dim}).")
    gone = np.asarray(~np.isfinite(array).all(axis=-1))
    for k in range(1, len(moments)):
        array[gone[:, k], k] = (array[:, k - 1] if last is None else np.asarray(last))[gone[:, k]]
    shared = compute_cloud(
        sde, array.reshape(-1, sde.dim), conditions=conditions, start=start, box=box, plane=plane
    ).portrait
    clouds = tuple(
        compute_cloud(
            sde, array[:, k], ended=gone[:, k], conditions=conditions if k == 0 else (), start=start, portrait=shared
        )
        for k in range(len(moments))
    )
    clouds = tuple(replace(cloud, targets=clouds[0].targets) for cloud in clouds)
    return Frames(moments, clouds, caption)


class Stage:
    """A figure whose points move; everything else is drawn once.

    Parameters
    ----------
    frames : Frames
    """

    def __init__(self, frames: Frames) -> None:
        self.frames = frames
        plane = frames.clouds[0].portrait.plane
        tall = plane.size[1] / plane.size[0] if plane.comparable else 0.8
        self.figure = style.new_figure(6.0, min(5.0, 5.4 / tall) * tall + 2.4)
        self.axes = self.figure.add_subplot()
        entries = draw_backdrop(self.axes, frames.clouds[0])
        if not plane.comparable:
            self.axes.set_box_aspect(0.8)
        # The legend names what some frame shows.
        still = set(self.axes.get_children())
        for cloud in frames.clouds:
            entries += draw_points(self.axes, cloud)
        self._remove(still)
        named = {str(entry.get_label()): entry for entry in entries}
        self.axes.set_title(self._title(len(frames.times) - 1))
        layout.legend_above(self.figure, list(named.values()), list(named))
        labels.add_caption(self.figure, frames.caption)
        layout.trim_height(self.figure)
        self.figure.set_layout_engine("none")
        self.still = set(self.axes.get_children())

    def _title(self, k: int) -> str:
        return f"time {self.frames.times[k]:.{_digits(self.frames.times)}f}"

    def _remove(self, still: set[Any]) -> None:
        for artist in set(self.axes.get_children()) - still:
            artist.remove()

    def show(self, k: int) -> None:
        """Draw frame k."""
        self._remove(self.still)
        draw_points(self.axes, self.frames.clouds[k])
        self.axes.set_title(self._title(k))


def _digits(times: NDArray[np.float64]) -> int:
    """Return how many decimals tell the frames apart."""
    step = float(np.diff(times).min()) if len(times) > 1 else 1.0
    return int(np.clip(np.ceil(-np.log10(step)), 0, 6))


def save_animation(frames: Frames, path: str | Path, rate: int = RATE) -> Path:
    """Write the frames as an animated GIF and return the path; it appears when it is complete.

    Parameters
    ----------
    frames : Frames
    path : str or Path
        Ends in ``.gif``.
    rate : int
        Frames a second.

    Raises
    ------
    InputError
        For any other ending, or a path that cannot be written.
    """
    from matplotlib.animation import FuncAnimation, PillowWriter
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    target = Path(path)
    if target.suffix.lower() != ".gif":
        raise InputError(f"Animations are written as .gif, got '{target}': choose this ending.")
    check_positive("The rate of the frames", rate)
    # Beside the target, so that it appears under its name when it is complete.
    partial = target.with_name(f".{target.stem}-{os.getpid()}.gif")
    with style.context():
        stage = Stage(frames)
        FigureCanvasAgg(stage.figure)

        def draw(k: int) -> Any:
            stage.show(k)
            return ()

        # Without an initial call, which would add nothing but time.
        moving = FuncAnimation(stage.figure, draw, range(len(frames.times)), init_func=tuple, cache_frame_data=False)
        try:
            moving.save(partial, writer=PillowWriter(fps=rate), dpi=DOTS)
            partial.replace(target)
        except OSError as error:
            raise InputError(f"Cannot write '{target}': {error.strerror}; give a path you may write to.") from None
        finally:
            partial.unlink(missing_ok=True)
    return target
