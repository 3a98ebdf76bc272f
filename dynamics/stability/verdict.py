r"""What the nonlinear flow does at an equilibrium: attracting, repelling, saddle, neutral or undecided.

Hyperbolic equilibria are decided by their spectrum. Otherwise, with no unstable eigenvalue:

* affine fields: exactly, by linear algebra (semi-simple critical eigenvalues: neutral; defective: repelling);
* continua of equilibria: by the transversal eigenvalues (attracting means transversally), at several members;
* one imaginary pair: first Lyapunov coefficient, cross-checked by a measured return map; where it vanishes to
  rounding, by the measured map alone (amplitudes conserved at every radius: neutral);
* one zero eigenvalue: leading coefficient on the centre manifold, cross-checked by the Lyapunov-Schmidt reduction;
* several imaginary pairs, or pairs and one zero eigenvalue: the amplitude equations to third order;
* anything else: the trend of small perturbations, each critical mode judged by itself. Only zero directions verified
  to be those of a continuum are left out.

Formula and measurement that contradict each other give "undecided" with both numbers in the evidence. "repelling"
means: does not attract, some nearby states leave. Sign convention: ``J = dv/dy``, negative real parts attract.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dynamics.games.field import Field
from dynamics.stability import amplitude, normalform, resonance, surfaces
from dynamics.stability.spectra import Spectrum, spectrum


@dataclass(frozen=True)
class Verdict:
    """``kind`` in {attracting, repelling, saddle, neutral, undecided}, the evidence in words, and its numbers."""

    kind: str
    evidence: str
    numbers: dict[str, float]


def nonlinear_verdict(
    field: Field,
    y: NDArray[np.float64],
    found: Spectrum,
    directions: NDArray[np.float64],
    members: NDArray[np.float64],
    extent: float,
) -> Verdict:
    """Return what the nonlinear flow does near an equilibrium.

    Parameters
    ----------
    field : Field
    y : ndarray, shape (dim,)
    found : Spectrum
        Of the Jacobian at ``y``.
    directions : ndarray, shape (k, dim)
        Null directions of a continuum; k = 0 for an isolated equilibrium.
    members : ndarray, shape (m, dim)
        Points of the continuum.
    extent : float
        Half the smallest edge of the box: measured amplitudes stay below a fraction of it.
    """
    if found.flow == "undecided":
        return Verdict("undecided", "rounding hides the sign of a real part", {})
    plus, minus = bool((found.signs > 0).any()), bool((found.signs < 0).any())
    if plus and minus:
        return Verdict("saddle", "eigenvalues with positive and with negative real part", {})
    if plus:
        critical = " (others are critical)" if (found.signs == 0).any() else ""
        return Verdict("repelling", f"an eigenvalue with positive real part and none with negative{critical}", {})
    if not (found.signs == 0).any():
        return Verdict("attracting", "every eigenvalue has a negative real part", {})
    extent = smooth_extent(field, y, extent)
    if bool(getattr(field, "affine", False)):
        return _affine(field, y, found, len(directions))
    zeros, pairs = int(found.zeros.sum()), int(found.imaginary.sum()) // 2
    if len(directions):
        return _continuum(field, y, found, zeros, pairs, members, len(directions), extent)
    if pairs == 1 and zeros == 0:
        return _pair(field, y, found, extent)
    if zeros == 1 and pairs == 0:
        return _zero(field, y, extent)
    return _several(field, y, found, extent)


def _affine(field: Field, y: NDArray[np.float64], found: Spectrum, dimension: int) -> Verdict:
    matrix = np.asarray(field.jacobian(y))
    critical = found.eigenvalues[found.signs == 0]
    n = len(matrix)
    groups: list[complex] = []
    for value in critical:
        if all(abs(value - other) > 1e-6 * max(np.abs(found.eigenvalues).max(), 1e-300) for other in groups):
            groups.append(value)
    for value in groups:
        close = np.abs(critical - value) <= 1e-6 * max(np.abs(found.eigenvalues).max(), 1e-300)
        s = np.linalg.svd(matrix - critical[close].mean() * np.eye(n), compute_uv=False)
        geometric = int((s <= 1e-9 * max(float(np.linalg.norm(matrix)), 1e-300)).sum())
        if geometric < close.sum():
            text = f"the field is affine and the critical eigenvalue {_text(value)} is defective: states leave like t"
            return Verdict("repelling", text, {})
    if dimension and len(critical) == dimension and n > dimension:
        return Verdict("attracting", "the field is affine; the continuum attracts: other real parts are negative", {})
    return Verdict("neutral", "the field is affine and its critical eigenvalues are semi-simple: bounded, no decay", {})


def smooth_extent(field: Field, y: NDArray[np.float64], extent: float) -> float:
    """Return an extent, at most the given one, such that no surface of non-smoothness comes near measured orbits.

    Orbits start within 0.2 extents of the equilibrium; half an extent around it is kept free, which leaves room for
    orbits that are not circles.
    """
    switches = surfaces.surface_functions(field)
    if not switches:
        return extent
    directions = np.concatenate(
        [np.random.default_rng(0).standard_normal((200, len(y))), np.eye(len(y)), -np.eye(len(y))]
    )
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    for _ in range(40):
        shells = y + 0.5 * extent * np.linspace(0.0, 1.0, 6)[:, None, None] * directions
        if all(np.ptp(np.sign(np.asarray(function(shells)))) == 0 for _, function in switches):
            break
        extent *= 0.8
    return extent


def _continuum(
    field: Field,
    y: NDArray[np.float64],
    found: Spectrum,
    zeros: int,
    pairs: int,
    members: NDArray[np.float64],
    dimension: int,
    extent: float,
) -> Verdict:
    n = len(found.eigenvalues)
    if zeros > dimension:
        text = f"{zeros} zero eigenvalues on a continuum of dimension {dimension}: its transversal flow is degenerate"
        return Verdict("undecided", text, {})
    if n == dimension:
        return Verdict("neutral", "every nearby state is an equilibrium", {})
    if pairs:
        return _trend(field, y, found, extent)
    chosen = members[np.linspace(0, len(members) - 1, min(9, len(members))).astype(int)]
    unstable = 0
    for point in chosen:
        at = spectrum(np.asarray(field.jacobian(point)), zeros=dimension)
        unstable += bool((at.signs > 0).any())
    transversal = np.sort(found.eigenvalues.real[found.signs < 0])[-1]
    text = f"a continuum that attracts transversally (slowest real part {transversal:.6g} at the representative)"
    if unstable:
        text += f"; {unstable} of {len(chosen)} other members examined repel"
    return Verdict("attracting", text, {"transversal": float(transversal)})


def _pair(field: Field, y: NDArray[np.float64], found: Spectrum, extent: float) -> Verdict:
    index = int(np.flatnonzero(found.imaginary & (found.eigenvalues.imag > 0))[0])
    omega = float(found.eigenvalues[index].imag)
    form = normalform.hopf_form(field, y, found.right[:, index], found.left[:, index], omega)
    stable = np.abs(found.eigenvalues.real[found.signs < 0])
    # exp(-30) of a transient is below the integrator's tolerance; forty revolutions bound the cost
    settle = min(30.0 / float(stable.min()), 40 * 2 * np.pi / omega) if stable.size else 0.0
    # amplitudes whose law changes them by little while they are followed: growth may blow up in finite time
    duration = settle + 2 * 2 * np.pi / omega
    largest = min(0.2 * extent, np.sqrt(0.1 / max(abs(form.c1.real) * duration, 1e-300)))
    radii = largest * np.array([0.25, 0.5, 1.0])
    growth = amplitude.return_growth(field, y, form, radii, settle)
    a = form.amplitude_coefficient
    numbers: dict[str, Any] = {
        "omega": omega,
        "l1": form.l1,
        "amplitude_coefficient": 0.0 if form.vanishes else a,
    }
    measured = ", ".join(
        f"{rate:.3g} +- {error:.1g} at r = {np.sqrt(2) * radius:.3g}"
        for radius, rate, error in zip(growth.radii, growth.rates, growth.errors, strict=True)
    )
    if not form.vanishes:
        sign = 1 if a > 0 else -1
        law = f"averaged law dr/dt = {a:.9g} r^3 (l1 = {form.l1:.9g}, omega = {omega:.9g})"
        clear = growth.signs != 0
        # higher orders may prevail at larger radii: the smallest radius that shows a sign checks the formula
        if clear.any() and growth.signs[np.flatnonzero(clear)[0]] != sign:
            return Verdict("undecided", f"{law}, contradicted by the measured growth {measured}", numbers)
        if not clear.any():
            return Verdict("undecided", f"{law}, not confirmed by the measured growth {measured}", numbers)
        kind = "attracting" if sign < 0 else "repelling"
        return Verdict(kind, f"{law}; measured growth of log r per unit of time {measured}", numbers)
    law = f"the first Lyapunov coefficient vanishes to rounding ({form.c1.real:.1g} +- {form.tolerance:.1g})"
    if not np.isfinite(growth.rates).any():
        return Verdict("undecided", f"{law} and the return map could not be measured", numbers)
    signs = growth.signs[np.isfinite(growth.rates)]
    if not signs.any():
        return Verdict("neutral", f"{law} and amplitudes are conserved: measured growth {measured}", numbers)
    if (signs[signs != 0] == signs[signs != 0][0]).all():
        kind = "attracting" if signs[signs != 0][0] < 0 else "repelling"
        return Verdict(kind, f"{law}; measured growth of log r per unit of time {measured}", numbers)
    return Verdict("undecided", f"{law}; measured growth changes sign: {measured}", numbers)


def _zero(field: Field, y: NDArray[np.float64], extent: float) -> Verdict:
    form = normalform.fold_form(field, y)
    if form is None:
        return Verdict("undecided", "the zero eigenvalue is not simple: no normal form with a single amplitude", {})
    amplitudes = extent * np.array([0.01, 0.03, 0.1])
    u = np.concatenate([-amplitudes[::-1], amplitudes])
    try:
        values, noise = normalform.reduced_field(field, y, form, u)
    except np.linalg.LinAlgError:
        values, noise = np.zeros_like(u), np.full_like(u, np.inf)
    outward = np.where(np.abs(values) <= noise, 0, np.sign(values) * np.sign(u)).astype(int)
    numbers = {"a2": form.a2, "a3": form.a3}
    sides = [side[side != 0] for side in (outward[2::-1], outward[3:])]
    # the smallest amplitude that shows a sign speaks for its side
    measured = [int(side[0]) if side.size else 0 for side in sides]
    words = f"reduced flow du/dt = {form.a2:.6g} u^2 + {form.a3:.6g} u^3; "
    words += f"measured direction {measured} (left, right; -1 inward)"
    if abs(form.a2) > form.tolerance2:
        if measured in ([-1, 1], [1, -1]):
            return Verdict("repelling", f"semi-stable: {words}", numbers)
        return Verdict("undecided", f"quadratic term not confirmed: {words}", numbers)
    if abs(form.a3) > form.tolerance3 and measured != [int(np.sign(form.a3))] * 2:
        return Verdict("undecided", f"cubic term not confirmed: {words}", numbers)
    if measured == [-1, -1]:
        return Verdict("attracting", words, numbers)
    if 1 in measured:
        return Verdict("repelling", words, numbers)
    return Verdict("undecided", words, numbers)


def _several(field: Field, y: NDArray[np.float64], found: Spectrum, extent: float) -> Verdict:
    """Return the verdict about an isolated equilibrium with several critical modes."""
    form = resonance.amplitude_form(field, y, found)
    if form is None:
        return _trend(field, y, found, extent, found.zeros)
    sign, words = form.decide()
    if sign is not None:
        return Verdict("attracting" if sign < 0 else "repelling", words, {})
    measured = _trend(field, y, found, extent, found.zeros)
    return Verdict(measured.kind, f"{words} does not decide; {measured.evidence}", measured.numbers)


def _trend(
    field: Field, y: NDArray[np.float64], found: Spectrum, extent: float, isolated: NDArray[np.bool_] | None = None
) -> Verdict:
    """Return the verdict by measurement; zero eigenvalues count where they are ``isolated``, no continuum's."""
    critical = found.imaginary | (np.zeros_like(found.imaginary) if isolated is None else isolated)
    critical &= found.eigenvalues.imag >= 0
    frequencies = found.eigenvalues.imag[critical]
    moduli = frequencies[~found.zeros[critical]]
    time = 8 * 2 * np.pi / float(moduli.min()) if moduli.size else 50.0
    # modes of one frequency exchange their energy and are judged together
    near = np.abs(frequencies[:, None] - frequencies) <= 1e-6 * float(np.abs(found.eigenvalues).max(initial=1e-300))
    sign, words = amplitude.perturbation_trend(
        field, y, 0.1 * extent, time, found.left[:, critical], found.right[:, critical], near.argmax(axis=1)
    )
    text = f"{int(found.imaginary.sum()) // 2} imaginary pairs and {int(found.zeros.sum())} zero eigenvalues; {words}"
    if sign is None:
        return Verdict("undecided", text, {})
    return Verdict({-1: "attracting", 0: "neutral", 1: "repelling"}[sign], text, {})


def _text(value: complex) -> str:
    return f"{value.real:.6g}{value.imag:+.6g}i"
