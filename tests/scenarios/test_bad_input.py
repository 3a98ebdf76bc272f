"""What is wrong is refused before any computation: exit code 2, one sentence, the nearest valid choice."""

from __future__ import annotations

import json

import pytest

NESTED = "(" * 10_000 + "x" + ")" * 10_000
INLINE = ("--min", "x", "--max", "y")

REFUSED = [
    # Unknown names, with what must be suggested.
    (("evaluate", "dirac-gam"), "dirac-gan"),
    (("evaluate", "dirac-gan", "--set", "los=hinge"), "loss"),
    (("evaluate", "dirac-gan", "--set", "loss=hing"), "hinge"),
    (("evaluate", "dirac-gan", "--at", "thta=1,psi=1"), "theta"),
    (("iterate", "bilinear", "--method", "simultanous", "--lr", "0.1"), "simultaneous"),
    (("iterate", "bilinear", "--lr", "0.1", "--method-set", "frist=generator"), "first"),
    (("iterate", "bilinear", "--lr", "generater=0.1,discriminator=1"), "generator"),
    (("trajectory", "bilinear", "--solver", "scipy:DOP835"), "scipy:DOP853"),
    (("train", "digits-mpl"), "digits-mlp"),
    (("train", "digits-mlp", "--set", "stepz=3"), "steps"),
    (("claims", "O4x"), "O"),
    (("list", "game"), "games"),
    (("stabilty", "bilinear"), "stability"),
    (("evaluate", "bilinear", "--aat", "x=1"), "--at"),
    (("evaluate", "bilinear", "--timescale", "player=2"), "generator"),
    (("iterate", "bilinear", "--lr", "0.1", "--method", "ogda"), "did you mean 'optimistic'"),
    (("iterate", "bilinear", "--lr", "0.1", "--method", "EG"), "did you mean 'extragradient'"),
    (("iterate", "bilinear", "--lr", "0.1", "--method", "12345678"), "method '12345678'; valid choices"),
    (("show", "sga"), "did you mean 'symplectic-adjustment'"),
    # Settings in the wrong place, or without their sign.
    (("iterate", "bilinear", "--lr", "0.1", "--method", "heavy-ball", "--beta", "0.3"), "--method-set beta=0.3"),
    (("stability", "dirac-gan", "--gamma=0.3"), "--set gamma=0.3"),
    (("train", "digits-mlp", "--steps", "30"), "--set steps=30"),
    (("show", "dirac-gan", "--set", "gamma", "0.3"), "write --set gamma=0.3"),
    (("iterate", "bilinear", "--lr", "0.1,0.2"), "generator=0.1,discriminator=0.2"),
    (("iterate", "bilinear", "--lr", "0.1", "--lr", "0.2"), "one per player"),
    (("iterate", "bilinear", "--lr", "generator=0.1", "--lr", "generator=0.2"), "twice"),
    (("basins", "forsaken", "--cells", "100000"), "at most 4096 along each of two axes"),
    (("basins", "double-well", "--cells", "100000000"), "the axis"),
    (("basins", "bilinear", "--method", "heun", "--lr", "0.1", "--method-set", "schedule=cosine"), "constant rate"),
    (("continue", "bilinear", "--over", "sigma=0.5:1", "--method", "adam", "--lr", "0.1"), "with basins"),
    (("portrait", "bilinear", "--out", "p.png", "--method-set", "beta=0.1"), "--method"),
    (("portrait", "bilinear", "--out", "p.png", "--method", "heun", "--method", "rk4", "--method-set", "a=1"), "one"),
    # Expressions that are no formulas.
    (("evaluate", "--minimax", "x.__class__", *INLINE), ""),
    (("evaluate", "--minimax", "__import__('os').system('touch hacked')", *INLINE), ""),
    (("evaluate", "--minimax", "[x for x in (1,)]", *INLINE), ""),
    (("evaluate", "--minimax", "open('hacked', 'w')", *INLINE), ""),
    (("evaluate", "--minimax", "x**10**10*y", *INLINE), ""),
    (("evaluate", "--minimax", NESTED, *INLINE), ""),
    (("evaluate", "--minimax", "x*y + unknown", *INLINE), ""),
    # States, boxes, rates, steps.
    (("trajectory", "bilinear", "--start", "x=nan,y=1"), "finite"),
    (("trajectory", "bilinear", "--start", "x=inf,y=1"), "finite"),
    (("trajectory", "bilinear", "--start", "x=1"), "y"),
    (("trajectory", "bilinear", "--start", "x=1,y=1,z=1"), "z"),
    (("trajectory", "bilinear", "--time", "-1"), "positive"),
    (("trajectory", "bilinear", "--time", "nan"), "finite"),
    (("trajectory", "bilinear", "--points", "1"), "2"),
    (("trajectory", "bilinear", "--points", "abc"), "whole number"),
    (("trajectory", "bilinear", "--rtol", "-1e-3"), "positive"),
    (("trajectory", "bilinear", "--out", "path.nc"), ".zarr"),
    (("trajectory", "bilinear", "--out", "no/such/folder/path.zarr"), "folder"),
    (("stability", "bilinear", "--box", "x=3:-3,y=-3:3"), "reversed"),
    (("stability", "bilinear", "--box", "x=-3,y=-3:3"), "low:high"),
    (("portrait", "bilinear", "--box", "x=0:0", "--out", "p.png"), "reversed"),
    (("portrait", "bilinear"), "--out"),
    (("portrait", "bilinear", "--out", "p.gif"), ".png"),
    (("portrait", "bilinear", "--out", "p.png", "--lr", "0.1"), "--method"),
    (("iterate", "bilinear", "--lr", "-0.1"), "positive"),
    (("iterate", "bilinear", "--lr", "0"), "positive"),
    (("iterate", "bilinear", "--lr", "nan"), "finite"),
    (("iterate", "bilinear", "--lr", "generator=0.1"), "discriminator"),
    (("iterate", "bilinear", "--lr", "0.1", "--iterations", "-5"), "at least 1"),
    (("iterate", "bilinear", "--lr", "0.1", "--every", "0"), "at least 1"),
    (("iterate", "bilinear"), "lr"),
    (("stability", "bilinear", "--lr", "-1"), "positive"),
    (("stability", "bilinear", "--timescale", "-1"), "positive"),
    # Games given badly.
    (("evaluate",), "No game"),
    (("evaluate", "missing.toml"), "missing.toml"),
    (("evaluate", "bilinear", "--minimax", "x*y", *INLINE), "one of them"),
    (("evaluate", "--minimax", "x*y"), "--max"),
    (("evaluate", "--minimax", "x*y", "--min", "x"), "Unknown name in the expression 'y'"),
    (("evaluate", "bilinear", "--min", "x"), "--minimax"),
    (("evaluate", "bilinear", "--set", "sigma=nan"), "finite"),
    (("evaluate", "bilinear", "--set", "sigma"), "key=value"),
    (("evaluate", "bilinear", "--set", "matrix=[[1,2"), "bracket"),
    (("evaluate", "bilinear", "extra"), "extra"),
    (("train",), "preset"),
    (("show", "digits-mlp", "--latex"), "--latex"),
    (("show", "digits-mlp", "--timescale", "2"), "--timescale"),
    (("show", "digits-mlp", "--set", "stepz=3"), "steps"),
    (("compare",), "runs"),
    (("compare", "nothing-here"), "nothing-here"),
    (("bench", "--starts", "0"), "at least 1"),
    (("bench", "basin"), "did you mean 'basins'"),
    (("bench", "start-up", "--starts", "10"), "has no effect on start-up"),
    (("bench", "basins", "--paths", "10000"), "add ensemble"),
    (("bench", "ensemble", "--paths", "10"), "at least 1000"),
    (("report", "--comparison", "missing.zarr"), "missing.zarr"),
]


@pytest.mark.parametrize(("arguments", "hint"), REFUSED, ids=[" ".join(arguments)[:60] for arguments, _ in REFUSED])
def test_bad_input_is_refused_in_one_sentence(gandyn, tmp_path, arguments, hint):
    spoken = gandyn(*arguments)
    assert spoken.exit_code == 2, spoken.output
    assert spoken.stdout == ""
    assert spoken.stderr.startswith("Error: ")
    assert spoken.stderr.count("\n") == 1
    assert "Traceback" not in spoken.stderr
    assert hint.lower() in spoken.stderr.lower()
    assert list(tmp_path.iterdir()) == []

    written = gandyn(*arguments, "--json")
    assert written.exit_code == 2
    assert written.stderr == ""
    payload = json.loads(written.stdout)
    assert set(payload) == {"schema", "error"}
    assert payload["schema"] == 1
    assert set(payload["error"]) == {"kind", "message"}
    assert payload["error"]["message"] == spoken.stderr.removeprefix("Error: ").removesuffix("\n")


def test_debug_lets_the_exception_through(gandyn):
    result = gandyn("evaluate", "dirac-gam", "--debug")
    assert type(result.exception).__name__ == "InputError"


def test_an_unexpected_exception_is_one_sentence_too(gandyn, monkeypatch):
    from dynamics import games

    def broken(*arguments, **settings):
        raise RuntimeError("first line\nsecond line")

    monkeypatch.setattr(games, "get", broken)
    result = gandyn("evaluate", "bilinear")
    assert result.exit_code == 3
    assert result.stderr.count("\n") == 1
    assert "RuntimeError: first line" in result.stderr
    assert "--debug" in result.stderr
