"""Every verb answers with the keys of its contract, and with the right numbers where they are known exactly."""

from __future__ import annotations

import math

import numpy as np
import pytest

INLINE = ("--minimax", "x*y - eps*y**2", "--min", "x", "--max", "y")


def test_list_names_everything_with_a_summary(answer):
    rows = answer("list")["result"]
    assert {row["kind"] for row in rows} >= {"games", "methods", "solvers", "scenarios", "presets"}
    assert all(row["name"] and row["summary"] for row in rows)
    assert "dirac-gan" in {row["name"] for row in answer("list", "games")["result"]}
    assert {row["name"] for row in answer("list", "scenarios")["result"]} >= {"O1", "O2", "O3", "S1", "S6", "L1", "D1"}


def test_show_prints_losses_field_and_jacobian(answer, gandyn):
    result = answer("show", "dirac-gan", "--set", "penalty=r1,gamma=0.3")["result"]
    assert set(result) == {"losses", "field", "jacobian", "parameters", "settings", "about", "source"}
    assert set(result["losses"]) == {"generator", "discriminator"}
    assert set(result["field"]) == {"theta", "psi"}
    assert np.shape(result["jacobian"]) == (2, 2)
    assert result["parameters"] == {"gamma": 0.3}
    latex = answer("show", "dirac-gan", "--latex")["result"]
    assert "\\" in latex["field"]["theta"]
    assert "J[theta, psi]" in gandyn("show", "dirac-gan").stdout


def test_show_lists_every_setting_with_default_choices_and_value(answer, gandyn):
    from dynamics import games

    for name in games.names():
        result = answer("show", name)["result"]
        assert {key: entry["default"] for key, entry in result["settings"].items()} == games.settings(name)
    dirac = answer("show", "dirac-gan", "--set", "penalty=r1,gamma=0.3")["result"]
    assert dirac["settings"]["gamma"] == {"default": 1.0, "kind": "number ≥ 0", "choices": None, "value": 0.3}
    assert dirac["settings"]["penalty"]["choices"] == ["none", "r1", "r2", "wgan-gp", "roth"]
    assert dirac["source"] == "Mescheder, Geiger and Nowozin 2018"
    spoken = gandyn("show", "dirac-gan").stdout
    assert all(word in spoken for word in ("settings", "instance_noise", "least-squares", "true or false", "Source"))
    assert not any(mark in spoken for mark in ("``", ":mod:", "*real*"))
    assert answer("show", *INLINE, "--set", "eps=0.1")["result"]["settings"] == {}


def test_show_lists_the_settings_of_a_preset_and_of_its_method(answer, gandyn):
    from dynamics import gan, methods

    settings = answer("show", "digits-mlp", "--set", "steps=4")["result"]["settings"]
    assert set(settings) == {*gan.settings("digits-mlp"), *methods.settings("alternating")} - {"method_settings"}
    assert settings["steps"]["value"] == 4
    assert settings["steps"]["default"] == gan.settings("digits-mlp")["steps"]
    assert settings["d_steps"] == {"default": 1, "kind": "whole number (alternating)", "choices": None, "value": 1}
    assert "whole number > 0" in gandyn("show", "digits-mlp").stdout


def test_evaluate_equals_the_bilinear_field_exactly(answer):
    payload = answer("evaluate", "bilinear", "--set", "sigma=2", "--at", "x=3,y=-5")
    assert payload["game"] == "bilinear"
    result = payload["result"]
    assert result["field"] == {"x": 10.0, "y": 6.0}
    assert result["jacobian"] == [[0.0, -2.0], [2.0, 0.0]]
    assert result["losses"] == {"generator": -30.0, "discriminator": 30.0}


def test_evaluate_takes_inline_and_toml_games_alike(answer, tmp_path):
    inline = answer("evaluate", *INLINE, "--set", "eps=0.1", "--at", "x=1,y=2")["result"]
    (tmp_path / "game.toml").write_text(
        '[players.generator]\ncoordinates = ["x"]\nloss = "x*y - eps*y**2"\n'
        '[players.discriminator]\ncoordinates = ["y"]\nloss = "eps*y**2 - x*y"\n'
        "[parameters]\neps = 0.7\n"
    )
    stored = answer("evaluate", str(tmp_path / "game.toml"), "--set", "eps=0.1", "--at", "x=1,y=2")["result"]
    assert inline == stored
    # d/dy (xy - eps y^2) = 1 - 2 (0.1) 2
    assert inline["field"] == pytest.approx({"x": -2.0, "y": 0.6}, rel=1e-15)


def test_timescale_multiplies_the_discriminators_part(answer):
    one = answer("evaluate", "bilinear", "--at", "x=3,y=4")["result"]["field"]
    scaled = answer("evaluate", "bilinear", "--at", "x=3,y=4", "--timescale", "0.5")["result"]["field"]
    assert scaled == {"x": one["x"], "y": 0.5 * one["y"]}
    per_player = answer("evaluate", "bilinear", "--at", "x=3,y=4", "--timescale", "generator=2")["result"]["field"]
    assert per_player == {"x": 2 * one["x"], "y": one["y"]}


def test_nested_matrices_reach_the_game(answer):
    result = answer("evaluate", "bilinear", "--set", "matrix=[[0,1],[1,0]]", "--at", "x1=1,x2=2,y1=3,y2=4")["result"]
    assert result["field"] == {"x1": -4.0, "x2": -3.0, "y1": 2.0, "y2": 1.0}


def test_trajectory_of_the_bilinear_game_is_a_rotation(answer, tmp_path):
    payload = answer(
        "trajectory", "bilinear", "--start", "x=1,y=0", "--time", "3", "--points", "4", "--out", "path.zarr"
    )
    result = payload["result"]
    assert result["time"] == [0, 1, 2, 3]
    assert result["evaluations"] > 0
    # Global error: fewer steps than evaluations, each within rtol |y| + atol = 1.01e-8 of an isometric flow.
    allowed = 1.1e-8 * result["evaluations"]
    assert result["state"]["x"] == pytest.approx([math.cos(t) for t in range(4)], abs=allowed)
    assert result["state"]["y"] == pytest.approx([math.sin(t) for t in range(4)], abs=allowed)
    from dynamics.core.storage import read_dataset

    stored = read_dataset(tmp_path / "path.zarr")
    np.testing.assert_array_equal(stored["state"].sel(coordinate="x"), result["state"]["x"])


def test_blow_up_in_finite_time_keeps_the_time_reached(answer, gandyn):
    blow_up = ("trajectory", "--minimax", "-x**3/3 - y**2", "--min", "x", "--max", "y", "--start", "x=1,y=0")
    payload = answer(*blow_up, "--time", "5", exit_code=3)
    assert payload["status"] == "diverged"
    # x' = x^2 from 1 blows up at t = 1.
    assert payload["result"]["reached"] == pytest.approx(1, abs=1e-6)
    assert len(payload["result"]["time"]) == len(payload["result"]["state"]["x"]) > 1
    spoken = gandyn(*blow_up, "--time", "5")
    assert spoken.exit_code == 3
    assert "diverged" in spoken.stdout


def test_simultaneous_descent_grows_by_sqrt_of_one_plus_a_squared(answer):
    result = answer(
        "iterate", "bilinear", "--method", "simultaneous", "--lr", "0.2", "--iterations", "50", "--start", "x=1,y=0"
    )["result"]
    assert result["iterations"] == 50
    # 50 rounds of a few roundings.
    assert math.hypot(*result["final"].values()) == pytest.approx(math.sqrt(1.04) ** 50, rel=50 * 8 * 2.3e-16)


@pytest.mark.parametrize(("first", "sign"), [("discriminator", 1), ("generator", -1)])
def test_alternating_descent_conserves_the_skewed_energy(answer, first, sign):
    result = answer(
        "iterate", "bilinear", "--method", "alternating", "--lr", "0.2", "--iterations", "1000", "--every", "100",
        "--method-set", f"first={first}", "--start", "x=1,y=1",
    )["result"]  # fmt: skip
    x, y = (np.array(result["path"]["state"][name]) for name in "xy")
    assert result["path"]["iteration"] == list(range(0, 1001, 100))
    energy = x**2 + y**2 + sign * 0.2 * x * y
    assert np.abs(energy / energy[0] - 1).max() < 1e-12
    assert {"x": x[-1], "y": y[-1]} == result["final"]


def test_an_iteration_that_diverges_is_a_numerical_failure(answer):
    payload = answer(
        "iterate", "bilinear", "--method", "simultaneous", "--lr", "5", "--iterations", "5000", exit_code=3
    )
    assert payload["status"] == "diverged"
    assert payload["result"]["iterations"] < 5000


def test_final_state_is_that_of_the_last_iteration_whatever_the_stride(answer):
    common = ("iterate", "bilinear", "--method", "simultaneous", "--lr", "0.1", "--iterations", "25")
    assert answer(*common)["result"]["final"] == answer(*common, "--every", "7")["result"]["final"]


@pytest.mark.parametrize(
    ("settings", "real", "imaginary"),
    [
        ("penalty=r1,gamma=0.3", -0.15, math.sqrt(0.25 - 0.15**2)),
        ("instance_noise=0.7", -0.1225, math.sqrt(0.25 - 0.1225**2)),
    ],
)
def test_stability_of_the_damped_dirac_gan(answer, settings, real, imaginary):
    result = answer("stability", "dirac-gan", "--set", settings)["result"]
    (equilibrium,) = result["equilibria"]
    assert set(equilibrium) >= {
        "at", "eigenvalues", "flow", "verdict", "solution", "critical_timescale", "critical_timescales", "continuum",
        "methods",
    }  # fmt: skip
    assert equilibrium["verdict"] == "attracting"
    for value, sign in zip(equilibrium["eigenvalues"], (-1, 1), strict=True):
        assert value["re"] == pytest.approx(real, abs=1e-9)
        assert value["im"] == pytest.approx(sign * imaginary, abs=1e-9)
    names = {row["method"] for row in equilibrium["methods"]}
    assert names >= {"simultaneous", "alternating"}
    assert all(row["spectral_radius"] is None for row in equilibrium["methods"])


def test_stability_of_the_local_minimax_point(answer, gandyn):
    game = ("--minimax", "-x**2/8 - y**2/2 + 0.6*x*y", "--min", "x", "--max", "y")
    (equilibrium,) = answer("stability", *game, "--lr", "0.1")["result"]["equilibria"]
    assert equilibrium["verdict"] == "attracting"
    assert equilibrium["solution"] == "local-minimax"
    assert equilibrium["critical_timescale"] == pytest.approx(0.25, abs=1e-9)
    spoken = gandyn("stability", *game, "--lr", "0.1").stdout
    assert all(word in spoken for word in ("attracting", "local-minimax", "0.25", "simultaneous", "evidence"))
    assert max(map(len, spoken.splitlines())) <= 80


def test_portrait_writes_a_picture(answer, tmp_path):
    result = answer("portrait", "dirac-gan", "--box", "theta=-2:2,psi=-2:2", "--out", "p.svg")["result"]
    assert result["file"] == "p.svg"
    assert (tmp_path / "p.svg").read_text().startswith("<?xml")


def test_train_records_a_run_that_compare_reads(answer, gandyn, tmp_path):
    small = "steps=8,samples=32,hidden=4,stride=4"
    result = answer("train", "digits-mlp", "--set", small, "--out", "run")["result"]
    assert result["status"] == "finished"
    assert result["steps"] == 8
    assert result["metrics"]
    compared = answer("compare", "run", "--out", "order.png")["result"]
    assert compared["distances"]
    assert compared["orders"]
    assert (tmp_path / "order.png").stat().st_size > 1000
    compared = answer("compare", "run", "--out", "comparison.zarr")["result"]
    assert compared["file"] == "comparison.zarr"
    # Without names: runs go to runs/, and compare takes the newest.
    assert gandyn("train", "digits-mlp", "--set", small).exit_code == 0
    assert answer("compare")["result"]["run"] == "runs/digits-mlp"


def test_report_writes_a_page_with_the_stored_comparison(answer, tmp_path, monkeypatch):
    from scenarios import registry

    chosen = registry.select(["S1"])
    monkeypatch.setattr(registry, "select", lambda ids=None: chosen)
    answer("train", "digits-mlp", "--set", "steps=8,samples=32,hidden=4,stride=4", "--out", "run")
    (tmp_path / "audit").mkdir()
    answer("compare", "run", "--out", "audit/comparison.zarr")
    result = answer("report", "--quick")["result"]
    assert (result["claims"], result["hold"]) == (1, 1)
    page = (tmp_path / result["file"]).read_text(encoding="utf-8")
    assert "pictures/comparison.png" in page
    assert page.count("<img") == 1 + 3 + 1
    assert all((tmp_path / "audit" / "pictures" / name).is_file() for name in ("s1.png", "portrait-1.png"))


def test_every_verb_has_help(gandyn):
    from scenarios.cli.verbs import VERBS

    for verb in VERBS:
        shown = gandyn(verb, "--help")
        assert shown.exit_code == 0
        assert "--json" in shown.stdout


def test_human_answers_of_light_verbs_fit_eighty_columns(gandyn):
    for arguments in (
        ("evaluate", "dirac-gan"),
        ("trajectory", "dirac-gan", "--time", "1"),
        ("iterate", "dirac-gan", "--lr", "0.1", "--iterations", "20"),
        ("stability", "dirac-gan"),
    ):
        shown = gandyn(*arguments)
        assert shown.exit_code == 0, shown.output
        assert shown.stderr == ""
        assert max(map(len, shown.stdout.splitlines())) <= 80


def test_a_piped_list_keeps_every_summary_whole_on_one_line(gandyn):
    from dynamics import games

    lines = gandyn("list", "games").stdout.splitlines()
    assert [line.split(maxsplit=1) for line in lines] == [[name, games.summary(name)] for name in games.names()]


def test_an_inline_game_of_one_player_needs_one_side_only(answer):
    result = answer("evaluate", "--minimax", "x**4/4 - x**2/2", "--min", "x", "--at", "x=2")["result"]
    assert result["field"] == {"x": -6.0}
    assert set(result["losses"]) == {"player"}


def test_a_fixed_step_solver_takes_its_step(answer):
    fixed = ("--points", "2", "--solver", "torchdiffeq:rk4", "--step", "0.1")
    result = answer("trajectory", "bilinear", "--time", "1", *fixed)["result"]
    # Ten steps of four stages, and one call to look at the start.
    assert result["evaluations"] == 41


def test_rates_per_player_leave_the_table_readable(gandyn):
    spoken = gandyn("stability", "dirac-gan", "--lr", "generator=0.1,discriminator=0.4").stdout
    (header,) = [line for line in spoken.splitlines() if line.startswith("method ")]
    assert header.split("  ")[0] == "method"
    assert all(column in header for column in ("spectral radius", "stable", "critical lr", "remark"))
    assert "0.1 of generator, 0.4 of discriminator" in spoken
    assert "critical lr: the rate of discriminator, the larger one" in spoken
    assert max(map(len, spoken.splitlines())) <= 80
    assert "larger" not in gandyn("stability", "dirac-gan", "--lr", "0.1").stdout


def test_a_continuum_is_told_by_its_direction(gandyn):
    spoken = gandyn("stability", "--minimax", "x*y", "--min", "x,z", "--max", "y").stdout
    assert "direction (0, 1, 0) in (x, z, y)" in spoken
    assert "critical lr: at this representative" in spoken


@pytest.mark.parametrize(("points", "said"), [(101, True), (11, False)])
def test_a_table_says_how_much_of_the_trajectory_it_shows(gandyn, points, said):
    shown = gandyn("trajectory", "bilinear", "--time", "1", "--points", str(points)).stdout
    assert (f"11 of {points} points shown" in shown) is said


def test_a_list_of_everything_has_no_empty_headings(gandyn):
    from scenarios.cli.verbs.list import KINDS

    everything = gandyn("list").stdout.splitlines()
    for kind in KINDS:
        assert (kind in everything) is ("none in this version" not in gandyn("list", kind).stdout)


@pytest.mark.parametrize(
    ("verb", "words"),
    [
        ("iterate", "required"),
        ("portrait", "default: 0.2"),
        ("portrait", "that exists is replaced"),
        ("claims", "names are replaced"),
        ("report", "names are replaced"),
        ("trajectory", "that exists is refused"),
        ("evaluate", "default: the game's start"),
    ],
)
def test_help_says_what_is_needed_and_what_is_overwritten(gandyn, verb, words):
    text = " ".join(gandyn(verb, "--help").stdout.replace("│", " ").split())
    assert words in text
