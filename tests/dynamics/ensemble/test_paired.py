"""Ensembles with the same random numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from dynamics import ensemble, games
from dynamics.core.errors import InputError

RUN: dict[str, Any] = {"paths": 2000, "dt": 0.05, "time": 1.0, "start": [1.0, 1.0]}


def run(gamma: float = 0.5, **change: Any) -> ensemble.Ensemble:
    return ensemble.simulate(games.get("dirac-gan", penalty="r1", gamma=gamma), 0.3, **{**RUN, **change})


def test_a_parameter_moves_the_mean_by_an_amount_that_common_numbers_resolve() -> None:
    one, other = run(0.5), run(0.51)
    shared = ensemble.difference(one, other, "psi")
    alone = np.hypot(one.mean_error[-1, 1], other.mean_error[-1, 1])
    assert shared.stderr < alone / 50
    assert abs(shared.mean) > 5 * shared.stderr
    assert shared.correlation > 0.999
    # The two means differ by the mean difference, whatever the order of summation.
    assert shared.mean == pytest.approx(one.mean[-1, 1] - other.mean[-1, 1], abs=1e-13)


def test_other_numbers_share_nothing() -> None:
    with pytest.raises(InputError, match="seed"):
        ensemble.difference(run(), run(seed=1), "psi")


def test_steps_of_two_lengths_follow_the_same_brownian_path() -> None:
    fine, coarse = run(dt=0.0125), run(dt=0.05, brownian_dt=0.0125)
    strangers = run(dt=0.05)
    close = ensemble.difference(coarse, fine, "theta")
    assert strangers.final is not None and fine.final is not None
    far = strangers.final[:, 0] - fine.final[:, 0]
    # Composed increments are sums of the fine ones: the time step alone separates the two.
    assert close.rms < np.sqrt((far**2).mean()) / 10
    assert close.correlation > 0.99 > abs(np.corrcoef(strangers.final[:, 0], fine.final[:, 0])[0, 1])
    with pytest.raises(InputError, match="Brownian step"):
        ensemble.difference(strangers, fine, "theta")


def test_what_cannot_be_compared_is_said() -> None:
    with pytest.raises(InputError, match="keep=True"):
        ensemble.difference(run(), run(keep=False), "psi")
    with pytest.raises(InputError, match="no coordinate 'phi'"):
        ensemble.difference(run(), run(), "phi")
    with pytest.raises(InputError, match="paths"):
        ensemble.difference(run(), run(paths=10), "psi")
