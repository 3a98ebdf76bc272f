"""The installed command as a process: start-up time, streams, colours, settings from all four places."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys

import pytest

from scenarios.cli.verbs import VERBS

COMMAND = [sys.executable, "-c", "from scenarios.cli import main; main()"]


def run(*arguments, **environment):
    return subprocess.run(
        [*COMMAND, *arguments], capture_output=True, text=True, env={**os.environ, **environment}, timeout=120
    )


@pytest.mark.parametrize("flag", ["--help", "--version"])
def test_help_and_version_load_nothing_heavy(flag):
    code = (
        "import sys; sys.argv = ['gandyn', sys.argv[1]]\n"
        "from scenarios.cli import main\n"
        "try:\n    main()\nexcept SystemExit as leaving:\n    assert leaving.code in (0, None)\n"
        "heavy = {'numpy', 'scipy', 'sympy', 'torch', 'numba', 'matplotlib', 'xarray', 'zarr'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    done = subprocess.run([sys.executable, "-c", code, flag], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert done.stdout


def test_piped_output_has_no_colours_and_notes_stay_silent():
    done = run("stability", "bilinear")
    assert done.returncode == 0
    assert "\x1b" not in done.stdout
    assert done.stderr == ""


def test_no_color_is_honoured_even_where_colour_is_forced(tmp_path):
    claims = ("claims", "S1", "--quick", "--out", str(tmp_path))
    colour = "\x1b[32m"  # the green of a claim that holds
    assert colour in run(*claims, FORCE_COLOR="1").stdout
    assert colour not in run(*claims, FORCE_COLOR="1", NO_COLOR="1").stdout


def test_version_is_the_packages():
    from dynamics import __version__

    assert run("--version").stdout == f"gandyn {__version__}\n"


def test_a_reader_that_goes_away_is_no_error():
    done = subprocess.run(
        ["bash", "-c", f"'{sys.executable}' -c 'from scenarios.cli import main; main()' list | head -1"],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert "Traceback" not in done.stderr
    assert "Exception" not in done.stderr


def test_flags_win_over_the_environment_over_the_file_over_defaults(tmp_path):
    (tmp_path / "settings.toml").write_text('[trajectory]\npoints = 3\ntime = 2.0\nstart = "x=1,y=0"\n')
    config = ("--config", str(tmp_path / "settings.toml"), "trajectory", "bilinear", "--json")

    def times(*arguments, **environment):
        return json.loads(run(*arguments, **environment).stdout)["result"]["time"]

    assert len(times("trajectory", "bilinear", "--json")) == 101
    assert times(*config) == [0, 1, 2]
    assert times(*config, GANDYN_POINTS="2") == [0, 2]
    assert times(*config, "--points", "5", GANDYN_POINTS="2") == [0, 0.5, 1, 1.5, 2]


def test_json_can_be_asked_for_by_the_environment():
    assert json.loads(run("list", "methods", GANDYN_JSON="1").stdout)["command"] == "list"
    assert "error" in json.loads(run("nonsense", GANDYN_JSON="1").stdout)


@pytest.mark.parametrize(
    ("text", "hint"), [("[trajectry]\n", "trajectory"), ("[trajectory]\npints = 3\n", "points"), ("= 3\n", "TOML")]
)
def test_a_wrong_settings_file_is_refused(gandyn, tmp_path, text, hint):
    (tmp_path / "settings.toml").write_text(text)
    result = gandyn("--config", "settings.toml", "trajectory", "bilinear")
    assert result.exit_code == 2
    assert hint in result.stderr


def test_a_setting_without_effect_is_noted_in_one_line_on_a_terminal_only():
    arguments = [*COMMAND, "evaluate", "dirac-gan", "--set", "gamma=0.3"]
    assert run(*arguments[len(COMMAND) :]).stderr == ""
    reader, terminal = pty.openpty()
    subprocess.run(arguments, stdout=subprocess.PIPE, stderr=terminal, check=True, timeout=120)
    os.close(terminal)
    noted = os.read(reader, 10_000).decode().splitlines()
    os.close(reader)
    assert noted == ["Note: The setting gamma has no effect on dirac-gan with these other settings."]


def test_a_flow_that_would_take_for_ever_is_given_up_with_what_was_reached():
    done = run("trajectory", "bilinear", "--time", "1e9", "--max-evaluations", "2000", "--json")
    answer = json.loads(done.stdout)
    assert done.returncode == 3
    assert answer["status"] == "budget-exhausted"
    assert 0 < answer["result"]["reached"] < 1e9


@pytest.mark.parametrize(
    ("verb", "variable", "value"),
    [("iterate", "GANDYN_LR", "abc"), ("trajectory", "GANDYN_POINTS", "abc"), ("stability", "GANDYN_SEED", "-1")],
)
def test_a_bad_value_of_the_environment_is_refused_by_its_variable(gandyn, verb, variable, value):
    result = gandyn(verb, "bilinear", **{variable: value})
    assert result.exit_code == 2
    assert result.stderr.startswith(f"Error: {variable} must be ")
    assert value in result.stderr
    assert "--" not in result.stderr.removesuffix(f" See 'gandyn {verb} --help'.\n")


def test_a_bad_value_of_the_settings_file_is_refused_by_its_place(gandyn, tmp_path):
    (tmp_path / "settings.toml").write_text("[iterate]\nlr = -1\n")
    result = gandyn("--config", "settings.toml", "iterate", "bilinear")
    assert result.stderr.startswith("Error: lr in the file of --config must be positive, got -1")
    # A flag wins, and is then what the error names.
    result = gandyn("--config", "settings.toml", "iterate", "bilinear", "--lr", "-2")
    assert result.stderr.startswith("Error: --lr must be positive, got -2")


def test_the_settings_file_comes_before_the_verb(gandyn):
    result = gandyn("iterate", "bilinear", "--config", "settings.toml")
    assert result.exit_code == 2
    assert "before the verb" in result.stderr
    assert "gandyn --config FILE.toml iterate" in result.stderr


@pytest.mark.parametrize("arguments", [(), ("stability",), ("claims",), ("show",)])
def test_switches_show_no_type_in_the_help(gandyn, arguments):
    shown = gandyn(*arguments, "--help").stdout
    assert "bool" not in shown
    assert "--help" in shown


@pytest.mark.parametrize("verb", VERBS)
def test_help_shows_no_emoji_where_a_text_has_colons(gandyn, verb):
    # rich prints a letter between colons, as in A:B:N, as a picture
    assert [letter for letter in gandyn(verb, "--help").stdout if ord(letter) > 0xFFFF] == []


def test_the_seed_of_the_environment_reaches_training_and_a_setting_wins(answer, monkeypatch):
    monkeypatch.setenv("GANDYN_SEED", "3")
    small = "steps=2,samples=16,hidden=4"
    assert answer("train", "digits-mlp", "--set", small)["result"]["config"]["seed"] == 3
    assert answer("train", "digits-mlp", "--set", f"{small},seed=5")["result"]["config"]["seed"] == 5


def test_the_search_of_stability_takes_starts_and_a_seed(answer, monkeypatch):
    searched = answer("stability", "bilinear", "--starts", "5", "--seed", "7")["result"]["searched"]
    assert searched["seed"] == 7
    assert answer("stability", "bilinear", "--starts", "9")["result"]["searched"]["starts"] > searched["starts"]
    monkeypatch.setenv("GANDYN_SEED", "2")
    assert answer("stability", "bilinear")["result"]["searched"]["seed"] == 2
