"""``gandyn ensemble``: numbers against closed forms, keys of the contract, files, exit codes.

Statistical tests run a fixed seed; their bounds are 5 standard errors, a false alarm of 6e-7 a comparison.
"""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
import xarray as xr
from scipy import stats

SIGMAS = 5
#: Exact sampling of the bilinear game from the origin: r^2 is exponential of mean 2 s^2 t.
EXACT = ("ensemble", "bilinear", "--scheme", "exact", "--dt", "0.5", "--time", "2", "--observe", "x**2+y**2")
ORIGIN = ("--start", "x=0,y=0", "--noise", "0.3")
PLAIN = ("ensemble", "bilinear", "--noise", "0.1", "--dt", "0.05", "--time", "1", "--paths", "500")
KEYS = {"mean", "covariance", "status_counts", "path_steps_per_second"}


def far(entry, expected, error="stderr"):
    """Return by how many standard errors a mean is off."""
    return abs(entry["mean"] - expected) / entry[error]


def test_exact_sampling_has_the_second_moment_of_the_linear_equation(answer):
    result = answer(*EXACT, *ORIGIN, "--paths", "1e6", "--seed", "3")["result"]
    assert set(result) >= KEYS
    r2, expected = result["observed"]["x**2+y**2"], 2 * 0.3**2 * 2
    assert far(r2, expected) < SIGMAS
    # The control: a strength 1 % wrong is caught; the standard error is a thousandth of the mean.
    assert far(r2, 1.01**2 * expected) > SIGMAS
    assert r2["stderr"] == pytest.approx(expected / 1e3, rel=0.01)
    low, high = r2["interval"]
    assert (high - low) / r2["stderr"] == pytest.approx(2 * stats.norm.ppf(0.975), rel=1e-4)
    for i, name in enumerate("xy"):
        assert abs(result["mean"][name]) < SIGMAS * result["mean_stderr"][name]
        for j in range(2):
            exact = (i == j) * 0.3**2 * 2
            assert abs(result["covariance"][i][j] - exact) < SIGMAS * result["covariance_stderr"][i][j]
            inside = result["covariance_interval"][i][j]
            assert inside[0] < result["covariance"][i][j] < inside[1]
    assert result["status_counts"] == {"finished": 1_000_000} and result["count"] == 1_000_000


def test_from_another_start_r2_grows_by_the_noise_alone(answer):
    given = (*EXACT, "--start", "x=1,y=-2", "--noise", "0.1", "--paths", "1e5")
    r2 = answer(*given)["result"]["observed"]["x**2+y**2"]
    assert far(r2, 5 + 2 * 0.01 * 2) < SIGMAS
    spread = answer(*given, "--spread", "x=0.5")["result"]["observed"]["x**2+y**2"]
    assert far(spread, 5 + 2 * 0.01 * 2 + 0.25) < SIGMAS


def test_quantiles_are_those_of_the_law(answer):
    result = answer(*EXACT, *ORIGIN, "--paths", "1e5", "--quantiles", "0.05,0.5,0.95")["result"]
    laws = {"x": stats.norm(scale=0.3 * 2**0.5), "x**2+y**2": stats.expon(scale=2 * 0.3**2 * 2)}
    for name, law in laws.items():
        found = result["quantiles"][name]
        assert [entry["share"] for entry in found["quantiles"]] == [0.05, 0.5, 0.95]
        for entry in found["quantiles"]:
            exact = law.ppf(entry["share"])
            error = math.sqrt(entry["share"] * (1 - entry["share"]) / 1e5) / law.pdf(exact)
            assert abs(entry["value"] - exact) < SIGMAS * error + found["cell_width"]
            low, high = entry["interval"]
            assert low <= entry["value"] <= high and high - low < 2 * (1.96 * error + 2 * found["cell_width"]) * 1.1
        # Cells far finer than the law is wide.
        assert 0 < found["cell_width"] < 0.02 * law.std()


def test_records_give_the_path_of_the_moments(answer):
    given = (*EXACT, *ORIGIN, "--paths", "1e5")
    moments = answer(*given, "--records", "5")["result"]["moments"]
    assert moments["time"] == [0.0, 0.5, 1.0, 1.5, 2.0]
    assert moments["count"] == [100_000] * 5
    for k, t in enumerate(moments["time"]):
        error = moments["mean_stderr"]["x**2+y**2"][k]
        assert abs(moments["mean"]["x**2+y**2"][k] - 2 * 0.09 * t) <= SIGMAS * error
        assert moments["covariance"][k][0][0] == pytest.approx(
            0.09 * t, abs=SIGMAS * moments["covariance_stderr"][k][0][0]
        )
    assert "moments" not in answer(*given)["result"]


def test_what_one_path_cannot_tell_is_null(answer):
    result = answer(*EXACT, *ORIGIN, "--paths", "1")["result"]
    assert result["mean"]["x"] is not None
    assert result["mean_stderr"] == {"x": None, "y": None}
    assert result["mean_interval"]["x"] == [None, None]
    assert result["covariance"] == [[None, None]] * 2 == result["covariance_stderr"]


def test_seed_and_path_numbers_name_the_random_numbers(answer, gandyn):
    given = (*EXACT, *ORIGIN, "--paths", "300")
    one = answer(*given, "--seed", "5")["result"]
    assert answer(*given, "--seed", "5", "--threads", "1", "--chunk", "7")["result"]["mean"] == one["mean"]
    assert answer(*given, "--seed", "6")["result"]["mean"] != one["mean"]
    assert answer(*given, "--seed", "5", "--first", "300")["result"]["mean"] != one["mean"]
    from_environment = gandyn(*given, "--json", GANDYN_SEED="5")
    assert json.loads(from_environment.stdout)["result"]["mean"] == one["mean"]


# Conditions ------------------------------------------------------------------------------------------------------

#: Brownian motion of strength 1 in x, leaving (-1, 1) on one side or the other.
LEAVING = (
    "ensemble", "bilinear", "--set", "sigma=0", "--start", "x=0,y=0", "--until", "x > 1", "--until", "x < -1",
    "--dt", "0.01", "--paths", "2e4",
)  # fmt: skip


def test_brownian_motion_leaves_an_interval_in_mean_time_one(answer):
    payload = answer(*LEAVING, "--noise", "x=1,y=0.001", "--time", "20")
    result = payload["result"]
    assert payload["status"] == "event" and result["status_counts"] == {"finished": 0, "event": 20_000}
    # E tau = (1 - x0)(1 + x0) / s^2; the bridge leaves no bias of order sqrt(dt).
    assert far(result["exit_time"], 1.0) < SIGMAS
    assert set(result["exit_time"]) >= {"mean", "stderr", "count"} and result["exit_time"]["count"] == 20_000
    # The control: exits that are seen at the steps only are late by 0.58 sqrt(dt) on either side.
    seen = answer(*LEAVING, "--noise", "x=1,y=0.001", "--time", "20", "--no-bridge")["result"]["exit_time"]
    assert far(seen, 1.0) > SIGMAS and seen["mean"] > 1.05
    sides = {entry["condition"]: entry for entry in result["exits"]}
    for condition, side in (("x > 1", 1), ("x < -1", -1)):
        assert abs(sides[condition]["share"] - 0.5) < SIGMAS * 0.5 / 20_000**0.5
        low, high = sides[condition]["share_interval"]
        assert low < sides[condition]["share"] < high
        assert sides[condition]["place"]["x"] == pytest.approx(side, rel=1e-9)
    assert result["exit_share"]["share"] == 1.0 and result["exit_share"]["inside"] == 0
    assert abs(result["exit_place"]["x"]) < SIGMAS * result["exit_place_stderr"]["x"]


def test_a_condition_out_of_reach_is_reported_with_the_count_inside(answer, gandyn):
    given = (*LEAVING, "--noise", "x=1e-6,y=1e-6", "--time", "1")
    payload = answer(*given)
    result = payload["result"]
    assert payload["status"] == "finished"
    assert {key: result["exit_time"][key] for key in ("mean", "stderr", "count")} == {
        "mean": None, "stderr": None, "count": 0,
    }  # fmt: skip
    assert result["exit_share"]["inside"] == 20_000 and result["exit_share"]["share"] == 0.0
    assert result["exit_place"] == {"x": None, "y": None}
    assert any('"x > 1"' in note and "20,000" in note for note in result["notes"])
    assert "20,000 were still inside" in " ".join(gandyn(*given).stdout.split())


def test_passages_watched_conditions_and_largest_values_are_those_of_brownian_motion(answer):
    # A rotation of 1e-3 moves nothing within the standard errors and leaves the equilibrium isolated.
    given = ("ensemble", "bilinear", "--set", "sigma=1e-3", "--start", "x=0,y=0", "--noise", "1", "--dt", "0.02")
    result = answer(*given, "--time", "1", "--paths", "2e4", "--watch", "x > 1", "--passage", "0.25", "--maximum", "x")
    result = result["result"]
    (passage,), (watch,) = result["passage"], result["watch"]
    assert passage["at"] == pytest.approx({"x": 0, "y": 0}, abs=1e-9) and passage["share"] == 1.0
    assert passage["mean"] == 0.0 and passage["count"] == 20_000
    # P(max > 1) = 2 (1 - Phi(1)), E max = sqrt(2 t / pi).
    hit = 2 * stats.norm.sf(1.0)
    assert abs(watch["share"] - hit) < SIGMAS * math.sqrt(hit * (1 - hit) / 2e4)
    assert watch["open"] + watch["count"] == 20_000
    assert far(result["maxima"]["x"], math.sqrt(2 / math.pi)) < SIGMAS
    assert result["status_counts"] == {"finished": 20_000}


# Schemes, files, endings -----------------------------------------------------------------------------------------


def test_simultaneous_descent_is_euler_maruyama(answer):
    one = answer(*PLAIN)["result"]
    other = answer(*PLAIN, "--scheme", "simultaneous")["result"]
    # Twenty steps of a few roundings.
    assert list(other["mean"].values()) == pytest.approx(list(one["mean"].values()), rel=1e-12)
    assert (one["strong_order"], one["weak_order"]) == (1.0, 1.0)
    assert (other["scheme"], other["scheme_settings"]["lr"], other["strong_order"]) == ("simultaneous", 0.05, None)
    given = answer(*PLAIN, "--scheme", "simultaneous", "--lr", "generator=0.1,discriminator=0.2")["result"]
    assert given["scheme_settings"]["lr"] == {"generator": 0.1, "discriminator": 0.2} and given["mean"] != one["mean"]


def test_results_and_states_of_single_paths_are_stored(answer, tmp_path):
    result = answer(*PLAIN, "--out", "run.zarr", "--store", "3", "--every", "5")["result"]
    assert (result["file"], result["paths_file"]) == ("run.zarr", "run-paths.zarr")
    whole = xr.open_zarr(tmp_path / "run.zarr", consolidated=False)
    paths = xr.open_zarr(tmp_path / "run-paths.zarr", consolidated=False)
    assert whole["mean"].sel(quantity="x")[-1] == result["mean"]["x"] and len(whole["time"]) == 21
    np.testing.assert_allclose(paths["time"], [0, 0.25, 0.5, 0.75, 1.0])
    assert paths["state"].shape == (5, 3, 2)
    # The chosen paths are those of the ensemble, bit for bit.
    np.testing.assert_array_equal(paths["state"][-1], whole["final"][:3])


@pytest.mark.parametrize(("name", "begins"), [("run.png", b"\x89PNG"), ("run.svg", b"<?xml"), ("run.gif", b"GIF89a")])
def test_pictures_and_animations_are_written(answer, tmp_path, name, begins):
    assert answer(*PLAIN, "--out", name)["result"]["file"] == name
    assert (tmp_path / name).read_bytes().startswith(begins)


def test_paths_that_diverge_fail_with_code_3(answer, gandyn):
    given = ("ensemble", "bilinear", "--set", "sigma=1e120", *PLAIN[2:])
    payload = answer(*given, exit_code=3)
    assert payload["status"] == "diverged"
    assert payload["result"]["status_counts"] == {"finished": 0, "diverged": 500}
    assert payload["result"]["mean"] == {"x": None, "y": None} and payload["result"]["count"] == 0
    assert "500 diverged" in " ".join(gandyn(*given).stdout.split())


def test_numbers_are_not_lost_with_a_picture_that_cannot_be_drawn(answer, tmp_path):
    # The cubic field throws this start out in a step.
    given = ("ensemble", "double-well", "--start", "x=1e60", "--noise", "0.1", "--dt", "1", "--time", "3")
    result = answer(*given, "--paths", "50", "--out", "law.png", exit_code=3)["result"]
    assert result["status_counts"]["diverged"] == 50 and "file" not in result
    assert any("law.png: No path came to the end" in note for note in result["notes"])
    assert list(tmp_path.iterdir()) == []


def test_an_interrupted_run_gives_what_is_finished(answer, monkeypatch):
    from dynamics.ensemble import simulate

    module = __import__(simulate.__module__, fromlist=["wait"])
    wait, calls = module.wait, []

    def interrupted(*arguments, **options):
        calls.append(1)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return wait(*arguments, **options)

    monkeypatch.setattr(module, "wait", interrupted)
    payload = answer(*PLAIN, "--threads", "1", "--chunk", "64", exit_code=3)
    counts = payload["result"]["status_counts"]
    assert payload["status"] == "interrupted"
    assert sum(counts.values()) == 500 and counts["finished"] >= 2 * 64 and counts["interrupted"] > 0
    assert payload["result"]["count"] == counts["finished"]


def test_the_table_says_what_was_run_and_fits_eighty_columns(gandyn):
    shown = gandyn(*PLAIN, "--records", "3")
    assert shown.exit_code == 0
    words = " ".join(shown.stdout.split())
    for entry in ("euler-maruyama", "strong order 1", "500 paths, dt=0.05, time=1, seed=0", "isotropic, strength=0.1"):
        assert entry in words
    for entry in ("standard error", "95 % interval", "covariance", "500 finished", "path-steps"):
        assert entry in words
    assert max(map(len, shown.stdout.splitlines())) <= 80


def test_help_groups_its_options(gandyn):
    text = gandyn("ensemble", "--help").stdout
    for panel in ("Noise", "Scheme", "What is measured", "How it is run", "Output", "Game"):
        assert f"─ {panel} ─" in text
    plain = " ".join(text.replace("│", " ").split())
    for option in ("--noise-schedule", "--until", "--passage", "--brownian-dt", "gandyn list schemes"):
        assert option in plain


def test_list_and_show_know_schemes_and_noise(answer, gandyn):
    from dynamics.ensemble import schemes

    assert [row["name"] for row in answer("list", "schemes")["result"]] == schemes.names()
    assert {"isotropic", "gradient", "coloured"} <= {row["name"] for row in answer("list", "noise")["result"]}
    rows = {row["name"]: row["summary"] for row in answer("list", "noise-schedules")["result"]}
    assert "half_life" in rows["exponential"]
    result = answer("show", "weak-order-2")["result"]
    assert result["settings"]["increments_of"]["default"] == "three-point" and "Kloeden" in result["source"]
    assert answer("show", "coloured")["result"]["settings"]["tau"]["required"]
    assert "--scheme-set" in gandyn("show", "euler-maruyama").stdout
    assert "Li, Tai and E" in gandyn("show", "gradient").stdout


# What is refused -------------------------------------------------------------------------------------------------

RUN = ("ensemble", "bilinear")
NOISY = (*RUN, "--noise", "0.1")

REFUSED = [
    (RUN, "--noise"),
    ((*NOISY, "--dt", "0"), "--dt must be positive"),
    ((*NOISY, "--dt", "-0.1"), "--dt must be positive"),
    ((*NOISY, "--dt", "nan"), "finite"),
    ((*NOISY, "--paths", "0"), "--paths must be a whole number"),
    ((*NOISY, "--paths", "-5"), "--paths must be a whole number"),
    ((*NOISY, "--paths", "1.5"), "--paths must be a whole number"),
    ((*NOISY, "--time", "-1"), "--time must be positive"),
    ((*NOISY, "--time", "1", "--dt", "0.3"), "does not divide"),
    ((*NOISY, "--seed", "-1"), "--seed"),
    ((*NOISY, "--seed", str(2**64)), "below 2^64"),
    ((*NOISY, "--first", str(2**63)), "below 2^62"),
    ((*NOISY, "--paths", "1e13"), "more memory than there is"),
    ((*NOISY, "--spread", "-1"), "negative"),
    ((*NOISY, "--spread", "z=1"), "z"),
    ((*NOISY, "--start", "x=1"), "add y"),
    ((*RUN, "--noise", "-0.1"), "negative"),
    ((*RUN, "--noise", "z=0.1"), "Unknown coordinate of the noise 'z'"),
    ((*RUN, "--noise", "0.1*x"), "by coordinate"),
    ((*RUN, "--noise", "x=__import__('os')"), "__import__"),
    ((*RUN, "--noise-matrix", "[[1,2,3]]"), "1 row, expected 2"),
    ((*RUN, "--noise-matrix", "[[1,2],[3]]"), "as many each"),
    ((*RUN, "--noise-matrix", "[[1],[NaN]]"), "finite"),
    ((*RUN, "--noise-matrix", "[1,2]"), "rows of numbers"),
    ((*RUN, "--noise-matrix", "[[1,2],[2,1]]", "--noise-kind", "covariance", "--noise-lr", "0.1"), "eigenvalue -1"),
    ((*RUN, "--noise-matrix", "[[1,2],[2,1]]", "--noise-kind", "covariance"), "--noise-lr"),
    ((*RUN, "--noise-matrix", "[[1,0],[0,1]]", "--noise-kind", "covarience", "--noise-lr", "1"), "covariance"),
    ((*RUN, "--noise-file", "missing.npy"), "missing.npy"),
    ((*NOISY, "--noise-schedule", "exponentail:half_life=1"), "exponential"),
    ((*NOISY, "--noise-schedule", "exponential:halflife=1"), "half_life"),
    ((*NOISY, "--noise-memory", "0"), "--noise-memory must be positive"),
    ((*NOISY, "--scheme", "milstien"), "milstein"),
    ((*NOISY, "--scheme-set", "increments=two-point"), "increments_of"),
    ((*RUN, "--noise", "x=0.1*x", "--scheme", "stochastic-runge-kutta"), "needs additive noise"),
    (("ensemble", "forsaken", "--noise", "0.1", "--scheme", "exact"), "linear in the state"),
    ((*RUN, "--noise-matrix", '[["x","y"],["0","x"]]', "--scheme", "milstein"), "commutative"),
    ((*NOISY, "--until", "1 > 0"), "names no coordinate"),
    ((*NOISY, "--until", "x + y"), "no comparison"),
    ((*NOISY, "--until", "x == 1"), "equation"),
    ((*NOISY, "--until", "z > 1"), "z"),
    ((*NOISY, "--until", "x > 1", "--watch", "x > 1"), "twice"),
    ((*NOISY, "--passage", "-1"), "--passage must be positive"),
    (("ensemble", "bilinear", "--set", "sigma=0", "--noise", "0.1", "--passage", "1"), "isolated equilibrium"),
    ((*NOISY, "--quantiles", "0.5,1.5"), "between 0 and 1"),
    ((*NOISY, "--records", "1"), "--records"),
    ((*NOISY, "--out", "run.nc"), ".zarr"),
    (("ensemble", "double-well", "--noise", "0.1", "--out", "run.gif"), "two coordinates"),
    ((*NOISY, "--brownian-dt", "0.003"), "does not divide"),
    # Options without effect.
    ((*NOISY, "--noise-matrix", "[[1]]"), "give one of them"),
    ((*NOISY, "--interpretation", "stratonovich"), "no effect"),
    ((*NOISY, "--noise-kind", "matrix"), "no effect"),
    ((*NOISY, "--noise-lr", "0.1"), "no effect"),
    ((*RUN, "--noise-matrix", "[[1],[0]]", "--noise-lr", "1"), "--noise-kind covariance"),
    ((*NOISY, "--lr", "0.1"), "no effect"),
    ((*NOISY, "--method-set", "beta=1"), "no effect"),
    ((*NOISY, "--scheme", "alternating", "--scheme-set", "a=1"), "--method-set"),
    ((*NOISY, "--no-bridge"), "no effect"),
    ((*NOISY, "--no-bridge", "--until", "x > 3", "--scheme", "exact"), "steps only"),
    ((*NOISY, "--every", "5"), "no effect"),
    ((*NOISY, "--store", "5"), "--out F.zarr"),
    ((*NOISY, "--increments_of", "two-point"), "--scheme-set increments_of=two-point"),
    ((*NOISY, "--expect", "x"), "go together"),
    ((*NOISY, "--standard-error", "0.1"), "go together"),
    ((*NOISY, "--expect", "x", "--standard-error", "0"), "--standard-error"),
    ((*NOISY, "--device", "tpu"), "device"),
]


@pytest.mark.parametrize(("arguments", "hint"), REFUSED, ids=[" ".join(arguments)[9:70] for arguments, _ in REFUSED])
def test_bad_input_is_refused_in_one_sentence(gandyn, tmp_path, arguments, hint):
    spoken = gandyn(*arguments)
    assert spoken.exit_code == 2, spoken.output
    assert spoken.stdout == ""
    assert spoken.stderr.startswith("Error: ") and spoken.stderr.count("\n") == 1
    assert hint.lower() in spoken.stderr.lower()
    assert list(tmp_path.iterdir()) == []


def test_an_expectation_is_given_to_the_error_that_was_asked_for(answer):
    given = (*PLAIN, "--start", "x=1,y=0", "--expect", "x**2+y**2", "--standard-error", "0.002")
    found = answer(*given)["result"]["expectation"]
    # E r^2 = 1 + 2 s^2 t = 1.02; bias at most 0.0015 and five standard errors of at most 0.0015: false alarm 6e-7.
    assert abs(found["value"] - 1.02) < 0.0015 + SIGMAS * found["stderr"]
    assert found["error"] <= 0.0021 and found["status"] == "finished" and len(found["levels"]) >= 3
