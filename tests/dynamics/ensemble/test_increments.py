"""Random increments: their moments, and how coarse ones are composed of fine ones."""

from __future__ import annotations

import numpy as np
import pytest

from dynamics.core import random
from dynamics.core.errors import InputError
from dynamics.core.random import Stream
from dynamics.ensemble.increments import KINDS, Gaussian, GaussianIntegral, Independent, ThreePoint, TwoPoint

IDS = np.arange(200_000, dtype=np.uint64)
H = 0.3


def moments(values: np.ndarray) -> list[float]:
    return [float((values**k).mean()) for k in (1, 2, 3, 4, 5, 6)]


def test_gaussian_increments_have_variance_h_and_the_numbers_of_the_generator():
    found = Gaussian(3).sample(7, IDS, 5, H)
    np.testing.assert_array_equal(found, np.sqrt(H) * random.normals(7, IDS, 5, Stream.BROWNIAN, 3))
    # 6 second moments, 4.5 standard errors: false alarm 4e-5.
    covariance = found.T @ found / len(IDS)
    assert np.abs(covariance - H * np.eye(3)).max() < 4.5 * H * np.sqrt(2 / len(IDS))


def test_the_integral_has_its_variance_and_its_covariance_with_the_increment():
    # E dZ^2 = h^3/3, E dW dZ = h^2/2 (Kloeden and Platen 1992, 10.4.2).
    draws = GaussianIntegral(2).split(GaussianIntegral(2).sample(7, IDS, 5, H))
    n = len(IDS)
    for j in range(2):
        w, z = draws.dW[:, j], draws.dZ[:, j]
        assert abs((w * w).mean() - H) < 4.5 * H * np.sqrt(2 / n)
        assert abs((z * z).mean() - H**3 / 3) < 4.5 * H**3 / 3 * np.sqrt(2 / n)
        assert abs((w * z).mean() - H**2 / 2) < 4.5 * np.sqrt((H**4 / 3 + H**4 / 4) / n)
    assert abs((draws.dW[:, 0] * draws.dZ[:, 1]).mean()) < 4.5 * np.sqrt(H**4 / 3 / n)
    # Negative control: dZ = h dW / 2 has the covariance but not the variance.
    assert abs(((H * draws.dW / 2) ** 2).mean() - H**3 / 3) > 20 * H**3 / 3 * np.sqrt(2 / n)


@pytest.mark.parametrize("refine", [2, 3, 16])
def test_coarse_increments_are_sums_of_fine_ones(refine):
    few = IDS[:500]
    coarse = Gaussian(2).sample(7, few, 3, H, refine)
    fine = [Gaussian(2).sample(7, few, 3 * refine + j, H / refine) for j in range(refine)]
    np.testing.assert_allclose(coarse, sum(fine), rtol=0, atol=1e-14)
    both = GaussianIntegral(2)
    coarse = both.split(both.sample(7, few, 3, H, refine))
    parts = [both.split(both.sample(7, few, 3 * refine + j, H / refine)) for j in range(refine)]
    w, z = np.zeros((500, 2)), np.zeros((500, 2))
    for part in parts:
        z += H / refine * w + part.dZ
        w += part.dW
    np.testing.assert_allclose(coarse.dW, w, rtol=0, atol=1e-14)
    np.testing.assert_allclose(coarse.dZ, z, rtol=0, atol=1e-14)
    # The same W under both kinds.
    np.testing.assert_allclose(coarse.dW, Gaussian(2).sample(7, few, 3, H, refine), rtol=0, atol=1e-14)


def test_composed_integrals_have_the_law_of_single_ones():
    draws = GaussianIntegral(1).split(GaussianIntegral(1).sample(7, IDS[:50_000], 0, H, refine=8))
    z = draws.dZ[:, 0]
    assert abs((z * z).mean() / (H**3 / 3) - 1) < 4.5 * np.sqrt(2 / 5e4)
    assert abs((z * draws.dW[:, 0]).mean() - H**2 / 2) < 4.5 * np.sqrt(7 / 12 * H**4 / 5e4)


def test_two_and_three_points_have_the_moments_that_weak_orders_ask_for():
    # Odd moments vanish; of two points E w^2 = h; of three points also E w^4 = 3 h^2. Standard errors from E w^12.
    two = moments(TwoPoint(1).sample(7, IDS, 0, H))
    assert two[1] == pytest.approx(H, rel=1e-12) and two[3] == pytest.approx(H**2, rel=1e-12)
    three = moments(ThreePoint(1).sample(7, IDS, 0, H))
    for k, truth in enumerate([0, H, 0, 3 * H**2, 0]):
        spread = np.sqrt((3 * H) ** (k + 1) / 3)
        assert abs(three[k] - truth) < 4.5 * spread / np.sqrt(len(IDS))
    assert set(np.unique(ThreePoint(1).sample(7, IDS, 0, H)).round(12)) == {
        -round(np.sqrt(3 * H), 12),
        0.0,
        round(np.sqrt(3 * H), 12),
    }


def test_signs_of_pairs_are_independent_of_the_increments():
    kind = ThreePoint(3, pairs=True)
    draws = kind.split(kind.sample(7, IDS, 0, H))
    assert kind.rows == 6 and draws.signs.shape == (len(IDS), 3)
    assert set(np.unique(draws.signs)) == {-1.0, 1.0}
    all_of_them = np.concatenate([draws.dW / np.sqrt(H), draws.signs], axis=1)
    correlation = all_of_them.T @ all_of_them / len(IDS)
    # 15 pairs, 4.5 standard errors: false alarm 1e-4.
    assert np.abs(correlation - np.eye(6)).max() < 4.5 * np.sqrt(2 / len(IDS))


def test_what_does_not_compose_is_refused():
    for kind in (TwoPoint(1), ThreePoint(2), Independent(2)):
        with pytest.raises(InputError, match="do not compose"):
            kind.check_refinement(2)
        kind.check_refinement(1)
    Gaussian(1).check_refinement(4)
    assert set(KINDS) == {"gaussian", "two-point", "three-point"}
