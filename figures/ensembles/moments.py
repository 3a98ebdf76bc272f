"""Means, variances and covariances in time, with the exact ones of linear equations or the noise-free flow beside."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dynamics.core.errors import InputError
from dynamics.ensemble import SDE, Ensemble, LinearSDE
from dynamics.flow import integrate
from dynamics.games.field import Field
from figures import labels, layout, style
from figures.ensembles.captions import run_caption, start_of_run
from figures.phase.subject import players_of

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

#: Most coordinates of one picture: more curves are not told apart.
MOST = 6
#: Most coordinates for which covariances are drawn beside variances.
MOST_PAIRED = 3
#: Half width of a 95 % interval in standard errors.
WIDTH = 1.96


@dataclass(frozen=True)
class Moments:
    """Moments of coordinates at the records.

    Attributes
    ----------
    names : tuple of str
    colours, lines : tuple of str
        Colour of each coordinate's player, and a line style for each of the player's coordinates.
    times : ndarray, shape (time,)
    count : ndarray of int64, shape (time,)
        Paths still there.
    mean, mean_error : ndarray, shape (time, names)
    covariance, covariance_error : ndarray, shape (time, names, names)
    exact_mean : ndarray, shape (time, names), or None
        Of the linear equation; without one the noise-free flow from the same start, None where that means nothing.
    exact_covariance : ndarray, shape (time, names, names), or None
        Of the linear equation.
    caption : str
    """

    names: tuple[str, ...]
    colours: tuple[str, ...]
    lines: tuple[Any, ...]
    times: NDArray[np.float64]
    count: NDArray[np.int64]
    mean: NDArray[np.float64]
    mean_error: NDArray[np.float64]
    covariance: NDArray[np.float64]
    covariance_error: NDArray[np.float64]
    exact_mean: NDArray[np.float64] | None
    exact_covariance: NDArray[np.float64] | None
    caption: str


def compute_moments(sde: SDE, ensemble: Ensemble, names: tuple[str, ...] | None = None) -> Moments:
    """Return the moments of an ensemble with what they are compared with.

    Parameters
    ----------
    sde : SDE
        The equation of the ensemble.
    ensemble : Ensemble
        With at least two records.
    names : tuple of str, optional
        Coordinates; the first six of the game by default.

    Notes
    -----
    Linear equations with additive noise have exact moments (:class:`~dynamics.ensemble.LinearSDE`). Elsewhere the
    noise-free flow from the common start is the reference of the mean. Neither is drawn where conditions end paths, or
    where a training algorithm takes steps of another length than its rate.
    """
    game = sde.motion
    chosen = game.names[:MOST] if names is None else tuple(names)
    if len(ensemble.count) < 2:
        raise InputError(f"Curves need records at two times at least, got {len(ensemble.count)}: give records.")
    columns = [ensemble.index(name) for name in chosen]
    pairs = np.ix_(range(len(ensemble.count)), columns, columns)
    colours, lines = looks(game, chosen)
    found = Moments(
        names=chosen,
        colours=colours,
        lines=lines,
        times=ensemble.times[: len(ensemble.count)],
        count=ensemble.count,
        mean=ensemble.mean[:, columns],
        mean_error=ensemble.mean_error[:, columns],
        covariance=ensemble.covariance[pairs],
        covariance_error=ensemble.covariance_error[pairs],
        exact_mean=None,
        exact_covariance=None,
        caption="",
    )
    found = _with_reference(found, sde, ensemble, columns)
    words = "Lines: ensemble, shaded: 95 % intervals."
    if found.exact_covariance is not None:
        words += " Thin: exact moments of the linear equation"
        exact = ensemble.provenance["scheme"]["scheme"] == "exact"
        words += "." if exact else "; what differs beyond the intervals is the scheme's error."
    elif found.exact_mean is not None:
        words += " Thin: the flow without noise."
    if len(chosen) < game.dim:
        words += f" {len(chosen)} of {game.dim} coordinates."
    return replace(found, caption=f"{run_caption(ensemble, sde)} {words}")


def _with_reference(found: Moments, sde: SDE, ensemble: Ensemble, columns: list[int]) -> Moments:
    known = ensemble.provenance
    start, scheme = start_of_run(ensemble), known["scheme"]
    foreign = "method" in scheme and (scheme["lr"] != known["dt"] or "schedule" in scheme)
    if start is None or foreign or any(event.stop for event in ensemble.events):
        return found
    spread = np.diag(np.square(known["spread"]))
    game = sde.motion
    if sde.affine and sde.additive:
        memory = sde.noise.factor(0.0) * sde.stationary_memory()
        mean = np.concatenate([start, np.zeros(sde.dim - game.dim)])
        covariance = np.zeros((sde.dim, sde.dim))
        covariance[: game.dim, : game.dim], covariance[game.dim :, game.dim :] = spread, memory @ memory.T
        means, covariances = LinearSDE.of(sde).moments(found.times, mean, covariance)
        places = np.ix_(range(len(means)), columns, columns)
        return replace(found, exact_mean=means[:, columns], exact_covariance=covariances[places])
    path = integrate(game, np.array(start), found.times)
    states = np.full((len(found.times), game.dim), np.nan)
    states[: len(path.states)] = path.states
    return replace(found, exact_mean=states[:, columns])


def looks(game: Field, names: tuple[str, ...]) -> tuple[tuple[str, ...], tuple[Any, ...]]:
    """Return the colour of each coordinate's player, and a line style that tells the player's coordinates apart."""
    players = players_of(game)
    colours = style.player_colours(players)
    owners = {name: player for player, part in players.items() for name in game.names[part]}
    seen: dict[str, int] = {}
    lines = []
    for name in names:
        owner = owners.get(name, "")
        lines.append(style.SERIES_LINES[seen.get(owner, 0) % len(style.SERIES_LINES)])
        seen[owner] = seen.get(owner, 0) + 1
    return tuple(colours.get(owners.get(name, ""), style.BLACK) for name in names), tuple(lines)


def draw_means(axes: Axes, moments: Moments) -> list[Artist]:
    """Draw means with their 95 % intervals and the reference; returns a line for each coordinate."""
    entries: list[Artist] = []
    for i, name in enumerate(moments.names):
        look = {"color": moments.colours[i], "linestyle": moments.lines[i]}
        entries += _band(axes, moments.times, moments.mean[:, i], moments.mean_error[:, i], labels.symbol(name), look)
        if moments.exact_mean is not None:
            axes.plot(moments.times, moments.exact_mean[:, i], color=style.BLACK, linewidth=0.7, zorder=4)
    axes.set(xlabel="time", ylabel="mean")
    axes.set_xlim(moments.times[0], moments.times[-1])
    return entries


def draw_covariances(axes: Axes, moments: Moments) -> list[Artist]:
    """Draw variances in the coordinates' colours and covariances in grey; returns the lines of the covariances."""
    entries: list[Artist] = []
    n = len(moments.names)
    pairs = [(i, i) for i in range(n)]
    further = list(combinations(range(n), 2)) if n <= MOST_PAIRED else []
    for k, (i, j) in enumerate([*pairs, *further]):
        look = {"color": moments.colours[i], "linestyle": moments.lines[i]}
        if i != j:
            look = {"color": style.GREY, "linestyle": style.SERIES_LINES[(k - n) % len(style.SERIES_LINES)]}
        one, other = (labels.bare_symbol(moments.names[index]) for index in (i, j))
        label = rf"$\mathrm{{cov}}({one}, {other})$" if i != j else rf"$\mathrm{{var}}({one})$"
        drawn = _band(axes, moments.times, moments.covariance[:, i, j], moments.covariance_error[:, i, j], label, look)
        entries += drawn if i != j else []
        if moments.exact_covariance is not None:
            axes.plot(moments.times, moments.exact_covariance[:, i, j], color=style.BLACK, linewidth=0.7, zorder=4)
    axes.set(xlabel="time", ylabel="covariance" if further else "variance")
    axes.set_xlim(moments.times[0], moments.times[-1])
    return entries


def _band(
    axes: Axes,
    times: NDArray[np.float64],
    centre: NDArray[np.float64],
    error: NDArray[np.float64],
    label: str,
    look: dict[str, Any],
) -> list[Artist]:
    wide = np.where(np.isfinite(error), error, 0.0) * WIDTH
    axes.fill_between(times, centre - wide, centre + wide, color=look["color"], alpha=0.25, linewidth=0)
    return list(axes.plot(times, centre, label=label, linewidth=2.2, **look))


def reference_entry(moments: Moments) -> list[Artist]:
    """Return the legend's line of the reference, if there is one."""
    from matplotlib.lines import Line2D

    if moments.exact_mean is None:
        return []
    name = "exact" if moments.exact_covariance is not None else "flow without noise"
    return [Line2D([], [], color=style.BLACK, linewidth=0.7, label=name)]


def moment_picture(sde: SDE, ensemble: Ensemble, title: str = "", names: tuple[str, ...] | None = None) -> Figure:
    """Return the figure of means above variances, as in :func:`compute_moments`."""
    moments = compute_moments(sde, ensemble, names)
    with style.context():
        figure = style.new_figure(6.8, 6.4)
        upper, lower = figure.subplots(2, 1, sharex=True)
        entries = draw_means(upper, moments) + draw_covariances(lower, moments) + reference_entry(moments)
        upper.set(xlabel="", title=title)
        layout.legend_above(figure, entries, [str(entry.get_label()) for entry in entries])
        labels.add_caption(figure, moments.caption)
    return figure
