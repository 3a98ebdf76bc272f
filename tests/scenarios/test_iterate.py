"""Training algorithms on the command line: every method, its settings and schedules, and what is refused."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

import figures
from dynamics import games, methods

EPS = 2.3e-16
RUN = ("iterate", "bilinear", "--lr", "0.3", "--iterations", "20", "--start", "x=1,y=0")

#: Settings as text, and as Python values.
SETTINGS = {
    "beta=-0.3,order=alternating": {"beta": -0.3, "order": "alternating"},
    "base=heavy-ball,base.beta=0.5,k=3": {"base": "heavy-ball", "base.beta": 0.5, "k": 3},
    "detached=true": {"detached": True},
    "kind=ema": {"kind": "ema"},
    "eps=1e-3,beta1=0": {"eps": 1e-3, "beta1": 0.0},
    "first=generator,d_steps=2": {"first": "generator", "d_steps": 2},
}
TAKERS = ("heavy-ball", "lookahead", "unrolled", "averaging", "adam", "alternating")


@pytest.mark.parametrize("name", methods.names())
def test_every_method_ends_where_its_map_leads(answer, name):
    result = answer(*RUN, "--method", name)["result"]
    method = methods.get(name, lr=0.3)
    expected = methods.iterate(games.get("bilinear"), method, [1.0, 0.0], 20).final
    assert list(result["final"].values()) == expected.tolist()
    assert result["settings"] == json.loads(json.dumps(method.settings()))


@pytest.mark.parametrize(("name", "text"), list(zip(TAKERS, SETTINGS, strict=True)))
def test_settings_reach_the_method(answer, name, text):
    result = answer(*RUN, "--method", name, "--method-set", text)["result"]
    method = methods.get(name, lr=0.3, **SETTINGS[text])
    assert (
        list(result["final"].values()) == methods.iterate(games.get("bilinear"), method, [1.0, 0.0], 20).final.tolist()
    )
    plain = answer(*RUN, "--method", name)["result"]
    assert result["final"] != plain["final"] and result["settings"] != plain["settings"]


def test_a_schedule_multiplies_the_rates(answer):
    given = (*RUN, "--method", "simultaneous", "--schedule", "cosine:iterations=10,final=0.1")
    result = answer(*given)["result"]
    factors = [0.1 + 0.45 * (1 + math.cos(math.pi * min(k / 10, 1))) for k in range(20)]
    # Each step multiplies the radius by sqrt(1 + a_k²); twenty steps of a few roundings.
    growth = np.prod([math.sqrt(1 + (0.3 * factor) ** 2) for factor in factors])
    assert math.hypot(*result["final"].values()) == pytest.approx(growth, rel=20 * 8 * EPS)
    assert result["settings"]["schedule"] == "cosine:iterations=10,final=0.1"


def test_a_descent_spans_the_run_and_repeated_schedules_multiply(answer, gandyn):
    given = ("iterate", "bilinear", "--lr", "0.3", "--iterations", "2000", "--method", "extragradient")
    assert answer(*given, "--schedule", "cosine")["result"]["settings"]["schedule"].startswith("cosine:iterations=2000")
    assert (
        answer(*given, "--method-set", "schedule=cosine")["result"] == answer(*given, "--schedule", "cosine")["result"]
    )
    both = answer(*given, "--schedule", "warm-up:iterations=50", "--schedule", "cosine")["result"]
    assert both["settings"]["schedule"] == "warm-up:iterations=50 * cosine:iterations=2000,final=0.0"
    method = methods.get("extragradient", lr=0.3, schedule=both["settings"]["schedule"])
    expected = methods.iterate(games.get("bilinear"), method, games.get("bilinear").start, 2000).final
    assert list(both["final"].values()) == pytest.approx(expected.tolist(), rel=1e-12)


def test_show_knows_schedules_and_names_what_is_close(answer, gandyn):
    result = answer("show", "cosine")["result"]
    assert result["settings"]["final"]["default"] == 0.0
    assert "Loshchilov" in result["source"]
    assert "--schedule cosine:name=value" in gandyn("show", "cosine").stdout
    for name, close in (("extragradiant", "extragradient"), ("cosin", "cosine"), ("dirac-gam", "dirac-gan")):
        assert f"did you mean '{close}'" in gandyn("show", name).stderr


def test_each_player_may_have_a_rate(answer):
    rates = "generator=0.1,discriminator=0.4"
    common = ("iterate", "bilinear", "--iterations", "1", "--start", "x=1,y=1", "--method", "extragradient")
    result = answer(*common, "--lr", rates)["result"]
    # The trial step leads to (1 - 0.1, 1 + 0.4).
    assert result["final"] == pytest.approx({"x": 1 - 0.1 * 1.4, "y": 1 + 0.4 * 0.9}, rel=4 * EPS)
    assert result["settings"]["lr"] == {"generator": 0.1, "discriminator": 0.4}
    assert answer(*common, "--lr", "generator=0.1", "--lr", "discriminator=0.4")["result"] == result


def test_the_settings_in_force_are_printed(gandyn):
    shown = gandyn(*RUN, "--method", "lookahead", "--method-set", "base=nesterov,base.beta=0.2")
    assert shown.exit_code == 0
    words = " ".join(shown.stdout.split())
    for entry in ("lr=0.3", "base=nesterov", "base.beta=0.2", "base.order=simultaneous", "k=5", "alpha=0.5"):
        assert entry in words
    assert max(map(len, shown.stdout.splitlines())) <= 80
    rates = gandyn("iterate", "bilinear", "--lr", "generator=0.1,discriminator=0.4", "--iterations", "3").stdout
    assert "lr of generator 0.1, lr of discriminator 0.4" in rates


def test_a_picture_shows_the_distance_and_the_predicted_decay(answer, gandyn, tmp_path):
    out = ("--method", "extragradient", "--out", "decay.png")
    plain = answer(*RUN, "--method", "extragradient")["result"]
    drawn = answer(*RUN, *out)["result"]
    assert drawn == {**plain, "file": "decay.png"}
    assert (tmp_path / "decay.png").read_bytes().startswith(b"\x89PNG")
    assert "Written to decay.png" in gandyn(*RUN, *out).stdout


@pytest.mark.parametrize(("start", "nearest"), [(-0.1, -1.0), (0.1, 1.0)])
def test_the_distance_is_that_to_the_equilibrium_where_the_run_ends(gandyn, monkeypatch, start, nearest):
    seen = []
    draw = figures.convergence_picture

    def watched(game, at, *rest, **options):
        seen.append(at)
        return draw(game, at, *rest, **options)

    monkeypatch.setattr(figures, "convergence_picture", watched)
    common = ("iterate", "double-well", "--method", "simultaneous", "--lr", "0.1", "--start", f"x={start}")
    assert gandyn(*common, "--out", "decay.svg").exit_code == 0
    np.testing.assert_allclose(seen, [[nearest]], rtol=1e-9)


def test_no_smooth_isolated_equilibrium_means_no_picture_and_says_so(gandyn, tmp_path):
    game = ("dirac-gan", "--set", "loss=wasserstein,penalty=wgan-gp")
    refused = gandyn("iterate", *game, "--lr", "0.1", "--iterations", "5", "--out", "a.png")
    assert refused.exit_code == 2
    assert "isolated and smooth" in refused.stderr
    assert not (tmp_path / "a.png").exists()


def test_list_names_every_method_and_schedule_with_its_settings(answer, gandyn):
    rows = {row["name"]: row for row in answer("list", "methods")["result"]}
    assert list(rows) == methods.names() and len(rows) == 20
    assert rows["heavy-ball"]["settings"]["beta"] == 0.9
    lines = gandyn("list", "methods").stdout.splitlines()
    assert [line.split(maxsplit=1)[0] for line in lines] == methods.names()
    assert "`" not in "".join(lines)
    schedules = {row["name"]: row["summary"] for row in answer("list", "schedules")["result"]}
    assert list(schedules) == methods.schedule_names() and "final=0" in schedules["cosine"]


@pytest.mark.parametrize("name", methods.names())
def test_show_says_what_a_method_is_and_what_may_be_set(answer, gandyn, name):
    result = answer("show", name)["result"]
    assert set(result["settings"]) == set(methods.settings(name))
    for key, entry in result["settings"].items():
        assert entry["default"] == methods.settings(name)[key]
        assert entry["meaning"] or key == "lr", key
    assert result["source"]
    spoken = gandyn("show", name).stdout
    assert all(word in spoken for word in (name, "settings", "required", "schedule"))
    assert not any(mark in spoken for mark in ("``", ":mod:"))


@pytest.mark.parametrize("verb", ["iterate"])
def test_help_says_where_methods_settings_and_schedules_are_listed(gandyn, verb):
    text = " ".join(gandyn(verb, "--help").stdout.replace("│", " ").split())
    for words in ("gandyn list methods", "gandyn show METHOD", "gandyn list schedules", "cosine:iterations=1000"):
        assert words in text


REFUSED = [
    (("iterate", "double-well", "--method", "competitive", "--lr", "0.1"), ("two players", "has 1", "extragradient")),
    (("iterate", "double-well", "--method", "unrolled", "--lr", "0.1"), ("two players", "lookahead")),
    (
        ("iterate", "double-well", "--method", "lookahead", "--method-set", "base=competitive", "--lr", "0.1"),
        ("two players", "proximal-point"),
    ),
    (("iterate", "matching-pennies", "--method", "unrolled", "--lr", "0.1"), ("metric", "lookahead")),
    ((*RUN, "--method", "heavy-ball", "--method-set", "beta=1.2"), ("1.2", "(-1, 1)")),
    ((*RUN, "--method", "heavy-ball", "--method-set", "order=alternate"), ("did you mean 'alternating'",)),
    ((*RUN, "--method", "heavy-ball", "--method-set", "order=3"), ("alternating, simultaneous",)),
    ((*RUN, "--method", "heavy-ball", "--method-set", "d_steps=2"), ("order=alternating",)),
    ((*RUN, "--method", "lookahead", "--method-set", "base=lookahead"), ("name a plain one",)),
    ((*RUN, "--method", "unrolled", "--method-set", "detached=maybe"), ("true or false",)),
    ((*RUN, "--method", "lookahead", "--method-set", "k=0"), ("at least 1",)),
    ((*RUN, "--schedule", "cosin"), ("did you mean 'cosine'",)),
    ((*RUN, "--schedule", "cosine:iteration=3"), ("did you mean 'iterations'",)),
    ((*RUN, "--schedule", "cosine", "--method-set", "schedule=constant"), ("give one of them",)),
    ((*RUN, "--method-set", "lr=0.2"), ("--lr", "give one of them")),
    ((*RUN, "--out", "a.gif"), ("a.gif", ".zarr or .png or .svg")),
    (("iterate", "bilinear", "--lr", "0.3", "--start", "x=0,y=0", "--out", "a.png"), ("equilibrium itself",)),
    (("iterate", "bilinear", "--method", "adam"), ("adam", "--lr RATE")),
    (("show", "extragradient", "--latex"), ("--latex", "no effect on the method")),
    (("show", "adam", "--set", "beta1=0.5"), ("--set", "no effect on the method")),
]


@pytest.mark.parametrize(("arguments", "hints"), REFUSED, ids=[" ".join(arguments)[-60:] for arguments, _ in REFUSED])
def test_bad_input_is_refused_in_one_sentence(gandyn, arguments, hints):
    spoken = gandyn(*arguments)
    assert spoken.exit_code == 2, spoken.output
    assert spoken.stdout == "" and spoken.stderr.startswith("Error: ") and spoken.stderr.count("\n") == 1
    assert all(hint in spoken.stderr for hint in hints)
