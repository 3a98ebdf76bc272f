"""The loop that repeats a map: one iteration as straight-line code, run over many starts side by side.

Starts go in lanes, and the innermost loop is the one over the lanes: it has no branches, so that the compiler fills the
widest registers with it. A start that ends gives its lane to the last one. Every start sees the operations it would see
alone, so its bits depend neither on the others nor on the threads.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from dynamics.games.codegen.lanes import VECTORISED, lane_statement, widest
from dynamics.games.codegen.program import Assign, GaussianSum, Operand
from dynamics.games.codegen.render import function, text

_INDENT = "    "

#: Starts that go side by side: enough to fill the registers of AVX-512 several times over, few enough for the states
#: to stay in the nearest cache.
WIDTH = 64

_LEAVE = """@njit(**INNER)
def leave(a, who, width, k, bound, last, reached):
    for lane in range(width - 1, -1, -1):
        outside, missing = False, False
        for i in range(DIM):
            value = a[(SIZE + i) * WIDTH + lane]
            outside |= not abs(value) <= bound
            missing |= value != value
        if outside:
            width -= 1
            keep(a, who, lane, last, reached, k, 2 if missing else 1)
            who[lane] = who[width]
            for row in range(2 * SIZE):
                a[row * WIDTH + lane] = a[row * WIDTH + width]
    return width


@njit(**INNER)
def keep(a, who, lane, last, reached, k, reason):
    for i in range(DIM):
        last[who[lane], i] = a[i * WIDTH + lane]
    reached[who[lane], 0] = k
    reached[who[lane], 1] = reason"""


def kernel(
    statements: Sequence[Assign | GaussianSum],
    state: Sequence[str],
    outputs: Sequence[Operand],
    *,
    dim: int,
    arguments: Mapping[str, Sequence[str]],
    scheduled: Sequence[str] = (),
) -> str:
    """Return the Numba source of a loop that repeats ``state <- outputs``.

    Parameters
    ----------
    statements, outputs
        One iteration as straight-line code, and the operands that hold the next state.
    state : sequence of str
        Names of the extended state within ``statements``.
    dim : int
        How many leading entries of the state are recorded and tested against the bound.
    arguments : mapping of array argument to names
        Names that are bound to the entries of each array argument before the loop.
    scheduled : sequence of str
        Names among these that are multiplied by ``factors[k]`` in iteration k.

    Returns
    -------
    str
        A module with ``run``, which lets go of the interpreter's lock: ``(first, behind, start, *arguments, factors,
        nodes, node_weights, iterations, every, bound, path, last, reached)`` iterates the rows ``first`` to
        ``behind - 1`` of ``start``. ``reached`` receives the last iteration within the bound and the reason for
        stopping (0 none, 1 bound, 2 NaN).
    """
    size = len(state)
    rows = [f"a[{i * WIDTH} + lane]" for i in range(2 * size)]
    within = " & ".join(f"(abs(n{i}) <= bound)" for i in range(dim))
    step = [f"{name} = {row}" for name, row in zip(state, rows, strict=False)]
    step += [
        line for statement in statements for line in lane_statement(statement, "nodes", "node_weights", "terms[{i}]")
    ]
    step += [f"n{i} = {text(output)}" for i, output in enumerate(outputs)]
    step += [f"{row} = n{i}" for i, row in enumerate(rows[size:])]
    # Written so that NaN fails the test too.
    step += [f"outside += 0 if {within} else 1"]

    bind = [f"{name} = {array}[{i}]" for array, entries in arguments.items() for i, name in enumerate(entries)]
    bind += [f"{name}_full = {name}" for name in scheduled]
    body = [
        *bind,
        "a, who = np.empty(2 * SIZE * WIDTH), np.empty(WIDTH, dtype=np.int64)",
        f"terms = np.empty(({widest(statements)}, nodes.shape[0]))",
        "for block in range(first, behind, WIDTH):",
        "    width = min(WIDTH, behind - block)",
        "    for lane in range(width):",
        "        who[lane] = block + lane",
        "        for i in range(SIZE):",
        "            a[i * WIDTH + lane] = start[block + lane, i]",
        "    for k in range(iterations):",
        *(f"        {name} = {name}_full * factors[k]" for name in scheduled),
        "        outside = 0",
        "        for lane in range(width):",
        *(f"            {line}" for line in step),
        "        if outside > 0:",
        "            width = leave(a, who, width, k, bound, last, reached)",
        "            if width == 0:",
        "                break",
        "        for i in range(SIZE):",
        "            for lane in range(width):",
        "                a[i * WIDTH + lane] = a[(SIZE + i) * WIDTH + lane]",
        "        if (k + 1) % every == 0:",
        "            for lane in range(width):",
        "                for i in range(DIM):",
        "                    path[who[lane], (k + 1) // every, i] = a[i * WIDTH + lane]",
        "    for lane in range(width):",
        "        keep(a, who, lane, last, reached, iterations, 0)",
    ]
    given = (
        f"start, {', '.join(arguments)}, factors, nodes, node_weights, iterations, every, bound, path, last, reached"
    )
    settings = '@njit(cache=True, nogil=True, error_model="numpy")'
    return "\n\n\n".join([
        'INNER = {"error_model": "numpy", "no_cpython_wrapper": True}',
        VECTORISED.prelude.rstrip(),
        f"DIM, SIZE, WIDTH = {dim}, {size}, {WIDTH}",
        _LEAVE,
        function(f"{settings}\ndef run(first, behind, {given}):", body),
    ]) + "\n"  # fmt: skip
