"""What modified and high-resolution flows share: fields made of a game's field and its derivatives."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dynamics import methods
from dynamics.core.errors import InputError, unknown
from dynamics.flow.modified.code import Generated, Writer
from dynamics.flow.modified.products import TensorProducts, products_of
from dynamics.flow.modified.tableau import step_of
from dynamics.games import SymbolicGame
from dynamics.games.field import Array, Draw, Field, Game
from dynamics.methods import Method


class DerivedFlow(Field):
    """A field made of products of a game's derivatives that follows a method on that game.

    Attributes
    ----------
    game : Game
    method : Method
    step : float
        The flow's time of one iteration: iteration k is at time ``k step``.
    order : int
        How many powers of the step the field has.
    box, start : mapping and ndarray
        Those of the game, for fields on its coordinates.
    title, name : str
        What it is, without and with the game it belongs to.
    """

    @property
    @abstractmethod
    def title(self) -> str:
        """What it is, in words, without the game."""

    def __init__(self, game: Game, method: Method, order: int) -> None:
        self.game = game
        self.method = method
        self.step = step_of(method, game)
        self.order = order
        self.products = products_of(game, order)

    @abstractmethod
    def reference(self, y: Array, draw: Draw = None) -> Array:
        """Return the field from the game's derivatives, shape (..., dim): the readable twin of the generated code."""

    @abstractmethod
    def write(self, writer: Writer) -> Generated:
        """Return the field as generated code of a symbolic game."""

    @abstractmethod
    def exact_jacobian(self, products: TensorProducts, y: Array) -> Array:
        """Return the Jacobian from the game's derivative tensors, shape (..., dim, dim)."""

    def __call__(self, y: Array, t: float = 0.0, draw: Draw = None) -> Array:
        """Return the field, shape (..., dim)."""
        y = self._state(y)
        return self.generated(y) if isinstance(self.game, SymbolicGame) else self.reference(y, draw)

    @cached_property
    def generated(self) -> Generated:
        """The field as one straight-line program, compiled when it is asked for (symbolic games only)."""
        if not isinstance(self.game, SymbolicGame):
            raise InputError(f"Only flows of symbolic games are compiled, got {type(self.game).__name__}: use torch.")
        return self.write(Writer(self.game, self.order))

    @property
    def arguments(self) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        """Parameters, quadrature nodes and weights: what generated functions take after the state."""
        generated = self.generated
        return (generated.parameters, *generated.game.rule())

    def compiled(self, kind: str = "field") -> Callable[..., None]:
        """Return the Numba function ``(y, p, z, w, out)`` of the field, time scales included."""
        if kind != "field":
            raise unknown("kind of compiled function", kind, ["field"])
        return self.generated.function("numba")

    def jacobian(self, y: Array, t: float = 0.0, draw: Draw = None) -> Array:
        """Return ``J[..., i, j]``, the derivative of component i by coordinate j; negative real parts attract."""
        y = self._state(y)
        if isinstance(self.products, TensorProducts):
            return self.exact_jacobian(self.products, y)
        return _forward(lambda function: _torch_func().jacfwd(function), self._at(draw), self.dim, y)

    def jvp(self, y: Array, u: Array, t: float = 0.0, draw: Draw = None) -> Array:
        """Return ``J(y) u``, shape (..., dim); on networks in forward mode, without J."""
        if isinstance(self.products, TensorProducts):
            return super().jvp(y, u, t, draw)
        return _forward(lambda f: lambda at, v: _torch_func().jvp(f, (at,), (v,))[1], self._at(draw), 0, y, u)

    def vjp(self, y: Array, u: Array, t: float = 0.0, draw: Draw = None) -> Array:
        """Return ``J(y)^T u``, shape (..., dim); on networks in reverse mode, without J."""
        if isinstance(self.products, TensorProducts):
            return super().vjp(y, u, t, draw)
        return _forward(lambda f: lambda at, v: _torch_func().vjp(f, at)[1](v)[0], self._at(draw), 0, y, u)

    def _state(self, y: Any) -> Any:
        """Return states as they are, lists as float64 arrays, or refuse a wrong number of coordinates."""
        y = as_state(y)
        if y.ndim == 0 or y.shape[-1] != self.dim:
            raise InputError(
                f"States of this flow have {self.dim} coordinates ({', '.join(self.names[:8])}"
                f"{', ...' if self.dim > 8 else ''}), got an array of shape {tuple(y.shape)}: the last axis must have "
                f"length {self.dim}."
            )
        return y

    def _at(self, draw: Draw) -> Callable[[Any], Any]:
        return lambda flat: self(flat, draw=draw)

    @property
    def name(self) -> str:
        """The game's name, and what this is of it."""
        return f"{getattr(self.game, 'name', type(self.game).__name__)}, {self.title}"

    def __repr__(self) -> str:
        return f"<{type(self).__name__} ({', '.join(self.names[:8])}): {self.name}>"

    def describe(self) -> dict[str, Any]:
        """Return kind, game, method and time of one iteration (JSON-serialisable)."""
        return {
            "kind": type(self).__name__,
            "game": self.game.describe(),
            "method": self.method.settings(),
            "step": self.step,
        }


def method_of(method: str | Method, lr: float | Mapping[str, float] | None, settings: Mapping[str, Any]) -> Method:
    """Return a method given as itself, or by name, rate and settings."""
    if isinstance(method, Method):
        given = [*(["lr"] if lr is not None else []), *settings]
        if given:
            raise InputError(
                f"{given[0]} has no effect beside a method that is made already: give the name "
                f"'{method.name}' instead, or set it when the method is made."
            )
        return method
    if lr is None:
        raise InputError(f"The method '{method}' needs a learning rate here: give lr, one number or one per player.")
    return methods.get(method, lr=lr, **settings)


def called(method: Method) -> str:
    """Return a method's name with its rates."""
    rates = method.lr
    if isinstance(rates, Mapping):
        return f"{method.name}, rates {', '.join(f'{player} {rate:.4g}' for player, rate in rates.items())}"
    return f"{method.name}, rate {rates:.4g}"


def as_state(y: Any) -> Any:
    """Return states as they are, lists as float64 arrays."""
    return y if hasattr(y, "new_tensor") else np.asarray(y, dtype=np.float64)


def _torch_func() -> Any:
    import torch

    return torch.func


def _forward(transform: Callable[[Any], Any], function: Callable[[Any], Any], dense: int, *arguments: Array) -> Any:
    """Return a transformed function at every state of a batch, NumPy for NumPy."""
    import torch

    from dynamics.games.network import DENSE_LIMIT

    if dense > DENSE_LIMIT:
        raise InputError(f"A dense Jacobian of {dense} coordinates is refused (limit {DENSE_LIMIT}): use jvp and vjp.")
    tensors = torch.broadcast_tensors(*(torch.as_tensor(a) for a in arguments))
    shape = tensors[0].shape
    rows = torch.func.vmap(transform(function))(*(a.reshape(-1, shape[-1]) for a in tensors))
    result = rows.reshape(*shape[:-1], *rows.shape[1:])
    return result if torch.is_tensor(arguments[0]) else result.detach().cpu().numpy()
