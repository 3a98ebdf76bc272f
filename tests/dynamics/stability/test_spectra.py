"""Classes of linear flows, with rounding taken into account."""

from __future__ import annotations

import numpy as np
import pytest

from dynamics.stability import spectrum

ROTATION = np.array([[0.0, -1.0], [1.0, 0.0]])


@pytest.mark.parametrize(
    ("matrix", "flow"),
    [
        (np.diag([-1.0, -2.0]), "stable node"),
        (np.diag([1.0, 2.0]), "unstable node"),
        (np.diag([1.0, -2.0]), "saddle"),
        (ROTATION - 0.1 * np.eye(2), "stable focus"),
        (ROTATION + 0.1 * np.eye(2), "unstable focus"),
        (ROTATION, "centre"),
        (np.diag([0.0, -1.0]), "degenerate"),
        (np.zeros((2, 2)), "degenerate"),
        (np.array([[0.0, -0.5], [0.5, -1.0]]), "stable node"),  # critically damped: a defective double eigenvalue
        (
            np.block([[ROTATION, np.zeros((2, 1))], [np.zeros((1, 2)), -np.ones((1, 1))]]),
            "centre with stable directions",
        ),
    ],
)
def test_flow_classes(matrix: np.ndarray, flow: str) -> None:
    assert spectrum(matrix).flow == flow


def test_a_numerically_transformed_centre_stays_a_centre() -> None:
    generator = np.random.default_rng(1)
    centre = np.zeros((6, 6))
    for k, omega in enumerate((0.3, 1.0, 4.0)):
        centre[2 * k : 2 * k + 2, 2 * k : 2 * k + 2] = omega * ROTATION
    for _ in range(50):
        basis = generator.standard_normal((6, 6))
        assert spectrum(basis @ centre @ np.linalg.inv(basis), 1e-13 * np.linalg.cond(basis) ** 2).flow == "centre"


def test_weak_damping_above_rounding_is_not_a_centre() -> None:
    # 1e-12 against a rounding tolerance of about 2e-14 for a normal matrix of this size
    assert spectrum(ROTATION - 1e-12 * np.eye(2)).flow == "stable focus"


def test_uncertainty_larger_than_a_real_part_is_undecided() -> None:
    assert spectrum(ROTATION - 1e-3 * np.eye(2), uncertainty=1e-2).flow == "undecided"


def test_eigenvectors_satisfy_both_eigenvalue_equations() -> None:
    matrix = np.random.default_rng(2).standard_normal((5, 5))
    found = spectrum(matrix)
    np.testing.assert_allclose(matrix @ found.right, found.right * found.eigenvalues, atol=1e-13)
    left = found.left.conj().T
    np.testing.assert_allclose(left @ matrix, found.eigenvalues[:, None] * left, atol=1e-12)
