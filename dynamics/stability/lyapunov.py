r"""Lyapunov exponents of flows and of training algorithms: mean rates at which small differences grow.

With the derivative of the flow (or of the map) over successive stretches, ``Phi_1, Phi_2, ...``, orthonormal vectors
are carried along and made orthonormal again after each, ``Phi_k Q_{k-1} = Q_k R_k``, and

.. math:: \lambda_i = \lim \frac{1}{t} \sum_k \ln |(R_k)_{ii}|.

Positive largest exponents mean chaos; an attracting cycle of a flow has one zero and the others negative; at an
equilibrium they are the real parts of the eigenvalues. Their sum is the mean divergence of the field (for maps: the
mean logarithm of the determinant), which is computed beside them along another way.

Source: Benettin, Galgani, Giorgilli and Strelcyn 1980; Shimada and Nagashima 1979; Kaplan and Yorke 1979 for the
dimension.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dynamics.core.errors import InputError, NumericalError, check_number, check_positive, check_states
from dynamics.core.status import Status
from dynamics.flow import integrate, transition
from dynamics.flow.pieces import nonsmooth
from dynamics.games.field import Field, Game
from dynamics.methods import Method
from dynamics.stability.cycles.mapshooting import Map

#: Blocks of the run whose means give the standard errors; one more at the begin is for the vectors to align.
BLOCKS = 20
#: Stretches of a flow, and iterations of a map, whose derivatives are computed together.
BATCH = 512
#: A stretch lasts so many inverse norms of the Jacobian: long enough to be worth a step, short enough that vectors
#: within it do not all turn into the first one.
STRETCH = 1.0
#: Samples of the divergence along a stretch (Simpson's rule).
SAMPLES = 8


@dataclass(frozen=True)
class LyapunovExponents:
    """Answer of :func:`lyapunov_exponents`.

    Attributes
    ----------
    exponents : ndarray, shape (n,)
        Largest first, per unit of time or per iteration; minus infinity where differences vanish in one stretch.
    standard_errors : ndarray, shape (n,)
        From the means of twenty blocks. They measure fluctuation along the orbit; an error of order ``1 / duration``
        remains where nothing fluctuates.
    mean_divergence : float
        Of the field along the orbit, or mean logarithm of the determinant of the map; NaN where the field is not
        smooth.
    dimension : float
        Of Kaplan and Yorke: ``j + (lambda_1 + .. + lambda_j) / |lambda_{j+1}|`` with the last j whose sum is not
        negative; exponents within three standard errors of zero, or one over the duration, count as zero.
    duration : float
        Time or iterations that were averaged over.
    status : Status
    names : tuple of str
    start : ndarray, shape (dim,)
        State at which the average begins, after the transient.
    """

    exponents: NDArray[np.float64]
    standard_errors: NDArray[np.float64]
    mean_divergence: float
    dimension: float
    duration: float
    status: Status
    names: tuple[str, ...]
    start: NDArray[np.float64]

    @property
    def sum(self) -> float:
        """Sum of the exponents, to be compared with the mean divergence."""
        return float(self.exponents.sum())

    def to_dict(self) -> dict[str, Any]:
        """Return a JSON-serialisable description; what is not finite becomes None."""

        def number(value: float) -> float | None:
            return float(value) if np.isfinite(value) else None

        return {
            "exponents": [number(value) for value in self.exponents],
            "standard_errors": [number(value) for value in self.standard_errors],
            "sum": number(self.sum),
            "mean_divergence": number(self.mean_divergence),
            "dimension": number(self.dimension),
            "duration": float(self.duration),
            "status": self.status.value,
            "start": dict(zip(self.names, self.start.tolist(), strict=True)),
        }


def lyapunov_exponents(
    field: Field,
    start: ArrayLike,
    time: float | None = None,
    *,
    method: Method | None = None,
    iterations: int | None = None,
    transient: float | None = None,
    throw: bool = False,
) -> LyapunovExponents:
    """Return the Lyapunov exponents of the orbit from a start, of a flow or of a training algorithm.

    Parameters
    ----------
    field : Field
        With exact Jacobian; a game where a method is given.
    start : array_like, shape (dim,)
    time : float, optional
        Time to average over, of a flow.
    method : Method, optional
        Training algorithm whose map is examined, memory included, instead of the flow.
    iterations : int, optional
        Iterations to average over, of a map.
    transient : float, optional
        Time or iterations before that; a fifth of the average unless given.
    throw : bool
        Raise where the orbit does not last.

    Returns
    -------
    LyapunovExponents
        With NaN and the status of the orbit where it does not last.

    Raises
    ------
    InputError
        For bad input, before computing.
    NumericalError
        With ``throw``.

    Examples
    --------
    The flow turns with a cycle that forgets deviations at the rate of its other exponent:

    >>> from dynamics import games
    >>> found = lyapunov_exponents(games.get("almost-bilinear"), [1.0, 0.0], 200.0)
    >>> [round(abs(value), 2) for value in found.exponents.tolist()], found.dimension > 0.99
    ([0.0, 0.1], True)
    """
    y = check_states("start", start, field.names)
    if y.ndim != 1:
        raise InputError(f"start must be one state of {field.dim} coordinates, got shape {y.shape}.")
    if method is None:
        if iterations is not None:
            raise InputError("iterations have no effect on a flow: give time, or a method.")
        if time is None:
            raise InputError("Lyapunov exponents of a flow need the time to average over: give time, for example 500.")
        length = check_positive("time", time)
        before = _transient(transient, length)
        found = _of_flow(field, y, length, before)
    else:
        if time is not None:
            raise InputError("time has no effect on a method: give iterations.")
        if iterations is None:
            raise InputError("Lyapunov exponents of a method need the iterations to average over: give iterations.")
        length = check_positive("iterations", iterations)
        if length != int(length) or length < BLOCKS + 1:
            raise InputError(f"iterations must be a whole number of at least {BLOCKS + 1}, got {iterations}.")
        if not isinstance(field, Game):
            raise InputError(f"A method needs a game, got {type(field).__name__}: leave method out for its flow.")
        method.check(field)
        if method.schedule is not None:
            raise InputError("Lyapunov exponents need a map that stays the same: give constant rates, no schedule.")
        found = _of_map(field, method, y, int(length), int(_transient(transient, length)))
    if throw and not found.status.ok:
        raise NumericalError(f"The orbit did not last: {found.status.sentence}", found)
    return found


def _transient(given: float | None, length: float) -> float:
    if given is None:
        return 0.2 * length
    value = check_number("transient", given)
    if value < 0:
        raise InputError(f"transient must not be negative, got {value:g}: give 0 to begin at the start.")
    return value


def _of_flow(field: Field, y: NDArray[np.float64], length: float, before: float) -> LyapunovExponents:
    with np.errstate(all="ignore"):
        if before > 0:
            lead = integrate(field, y, [0.0, before])
            if not lead.status.ok:
                return _failed(field, y, lead.status)
            y = lead.final
        # the pace of the orbit, not of where it begins
        scout = integrate(field, y, np.linspace(0.0, length / (BLOCKS + 1), 65))
        if not scout.status.ok:
            return _failed(field, y, scout.status)
        norms = np.linalg.norm(np.asarray(field.jacobian(scout.states)), ord=2, axis=(-2, -1))
        pace = float(np.median(norms))
        per_block = max(1, int(np.ceil(length / BLOCKS * pace / STRETCH)))
        width = length / (BLOCKS * per_block)
        count = (BLOCKS + 1) * per_block
        rough = nonsmooth(field)
        fine = 1 if rough else SAMPLES
        path = integrate(field, y, np.arange(count * fine + 1) * (width / fine), rtol=1e-9, atol=1e-11)
        if not path.status.ok:
            return _failed(field, y, path.status)
        corners = path.states[:-1:fine]
        matrices = []
        for k in range(0, count, BATCH):
            part = transition(field, corners[k : k + BATCH], width)
            if not part.status.ok:
                return _failed(field, y, part.status)
            matrices.append(part.matrix)
    logs = _growth(np.concatenate(matrices))
    divergence = np.nan
    if not rough:
        from scipy.integrate import simpson

        traces = np.trace(np.asarray(field.jacobian(path.states[per_block * fine :])), axis1=-2, axis2=-1)
        divergence = float(simpson(traces, dx=width / fine)) / length
    return _averaged(logs, per_block, width, divergence, field, corners[per_block])


def _of_map(game: Game, method: Method, y: NDArray[np.float64], length: int, before: int) -> LyapunovExponents:
    per_block = -(-length // BLOCKS)
    count = (BLOCKS + 1) * per_block
    problem = Map(game, method, method.init(np.ascontiguousarray(game.project(y)), game))
    z = problem.starts(y[None])[0]
    states = np.empty((count, len(z)))
    matrices = np.empty((count, len(z), len(z)))
    with np.errstate(all="ignore"):
        for k in range(-before, count):
            if k >= 0:
                states[k] = z
            z = problem(z)
            if not np.isfinite(z).all():
                return _failed(game, y, Status.DIVERGED)
        for k in range(0, count, BATCH):
            matrices[k : k + BATCH] = problem.linear(states[k : k + BATCH])[1]
    if not np.isfinite(matrices).all():
        return _failed(game, y, Status.NON_FINITE)
    logs = _growth(matrices)
    _, determinants = np.linalg.slogdet(matrices[per_block:])
    return _averaged(logs, per_block, 1.0, float(determinants.mean()), game, states[per_block, : game.dim])


def _growth(matrices: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return ``ln |R_ii|`` of every stretch, shape (k, n)."""
    with np.errstate(divide="ignore"):
        if matrices.shape[-1] == 1:
            return np.log(np.abs(matrices[..., 0]))
        logs = np.empty(matrices.shape[:2])
        basis = np.eye(matrices.shape[-1])
        for k, matrix in enumerate(matrices):
            basis, triangle = np.linalg.qr(matrix @ basis)
            logs[k] = np.log(np.abs(np.diag(triangle)))
    return logs


def _averaged(
    logs: NDArray[np.float64],
    per_block: int,
    width: float,
    divergence: float,
    field: Field,
    start: NDArray[np.float64],
) -> LyapunovExponents:
    """Return exponents from the growth of every stretch, the first block left out."""
    blocks = logs.reshape(BLOCKS + 1, per_block, -1)[1:].mean(axis=1) / width
    exponents = blocks.mean(axis=0)
    with np.errstate(invalid="ignore"):
        errors = blocks.std(axis=0, ddof=1) / np.sqrt(BLOCKS)
    order = np.argsort(-exponents, kind="stable")
    duration = BLOCKS * per_block * width
    blur = np.maximum(3 * np.nan_to_num(errors[order]), 1 / duration)
    return LyapunovExponents(
        exponents=exponents[order],
        standard_errors=errors[order],
        mean_divergence=divergence,
        dimension=kaplan_yorke(np.where(np.abs(exponents[order]) <= blur, 0.0, exponents[order])),
        duration=duration,
        status=Status.FINISHED,
        names=tuple(field.names),
        start=start.copy(),
    )


def kaplan_yorke(exponents: NDArray[np.float64]) -> float:
    """Return the dimension of Kaplan and Yorke from exponents in descending order."""
    sums = np.cumsum(exponents)
    kept = int((sums >= 0).sum()) if sums[0] >= 0 else 0
    if kept == 0:
        return 0.0
    if kept == len(exponents):
        return float(kept)
    return float(kept + sums[kept - 1] / abs(exponents[kept]))


def _failed(field: Field, y: NDArray[np.float64], status: Status) -> LyapunovExponents:
    nothing = np.full(field.dim, np.nan)
    return LyapunovExponents(nothing, nothing, np.nan, np.nan, 0.0, status, tuple(field.names), np.asarray(y))
