"""Convergence curves: distances of the iterates, predictions from the multipliers."""

from __future__ import annotations

import numpy as np
import pytest

from dynamics import games, methods
from dynamics.core.errors import InputError
from figures import convergence_picture
from figures.convergence import compute_convergence

GAME = games.get("bilinear")


def test_distances_of_exact_spirals_are_the_prediction():
    picture = compute_convergence(GAME, [0, 0], ["extragradient", "simultaneous"], lr=0.3, iterations=40)
    for run, radius in zip(picture.runs, (np.sqrt(1 - 0.09 + 0.0081), np.sqrt(1.09)), strict=True):
        assert run.radius == pytest.approx(radius, rel=1e-13)
        # the maps are similarities: every distance is the start's times a power of the radius
        np.testing.assert_allclose(run.distances, 1e-3 * radius ** np.arange(41), rtol=1e-12)
        np.testing.assert_allclose(run.predicted, run.distances, rtol=1e-12)


def test_predictions_bound_the_later_distances_and_touch_them():
    game = games.get("dirac-gan", penalty="r1", gamma=0.3)
    for run in compute_convergence(game, [0, 0], ["alternating", "optimistic", "heavy-ball"], lr=0.1).runs:
        half = slice(len(run.distances) // 2, None)
        if run.radius < 1:
            ratio = run.distances[half] / run.predicted[half]
            assert ratio.max() == pytest.approx(1.0, rel=1e-12)
            assert ratio.min() > 0.3


def test_a_run_that_leaves_is_compared_while_it_is_near():
    game = games.get("dirac-gan", penalty="r1", gamma=0.3)
    (run,) = compute_convergence(game, [0, 0], ["heavy-ball"], lr=0.3, iterations=150).runs
    assert run.radius > 1
    near = run.distances < 30e-3
    # within the factor by which modes of a spiral beat
    assert 0.1 < np.exp(np.mean(np.log(run.distances[near] / run.predicted[near]))) < 1.0


def test_methods_without_multipliers_have_no_prediction():
    picture = compute_convergence(GAME, [0, 0], ["adam"], lr=0.1)
    assert (picture.runs[0].radius, picture.runs[0].predicted) == (None, None)
    figure = convergence_picture(GAME, [0, 0], ["adam", "extragradient"], lr=0.1)
    # two measured lines and one dashed one
    assert len(figure.axes[0].lines) == 3
    assert figure.axes[0].get_yscale() == "log"


def test_configured_methods_keep_their_rates_and_names_need_one():
    picture = compute_convergence(GAME, [0, 0], [methods.get("extragradient", lr=lr) for lr in (0.1, 0.5)])
    assert [run.label.split(", ")[:2] for run in picture.runs] == [
        ["extragradient", "rate 0.1"],
        ["extragradient", "rate 0.5"],
    ]
    with pytest.raises(InputError, match="rate of extragradient is missing"):
        compute_convergence(GAME, [0, 0], ["extragradient"])


def test_a_start_of_ones_own_replaces_the_distance():
    (run,) = compute_convergence(GAME, [0, 0], ["extragradient"], lr=0.3, iterations=10, start=[3.0, 4.0]).runs
    assert run.distances[0] == 5.0
    named = compute_convergence(GAME, {"y": 0, "x": 0}, ["extragradient"], 0.3, 10, start={"x": 3.0, "y": 4.0})
    np.testing.assert_array_equal(named.runs[0].distances, run.distances)
    with pytest.raises(InputError, match="lacks the coordinate y"):
        compute_convergence(GAME, {"x": 0}, ["extragradient"], lr=0.3)
    with pytest.raises(InputError, match="Unknown coordinate 'z'"):
        compute_convergence(GAME, {"x": 0, "z": 0}, ["extragradient"], lr=0.3)
    with pytest.raises(InputError, match="has 3 coordinates, expected 2"):
        compute_convergence(GAME, [0, 0, 0], ["extragradient"], lr=0.3)
    with pytest.raises(InputError, match="equilibrium itself"):
        compute_convergence(GAME, [0, 0], ["extragradient"], lr=0.3, start=[0.0, 0.0])


def test_a_schedule_has_no_prediction_and_the_settings_are_in_the_legend():
    chosen = [
        methods.get("heavy-ball", lr=0.3, beta=-0.5, order="alternating"),
        methods.get("extragradient", lr=0.3, schedule="cosine:iterations=10"),
    ]
    plain, scheduled = compute_convergence(GAME, [0, 0], chosen, iterations=10).runs
    assert plain.label.startswith("heavy-ball, rate 0.3, order alternating, $\\beta$")
    assert (scheduled.radius, scheduled.predicted) == (None, None)
    assert "cosine:iterations=10" in scheduled.label
