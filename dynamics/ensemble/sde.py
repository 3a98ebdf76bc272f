"""A field and a noise model as one stochastic differential equation; everything else is derived from its expressions.

``dY = a(Y, t) dt + g(t) B(Y) dW`` in the sense of Ito, with ``a = v`` the field of the game, to which the noise may
add: the drift correction ``g^2/2 sum_j (db_j/dy) b_j`` of Stratonovich noise (b_j are the columns of B; Kloeden and
Platen 1992, equation 4.9.11), or the coordinates of coloured noise.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any

import numpy as np
import sympy as sp
from numpy.typing import NDArray

from dynamics.core.errors import InputError
from dynamics.ensemble.noise.base import Noise, free_of
from dynamics.games.codegen import Program, load_module, lower, render
from dynamics.games.expressions import parse, symbol
from dynamics.games.field import Array, Field
from dynamics.games.symbolic import SymbolicGame

#: Stages of a step at which a schedule is evaluated: its beginning, middle and end.
STAGES = (0.0, 0.5, 1.0)
#: Stages lie inside the step by this share of it, so that a jump at its end belongs to the next one.
_INSIDE = 1e-9
#: Random states at which the noise is tested for commutativity.
_TESTED = 16

_STRENGTH = sp.Symbol("strength", real=True, positive=True)


class SDE:
    """A stochastic differential equation on the coordinates of a field, and on those of its noise where it has any.

    Parameters
    ----------
    motion : Field
        A :class:`SymbolicGame` is compiled; any other field is evaluated as it stands.
    noise : Noise

    Attributes
    ----------
    names : tuple of str
        Coordinates of the field, then those of the noise.
    dim, noise_dim : int
        Number of coordinates and of components of W.
    symbolic : bool
        Whether the field is given by expressions.

    Raises
    ------
    InputError
        If the noise does not fit the field.
    """

    def __init__(self, motion: Field, noise: Noise) -> None:
        if not isinstance(motion, Field):
            raise InputError(f"An ensemble needs a game or another field, got {motion!r}.")
        if not isinstance(noise, Noise):
            raise InputError(f"The noise must be a noise model, got {noise!r}: give one such as Isotropic(0.1).")
        self.motion = motion
        self.noise = noise
        self.symbolic = isinstance(motion, SymbolicGame)
        self._white = noise.terms(motion)
        self._coloured = self._auxiliary()
        self.names = (*motion.names, *(f"noise_{name}" for name in self._coloured))
        clash = sorted(set(self.names) & set(getattr(motion, "parameters", {}))) or [
            name for name in self.names if self.names.count(name) > 1
        ]
        if clash:
            raise InputError(f"Coloured noise needs the name '{clash[0]}' for a coordinate: rename the game's own.")
        self._scales = {
            player: sp.Symbol(f"scale {i}", real=True) for i, player in enumerate(getattr(motion, "players", {}))
        }
        self._modules: dict[str, Callable[..., Any]] = {}
        self._programs: dict[str, Program] = {}

    def _auxiliary(self) -> tuple[str, ...]:
        """Return the coordinates of the field that coloured noise drives."""
        if self.noise.correlation_time is None:
            return ()
        if not free_of((entry for row in self._white.matrix for entry in row), self.motion.names):
            raise InputError("Coloured noise must not depend on the state: give it a constant base.")
        if not self.symbolic:
            raise InputError(f"Coloured noise needs a symbolic game, got {type(self.motion).__name__}.")
        return tuple(
            name for name, row in zip(self.motion.names, self._white.matrix, strict=True) if any(e != 0 for e in row)
        )

    @property
    def dim(self) -> int:
        """Number of coordinates, those of coloured noise included."""
        return len(self.names)

    @property
    def noise_dim(self) -> int:
        """Number of components of W."""
        return len(self._white.matrix[0])

    # Expressions -----------------------------------------------------------------------------------------------

    @cached_property
    def diffusion(self) -> tuple[tuple[sp.Expr, ...], ...]:
        """``B`` as expressions, without the schedule, shape (dim, noise_dim)."""
        matrix = self._white.matrix
        if not self._coloured:
            return matrix
        rows = dict(zip(self.motion.names, matrix, strict=True))
        tau = self._memory_symbol
        still = tuple(tuple(sp.S.Zero for _ in row) for row in matrix)
        return (*still, *(tuple(entry / tau for entry in rows[name]) for name in self._coloured))

    @cached_property
    def drift(self) -> tuple[sp.Expr, ...]:
        """``a`` as expressions; of symbolic games only."""
        game = self.motion
        assert isinstance(game, SymbolicGame)
        owners = {name: player for player in game.players for name in game.coordinates(player)}
        field = {name: self._scales[owners[name]] * v for name, v in zip(game.names, game.code.field, strict=True)}
        if self.noise.interpretation == "stratonovich":
            for name, correction in zip(game.names, self._half_products(), strict=True):
                field[name] = field[name] + _STRENGTH**2 * correction
        coloured = {name: symbol(f"noise_{name}") for name in self._coloured}
        own = [field[name] + coloured[name] if name in coloured else field[name] for name in game.names]
        return (*own, *(-eta / self._memory_symbol for eta in coloured.values()))

    @cached_property
    def _slopes(self) -> list[sp.Expr]:
        """``da/dy`` as expressions, row by row."""
        return [sp.diff(entry, s) for entry in self.drift for s in self.coordinate_symbols]

    def _correction(self, y: NDArray[np.float64], order: int = 0) -> Any:
        """Return the drift correction of Stratonovich noise for a field without formulas, or its Jacobian."""
        if self.noise.interpretation != "stratonovich":
            return 0.0
        products = self._half_products()
        if order == 0:
            return self.evaluate("correction", products, y)
        slopes = [sp.diff(entry, s) for entry in products for s in self.coordinate_symbols]
        return self.evaluate("correction slopes", slopes, y).reshape(*y.shape[:-1], self.dim, self.dim)

    def _half_products(self) -> list[sp.Expr]:
        """Return ``1/2 sum_j (db_j/dy) b_j``."""
        symbols, matrix = self.coordinate_symbols, self._white.matrix
        return [
            sum(
                (sp.diff(row[j], s) * matrix[k][j] / 2 for j in range(self.noise_dim) for k, s in enumerate(symbols)),
                sp.S.Zero,
            )
            for row in matrix
        ]

    @property
    def _memory_symbol(self) -> sp.Symbol:
        return sp.Symbol("correlation time", real=True, positive=True)

    @cached_property
    def coordinate_symbols(self) -> tuple[sp.Symbol, ...]:
        """SymPy symbols of the coordinates."""
        return tuple(map(symbol, self.names))

    @cached_property
    def values(self) -> dict[sp.Symbol, float]:
        """Numbers that generated code takes as arguments: parameters, time scales, and those of the noise."""
        found: dict[sp.Symbol, float] = {}
        if isinstance(self.motion, SymbolicGame):
            game = self.motion
            found |= dict(zip(game.definition.parameter_symbols, game.parameters.values(), strict=True))
            found |= {self._scales[player]: game.timescales[player] for player in game.players}
        found |= self._white.values
        if self.noise.correlation_time is not None:
            found[self._memory_symbol] = self.noise.correlation_time
        return found

    @property
    def parameter_symbols(self) -> tuple[sp.Symbol, ...]:
        """Symbols of :attr:`values`, and last the factor of the schedule."""
        return (*self.values, _STRENGTH)

    @cached_property
    def parameters(self) -> NDArray[np.float64]:
        """The numbers of :attr:`values`."""
        return np.array(list(self.values.values()), dtype=np.float64)

    def levels(self, j: int, k: int) -> tuple[sp.Expr, ...]:
        """Return ``L^j b_k = (db_k/dy) b_j``, b_j the columns of B."""
        columns = list(zip(*self.diffusion, strict=True))
        return tuple(
            sum(
                (
                    sp.diff(entry, s) * along
                    for s, along in zip(self.coordinate_symbols, columns[j], strict=True)
                    if along != 0 and s in entry.free_symbols
                ),
                sp.S.Zero,
            )
            for entry in columns[k]
        )

    # What the noise is -----------------------------------------------------------------------------------------

    @cached_property
    def additive(self) -> bool:
        """Whether B does not depend on the state."""
        return free_of((entry for row in self.diffusion for entry in row), self.names)

    @cached_property
    def commutative(self) -> bool:
        """Whether ``L^j b_k = L^k b_j`` for all columns: no area integrals are needed for strong order 1.

        The difference of the two analytic expressions vanishes identically when it does, to rounding, at random states
        (of which those count where the noise is a number: the box may reach beyond the domain of a root).
        """
        if self.additive or self.noise_dim == 1:
            return True
        pairs = [(j, k) for j in range(self.noise_dim) for k in range(j)]
        sides = [*(e for j, k in pairs for e in self.levels(j, k)), *(e for j, k in pairs for e in self.levels(k, j))]
        known: Any = self.motion
        box = np.array([known.box[name] for name in known.names])
        states = np.random.default_rng(0).uniform(box[:, 0], box[:, 1], (_TESTED, self.dim))
        with np.errstate(all="ignore"):
            one, other = np.split(self.evaluate(f"levels {len(pairs)}", sides, states), 2, axis=-1)
            size = np.abs(one) + np.abs(other)
            known_there = np.isfinite(size).all(axis=-1)
            same = np.abs(one - other) <= 1e-12 * size.max(axis=-1, keepdims=True)
        return bool(known_there.any() and same[known_there].all())

    @cached_property
    def affine(self) -> bool:
        """Whether the drift is affine in the state (and nothing is clipped or switches)."""
        plain = self.noise.interpretation == "ito" or self.additive
        return isinstance(self.motion, SymbolicGame) and self.motion.affine and plain

    # Numbers ---------------------------------------------------------------------------------------------------

    def drift_at(self, y: Array, t: float = 0.0, g: float | None = None) -> NDArray[np.float64]:
        """Return ``a(y, t)``, shape (..., dim); g is the schedule's factor unless it is given."""
        y = np.asarray(y, dtype=np.float64)
        if not self.symbolic:
            return np.asarray(self.motion(y, t)) + self._factor(t, g) ** 2 * self._correction(y)
        return self.evaluate("drift", self.drift, y, self._factor(t, g))

    def drift_jacobian(self, y: Array, t: float = 0.0) -> NDArray[np.float64]:
        """Return ``da/dy``, shape (..., dim, dim), exact."""
        y = np.asarray(y, dtype=np.float64)
        if not self.symbolic:
            return np.asarray(self.motion.jacobian(y, t)) + self._factor(t, None) ** 2 * self._correction(y, order=1)
        flat = self.evaluate("jacobian", self._slopes, y, self._factor(t, None))
        return flat.reshape(*y.shape[:-1], self.dim, self.dim)

    def diffusion_at(self, y: Array, t: float = 0.0, g: float | None = None) -> NDArray[np.float64]:
        """Return ``g(t) B(y)``, shape (..., dim, noise_dim)."""
        y = np.asarray(y, dtype=np.float64)
        flat = [entry for row in self.diffusion for entry in row]
        matrix = self.evaluate("diffusion", flat, y).reshape(*y.shape[:-1], self.dim, self.noise_dim)
        return self._factor(t, g) * matrix

    def levels_at(self, j: int, k: int, y: Array, t: float = 0.0, g: float | None = None) -> NDArray[np.float64]:
        """Return ``g^2 L^j b_k`` at states, shape (..., dim)."""
        return self._factor(t, g) ** 2 * self.evaluate(f"level {j} {k}", self.levels(j, k), y)

    def _factor(self, t: float, g: float | None) -> float:
        return self.noise.factor(t) if g is None else g

    def project(self, y: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return states with the clipped coordinates of the game clipped."""
        if not self.bounded:
            return y
        own = self.motion.project(y[..., : self.motion.dim])
        return np.concatenate([own, y[..., self.motion.dim :]], axis=-1)

    @property
    def bounded(self) -> bool:
        """Whether coordinates of the game are clipped."""
        return bool(self.motion.bounds)

    def evaluate(self, key: str, expressions: Sequence[sp.Expr], y: Array, g: float = 1.0) -> NDArray[np.float64]:
        """Return the values of expressions at states, shape (..., expressions); ``key`` names them."""
        if key not in self._modules:
            source = render({"function": self.program(key, expressions)}, "numpy")
            self._modules[key] = load_module(source, "sde").function
        return self._modules[key](np.asarray(y, dtype=np.float64), np.append(self.parameters, g), *self.rule)

    @cached_property
    def rule(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Quadrature nodes and weights of expectations in the losses, for twice the default box.

        They are chosen before the run and do not follow the paths, which must not depend on each other.
        """
        if not isinstance(self.motion, SymbolicGame):
            return np.zeros(0), np.zeros(0)
        sides = np.array([self.motion.box[name] for name in self.motion.names])
        return self.motion.rule(sides.mean(axis=1) + np.diff(sides, axis=1)[:, 0])

    def program(self, key: str, expressions: Sequence[sp.Expr]) -> Program:
        """Return the straight-line program of expressions over coordinates and parameters; ``key`` names it."""
        if key not in self._programs:
            self._programs[key] = lower(list(expressions), self.coordinate_symbols, self.parameter_symbols)
        return self._programs[key]

    def parse(self, text: str) -> sp.Expr:
        """Return the expression that a text writes, over coordinates and the parameters of the game."""
        known = {name: symbol(name) for name in (*self.names, *getattr(self.motion, "parameters", {}))}
        return parse(text, known)

    def strengths(self, steps: int, dt: float, first: int = 0) -> NDArray[np.float64]:
        """Return ``g`` at the stages of each step, shape (steps, stages); empty columns without a schedule."""
        if self.noise.schedule is None:
            return np.empty((steps, 0))
        inside = np.clip(STAGES, _INSIDE, 1 - _INSIDE)
        times = (np.arange(first, first + steps)[:, None] + inside) * dt
        return np.broadcast_to(np.asarray(self.noise.factor(times), dtype=np.float64), times.shape)

    def stationary_memory(self) -> NDArray[np.float64]:
        """Return a root R of the stationary covariance of coloured noise, ``B B^T / (2 tau) = R R^T``."""
        tau = self.noise.correlation_time
        if tau is None:
            return np.zeros((0, 0))
        matrix = self.diffusion_at(np.zeros(self.dim), g=1.0)[self.motion.dim :] * tau
        from dynamics.ensemble.noise.gradient import square_root

        return square_root("The covariance of coloured noise", matrix @ matrix.T / (2 * tau))

    def describe(self) -> dict[str, Any]:
        """Return what names the equation in a stored result."""
        return {"game": self.motion.describe(), "noise": self.noise.settings()}
