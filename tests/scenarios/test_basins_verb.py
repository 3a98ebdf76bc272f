"""``gandyn basins``: shares, attractors, pictures, and bad input."""

from __future__ import annotations

import pytest


def test_shares_of_the_double_well_and_their_attractors(answer):
    result = answer("basins", "double-well", "--cells", "40", "--method", "simultaneous", "--lr", "0.1")["result"]
    shares = {"equilibrium x=-1": 0.5, "equilibrium x=1": 0.5, "diverged": 0.0, "undecided": 0.0}
    assert result["fractions"] == shares
    assert set(result["standard_errors"]) == set(shares)
    assert [row["kind"] for row in result["attractors"]] == ["equilibrium", "equilibrium"]
    assert result["cells"] == [40] and result["box"]["x"] == pytest.approx([-2, 2])


def test_picture_and_array_are_written(answer, gandyn, tmp_path):
    arguments = ("basins", "forsaken", "--cells", "8,6", "--method", "extragradient", "--lr", "0.1")
    assert answer(*arguments, "--out", "b.zarr")["result"]["file"] == "b.zarr"
    assert gandyn(*arguments, "--out", "b.png").exit_code == 0 and (tmp_path / "b.png").stat().st_size > 5000
    from dynamics.core.storage import read_dataset

    assert read_dataset(tmp_path / "b.zarr")["label"].shape == (6, 8)


def test_the_table_names_what_moves_and_what_diverged_means(gandyn):
    spoken = gandyn("basins", "double-well", "--cells", "8", "--method", "simultaneous", "--lr", "0.1").stdout
    assert "basins of simultaneous (lr=0.1)" in spoken and "norm beyond 200" in spoken


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        (("--cells", "few"), "--cells got 'few'"),
        (("--cells", "1"), "--cells must be a whole number of at least 2, got 1"),
        (("--time", "nan"), "--time must be finite"),
        (("--bound", "-1"), "--bound must be positive"),
        (("--method", "simultaneous", "--lr", "0.1", "--iterations", "0"), "--iterations must be a whole number"),
        (("--seed", "-1"), "--seed must be a whole number"),
        (("--lr", "0.1"), "--lr has no effect without a method"),
        (("--method", "simultaneous"), "needs a learning rate"),
        (("--method", "simultaneos", "--lr", "0.1"), "simultaneous"),
        (("--method", "competitive", "--lr", "0.1"), "two players"),
        (("--plane", "x,z"), "Unknown coordinate 'z'"),
        (("--out", "b.gif"), "--out got 'b.gif'"),
    ],
)
def test_bad_input_is_refused_in_a_sentence(gandyn, arguments, match):
    refused = gandyn("basins", "double-well", *arguments)
    assert refused.exit_code == 2 and match in refused.stderr
