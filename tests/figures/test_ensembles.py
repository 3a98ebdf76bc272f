"""Pictures of ensembles: arrays and artists of clouds, moments, exit times, laws and animations."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import integrate, stats

from dynamics import games
from dynamics.core.errors import InputError
from dynamics.ensemble import SDE, Histogram, Isotropic, PerCoordinate, simulate
from figures import (
    cloud_picture,
    compute_cloud,
    compute_exits,
    compute_frames,
    compute_marginal,
    compute_moments,
    ensemble_picture,
    exit_picture,
    marginal_picture,
    moment_picture,
    save_animation,
)
from figures.ensembles.animation import Stage
from figures.ensembles.clouds import POINTS
from figures.ensembles.exits import ENOUGH, tail

BILINEAR = games.get("bilinear")
#: The readable loop compiles nothing.
PLAIN = {"compiled": False, "dt": 0.05, "seed": 2}


@pytest.fixture(scope="module")
def rotating():
    """Exact samples of the rotation under noise."""
    sde = SDE(BILINEAR, Isotropic(0.2))
    return sde, simulate(BILINEAR, 0.2, paths=2000, time=2.0, scheme="exact", start=[1.0, 0.0], **PLAIN)


@pytest.fixture(scope="module")
def leaving():
    """Brownian motion that leaves an interval: exit times are exponential but for a short while."""
    game, noise = games.get("bilinear", sigma=0.0), PerCoordinate({"x": 1.0})
    run = {"paths": 4000, "time": 3.0, "start": [0.0, 0.0], "until": "abs(x) > 1", **PLAIN}
    return SDE(game, noise), simulate(game, noise, **run)


# Clouds ----------------------------------------------------------------------------------------------------------


def test_a_cloud_shows_the_states_their_mean_and_two_standard_deviations(rotating):
    sde, _ = rotating
    mean, root = np.array([0.3, -0.2]), np.array([[0.3, 0.1], [0.0, 0.2]])
    states = mean + np.random.default_rng(0).standard_normal((500, 2)) @ root
    cloud = compute_cloud(sde, states, start=[1.0, 0.0])
    np.testing.assert_array_equal(cloud.points, states)
    np.testing.assert_allclose(cloud.mean, states.mean(axis=0))
    # Points of the ellipse are two standard deviations away: their Mahalanobis distance is 2.
    away = cloud.ellipse - cloud.mean
    np.testing.assert_allclose(np.einsum("ki,ij,kj->k", away, np.linalg.inv(np.cov(states.T)), away), 4.0)
    assert cloud.outside == int((~cloud.portrait.plane.contains(states)).sum()) <= 4 * 0.002 * 500 + 4
    assert cloud.portrait.plane.contains(cloud.start)


def test_the_boundary_of_a_condition_is_where_it_begins_to_hold(rotating):
    sde, _ = rotating
    cloud = compute_cloud(sde, np.zeros((1, 2)), conditions=["x**2 + y**2 > 1"], box={"x": (-2, 2), "y": (-2, 2)})
    line = np.concatenate(cloud.targets)
    np.testing.assert_allclose(np.hypot(*line.T), 1.0, rtol=1e-9)


def test_paths_that_ended_have_their_own_colour_and_count_for_no_mean(leaving):
    sde, ensemble = leaving
    figure = cloud_picture(sde, ensemble, box={"y": (-1, 1)})
    (axes,) = figure.axes
    there, ended = (axes.collections[k] for k in (-2, -1))
    drawn = len(there.get_offsets()) + len(ended.get_offsets())
    assert drawn == min(POINTS, ensemble.paths) and len(ended.get_offsets()) > 0
    np.testing.assert_allclose(np.abs(np.asarray(ended.get_offsets())[:, 0]), 1.0, rtol=1e-9)
    assert not np.array_equal(there.get_facecolor(), ended.get_facecolor())
    (mean,) = (line for line in axes.lines if line.get_label() == "mean")
    inside = ensemble.final[ensemble.status_codes == 0, 0]
    assert mean.get_xdata()[0] == pytest.approx(inside.mean(), rel=1e-12)


def test_a_cloud_of_one_coordinate_is_refused():
    with pytest.raises(InputError, match="draw its histogram"):
        compute_cloud(SDE(games.get("double-well"), Isotropic(0.1)), np.zeros((3, 1)))


# Moments ---------------------------------------------------------------------------------------------------------


def test_linear_equations_have_their_exact_moments_beside(rotating):
    sde, ensemble = rotating
    moments = compute_moments(sde, ensemble)
    t = moments.times
    np.testing.assert_allclose(moments.exact_mean, np.stack([np.cos(t), np.sin(t)], axis=-1), atol=1e-12)
    np.testing.assert_allclose(moments.exact_covariance, 0.04 * t[:, None, None] * np.eye(2), atol=1e-12)
    # Five standard errors at 41 times for three moments: false alarm below 1e-4.
    assert (np.abs(moments.mean - moments.exact_mean)[1:] < 5 * moments.mean_error[1:]).all()
    assert (np.abs(moments.covariance - moments.exact_covariance)[1:] < 5 * moments.covariance_error[1:]).all()


def test_elsewhere_the_flow_is_the_reference_of_the_mean():
    game = games.get("forsaken")
    ensemble = simulate(game, 1e-6, paths=8, time=1.0, **{**PLAIN, "dt": 0.01})
    moments = compute_moments(SDE(game, Isotropic(1e-6)), ensemble)
    assert moments.exact_covariance is None
    # Euler's error of order dt over a time of 1.
    np.testing.assert_allclose(moments.mean, moments.exact_mean, atol=0.05)
    assert np.abs(moments.mean[-1] - moments.mean[0]).max() > 0.5


def test_no_reference_where_conditions_end_paths_or_the_rate_is_not_the_step(leaving):
    assert compute_moments(*leaving).exact_mean is None
    sde = SDE(BILINEAR, Isotropic(0.1))
    from dynamics import methods

    for lr, expected in ((0.05, True), (0.1, False)):
        method = methods.get("simultaneous", lr=lr)
        found = simulate(BILINEAR, 0.1, paths=8, time=1.0, scheme=method, **PLAIN)
        assert (compute_moments(sde, found).exact_mean is not None) is expected


def test_moments_are_drawn_in_the_players_colours_with_bands(rotating):
    figure = moment_picture(*rotating)
    upper, lower = figure.axes
    assert [axes.get_ylabel() for axes in figure.axes] == ["mean", "covariance"]
    # A line and a thin reference for each: two means; two variances and a covariance.
    assert (len(upper.lines), len(lower.lines)) == (4, 6)
    assert (len(upper.collections), len(lower.collections)) == (2, 3)
    x, _, y, _ = upper.lines
    assert (x.get_color(), y.get_color()) == ("#0072B2", "#D55E00")
    np.testing.assert_array_equal(x.get_ydata(), rotating[1].mean[:, 0])


# Exit times ------------------------------------------------------------------------------------------------------


def test_the_density_of_exit_times_integrates_to_the_share_that_left(leaving):
    sde, ensemble = leaving
    found = compute_exits(sde, ensemble)
    share = found.count / (found.count + found.open_paths)
    assert 0.9 < share < 1
    assert float((found.density * np.diff(found.edges)).sum()) == pytest.approx(share, rel=1e-12)
    assert found.mean == pytest.approx(ensemble.events[0].mean, rel=1e-12)
    assert found.stderr == pytest.approx(ensemble.events[0].stderr, rel=1e-9)
    # Wilson's interval, against SciPy.
    k = 200
    ends = stats.binomtest(round(found.inside[k] * 4000), 4000).proportion_ci(method="wilson")
    assert (found.low[k], found.high[k]) == pytest.approx((ends.low, ends.high), rel=1e-4)


def test_the_exponential_tail_has_the_leading_eigenvalue(leaving):
    found = compute_exits(*leaving)
    # -pi^2/8 is the leading eigenvalue of (1/2) d^2/dx^2 on (-1, 1) with absorbing ends.
    assert abs(found.rate - np.pi**2 / 8) < 5 * found.rate_error
    # The control: a rate 20 % off is told apart.
    assert abs(found.rate - 1.2 * np.pi**2 / 8) > 5 * found.rate_error
    times, share = tail(found)
    np.testing.assert_allclose(share, np.interp(times, found.times, found.inside), atol=0.02)


def test_exits_at_every_half_turn_have_no_exponential_tail():
    run = {"paths": 5000, "time": 10.0, "until": "abs(x) > 1.5", "scheme": "exact", **PLAIN}
    found = compute_exits(SDE(BILINEAR, Isotropic(0.1)), simulate(BILINEAR, 0.1, **run))
    # Enough exits for a rate, if there were one.
    assert found.count > 2 * ENOUGH and found.rate is None and tail(found) is None


def test_cells_stand_in_for_times_that_were_not_kept(leaving):
    sde, ensemble = leaving
    from dataclasses import replace

    exact, coarse = (compute_exits(sde, e) for e in (ensemble, replace(ensemble, event_times=None)))
    assert coarse.count == exact.count
    assert coarse.mean == pytest.approx(exact.mean, abs=3.0 / 512)
    assert float((coarse.density * np.diff(coarse.edges)).sum()) == pytest.approx(exact.count / 4000, rel=1e-12)


def test_exit_times_are_drawn_with_their_mean_and_survival(leaving):
    figure = exit_picture(*leaving)
    left, right = figure.axes
    assert (left.get_xlabel(), left.get_ylabel()) == ("exit time", "density")
    assert right.get_yscale() == "log" and right.get_ylabel() == "share still inside"
    assert any("mean of those that left" in str(line.get_label()) for line in left.lines)
    assert left.get_ylim()[0] == 0
    caption = " ".join(figure.get_supxlabel().split())
    assert "4,000 paths, seed 2" in caption and "abs(x) > 1" in caption and "still inside at the end" in caption


def test_conditions_that_nobody_met_are_refused(rotating):
    with pytest.raises(InputError, match="run the ensemble with until"):
        compute_exits(*rotating)


# Laws ------------------------------------------------------------------------------------------------------------


def test_the_law_at_the_end_is_that_of_the_linear_equation(rotating):
    sde, ensemble = rotating
    marginal = compute_marginal(sde, ensemble, "x")
    middles = (marginal.edges[:-1] + marginal.edges[1:]) / 2
    law = stats.norm(np.cos(2.0), 0.2 * np.sqrt(2.0))
    np.testing.assert_allclose(marginal.exact[1], law.pdf(marginal.exact[0]), rtol=1e-9)
    # Five standard errors of a bar, at least those of five paths in it, and the curvature over a bar.
    error = np.maximum(marginal.error, 5 / 2000 / np.diff(marginal.edges))
    assert (np.abs(marginal.density - law.pdf(middles)) < 5 * error + 0.01).all()
    assert marginal.outside + round(float((marginal.density * np.diff(marginal.edges)).sum()) * 2000) == 2000


def test_a_histogram_of_the_run_gives_the_same_law():
    cells = Histogram({"x": (-3.0, 3.0, 4096)})
    run = {"paths": 2000, "time": 2.0, "scheme": "exact", "start": [1.0, 0.0], **PLAIN}
    ensemble = simulate(BILINEAR, 0.2, histograms=[cells], keep=False, **run)
    marginal = compute_marginal(SDE(BILINEAR, Isotropic(0.2)), ensemble, "x")
    kept = simulate(BILINEAR, 0.2, **run).final[:, 0]
    counts = np.histogram(kept, bins=marginal.edges)[0]
    # No state lies on an edge, so that the same cells hold the same paths.
    np.testing.assert_allclose(marginal.density * np.diff(marginal.edges) * 2000, counts, atol=1e-9)
    assert len(counts) > 15


def test_the_stationary_law_of_one_coordinate_is_gibbs():
    game = games.get("double-well")
    ensemble = simulate(game, 0.8, paths=300, time=1.0, **PLAIN)
    x, law = compute_marginal(SDE(game, Isotropic(0.8)), ensemble, "x").reference
    v = (x**2 - 1) ** 2 / 4
    slope = np.polyfit(v, np.log(law), 1)[0]
    assert slope == pytest.approx(-2 / 0.8**2, rel=1e-6)
    whole = integrate.quad(lambda s: np.exp(-2 * (s**2 - 1) ** 2 / 4 / 0.64), -np.inf, np.inf)[0]
    assert law[np.argmin(np.abs(x - 1))] == pytest.approx(1 / whole, rel=1e-3)
    figure = marginal_picture(SDE(game, Isotropic(0.8)), ensemble, "x")
    assert figure.axes[0].get_xlabel() == "$x$"


# Animation and composition ---------------------------------------------------------------------------------------


def test_frames_share_a_portrait_and_paths_rest_where_they_ended(tmp_path):
    sde = SDE(BILINEAR, Isotropic(0.1))
    times = np.array([0.0, 0.5, 1.0])
    states = np.array([[[0.0, 0.0], [1.0, 0.2], [1.5, 0.4]], [[0.1, 0.0], [np.nan] * 2, [np.nan] * 2]])
    frames = compute_frames(sde, times, states, last=[[1.5, 0.4], [0.2, 0.1]], conditions=["x > 2"])
    assert all(cloud.portrait is frames.clouds[0].portrait for cloud in frames.clouds)
    np.testing.assert_array_equal(frames.clouds[2].points, [[1.5, 0.4], [0.2, 0.1]])
    np.testing.assert_array_equal(frames.clouds[2].ended, [False, True])
    seen = compute_frames(sde, times, states)
    np.testing.assert_array_equal(seen.clouds[1].points[1], [0.1, 0.0])

    stage = Stage(frames)
    titles = []
    for k in range(3):
        stage.show(k)
        titles.append(stage.axes.get_title())
        kinds = 1 if k == 0 else 2
        offsets = np.concatenate([np.asarray(drawn.get_offsets()) for drawn in stage.axes.collections[-kinds:]])
        assert frames.clouds[k].points.tolist() == offsets.tolist()
    assert titles == ["time 0.0", "time 0.5", "time 1.0"]

    from PIL import Image

    path = save_animation(frames, tmp_path / "cloud.gif")
    with Image.open(path) as image:
        assert image.n_frames == 3 and image.info["loop"] == 0
    assert [entry.name for entry in tmp_path.iterdir()] == ["cloud.gif"]
    with pytest.raises(InputError, match=r"\.gif"):
        save_animation(frames, tmp_path / "cloud.png")


def test_the_picture_suits_the_run(rotating, leaving):
    large, upper, lower = ensemble_picture(*rotating).axes
    assert large.get_xlabel() == "$x$" and upper.get_ylabel() == "mean" and lower.get_xlabel() == "time"
    assert [axes.get_xlabel() for axes in ensemble_picture(*leaving).axes] == ["exit time", "time"]
    game = games.get("double-well")
    one = ensemble_picture(SDE(game, Isotropic(0.5)), simulate(game, 0.5, paths=64, time=1.0, **PLAIN))
    assert one.axes[0].get_ylabel() == "density"
    caption = " ".join(one.get_supxlabel().split())
    assert "double-well" in caption and "64 paths, seed 2" in caption and "s = 0.5" in caption.replace("\xa0", " ")
