r"""Critical time scales: every ratio tau > 0 of the discriminator's pace at which stability of the flow changes.

``J(tau) = diag(1, tau) J`` multiplies the follower's rows (the discriminator's). Two eigenvalues of ``J(tau)`` sum to
zero exactly where the bialternate sum ``B(tau) = B_0 + tau B_1`` of order ``n (n - 1) / 2`` is singular, so every
crossing of the imaginary axis by a pair is a generalised eigenvalue of the pencil ``(B_0, -B_1)``; a zero eigenvalue
cannot cross, since ``det J(tau)`` is ``det J`` times a power of tau. Candidates count when the sign of the spectral
abscissa differs on their two sides.

Sign convention: ``J = dv/dy``; negative real parts attract.

Sources: Guckenheimer, Myers and Sturmfels 1997 (bialternate products); Fiez and Ratliff 2021 (critical ratios of
games); Hochstenbach, Mehl and Plestenjak 2023 (projection of singular pencils).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dynamics.stability.roots import bracketed_root
from dynamics.stability.spectra import spectrum

#: Beyond this many coordinates the bialternate pencil is too large, and changes are bracketed on a grid instead.
MAX_PENCIL = 24
#: Range in which changes are looked for.
RANGE = (1e-9, 1e9)


def bialternate_sum(matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the matrix of order n (n - 1) / 2 whose eigenvalues are the sums of pairs of eigenvalues of ``matrix``.

    It is the restriction of ``A (x) I + I (x) A`` to antisymmetric tensors.

    Parameters
    ----------
    matrix : ndarray, shape (n, n)
    """
    n = len(matrix)
    first, second = np.triu_indices(n, 1)
    p, q = first[:, None], second[:, None]
    r, s = first[None, :], second[None, :]
    same = np.eye(n)
    return matrix[p, r] * same[q, s] + matrix[q, s] * same[p, r] - matrix[p, s] * same[q, r] - matrix[q, r] * same[p, s]


def critical_timescales(jacobian: NDArray[np.float64], part: slice, zeros: int = 0) -> tuple[float, ...]:
    """Return, ascending, every tau > 0 at which stability of ``diag(1, tau) J`` changes.

    Parameters
    ----------
    jacobian : ndarray, shape (n, n)
        Jacobian of the unscaled field.
    part : slice
        Rows of the follower, which tau multiplies.
    zeros : int
        Number of eigenvalues that vanish for every tau (dimension of a continuum); they are left out.
    """
    n = len(jacobian)
    rows = np.arange(n)[part]
    if n < 2 or len(rows) in (0, n) or not np.abs(jacobian).any():
        return ()
    slow, fast = jacobian.copy(), np.zeros_like(jacobian)
    slow[rows], fast[rows] = 0.0, jacobian[rows]
    if n <= MAX_PENCIL:
        candidates = pencil_candidates(bialternate_sum(slow), bialternate_sum(fast))
        # between candidates nothing crosses; the outer intervals are represented by their ends
        merged = _spread(candidates)
        inner = np.sqrt(merged[1:] * merged[:-1])
        ends = (merged[0] / 4, merged[-1] * 4) if len(merged) else (1.0, 1.0)
        probes = np.concatenate([[ends[0]], inner, [ends[1]]])
    else:
        probes = np.geomspace(1e-4, 1e4, 400)
    states = np.array([_state(slow, fast, tau, zeros) for tau in probes])
    changes = np.flatnonzero(states[1:] != states[:-1])
    return tuple(_refine(slow, fast, probes[i], probes[i + 1], zeros) for i in changes)


def critical_timescale(values: tuple[float, ...]) -> float | None:
    """Return the value nearest to 1 in ratio, None if there is none."""
    return min(values, key=lambda tau: abs(np.log(tau))) if values else None


def pencil_candidates(constant: NDArray[np.float64], slope: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the positive real generalised eigenvalues of ``constant + tau slope``, ascending, some spurious.

    A singular pencil (a pair sums to zero for every tau) is compressed by random orthonormal projections to its
    normal rank: its true eigenvalues survive, random ones join, and the caller's check of signs removes these.
    """
    size = max(float(np.abs(constant).max()), float(np.abs(slope).max()))
    if size == 0:
        return np.empty(0)
    generator = np.random.default_rng(20240229)
    samples = np.exp(generator.uniform(-1, 1, 3))
    singular_values = [np.linalg.svd(constant + tau * slope, compute_uv=False) for tau in samples]
    rank = max(int((s > 1e-11 * s[0]).sum()) if s[0] > 0 else 0 for s in singular_values)
    if rank == 0:
        return np.empty(0)
    if rank < len(constant):
        left = np.linalg.qr(generator.standard_normal((len(constant), rank)))[0]
        right = np.linalg.qr(generator.standard_normal((len(constant), rank)))[0]
        constant, slope = left.T @ constant @ right, left.T @ slope @ right
    # shifted and inverted about a ratio at which the pencil is regular: tau = shift - 1 / theta
    shift = min(samples, key=lambda tau: np.linalg.cond(constant + tau * slope))
    theta = np.linalg.eigvals(np.linalg.solve(constant + shift * slope, slope))
    theta = theta[np.abs(theta) > 1e-14 * np.abs(theta).max(initial=0.0)]
    values = shift - 1 / theta
    # double roots split by the square root of rounding; the check of signs decides about the rest
    real = (np.abs(values.imag) <= 1e-6 * np.abs(values.real)) & (values.real > RANGE[0]) & (values.real < RANGE[1])
    return np.sort(values.real[real])


def _spread(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return sorted values without those that repeat their predecessor to 1e-9."""
    kept: list[float] = []
    for value in values:
        if not kept or value > kept[-1] * (1 + 1e-9):
            kept.append(float(value))
    return np.array(kept)


def _abscissa(slow: NDArray[np.float64], fast: NDArray[np.float64], tau: float, zeros: int) -> float:
    """Return the largest real part among the eigenvalues that do not vanish for every tau."""
    values = np.linalg.eigvals(slow + tau * fast)
    kept = values[np.argsort(np.abs(values))[zeros:]]
    return float(kept.real.max()) if len(kept) else 0.0


def _state(slow: NDArray[np.float64], fast: NDArray[np.float64], tau: float, zeros: int) -> int:
    """Return -1 where every eigenvalue is stable, 1 where one is unstable, 0 where rounding hides the sign."""
    found = spectrum(slow + tau * fast, zeros=zeros)
    kept = np.argsort(np.abs(found.eigenvalues))[zeros:]
    signs = found.signs[kept]
    return 0 if len(signs) == 0 else int(signs.max())


def _refine(slow: NDArray[np.float64], fast: NDArray[np.float64], low: float, high: float, zeros: int) -> float:
    """Return the crossing of the spectral abscissa in a bracket, to rounding."""

    def abscissa(logarithm: float) -> float:
        return _abscissa(slow, fast, float(np.exp(logarithm)), zeros)

    ends = float(np.log(low)), float(np.log(high))
    if abscissa(ends[0]) * abscissa(ends[1]) < 0:
        return float(np.exp(bracketed_root(abscissa, *ends)))
    # neutral on one side (a centre for an interval of tau): bisect on the sign within its tolerance
    first = _state(slow, fast, low, zeros)
    for _ in range(200):
        middle = 0.5 * (ends[0] + ends[1])
        if middle in ends:
            break
        ends = (middle, ends[1]) if _state(slow, fast, float(np.exp(middle)), zeros) == first else (ends[0], middle)
    return float(np.exp(0.5 * (ends[0] + ends[1])))
