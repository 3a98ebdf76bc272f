r"""Modified equations: the field whose flow a training algorithm samples, by backward error analysis.

The iterates of a method with small rates lie, to any power of the rates, on the flow of a field

    V_h = V_1 + h V_2 + h^2 V_3 + ...,    time t_k = k h,

``h`` the rate (:attr:`ModifiedFlow.step`). With ``w_p = (lr_p / h) v_p`` the rated field of player p alone,

* simultaneous: ``V_1 = w``, ``V_2 = -1/2 w'w``, ``V_3 = 1/3 w'w'w + 1/12 w''(w, w)``;
* alternating: ``V_1 = sum_p n_p w_p`` for ``n_p`` steps each, ``V_2 = -1/2 sum_p n_p w_p'w_p
  + 1/2 sum_{p before q} n_p n_q (w_q'w_p - w_p'w_q)``: half the commutators of the partial fields; ``V_3`` likewise
  from the series of the composed map (:mod:`dynamics.flow.modified.series`).

A zero of the game's field is one of the modified field. ``J = dV_h/dy``: a negative real part attracts the iterates.

Sources: Hairer, Lubich and Wanner 2006, chapter IX; for one player Barrett and Dherin 2021 (implicit gradient
regularisation: there ``V_2`` descends ``|grad L|^2 / 4``); for two-player games Rosca, Wu, Dherin and Barrett 2021,
theorems 3.1 and 3.2. Theirs are statements about one step, each player followed for the time of its own rate; for equal
rates they are the equations here. For different ones the drift that q causes in p has q's rate here, and p's there;
followed over many steps that is right to first order only (a test shows both).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dynamics.core.errors import InputError
from dynamics.flow.modified.code import Generated, Writer
from dynamics.flow.modified.derived import DerivedFlow, called, method_of
from dynamics.flow.modified.products import TensorProducts
from dynamics.flow.modified.series import logarithm, map_series
from dynamics.flow.modified.tableau import tableau_of
from dynamics.games.field import Array, Draw, Game
from dynamics.methods import Method


class ModifiedFlow(DerivedFlow):
    """The modified field of a method on a game, truncated; see :func:`modified_flow`.

    Attributes
    ----------
    order : int
        Order of agreement in position at fixed time.
    series : Series
        Coefficients of the products of derivatives, powers of the step included.
    """

    def __init__(self, game: Game, method: Method, order: int) -> None:
        if order not in (1, 2, 3):
            raise InputError(
                f"order={order!r} is not available: give 1 (the plain flow of the rates), 2 (first correction) or "
                "3 (second correction)."
            )
        super().__init__(game, method, order)
        self.names, self.box, self.start = game.names, game.box, game.start
        self.series = logarithm(map_series(tableau_of(method, game), self.step)).truncated(order).at(self.step)

    def reference(self, y: Array, draw: Draw = None) -> Array:
        """Return the modified field from the game's derivatives."""
        return self.products.value(self.series, y, draw)

    def write(self, writer: Writer) -> Generated:
        """Return the modified field as generated code."""
        return writer.generated(writer.series(self.series))

    def exact_jacobian(self, products: TensorProducts, y: Array) -> Array:
        """Return its Jacobian from derivatives up to the order of the field."""
        return products.jacobian(self.series, y)

    @property
    def title(self) -> str:
        """Method, rates and order."""
        return f"modified flow of {called(self.method)}, order {self.order}"

    def describe(self) -> dict[str, Any]:
        """Return kind, game, method, time of one iteration and order (JSON-serialisable)."""
        return {**super().describe(), "order": self.order}


def modified_flow(
    game: Game,
    method: str | Method,
    order: int = 2,
    *,
    lr: float | Mapping[str, float] | None = None,
    **settings: Any,
) -> ModifiedFlow:
    """Return the modified field of a method, whose flow passes by the iterates with a gap of ``O(lr^order)``.

    ``V_h = V_1 + h V_2 + h^2 V_3``, the first ``order`` terms of it (see the module for the terms).

    Parameters
    ----------
    game : Game
        Smooth and without clip; games of networks have ``order`` up to 2.
    method : Method or str
        Any method without memory that adds up descent directions: simultaneous and alternating descent (any rates per
        player, numbers of steps and first player), extragradient, lookahead, Heun, RK4, proximal point.
    order : int
        Order of agreement in position at fixed time: 1 the plain flow of the rates (gap ``O(lr)``), 2 with the first
        correction (``O(lr^2)``), 3 with the second (``O(lr^3)``).
    lr : float or mapping of player to float
        Rates, for a method given by name.
    **settings
        Other settings of a method given by name.

    Returns
    -------
    ModifiedFlow
        A field on the game's coordinates; iteration k is at time ``k * field.step``, where the step is the common
        rate, or the generator's (else the first player's) where rates differ.

    Raises
    ------
    InputError
        For non-smooth and clipped games, and for methods that have no modified equation here (naming those that do).

    Notes
    -----
    The gap is ``c lr^order (1 + d lr + ...)``: at rates that are not small against the curvature of the field, ``d lr``
    shows. On the forsaken game at the rates 1 : 2.5 fits from 0.04 to 0.0025 give orders of 1.6 to 2.2, and 2.00 below
    0.001.

    Examples
    --------
    >>> from dynamics import games
    >>> from dynamics.flow import modified_flow
    >>> flow = modified_flow(games.get("bilinear"), "simultaneous", lr=0.2)
    >>> flow.jacobian([0.0, 0.0]).tolist()
    [[0.1, -1.0], [1.0, 0.1]]
    """
    return ModifiedFlow(game, method_of(method, lr, settings), order)
