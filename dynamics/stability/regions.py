r"""Region maps: the spectral radius of a method at an equilibrium over two chosen parameters.

Every cell of the map has its own game, its own equilibrium and its own method, and all of them are evaluated in one
batch. The equilibrium is followed from cell to cell by Newton's method as parameters of the game change it; where it is
lost (a fold, or a point at which the field is not smooth), the map has no value.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dynamics.core.errors import InputError, check_number, check_positive, check_states, unknown
from dynamics.core.results import versions
from dynamics.games.field import Game
from dynamics.games.symbolic import SymbolicGame
from dynamics.methods import registry
from dynamics.methods.base import Method
from dynamics.methods.linearise import map_jacobian
from dynamics.stability.equilibria import find_equilibria
from dynamics.stability.family import Family
from dynamics.stability.intervals import CHUNK, moduli
from dynamics.stability.resting import RESTS, Resting

if TYPE_CHECKING:
    from pathlib import Path

    import xarray as xr

#: Most Newton steps at one value, and the least number of values between the ends of an axis at which a moving
#: equilibrium is computed (also between the game's own value and an axis that does not hold it).
NEWTON_STEPS, LEAST_STEPS = 12, 40
#: An equilibrium that moves farther than this in one step, in widths of the box, is another one.
JUMP = 0.1

Values = NDArray[np.float64]
#: Name of a parameter and its values.
AxisLike = tuple[str, ArrayLike]


@dataclass(frozen=True)
class Axis:
    """One axis of a region map.

    Attributes
    ----------
    name : str
        As it was asked for.
    kind : str
        ``lr``, ``setting`` (of the method), ``parameter`` (of the game) or ``timescale``.
    key : str
        Name of the setting or parameter, or the player (empty for all players' rate).
    values : ndarray, shape (m,)
        Ascending.
    """

    name: str
    kind: str
    key: str
    values: Values


@dataclass(frozen=True, repr=False)
class RegionMap:
    """Spectral radius over two parameters.

    Attributes
    ----------
    game, method : mapping
        What was mapped (JSON-serialisable), at the values that the axes do not replace.
    names : tuple of str
        Coordinates.
    x_name, y_name : str
    x_values : ndarray, shape (nx,)
    y_values : ndarray, shape (ny,)
    radius : ndarray, shape (ny, nx)
        Exactly 1 where multipliers lie on the unit circle to rounding; NaN where there is no value.
    stable : ndarray of bool, shape (ny, nx)
        The radius is at most one (marginal counts).
    points : ndarray, shape (ny, nx, dim)
        The equilibrium in each cell; NaN where it was lost.
    evidence : str
        How it was decided, and what is missing.
    """

    game: Mapping[str, Any]
    method: Mapping[str, Any]
    names: tuple[str, ...]
    x_name: str
    x_values: Values
    y_name: str
    y_values: Values
    radius: Values
    stable: NDArray[np.bool_]
    points: Values
    evidence: str

    def __repr__(self) -> str:
        x, y = (
            f"{name} {values.min():g}..{values.max():g} ({spacing(values)})"
            for name, values in ((self.x_name, self.x_values), (self.y_name, self.y_values))
        )
        ny, nx = self.radius.shape
        stable = f"{self.share:.1%} stable" if np.isfinite(self.share) else "no value"
        return f"<RegionMap of {self.method['method']} on {self.game['name']}: {x} by {y}, {nx}x{ny} cells, {stable}>"

    @property
    def lost(self) -> float:
        """Share of the cells without a value."""
        return float(np.isnan(self.radius).mean())

    @property
    def share(self) -> float:
        """Share of the cells with a value that are stable; NaN without any."""
        known = np.isfinite(self.radius)
        return float(self.stable[known].mean()) if known.any() else float("nan")

    def to_dict(self) -> dict[str, Any]:
        """Return a JSON-serialisable description: the arrays as lists, missing values as None."""
        radius = [[float(v) if np.isfinite(v) else None for v in row] for row in self.radius]
        return {
            "method": dict(self.method),
            "x": {"name": self.x_name, "values": self.x_values.tolist(), "spacing": spacing(self.x_values)},
            "y": {"name": self.y_name, "values": self.y_values.tolist(), "spacing": spacing(self.y_values)},
            "radius": radius,
            "stable": self.stable.tolist(),
            "stable_share": self.share if np.isfinite(self.share) else None,
            "lost_share": self.lost,
            "evidence": self.evidence,
        }

    def to_dataset(self) -> xr.Dataset:
        """Return a dataset with ``radius``, ``stable`` and ``equilibrium`` over the two parameters."""
        import xarray as xr

        dims = (self.y_name, self.x_name)
        return xr.Dataset(
            {
                "radius": (dims, self.radius),
                "stable": (dims, self.stable),
                "equilibrium": ((*dims, "coordinate"), self.points),
            },
            coords={self.y_name: self.y_values, self.x_name: self.x_values, "coordinate": list(self.names)},
            attrs={
                "game": dict(self.game),
                "method": dict(self.method),
                "evidence": self.evidence,
                "versions": versions(),
            },
        )

    def save(self, path: str | Path) -> Path:
        """Write the map as a Zarr store at ``path`` (which must not exist) and return the path."""
        from dynamics.core.storage import write_dataset

        return write_dataset(self.to_dataset(), path)


def region_map(game: Game, method: Method | str, x: AxisLike, y: AxisLike, at: ArrayLike | None = None) -> RegionMap:
    """Return the spectral radius of a method at an equilibrium over two parameters.

    Parameters
    ----------
    game : SymbolicGame
    method : Method or str
        A name needs the rate among the axes.
    x, y : (name, values)
        ``lr`` (the largest rate, ratios kept) or ``lr:PLAYER``; a number among the method's settings (``beta``, ``k``);
        a parameter of the game (``gamma``, ``instance_noise``); ``timescale`` (the discriminator's, else the last
        player's) or ``timescale:PLAYER``. A name that the game and the method share is written ``method:gamma`` or
        ``game:gamma``. Settings that count steps take whole numbers.
    at : array_like, shape (dim,), optional
        The equilibrium at the game's own parameters; may be left out if the game's box holds only one.

    Returns
    -------
    RegionMap

    Raises
    ------
    InputError
        For unknown or ambiguous names, values out of range, games that are not symbolic, methods without multipliers,
        or an ``at`` that is no equilibrium at which the field is smooth.

    Examples
    --------
    >>> from dynamics import games
    >>> found = region_map(games.get("bilinear"), "extragradient", ("lr", [0.5, 1.5]), ("sigma", [0.5, 1.0, 2.0]))
    >>> found.stable.tolist()
    [[True, True], [True, False], [True, False]]
    """
    if not isinstance(game, SymbolicGame):
        raise InputError(f"Region maps need a symbolic game, got {type(game).__name__}: use one of the catalogue.")
    base = _method(method, (x[0], y[0]))
    base.check(game)
    if base.no_multipliers:
        raise InputError(f"{base.name} has no multipliers ({base.no_multipliers}): choose another method.")
    axes = (read_axis(game, base, *x), read_axis(game, base, *y))
    if (axes[0].kind, axes[0].key) == (axes[1].kind, axes[1].key):
        raise InputError(f"Both axes are {axes[0].name}: choose two different parameters.")
    columns, rows = np.meshgrid(np.arange(len(axes[0].values)), np.arange(len(axes[1].values)))
    values = [axis.values[index.ravel()] for axis, index in zip(axes, (columns, rows), strict=True)]
    start = _equilibrium(game, at)
    points = _followed(game, axes, start)[rows.ravel(), columns.ravel()]
    radii, states = _radii(game, base, list(zip(axes, values, strict=True)), points)
    shape = rows.shape
    radius = np.where(states == 0, 1.0, radii).reshape(shape)
    stable = ((states <= 0) & np.isfinite(radii)).reshape(shape)
    lost, restless = np.isnan(points).any(axis=-1).sum(), (np.isnan(radii) & ~np.isnan(points).any(axis=-1)).sum()
    evidence = f"spectral radius of the exact Jacobian of the map in {radius.size} cells"
    if (np.nanmax(np.abs(points - start), initial=0.0)) > 1e-9:
        evidence += "; equilibrium followed by Newton's method"
    if lost:
        evidence += f"; lost in {lost} cells"
    if restless:
        evidence += f"; in {restless} cells the method does not rest there"
    return RegionMap(
        game.describe(), base.settings(), game.names, axes[0].name, axes[0].values, axes[1].name, axes[1].values,
        radius, stable, points.reshape(*shape, game.dim), evidence,
    )  # fmt: skip


def read_axis(game: SymbolicGame, method: Method, name: str, values: ArrayLike) -> Axis:
    """Return an axis from its name and values, checked.

    Raises
    ------
    InputError
        As in :func:`region_map`.
    """
    numbers = np.atleast_1d(np.asarray(values, dtype=np.float64)).ravel()
    if not len(numbers) or not np.isfinite(numbers).all():
        raise InputError(f"The axis {name} needs finite values, got {values!r}.")
    numbers = np.unique(numbers)
    kind, key = _kind(game, method, name)
    if kind in ("lr", "timescale"):
        for value in (numbers[0], numbers[-1]):
            check_positive(f"The axis {name}", float(value))
    if kind == "parameter":
        check_number(name, numbers[0])
    if kind == "setting":
        whole = _whole(method, key)
        if whole and (numbers != np.round(numbers)).any():
            raise InputError(f"{key} of {method.name} takes whole numbers, got {numbers[numbers % 1 > 0][0]:g}.")
        for value in numbers:
            # the method's own checks, value by value
            replace(method, **{key: int(value) if whole else float(value)})
    return Axis(name, kind, key, numbers)


def spaced(game: SymbolicGame, method: Method, name: str, low: float, high: float, count: int = 200) -> Values:
    """Return values of a parameter between two ends: whole numbers for settings that count steps.

    Rates and time scales are spaced by a common ratio, others too where the ends are positive and thirtyfold apart.
    """
    kind, key = _kind(game, method, name)
    if kind == "setting" and _whole(method, key):
        return np.arange(np.ceil(low), np.floor(high) + 1)
    if low > 0 and (high >= 30 * low or (kind in ("lr", "timescale") and high >= 3 * low)):
        return np.geomspace(low, high, count)
    return np.linspace(low, high, count)


def spacing(values: Values) -> str:
    """Return ``log`` for values spaced more evenly in their logarithms, else ``linear``."""
    if (values <= 0).any() or len(values) < 3 or values[-1] < 3 * values[0]:
        return "linear"
    linear, logarithmic = (np.diff(v).std() / np.diff(v).mean() for v in (values, np.log(values)))
    return "log" if logarithmic < linear else "linear"


def _kind(game: SymbolicGame, method: Method, name: str) -> tuple[str, str]:
    """Return kind and key of an axis by its name."""
    settings = [key for key, value in vars(method).items() if key != "lr" and _is_number(value)]
    word, _, rest = name.partition(":")
    if word in ("lr", "timescale"):
        if rest and rest not in game.players:
            raise unknown(f"player in {name}", rest, game.players)
        players = list(game.players)
        follower = "discriminator" if "discriminator" in players else players[-1]
        return word, rest or (follower if word == "timescale" else "")
    if word == "method" and rest:
        if rest not in settings:
            raise unknown(f"numeric setting of {method.name}", rest, settings)
        return "setting", rest
    if word == "game" and rest:
        if rest not in game.parameters:
            raise unknown(f"parameter of {game.name}", rest, game.parameters)
        return "parameter", rest
    if name in settings and name in game.parameters:
        raise InputError(f"Both {method.name} and {game.name} have a {name}: write method:{name} or game:{name}.")
    if name in settings:
        return "setting", name
    if name in game.parameters:
        return "parameter", name
    own = [f"{word}:{player}" for word in ("lr", "timescale") for player in game.players if len(game.players) > 1]
    raise unknown("parameter", name, ["lr", "timescale", *own, *settings, *game.parameters])


def _whole(method: Method, key: str) -> bool:
    """Return whether a setting takes whole numbers."""
    return isinstance(registry.settings(method.name)[key], int)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _method(method: Method | str, names: tuple[str, str]) -> Method:
    """Return the method, one given by name at a rate of one that the axes replace."""
    if not isinstance(method, str):
        return method.with_schedule(None)
    if not any(name.partition(":")[0] == "lr" for name in names):
        raise InputError(f"The rate of {method} is neither given nor an axis: give methods.get('{method}', lr=...).")
    return registry.get(method, lr=1.0)


def _equilibrium(game: SymbolicGame, at: ArrayLike | None) -> Values:
    """Return the equilibrium at the game's own parameters."""
    if at is None:
        zeros = [zero for zero in find_equilibria(game).zeros if not zero.one_sided]
        if len(zeros) != 1:
            listed = "; ".join(_named(game, zero.at) for zero in zeros) or "none"
            raise InputError(f"{game.name} has {len(zeros)} equilibria in its box ({listed}): say which one with at.")
        if zeros[0].surface:
            raise InputError(f"{zeros[0].surface}, so there is no linearisation: choose another game.")
        return zeros[0].at
    point = check_states("at", at, game.names)
    for function in game.switches:
        if abs(float(function(point))) <= 1e-9:
            raise InputError(f"The field is not smooth at {_named(game, point)}: there is no linearisation there.")
    found, good = _newton(Family(game, {}), point[None])
    widths = np.array([high - low for low, high in game.box.values()])
    if not good[0] or (np.abs(found[0] - point) > 1e-3 * widths).any():
        raise InputError(f"There is no equilibrium at {_named(game, point)}: give one that 'stability' lists.")
    return found[0]


def _named(game: Game, y: Values) -> str:
    return ", ".join(f"{name}={value:.6g}" for name, value in zip(game.names, y, strict=True))


def _followed(game: SymbolicGame, axes: tuple[Axis, Axis], start: Values) -> Values:
    """Return the equilibrium in every cell, shape (ny, nx, dim) or with axes of length one where it cannot move.

    First along x at the game's own value of y, then along y for all x at once. Time scales and what belongs to the
    method move no equilibrium.
    """
    shape = (len(axes[1].values), len(axes[0].values))
    current = {axis.key: np.array([game.parameters[axis.key]]) for axis in axes if axis.kind == "parameter"}
    points = start[None, None]
    for which, axis in enumerate(axes):
        if axis.kind != "parameter":
            continue
        rows = points.reshape(-1, game.dim)
        fixed = {key: np.broadcast_to(values, len(rows)) for key, values in current.items() if key != axis.key}
        followed = _along(game, axis, fixed, rows)
        if which == 0:
            points = followed[:, 0][None]
            current[axis.key] = axis.values
        else:
            points = followed
    return np.broadcast_to(points, (*shape, game.dim))


def _along(game: SymbolicGame, axis: Axis, fixed: dict[str, Values], rows: Values) -> Values:
    """Return equilibria along one parameter, up and down from the game's own value, shape (values, m, dim)."""
    own = game.parameters[axis.key]
    out = np.full((len(axis.values), *rows.shape), np.nan)
    widths = np.array([high - low for low, high in game.box.values()])
    for chosen in (np.flatnonzero(axis.values >= own), np.flatnonzero(axis.values < own)[::-1]):
        if not chosen.size:
            continue
        here, value = rows.copy(), own
        between = max(1, -(-LEAST_STEPS // len(chosen)))
        for index in chosen:
            for target in np.linspace(value, axis.values[index], between + 1)[1:]:
                family = Family(game, {**fixed, axis.key: np.full(len(rows), target)})
                alive = np.asarray(np.isfinite(here).all(axis=-1))
                found, good = _newton(family, np.where(alive[:, None], here, 0.0))
                near = np.asarray(np.abs(found - here) <= JUMP * widths)
                kept = np.asarray(near.all(axis=-1)) & good & alive
                here = np.where(kept[:, None], found, np.nan)
            value = axis.values[index]
            out[index] = here
    return out


def _newton(family: Family, y: Values) -> tuple[Values, NDArray[np.bool_]]:
    """Return zeros of the rows' fields next to states, shape (m, dim), and whether they are found."""
    good = np.zeros(len(y), dtype=bool)
    with np.errstate(all="ignore"):
        for _ in range(NEWTON_STEPS):
            value = family(y)
            # steps of minimal length: along a continuum the point stays where it is
            step = -(np.linalg.pinv(np.nan_to_num(family.jacobian(y)), rcond=1e-11) @ value[..., None])[..., 0]
            step = np.where((value == 0).all(axis=-1, keepdims=True), 0.0, step)
            y = y + np.nan_to_num(step)
            good = np.asarray(np.abs(step).max(axis=-1) <= 1e-11 * (1 + np.abs(y).max(axis=-1)))
            if good.all():
                break
        residual = np.abs(family(y)).max(axis=-1)
        scale = np.abs(family.jacobian(y)).max(axis=(-2, -1))
    return y, good & (residual <= 1e-9 * (scale * (1 + np.abs(y).max(axis=-1)) + 1e-300))


def _radii(
    game: SymbolicGame, method: Method, axes: list[tuple[Axis, Values]], points: Values
) -> tuple[Values, NDArray[np.int_]]:
    """Return spectral radii and on which side of one they are, shape (m,) each; NaN where there is no equilibrium."""
    radii, states = np.full(len(points), np.nan), np.ones(len(points), dtype=int)
    alive = np.flatnonzero(np.isfinite(points).all(axis=-1))
    groups = [alive]
    for axis, values in axes:
        if axis.kind == "setting" and _whole(method, axis.key):
            groups = [group[values[group] == value] for group in groups for value in np.unique(values[group])]
    memory = len(method.init(game.start).memory)
    most = max(1, CHUNK // (game.dim * (1 + memory)) ** 2)
    for group in groups:
        for rows in np.array_split(group, max(1, -(-len(group) // most))):
            chosen = [(axis, values[rows]) for axis, values in axes]
            family = _family(game, chosen)
            tuned = _tuned(method, chosen, list(game.players))
            y = points[rows]
            resting = Resting(family, y)
            with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
                radii[rows], states[rows] = moduli(map_jacobian(tuned, resting, y))
                # unrolled steps of games that are not zero-sum rest elsewhere
                after, _ = tuned.step(tuned.init(y), resting)
            moved = np.asarray(np.abs(after.y - y).max(axis=-1))
            resting_rows = np.asarray(moved <= RESTS * (1 + np.abs(y).max(axis=-1)))
            radii[rows[~resting_rows]] = np.nan
    states[np.isnan(radii)] = 1
    return radii, states


def _family(game: SymbolicGame, axes: list[tuple[Axis, Values]]) -> Family:
    """Return the games of the rows."""
    parameters = {axis.key: values for axis, values in axes if axis.kind == "parameter"}
    timescales = {axis.key: values for axis, values in axes if axis.kind == "timescale"}
    if not parameters and not timescales:
        parameters = {name: np.full(len(axes[0][1]), value) for name, value in list(game.parameters.items())[:1]}
    return Family(game, parameters, timescales)


def _tuned(method: Method, axes: list[tuple[Axis, Values]], players: list[str]) -> Method:
    """Return the method with rates and settings of the rows, each of shape (m, 1)."""
    for axis, values in axes:
        if axis.kind == "setting":
            method = copy.copy(method)
            whole = _whole(method, axis.key)
            object.__setattr__(method, axis.key, int(values[0]) if whole else values[:, None])
    lr: Any = method.lr
    rates: dict[str, Any] = dict(lr) if isinstance(lr, Mapping) else dict.fromkeys(players, lr)
    largest = max(rates.values())
    for axis, values in axes:
        if axis.kind == "lr" and not axis.key:
            rates = {player: values[:, None] * (rate / largest) for player, rate in rates.items()}
    for axis, values in axes:
        if axis.kind == "lr" and axis.key:
            rates[axis.key] = values[:, None]
    alike = all(rate is rates[players[0]] for rate in rates.values())
    return method.with_lr(rates[players[0]] if alike else rates)
