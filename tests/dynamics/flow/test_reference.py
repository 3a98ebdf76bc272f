"""Our loops against the libraries' own: alone, a start takes the very steps that they would take."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torchdiffeq
from scipy.integrate import solve_ivp

from dynamics.flow import integrate, solvers


@pytest.mark.parametrize("method", ["RK23", "RK45", "DOP853"])
@pytest.mark.parametrize("seed", range(5))
def test_a_single_start_takes_the_steps_of_solve_ivp(fields, method, seed):
    field = fields.Dirac()
    start = np.random.default_rng(seed).uniform(-3, 3, 2)
    times = np.linspace(0.0, 7.0, 30)
    theirs = solve_ivp(lambda t, y: field(y), (0, 7), start, method, t_eval=times, rtol=1e-6, atol=1e-8)
    ours = integrate(field, start, times, f"scipy:{method}", rtol=1e-6, atol=1e-8)
    # The same arithmetic up to the order of a few sums; errors of rounding grow with the number of steps.
    np.testing.assert_allclose(ours.states, theirs.y.T, rtol=0, atol=1e-12)


@pytest.mark.parametrize("method", ["dopri8", "dopri5", "bosh3", "fehlberg2", "adaptive_heun"])
@pytest.mark.parametrize("seed", range(3))
def test_a_single_start_takes_the_steps_of_torchdiffeq(fields, method, seed):
    field = fields.Dirac()
    start = torch.tensor(np.random.default_rng(seed).uniform(-3, 3, 2))
    # Ends of torchdiffeq's own accepted steps: there, interpolation plays no part.
    ends: list[float] = []

    class Recorder(torch.nn.Module):
        def forward(self, t, y):
            return field(y, t)

        def callback_accept_step(self, t0, y0, dt):
            ends.append(float(t0 + dt))

    settings = {"rtol": 1e-5, "atol": 1e-7, "method": method}
    torchdiffeq.odeint(Recorder(), start, torch.tensor([0.0, 3.0]), **settings)
    times = np.array([0.0, *ends[2:6]])
    theirs = torchdiffeq.odeint(Recorder(), start, torch.tensor(times), **settings).numpy()
    ours = integrate(field, start.numpy(), times, f"torchdiffeq:{method}", rtol=1e-5, atol=1e-7)
    # In the first, short steps rounding is up to a part in a hundred of the error estimate, and another order of
    # summation changes the next step by an eighth of that. States then differ by a like part of the local errors,
    # which for these steps are below 1e-8. The last step is cut to end at the last time here, and left out.
    np.testing.assert_allclose(ours.states[:-1], theirs[:-1], rtol=0, atol=1e-10)


@pytest.mark.parametrize("method", ["euler", "midpoint", "heun2", "heun3", "rk4"])
def test_fixed_steps_are_those_of_torchdiffeq(fields, method):
    field = fields.Dirac()
    start = torch.tensor([1.0, -0.5], dtype=torch.float64)
    times = torch.linspace(0.0, 2.0, 5, dtype=torch.float64)
    theirs = torchdiffeq.odeint(lambda t, y: field(y, t), start, times, method=method, options={"step_size": 0.125})
    ours = integrate(field, start.numpy(), times.numpy(), f"torchdiffeq:{method}", step=0.125)
    np.testing.assert_allclose(ours.states, theirs.numpy(), rtol=0, atol=1e-14)


def test_every_method_of_both_libraries_is_offered():
    from scipy.integrate._ivp.ivp import METHODS
    from torchdiffeq._impl.odeint import SOLVERS

    theirs = {f"scipy:{name}" for name in METHODS} | {f"torchdiffeq:{name}" for name in SOLVERS}
    assert theirs - set(solvers()) == {"torchdiffeq:scipy_solver"}
    assert all(solver.summary and solver.reference and solver.order >= 1 for solver in solvers().values())


def test_orders_are_those_the_libraries_state():
    from torchdiffeq._impl.odeint import SOLVERS

    for name, solver in solvers().items():
        if name.startswith("torchdiffeq:"):
            assert solver.order == SOLVERS[solver.method].order
