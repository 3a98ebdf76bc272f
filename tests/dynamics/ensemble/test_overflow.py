"""Steps beyond floating point: a path that is lost has met nothing on its way."""

from __future__ import annotations

import numpy as np
import pytest

from dynamics import ensemble, games


@pytest.mark.parametrize("compiled", [True, False])
def test_a_step_to_infinity_meets_no_condition(compiled: bool) -> None:
    # dx = 8 x^7 dt: from 1e60 one step ends beyond the largest float, on the other side of the boundary.
    steep = games.inline("-x**8", ["x"], [])
    run = ensemble.simulate(steep, 0.5, paths=40, dt=0.5, time=2.0, start=[1e60], until="x > 1e100", compiled=compiled)
    assert run.counts == {"finished": 0, "diverged": 40}
    assert run.events[0].count == 0
    np.testing.assert_array_equal(run.final, np.full((40, 1), 1e60))
    # Negative control: a boundary that a finite step crosses is met, between the two states.
    near = ensemble.simulate(steep, 0.5, paths=40, dt=0.5, time=2.0, start=[2.0], until="x > 3", compiled=compiled)
    assert near.events[0].count == 40
    assert np.allclose(near.events[0].place, 3.0, rtol=1e-12)
