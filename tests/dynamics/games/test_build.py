"""Games from Python, from one line and from TOML."""

import json

import numpy as np
import pytest
import sympy as sp

from dynamics import games
from dynamics.core.errors import InputError
from dynamics.games.primitives import FUNCTIONS

TOML = """
name = "three players"
[players.first]
coordinates = ["a", "b"]
loss = "a**2/2 + b*c"
[players.second]
coordinates = ["c"]
loss = "k*c**2 - a*c"
[players.third]
coordinates = ["d"]
loss = "softplus(d) - d*a"
[parameters]
k = 2
[box]
a = [-1, 2]
[start]
d = 0.5
"""


def test_a_toml_game_of_three_players(tmp_path):
    path = tmp_path / "game.toml"
    path.write_text(TOML)
    game = games.from_toml(path)
    assert game.names == ("a", "b", "c", "d") and list(game.players) == ["first", "second", "third"]
    assert game.box["a"] == (-1.0, 2.0) and game.start.tolist() == [1.0, 1.0, 1.0, 0.5]
    a, _, c, d = state = np.array([0.3, -0.2, 0.7, 0.1])
    expected = [-a, -c, -(4 * c - a), -(1 / (1 + np.exp(-d)) - a)]
    np.testing.assert_allclose(game(state), expected, rtol=1e-15)
    np.testing.assert_array_equal(games.load(game.describe())(state), game(state))


def test_an_array_of_players_is_read_too(tmp_path):
    path = tmp_path / "game.toml"
    path.write_text('players = [{name = "one", coordinates = ["x"], loss = "x**2"}]')
    assert games.from_toml(path)([3.0]).tolist() == [-6.0]


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("players = 3", "players"),
        ("[players.a]\ncoordinates = ['x']", "loss"),
        ("[players.a]\ncoordinates = ['x']\nloss = 'x.y'", "formula language"),
        ("[players.a]\ncoordinates = ['x']\nloss = 'x'\nlos = 1", "los"),
        ("[players.a]\ncoordinates = []\nloss = '1'", "no coordinates"),
        ("[players.a]\ncoordinates = ['x']\nloss = 'x'\n[parameters]\nx = 1", "both a coordinate and a parameter"),
        ("[players.a]\ncoordinates = ['x']\nloss = 'x'\n[box]\nx = [1, -1]", "reversed"),
        ("[players.a]\ncoordinates = ['x']\nloss = 'x'\n[start]\ny = 1", "Unknown coordinate"),
        ("[players.a]\ncoordinates = ['x']\nloss = 'x'\n[parameters]\nk = nan", "finite"),
        ("not toml at all", "not valid TOML"),
    ],
)
def test_bad_files_are_refused_in_one_sentence(tmp_path, text, hint):
    path = tmp_path / "bad.toml"
    path.write_text(text)
    with pytest.raises(InputError) as caught:
        games.from_toml(path)
    assert hint in str(caught.value)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(InputError, match="There is no file"):
        games.from_toml(tmp_path / "none.toml")


def test_inline_games_have_a_generator_and_a_discriminator():
    game = games.inline("x*y - eps*y**2", ["x"], ["y"], {"eps": 0.1})
    assert list(game.players) == ["generator", "discriminator"] and game.zero_sum
    np.testing.assert_allclose(game([2.0, 3.0]), [-3.0, 2.0 - 0.6], rtol=1e-15)


def test_a_game_with_one_side_has_the_player_called_player():
    game = games.inline("x**4/4 - x**2/2", ["x"], [])
    assert list(game.players) == ["player"] and game([2.0]).tolist() == [-6.0]


def test_sympy_losses_use_their_names():
    x, y = sp.symbols("x y")
    game = games.define({"generator": (["x"], x * y), "discriminator": (["y"], -x * y)})
    assert game([1.0, 2.0]).tolist() == [-2.0, 1.0]
    with pytest.raises(InputError, match="Unknown name in the loss 'z'"):
        games.define({"player": (["x"], sp.Symbol("z") * x)})


def test_a_coordinate_belongs_to_one_player():
    with pytest.raises(InputError, match="appears twice"):
        games.define({"a": (["x"], "x"), "b": (["x"], "x")})


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_function_of_the_language_survives_a_description(name):
    arguments = {1: "x*y", 2: "x, 1/5", 3: "x*y, 0, y"}[FUNCTIONS[name][1]]
    game = games.inline(f"{name}({arguments}) + exp(1)*x - x**(3/2)/3", ["x"], ["y"])
    again = games.load(json.loads(json.dumps(game.describe())))
    assert again.definition.players == game.definition.players


def test_sympy_functions_become_primitives_or_are_refused_at_once():
    x = sp.Symbol("x", real=True)
    assert games.define({"player": (["x"], sp.tanh(x) + sp.Abs(x))})([0.5])[0] == pytest.approx(-2 + np.tanh(0.5) ** 2)
    for foreign in (sp.gamma(x), sp.Max(x, 0), sp.Piecewise((x, x > 0), (0, True)), sp.I * x):
        with pytest.raises(InputError, match="not in the language"):
            games.define({"player": (["x"], foreign)})


def test_high_powers_are_neither_expanded_nor_mistaken_for_zero_sums():
    loss = "(x + y + z + w + 1)**64"
    assert games.inline(loss, ["x", "y"], ["z", "w"]).zero_sum
    other = games.define({"a": (["x", "y"], loss), "b": (["z", "w"], "-(x + y + z + w)**64")})
    assert not other.zero_sum and not other.affine


def test_a_misspelt_table_is_named_with_the_one_that_was_meant(tmp_path):
    path = tmp_path / "game.toml"
    path.write_text('[player.generator]\ncoordinates = ["x"]\nloss = "x**2"\n', encoding="utf-8")
    with pytest.raises(InputError, match=r"entry of the file .*game.toml 'player': did you mean 'players'"):
        games.from_toml(path)
    path.write_text('[players.generator]\ncoordinate = ["x"]\nloss = "x**2"\n', encoding="utf-8")
    with pytest.raises(InputError, match="'coordinate': did you mean 'coordinates'"):
        games.from_toml(path)
