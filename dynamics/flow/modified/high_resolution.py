r"""High-resolution ODEs: differential equations that tell training algorithms apart, with terms of order lr kept.

An iterate is read as ``z(t)``, the next as ``z(t + h)``, ``h`` the rate. With ``w_p = (lr_p / h) v_p`` and a method
whose map is ``z + h V_1 + h^2 W + O(h^3)`` (:mod:`dynamics.flow.modified.series`), Taylor's formula to second order is

    dz/dt + (h/2) d2z/dt2 = V_1(z) + h W(z).

*Second order in time*: this equation as it stands, with the velocity ``u = dz/dt`` as further coordinates and
``beta = 2/h``:

==============  ==================================  ===================================================
simultaneous    ``W = 0``                           ``du/dt = -beta u + beta w``
extragradient   ``W = w'w``                         ``du/dt = -beta u + beta w + 2 w'w``
lookahead       ``W = alpha k (k - 1) / 2 w'w``     ``du/dt = -beta u + k alpha beta w + alpha k (k - 1) w'w``
optimistic      ``W = w' dz/dt``                    ``du/dt = -beta u + beta w + 2 w'u``
==============  ==================================  ===================================================

(the optimistic method subtracts ``h w(z(t - h)) = h w - h^2 w' dz/dt``). Its fast part dies out like ``exp(-2 t / h)``.

*First order in time*: ``dz/dt = V_1 + h (W - 1/2 V_1'V_1)``, what the slow part of the same equation solves to order h;
``w - (h/2) w'w`` for simultaneous descent, ``w + (h/2) w'w`` for extragradient, proximal point and optimistic.

On the bilinear game, where ``w'`` has the eigenvalues ``+-i sigma``, the second-order form is unstable for
simultaneous descent at every h, stable for extragradient and optimistic at every h, and for lookahead stable exactly
for ``alpha < 1 - 1/k``, as its map is at small rates. An equilibrium of the game, with ``u = 0``, is one of the ODE.
``J`` is the derivative of the field on its coordinates: negative real parts attract.

Sources: Chavdarova, Jordan and Zampetakis 2023 (second order in time; their operator V is ``-v`` here); Lu 2022
(first order in time, the O(s)-resolution ODE, of gradient descent ascent, proximal point and extragradient). Derived
here as above, with rates per player and for every method that has a modified equation; the first-order form of the
optimistic method is of the same derivation.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dynamics.core.errors import InputError, unknown
from dynamics.flow.modified.code import Generated, Writer
from dynamics.flow.modified.derived import DerivedFlow, as_state, called, method_of
from dynamics.flow.modified.products import TensorProducts, like
from dynamics.flow.modified.series import Series, logarithm, map_series
from dynamics.flow.modified.tableau import check_rates, tableau_of
from dynamics.games.codegen.program import Operand
from dynamics.games.field import Array, Draw, Game
from dynamics.methods import Method

_PURPOSE = "high-resolution ODE"
FORMS = ("second-order", "first-order")


class HighResolutionFlow(DerivedFlow):
    """A high-resolution ODE of a method on a game; see :func:`high_resolution_flow`.

    Attributes
    ----------
    form : str
        "second-order" or "first-order" in time.
    """

    def __init__(self, game: Game, method: Method, form: str) -> None:
        if form not in FORMS:
            raise unknown("form of a high-resolution ODE", form, FORMS)
        super().__init__(game, method, order=2)
        self.form = form
        phi, self._past = _expansion(method, game, self.step)
        if form == "first-order":
            self.names, self.box, self.start = game.names, game.box, game.start
            # On the slow part dz/dt = V_1 up to O(h): the past field adds its share of V_1'V_1 to the map.
            pull = np.multiply.outer(self._past, phi.first)
            self._series = logarithm(_with_second(phi, phi.second + pull)).truncated(2).at(self.step)
        else:
            self.names = (*game.names, *(f"{name}_velocity" for name in game.names))
            twice = {name for name in self.names if self.names.count(name) > 1}
            if twice:
                raise InputError(
                    f"The game's coordinate '{min(twice)}' has the name of a velocity: rename it, or give "
                    "form='first-order'."
                )
            self._series = phi.truncated(2).at(self.step)

    def lift(self, y: Array) -> Array:
        """Return the state at which the iterates from ``y`` begin: ``y`` itself, and with velocities ``V_1(y)``.

        Any velocity within O(lr) of the slow part's leaves the gap to the iterates at ``O(lr^2)``.
        """
        y = as_state(y)
        if self.form == "first-order":
            return y
        return _joined(y, self.products.value(self._series.truncated(1), y))

    def reference(self, y: Array, draw: Draw = None) -> Array:
        """Return the field from the game's derivatives."""
        if self.form == "first-order":
            return self.products.value(self._series, y, draw)
        z, u = y[..., : self.game.dim], y[..., self.game.dim :]
        acceleration = (2 / self.step) * (self.products.value(self._series, z, draw) - u)
        if self._past.any():
            acceleration = acceleration + 2 * self.products.along(self._past, z, u, draw)
        return _joined(u, acceleration)

    def write(self, writer: Writer) -> Generated:
        """Return the field as generated code."""
        if self.form == "first-order":
            return writer.generated(writer.series(self._series))
        n = self.game.dim
        velocities: list[Operand] = [f"y{n + i}" for i in range(n)]
        beta, minus = writer.parameter(2 / self.step), writer.parameter(-2 / self.step)
        accelerations = [
            writer.sum([(beta, a), (minus, u), (2.0, b)])
            for a, u, b in zip(
                writer.series(self._series), velocities, writer.products(self._past, velocities), strict=True
            )
        ]
        return writer.generated([*velocities, *accelerations], more=tuple(map(str, velocities)))

    def exact_jacobian(self, products: TensorProducts, y: Array) -> Array:
        """Return its Jacobian from derivatives up to the second."""
        if self.form == "first-order":
            return products.jacobian(self._series, y)
        n = self.game.dim
        z, u = y[..., :n], y[..., n:]
        beta = 2 / self.step
        by_z = beta * products.jacobian(self._series, z)
        identity = like(np.eye(n), by_z) + 0 * by_z
        by_u = -beta * identity
        if self._past.any():
            by_z = by_z + 2 * products.along_jacobian(self._past, z, u)
            by_u = by_u + 2 * products.along_matrix(self._past, z)
        return _joined(_joined(0 * by_z, identity), _joined(by_z, by_u), axis=-2)

    @property
    def title(self) -> str:
        """Method, rates and form."""
        return f"high-resolution flow of {called(self.method)}, {self.form.replace('-', ' ')}"

    def describe(self) -> dict[str, Any]:
        """Return kind, game, method, time of one iteration and form (JSON-serialisable)."""
        return {**super().describe(), "form": self.form}


def high_resolution_flow(
    game: Game,
    method: str | Method,
    form: str = "second-order",
    *,
    lr: float | Mapping[str, float] | None = None,
    **settings: Any,
) -> HighResolutionFlow:
    """Return the high-resolution ODE of a method, which keeps terms of order lr with lr fixed.

    ``dz/dt = u``, ``du/dt = (2/h)(V_1(z) + h W(z) - u)`` or ``dz/dt = V_1 + h (W - 1/2 V_1'V_1)`` (see the module).

    Parameters
    ----------
    game : Game
        Smooth and without clip.
    method : Method or str
        Optimistic (simultaneous) descent, or any method with a modified equation: simultaneous, extragradient,
        lookahead, proximal point and others.
    form : str
        "second-order" in time, with a velocity ``NAME_velocity`` for every coordinate, or "first-order".
    lr : float or mapping of player to float
        Rates, for a method given by name.
    **settings
        Other settings of a method given by name (``k`` and ``alpha`` of lookahead).

    Returns
    -------
    HighResolutionFlow
        A field; iteration k is at time ``k * field.step``, and :meth:`HighResolutionFlow.lift` gives its start.

    Raises
    ------
    InputError
        For non-smooth and clipped games, unknown forms, and methods without such an equation (naming those with one).

    Examples
    --------
    >>> from dynamics import games
    >>> from dynamics.flow import high_resolution_flow
    >>> flow = high_resolution_flow(games.get("bilinear"), "extragradient", lr=0.5)
    >>> flow.names
    ('x', 'y', 'x_velocity', 'y_velocity')
    >>> flow([1.0, 0.0, 0.0, 0.0]).tolist()
    [0.0, 0.0, -2.0, 4.0]
    """
    return HighResolutionFlow(game, method_of(method, lr, settings), form)


def _expansion(method: Method, game: Game, step: float) -> tuple[Series, NDArray[np.float64]]:
    """Return the series of the method's map, and the weights of ``w' dz/dt`` in it, shape (player,)."""
    count = len(game.players)
    if method.name != "optimistic":
        return map_series(tableau_of(method, game, _PURPOSE, beside=("optimistic",)), step), np.zeros(count)
    check_rates(method, game, _PURPOSE)
    if getattr(method, "order", "simultaneous") != "simultaneous":
        raise InputError("The optimistic method has a high-resolution ODE for simultaneous steps: leave order out.")
    rates = np.array([float(method.rate(player)) for player in game.players]) / step
    nothing = np.zeros((count, count, count))
    return Series(rates, nothing[0], nothing, nothing), getattr(method, "optimism", 1.0) * rates


def _with_second(series: Series, second: NDArray[np.float64]) -> Series:
    return Series(series.first, second, series.chain, series.bush)


def _joined(a: Array, b: Array, axis: int = -1) -> Array:
    """Return two arrays side by side along an axis."""
    if isinstance(a, np.ndarray):
        return np.concatenate([a, b], axis=axis)
    import torch

    return torch.cat([a, b], dim=axis)
