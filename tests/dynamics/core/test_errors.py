"""Checks of numbers that a user gives."""

from __future__ import annotations

import numpy as np
import pytest

from dynamics.core.errors import InputError, check_count, check_number


@pytest.mark.parametrize("value", [2**53 + 1, 2**64 - 1, np.uint64(2**63 + 5), np.int64(7), 7.0, True])
def test_whole_numbers_keep_all_their_digits(value):
    assert check_count("The seed", value) == int(value)


@pytest.mark.parametrize("value", [0, 2.5, -3, np.nan, np.inf, "x", None, 10**400])
def test_what_is_no_count_is_refused(value):
    with pytest.raises(InputError):
        check_count("The count", value)


def test_a_number_beyond_floating_point_is_refused():
    with pytest.raises(InputError, match="too large"):
        check_number("The time", 10**400)
