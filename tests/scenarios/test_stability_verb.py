"""``gandyn stability``: methods, cycles, added points, region maps and pictures, for people and programs."""

from __future__ import annotations

import numpy as np
import pytest

from dynamics import methods
from dynamics.core.storage import read_dataset


@pytest.fixture
def rows(answer):
    def run(*arguments: str):
        (equilibrium,) = answer("stability", *arguments)["result"]["equilibria"]
        return {row["method"]: row for row in equilibrium["methods"]}

    return run


def test_every_method_has_its_intervals_and_its_fastest_rate(rows):
    found = rows("bilinear", "--lr", "0.5")
    assert list(found) == methods.names()
    # alternating: marginal up to 2; rk4: rho^2 = 1 - a^6/72 + a^8/576 is least at a^2 = 6
    np.testing.assert_allclose(found["alternating"]["intervals"], [[0.0, 2.0]], rtol=1e-13)
    np.testing.assert_allclose(found["rk4"]["optimal_lr"], np.sqrt(6), rtol=1e-6)
    np.testing.assert_allclose(found["rk4"]["optimal_radius"], 0.5, rtol=1e-12)
    assert found["proximal-point"]["intervals"] == [[0.0, None]]
    assert found["heun"]["intervals"] == []
    assert (found["heun"]["optimal_lr"], found["heun"]["critical_lr"]) == (None, 0.0)


def test_methods_without_multipliers_give_a_reason_and_what_was_measured(rows, gandyn):
    found = rows("bilinear", "--lr", "0.01")
    for name in ("adam", "optimistic-adam", "rmsprop", "averaging"):
        row = found[name]
        assert row["spectral_radius"] is None
        assert row["reason"]
        assert row["attractor"]["lr"] == 0.01
        assert row["attractor"]["text"]
    assert all(found[name]["attractor"] is None for name in ("simultaneous", "consensus"))
    spoken = gandyn("stability", "bilinear").stdout
    assert "not differentiable at an equilibrium" in spoken
    assert "adam: bounded, at distance" in spoken


def test_consensus_lists_the_points_that_the_dirac_gan_does_not_have(answer, gandyn):
    result = answer("stability", "dirac-gan")["result"]
    (equilibrium,) = result["equilibria"]
    row = {row["method"]: row for row in equilibrium["methods"]}["consensus"]
    assert row["spurious"] == result["spurious"]["consensus"]
    for point in row["spurious"]:
        # theta psi = -u with u sigmoid(u) = 1/2
        u = -point["at"]["theta"] * point["at"]["psi"]
        assert u / (1 + np.exp(-u)) == pytest.approx(0.5, rel=1e-12)
        assert point["attracts"] is False
    assert len(row["spurious"]) == 2
    spoken = gandyn("stability", "dirac-gan").stdout
    assert "consensus also rests where the field does not vanish" in spoken
    assert "theta=0.341249, psi=-2.16509" in spoken


def test_cycles_are_listed_with_period_range_and_stability(answer, gandyn):
    result = answer("stability", "forsaken", "--cycles")["result"]
    assert [cycle["stable"] for cycle in result["cycles"]] == [False, True]
    for cycle in result["cycles"]:
        assert set(cycle) >= {"period", "stable", "multipliers", "range"}
        assert set(cycle["range"]) == {"x", "y"}
        (low, high) = cycle["range"]["x"]
        assert low < result["equilibria"][0]["at"]["x"] < high
    assert "cycles" not in answer("stability", "bilinear", "--method", "heun")["result"]
    spoken = gandyn("stability", "forsaken", "--cycles").stdout
    assert "2 cycles of the flow" in spoken
    assert max(map(len, spoken.splitlines())) <= 80


def test_chosen_methods_with_settings_make_a_short_table(rows):
    found = rows("bilinear", "--method", "heavy-ball", "--method-set", "order=alternating,beta=-0.5", "--lr", "0.3")
    assert list(found) == ["heavy-ball"]
    # (mu - 1)^2 (mu + 1/2)^2 + a^2 mu^3 = 0
    roots = np.polynomial.polynomial.polyroots(
        np.polynomial.polynomial.polyadd(np.polynomial.polynomial.polypow([-0.5, -0.5, 1], 2), [0, 0, 0, 0.09])
    )
    assert found["heavy-ball"]["spectral_radius"] == pytest.approx(np.abs(roots).max(), rel=1e-12)
    assert list(rows("bilinear", "--method", "rk4", "--method", "heun")) == ["rk4", "heun"]


def test_a_region_map_is_an_answer_a_store_and_a_picture(answer, gandyn, tmp_path):
    call = ("stability", "bilinear", "--method", "extragradient", "--region", "lr=0.5:1.5:3,sigma=0.5:2:4")
    region = answer(*call, "--out", "map.zarr")["result"]["region"]
    assert region["x"] == {"name": "lr", "values": pytest.approx([0.5, np.sqrt(0.75), 1.5]), "spacing": "log"}
    assert region["y"]["spacing"] == "linear"
    assert "lr from 0.5 to 1.5 (logarithmic) and sigma from 0.5 to 2" in gandyn(*call).stdout
    np.testing.assert_array_equal(region["stable"], np.outer(region["y"]["values"], region["x"]["values"]) <= 1)
    stored = read_dataset(tmp_path / "map.zarr")
    np.testing.assert_array_equal(stored["radius"], region["radius"])
    assert answer(*call, "--out", "map.png")["result"]["file"] == "map.png"
    assert (tmp_path / "map.png").read_bytes().startswith(b"\x89PNG")


def test_settings_that_count_steps_take_whole_numbers_of_a_range(answer):
    result = answer(
        "stability", "bilinear", "--method", "lookahead", "--lr", "0.3", "--region", "k=1:6,alpha=0.2:0.8:3"
    )["result"]["region"]
    assert result["x"]["values"] == [1, 2, 3, 4, 5, 6]
    assert np.shape(result["radius"]) == (3, 6)


def test_multipliers_are_drawn_at_the_equilibrium_that_is_named(answer, gandyn, tmp_path):
    game = ("stability", "rotated-double-well", "--method", "heun")
    assert answer(*game, "--out", "m.svg", "--at", "x=1,y=0")["result"]["file"] == "m.svg"
    assert (tmp_path / "m.svg").stat().st_size > 1000
    assert "say which one with --at" in gandyn(*game, "--out", "m.svg").stderr
    assert "no equilibrium at x=0.5,y=0" in gandyn(*game, "--out", "m.svg", "--at", "x=0.5,y=0").stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--region", "lr=0.1:1,beta=0:0.5"), "--region maps one method, got 0"),
        (("--method", "heavy-ball", "--region", "lr=0.1:1"), "expected two such as"),
        (("--method", "heavy-ball", "--region", "lr=1:0.1,beta=0:0.5"), "reversed or empty"),
        (("--method", "heavy-ball", "--region", "lr=0.1:1:x,beta=0:0.5"), "whole number"),
        (("--method", "heavy-ball", "--region", "beta=0:0.5,sigma=1:2"), "leaves a learning rate open"),
        (("--method", "heavy-ball", "--region", "lr=0.1:1,bta=0:0.5"), "did you mean 'beta'"),
        (("--method", "heavy-ball", "--region", "lr=0.1:1,zzz=0:0.5"), "lr:discriminator, lr:generator"),
        (("--method", "adam", "--region", "lr=0.1:1,beta1=0:0.5"), "no multipliers"),
        (("--method", "heavy-bal"), "did you mean 'heavy-ball'"),
        (("--method-set", "beta=0.5"), "configures one method"),
        (("--method", "heavy-ball", "--method-set", "lr=0.5"), "given with --lr"),
        (("--method", "heavy-ball", "--method-set", "schedule=cosine"), "schedule has no effect on multipliers"),
        (("--at", "x=0,y=0"), "has no effect by itself"),
        (("--out", "a.zarr"), "expected a picture"),
    ],
)
def test_bad_options_are_refused_in_a_sentence(gandyn, arguments, message):
    done = gandyn("stability", "bilinear", *arguments)
    assert done.exit_code == 2
    assert message in done.stderr
    assert done.stderr.count("\n") == 1


def test_no_equilibrium_is_an_answer(answer, gandyn):
    call = ("stability", "double-well", "--box", "x=2:3")
    assert answer(*call)["result"]["equilibria"] == []
    assert "0 equilibria" in gandyn(*call).stdout


def test_human_answers_fit_eighty_columns(gandyn):
    for arguments in (
        ("fiez-ratliff", "--lr", "1.2"),
        ("dirac-gan", "--set", "penalty=r1", "--method", "simultaneous", "--region", "lr=0.1:4:5,gamma=0:2:5"),
    ):
        shown = gandyn("stability", *arguments)
        assert shown.exit_code == 0, shown.output
        assert max(map(len, shown.stdout.splitlines())) <= 80


def test_the_table_says_at_which_settings_its_rows_are(answer, gandyn):
    (equilibrium,) = answer("stability", "bilinear")["result"]["equilibria"]
    settings = {row["method"]: row["settings"] for row in equilibrium["methods"]}
    assert settings["heavy-ball"]["beta"] == 0.9
    assert settings["heavy-ball"]["order"] == "simultaneous"
    assert settings["simultaneous"] == {}
    chosen = ("--method", "heavy-ball", "--method-set", "beta=-0.5,order=alternating")
    (own,) = answer("stability", "bilinear", *chosen)["result"]["equilibria"][0]["methods"]
    assert own["settings"]["beta"] == -0.5
    lines = [" ".join(line.split()) for line in gandyn("stability", "bilinear").stdout.splitlines()]
    assert "heavy-ball order=simultaneous, beta=0.9" in lines
    assert not any(line.startswith("rk4 order") for line in lines)


def test_a_radius_of_one_is_marginal_for_people_and_stable_for_programs(rows, gandyn):
    call = ("bilinear", "--lr", "0.5", "--method", "alternating", "--method", "extragradient")
    found = rows(*call)
    assert (found["alternating"]["stable"], found["extragradient"]["stable"]) == (True, True)
    verdicts = {words[0]: words[2] for line in gandyn("stability", *call).stdout.splitlines() if (words := line.split())
                and words[0] in found}  # fmt: skip
    assert verdicts == {"alternating": "marginal", "extragradient": "yes"}


THREE = """
[players.rock]
coordinates = ["x"]
loss = "x*(y - z) + mu*x**2/2"
[players.paper]
coordinates = ["y"]
loss = "y*(z - x) + mu*y**2/2"
[players.scissors]
coordinates = ["z"]
loss = "z*(x - y) + mu*z**2/2"
[parameters]
mu = 0.1
"""


def test_methods_that_do_not_apply_say_so(answer, gandyn, tmp_path):
    (tmp_path / "three.toml").write_text(THREE, encoding="utf-8")
    result = answer("stability", "three.toml")["result"]
    assert list(result["not_applicable"]) == ["competitive", "unrolled"]
    assert "two players" in result["not_applicable"]["competitive"]
    assert "competitive: Competitive gradient descent is defined for two players" in gandyn(
        "stability", "three.toml"
    ).stdout.replace("\n", " ")
    assert answer("stability", "bilinear")["result"]["not_applicable"] == {}
