from __future__ import annotations

import numpy as np
import pytest

from dynamics.games import symbolic
from scenarios import registry, runner
from scenarios.claims import s3

CLAIM = "S3"


def _never_clipped(wrong):
    """Let methods forget the projection."""
    wrong.replace(symbolic.SymbolicGame, "project", lambda _: lambda game, y, player=None: y)


CONTROLS = {
    "clip 1 % off": lambda wrong: wrong.setting("clip", 1.01),
    "no clip to speak of": lambda wrong: wrong.setting("clip", 100.0),
    "critic 1 % faster": lambda wrong: wrong.discriminator_faster(1.01),
    "steps are not clipped": _never_clipped,
}


def test_the_quick_audit_holds(outcome, holds):
    holds(outcome)
    assert outcome.picture.read_bytes().startswith(b"\x89PNG")


def test_wrong_physics_does_not_hold(wrong_outcome):
    assert wrong_outcome.error is None
    assert not wrong_outcome.holds


@pytest.mark.slow
def test_the_full_audit_holds(holds):
    (found,) = runner.run(registry.select([CLAIM]))
    holds(found)


def test_the_orbit_by_hand_is_continuous_and_solves_its_equations():
    clip = 0.5
    meets, leaves = s3.times_of(clip)
    for joint in (meets, leaves):
        before, after = s3.exact(np.array([joint - 1e-9, joint + 1e-9]), clip)
        # the speed is at most 2
        np.testing.assert_allclose(after, before, atol=5e-9)
    # theta' = psi everywhere; psi' = -theta on the circles, 0 on the slide
    times, h = np.array([meets / 2, (meets + leaves) / 2, leaves + 1.0]), 1e-6
    slopes = (s3.exact(times + h, clip) - s3.exact(times - h, clip)) / (2 * h)
    theta, psi = s3.exact(times, clip).T
    np.testing.assert_allclose(slopes[:, 0], psi, atol=1e-9)
    np.testing.assert_allclose(slopes[:, 1], [-theta[0], 0.0, -theta[2]], atol=1e-9)


def test_it_ends_on_the_circle_of_the_clip():
    states = s3.exact(s3.times_of(0.3)[1] + np.linspace(0.0, 2 * np.pi, 9), 0.3)
    np.testing.assert_allclose(np.linalg.norm(states, axis=1), 0.3, rtol=1e-14)
    np.testing.assert_allclose(states[-1], states[0], atol=1e-15)


def test_bounded_holds_and_converging_does_not(outcome):
    told = {row.name: row.holds for row in outcome.evidence.measurements if row.told}
    assert [holds for name, holds in told.items() if "stays bounded" in name] == [True]
    assert [holds for name, holds in told.items() if "converges" in name] == [False]
