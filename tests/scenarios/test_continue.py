"""``gandyn continue``: answers, pictures, bad input, exit codes."""

from __future__ import annotations

import numpy as np
import pytest

from dynamics.core.storage import read_dataset

R1 = ("dirac-gan", "--set", "penalty=r1")


def test_the_node_and_focus_change_of_the_r1_dirac_gan(answer):
    payload = answer("continue", *R1, "--over", "gamma=0:3")
    assert payload["status"] == "finished"
    (branch,) = payload["result"]["branches"]
    assert branch["kind"] == "equilibrium"
    assert len(branch["points"]) == len(branch["parameter"]) == len(branch["stable"])
    assert branch["points"][0] == {"theta": 0.0, "psi": 0.0}
    (event,) = [event for event in branch["events"] if event["kind"] == "node-focus"]
    assert abs(event["parameter"] - 1) < 1e-9
    assert event["at"] == {"theta": 0.0, "psi": 0.0}
    assert branch["events"][0]["kind"] == "center"


def test_a_hopf_point_and_its_cycles(answer):
    result = answer("continue", "forsaken", "--over", "shift=0.3:0.8", "--cycles", "born")["result"]
    assert [branch["kind"] for branch in result["branches"]] == ["equilibrium", "cycle"]
    (event,) = result["branches"][0]["events"]
    assert event["kind"] == "hopf"
    assert event["detail"]["type"] == "subcritical" and event["detail"]["l1"] > 0
    cycle = result["branches"][1]
    assert len(cycle["period"]) == len(cycle["range"]["x"]) == len(cycle["points"])
    assert cycle["ended"] == ["event: hopf", "range"]


def test_a_map_and_its_learning_rate(answer):
    result = answer("continue", *R1, "--set", "gamma=0.3", "--over", "lr=0.1:2", "--method", "simultaneous")["result"]
    assert result["method"] == "simultaneous"
    (event,) = result["branches"][0]["events"]
    assert event["kind"] == "neimark-sacker"
    assert abs(event["parameter"] - 1.2) < 1e-12


def test_a_branch_that_folds_is_printed_from_its_least_to_its_largest_value(gandyn):
    spoken = gandyn("continue", "--minimax", "x**3/3 - a*x", "--min", "x", "--over", "a=-1:1").stdout
    assert "points, a = 0 to 1" in spoken
    assert "1 to 1" not in spoken


def test_branches_are_stored_with_their_events(answer, tmp_path):
    call = ("continue", "forsaken", "--over", "shift=0.3:0.8", "--cycles", "born", "--out", "branches.zarr")
    result = answer(*call)["result"]
    stored = read_dataset(tmp_path / "branches.zarr")
    for k, branch in enumerate(result["branches"]):
        rows = stored.isel(point=stored["branch"].values == k)
        np.testing.assert_array_equal(rows["parameter"], branch["parameter"])
        np.testing.assert_array_equal(rows["state"], [list(point.values()) for point in branch["points"]])
        np.testing.assert_array_equal(rows["eigenvalue_imag"][:, 0], [row[0]["im"] for row in branch["eigenvalues"]])
        assert set(rows["kind"].values) == {branch["kind"]}
    np.testing.assert_array_equal(rows["period"], result["branches"][1]["period"])
    np.testing.assert_array_equal(rows["range"].sel(coordinate="x", side="high"), np.array(branch["range"]["x"])[:, 1])
    assert stored.attrs["events"][0]["kind"] == "hopf"


def test_branches_without_any_are_stored_too(answer, tmp_path):
    arguments = ("continue", "bilinear", "--over", "sigma=0.5:1", "--box", "x=1:2,y=1:2", "--out", "none.zarr")
    answer(*arguments)
    assert read_dataset(tmp_path / "none.zarr").sizes["point"] == 0


def test_rounding_is_printed_as_zero(gandyn):
    spoken = gandyn(
        "continue", "--minimax", "mu*x**2/2 + x**4/4 + x*y - mu*y**2/2 - y**4/4", "--min", "x", "--max", "y",
        "--over", "mu=-0.5:0.5", "--method", "alternating", "--lr", "0.3",
    ).stdout  # fmt: skip
    (line,) = [line for line in spoken.splitlines() if line.startswith("neimark-sacker")]
    assert line.split()[:3] == ["neimark-sacker", "0", "x=0,"]


def test_the_parameter_of_an_inline_game_needs_no_value(answer):
    result = answer("continue", "--minimax", "x**3/3 - a*x", "--min", "x", "--over", "a=-1:1")["result"]
    assert [event["kind"] for event in result["branches"][0]["events"]] == ["fold"]


def test_a_box_without_equilibria_is_an_answer(answer, gandyn):
    arguments = ("continue", "bilinear", "--over", "sigma=0.5:1", "--box", "x=1:2,y=1:2")
    assert answer(*arguments)["result"]["branches"] == []
    assert "No equilibrium to follow" in gandyn(*arguments).stdout


def test_a_branch_that_was_lost_is_kept_and_exits_with_three(answer):
    payload = answer("continue", *R1, "--over", "gamma=0:3", "--points", "5", "--cycles", "none", exit_code=3)
    assert payload["status"] == "budget-exhausted"
    (branch, *_) = payload["result"]["branches"]
    assert any(why.startswith("budget: 5 points reached at gamma = ") for why in branch["ended"])
    assert len(branch["points"]) >= 5


def test_the_picture_is_written_where_it_was_asked_for(answer, tmp_path):
    result = answer(
        "continue", *R1, "--over", "gamma=0.5:1.5", "--cycles", "none", "--out", "diagram.png", "--coordinates", "psi"
    )["result"]
    assert result["file"] == "diagram.png"
    assert (tmp_path / "diagram.png").read_bytes().startswith(b"\x89PNG")


def test_people_read_branches_stretches_and_events(gandyn):
    shown = gandyn("continue", *R1, "--over", "gamma=0:3", "--cycles", "none").stdout
    assert "1 branch over gamma=0:3" in shown
    assert "attracting 0 to 3" in shown
    assert "end of the range" in shown
    assert "node-focus" in shown and "theta=0, psi=0" in shown
    assert max(map(len, shown.splitlines())) <= 80


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("bilinear",), "give --over gamma=0:3"),
        ((*R1, "--over", "gama=0:3"), "did you mean 'gamma'"),
        ((*R1, "--over", "gamma=3:0"), "reversed or empty"),
        ((*R1, "--over", "gamma=1"), "expected low:high"),
        ((*R1, "--over", "gamma=0:1,target=0:1"), "expected one"),
        ((*R1, "--over", "gamma=-1:3"), "greater than or equal to 0"),
        (("dirac-gan", "--over", "gamma=0:3"), "penalty=none"),
        (("bilinear", "--over", "timescale=0:1"), "must be positive"),
        (("bilinear", "--over", "lr=0.1:1"), "name the method"),
        (("bilinear", "--over", "lr=0:1", "--method", "alternating"), "low end of lr must be positive"),
        (("bilinear", "--over", "sigma=0.5:1", "--method", "alternating"), "needs a learning rate"),
        (("bilinear", "--over", "sigma=0.5:1", "--method", "adam", "--lr", "0.1"), "cannot be continued"),
        (("bilinear", "--over", "sigma=0.5:1", "--lr", "0.1"), "no effect without a method"),
        (("bilinear", "--over", "sigma=0.5:1", "--cycles", "some"), "Valid choices: all, born, none"),
        (("bilinear", "--over", "sigma=0.5:1", "--coordinates", "x"), "no effect without a picture"),
        (("bilinear", "--over", "sigma=0.5:1", "--out", "a.png", "--coordinates", "z"), "Unknown coordinate 'z'"),
        (("bilinear", "--over", "sigma=0.5:1", "--out", "a.txt"), "ending in .png or .svg"),
        (("bilinear", "--over", "sigma=0.5:1", "--step", "-1"), "--step must be positive"),
        (("bilinear", "--over", "beta=0.1:2", "--method", "heavy-ball", "--lr", "0.1"), "expected a number in (-1, 1)"),
        ((*R1, "--over", "gamma=0:3", "--method", "consensus", "--lr", "0.1"), "write game:gamma or method:gamma"),
    ],
)
def test_bad_input_is_refused_in_a_sentence(gandyn, arguments, message):
    result = gandyn("continue", *arguments)
    assert result.exit_code == 2
    assert message in result.stderr
    assert result.stderr.startswith("Error: ") and result.stderr.count("\n") == 1
