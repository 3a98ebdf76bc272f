"""Methods by name: settings of a base method, and what is refused."""

import numpy as np
import pytest

from dynamics import games, methods
from dynamics.core.errors import InputError
from dynamics.methods.wrapping import Wrapping


def test_settings_of_the_base_are_those_of_a_configured_base():
    base = methods.get("heavy-ball", lr=1.0, beta=-0.3, order="alternating")
    given = {"base": "heavy-ball", "base.beta": -0.3, "base.order": "alternating"}
    for name in ("lookahead", "averaging"):
        built = methods.get(name, lr=0.2, **given)
        assert built == methods.get(name, lr=0.2, base=base)
        assert built == methods.get(**_named(built.settings()))
    wrapper = methods.get("lookahead", lr=0.2, **{"base.first": "generator", "base": "alternating"})
    assert isinstance(wrapper, Wrapping)
    assert wrapper.inner == methods.get("alternating", lr=0.2, first="generator")


@pytest.mark.parametrize("name", methods.names())
def test_a_method_is_rebuilt_from_its_settings(name):
    method = methods.get(name, lr={"generator": 0.1, "discriminator": 0.3}, schedule="warm-up:iterations=3")
    again = methods.get(**_named(method.settings()))
    game = games.get("dirac-gan")
    assert again.settings() == method.settings()
    for compared in (method, again):
        compared.check(game)
    np.testing.assert_array_equal(
        methods.iterate(game, again, [0.3, 0.4], 3).states, methods.iterate(game, method, [0.3, 0.4], 3).states
    )


def _named(settings):
    return {"name" if key == "method" else key: value for key, value in settings.items()}


@pytest.mark.parametrize(
    ("name", "given", "hint"),
    [
        ("lookahead", {"base.bet": 0.1, "base": "heavy-ball"}, "did you mean 'beta'"),
        ("lookahead", {"base": "heavyball"}, "did you mean 'heavy-ball'"),
        ("lookahead", {"base": "averaging"}, "name a plain one"),
        ("lookahead", {"base": 3}, "is 3, expected the name of a method"),
        ("averaging", {"base": None}, "is None, expected the name of a method"),
        ("lookahead", {"base.schedule": "cosine"}, "give it to lookahead instead"),
        ("averaging", {"base": methods.get("adam", lr=1.0), "base.beta1": 0.5}, "configured adam already"),
        ("heavy-ball", {"base.order": "alternating"}, "Unknown setting of the method heavy-ball 'base.order'"),
        ("heavy-ball", {"beta": 1.0}, "(-1, 1)"),
        ("heavy-ball", {"d_steps": 2}, "add order=alternating"),
        ("unrolled", {"detached": "maybe"}, "expected true or false"),
        ("symplectic-adjustment", {"align": 1}, "expected true or false"),
        ("lookahead", {"alpha": 0}, "(0, 1]"),
        ("lookahead", {"k": 2.5}, "whole number"),
        ("adam", {"beta1": 1}, "[0, 1)"),
        ("averaging", {"beta": 0.5}, "add kind=ema, or leave it out"),
        ("averaging", {"kind": "polyack"}, "did you mean 'polyak'"),
        ("extragradient", {"sample": "freshly"}, "did you mean 'fresh'"),
    ],
)
def test_settings_that_make_no_sense_are_refused_in_one_sentence(name, given, hint):
    with pytest.raises(InputError) as caught:
        methods.get(name, lr=0.1, **given)
    assert hint in str(caught.value) and "\n" not in str(caught.value)
