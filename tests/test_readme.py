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


def gandyn(*arguments: str) -> subprocess.CompletedProcess[str]:
    program = f"import sys; sys.argv = {['gandyn', *arguments]!r}; from scenarios.cli import main; main()"
    return subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True)


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_of_the_table_has_help(verb: str) -> None:
    done = gandyn(verb, "--help")
    assert done.returncode == 0, done.stderr
    assert verb in done.stdout


def test_the_table_lists_every_verb() -> None:
    # rich frames the list of commands; a row begins with the verb after the frame
    listed = re.findall(r"^│ ([a-z]+)  ", gandyn("--help").stdout.split("Commands")[1], re.MULTILINE)
    assert sorted(listed) == sorted(VERBS)


def test_the_example_runs_and_prints_the_eigenvalues_that_the_text_names() -> None:
    (example,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(example, "README.md", "exec"), {})
    numbers = [complex(text) for text in re.findall(r"-?\d\.\d+(?:e[+-]\d+)?[+-]\d\.\d+j", printed.getvalue())]
    assert sorted((round(z.real, 9), round(abs(z.imag), 3)) for z in numbers) == [(-0.15, 0.477), (-0.15, 0.477)]
    assert "attracting" in printed.getvalue()


def test_the_command_lines_of_the_example_run() -> None:
    for line in re.findall(r"^gandyn .*$", README, re.MULTILINE):
        done = gandyn(*shlex.split(line)[1:])
        assert done.returncode == 0, (line, done.stderr)


def test_every_make_target_that_is_named_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    pages = README + (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    assert set(re.findall(r"(?:`|^)make ([a-z-]+)", pages, re.MULTILINE)) <= targets


def test_every_link_leads_to_a_file() -> None:
    for target in re.findall(r"\]\(([^)#:]+)\)", README):
        assert (ROOT / target).exists(), target
