from __future__ import annotations

import json

import pytest
import torch
from typer.testing import CliRunner

from dynamics.gan import Recorder, train
from dynamics.gan.networks import initialise, mlp
from scenarios.cli.app import app

SMALL = {"samples": 40, "hidden": 4, "latent": 2, "steps": 12, "stride": 4, "lr": 0.02}


@pytest.fixture
def gandyn(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return lambda *arguments: CliRunner().invoke(app, list(arguments))


def test_the_recorded_mini_batch_run_is_a_row_and_a_curve(gandyn) -> None:
    train("digits-mlp", {**SMALL, "batch": 10}, "run")
    shown = gandyn("compare", "run", "--refinements", "1,2", "--out", "picture.png")
    assert shown.exit_code == 0 and "recorded, mini-batch 10" in shown.stdout
    result = json.loads(gandyn("compare", "run", "--refinements", "1,2,3", "--json").stdout)["result"]
    assert result["apart"] == "mini-batch 10" and len(result["distances"]) == 3
    assert result["recorded"] != result["distances"]["0.02"]


def test_a_loop_that_is_not_reproduced_has_no_order_and_exit_code_one(gandyn) -> None:
    from dynamics.games.network import NetworkGame

    generator, discriminator = initialise(mlp(1, [3], 1), 0, 0), initialise(mlp(1, [3], 1), 0, 1)
    game = NetworkGame(generator, discriminator, real=[[1.0], [2.0]], latents=[[-1.0], [0.5]])
    optimisers = [torch.optim.Adam(module.parameters(), lr=0.02) for module in (generator, discriminator)]
    with Recorder("mine", generator, discriminator, game=game, lr=0.02) as recorder:
        for _ in range(5):
            flat = -game(recorder.layout.flatten(recorder.modules))
            for module, optimiser, player in zip(
                (generator, discriminator), optimisers, ("generator", "discriminator"), strict=True
            ):
                gradients = recorder.layout.unflatten(player, flat[recorder.layout.players[player]])
                for name, parameter in module.named_parameters():
                    parameter.grad = gradients[name]
                optimiser.step()
            recorder.record()
    shown = gandyn("compare", "mine", "--refinements", "1,2", "--out", "picture.png")
    words = " ".join(shown.stdout.split())
    assert shown.exit_code == 1
    assert "not alternating descent at lr 0.02" in words and "off by" in words and "recorded, not reproduced" in words
    assert "fitted order of the distance, alternating: none" in words
    result = json.loads(gandyn("compare", "mine", "--json").stdout)["result"]
    assert result["orders"] == {"alternating": None} and result["reproduced"] > result["within"]


def test_bad_refinements_are_refused(gandyn) -> None:
    train("digits-mlp", SMALL, "run")
    for text, words in (("1,two", "1,2,4,8"), ("2,2", "two different"), ("0,1", "at least 1")):
        shown = gandyn("compare", "run", "--refinements", text, "--json")
        assert words in shown.stdout, shown.output
