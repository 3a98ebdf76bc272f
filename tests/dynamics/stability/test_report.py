"""The report over the catalogue: figures promised to users, keys, determinism."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from dynamics import games, methods
from dynamics.core.errors import InputError
from dynamics.stability import analyse

KEYS = {
    "at", "eigenvalues", "flow", "verdict", "solution", "critical_timescale", "critical_timescales", "continuum",
    "methods",
}  # fmt: skip


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"penalty": "r1", "gamma": 0.3}, -0.15 + 1j * np.sqrt(0.25 - 0.0225)),
        ({"instance_noise": 0.7}, -0.1225 + 1j * np.sqrt(0.25 - 0.1225**2)),
        ({"penalty": "roth", "gamma": 0.49}, -0.1225 + 1j * np.sqrt(0.25 - 0.1225**2)),
    ],
)
def test_eigenvalues_of_regularised_dirac_gans(settings: dict, expected: complex) -> None:
    found = analyse(games.get("dirac-gan", **settings)).equilibria
    assert len(found) == 1
    # quadrature is held to 1e-13 relative; the eigenvalues are well conditioned
    np.testing.assert_allclose(sorted(found[0].eigenvalues, key=np.imag), [expected.conjugate(), expected], atol=1e-12)
    assert (found[0].flow, found[0].verdict) == ("stable focus", "attracting")


def test_the_local_minimax_example() -> None:
    game = games.inline(minimax="-x**2/8 - y**2/2 + 0.6*x*y", minimise=["x"], maximise=["y"])
    row = analyse(game).to_dict()["equilibria"][0]
    assert (row["verdict"], row["solution"]) == ("attracting", "local-minimax")
    np.testing.assert_allclose(row["critical_timescale"], 0.25, rtol=1e-13)


def test_the_order_in_which_players_are_listed_does_not_change_the_answer(tmp_path: Path) -> None:
    value = "-x**2/8 - y**2/2 + 0.6*x*y"
    generator = f'[players.generator]\ncoordinates = ["x"]\nloss = "{value}"\n'
    discriminator = f'[players.discriminator]\ncoordinates = ["y"]\nloss = "-({value})"\n'
    for text in (generator + discriminator, discriminator + generator):
        path = tmp_path / "game.toml"
        path.write_text(text)
        row = analyse(games.from_toml(path), methods=[]).equilibria[0]
        assert row.solution == "local-minimax"
        # the trace 1/4 - tau of diag(1, tau) J vanishes at tau = 1/4, where the determinant is positive
        np.testing.assert_allclose(row.critical_timescales, [0.25], rtol=1e-13)


def test_both_signs_of_the_linear_quadratic_wgan_are_equilibria() -> None:
    found = analyse(games.get("lq-wgan")).equilibria
    np.testing.assert_allclose([row.at for row in found], [[-1.0, 0.0], [1.0, 0.0]], atol=1e-13)


@pytest.mark.parametrize("name", games.names())
def test_every_catalogue_game_has_a_json_row_per_equilibrium(name: str) -> None:
    game = games.get(name)
    report = analyse(game)
    answer = json.loads(json.dumps(report.to_dict(), allow_nan=False))
    assert answer["equilibria"]
    for row in answer["equilibria"]:
        assert set(row) >= KEYS
        assert set(row["at"]) == set(game.names)
        assert row["verdict"] in {"attracting", "repelling", "saddle", "neutral"}
        assert row["solution"] in {"nash", "local-minimax", "neither", "undecided"}
        applicable = [name for name in methods.names() if not methods.get(name, lr=1.0).applies(game)]
        assert [method["method"] for method in row["methods"]] == applicable
        assert all(method["spectral_radius"] is None for method in row["methods"])
    for row in report.equilibria:
        assert np.abs(game(row.at)).max() < 1e-12


def test_a_report_is_deterministic() -> None:
    game = games.get("forsaken")
    assert analyse(game, lr=0.1).to_dict() == analyse(game, lr=0.1).to_dict()


def test_bad_rates_are_refused_before_any_computation() -> None:
    game = games.get("bilinear")
    with pytest.raises(InputError, match="positive"):
        analyse(game, lr=-0.1)
    with pytest.raises(InputError, match="lacks the player"):
        analyse(game, lr={"generator": 0.1})
    with pytest.raises(InputError, match="did you mean 'alternating'"):
        analyse(game, methods=["alternatig"])


def test_heavy_libraries_are_not_imported() -> None:
    program = (
        "import sys; from dynamics import games; from dynamics.stability import analyse; "
        "analyse(games.get('dirac-gan')); "
        "print([m for m in ('torch', 'numba', 'matplotlib', 'scipy.stats') if m in sys.modules])"
    )
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "[]"


def test_a_method_that_leaves_an_equilibrium_by_itself_says_so() -> None:
    # the generator of a GAN that is not zero-sum gains by moving the unrolled discriminator: at theta = theta0 = 1
    # the derivative of its loss in the weight is -1/2, and each of five steps passes on J[weight, theta] = -1/2 of it
    game = games.get("gaussian-gan", loss="non-saturating", theta0=1.0)
    for name, rests in (("unrolled", False), ("extragradient", True)):
        (row,) = analyse(game, methods=[name]).equilibria[0].methods
        assert ("does not rest" in row.reason) is not rests
        assert (row.stable is None) is not rests


def test_steps_that_leave_an_unstable_point_may_return_at_larger_rates() -> None:
    # the origin of this game repels its flow at equal time scales; implicit steps attract from 2 Re(l)/|l|^2 on
    game = games.get("fiez-ratliff")
    found = {row.method: row for row in analyse(game, lr=1.2).equilibria[0].methods}
    eigenvalues = np.linalg.eigvals(game.jacobian(np.zeros(4)))
    lowest = (2 * eigenvalues.real / np.abs(eigenvalues) ** 2).max()
    ((low, high),) = found["proximal-point"].intervals
    np.testing.assert_allclose(low, lowest, rtol=1e-13)
    assert high is None
    for name in ("alternating", "competitive", "proximal-point"):
        ((low, high),) = found[name].intervals
        assert (found[name].critical_lr, found[name].stable) == (0.0, True)
        for end in filter(None, (low, high)):
            # the radius crosses one: 1e-6 of the rate moves it by far more than rounding, to either side
            sides = [
                methods.map_jacobian(methods.get(name, lr=end * c), game, np.zeros(4)) for c in (1 - 1e-6, 1 + 1e-6)
            ]
            radii = [np.abs(np.linalg.eigvals(matrix)).max() - 1 for matrix in sides]
            assert radii[0] * radii[1] < 0
    assert found["simultaneous"].stable is False


def test_a_report_prints_its_equilibria_in_a_few_lines():
    report = analyse(games.get("rotated-double-well"), methods=["heun"])
    assert repr(report).splitlines() == [
        "<StabilityReport of rotated-double-well: 3 equilibria in x=-2:2, y=-2:2",
        "  <Equilibrium x=-1, y=0: attracting (stable focus), nash>",
        "  <Equilibrium x=0, y=0: saddle (saddle), neither>",
        "  <Equilibrium x=1, y=0: attracting (stable focus), nash>>",
    ]
    assert str(analyse(games.get("double-well"), box={"x": (2, 3)}, methods=[])).count("\n") == 0


def test_an_equilibrium_on_a_surface_names_the_surface():
    rows = analyse(games.get("dirac-gan", penalty="wgan-gp", loss="wasserstein"), methods=["heun"]).equilibria
    # beside the equilibria of either side at theta = +-gamma
    (row,) = [found for found in rows if not found.at.any()]
    assert len(rows) == 3
    assert "not smooth there (ψ = 0)" in row.evidence
    assert row.methods[0].reason == "the field is not smooth there (ψ = 0): no multipliers"


def test_two_settings_of_one_method_keep_their_own_points_and_attractors():
    game = games.get("dirac-gan")
    pair = [methods.get("consensus", lr=0.1, gamma=0.6), methods.get("consensus", lr=0.1, gamma=2.0)]
    rows = analyse(game, methods=pair).equilibria[0].methods
    alone = [analyse(game, methods=[method]).equilibria[0].methods[0] for method in pair]
    assert [row.spurious for row in rows] == [row.spurious for row in alone] and rows[0].spurious != rows[1].spurious
    assert analyse(game, methods=pair).spurious == {"consensus": rows[0].spurious + rows[1].spurious}
    silent = [methods.get("adam", lr=0.01, beta1=beta) for beta in (0.9, 0.0)]
    rows = analyse(game, methods=silent, lr=0.01, attractors=True).equilibria[0].methods
    alone = [analyse(game, methods=[m], lr=0.01, attractors=True).equilibria[0].methods[0] for m in silent]
    assert [row.attractor for row in rows] == [row.attractor for row in alone]
    assert rows[0].attractor != rows[1].attractor
