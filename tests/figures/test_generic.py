"""Curves, distances, spectra and samples: what is in the arrays and artists."""

from __future__ import annotations

import numpy as np
import pytest

from dynamics.core.errors import InputError
from figures import curves, distance_over_time, losses, order_plot, samples_grid, spectrum, style
from figures.distances import Fit, fit_order
from figures.series import band
from figures.thumbnails import tile

T = np.linspace(0.0, 2.0, 41)


def lines(figure):
    return {line.get_label(): line for line in figure.axes[0].lines}


def test_curves_draw_their_numbers_under_their_names():
    drawn = lines(curves(T, {"a": T**2, "b": -T}, xlabel="t", ylabel="value", reference={"theory": T}))
    np.testing.assert_array_equal(drawn["a"].get_ydata(), T**2)
    np.testing.assert_array_equal(drawn["b"].get_xdata(), T)
    assert drawn["theory"].get_color() == style.BLACK


def test_band_of_known_quantiles():
    # 101 paths at the heights 0..100: quantiles are exact by linear interpolation.
    paths = np.repeat(np.arange(101.0)[:, None], 3, axis=1)
    found = band(paths, coverage=0.9)
    np.testing.assert_allclose([found.centre, found.low, found.high], [[50] * 3, [5] * 3, [95] * 3], atol=1e-12)


def test_band_ignores_paths_that_ended():
    paths = np.array([[1.0, np.nan, np.nan], [3.0, 3.0, np.nan]])
    np.testing.assert_array_equal(band(paths).centre, [2.0, 3.0, np.nan])


def test_bands_are_shaded():
    figure = curves(T, {"a": band(np.stack([T, 2 * T, 3 * T]))})
    assert len(figure.axes[0].collections) == 1
    np.testing.assert_allclose(lines(figure)["a"].get_ydata(), 2 * T)


def test_logarithmic_axes_break_the_line_at_zero():
    drawn = lines(distance_over_time(T, {"d": T}))["d"].get_ydata()
    assert np.isnan(drawn[0])
    np.testing.assert_array_equal(drawn[1:], T[1:])


def test_distances_may_have_times_of_their_own():
    figure = distance_over_time({"fine": T, "coarse": T[::4]}, {"fine": T, "coarse": T[::4] ** 2})
    assert [len(line.get_xdata()) for line in figure.axes[0].lines] == [41, 11]
    assert len({line.get_color() for line in figure.axes[0].lines}) == 2
    with pytest.raises(InputError, match="has no values of time"):
        distance_over_time({"fine": T}, {"other": T})


def test_curves_of_another_length_are_refused():
    with pytest.raises(InputError, match="has 40 values for 41"):
        curves(T, {"a": T[1:]})


def test_fitted_order_of_an_exact_power_law():
    h = 0.1 / 2.0 ** np.arange(4)
    fit = fit_order(h, 3.0 * h**2)
    # Four points of an exact power law: least squares returns it to round-off in the logarithms.
    assert fit.order == pytest.approx(2.0, abs=1e-12)
    assert fit.constant == pytest.approx(3.0, rel=1e-11)


@pytest.mark.parametrize(
    ("h", "e"), [([0.1], [1.0]), ([0.1, 0.1], [1.0, 2.0]), ([0.1, 0.2], [0.0, 1.0]), ([0.1], [1.0, 2.0])]
)
def test_orders_that_cannot_be_fitted_are_refused(h, e):
    with pytest.raises(InputError):
        fit_order(h, e)


def test_order_plot_draws_points_and_the_given_or_fitted_slope():
    h = 0.1 / 2.0 ** np.arange(4)
    figure = order_plot(h, {"a": h, "b": h**2}, fits={"b": Fit(1.5, 1.0)})
    names = list(lines(figure))
    assert names == ["a", "fitted order 1.00", "b", "fitted order 1.50"]
    axes = figure.axes[0]
    assert (axes.get_xscale(), axes.get_yscale()) == ("log", "log")


def test_losses_take_the_players_colours():
    drawn = lines(losses(T, {"generator": T, "discriminator": -T}))
    assert drawn["generator"].get_color() == style.BLUE
    assert drawn["discriminator"].get_color() == style.VERMILLION


@pytest.mark.parametrize("values", [[0.5j, -0.5j], [-3.0, -1000.0], [0.0], [2.0 + 1j, -1j]])
@pytest.mark.parametrize("kind", ["flow", "map"])
def test_spectrum_shows_every_eigenvalue_and_the_boundary(kind, values):
    figure = spectrum({"J": values}, kind=kind)
    axes = figure.axes[0]
    (low, high), (bottom, top) = axes.get_xlim(), axes.get_ylim()
    z = np.asarray(values, dtype=complex)
    assert ((low <= z.real) & (z.real <= high) & (bottom <= z.imag) & (z.imag <= top)).all()
    if kind == "flow":
        assert low < 0 < high
    else:
        assert min(-low, high, -bottom, top) >= 1
    assert axes.get_aspect() == 1


def test_spectrum_refuses_other_kinds_and_nan():
    with pytest.raises(InputError, match="did you mean 'flow'"):
        spectrum({"J": [1j]}, kind="flwo")
    with pytest.raises(InputError, match="must be finite"):
        spectrum({"J": [complex(np.nan, 0)]})


def test_tiles_hold_each_image_at_its_place():
    images = np.arange(5 * 64.0).reshape(5, 64)
    sheet = tile(images, columns=2)
    assert sheet.shape == (26, 17)
    np.testing.assert_array_equal(sheet[9:17, 9:17], images[3].reshape(8, 8))
    assert np.isnan(sheet[8]).all()
    assert np.isnan(sheet[18:, 9:]).all()


def test_samples_grid_has_a_fixed_grey_scale():
    figure = samples_grid(np.full((3, 8, 8), 0.5), columns=3)
    assert figure.axes[0].images[0].get_clim() == (0.0, 1.0)


@pytest.mark.parametrize("shape", [(3, 7, 8), (3, 63), (64,), (0, 64)])
def test_other_image_shapes_are_refused(shape):
    with pytest.raises(InputError, match="Images must have the shape"):
        samples_grid(np.zeros(shape))
