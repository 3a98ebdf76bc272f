"""Equilibria of flows: every event against its closed form."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import fsolve

from dynamics import games, methods
from dynamics.flow.modified import modified_flow
from dynamics.games.catalogue.forsaken import _phi
from dynamics.games.field import Field
from dynamics.stability import continue_branches


def only(found, kind):
    (event,) = [event for event in found.events if event.kind == kind]
    return event


def test_the_r1_dirac_gan_turns_from_a_focus_into_a_node_at_gamma_one():
    found = continue_branches(games.get("dirac-gan", penalty="r1"), "gamma", (0.0, 3.0))
    (branch,) = found.branches
    assert branch.kind == "equilibrium"
    assert branch.ended == ("range", "range")
    event = only(found, "node-focus")
    # eigenvalues (-gamma +- sqrt(gamma^2 - 1)) / 2; the discriminant has slope 2, so rounding moves its zero by 1e-16
    assert abs(event.parameter - 1.0) < 1e-14
    assert abs(event.detail["eigenvalue"] + 0.5) < 1e-7
    assert event.detail["becomes"] == "node"
    gamma = branch.parameter.astype(complex)
    expected = (-gamma + np.sqrt(gamma**2 - 1)) / 2
    distance = np.abs(branch.eigenvalues - expected[:, None]).min(axis=1)
    # defective at gamma = 1: known to the root of rounding there
    assert distance.max() < 1e-7 and np.median(distance) < 1e-15
    assert branch.parameter[0] == 0.0 and branch.parameter[-1] == 3.0
    assert branch.stability[0] == 0 and (branch.stability[1:] == 1).all()


def test_the_r1_dirac_gan_begins_in_a_centre():
    event = only(continue_branches(games.get("dirac-gan", penalty="r1"), "gamma", (0.0, 1.5)), "center")
    assert event.parameter == 0.0
    assert event.detail["frequency"] == pytest.approx(0.5, rel=1e-14)
    # Re(lambda) = -gamma / 2
    assert event.detail["speed"] == pytest.approx(-0.5, rel=1e-6)


def test_a_range_that_ends_on_the_change_still_reports_it():
    for interval in ((0.5, 1.0), (1.0, 2.0)):
        event = only(continue_branches(games.get("dirac-gan", penalty="r1"), "gamma", interval), "node-focus")
        assert abs(event.parameter - 1.0) < 1e-12


def test_a_fold_is_passed_and_located():
    found = continue_branches(games.inline("x**3/3 - a*x", ["x"], [], {"a": 1.0}), "a", (-1.0, 1.0))
    (branch,) = found.branches
    event = only(found, "fold")
    assert abs(event.parameter) < 1e-15
    assert abs(event.at["x"]) < 1e-11
    # v = a - x^2
    assert event.detail["a2"] == pytest.approx(-1) and event.detail["slope"] == pytest.approx(1)
    assert event.detail["solutions"] == "above"
    np.testing.assert_allclose(branch.points[:, 0] ** 2, branch.parameter, atol=1e-14)
    # dv/dx = -2 x: the upper half attracts
    np.testing.assert_array_equal(branch.stability, np.sign(np.round(branch.points[:, 0], 10)))


def test_a_fold_on_the_end_of_the_range_is_passed_too():
    found = continue_branches(games.inline("x**3/3 - a*x", ["x"], [], {"a": 1.0}), "a", (0.0, 1.0))
    (branch,) = found.branches
    assert branch.ended == ("range", "range")
    assert abs(only(found, "fold").parameter) < 1e-15
    assert sorted(branch.points[[0, -1], 0].round(12).tolist()) == [-1.0, 1.0]


@pytest.mark.parametrize(("sign", "criticality"), [(1, "supercritical"), (-1, "subcritical")])
def test_a_pitchfork_gives_its_symmetric_pair(sign, criticality):
    game = games.inline("s*x**4/4 - a*x**2/2", ["x"], [], {"a": 1.0, "s": float(sign)})
    found = continue_branches(game, "a", (-1.0, 1.0))
    straight, curved = sorted(found.branches, key=lambda branch: len(set(branch.points[:, 0])))
    np.testing.assert_allclose(straight.points, 0, atol=1e-15)
    np.testing.assert_allclose(curved.points[:, 0] ** 2, sign * curved.parameter, atol=1e-13)
    assert sorted(curved.points[[0, -1], 0].round(12).tolist()) == [-1.0, 1.0]
    for branch in found.branches:
        (event,) = branch.events
        assert (event.kind, event.detail["type"]) == ("branch-point", "pitchfork")
        # v = a x - s x^3
        assert abs(event.parameter) < 1e-12
        assert event.detail["a3"] == pytest.approx(-sign)
        assert event.detail["criticality"] == criticality


def test_a_transcritical_crossing_gives_both_branches():
    found = continue_branches(games.inline("x**3/3 - a*x**2/2", ["x"], [], {"a": 1.0}), "a", (-1.0, 1.0))
    assert len(found.branches) == 2
    slopes = sorted(round(float(np.polyfit(b.parameter, b.points[:, 0], 1)[0]), 9) for b in found.branches)
    assert slopes == [0.0, 1.0]
    for branch in found.branches:
        (event,) = branch.events
        assert event.detail["type"] == "transcritical"
        assert abs(event.parameter) < 1e-12


def test_branches_that_do_not_reach_the_low_end_are_found():
    found = continue_branches(games.get("forsaken"), "shift", (0.0, 1.0), cycles=False)
    assert [branch.ended for branch in found.branches] == [("range", "range")] * 2
    assert only(found, "fold").parameter == pytest.approx(0.937095858, abs=1e-9)


def test_the_hopf_point_of_the_forsaken_game():
    import sympy as sp

    z = sp.Symbol("z", real=True)
    slope, bend = (sp.lambdify(z, sp.diff(_phi(z), z, k)) for k in (1, 2))

    # x = phi'(y), y - shift = -phi'(x), and trace = -phi''(x) - phi''(y) = 0
    def equations(u):
        x, y, shift = u
        return [x - slope(y), y - shift + slope(x), bend(x) + bend(y)]

    x, y, shift = fsolve(equations, [0.07, 0.44, 0.47], xtol=1e-14)
    event = only(continue_branches(games.get("forsaken"), "shift", (0.0, 0.8), cycles=False), "hopf")
    # the trace has slope 4 along the branch: rounding moves its zero by 1e-16
    assert abs(event.parameter - shift) < 1e-13
    assert abs(event.at["x"] - x) < 1e-12 and abs(event.at["y"] - y) < 1e-12
    assert event.detail["frequency"] == pytest.approx(np.sqrt(1 + bend(x) * bend(y)), rel=1e-12)
    assert event.detail["type"] == "subcritical"


@pytest.mark.parametrize("sign", [1, -1])
def test_the_first_lyapunov_coefficient_of_a_minimax_game(sign):
    # x' = -y + mu x - s x^3, y' = x + mu y - s y^3: averaging gives dr/dt = mu r - 3 s r^3 / 4, r = sqrt(2) |z|
    game = games.inline("x*y + mu*(y**2 - x**2)/2 + s*(x**4 - y**4)/4", ["x"], ["y"], {"mu": 0.0, "s": float(sign)})
    event = only(continue_branches(game, "mu", (-1.0, 1.0), cycles=False), "hopf")
    assert abs(event.parameter) < 1e-15
    assert event.detail["l1"] == pytest.approx(-1.5 * sign, rel=1e-12)
    assert event.detail["speed"] == pytest.approx(1.0, rel=1e-8)
    assert event.detail["type"] == ("supercritical" if sign > 0 else "subcritical")


def test_the_time_scale_of_the_fiez_ratliff_game():
    found = continue_branches(games.get("fiez-ratliff"), "timescale", (0.5, 3.0), cycles=False)
    event = only(found, "hopf")
    # (x1, y1) has trace 1 - tau / 2 and determinant tau / 2; the game is linear, so l1 = 0
    assert abs(event.parameter - 2) < 1e-14
    assert event.detail["frequency"] == pytest.approx(1.0, rel=1e-14)
    assert event.detail["type"] == "degenerate"
    # (x2, y2) has the discriminant tau^2 - 2 tau + 1/4
    assert abs(only(found, "node-focus").parameter - (1 + np.sqrt(3) / 2)) < 1e-13


def test_a_neutral_saddle_is_no_hopf_point(flow):
    found = continue_branches(flow({"x": "p*x", "y": "-y"}, {"p": 0.0}), "p", (0.5, 2.0))
    assert [event.kind for event in found.events] == ["neutral-saddle"]
    assert abs(found.events[0].parameter - 1) < 1e-15


def test_a_centre_along_the_branch_is_no_hopf_point():
    found = continue_branches(games.get("dirac-gan"), "timescale", (0.5, 3.0))
    (event,) = found.events
    assert event.kind == "center"
    assert event.detail["along"] == [0.5, 3.0]
    assert "along the branch" in event.evidence
    assert (found.branches[0].stability == 0).all()


def test_a_hopf_point_beside_a_centre_is_found(flow):
    field = {"a": "-b", "b": "a", "x": "mu*x - 2*y", "y": "2*x + mu*y"}
    found = continue_branches(flow(field, {"mu": 0.0}), "mu", (-1.0, 1.0), cycles=False)
    assert sorted(event.kind for event in found.events) == ["center", "hopf"]
    assert abs(only(found, "hopf").parameter) < 1e-15
    assert only(found, "hopf").detail["frequency"] == pytest.approx(2.0)


def test_two_pairs_that_cross_together_are_found(flow):
    field = {"a": "mu*a - b", "b": "a + mu*b", "x": "mu*x - y", "y": "x + mu*y"}
    event = only(continue_branches(flow(field, {"mu": 0.1}), "mu", (-1.0, 1.0), cycles=False), "hopf")
    # located by halving on a count with a threshold of 1e-12
    assert abs(event.parameter) < 1e-11
    assert event.detail["pairs"] == 2


def test_a_double_zero_on_a_fold_has_no_fold_normal_form(flow):
    # x'' = a + x^2 + x x': at a = 0 fold and Hopf point meet
    found = continue_branches(flow({"x": "y", "y": "a + x**2 + x*y"}, {"a": 0.0}), "a", (-0.5, 0.2), cycles=False)
    for kind in ("fold", "hopf"):
        event = only(found, kind)
        assert abs(event.parameter) < 1e-12
        assert event.detail["type"] == "degenerate" and "Bogdanov-Takens" in event.evidence


def test_a_double_zero_on_a_pitchfork_has_no_pitchfork_normal_form(flow):
    # x'' = a x - x^3 - x^2 x': the linear part is a centre up to a = 0, a saddle beyond
    found = continue_branches(flow({"x": "y", "y": "a*x - x**3 - x**2*y"}, {"a": 0.0}), "a", (-0.5, 0.5), cycles=False)
    straight, curved = found.branches
    np.testing.assert_allclose(curved.points[:, 0] ** 2, curved.parameter, atol=1e-13)
    for branch in (straight, curved):
        (event,) = [event for event in branch.events if event.kind == "branch-point"]
        assert event.detail == {"type": "pitchfork"} and "Bogdanov-Takens" in event.evidence
    # up to the last point before it; steps are 0.02 of the range at most
    begin, end = only(found, "center").detail["along"]
    assert begin == -0.5 and -0.02 <= end < 0


def test_a_continuum_of_equilibria_is_noted_and_not_followed():
    found = continue_branches(games.get("dirac-gan", loss="least-squares"), "timescale", (0.5, 2.0))
    assert found.branches == ()
    (note,) = found.notes
    assert "not isolated" in note and "(1, 0) in (theta, psi)" in note
    assert found.status.ok


def test_a_continuum_at_a_single_value_is_noted_and_not_followed():
    # v = p x: at p = 0 every x is an equilibrium
    found = continue_branches(games.inline("-p*x**2/2", ["x"], [], {"p": 1.0}), "p", (-1.0, 1.0))
    (branch,) = found.branches
    np.testing.assert_array_equal(branch.points, 0)
    assert branch.events[0].kind == "branch-point"
    assert "At p = 0 equilibria are not isolated" in found.notes[0]


def test_a_box_without_equilibria_has_no_branches():
    found = continue_branches(games.inline("x + a*y", ["x"], ["y"], {"a": 1.0}), "a", (0.5, 1.0))
    assert found.branches == () and found.notes == () and found.status.ok


def test_branches_leave_the_box_at_its_border():
    found = continue_branches(
        games.inline("x**3/3 - a*x", ["x"], [], {"a": 1.0}), "a", (-1.0, 1.0), box={"x": (-0.5, 0.5)}
    )
    (branch,) = found.branches
    assert branch.ended == ("box", "box")
    np.testing.assert_allclose(branch.parameter[[0, -1]], 0.25, rtol=1e-12)


def test_a_function_of_the_parameter_is_continued_like_a_game():
    # without an exact derivative in the parameter: differences carry it, and solutions are as sharp
    game = games.get("forsaken")
    found = continue_branches(lambda p: game.with_parameters(shift=p), "shift", (0.0, 0.8), box=game.box, cycles=False)
    exact = continue_branches(game, "shift", (0.0, 0.8), cycles=False)
    assert only(found, "hopf").parameter == pytest.approx(only(exact, "hopf").parameter, abs=1e-13)


def test_instance_noise_of_a_gan_is_a_parameter_like_any_other():
    # h = psi x with noise sigma: dv_psi/dpsi = -sigma^2 / 2 at zero, eigenvalues of [[0, -1/2], [1/2, -sigma^2 / 2]]
    found = continue_branches(games.get("dirac-gan", instance_noise=1.0), "instance_noise", (0.5, 2.0), starts=8)
    event = only(found, "node-focus")
    assert abs(event.parameter - np.sqrt(2)) < 1e-12


def test_a_failure_of_newtons_method_names_the_parameter_and_keeps_the_branch():
    # the field is NaN for p > 1/2: the branch x = 0 is kept up to there
    class Line(Field):
        names = ("x",)

        def __init__(self, p: float) -> None:
            self.p = p

        def __call__(self, y, t=0.0, draw=None):
            return -y if self.p <= 0.5 else np.full(np.shape(y), np.nan)

        def jacobian(self, y, t=0.0, draw=None):
            return -np.ones((*np.shape(y), 1))

    found = continue_branches(Line, "p", (0.0, 1.0), box={"x": (-1.0, 1.0)})
    (branch,) = found.branches
    assert branch.ended[1].startswith("newton failed at p = 0.4999")
    assert found.status.value == "step-underflow"
    assert len(branch) > 20


def test_the_modified_flow_of_simultaneous_descent_is_continued_in_its_rate():
    # at the equilibrium of the R1 Dirac-GAN it has the eigenvalues lambda - h lambda^2 / 2
    game = games.get("dirac-gan", penalty="r1", gamma=0.3)

    def family(h: float) -> Field:
        return modified_flow(game, methods.get("simultaneous", lr=h))

    found = continue_branches(family, "h", (0.05, 1.5), box={"theta": (-1, 1), "psi": (-1, 1)}, cycles=False)
    value = complex(-0.15, np.sqrt(1 - 0.3**2) / 2)
    assert only(found, "hopf").parameter == pytest.approx(2 * value.real / (value**2).real, abs=1e-12)
