"""How long the first compilation of a game takes."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator

from scenarios.bench.common import Row, reported


def rows() -> Iterator[Row]:
    """Measure field and Jacobian of a game of twenty coordinates, from formulas to machine code."""
    size = 10
    # A loss in which every coordinate meets several others, so that Jacobian entries are not trivial.
    terms = [f"x{i}*y{i} - x{i}**2*y{(i + 1) % size}**2/9 + sigmoid(x{i}*y{(i + 3) % size})" for i in range(size)]
    loss = " + ".join(terms)
    ours = (
        "import time, numpy as np\n"
        "from dynamics import games\n"
        f"names = [[f'{{letter}}{{i}}' for i in range({size})] for letter in 'xy']\n"
        f"loss = {loss!r}\n"
        "began = time.perf_counter()\n"
        "game = games.define(players={'generator': (names[0], loss), 'discriminator': (names[1], f'-({loss})')})\n"
        f"y = np.linspace(-1, 1, {2 * size})\n"
        f"for kind, count in (('field', {2 * size}), ('jacobian', {4 * size * size})):\n"
        "    game.compiled(kind)(y, *game.arguments, np.empty(count))\n"
        "print(time.perf_counter() - began)\n"
    )
    theirs = (
        "import time, numba, numpy as np, sympy\n"
        f"x, y = (sympy.symbols(f'{{letter}}:{size}') for letter in 'xy')\n"
        f"loss = sympy.sympify({loss!r}, locals={{'sigmoid': lambda z: 1 / (1 + sympy.exp(-z))}})\n"
        "began = time.perf_counter()\n"
        "field = [-sympy.diff(loss, v) for v in x] + [sympy.diff(loss, v) for v in y]\n"
        "jacobian = [sympy.diff(entry, v) for entry in field for v in (*x, *y)]\n"
        "for entries in (field, jacobian):\n"
        "    function = numba.njit(sympy.lambdify((*x, *y), tuple(map(sympy.sympify, entries)), 'math', cse=True))\n"
        f"    function(*np.linspace(-1, 1, {2 * size}))\n"
        "print(time.perf_counter() - began)\n"
    )
    with tempfile.TemporaryDirectory() as cache:
        value = reported(ours, {"GANDYN_CACHE": cache})
    yield Row(
        f"first compile of a {2 * size}-coordinate game", value, reported(theirs, {}), "s", 0.5,
        "field and Jacobian to machine code, empty cache; peer: sympy.diff, lambdify with cse, numba.njit; once each",
    )  # fmt: skip
