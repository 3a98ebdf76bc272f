"""Checks of single numbers."""

from __future__ import annotations

import numpy as np
import pytest

from dynamics.core.errors import InputError, check_count


def test_whole_numbers_beyond_those_of_floats_stay_themselves():
    for value in (2**53 + 1, 2**64 - 1, np.uint64(2**64 - 1)):
        assert check_count("The seed", value) == int(value)
    assert check_count("The count", 1e6) == 1_000_000
    for value in (1.5, 0, -1, "three", float("nan")):
        with pytest.raises(InputError, match="The count must be"):
            check_count("The count", value)
