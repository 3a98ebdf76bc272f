r"""Events of equilibria of flows: folds, Hopf points, centres, neutral saddles, changes between node and focus.

Sign convention: ``J = dv/dy``, negative real parts attract; ``l1 < 0`` is a supercritical Hopf point, whose cycle
attracts where the other eigenvalues do.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from dynamics.stability.continuation import testfunctions as tests
from dynamics.stability.continuation.curve import Lost, Vector, tangent
from dynamics.stability.continuation.detection import Mark
from dynamics.stability.continuation.points import Equilibria, eigen
from dynamics.stability.continuation.result import BranchEvent
from dynamics.stability.normalform import HopfForm, fold_form, hopf_form
from dynamics.stability.spectra import left_vectors

#: Eigenvalues below this share of the largest are zero beside a pair on the imaginary axis.
FLAT = 1e-6
#: Step along the tangent, in scaled unknowns, for the speed of eigenvalues: ``eps^(1/3)`` balances rounding.
STEP = 6e-6


def classify(mark: Mark) -> BranchEvent | None:
    """Return the event of a mark on a branch of equilibria; None where it means nothing for the dynamics."""
    problem = mark.problem
    assert isinstance(problem, Equilibria)
    if mark.kind == "fold":
        return _fold(problem, mark)
    if mark.kind == "focus":
        return _focus(problem, mark)
    return _pair(problem, mark)


def _event(kind: str, problem: Equilibria, z: Vector, detail: dict[str, Any], evidence: str) -> BranchEvent:
    return BranchEvent(kind, problem.parameter(z), problem.at(z), detail, evidence)


def _fold(problem: Equilibria, mark: Mark) -> BranchEvent:
    z, p = mark.z, problem.family.parameter
    form = fold_form(problem.field(z), problem.point(z))
    if form is None:
        text = "the branch turns back where two eigenvalues are zero (a Bogdanov-Takens point): no fold normal form"
        return _event("fold", problem, z, {"type": "degenerate"}, text)
    slope = float(form.p @ problem.family.slope(problem.parameter(z), problem.point(z)))
    detail: dict[str, Any] = {"a2": form.a2, "slope": slope}
    law = f"on the centre manifold du/dt = b ({p} - {problem.parameter(z):.8g}) + a2 u^2 with b = {slope:.6g}"
    law += f", a2 = {form.a2:.6g}"
    if abs(form.a2) <= form.tolerance2:
        detail |= {"type": "degenerate", "a3": form.a3}
        return _event(
            "fold", problem, z, detail, f"the branch turns back where an eigenvalue vanishes; {law} is degenerate"
        )
    side = "above" if -slope / form.a2 > 0 else "below"
    detail |= {"type": "fold", "solutions": side}
    return _event(
        "fold", problem, z, detail, f"the branch turns back where an eigenvalue vanishes; {law}: two equilibria {side}"
    )


def _focus(problem: Equilibria, mark: Mark) -> BranchEvent:
    z = mark.z
    values = problem.eigenvalues(z)
    i, j = np.triu_indices(len(values), 1)
    # those that meet: the closest pair beyond the ones that coincide along the whole branch
    k = np.argsort(np.abs(tests.squared_differences(values)))[mark.dropped]
    double = float(((values[i[k]] + values[j[k]]) / 2).real)
    detail: dict[str, Any] = {"eigenvalue": double}
    counts = []
    for way in (-1.0, 1.0):
        try:
            counts.append(tests.complex_count(problem.eigenvalues(_moved(problem, z, mark.tangent, way * 1e-4))))
        except Lost:
            counts.append(tests.complex_count(values))
    if mark.tangent[-1] < 0:
        counts.reverse()
    word = {1: "become a complex pair: a node turns into a focus", -1: "part: a focus turns into a node", 0: "meet"}
    sign = int(np.sign(counts[1] - counts[0]))
    detail["becomes"] = {1: "focus", -1: "node", 0: ""}[sign]
    text = (
        f"as {problem.family.parameter} grows two eigenvalues that meet at {double:.10g} {word[sign]}"
        " (the discriminant vanishes)"
    )
    return _event("node-focus", problem, z, detail, text)


def _pair(problem: Equilibria, mark: Mark) -> BranchEvent | None:
    z, name = mark.z, problem.family.parameter
    values, right = eigen(problem.linearisation(z))
    i, j = np.triu_indices(len(values), 1)
    order = np.argsort(np.abs(tests.sums(values)))
    k = _chosen(values, i, j, order, mark)
    first, second = values[i[k]], values[j[k]]
    turning = abs(first.imag) > tests.REAL * tests.size(values)
    norm = float(np.linalg.norm(problem.linearisation(z), 2))
    if max(abs(first), abs(second)) <= FLAT * norm:
        if mark.along or mark.end:
            return None
        text = "two eigenvalues are zero (a Bogdanov-Takens point): no Hopf normal form"
        return _event("hopf", problem, z, {"type": "degenerate", "frequency": 0.0}, text)
    if not turning:
        return _neutral(problem, mark, float(abs(first.real)), float(abs(second.real)))
    which = int(i[k]) if first.imag > 0 else int(j[k])
    omega = float(values[which].imag)
    if mark.along:
        detail = {"frequency": omega, "along": list(mark.along or ())}
        stretch = f"from {name} = {mark.along[0]:.8g} to {mark.along[1]:.8g}"
        text = f"centre along the branch: a pair (here +-{omega:.8g}i) stays on the imaginary axis {stretch}"
        return _event("center", problem, z, detail, text)
    together = int(((np.abs(values.real) <= tests.REAL * tests.size(values)) & (values.imag > 0)).sum())
    if together > 1 and not mark.dropped:
        detail = {"type": "degenerate", "frequency": omega, "pairs": together}
        text = f"{together} pairs (one of them +-{omega:.8g}i) cross the imaginary axis at once: no single normal form"
        return _event("hopf", problem, z, detail, text)
    if np.abs(values).min() <= FLAT * tests.size(values):
        detail = {"type": "degenerate", "frequency": omega}
        text = f"the pair +-{omega:.8g}i crosses the imaginary axis beside a zero eigenvalue: no Hopf normal form"
        return _event("hopf", problem, z, detail, text)
    form = hopf_form(problem.field(z), problem.point(z), right[:, which], left_vectors(right)[:, which], omega)
    speed = _speed(problem, mark, right[:, which], left_vectors(right)[:, which])
    detail = {"l1": form.l1, "type": _type(form), "frequency": omega, "speed": speed}
    crossing = (
        f"the pair +-{omega:.8g}i crosses the imaginary axis, d Re(lambda)/d {name} = {speed:.6g}"
        if speed is not None
        else f"the pair +-{omega:.8g}i crosses the imaginary axis where the branch turns"
    )
    if mark.end and form.vanishes:
        word = "begins" if mark.place == 0 else "ends"
        text = f"the branch {word} in a centre: {crossing.replace('crosses', 'meets')}, and l1 vanishes to rounding"
        return _event("center", problem, z, detail, text)
    ending = " at the end of the range" if mark.end else ""
    return _event("hopf", problem, z, detail, f"{crossing}{ending}; {_words(form)}")


def _chosen(values: tests.Values, i: Any, j: Any, order: Any, mark: Mark) -> int:
    """Return the index of the pair behind a mark: a neutral one along a stretch, else the next beyond these."""
    if not mark.along:
        return int(order[mark.dropped])
    # of the pairs that stay neutral, a complex one speaks of a centre
    scale = tests.REAL * tests.size(values)
    for k in order[: mark.dropped + 1]:
        if abs(values[i[k]].imag) > scale:
            return int(k)
    return int(order[mark.dropped])


def _neutral(problem: Equilibria, mark: Mark, first: float, second: float) -> BranchEvent | None:
    if mark.along or mark.end:
        return None
    text = f"two real eigenvalues +-{(first + second) / 2:.8g} sum to zero: no bifurcation, and no Hopf point"
    return _event("neutral-saddle", problem, mark.z, {"eigenvalue": (first + second) / 2}, text)


def _type(form: HopfForm) -> str:
    return "degenerate" if form.vanishes else "supercritical" if form.l1 < 0 else "subcritical"


def _words(form: HopfForm) -> str:
    """Return what the first Lyapunov coefficient says."""
    if form.vanishes:
        return f"l1 = {form.l1:.3g} vanishes to rounding ({form.tolerance / form.omega:.1g}): degenerate Hopf point"
    born = (
        "an attracting cycle surrounds the repelling" if form.l1 < 0 else "a repelling cycle surrounds the attracting"
    )
    kind = "super" if form.l1 < 0 else "sub"
    return f"first Lyapunov coefficient l1 = {form.l1:.8g}: {kind}critical, {born} equilibrium (in its plane)"


def _speed(problem: Equilibria, mark: Mark, right: Any, left: Any) -> float | None:
    """Return how fast the real part of an eigenvalue grows with the parameter; None where the branch is vertical."""
    slope = float(mark.tangent[-1]) * (problem.family.high - problem.family.low)
    if abs(mark.tangent[-1]) < 1e-6:
        return None
    try:
        ahead, behind = (_moved(problem, mark.z, mark.tangent, way * STEP) for way in (1.0, -1.0))
    except Lost:
        return None
    change = (problem.linearisation(ahead) - problem.linearisation(behind)) / (2 * STEP)
    return float(((left.conj() @ change @ right) / (left.conj() @ right)).real / slope)


def _moved(problem: Equilibria, z: Vector, direction: Vector, length: float) -> Vector:
    """Return a point of the curve near another: prediction and one correction, enough for differences."""
    guess = z + length * direction
    value, matrix = problem.evaluate(guess)
    row = tangent(matrix, direction)
    system = np.vstack([matrix, row])
    try:
        return guess - np.linalg.solve(system, np.append(value, 0.0))
    except np.linalg.LinAlgError:
        raise Lost(length) from None
