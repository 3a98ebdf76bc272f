"""A result does not depend on what else is in the batch."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from dynamics.core.status import Status
from dynamics.flow import integrate, solvers

BATCHED = [name for name, solver in solvers().items() if solver.kind in ("explicit", "adaptive")]
LOW_ORDER = ("scipy:RK23", "torchdiffeq:bosh3", "torchdiffeq:fehlberg2", "torchdiffeq:adaptive_heun")


def crowd(count: int) -> np.ndarray:
    """One orbit at full speed, the first, among many that rest almost at the equilibrium."""
    starts = np.full((count, 2), 1e-6)
    starts[0] = 2.0, 1.0
    return starts


@pytest.mark.parametrize("name", BATCHED)
def test_a_trajectory_in_a_batch_of_thousands_is_as_accurate_as_alone(fields, name):
    field = fields.Dirac()
    rtol = 1e-5 if name in LOW_ORDER else 1e-8
    exact = integrate(field, [2.0, 1.0], [0.0, 5.0], rtol=1e-13, atol=1e-13).final
    alone = integrate(field, [2.0, 1.0], [0.0, 5.0], name, rtol=rtol, atol=1e-2 * rtol)
    company = integrate(field, crowd(5000), [0.0, 5.0], name, rtol=rtol, atol=1e-2 * rtol)
    # Errors grow with the shear of the orbits: the angular speed s(theta psi) changes by at most r/2 per unit of r,
    # so a local error is stretched by at most 1 + 5 r / 2 < 7 in five time units (r^2 = 5). A local error is at most
    # 2.3 rtol in length, and every step makes one.
    bound = 7 * 2.3 * rtol * (alone.statistics["steps"] + 1)
    assert np.linalg.norm(alone.final - exact) < bound
    assert np.linalg.norm(company.final[0] - exact) < bound
    assert np.linalg.norm(company.final[0] - alone.final) < 2 * bound


def test_the_usual_error_norm_fails_where_ours_does_not(fields):
    # Negative control: SciPy on the flattened batch takes the mean over 20,000 orbits, of which one moves; the error
    # it allows that one is sqrt(20,000) = 141 times larger.
    field, starts = fields.Dirac(), crowd(20_000)
    exact = integrate(field, starts[0], [0.0, 5.0], rtol=1e-13, atol=1e-13).final

    def flat(t, y):
        return field(y.reshape(-1, 2)).reshape(-1)

    usual = solve_ivp(flat, (0, 5), starts.ravel(), "DOP853", rtol=1e-8, atol=1e-10).y[:2, -1]
    ours = integrate(field, starts, [0.0, 5.0]).final[0]
    assert np.linalg.norm(usual - exact) > 10 * np.linalg.norm(ours - exact)


@pytest.mark.parametrize("name", ["scipy:Radau", "scipy:BDF", "scipy:LSODA"])
def test_implicit_methods_give_the_same_bits_alone_and_in_a_batch(fields, name):
    field = fields.Dirac()
    starts = np.array([[1.0, 1.0], [0.2, -1.0], [0.0, 0.0]])
    times = [0.0, 1.0, 2.0]
    together = integrate(field, starts, times, name)
    for row, start in enumerate(starts):
        np.testing.assert_array_equal(together.states[row], integrate(field, start, times, name).states)


@pytest.mark.parametrize("name", BATCHED)
def test_a_blow_up_in_the_batch_leaves_the_others_as_they_are(fields, name):
    rtol = 1e-5 if name in LOW_ORDER else 1e-8
    times = [0.0, 0.4, 2.0]
    starts = np.array([[-1.0], [2.0], [0.25], [1.0]])
    result = integrate(fields.square(), starts, times, name, rtol=rtol, atol=rtol)
    assert result.statuses.tolist() == [Status.FINISHED, Status.DIVERGED, Status.FINISHED, Status.DIVERGED]
    assert result.status is Status.DIVERGED
    # x = 1/(1/x0 - t): an error in 1/x of at most 1.5 rtol / x per step (see test_exact), at most 6 rtol for x >= 1/4.
    slack = 6 * rtol * (result.statistics["steps"] + 10)
    exact = 1 / (1 / starts[[0, 2], 0] - 2.0)
    assert np.abs(1 / result.final[[0, 2], 0] - 1 / exact).max() < slack
    assert np.abs(result.reached[[1, 3]] - [0.5, 1.0]).max() < slack
    assert np.isnan(result.states[1, 2]).all() and np.isfinite(result.states[1, 1]).all()


@pytest.mark.parametrize("name", ["scipy:DOP853", "torchdiffeq:dopri5", "torchdiffeq:heun2", "scipy:LSODA"])
def test_batches_of_any_shape_keep_it(fields, name):
    extra = {"step": 0.1} if name.endswith("heun2") else {}
    starts = np.random.default_rng(1).normal(size=(2, 3, 2))
    result = integrate(fields.Plane(), starts, [0.0, 0.5, 1.0], name, **extra)
    assert result.states.shape == (2, 3, 3, 2)
    assert result.statuses.shape == result.reached.shape == result.events.shape == (2, 3)
    assert result.final.shape == (2, 3, 2)
    np.testing.assert_array_equal(result.states[:, :, 0], starts)
    empty = integrate(fields.Plane(), np.empty((0, 2)), [0.0, 1.0], name, **extra)
    assert empty.states.shape == (0, 2, 2) and empty.status is Status.FINISHED


@pytest.mark.parametrize("name", ["scipy:DOP853", "torchdiffeq:dopri8"])
def test_ten_thousand_starts_need_no_more_calls_than_the_fastest_of_them(fields, name):
    # All starts share their steps: one call of the field serves the whole batch. Speed is bought by this, so it is
    # held by a count; seconds depend on who else uses the machine.
    starts = np.random.default_rng(0).uniform(-3, 3, (10_000, 2))
    result = integrate(fields.Dirac(), starts, [0.0, 10.0], name, max_evaluations=3000)
    assert result.status is Status.FINISHED
    # theta^2 + psi^2 is conserved; errors add along 10 time units, each at most 2 sqrt(2) (1e-10 + 1e-8 |y|).
    drift = np.sum(result.final**2, -1) - np.sum(starts**2, -1)
    assert np.abs(drift).max() < 2 * 4.3 * 2 * np.sqrt(2) * 4.3e-8 * result.statistics["steps"]
