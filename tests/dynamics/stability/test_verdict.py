"""Nonlinear verdicts where the linear part is silent."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from dynamics import games
from dynamics.games.field import Game
from dynamics.stability import Equilibrium, analyse


def only(game: Game, **options: Any) -> Equilibrium:
    report = analyse(game, methods=[], **options)
    assert len(report.equilibria) == 1
    return report.equilibria[0]


def planar(radial: str, extra: str = "") -> Game:
    """x' = -y + x g, y' = x + y g with g a function of x, y, as the field of two losses."""
    import sympy as sp

    x, y = sp.symbols("x y", real=True)
    g = sp.sympify(radial, locals={"x": x, "y": y})
    losses = [sp.integrate(sp.expand(y - x * g), x), sp.integrate(sp.expand(-x - y * g), y)]
    return games.define(players={"a": (["x"], str(losses[0])), "b": (["y"], str(losses[1]))})


def test_the_minimax_dirac_gan_is_neutral() -> None:
    found = only(games.get("dirac-gan"))
    assert (found.flow, found.verdict) == ("centre", "neutral")
    assert "conserved" in found.evidence


def test_the_non_saturating_dirac_gan_attracts_with_its_known_amplitude_law() -> None:
    found = only(games.get("dirac-gan", loss="non-saturating"))
    assert (found.flow, found.verdict) == ("centre", "attracting")
    # (r^2)' = -r^4 / 8, hence r' = -r^3 / 16
    np.testing.assert_allclose(found.numbers["amplitude_coefficient"], -1 / 16, rtol=1e-12)


def test_usual_least_squares_labels_attract_through_the_centre_manifold() -> None:
    found = only(games.get("dirac-gan", loss="least-squares", bias=True))
    assert found.flow == "centre with stable directions"
    assert found.verdict == "attracting"


def test_matching_pennies_is_neutral_away_from_the_origin() -> None:
    report = analyse(games.get("matching-pennies"), methods=[])
    middle = next(row for row in report.equilibria if abs(row.at[0] - 0.5) < 1e-12)
    assert middle.verdict == "neutral"
    assert all(row.verdict == "saddle" for row in report.equilibria if row is not middle)


@pytest.mark.parametrize("a", [-0.3, 0.7])
def test_the_first_lyapunov_coefficient_of_the_hopf_normal_form(a: float) -> None:
    # r' = a r^3 exactly, so the averaged law has this coefficient
    found = only(planar(f"{a}*(x**2 + y**2)"), box={"x": (-2, 2), "y": (-2, 2)})
    np.testing.assert_allclose(found.numbers["amplitude_coefficient"], a, rtol=1e-12)
    assert found.verdict == ("attracting" if a < 0 else "repelling")


@pytest.mark.parametrize("a", [-0.3, 0.7])
def test_a_fifth_order_law_is_decided_by_the_return_map(a: float) -> None:
    found = only(planar(f"{a}*(x**2 + y**2)**2"), box={"x": (-1, 1), "y": (-1, 1)})
    assert found.numbers["amplitude_coefficient"] == 0.0
    assert found.verdict == ("attracting" if a < 0 else "repelling")


def test_quadratic_terms_alone_can_make_a_focus() -> None:
    # x' = -y + x y, y' = x + x^2 + b x y: Bautin's formula for x' = -y + P, y' = x + Q at omega = 1,
    # 16 Re-coefficient of r^3 = P_xy (P_xx + P_yy) - Q_xy (Q_xx + Q_yy) - P_xx Q_xx + P_yy Q_yy
    # (Guckenheimer and Holmes 1983, equation 3.4.11) = -b * 2, hence a = -b / 8
    b = 0.5
    game = games.define(players={"a": (["x"], "x*y - x**2*y/2"), "b": (["y"], f"-(x + x**2)*y - {b}*x*y**2/2")})
    report = analyse(game, box={"x": (-0.4, 0.4), "y": (-0.4, 0.4)}, methods=[])
    found = report.equilibria[0]
    np.testing.assert_allclose(found.numbers["amplitude_coefficient"], -b / 8, rtol=1e-12)
    assert found.verdict == "attracting"


def test_affine_fields_are_decided_by_linear_algebra() -> None:
    assert only(games.get("bilinear")).verdict == "neutral"
    # x' = 0 * x, y' = x: a Jordan block at zero moves linearly in time; its zeros form a line
    drifting = games.define(players={"a": (["x"], "0*x"), "b": (["y"], "-x*y")})
    assert only(drifting).verdict == "repelling"


def test_a_defective_imaginary_pair_of_an_affine_field_repels() -> None:
    # two equal oscillators, (u, v) driving (x, y) in resonance
    resonant = games.define(
        players={
            "a": (["x"], "x*y - x*u"),
            "b": (["y"], "-x*y - y*v"),
            "c": (["u"], "u*v"),
            "d": (["v"], "-u*v"),
        }
    )
    found = only(resonant)
    assert found.verdict == "repelling"
    assert "defective" in found.evidence


@pytest.mark.parametrize(
    ("loss", "verdict"),
    [
        ("x**4/4", "attracting"),
        ("-x**4/4", "repelling"),
        ("x**3/3", "repelling"),  # semi-stable
        ("x**6/6", "attracting"),
        ("x**5/5", "repelling"),
    ],
)
def test_zero_eigenvalues_on_the_line(loss: str, verdict: str) -> None:
    assert only(games.define(players={"player": (["x"], loss)}), box={"x": (-2, 2)}).verdict == verdict


def test_the_centre_manifold_of_a_zero_eigenvalue_bends() -> None:
    # x' = x y, y' = -y - s x^2: on y = -s x^2 + ..., x' = -s x^3
    for s, verdict in ((1.0, "attracting"), (-1.0, "repelling")):
        game = games.define(players={"a": (["x"], "-x**2*y/2"), "b": (["y"], f"y**2/2 + {s}*x**2*y")})
        found = only(game, box={"x": (-2, 2), "y": (-2, 2)})
        assert found.verdict == verdict
        np.testing.assert_allclose(found.numbers["a3"], -s, rtol=1e-12)


def test_a_continuum_attracts_transversally() -> None:
    found = only(games.get("dirac-gan", loss="least-squares"))
    assert found.continuum is not None
    assert found.verdict == "attracting"
    assert "transversally" in found.evidence


def test_two_imaginary_pairs_with_cubic_damping_attract() -> None:
    game = games.define(
        players={
            "a": (["x", "u"], "x*y + x**4/4 + 1.7*u*v + u**4/4"),
            "b": (["y", "v"], "-x*y + y**4/4 - 1.7*u*v + v**4/4"),
        }
    )
    assert only(game, box={name: (-1, 1) for name in "xuyv"}).verdict == "attracting"


def fields(components: dict[str, str]) -> Game:
    """Any polynomial field as a game: every coordinate is a player's and its loss the negative integral."""
    import sympy as sp

    symbols = {name: sp.Symbol(name, real=True) for name in components}
    losses = {
        name: -sp.integrate(sp.expand(sp.sympify(text, locals=symbols)), symbols[name])
        for name, text in components.items()
    }
    return games.define(players={f"p{name}": ([name], str(loss)) for name, loss in losses.items()})


@pytest.mark.parametrize(("rate", "verdict"), [(0.01, "repelling"), (-0.01, "attracting")])
def test_a_zero_direction_beside_a_decaying_pair_counts(rate: float, verdict: str) -> None:
    # the pair decays like r' = -r^3 (3/8 + 1/8 + ...) whatever the slow z' = rate z^3 does
    game = games.define(
        players={
            "a": (["x"], "x*y + x**4/4 + x**2*y**2/2"),
            "b": (["y"], "-x*y + y**4/4 + x**2*y**2/2"),
            "c": (["z"], f"-({rate})*z**4/4"),
        }
    )
    assert only(game).verdict == verdict


def two_pairs(a: float, b: float, c: float, d: float) -> Game:
    """r1' = r1 (a r1^2 + b r2^2), r2' = r2 (c r1^2 + d r2^2) at the frequencies 1 and 1.7."""
    first, second = "(x**2 + y**2)", "(u**2 + v**2)"
    one, two = f"({a}*{first} + {b}*{second})", f"({c}*{first} + {d}*{second})"
    return fields({"x": f"-y + x*{one}", "y": f"x + y*{one}", "u": f"-1.7*v + u*{two}", "v": f"1.7*u + v*{two}"})


@pytest.mark.parametrize(
    ("entries", "verdict"),
    [
        ((-1.0, 0.0, 0.0, -0.1), "attracting"),
        ((-0.1, 0.0, 0.0, 1e-4), "repelling"),  # a slow growth beside a fast decay
        ((-1.0, 3.0, 3.0, -1.0), "repelling"),  # each decays alone, r1 = r2 grows like 2 r^3
        ((-1.0, 3.0, -3.0, -1.0), "attracting"),  # d/dt (r1^2 + r2^2) = -2 (r1^4 + r2^4)
        ((-1.0, 0.5, 0.5, -1.0), "attracting"),
        ((-1.0, -5.0, -1.0, 0.01), "repelling"),
        ((0.0, 0.0, 0.0, 0.0), "neutral"),
    ],
)
def test_two_pairs_are_decided_by_their_amplitude_equations(entries: tuple[float, ...], verdict: str) -> None:
    game = two_pairs(*entries)
    if not any(entries):  # frequencies that depend on the amplitude keep the field from being affine
        turn = "(1 + x**2 + y**2)"
        game = fields({"x": f"-y*{turn}", "y": f"x*{turn}", "u": "-1.7*v", "v": "1.7*u"})
    assert only(game, box=dict.fromkeys("xyuv", (-1, 1))).verdict == verdict


def test_resonant_pairs_are_never_attracting_while_one_of_them_grows_alone() -> None:
    # frequencies 1 and 2: no amplitude equations, each mode is followed by itself
    decay, growth = "(x**2 + y**2)", "0.02*(u**2 + v**2)"
    parts = {"x": f"-y - x*{decay}", "y": f"x - y*{decay}", "u": f"-2*v + u*{growth}", "v": f"2*u + v*{growth}"}
    assert only(fields(parts), box=dict.fromkeys("xyuv", (-1, 1))).verdict == "repelling"


def test_a_kink_is_undecided_and_has_no_spectrum() -> None:
    _, found, _ = analyse(games.get("dirac-gan", penalty="wgan-gp")).equilibria
    assert found.at.tolist() == [0.0, 0.0]
    assert found.eigenvalues.size == 0
    assert found.verdict == "undecided"
    assert "not smooth" in found.evidence


def test_clipping_outside_an_orbit_does_not_make_a_centre_attract() -> None:
    # circles of radius below the bound are closed orbits; larger ones are cut down to it
    found = only(games.get("dirac-gan", loss="wasserstein", clip=0.5))
    assert (found.flow, found.verdict) == ("centre", "neutral")


def test_a_continuum_of_centres_is_neutral() -> None:
    # circles in (x, y) at every fixed s, turning at the rate 1 + s^2
    losses = {"a": (["x"], "x*y*(1 + s**2)"), "b": (["y"], "-x*y*(1 + s**2)"), "c": (["s"], "0*s")}
    found = only(games.define(players=losses))
    np.testing.assert_allclose(found.continuum, [[0.0, 0.0, 1.0]], atol=1e-12)
    assert found.verdict == "neutral"
