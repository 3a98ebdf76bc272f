"""The README's pictures."""

from __future__ import annotations

import numpy as np
import pytest

from figures import gallery


def test_the_pictures_that_are_kept_are_those_that_are_drawn():
    kept = {path.stem for path in gallery.FOLDER.glob("*.png")}
    assert kept == set(gallery.PICTURES)


def test_the_pictures_that_are_kept_are_small():
    assert max(path.stat().st_size for path in gallery.FOLDER.glob("*.png")) < 200_000


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(gallery.PICTURES))
def test_every_picture_draws(name):
    figure = gallery.PICTURES[name]()
    assert all(axes.has_data() for axes in figure.axes)


def test_the_spectrum_of_r1_follows_its_formula():
    (axes,) = gallery.r1_spectrum().axes
    for line in axes.lines:
        if "gamma" not in str(line.get_label()):
            continue
        gamma = float(str(line.get_label()).split("= ")[1])
        # -gamma/2 +- sqrt(gamma^2/4 - 1/4); the double root at gamma = 1 is known to sqrt(epsilon) only.
        root = np.sqrt(complex(gamma**2 / 4 - 1 / 4))
        found = np.sort_complex(line.get_xdata() + 1j * line.get_ydata())
        np.testing.assert_allclose(found, np.sort_complex([-gamma / 2 - root, -gamma / 2 + root]), atol=1e-7)
