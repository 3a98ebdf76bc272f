"""Critical time scales with known answers, and against a brute-force scan."""

from __future__ import annotations

import numpy as np
import pytest

from dynamics import games
from dynamics.stability import analyse, critical_timescale, critical_timescales
from dynamics.stability.timescales import bialternate_sum


def test_bialternate_sum_has_the_sums_of_pairs_of_eigenvalues() -> None:
    matrix = np.random.default_rng(0).standard_normal((5, 5))
    values = np.linalg.eigvals(matrix)
    pairs = np.array([values[i] + values[j] for i in range(5) for j in range(i)])
    found = np.linalg.eigvals(bialternate_sum(matrix))
    # every sum has a partner within a few thousand units of rounding (condition of a random 10 x 10 spectrum)
    assert np.abs(pairs[:, None] - found[None, :]).min(axis=1).max() < 1e-12


def test_the_quarter_of_the_local_minimax_example() -> None:
    # trace of [[1/4, -0.6], [0.6 tau, -tau]] vanishes at tau = 1/4, its determinant is positive
    matrix = np.array([[0.25, -0.6], [0.6, -1.0]])
    np.testing.assert_allclose(critical_timescales(matrix, slice(1, 2)), [0.25], rtol=1e-14)


def test_fiez_and_ratliff_become_stable_at_two() -> None:
    report = analyse(games.get("fiez-ratliff"))
    np.testing.assert_allclose(report.equilibria[0].critical_timescales, [2.0], rtol=1e-13)


def test_values_are_absolute_whatever_the_present_time_scale() -> None:
    game = games.get("fiez-ratliff").with_timescales({"discriminator": 7.0})
    np.testing.assert_allclose(analyse(game).equilibria[0].critical_timescales, [2.0], rtol=1e-13)


@pytest.mark.parametrize("gamma", [0.0, 0.3, 2.0])
def test_planar_games_whose_trace_keeps_its_sign_have_none(gamma: float) -> None:
    assert critical_timescales(np.array([[0.0, -0.5], [0.5, -gamma]]), slice(1, 2)) == ()


@pytest.mark.parametrize("seed", range(8))
def test_changes_agree_with_a_scan(seed: int) -> None:
    generator = np.random.default_rng(seed)
    matrix = generator.standard_normal((6, 6)) - 1.2 * np.eye(6)
    found = np.array(critical_timescales(matrix, slice(3, 6)))
    scan = np.geomspace(1e-4, 1e4, 4001)
    rows = np.ones((len(scan), 6))
    rows[:, 3:] = scan[:, None]
    abscissa = np.linalg.eigvals(rows[:, :, None] * matrix).real.max(axis=1)
    crossings = np.flatnonzero(np.sign(abscissa[1:]) != np.sign(abscissa[:-1]))
    seen = np.array([tau for tau in found if 1e-4 < tau < 1e4])
    assert len(seen) == len(crossings)
    assert all(scan[k] <= tau <= scan[k + 1] for tau, k in zip(seen, crossings, strict=True))


def test_a_singular_pencil_still_gives_its_regular_eigenvalue() -> None:
    # the example beside two undamped oscillators: sums of their eigenvalues vanish for every tau, so the flow is
    # never asymptotically stable, but a real part becomes positive below tau = 1/4
    example, rotor = np.array([[0.25, -0.6], [0.6, -1.0]]), np.array([[0.0, -1.0], [1.0, 0.0]])
    matrix = np.zeros((6, 6))
    for k, block in enumerate((example, rotor, rotor)):
        # coordinates: three of the leader, three of the follower
        matrix[np.ix_([k, 3 + k], [k, 3 + k])] = block
    np.testing.assert_allclose(critical_timescales(matrix, slice(3, 6)), [0.25], rtol=1e-9)


def test_the_nearest_to_one_is_nearest_in_ratio() -> None:
    assert critical_timescale((0.1, 0.45, 2.0)) == 2.0
    assert critical_timescale(()) is None
