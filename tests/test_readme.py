"""The README says what is: its commands, its example and its links."""

from __future__ import annotations

import contextlib
import io
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
VERBS = re.findall(r"^\| `([a-z]+)` \|", README.split("## Commands")[1].split("##")[0], re.MULTILINE)


def gandyn(*arguments: str, folder: Path = ROOT) -> subprocess.CompletedProcess[str]:
    program = f"import sys; sys.argv = {['gandyn', *arguments]!r}; from scenarios.cli import main; main()"
    return subprocess.run([sys.executable, "-c", program], cwd=folder, capture_output=True, text=True)


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_of_the_table_has_help(verb: str) -> None:
    done = gandyn(verb, "--help")
    assert done.returncode == 0, done.stderr
    assert verb in done.stdout


def test_the_table_lists_every_verb() -> None:
    # rich frames the list of commands; a row begins with the verb after the frame
    listed = re.findall(r"^│ ([a-z]+)  ", gandyn("--help").stdout.split("Commands")[1], re.MULTILINE)
    assert sorted(listed) == sorted(VERBS)


def write_games(folder: Path) -> None:
    """Write the games of the text to the files that they are named after."""
    for block in re.findall(r"```toml\n(.*?)```", README, re.DOTALL):
        name = block.splitlines()[0].removeprefix("# ")
        (folder / name).write_text(block, encoding="utf-8")


@pytest.fixture(scope="module")
def printed(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[str], Path]:
    """Run the Python examples one after the other, as a reader would, and return what each prints and the folder."""
    folder = tmp_path_factory.mktemp("examples")
    names: dict[str, object] = {}
    texts = []
    write_games(folder)
    with contextlib.chdir(folder):
        for example in re.findall(r"```python\n(.*?)```", README, re.DOTALL):
            spoken = io.StringIO()
            with contextlib.redirect_stdout(spoken):
                exec(compile(example, "README.md", "exec"), names)
            texts.append(spoken.getvalue())
    return texts, folder


def test_the_example_prints_the_eigenvalues_that_the_text_names(printed: tuple[list[str], Path]) -> None:
    text = printed[0][0]
    numbers = [complex(found) for found in re.findall(r"-?\d\.\d+(?:e[+-]\d+)?[+-]\d\.\d+j", text)]
    assert sorted((round(z.real, 9), round(abs(z.imag), 3)) for z in numbers) == [(-0.15, 0.477), (-0.15, 0.477)]
    assert "attracting" in text


def test_a_batch_stops_at_its_events(printed: tuple[list[str], Path]) -> None:
    assert printed[0][1].startswith("(1000, 201, 2) event ")


def test_the_damped_game_of_three_players_attracts(printed: tuple[list[str], Path]) -> None:
    # Linear field -mu I plus a rotation about (1, 1, 1): eigenvalues -mu and -mu +- i sqrt(3).
    assert printed[0][2] == "attracting\n"


def test_the_examples_write_a_picture_and_a_run(printed: tuple[list[str], Path]) -> None:
    from dynamics.gan import load_run

    folder = printed[1]
    for name in ("portrait", "regions", "convergence"):
        assert (folder / f"{name}.png").read_bytes().startswith(b"\x89PNG")
    assert load_run(folder / "my-run").steps == 20


def test_the_line_that_loads_a_game_from_a_file_does(printed: tuple[list[str], Path]) -> None:
    from dynamics import games

    (line,) = re.findall(r"`(games\.from_toml\(.*?)`", README)
    with contextlib.chdir(printed[1]):
        assert eval(line, {"games": games}).parameters == {"eps": 0.2}


def test_a_region_map_is_an_array_with_a_share(printed: tuple[list[str], Path]) -> None:
    found = re.fullmatch(r"\(60, 60\) (0\.\d+)\n", printed[0][4])
    assert found is not None and 0.5 < float(found[1]) < 1


def test_the_hopf_point_and_the_shares_of_the_basins_are_printed(printed: tuple[list[str], Path]) -> None:
    events, fractions = printed[0][5].splitlines()
    ((kind, value),) = re.findall(r"\('([\w-]+)', ([\d.]+)\)", events)
    assert kind == "hopf"
    assert float(value) == pytest.approx(0.4724, abs=1e-4)
    assert "diverged" in fractions


def test_the_modified_flow_is_as_near_as_the_text_says(printed: tuple[list[str], Path]) -> None:
    assert 15 < float(printed[0][6]) < 25
    assert "twenty times nearer" in README


def test_the_cycle_of_wgan_gp_is_where_the_text_says() -> None:
    def cycles(settings: str) -> str:
        given = ("stability", "dirac-gan", "--set", settings, "--method", "simultaneous", "--cycles")
        (line,) = re.findall(r"^.* of the flow$", gandyn(*given).stdout, re.MULTILINE)
        return line

    assert cycles("penalty=wgan-gp,loss=wasserstein,gamma=1") == "1 cycle of the flow"
    assert cycles("penalty=wgan-gp,loss=wasserstein,gamma=2.5") == "no cycles of the flow"
    assert cycles("penalty=wgan-gp,gamma=1") == "no cycles of the flow"


#: What each verb of the examples says when all is as the text tells.
SPOKEN = {
    "stability": "attracting|heavy-ball +[0-9.]+ +yes|of the flow|stable on",
    "iterate": "finished",
    "continue": "node-focus|hopf",
    "basins": "diverged",
    # One line has a condition, which nearly all paths meet.
    "ensemble": "[0-9,]+ (finished|met a condition)",
}


def test_the_command_lines_of_the_examples_run(tmp_path: Path) -> None:
    write_games(tmp_path)
    for line in re.findall(r"^gandyn .*$", README, re.MULTILINE):
        done = gandyn(*shlex.split(line)[1:], folder=tmp_path)
        assert done.returncode == 0, (line, done.stderr)
        assert re.search(SPOKEN[line.split()[1]], done.stdout), line


def test_the_version_has_the_methods_and_presets_that_are_named() -> None:
    from dynamics import gan, methods

    (sentence,) = re.findall(r"^This version has .*?\.", README, re.MULTILINE | re.DOTALL)
    assert all(name in sentence for name in [*methods.names(), *gan.presets()])


def test_every_make_target_that_is_named_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    pages = README + (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    assert set(re.findall(r"(?:`|^)make ([a-z-]+)", pages, re.MULTILINE)) <= targets


def test_every_link_leads_to_a_file() -> None:
    for target in re.findall(r"\]\(([^)#:]+)\)", README):
        assert (ROOT / target).exists(), target
