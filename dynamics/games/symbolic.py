"""Games of a few coordinates whose losses are SymPy expressions; everything else is derived and compiled on demand."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from copy import copy
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dynamics.core.errors import AccuracyWarning, InputError, check_number, check_positive, unknown
from dynamics.games.code import Code
from dynamics.games.codegen import Program
from dynamics.games.definition import Definition
from dynamics.games.expectations import NODE_COUNTS, gauss_hermite
from dynamics.games.field import Array, Draw, Game
from dynamics.games.sided import SidedGame

#: Relative accuracy asked of Gauss-Hermite sums, and the error from which on their user is warned. On the default
#: boxes of the catalogue the first is met; where a score varies by tens over the noise, poles near the real axis slow
#: the rule down, and 1,024 nodes leave about 1e-6.
QUADRATURE_TOLERANCE = 1e-13
QUADRATURE_WARNING = 1e-5

#: Beyond 2^10 default boxes the number of nodes no longer follows the state.
_MOST_DOUBLINGS = 10

#: Most array entries that one evaluation with quadrature may hold at a time; larger batches go in pieces.
_CHUNK = 4_000_000


class SymbolicGame(Game):
    """A game defined by SymPy losses.

    ``v = -tau_i M_i dL_i/dx_i`` per player i; a bounded coordinate (clipping) moves by the projected field: on its
    bound, the outward part is zero.

    Parameters
    ----------
    definition : Definition
    parameters : mapping of str to float, optional
        Values other than the definition's.
    timescales : mapping of player to float, optional
        Factor of each player's part of the field (1 by default).

    Notes
    -----
    Parameters are arguments of the generated code: :meth:`with_parameters` never derives or compiles anything anew.
    States may be NumPy arrays or torch tensors of shape ``(..., dim)``.
    """

    def __init__(
        self,
        definition: Definition,
        parameters: Mapping[str, float] | None = None,
        timescales: Mapping[str, float] | None = None,
        *,
        code: Code | None = None,
    ) -> None:
        self.definition = definition
        self.code = code if code is not None else Code(definition)
        self.name = definition.name
        self.names = definition.coordinates
        self.players = _slices(definition)
        self.zero_sum = self.code.zero_sum
        self.settings = dict(definition.settings)
        self.parameters = self._parameter_values(parameters or {})
        self.timescales = {player: 1.0 for player in self.players}
        for player, value in (timescales or {}).items():
            if player not in self.players:
                raise unknown("player", player, self.players)
            self.timescales[player] = check_positive(f"time scale of '{player}'", value)
        self.box = dict(definition.box)
        self.start = np.array([definition.start[name] for name in self.names])
        self._p = np.array(list(self.parameters.values()), dtype=np.float64)
        self._scale = np.ones(self.dim)
        for player, part in self.players.items():
            self._scale[part] = self.timescales[player]
        self._scaled = bool((self._scale != 1.0).any())
        self._counts: dict[int, tuple[int, float]] = {}
        self._anchors: tuple[SymbolicGame, ...] = ()

    def _parameter_values(self, given: Mapping[str, float]) -> dict[str, float]:
        values = dict(self.definition.parameters)
        for name, value in given.items():
            if name not in values:
                raise unknown(f"parameter of {self.name}", name, values)
            values[name] = check_number(name, value)
        return values

    # Variations of the same game -------------------------------------------------------------------------------

    def with_parameters(self, **values: float) -> SymbolicGame:
        """Return the same game (same compiled code) with other parameter values."""
        return SymbolicGame(self.definition, {**self.parameters, **values}, self.timescales, code=self.code)

    def with_timescales(self, timescales: Mapping[str, float]) -> SymbolicGame:
        """Return the same game with other time scales; players that are not named keep theirs."""
        return SymbolicGame(self.definition, self.parameters, {**self.timescales, **timescales}, code=self.code)

    def anchored(self, anchors: Sequence[SymbolicGame]) -> SymbolicGame:
        """Return the same game with as many quadrature nodes as the one of ``anchors`` that needs most.

        In a sweep every value of a parameter is a game of its own, and choosing the number for each takes longer than
        what it is chosen for.
        """
        other = copy(self)
        other._anchors = tuple(anchors)
        return other

    # Evaluation ------------------------------------------------------------------------------------------------

    def __call__(self, y: Array, t: float = 0.0, draw: Draw = None) -> Array:
        """Return the field, shape (..., dim)."""
        return self._inward(y, self._scaled_by(self.evaluate("field", y), slice(None)))

    def component(self, player: str, y: Array, t: float = 0.0, draw: Draw = None) -> Array:
        """Return one player's descent direction, shape (..., size of the player).

        Unlike the field it is not projected at a bound: methods project after each update, and a memory such as
        momentum sees the raw gradient.
        """
        return self._scaled_by(self.evaluate(f"component_{player}", y), self._part(player))

    def jacobian(self, y: Array, t: float = 0.0, draw: Draw = None) -> Array:
        """Return ``J[..., i, j] = dv_i / dy_j``, shape (..., dim, dim), exact (one-sided pieces on a kink).

        Without the stops at bounds: methods see the descent direction as it is, and the multipliers of one with a
        memory need its derivative on a bound too. A flow that is stopped there takes the Jacobian of its piece.
        """
        return self.derivative(y, 1)

    def derivative(self, y: Array, order: int) -> Array:
        """Return the derivative tensor of the field of this order, shape (..., dim, dim, ...) with order + 1 axes."""
        return self.tensor(f"derivative_{order}", y, order)

    def tensor(self, kind: str, y: Array, order: int, p: NDArray[np.float64] | None = None) -> Array:
        """Return the field (order 0) or a derivative, scaled, from generated code; ``p`` replaces the parameters."""
        flat = self.evaluate(kind, y, p)
        tensor = flat.reshape(*flat.shape[:-1], *(self.dim,) * (order + 1))
        if not self._scaled:
            return tensor
        scale = self._scale.reshape(-1, *(1,) * order)
        return tensor * (scale if isinstance(tensor, np.ndarray) else tensor.new_tensor(scale))

    def jvp_jacobian(self, y: Array, u: Array, t: float = 0.0, draw: Draw = None) -> Array:
        """Return ``d(J(y) u)/dy``, entries ``sum_j v_ijk u_j``, shape (..., dim, dim)."""
        second = self.derivative(y, 2)
        return (second * u[..., None, :, None]).sum(-2)

    def vjp_jacobian(self, y: Array, u: Array, t: float = 0.0, draw: Draw = None) -> Array:
        """Return ``d(J(y)^T u)/dy``, entries ``sum_i v_ijk u_i``, shape (..., dim, dim)."""
        second = self.derivative(y, 2)
        return (second * u[..., :, None, None]).sum(-3)

    def slope(self, y: Array, parameter: str) -> Array:
        """Return the derivative of the field in one of its parameters, shape (..., dim), exact."""
        if parameter not in self.parameters:
            raise unknown(f"parameter of {self.name}", parameter, self.parameters)
        count = len(self.parameters)
        flat = self.evaluate("slope", y)
        return self._scaled_by(flat[..., list(self.parameters).index(parameter) :: count], slice(None))

    def losses(self, y: Array, draw: Draw = None) -> dict[str, Array]:
        """Return each player's loss, shape (...)."""
        values = self.evaluate("losses", y)
        return {player: values[..., i] for i, player in enumerate(self.players)}

    def gradient(self, loss_of: str, wrt: str, y: Array, draw: Draw = None) -> Array:
        """Return ``dL_{loss_of} / dx_{wrt}``, unscaled, shape (..., size of ``wrt``)."""
        return self.loss_gradient(loss_of, y)[..., self._part(wrt)]

    def gradient_jacobian(self, loss_of: str, wrt: str, y: Array, draw: Draw = None) -> Array:
        """Return rows ``wrt`` of the Hessian of a loss, unscaled, shape (..., size of ``wrt``, dim)."""
        return self.loss_hessian(loss_of, y)[..., self._part(wrt), :]

    def loss_gradient(self, player: str, y: Array) -> Array:
        """Return the gradient of one player's loss in all coordinates, unscaled, shape (..., dim)."""
        return self._loss_derivative(player, y, 1)

    def loss_hessian(self, player: str, y: Array) -> Array:
        """Return the Hessian of one player's loss in all coordinates, unscaled, shape (..., dim, dim)."""
        return self._loss_derivative(player, y, 2)

    def loss_third(self, player: str, y: Array) -> Array:
        """Return the third derivatives of one player's loss, unscaled, shape (..., dim, dim, dim)."""
        return self._loss_derivative(player, y, 3)

    def _loss_derivative(self, player: str, y: Array, order: int) -> Array:
        self._part(player)
        flat = self.evaluate(f"loss_{order}_{player}", y)
        return flat.reshape(*flat.shape[:-1], *(self.dim,) * order)

    @cached_property
    def switches(self) -> tuple[Callable[[Array], Array], ...]:
        """Functions of the state whose zeros are the kinks of the field, each mapping (..., dim) to (...)."""
        count = len(self.code.expressions("switches"))
        return tuple(lambda y, i=i: self.evaluate("switches", y)[..., i] for i in range(count))

    def surface_label(self, k: int) -> str:
        """Return the equation of the surface where ``switches[k]`` vanishes."""
        from dynamics.games.printing import to_unicode

        return f"{to_unicode(self.code.expressions('switches')[k])} = 0"

    def sided(self, signs: Sequence[float]) -> SidedGame:
        """Return the smooth continuation of the field, without the bounds, from one side of each switch; exact."""
        return SidedGame(self, signs)

    @property
    def has_metric(self) -> bool:
        """Whether some player's gradient is taken in a metric (the replicator's)."""
        return any(player.metric for player in self.definition.players)

    @property
    def affine(self) -> bool:
        """Whether the field is affine in the state."""
        return not self.bounds and self.code.affine

    @cached_property
    def bounds(self) -> dict[str, tuple[float, float]]:
        """Clipped coordinates and their bounds at the current parameters (empty if nothing is clipped)."""
        values = {s: self.parameters[s.name] for s in self.definition.parameter_symbols}
        return {
            name: (float(low.xreplace(values)), float(high.xreplace(values)))
            for name, (low, high) in self.definition.bounds.items()
        }

    def project(self, y: Array, player: str | None = None) -> Array:
        """Return ``y`` with the bounded coordinates of ``player`` (of all players if None) clipped."""
        if not self.bounds:
            return y
        if isinstance(y, list | tuple):
            y = np.asarray(y, dtype=np.float64)
        part = range(self.dim)[self._part(player) if player is not None else slice(None)]
        low, high = self._bound_arrays
        outside = [i for i in range(self.dim) if i not in part]
        low, high = low.copy(), high.copy()
        low[outside], high[outside] = -np.inf, np.inf
        if isinstance(y, np.ndarray):
            return np.clip(y, low, high)
        return y.clamp(y.new_tensor(low), y.new_tensor(high))

    @cached_property
    def _bound_arrays(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        sides = [self.bounds.get(name, (-np.inf, np.inf)) for name in self.names]
        return np.array([low for low, _ in sides]), np.array([high for _, high in sides])

    def _inward(self, y: Array, v: Array) -> Array:
        """Zero the part of the field that points out of the bounds."""
        if not self.bounds:
            return v
        low, high = self._bound_arrays
        if isinstance(v, np.ndarray):
            y = np.asarray(y)
            return np.where(((y >= high) & (v > 0)) | ((y <= low) & (v < 0)), 0.0, v)
        outward = ((y >= y.new_tensor(high)) & (v > 0)) | ((y <= y.new_tensor(low)) & (v < 0))
        return v.masked_fill(outward, 0.0)

    def _scaled_by(self, v: Array, part: slice) -> Array:
        if not self._scaled:
            return v
        scale = self._scale[part]
        return v * (scale if isinstance(v, np.ndarray) else v.new_tensor(scale))

    def _part(self, player: str) -> slice:
        if player not in self.players:
            raise unknown("player", player, self.players)
        return self.players[player]

    def evaluate(self, kind: str, y: Array, p: NDArray[np.float64] | None = None) -> Array:
        """Return the outputs of one generated function, shape (..., outputs), in the dialect of ``y``.

        ``p`` replaces the parameter vector; the kinds that are continued from one side take the signs behind it.
        """
        p = self._p if p is None else p
        if isinstance(y, list | tuple | np.ndarray):
            y = np.asarray(y, dtype=np.float64)
        if y.ndim == 0 or y.shape[-1] != self.dim:
            raise InputError(
                f"States of {self.name} have {self.dim} coordinates ({', '.join(self.names)}), "
                f"got an array of shape {tuple(y.shape)}: the last axis must have length {self.dim}."
            )
        if isinstance(y, np.ndarray):
            function = self.code.function(kind, "numpy")
            z, w = self.rule(y)
            if z.size * y.size <= _CHUNK:
                return function(y, p, z, w)
            flat = y.reshape(-1, self.dim)
            size = max(1, _CHUNK // (z.size * self.dim))
            pieces = [function(flat[i : i + size], p, z, w) for i in range(0, len(flat), size)]
            return np.concatenate(pieces).reshape(*y.shape[:-1], -1)
        values, z, w = (y.new_tensor(a) for a in (p, *self.rule(y)))
        return self.code.function(kind, "torch")(y, values, z, w)

    def component_program(self, player: str) -> Program:
        """Return the straight-line program of :meth:`component`, without time scale, for tracing into kernels."""
        self._part(player)
        return self.code.program(f"component_{player}")

    def compiled(self, kind: str) -> Callable[..., None]:
        """Return the Numba function ``(y, p, z, w, out)`` of a kind: "field", "jacobian", "losses"...

        The time scales and the projection are not part of it; ``p`` and the rule ``z, w`` come from
        :attr:`arguments`.
        """
        return self.code.function("derivative_1" if kind == "jacobian" else kind, "numba")

    @property
    def arguments(self) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        """Parameter vector, quadrature nodes and weights: what generated functions take after the state."""
        return (self._p, *self.rule())

    # Quadrature ------------------------------------------------------------------------------------------------

    def rule(self, y: Array | None = None) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return Gauss-Hermite nodes and weights that suit the states ``y`` (the default box if None).

        The count comes from :meth:`quadrature_at`; where even the largest leaves a relative error above
        :data:`QUADRATURE_WARNING`, a warning says so.
        """
        if not self.code.has_expectations:
            return _NO_NODES
        doublings = self.doublings(y)
        count, error = self.quadrature_at(doublings)
        if error > QUADRATURE_WARNING:
            warnings.warn(
                f"Gauss-Hermite sums of {self.name} with {count} nodes leave a relative error of about {error:.1g} on "
                f"states {2**doublings} times as far out as the default box.",
                AccuracyWarning,
                stacklevel=3,
            )
        return gauss_hermite(count)

    @property
    def quadrature(self) -> tuple[int, float]:
        """Number of Gauss-Hermite nodes for the default box and the estimated relative error; (0, 0.0) without any."""
        return self.quadrature_at(0)

    def quadrature_at(self, doublings: int) -> tuple[int, float]:
        """Return number of Gauss-Hermite nodes and estimated relative error on the box doubled so many times.

        The count is the smallest of :data:`NODE_COUNTS` whose losses and field differ from those of the next count
        by at most :data:`QUADRATURE_TOLERANCE` relative to the largest of each output, at the corners, face centres
        and centre of the box and at points inside; if none does, the largest, with the error that remains.
        """
        if not self.code.has_expectations:
            return 0, 0.0
        if self._anchors:
            return max(anchor.quadrature_at(doublings) for anchor in self._anchors)
        if doublings not in self._counts:
            self._counts[doublings] = self._choose_count(self._test_points(2.0**doublings))
        return self._counts[doublings]

    def _choose_count(self, points: NDArray[np.float64]) -> tuple[int, float]:
        def values(count: int) -> NDArray[np.float64]:
            rule = gauss_hermite(count)
            return np.concatenate(
                [self.code.function(kind, "numpy")(points, self._p, *rule) for kind in ("losses", "field")], axis=-1
            )

        error = np.inf
        current = values(NODE_COUNTS[0])
        for count, following in pairwise(NODE_COUNTS):
            finer = values(following)
            scale = np.maximum(np.abs(finer).max(axis=0), 1.0)
            error = float((np.abs(finer - current) / scale).max())
            if error <= QUADRATURE_TOLERANCE:
                return count, error
            current = finer
        return NODE_COUNTS[-1], error

    def doublings(self, y: Array | None) -> int:
        """Return how many times the default box has to be doubled to hold ``y``, at most :data:`_MOST_DOUBLINGS`."""
        if y is None:
            return 0
        try:
            states = y if isinstance(y, np.ndarray) else y.detach().cpu().numpy()
        except RuntimeError:
            # Under torch's function transforms there are no values to look at.
            return 0
        centre, half = self._box_arrays
        with np.errstate(invalid="ignore", over="ignore"):
            reach = float(np.max(np.abs(states - centre) / half, initial=1.0))
        if not reach < 2.0**_MOST_DOUBLINGS:
            return _MOST_DOUBLINGS
        return int(np.ceil(np.log2(reach)))

    @cached_property
    def _box_arrays(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        sides = np.array([self.box[name] for name in self.names])
        return sides.mean(axis=1), np.diff(sides, axis=1)[:, 0] / 2

    def _test_points(self, factor: float) -> NDArray[np.float64]:
        centre, half = self._box_arrays
        axes = np.concatenate([np.zeros((1, self.dim)), np.eye(self.dim), -np.eye(self.dim)])
        # All corners for few coordinates, a fixed sample of them for many.
        count = 2 ** min(self.dim, 8)
        bits = np.random.default_rng(0).integers(0, 2, (count, self.dim)) if self.dim > 8 else _corners(self.dim)
        # Symmetry hides the error on axes and corners; points without any, most of them near the axes, show it.
        inside = np.random.default_rng(1).uniform(-1, 1, (48, self.dim)) ** 3
        return centre + factor * half * np.concatenate([axes, 2.0 * bits - 1.0, inside])

    # Description -----------------------------------------------------------------------------------------------

    @property
    def expressions(self) -> Code:
        """SymPy expressions: ``.field``, ``.losses``, ``.jacobian``."""
        return self.code

    def show(self, latex: bool = False) -> dict[str, Any]:
        """Return losses, field, Jacobian and parameters as text (Unicode, or LaTeX)."""
        from dynamics.games.printing import to_latex, to_unicode

        write = to_latex if latex else to_unicode
        n = self.dim
        flat = [write(entry) for entry in self.code.jacobian]
        return {
            "losses": {p: write(e) for p, e in zip(self.players, self.code.losses, strict=True)},
            "field": {c: write(e) for c, e in zip(self.names, self.code.field, strict=True)},
            "jacobian": [flat[i * n : (i + 1) * n] for i in range(n)],
            "parameters": dict(self.parameters),
        }

    def describe(self) -> dict[str, Any]:
        """Return the recipe from which :func:`dynamics.games.load` builds this game again."""
        return {
            **self.definition.description,
            "parameters": dict(self.parameters),
            "timescales": dict(self.timescales),
        }

    def __repr__(self) -> str:
        values = ", ".join(f"{name}={value:g}" for name, value in self.parameters.items())
        return f"<SymbolicGame {self.name} ({', '.join(self.names)}){': ' + values if values else ''}>"


_NO_NODES = (np.zeros(0), np.zeros(0))


def _slices(definition: Definition) -> dict[str, slice]:
    slices, begin = {}, 0
    for player in definition.players:
        slices[player.name] = slice(begin, begin + len(player.coordinates))
        begin += len(player.coordinates)
    return slices


def _corners(dim: int) -> NDArray[np.int64]:
    return (np.arange(2**dim)[:, None] >> np.arange(dim)) & 1
