from __future__ import annotations

import os
import re
import subprocess
import sys
import sysconfig
import tomllib
import zipfile
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import dynamics

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
PINS = dict(
    (canonicalize_name(name), version)
    for name, version in re.findall(r"^([\w.-]+)==(\S+)$", (ROOT / "constraints.txt").read_text(), re.MULTILINE)
)


def test_every_dependency_is_pinned_to_a_version_that_it_allows() -> None:
    # The cluster extra is not part of what `make` installs.
    for text in PROJECT["dependencies"] + PROJECT["optional-dependencies"]["dev"]:
        requirement = Requirement(text)
        assert requirement.specifier.contains(PINS[canonicalize_name(requirement.name)]), text


def test_pins_name_plain_versions() -> None:
    # A local build such as 2.13.0+cpu exists in few places.
    assert not [name for name, version in PINS.items() if "+" in version]


def test_every_direct_dependency_is_imported_somewhere() -> None:
    modules = {"scikit-learn": "sklearn"}
    sources = "\n".join(
        path.read_text(encoding="utf-8")
        for folder in ("dynamics", "figures", "scenarios")
        for path in (ROOT / folder).rglob("*.py")
    )
    for text in PROJECT["dependencies"]:
        name = Requirement(text).name
        module = modules.get(name, name)
        assert re.search(rf"^\s*(import|from) {module}\b", sources, re.MULTILINE), name


def test_the_citation_names_the_current_version() -> None:
    assert f"\nversion: {dynamics.__version__}\n" in (ROOT / "CITATION.cff").read_text(encoding="utf-8")


@pytest.mark.slow
def test_the_wheel_holds_code_and_data_and_runs_outside_the_checkout(tmp_path: Path) -> None:
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(tmp_path), str(ROOT)]
    subprocess.run(build, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("gan_dynamics-*.whl")
    site = tmp_path / "site"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    for package in ("dynamics", "figures", "scenarios"):
        there = {path.relative_to(site) for path in (site / package).rglob("*") if path.is_file()}
        here = {
            path.relative_to(ROOT)
            for path in (ROOT / package).rglob("*")
            if path.is_file() and "__pycache__" not in path.parts and path.suffix not in (".png", ".svg")
        }
        assert here <= there
        assert package + "/py.typed" in {path.as_posix() for path in there}
    assert not (site / "tests").exists()

    # -S keeps the editable installation of the checkout out; dependencies come from this environment.
    path = os.pathsep.join([str(site), sysconfig.get_path("purelib"), sysconfig.get_path("platlib")])
    environment = {**os.environ, "PYTHONPATH": path, "NO_COLOR": "1"}

    def gandyn(*arguments: str) -> str:
        program = f"import sys; sys.argv = {['gandyn', *arguments]!r}; from scenarios.cli import main; main()"
        command = [sys.executable, "-S", "-c", program]
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout

    where = [sys.executable, "-S", "-c", "import dynamics; print(dynamics.__file__)"]
    printed = subprocess.run(where, cwd=tmp_path, env=environment, capture_output=True, text=True, check=True).stdout
    assert Path(printed.strip()).is_relative_to(site)
    assert dynamics.__version__ in gandyn("--version")
    assert "theta" in gandyn("show", "dirac-gan")
