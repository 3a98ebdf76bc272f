"""Linear stochastic differential equations in closed form: what ensembles are held against.

``dY = (A Y + c) dt + g(t) B dW``. Means and covariances obey ordinary differential equations; a stationary covariance
solves the Lyapunov equation ``A S + S A^T + B B^T = 0``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dynamics.core.errors import InputError
from dynamics.ensemble.sde import SDE

#: Gauss-Legendre points of an integral over one step under a schedule; exact for polynomials of degree 31.
_POINTS = 16
#: Sums over a step and over its halves agree to this share, or the halves are halved, so many times at most.
_AGREE, _HALVINGS = 1e-12, 40


@dataclass(frozen=True, eq=False)
class LinearSDE:
    """``dY = (A Y + c) dt + g(t) B dW``.

    Attributes
    ----------
    drift : ndarray, shape (dim, dim)
        A; the origin attracts when every eigenvalue has a negative real part.
    shift : ndarray, shape (dim,)
        c.
    noise : ndarray, shape (dim, m)
        B.
    strength : callable, optional
        g; 1 without one.
    jumps : tuple of float
        Times at which g is not continuous.
    """

    drift: NDArray[np.float64]
    shift: NDArray[np.float64]
    noise: NDArray[np.float64]
    strength: Callable[[float], float] | None = None
    jumps: tuple[float, ...] = ()

    @classmethod
    def of(cls, sde: SDE) -> LinearSDE:
        """Return an equation whose drift is affine and whose noise is additive, or refuse another one."""
        if not sde.affine or not sde.additive:
            raise InputError(
                f"Closed forms need a linear drift and additive noise, {getattr(sde.motion, 'name', 'the field')} has "
                "not: take LinearSDE.about(sde, at) for the linearisation at a point."
            )
        zero = np.zeros(sde.dim)
        shift = sde.drift_at(zero)
        matrix = sde.drift_at(np.eye(sde.dim)) - shift
        return cls._made(matrix.T, shift, sde, zero)

    @classmethod
    def about(cls, sde: SDE, at: ArrayLike) -> LinearSDE:
        """Return the linearisation about a state: ``A = da/dy`` there, noise as it is there; exact Jacobian.

        At an equilibrium ``A at + c = 0``, so that deviations obey the equation with ``c = 0``.
        """
        point = np.asarray(at, dtype=np.float64)
        matrix = sde.drift_jacobian(point)
        return cls._made(matrix, sde.drift_at(point) - matrix @ point, sde, point)

    @classmethod
    def _made(cls, matrix: NDArray[np.float64], shift: NDArray[np.float64], sde: SDE, at: Any) -> LinearSDE:
        schedule = sde.noise.schedule
        noise = sde.diffusion_at(at, g=1.0)
        jumps = () if schedule is None else schedule.jumps  # pyright: ignore[reportAttributeAccessIssue]
        return cls(matrix, shift, noise, None if schedule is None else sde.noise.factor, jumps)

    @property
    def dim(self) -> int:
        """Number of coordinates."""
        return len(self.shift)

    @property
    def diffusion(self) -> NDArray[np.float64]:
        """``B B^T``, covariance per unit time where g is 1, twice the matrix D of the Fokker-Planck equation."""
        return self.noise @ self.noise.T

    @cached_property
    def stationary_mean(self) -> NDArray[np.float64]:
        """``-A^-1 c``."""
        return np.asarray(np.linalg.solve(self.drift, -self.shift), dtype=np.float64)

    @cached_property
    def stationary_covariance(self) -> NDArray[np.float64]:
        """The solution S of ``A S + S A^T + B B^T = 0``.

        Raises
        ------
        InputError
            If there is no stationary law: an eigenvalue of A has no negative real part, or the noise changes in time.
        """
        from scipy.linalg import solve_continuous_lyapunov

        if self.strength is not None:
            raise InputError("There is no stationary law while the strength of the noise changes: leave the schedule.")
        worst = np.linalg.eigvals(self.drift)
        worst = worst[np.argmax(worst.real)]
        if not worst.real < -1e-12 * np.abs(self.drift).max():
            raise InputError(
                f"There is no stationary law: A has the eigenvalue {worst:.6g}, whose real part is not negative."
            )
        solution = solve_continuous_lyapunov(self.drift, -self.diffusion)
        return (solution + solution.T) / 2

    @cached_property
    def stationary_current(self) -> NDArray[np.float64]:
        """Matrix Q of the stationary probability current ``J(y) = Q (y - mean) p(y)``: ``Q = A + B B^T S^-1 / 2``.

        It vanishes exactly when the law is a Gibbs law (detailed balance). Source: Risken 1989, section 6.5.
        """
        return self.drift + 0.5 * self.diffusion @ np.linalg.inv(self.stationary_covariance)

    def moments(
        self, times: ArrayLike, mean: ArrayLike, covariance: ArrayLike | None = None
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return mean and covariance of Y at ascending times, from those at time 0.

        Parameters
        ----------
        times : array_like, shape (time,)
        mean : array_like, shape (dim,)
        covariance : array_like, shape (dim, dim), optional
            Zero by default.

        Returns
        -------
        pair of ndarray, shapes (time, dim) and (time, dim, dim)
        """
        m = np.array(mean, dtype=np.float64)
        s = np.zeros((self.dim, self.dim)) if covariance is None else np.array(covariance, dtype=np.float64)
        moments = np.asarray(times, dtype=np.float64)
        if moments.ndim != 1 or not (np.diff(moments, prepend=0.0) >= 0).all():
            raise InputError(f"The times must be a list that ascends from 0 on, got {moments.tolist()}: sort them.")
        now, means, covariances = 0.0, [], []
        with _one_thread():
            for t in moments:
                if t > now:
                    e, d, q = self._step(t - now, now)
                    m, s, now = e @ m + d, e @ s @ e.T + q, float(t)
                means.append(m)
                covariances.append(s)
        return np.array(means), np.array(covariances)

    def _step(self, h: float, t: float) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        """Return ``exp(A h)``, the integral of ``exp(A s) c`` and the covariance of the noise over [t, t + h]."""
        return *propagate(self, h), _added(self, h, np.array([t]))[0]


def propagate(linear: LinearSDE, h: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return ``E = exp(A h)`` and ``d``, the integral of ``exp(A s) c`` over [0, h]."""
    from scipy.linalg import expm

    n = linear.dim
    block = np.zeros((n + 1, n + 1))
    block[:n, :n], block[:n, n] = linear.drift * h, linear.shift * h
    both = expm(block)
    return both[:n, :n], both[:n, n]


def noise_covariances(linear: LinearSDE, h: float, starts: ArrayLike) -> NDArray[np.float64]:
    """Return the covariance that the noise adds over steps of length h, shape (starts, dim, dim).

    ``integral over [t, t + h] of g(s)^2 C(t + h - s) C(t + h - s)^T ds`` with ``C(u) = exp(A u) B``: in closed form
    without a schedule, else by Gauss-Legendre sums, split where g jumps.
    """
    with _one_thread():
        return _added(linear, h, np.asarray(starts, dtype=np.float64))


def _one_thread() -> Any:
    """Keep the exponentials of many small matrices to one thread of BLAS: handing them out takes 200 times as long."""
    from threadpoolctl import threadpool_limits

    return threadpool_limits(1, user_api="blas")


def _added(linear: LinearSDE, h: float, starts: NDArray[np.float64]) -> NDArray[np.float64]:
    if linear.strength is None:
        constant = _covariance(linear.drift, linear.diffusion, h)
        return np.broadcast_to(constant, (len(starts), *constant.shape))
    return _scheduled(linear, h, starts)


def _scheduled(
    linear: LinearSDE, h: float, starts: NDArray[np.float64], allowed: NDArray[np.float64] | None = None, depth: int = 0
) -> NDArray[np.float64]:
    """Return covariances under a schedule; steps whose sum differs from that over their halves are halved.

    ``allowed`` is the difference allowed to each, which halves inherit: a share of the covariance over the whole step.
    """
    halves, whole = _sums(linear, h / 2, np.append(starts, starts + h / 2)), _sums(linear, h, starts)
    found = _joined(linear, h / 2, halves)
    inherited = _AGREE * np.abs(found).max(axis=(1, 2)) if allowed is None else allowed
    rough = np.abs(found - whole).max(axis=(1, 2)) > inherited
    if rough.any() and depth < _HALVINGS:
        later = np.append(starts[rough], starts[rough] + h / 2)
        finer = _scheduled(linear, h / 2, later, np.tile(inherited[rough], 2), depth + 1)
        found[rough] = _joined(linear, h / 2, finer)
    return found


def _joined(linear: LinearSDE, h: float, parts: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return covariances over pairs of steps of length h; the later steps stand behind all earlier ones."""
    first, second = np.split(parts, 2)
    e, _ = propagate(linear, h)
    return e @ first @ e.T + second


def _sums(linear: LinearSDE, h: float, starts: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return Gauss-Legendre sums over steps, split where g jumps."""
    assert linear.strength is not None
    places, weights = _nodes(0.0, h)
    products = _carried(linear, h - places)
    factors = np.array([[linear.strength(t + place) ** 2 for place in places] for t in starts])
    found = np.einsum("kq,q,qij->kij", factors, weights, products)
    for k, t in enumerate(starts):
        inside = [jump - t for jump in linear.jumps if t < jump < t + h]
        if not inside:
            continue
        edges = [0.0, *inside, h]
        pieces = [_nodes(low, high) for low, high in pairwise(edges)]
        places, weights = (np.concatenate(part) for part in zip(*pieces, strict=True))
        own = np.array([linear.strength(t + place) ** 2 for place in places])
        found[k] = np.einsum("q,qij->ij", own * weights, _carried(linear, h - places))
    return found


def _nodes(low: float, high: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    x, w = np.polynomial.legendre.leggauss(_POINTS)
    return low + (high - low) * (x + 1) / 2, w * (high - low) / 2


def _carried(linear: LinearSDE, times: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return ``C(u) C(u)^T`` at each u, shape (times, dim, dim)."""
    from scipy.linalg import expm

    carried = expm(linear.drift * times[:, None, None]) @ linear.noise
    return carried @ np.swapaxes(carried, -1, -2)


def _covariance(a: NDArray[np.float64], q: NDArray[np.float64], h: float) -> NDArray[np.float64]:
    """Return the integral over [0, h] of ``exp(A s) Q exp(A s)^T`` (Van Loan 1978, theorem 1).

    The exponential of the block matrix grows with ``exp(-A h)``, which leaves nothing of the integral where modes decay
    fast. It is taken over a short step, and the step is doubled: ``C(2 h) = C(h) + exp(A h) C(h) exp(A h)^T``.
    """
    from scipy.linalg import expm

    n = len(a)
    doublings = max(0, int(np.ceil(np.log2(max(np.linalg.norm(a, 1) * h, 1.0)))))
    short = h / 2**doublings
    block = np.zeros((2 * n, 2 * n))
    block[:n, :n], block[:n, n:], block[n:, n:] = -a * short, q * short, a.T * short
    both = expm(block)
    e = both[n:, n:].T
    found = e @ both[:n, n:]
    for _ in range(doublings):
        found, e = found + e @ found @ e.T, e @ e
    return (found + found.T) / 2


def roots(covariances: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return square matrices R with ``R R^T`` the covariances, shape (..., dim, dim)."""
    values, vectors = np.linalg.eigh(covariances)
    return vectors * np.sqrt(np.clip(values, 0.0, None))[..., None, :]
