"""Which games and methods a parameter runs through: names resolved, values at both ends checked.

A parameter is one of the game's own, a time scale (``timescale``, ``timescale:PLAYER``), or for a map its learning
rate (``lr``, ``lr:PLAYER``) or a real setting of the method (``beta``). Where a game and a method use one name,
``game:NAME`` and ``method:NAME`` tell them apart.
"""

from __future__ import annotations

import copy
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dynamics.core.errors import InputError, check_number, check_positive, unknown
from dynamics.games.field import Field, Game

Build = Callable[[float], Any]


@dataclass(frozen=True)
class Family:
    """A field, and a method if there is one, for every value of a parameter.

    Attributes
    ----------
    parameter : str
    low, high : float
    field : callable
        Value to :class:`~dynamics.games.field.Field`.
    method : callable or None
        Value to :class:`~dynamics.methods.Method`.
    exact : callable or None
        ``(value, y)`` to the exact derivative of the field in the parameter, shape (..., dim).
    """

    parameter: str
    low: float
    high: float
    field: Build
    method: Build | None = None
    exact: Callable[[float, NDArray[np.float64]], NDArray[np.float64]] | None = None

    def slope(self, p: float, y: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the derivative of the field in the parameter at states ``y``, shape (..., dim)."""
        if self.exact is not None:
            return np.asarray(self.exact(p, y))
        return self.difference(lambda value: np.asarray(self.field(value)(y)), p)

    def difference(
        self, function: Callable[[float], NDArray[Any]], p: float, noise: float = np.finfo(float).eps
    ) -> NDArray[Any]:
        """Return the derivative of a function of the parameter by differences of second order inside the range.

        The step ``noise^(1/3)`` of the scale of the parameter balances ``noise / step`` against ``step^2``: about ten
        digits remain of a function known to rounding. This slows Newton's method by nothing that shows and moves no
        solution.
        """
        step = noise ** (1 / 3) * max(abs(p), 0.01 * (self.high - self.low))
        if p - step >= self.low and p + step <= self.high:
            return (function(p + step) - function(p - step)) / (2 * step)
        # away from the nearer end: values beyond an end may not exist
        step = step if p - self.low < self.high - p else -step
        return (4 * function(p + step) - 3 * function(p) - function(p + 2 * step)) / (2 * step)


def resolve(game: Any, parameter: str, ends: tuple[float, float], method: Any = None) -> Family:
    """Return the family of a parameter.

    Parameters
    ----------
    game : Game, or callable of the parameter's value to Field
    parameter : str
    ends : (float, float)
        The range, ascending.
    method : Method, optional

    Raises
    ------
    InputError
        For an empty or reversed range, an unknown parameter, or an end that the game or the method does not allow.
    """
    low, high = _range(parameter, ends)
    if not isinstance(game, Field):
        if method is not None:
            raise InputError("A method needs a game, got a function of the parameter: give the game itself.")
        return Family(parameter, low, high, game)
    played: Any = game
    anchors: list[Any] = []
    makers: dict[str, Callable[[str], Family]] = {}
    parts = {"parameters": getattr(game, "parameters", {}), "settings": _real_settings(method)}
    players: Mapping[str, slice] = getattr(game, "players", {})

    def constant(_: float) -> Any:
        return method

    def of_game(name: str) -> Family:
        _check_setting(game, name, (low, high))
        if hasattr(game, "anchored"):
            # both ends and the middle serve for the number of quadrature nodes at every value
            anchors[:] = [played.with_parameters(**{name: p}) for p in (low, (low + high) / 2, high)]

        def at(p: float) -> Any:
            made = played.with_parameters(**{name: p})
            return made.anchored(anchors) if anchors else made

        exact = (lambda p, y: at(p).slope(y, name)) if hasattr(game, "slope") else None
        return Family(parameter, low, high, at, constant if method is not None else None, exact)

    def of_timescale(player: str) -> Family:
        return _timescale(played, parameter, player, (low, high), constant if method is not None else None)

    def of_method(name: str, player: str | None = None) -> Family:
        return _of_method(played, method, parameter, name, player, (low, high))

    for name in parts["parameters"]:
        makers[f"game:{name}"] = lambda _, name=name: of_game(name)
    for player in players:
        makers[f"timescale:{player}"] = lambda _, player=player: of_timescale(player)
    if "discriminator" in players:
        makers["timescale"] = lambda _: of_timescale("discriminator")
    for name in parts["settings"]:
        makers[f"method:{name}"] = lambda _, name=name: of_method(name)
    if method is not None:
        makers["lr"] = lambda _: of_method("lr")
        for player in players:
            makers[f"lr:{player}"] = lambda _, player=player: of_method("lr", player)
    both = set(parts["parameters"]) & set(parts["settings"])
    for kind, names in (("game", parts["parameters"]), ("method", parts["settings"])):
        for name in names:
            if name not in both and name not in makers:
                makers[name] = makers[f"{kind}:{name}"]
    if parameter in both:
        raise InputError(
            f"'{parameter}' is a parameter of {_name(game)} and a setting of the method: "
            f"write game:{parameter} or method:{parameter}."
        )
    if parameter not in makers:
        raise _unknown(game, method, parameter, makers)
    return makers[parameter](parameter)


def _range(parameter: str, ends: tuple[float, float]) -> tuple[float, float]:
    try:
        low, high = ends
    except (TypeError, ValueError):
        raise InputError(f"The range of {parameter} must be two numbers (low, high), got {ends!r}.") from None
    low, high = check_number(f"The low end of {parameter}", low), check_number(f"The high end of {parameter}", high)
    if not low < high:
        raise InputError(f"The range {parameter}={low:g}:{high:g} is reversed or empty: give low:high with low < high.")
    return low, high


def _name(game: Any) -> str:
    return str(getattr(game, "name", type(game).__name__))


def _unknown(game: Any, method: Any, parameter: str, makers: Mapping[str, Any]) -> InputError:
    """Return the error for a parameter that there is not; settings without effect are told apart from typing errors."""
    if isinstance(game, Field) and not makers:
        return InputError(
            f"A {_name(game)} has no parameters to continue in, got '{parameter}': give a function from the "
            "parameter's value to the field instead, and the box."
        )
    short = [name for name in makers if not (name.split(":")[0] in ("game", "method") and name.split(":")[1] in makers)]
    settings = getattr(game, "settings", {})
    if parameter in settings and parameter not in getattr(game, "parameters", {}):
        shown = ", ".join(f"{key}={value}" for key, value in settings.items() if isinstance(value, str))
        return InputError(
            f"The setting {parameter} is no parameter of {_name(game)} with these settings"
            f"{f' ({shown})' if shown else ''}: choose settings under which it enters the losses; "
            f"parameters here: {', '.join(short)}."
        )
    if method is None and parameter.split(":")[0] == "lr":
        return InputError("The learning rate lr belongs to a method: name the method to continue its map.")
    return unknown(f"parameter of {_name(game)}", parameter, short)


def _check_setting(game: Any, name: str, ends: tuple[float, float]) -> None:
    """Refuse ends that the settings of a catalogue game exclude (a negative penalty weight, say)."""
    recipe = getattr(getattr(game, "definition", None), "description", {})
    if recipe.get("kind") != "catalogue" or name not in getattr(game, "settings", {}):
        return
    from dynamics import games

    for end in ends:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            games.get(recipe["name"], **{**recipe.get("settings", {}), name: end})


def _timescale(game: Game, parameter: str, player: str, ends: tuple[float, float], method: Build | None) -> Family:
    for end in ends:
        check_positive(f"The time scale of '{player}'", end)
    part = game.players[player]

    def exact(p: float, y: NDArray[np.float64]) -> NDArray[np.float64]:
        slope = np.zeros(np.shape(y))
        slope[..., part] = np.asarray(game.with_timescales({player: 1.0}).component(player, y))
        return slope

    return Family(parameter, *ends, lambda p: game.with_timescales({player: p}), method, exact)


def _real_settings(method: Any) -> dict[str, float]:
    """Return the settings of a method that are real numbers and not counts."""
    if method is None:
        return {}
    return {
        name: value
        for name, value in vars(method).items()
        if name != "lr" and isinstance(value, float) and not isinstance(value, bool)
    }


def _of_method(
    game: Game, method: Any, parameter: str, name: str, player: str | None, ends: tuple[float, float]
) -> Family:
    from dataclasses import replace

    def changed(p: float) -> dict[str, Any]:
        if player is None:
            return {name: p}
        rates = method.lr if isinstance(method.lr, Mapping) else dict.fromkeys(game.players, method.lr)
        return {"lr": {**rates, player: p}}

    for word, end in zip(("low", "high"), ends, strict=True):
        if name == "lr":
            check_positive(f"The {word} end of {parameter}", end)
        replace(method, **changed(end))  # the method's own checks

    def build(p: float) -> Any:
        # without the checks: Newton's iterates may step over an end by a little
        other = copy.copy(method)
        for key, value in changed(p).items():
            object.__setattr__(other, key, value)
        return other

    def zero(p: float, y: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.zeros(np.shape(y))

    return Family(parameter, *ends, lambda p: game, build, zero)
