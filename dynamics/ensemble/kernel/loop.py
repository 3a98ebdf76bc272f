"""The loop of a kernel over blocks of paths, steps and groups of lanes."""

from __future__ import annotations

from functools import cache
from hashlib import sha256
from importlib.resources import files

from dynamics.core.random import BLOCKS
from dynamics.ensemble.kernel import events
from dynamics.ensemble.kernel.lines import (
    body,
    bound,
    evaluated,
    indented,
    names,
    output,
    over_lanes,
    stored,
    unpacked,
)
from dynamics.ensemble.kernel.parts import FINISHED, LANES, UNFINISHED, WIDTH, Parts, Rows
from dynamics.ensemble.trace import Code
from dynamics.games.codegen import draws
from dynamics.games.codegen.lanes import VECTORISED, widest
from dynamics.games.codegen.render import function, text

#: Which count of a histogram the quantities in a column of ``z``, from row ``first`` on, belong to.
CELL = """@njit(**INNER)
def cell_of(z, first, column, q, histograms, edges):
    # Rows of histograms: number of axes, place of the first count, and for each axis quantity and number of cells.
    total, cell = 1, 0
    for x in range(histograms[q, 0]):
        cells = histograms[q, 3 + 2 * x]
        share = (z[first + histograms[q, 2 + 2 * x], column] - edges[q, x, 0]) * edges[q, x, 1]
        if cell < 0 or not (share >= 0.0 and share < cells):
            cell = -1
        else:
            cell = cell * cells + int(share)
        total *= cells
    return histograms[q, 1] + (total if cell < 0 else cell)"""

_COUNT = """@njit(**INNER)
def count_cells(z, present, whole, histograms, edges, moment, counts):
    for q in range(histograms.shape[0]):
        for leaf in range(whole):
            if present[leaf] > 0.0:
                counts[moment, cell_of(z, 0, leaf, q, histograms, edges)] += 1"""

#: Draws of the largest values between the steps lie behind those of the crossings.
MAXIMA_FROM = BLOCKS // 2


def source(parts: Parts) -> str:
    """Return the Numba source of a module with ``run``; :class:`dynamics.ensemble.compiled.Loop` calls it."""
    rows = Rows(parts)
    return "\n\n\n".join([_header(parts), *events.functions(parts, rows), CELL, _COUNT, _run(parts, rows)]) + "\n"


@cache
def _compiled_in() -> str:
    """Return a digest of what is compiled into kernels from other files: code in a cache must not outlive it."""
    room = files("dynamics")
    parts = (room.joinpath("ensemble", "tree.py"), room.joinpath("games", "codegen", "fused.py"))
    return sha256(b"".join(part.read_bytes() for part in parts)).hexdigest()[:16]


def _header(parts: Parts) -> str:
    return "\n\n\n".join([
        f"# with tree and fused {_compiled_in()}\n"
        "from dynamics.ensemble.tree import push, reduce\n\n"
        'INNER = {"error_model": "numpy", "no_cpython_wrapper": True}',
        VECTORISED.prelude.rstrip(),
        draws.functions().rstrip(),
        f"LANES, WIDTH = {LANES}, {WIDTH}\n{names(parts)}",
    ])  # fmt: skip


def _run(parts: Parts, rows: Rows) -> str:
    observed = len(parts.observables.outputs)
    strength = "columns[k - begin, 0]" if parts.strengths else "1.0"
    lanes = "a, who, paths, width,"
    call = f"{events.NUMBERS}, event, final, status, most)"
    lines = [
        *bound(parts, used_names(parts)),
        f"a, who = np.zeros((WIDTH // LANES, {rows.count} * LANES)), np.empty(WIDTH, dtype=np.int64)",
        "paths, words = np.zeros((WIDTH // LANES, LANES), dtype=np.uint64), np.empty(2 * LANES, dtype=np.uint64)",
        f"terms = np.empty(({max(widest(code.statements) for code in _codes(parts))}, nodes.shape[0]))",
        f"quantities, present = np.empty(({observed}, WIDTH)), np.ones(WIDTH)",
        f"length = {1 + observed + observed * (observed + 1) // 2}",
        "levels = np.empty((2, length, WIDTH // 2))",
        "block_nodes = np.zeros((records.shape[0], length))",
        "held = 0",
        "fine = h / refine",
        "root = math.sqrt(fine)",
        "for b in range(blocks.shape[0]):",
        "    offset, whole = blocks[b, 0], blocks[b, 1]",
        "    if halt[0] != 0:",
        f"        status[offset : offset + whole] = {UNFINISHED}",
        "        continue",
        "    width = whole",
        "    for lane in range(width):",
        "        who[lane], paths[lane // LANES, lane % LANES] = offset + lane, ids[offset + lane]",
        f"        for i in range({rows.size}):",
        f"            {rows.of('state', 'i')} = state[offset + lane, i]",
        f"            {rows.of('next', 'i')} = state[offset + lane, i]",
        *indented(_beginning(parts, rows)),
        "    fill(a, paths, width)",
        *(["    if begin == 0 and started > 0:"] if parts.stops else []),
        *([f"        width = events({lanes} 0.0, np.uint64(0), 1.0, 0.0, seed, bridge, {call}"]
          if parts.stops else []),
        "    r = 0",
        "    for k in range(begin, end + 1):",
        *indented(_recording(parts, rows), 2),
        "        if k == end or width == 0:",
        "            break",
        *indented(_columns(parts), 2),
        "        outside, hits = 0, 0",
        "        for g in range((width + LANES - 1) // LANES):",
        "            s, ids_of_lanes = a[g], paths[g]",
        *indented([*_drawing(parts, rows), *_stepping(parts, rows), *_watching(parts, rows, strength)], 3),
        # Paths beyond the bound go first: where a condition was met on the way there cannot be told.
        "        if outside > 0:",
        "            width = lost(a, who, paths, width, bound, status, final, most)",
        *(["        if hits > 0:",
           f"            width = events({lanes} k * h, np.uint64(k), {strength}, h, seed, bridge, {call}"]
          if parts.stops else []),
        "        for g in range((width + LANES - 1) // LANES):",
        "            s, ids_of_lanes = a[g], paths[g]",
        *indented(_enlarging(parts, rows, strength), 3),
        f"            for j in range({rows.size} * LANES):",
        f"                s[j] = s[{rows.first['next']} * LANES + j]",
        f"            for j in range({len(parts.stops)} * LANES):",
        f"                s[{rows.first['old']} * LANES + j] = s[{rows.first['new']} * LANES + j]",
        "    while r < records.shape[0]:",
        "        block_nodes[r] = 0.0",
        "        r += 1",
        "    for lane in range(width):",
        "        row = who[lane]",
        f"        status[row] = {FINISHED}",
        "        close(a, lane, row, most)",
        "        for i in range(DIM):",
        f"            final[row, i] = {rows.of('state', 'i')}",
        f"        for i in range({rows.size}):",
        f"            state[row, i] = {rows.of('state', 'i')}",
        "    if nodes_out.shape[0] > 0:",
        "        level = 0",
        "        while (whole >> level) > 1:",
        "            level += 1",
        "        index = np.int64(ids[offset]) >> level",
        f"        held = push(nodes_out, addresses, held, block_nodes, level, index, {observed}, limit)",
        "return held",
    ]  # fmt: skip
    head = (
        '@njit(cache=True, nogil=True, error_model="numpy")\n'
        "def run(ids, blocks, state, begin, end, seed, stream, bridge, h, root_h, refine, p, constants, columns, "
        "nodes, node_weights, bound, records, histogram_at, histograms, edges, halt, status, final, most, "
        "event, trail, counts, nodes_out, addresses, limit):"
    )
    return function(head, lines)


def _beginning(parts: Parts, rows: Rows) -> list[str]:
    """Return the lines that take conditions and largest values at the start of a block."""
    inner = [
        *stored(parts.conditions, rows, "state", parts.dim, "old"),
        *stored(parts.maxima, rows, "state", parts.dim, "most"),
    ]
    if not inner:
        return []
    lines = ["started = 0", "for g in range((width + LANES - 1) // LANES):", "    s = a[g]", *indented(inner)]
    if parts.stops:
        lines += [
            "for lane in range(width):",
            "    for c in range(CONDITIONS):",
            f"        {rows.of('active', 'c')}, {rows.of('new', 'c')} = 1.0, {rows.of('old', 'c')}",
            f"        {rows.of('met', 'c')} = 1.0 if {rows.of('old', 'c')} >= 0.0 else 0.0",
            f"        started += 1 if {rows.of('old', 'c')} >= 0.0 else 0",
        ]
    return lines


def _columns(parts: Parts) -> list[str]:
    """Return the lines that bind the numbers of a step."""
    used = used_names(parts)
    lines = [f"g{i} = columns[k - begin, {i}]" for i in range(parts.strengths) if f"g{i}" in used]
    first = parts.strengths
    return lines + [f"q{i} = columns[k - begin, {first + i}]" for i in range(parts.columns) if f"q{i}" in used]


def _drawing(parts: Parts, rows: Rows) -> list[str]:
    """Return the lines that draw the increments which the step uses."""
    made = made_words(parts)
    if not made:
        return []
    lines = [
        f"for j in range({parts.increments.rows} * LANES):",
        f"    s[{rows.first['draw']} * LANES + j] = 0.0",
        "for part in range(refine):",
        f"    counter = np.uint64(k * refine + part) * np.uint64({BLOCKS})",
    ]
    for word in made:
        turned = parts.increments.lane_lines(word, rows.at("draw", "{i}"))
        words = [
            f"x0, x1 = threefry(ids_of_lanes[lane], counter + np.uint64({word // 2}), seed, stream)",
            "words[lane], words[LANES + lane] = x0, x1",
        ]
        lines += indented(over_lanes(words) + over_lanes(["x0, x1 = words[lane], words[LANES + lane]", *turned]))
    return lines


def _stepping(parts: Parts, rows: Rows) -> list[str]:
    """Return the loop over lanes that takes the step."""
    within = " & ".join(f"(abs(n{i}) <= bound)" for i in range(parts.dim))
    return over_lanes([
        *unpacked(parts.step, "m", rows.at("state", "{i}"), rows.size),
        *unpacked(parts.step, "w", rows.at("draw", "{i}"), parts.increments.rows),
        *body(parts.step),
        *(f"n{i} = {text(operand)}" for i, operand in enumerate(parts.step.outputs)),
        *(f"{rows.at('next', i)} = n{i}" for i in range(rows.size)),
        # Written so that NaN fails the test too.
        f"outside += 0 if {within} else 1",
    ])  # fmt: skip


def _watching(parts: Parts, rows: Rows, strength: str) -> list[str]:
    """Return the loops that find the lanes in which a condition is met, at the step or by a bridge before it.

    Random numbers for the bridges of a group are drawn only if one of them comes near.
    """
    if not parts.stops:
        return []
    conditions = range(len(parts.stops))
    inner = evaluated(parts.conditions, rows, "next", parts.dim)
    for c in conditions:
        inner += [f"new = {output(parts.conditions, c)}", f"{rows.at('new', c)} = new"]
        inner += [f"met = (new >= 0.0) & ({rows.at('active', c)} > 0.0)", f"{rows.at('met', c)} = 1.0 if met else 0.0"]
        inner += ["hits += 1 if met else 0"]
    if parts.slopes is None:
        return over_lanes(inner)
    spreads = Code(parts.slopes.statements, tuple(parts.slopes.outputs[c * (1 + parts.dim)] for c in conditions))
    first = evaluated(spreads, rows, "state", parts.dim)
    first += [f"{rows.at('var', c)} = {strength} * {strength} * {output(spreads, c)}" for c in conditions]
    bridges: list[str] = []
    for c in conditions:
        old, new, var = (rows.at(name, c) for name in ("old", "new", "var"))
        inner += [f"close_by += 1 if ({old} * {new} < NEAR * h * {var}) & ({rows.at('active', c)} > 0.0) else 0"]
        bridges += over_lanes([
            f"draw = np.uint64(k) * np.uint64({BLOCKS}) + np.uint64({c} * (2 + NOISE))",
            "x0, x1 = threefry(ids_of_lanes[lane], draw, seed, bridge)",
            f"chance = exp(-2.0 * {old} * {new} / (h * {var}))",
            f"met = ({new} < 0.0) & (unit(x0) < chance) & ({rows.at('active', c)} > 0.0)",
            f"{rows.at('met', c)} = 1.0 if met else {rows.at('met', c)}",
            "hits += 1 if met else 0",
        ])  # fmt: skip
    return [*over_lanes(first), "close_by = 0", *over_lanes(inner), "if close_by > 0:", *indented(bridges)]


def _enlarging(parts: Parts, rows: Rows, strength: str) -> list[str]:
    """Return the loops that keep the largest values, those of the bridge between the steps included.

    A Brownian bridge from ``b0`` to ``b1`` over h, of variance rate v, exceeds m with probability
    ``exp(-2 (m - b0) (m - b1) / (v h))`` (Glasserman 2003, section 6.4), which is solved for m at a uniform number.
    """
    lines: list[str] = []
    for e in range(len(parts.maxima.outputs)):
        code, place = Code(parts.maxima.statements, (parts.maxima.outputs[e],)), rows.at("most", e)
        after = [*evaluated(code, rows, "next", parts.dim), f"b1 = {output(code, 0)}"]
        if parts.variances is None:
            lines += over_lanes([*after, f"{place} = max({place}, b1)"])
            continue
        spread = Code(parts.variances.statements, (parts.variances.outputs[e],))
        lines += over_lanes([
            *evaluated(code, rows, "state", parts.dim), f"b0 = {output(code, 0)}",
            *evaluated(spread, rows, "state", parts.dim), f"spread = {strength} * {strength} * {output(spread, 0)}",
            *after,
            f"draw = np.uint64(k) * np.uint64({BLOCKS}) + np.uint64({MAXIMA_FROM + e})",
            "x0, x1 = threefry(ids_of_lanes[lane], draw, seed, bridge)",
            "jump = b1 - b0",
            "top = 0.5 * (b0 + b1 + math.sqrt(jump * jump - 2.0 * h * spread * log_positive(unit(x0))))",
            f"{place} = max({place}, top)",
        ])  # fmt: skip
    return lines


def _recording(parts: Parts, rows: Rows) -> list[str]:
    """Return the lines that take the statistics of a block after k steps."""
    observed = len(parts.observables.outputs)
    values = evaluated(parts.observables, rows, "state", parts.dim)
    together = [f"quantities[{o}, g * LANES + lane] = {output(parts.observables, o)}" for o in range(observed)]
    one = unpacked(parts.observables, "m", rows.of("state", "{i}"), parts.dim) + body(parts.observables)
    one += [f"quantities[{o}, leaf] = {output(parts.observables, o)}" for o in range(observed)]
    return [
        "while r < records.shape[0] and records[r] == k:",
        "    if width == whole:",
        "        for g in range((width + LANES - 1) // LANES):",
        "            s = a[g]",
        *indented(over_lanes([*values, *together]), 3),
        "    else:",
        "        present[:whole] = 0.0",
        "        for lane in range(width):",
        "            leaf = who[lane] - offset",
        "            present[leaf] = 1.0",
        *indented(one, 3),
        "    if histograms.shape[0] > 0 and histogram_at[r] >= 0:",
        "        count_cells(quantities, present, whole, histograms, edges, histogram_at[r], counts)",
        "    if nodes_out.shape[0] > 0:",
        f"        reduce(quantities, present, {observed}, whole, levels, block_nodes[r])",
        "    present[:whole] = 1.0",
        "    if trail.shape[0] > 0:",
        "        for lane in range(width):",
        "            for i in range(DIM):",
        f"                trail[who[lane], r, i] = {rows.of('state', 'i')}",
        "    r += 1",
    ]


def made_words(parts: Parts) -> list[int]:
    """Return the first of each two random words of which the step uses what is made."""
    used = parts.step.names()
    needed = {i for i in range(parts.increments.rows) if f"w{i}" in used}
    return [word for word in range(0, parts.increments.words, 2) if needed & parts.increments.made_by(word)]


def _codes(parts: Parts) -> list[Code]:
    found = [parts.step, parts.observables, parts.conditions, parts.maxima]
    return found + [code for code in (parts.slopes, parts.variances) if code is not None]


def used_names(parts: Parts) -> set[str]:
    """Return every name that the codes of a kernel read."""
    return set().union(*(code.names() for code in _codes(parts)))
