"""The functions of a kernel that end paths and note what they met, one lane at a time."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from dynamics.core.random import BLOCKS
from dynamics.ensemble.kernel.lines import body, bound, indented, unpacked
from dynamics.ensemble.kernel.parts import DIVERGED, MISSING, STOPPED, Parts, Rows
from dynamics.ensemble.trace import Code
from dynamics.games.codegen.render import function, text

#: Arguments that functions of one state take beside it.
NUMBERS = "p, constants, nodes, node_weights, terms"

# Draws of a condition c at a step: block c (2 + NOISE) of the bridges' stream and those behind it.
CROSSING = f"""@njit(**INNER)
def crossing(path, step, c, old, new, var, h, seed, bridge):
    # When a Brownian bridge from old < 0 to new first reaches 0, in units of h, given that it does.
    draw = step * np.uint64({BLOCKS}) + np.uint64(c * (2 + NOISE))
    _, x1 = threefry(path, draw, seed, bridge)
    if new == 0.0:
        return 1.0
    # s / (1 - s) is inverse Gaussian of mean m and shape l; Michael, Schucany and Haas (1976) draw it.
    m, l = abs(old / new), old * old / (h * var)
    x0, x2 = threefry(path, draw + np.uint64(1), seed, bridge)
    z, _ = normal_pair(x0, x2)
    w = 0.5 * m * z * z / l
    x = m / (1.0 + w + math.sqrt(w * (2.0 + w)))
    if unit(x1) > m / (m + x):
        x = m * (m / x)
    return x / (1.0 + x) if x < 1e300 else 1.0"""

PLACED = f"""@njit(**INNER)
def placed(y0, y1, share, g, h, path, step, c, seed, bridge, slopes, {NUMBERS}, values, out):
    # The bridge at the time share h, moved along B B^T grad onto the surface.
    scale = g * math.sqrt(max(h * share * (1.0 - share), 0.0))
    draw = step * np.uint64({BLOCKS}) + np.uint64(c * (2 + NOISE) + 2)
    for j in range(NOISE):
        x0, x1 = threefry(path, draw + np.uint64(j), seed, bridge)
        z, _ = normal_pair(x0, x1)
        for i in range(DIM):
            out[i] += scale * slopes[CONDITIONS * (1 + DIM) + i * NOISE + j] * z
    values_at(out, {NUMBERS}, values)
    for i in range(DIM):
        out[i] -= values[c] / slopes[c * (1 + DIM)] * slopes[c * (1 + DIM) + 1 + i]"""


def functions(parts: Parts, rows: Rows) -> list[str]:
    """Return the source of the functions; ``leave``, ``close`` and ``lost`` always, ``events`` with conditions."""
    found = [_leave(parts, rows), _fill(parts, rows), _close(parts, rows), _lost(rows)]
    if not parts.stops:
        return found
    return [*found, *probes(parts), _events(parts, rows)]


def probes(parts: Parts, statements: Callable[[Code], list[str]] = body) -> list[str]:
    """Return the functions that :func:`met` calls; ``statements`` writes code in the dialect of the target."""
    found = [_probe(parts, "values_at", parts.conditions, statements)]
    if parts.maxima.outputs:
        found.append(_probe(parts, "maxima_at", parts.maxima, statements))
    if parts.slopes is not None:
        found += [_probe(parts, "slopes_at", parts.slopes, statements), CROSSING, PLACED]
    return found


def _probe(parts: Parts, name: str, code: Code, statements: Callable[[Code], list[str]]) -> str:
    """Return a function that evaluates code at one state."""
    lines = bound(parts, code.names()) + unpacked(code, "m", "y[{i}]", parts.dim) + statements(code)
    lines += [f"out[{i}] = {text(output)}" for i, output in enumerate(code.outputs)]
    return function(f"@njit(**INNER)\ndef {name}(y, {NUMBERS}, out):", lines)


def _leave(parts: Parts, rows: Rows) -> str:
    """Return the function that gives a lane to the path in the last one."""
    lines = [
        "g, l, last_g, last_l = lane // LANES, lane % LANES, width // LANES, width % LANES",
        "who[lane], paths[g, l] = who[width], paths[last_g, last_l]",
        f"for row in range({rows.count}):",
        "    a[g, row * LANES + l] = a[last_g, row * LANES + last_l]",
        f"for c in range({len(parts.stops)}):",
        f"    a[last_g, ({rows.first['active']} + c) * LANES + last_l] = 0.0",
    ]
    return function("@njit(**INNER)\ndef leave(a, who, paths, lane, width):", lines)


def _fill(parts: Parts, rows: Rows) -> str:
    """Return the function that lets the lanes without a path of the last group go along with the first lane."""
    lines = [
        "for lane in range(width, (width + LANES - 1) // LANES * LANES):",
        "    g, l = lane // LANES, lane % LANES",
        "    paths[g, l] = paths[0, 0]",
        f"    for row in range({rows.count}):",
        "        a[g, row * LANES + l] = a[0, row * LANES]",
        f"    for c in range({len(parts.stops)}):",
        f"        a[g, ({rows.first['active']} + c) * LANES + l] = 0.0",
    ]
    return function("@njit(**INNER)\ndef fill(a, paths, width):", lines)


def _close(parts: Parts, rows: Rows) -> str:
    lines = [f"most[row, {e}] = {rows.of('most', e)}" for e in range(len(parts.maxima.outputs))]
    return function("@njit(**INNER)\ndef close(a, lane, row, most):", lines or ["pass"])


def _lost(rows: Rows) -> str:
    """Return the function that takes out the paths beyond the bound."""
    lines = [
        "for lane in range(width - 1, -1, -1):",
        "    gone, missing = False, False",
        "    for i in range(DIM):",
        f"        value = {rows.of('next', 'i')}",
        "        gone |= not abs(value) <= bound",
        "        missing |= value != value",
        "    if gone:",
        "        row = who[lane]",
        f"        status[row] = {MISSING} if missing else {DIVERGED}",
        "        for i in range(DIM):",
        f"            final[row, i] = {rows.of('state', 'i')}",
        "        close(a, lane, row, most)",
        "        width -= 1",
        "        leave(a, who, paths, lane, width)",
        "fill(a, paths, width)",
        "return width",
    ]
    return function("@njit(**INNER)\ndef lost(a, who, paths, width, bound, status, final, most):", lines)


def _events(parts: Parts, rows: Rows) -> str:
    """Return the function that looks at every path that has met a condition in a step."""
    places = {name: rows.of(name, "c") for name in ("old", "new", "active", "var", "met")}
    places |= {"state": rows.of("state", "i"), "next": rows.of("next", "i"), "most": rows.of("most", "e")}
    lines = [
        "values, times = np.empty(CONDITIONS), np.empty(CONDITIONS)",
        f"tops = np.empty({len(parts.maxima.outputs)})",
        "y0, y1, place = np.empty(DIM), np.empty(DIM), np.empty(DIM)",
        "slopes = np.empty(CONDITIONS * (1 + DIM) + DIM * NOISE)",
        "for lane in range(width - 1, -1, -1):",
        "    path, row = paths[lane // LANES, lane % LANES], who[lane]",
        *indented(met(parts, places)),
        "    if first <= 1.0:",
        f"        status[row] = {STOPPED}",
        "        close(a, lane, row, most)",
        "        width -= 1",
        "        leave(a, who, paths, lane, width)",
        "fill(a, paths, width)",
        "return width",
    ]
    head = f"def events(a, who, paths, width, time, step, g, h, seed, bridge, {NUMBERS}, event, final, status, most):"
    return function(f"@njit(**INNER)\n{head}", lines)


def met(parts: Parts, places: Mapping[str, str]) -> list[str]:
    """Return the lines that note what a path has met in a step; ``first`` is then its end in units of h, or 2.

    Parameters
    ----------
    parts : Parts
    places : mapping of str to str
        Where the numbers of the path stand: ``old``, ``new``, ``var``, ``met`` and ``active`` of condition ``c``,
        ``state`` and ``next`` of coordinate ``i``, ``most`` of the largest value ``e``.
    """
    bridged = parts.slopes is not None
    lines = [
        "first = 2.0",
        "for c in range(CONDITIONS):",
        "    times[c] = 2.0",
        f"    if {places['met']} == 0.0:",
        "        continue",
        f"    before, after = {places['old']}, {places['new']}",
        "    if before >= 0.0:",
        "        times[c] = 0.0",
    ]
    if bridged:
        lines += [
            f"    elif {places['var']} > 0.0:",
            f"        times[c] = crossing(path, step, c, before, after, {places['var']}, h, seed, bridge)",
        ]
    lines += [
        "    else:",
        f"        times[c] = {'before / (before - after)' if bridged else '1.0'}",
        "    if STOPS[c] and times[c] < first:",
        "        first = times[c]",
        "for c in range(CONDITIONS):",
        "    if times[c] > 1.0 or times[c] > first:",
        "        continue",
        "    for i in range(DIM):",
        f"        y0[i], y1[i] = {places['state']}, {places['next']}",
        "        place[i] = y0[i] + times[c] * (y1[i] - y0[i])",
    ]
    if bridged:
        lines += [
            f"    slopes_at(y0, {NUMBERS}, slopes)",
            "    if slopes[c * (1 + DIM)] > 0.0 and times[c] > 0.0:",
            f"        placed(y0, y1, times[c], g, h, path, step, c, seed, bridge, slopes, {NUMBERS}, values, place)",
        ]
    return [
        *lines,
        "    event[row, c, 0] = time + times[c] * h",
        "    for i in range(DIM):",
        "        event[row, c, 1 + i] = place[i]",
        f"    {places['active']} = 0.0",
        "    if STOPS[c] and times[c] == first:",
        "        for i in range(DIM):",
        "            final[row, i] = place[i]",
        *indented(_raised(parts, places["most"]), 2),
    ]


def _raised(parts: Parts, most: str) -> list[str]:
    """Return the lines that let the place where a path ends count among its largest values."""
    if not parts.maxima.outputs:
        return []
    return [
        f"maxima_at(place, {NUMBERS}, tops)",
        f"for e in range({len(parts.maxima.outputs)}):",
        f"    {most} = max({most}, tops[e])",
    ]
