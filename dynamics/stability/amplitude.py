r"""Amplitude laws measured by integration: what the nonlinear flow does over many revolutions.

With ``z = <p, y - y_0> = rho e^{i phi}`` the angle of an imaginary pair serves as time: ``dy/dphi = v / phi'``. After
exactly N turns the return map ``rho -> rho_N`` of every start is known without event location, and the growth per unit
of time is ``log(rho_N / rho) / (N T)``, ``T = 2 pi / omega``. Two tolerances of the integrator give its error.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dynamics.core.status import Status
from dynamics.games.field import Array, Draw, Field
from dynamics.stability.normalform import HopfForm

#: Tolerances of the two integrations whose difference bounds the error.
TIGHT, LOOSE = 1e-12, 1e-10


@dataclass(frozen=True)
class Growth:
    """Measured growth of amplitudes.

    Attributes
    ----------
    radii : ndarray, shape (m,)
        Amplitudes ``|z|`` at the start of the measured turns.
    rates : ndarray, shape (m,)
        Growth rates of ``log |z|`` per unit of time; NaN where the integration failed.
    errors : ndarray, shape (m,)
        Their numerical errors.
    """

    radii: NDArray[np.float64]
    rates: NDArray[np.float64]
    errors: NDArray[np.float64]

    @property
    def signs(self) -> NDArray[np.int_]:
        """Sign of each rate; 0 within its error."""
        known = np.isfinite(self.rates)
        rates, errors = np.where(known, self.rates, 0.0), np.where(known, self.errors, 0.0)
        return np.where(np.abs(rates) <= errors, 0, np.sign(rates)).astype(int)


class AngleField(Field):
    """A field whose independent variable is the angle of one complex amplitude."""

    def __init__(self, field: Field, y: NDArray[np.float64], form: HopfForm) -> None:
        self.field, self.origin, self.form = field, y, form
        self.names = field.names

    def __call__(self, y: Array, t: float = 0.0, draw: Draw = None) -> Array:
        """Return ``v / phi'``, shape (..., dim)."""
        v = np.asarray(self.field(y))
        turn = np.imag((v @ self.form.p.conj()) / self.form.amplitude(self.origin, y))
        with np.errstate(all="ignore"):
            return v / turn[..., None]

    def jacobian(self, y: Array, t: float = 0.0, draw: Draw = None) -> Array:
        """Return the exact Jacobian by the quotient rule, shape (..., dim, dim)."""
        v, slope = np.asarray(self.field(y)), np.asarray(self.field.jacobian(y))
        conjugate, z = self.form.p.conj(), np.asarray(self.form.amplitude(self.origin, y))[..., None]
        speed = (v @ conjugate)[..., None] / z
        turn = np.imag(speed)[..., None]
        bend = np.imag((conjugate @ slope) / z - speed * conjugate / z)
        return slope / turn - v[..., None] * bend[..., None, :] / turn**2


def _integrate(field: Field, starts: NDArray[np.float64], times: NDArray[np.float64], rtol: float) -> Any:
    from dynamics.flow import integrate

    scale = float(np.abs(starts).max())
    # a start that leaves by ten times its size tells nothing about the neighbourhood and would only cost time
    return integrate(
        field,
        starts,
        times,
        rtol=rtol,
        atol=rtol * 1e-3 * min(1.0, scale),
        max_evaluations=50_000,
        bound=10 * scale + 10,
    )


def return_growth(
    field: Field, y: NDArray[np.float64], form: HopfForm, radii: NDArray[np.float64], settle: float, turns: int = 1
) -> Growth:
    """Return the growth per unit of time of amplitudes over whole revolutions.

    Parameters
    ----------
    field : Field
    y : ndarray, shape (dim,)
    form : HopfForm
    radii : ndarray, shape (m,)
        Amplitudes ``|z|`` to start from, on the centre manifold to second order.
    settle : float
        Time for transients to die out before the measurement (0 in the plane).
    turns : int
        Revolutions of each measured stretch (two of them where transients had to settle).
    """
    starts = form.states(y, radii.astype(complex))
    period = 2 * np.pi / form.omega
    before = float(np.ceil(settle / period))
    # in the plane one stretch tells all; with transients a second one shows whether they have died out
    stretches = 2 if settle > 0 else 1
    times = np.unique(np.append(0.0, before + turns * np.arange(stretches + 1)) * 2 * np.pi)
    logs = []
    failed = np.zeros(len(radii), dtype=bool)
    for rtol in (TIGHT, LOOSE):
        result = _integrate(AngleField(field, y, form), starts, times, rtol)
        failed |= np.array([status is not Status.FINISHED for status in np.ravel(result.statuses)])
        states = np.where(np.isfinite(result.states), result.states, 1.0)[:, -1 - stretches :]
        logs.append(np.log(np.abs(form.amplitude(y, states)) + 1e-300))
    tight, loose = logs
    duration = turns * period
    measured = np.diff(tight, axis=1) / duration
    change = np.abs(np.diff(tight - loose, axis=1)).max(axis=1) / duration
    # what two stretches disagree on beyond the slow law itself is a transient that has not died out
    drift = np.abs(measured[:, 0] - measured[:, -1])
    rates = np.where(failed, np.nan, measured[:, -1])
    return Growth(np.exp(tight[:, 0]), rates, change + drift + 1e-13 / duration)


def perturbation_trend(
    field: Field,
    y: NDArray[np.float64],
    scale: float,
    time: float,
    left: NDArray[np.complex128],
    right: NDArray[np.complex128],
    groups: NDArray[np.int_],
    seed: int = 0,
) -> tuple[int | None, str]:
    """Return what small perturbations do: -1 every mode decays, 1 states grow, 0 all is conserved, None not decided.

    The squared amplitudes of the critical modes are averaged over six successive windows of time. A mode that grows is
    not outweighed by others that decay: starts are random ones and ones along each group alone, and to attract, every
    group has to fall in every window of every start in which it takes part.

    Parameters
    ----------
    field : Field
    y : ndarray, shape (dim,)
    scale : float
        Sizes of the perturbations are this and half of it.
    time : float
        Length of one window.
    left, right : ndarray of complex, shape (dim, k)
        Eigenvectors of the critical eigenvalues, one of each conjugate pair.
    groups : ndarray of int, shape (k,)
        Modes with the same number are judged together.
    seed : int
    """
    generator = np.random.default_rng(seed)
    directions = [generator.standard_normal((6, len(y)))]
    labels = np.unique(groups)
    for label in labels:
        own = right[:, groups == label]
        axes = np.concatenate([np.real(own), -np.real(own)], axis=1).T
        # directions inside an eigenspace of several dimensions differ; in one dimension there are but two
        count = 12 * (own.shape[1] - 1)
        mixed = generator.standard_normal((count, own.shape[1])) + 1j * generator.standard_normal((count, own.shape[1]))
        directions += [axes, np.real(mixed @ own.T)]
    unit = np.concatenate(directions)
    unit /= np.linalg.norm(unit, axis=1, keepdims=True)
    starts = y + np.concatenate([scale * unit, 0.5 * scale * unit])
    windows, samples = 6, 48
    times = np.linspace(0.0, windows * time, windows * samples + 1)
    result = _integrate(field, starts, times, TIGHT)
    if not all(status is Status.FINISHED for status in np.ravel(result.statuses)):
        return None, f"perturbations of size {scale:g} left the neighbourhood or could not be followed"
    squares = np.abs((result.states - y) @ left.conj()) ** 2
    energy = np.stack([squares[..., groups == label].sum(axis=-1) for label in labels], axis=-1)[:, 1:]
    # the first window holds the transients of the stable directions
    energy = energy.reshape(len(starts), windows, samples, len(labels)).mean(axis=2)[:, 1:]
    total = energy.sum(axis=-1)
    # what a start hardly excites is judged by the starts along it
    excited = (energy > 1e-6 * total[..., None]).all(axis=1)
    steps = np.diff(np.log(energy + 1e-300), axis=1)
    judged = np.moveaxis(steps, 1, 2)[excited]
    steps_of_total = np.diff(np.log(total + 1e-300), axis=1)
    change = judged.sum(axis=-1)
    span = (windows - 1) * time
    words = f"log of squared amplitudes over {span:.4g} time units: {change.min():.3g} to {change.max():.3g}"
    # the integrator keeps linear oscillations to about 1e-10 over such times; modes may exchange what they conserve
    # together
    if (np.abs(steps_of_total) <= 1e-8).all():
        return 0, f"conserved: {words}"
    if (judged < -1e-7).all():
        return -1, f"all decay: {words}"
    if (steps_of_total > 1e-7).all(axis=1).any():
        return 1, f"one grows: {words}"
    return None, f"no common trend: {words}"
