"""Amplitude equations against normal forms hidden by a polynomial change of coordinates."""

from __future__ import annotations

import numpy as np
import pytest
import sympy as sp
from sympy.polys.matrices import DomainMatrix
from sympy.polys.rings import PolyElement, ring

from dynamics import games
from dynamics.games.field import Game
from dynamics.stability import resonance, spectrum


def disguised(names: list[str], normal: list[str], seed: int) -> Game:
    """Return the field ``normal`` in the coordinates y = M (z + Q(z)), Q quadratic, to third order.

    With ``z = w - Q(w) + Q'(w) Q(w) + ...`` for ``w = M^-1 y`` the field is ``M (1 + Q'(z)) g(z)``; what is cut off is
    of fourth order and leaves cubic normal forms alone.
    """
    generator = np.random.default_rng(seed)
    n = len(names)
    polynomials, *variables = ring(names, sp.QQ)

    def rational(shape: tuple[int, int], size: int) -> list[list[sp.Rational]]:
        return [[sp.QQ(int(k), 8) for k in row] for row in generator.integers(-size, size + 1, shape)]

    def times(a: PolyElement, b: PolyElement) -> PolyElement:
        return polynomials.from_dict({m: c for m, c in (a * b).items() if sum(m) <= 3})

    def at(polynomial: PolyElement, point: list[PolyElement]) -> PolyElement:
        total = polynomials.zero
        for powers, coefficient in polynomial.items():
            term = polynomials(coefficient)
            for value, power in zip(point, powers, strict=True):
                for _ in range(power):
                    term = times(term, value)
            total += term
        return total

    def applied(matrix: list[list[sp.Rational]], vector: list[PolyElement]) -> list[PolyElement]:
        return [sum((c * v for c, v in zip(row, vector, strict=True)), polynomials.zero) for row in matrix]

    mix = [[c + sp.QQ(i == j) for j, c in enumerate(row)] for i, row in enumerate(rational((n, n), 2))]
    inverse = DomainMatrix(mix, (n, n), sp.QQ).inv().to_list()
    pairs = [a * b for i, a in enumerate(variables) for b in variables[i:]]
    bend = applied(rational((n, len(pairs)), 3), pairs)

    def pushed(point: list[PolyElement], vector: list[PolyElement]) -> list[PolyElement]:
        """Return Q'(point) vector."""
        slopes = [[at(q.diff(x), point) for x in variables] for q in bend]
        return [sum((times(s, v) for s, v in zip(row, vector, strict=True)), polynomials.zero) for row in slopes]

    w = applied(inverse, variables)
    curved = [at(q, w) for q in bend]
    z = [a - b + c for a, b, c in zip(w, curved, pushed(w, curved), strict=True)]
    table = {name: sp.Symbol(name) for name in names}
    field = [polynomials.from_expr(sp.expand(sp.sympify(text, locals=table, rational=True))) for text in normal]
    moved = [at(component, z) for component in field]
    value = applied(mix, [a + b for a, b in zip(moved, pushed(z, moved), strict=True)])
    losses = {
        f"p{name}": ([name], str(-sp.integrate(component.as_expr(), table[name])))
        for name, component in zip(names, value, strict=True)
    }
    return games.define(players=losses)


def form(game: Game) -> resonance.AmplitudeForm:
    origin = np.zeros(game.dim)
    found = resonance.amplitude_form(game, origin, spectrum(np.asarray(game.jacobian(origin))))
    assert found is not None
    return found


def scaled(matrix: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """Return a matrix with columns scaled so that its diagonal is the reference's: amplitudes have no natural unit."""
    return matrix * (np.diag(reference) / np.diag(matrix))


@pytest.mark.parametrize("seed", range(3))
def test_the_amplitude_matrix_of_two_pairs_survives_a_change_of_coordinates(seed: int) -> None:
    expected = np.array([[-0.5, 2.0], [0.75, 1.5]])
    first, second = "(a**2 + b**2)", "(c**2 + d**2)"
    one, two = f"(-{first}/2 + 2*{second})", f"(3*{first}/4 + 3*{second}/2)"
    turn = f"(1 + {second})"
    normal = [f"-b*{turn} + a*{one}", f"a*{turn} + b*{one}", f"-17*d/10 + c*{two}", f"17*c/10 + d*{two}"]
    found = form(disguised(list("abcd"), normal, seed))
    assert np.abs(found.quadratic).max() == 0
    # coefficients of order one to ten are sums of some hundred products: 1e-12 is a thousand units of rounding
    np.testing.assert_allclose(scaled(found.matrix, expected), expected, rtol=1e-11)


@pytest.mark.parametrize("seed", range(3))
def test_the_amplitude_matrix_of_a_pair_and_a_zero_survives_a_change_of_coordinates(seed: int) -> None:
    expected = np.array([[-0.5, 2.0], [0.75, 1.5]])
    square = "(a**2 + b**2)"
    one = f"(3*u**2/4 + 3*{square}/2)"
    normal = [f"u*(-u**2/2 + 2*{square})", f"-b + a*{one}", f"a + b*{one}"]
    found = form(disguised(["u", "a", "b"], normal, seed))
    assert (np.abs(found.quadratic) <= found.quadratic_tolerance).all()
    np.testing.assert_allclose(scaled(found.matrix, expected), expected, rtol=1e-11)


@pytest.mark.parametrize(
    ("normal", "sign"),
    [
        (["u**2/5", "-b - a*(a**2 + b**2)", "a - b*(a**2 + b**2)"], 1),
        (["a**2 + b**2 - u**3", "-b + 2*a*u", "a + 2*b*u"], 1),  # r = u sqrt(2): u' = 2 u^2, r' = 2 u r
        (["a**2 + b**2 - u**3", "-b - 2*a*u", "a - 2*b*u"], None),  # u^2 + r^2 / 2 is conserved by quadratic terms
        (["-u**3", "-b - a*(a**2 + b**2)", "a - b*(a**2 + b**2)"], -1),
    ],
)
def test_quadratic_terms_of_a_zero_mode_come_first(normal: list[str], sign: int | None) -> None:
    assert form(disguised(["u", "a", "b"], normal, 1)).decide()[0] == sign


def test_three_modes_that_only_grow_together_repel() -> None:
    # every pair of modes decays, since 0.6^2 < 1, but r1 = r2 = r3 grows like (2 * 0.6 - 1) r^3
    names = list("abcdef")
    squares = ["(a**2 + b**2)", "(c**2 + d**2)", "(e**2 + f**2)"]
    for coupling, sign in ((0.6, 1), (0.4, -1)):
        normal = []
        for k, frequency in enumerate((1.0, 1.9, 3.3)):
            others = " + ".join(squares[j] for j in range(3) if j != k)
            rate = f"({coupling}*({others}) - {squares[k]})"
            x, y = names[2 * k : 2 * k + 2]
            normal += [f"-{frequency}*{y} + {x}*{rate}", f"{frequency}*{x} + {y}*{rate}"]
        symbols = {name: sp.Symbol(name, real=True) for name in names}
        losses = {
            name: ([name], str(-sp.integrate(sp.expand(sp.sympify(text, locals=symbols)), symbols[name])))
            for name, text in zip(names, normal, strict=True)
        }
        assert form(games.define(players=losses)).decide()[0] == sign


@pytest.mark.parametrize("frequencies", [(1.0, 1.0), (1.0, 2.0), (1.0, 3.0), (1.0, 1.5, 2.5), (1.0, 1.6, 2.2)])
def test_resonances_up_to_order_four_are_found(frequencies: tuple[float, ...]) -> None:
    assert resonance.resonant(np.array(frequencies))
    assert not resonance.resonant(np.array([1.0, np.sqrt(2), np.sqrt(7.3)]))
