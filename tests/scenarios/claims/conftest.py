"""What the tests of single claims share.

Each module names its claim as ``CLAIM`` and its negative controls as ``CONTROLS``: a function of :class:`Wrong` that
makes something a little wrong, with which the scenario must not hold. ``FEW`` is how many of them run by default.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from dynamics import ensemble, games, methods
from scenarios import registry, runner
from scenarios.typography import typeset

#: Signs and names that a page should not show, as for the whole report.
UNTYPESET = re.compile(r"-\d|\+-|->|\b(sigma|pi|gamma|psi|theta|tau|alpha|beta|eps|omega)\b|sqrt\(| - ")


class Wrong:
    """Physics that is wrong by a little, for as long as a test lasts."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.monkeypatch = monkeypatch

    def replace(self, owner: Any, name: str, make: Callable[[Any], Any]) -> None:
        """Replace an attribute by what ``make`` makes of it."""
        self.monkeypatch.setattr(owner, name, make(getattr(owner, name)))

    def asked_for(self, room: Any, change: Callable[[str, dict[str, Any]], tuple[str, dict[str, Any]]]) -> None:
        """Ask ``games`` or ``methods`` for something else: ``change`` turns a name and its settings into others."""

        def make(get):
            def wrong(name, /, **given):
                name, given = change(name, given)
                return get(name, **given)

            return wrong

        self.replace(room, "get", make)

    def setting(self, key: str, factor: float) -> None:
        """Multiply one setting of every catalogue game that is given it."""
        self.asked_for(games, lambda name, given: (name, _changed(given, key, lambda value: factor * value)))

    def method_setting(self, key: str, change: Callable[[Any], Any]) -> None:
        """Change one setting of every method that is given it."""
        self.asked_for(methods, lambda name, given: (name, _changed(given, key, change)))

    def rate(self, factor: float) -> None:
        """Multiply the learning rate of every method."""

        def scaled(lr):
            return {player: factor * rate for player, rate in lr.items()} if isinstance(lr, dict) else factor * lr

        self.method_setting("lr", scaled)

    def discriminator_faster(self, factor: float) -> None:
        """Let the discriminator of every catalogue game learn faster."""
        scales = {"discriminator": factor}
        self.replace(games, "get", lambda get: lambda name, **given: get(name, **given).with_timescales(scales))

    def simulated(self, change: Callable[[Any, Any, dict[str, Any]], tuple[Any, Any, dict[str, Any]]]) -> None:
        """Let ensembles simulate something else: ``change`` turns game, noise and settings into others."""

        def make(right):
            def wrong(game, noise, **given):
                game, noise, given = change(game, noise, given)
                return right(game, noise, **given)

            return wrong

        self.replace(ensemble, "simulate", make)

    def noise(self, factor: float) -> None:
        """Multiply the strength of the noise of every ensemble."""
        self.simulated(lambda game, noise, given: (game, _stronger(noise, factor), given))

    def generator_loss(self, owner: Any, factor: float) -> None:
        """Multiply the generator's loss of the games that ``owner.Loss`` builds."""

        def make(right):
            class Wrong(right):
                def generator_fake(self, h):
                    return factor * super().generator_fake(h)

            return Wrong

        self.replace(owner, "Loss", make)


def _stronger(noise: Any, factor: float) -> Any:
    if isinstance(noise, ensemble.Isotropic):
        return replace(noise, strength=factor * noise.strength)
    if isinstance(noise, ensemble.GradientNoise):
        return replace(noise, covariance=factor**2 * np.asarray(noise.covariance))
    if isinstance(noise, ensemble.PerCoordinate):
        return replace(noise, strengths={name: factor * value for name, value in noise.strengths.items()})
    return factor * noise


def _changed(given: dict[str, Any], key: str, change: Callable[[Any], Any]) -> dict[str, Any]:
    return {name: change(value) if name == key else value for name, value in given.items()}


def pytest_generate_tests(metafunc):
    if "control" in metafunc.fixturenames:
        # Controls of ensembles take seconds each: the first two by default, all of them with the slow tests.
        few = getattr(metafunc.module, "FEW", len(metafunc.module.CONTROLS))
        controls = [
            pytest.param(name, marks=pytest.mark.slow if place >= few else ())
            for place, name in enumerate(metafunc.module.CONTROLS)
        ]
        metafunc.parametrize("control", controls)


@pytest.fixture(scope="module")
def outcome(request, tmp_path_factory) -> runner.Outcome:
    """The quick audit of the module's claim, with its picture."""
    pictures = tmp_path_factory.mktemp("pictures")
    (found,) = runner.run(registry.select([request.module.CLAIM]), quick=True, pictures=pictures)
    return found


@pytest.fixture
def wrong_outcome(request, monkeypatch, control) -> runner.Outcome:
    """The quick audit of the module's claim with the physics of one control."""
    request.module.CONTROLS[control](Wrong(monkeypatch))
    (found,) = runner.run(registry.select([request.module.CLAIM]), quick=True)
    return found


@pytest.fixture
def holds() -> Callable[[runner.Outcome], None]:
    """Return a function that asserts that a scenario measures what it records, and says so."""

    def check(found: runner.Outcome) -> None:
        assert found.error is None
        assert [row.name for row in found.evidence.measurements if not row.told and not row.holds] == []
        assert found.evidence.verdict == found.scenario.verdict
        assert found.holds
        for row in found.evidence.measurements:
            assert row.because
            assert math.isfinite(row.measured)
            assert row.tolerance >= 0
        words = [found.scenario.statement, found.scenario.truth]
        words += [text for row in found.evidence.measurements for text in (row.name, row.because)]
        assert [text for text in map(typeset, words) if UNTYPESET.search(text)] == []

    return check
