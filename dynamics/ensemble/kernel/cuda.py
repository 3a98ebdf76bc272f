"""The kernel of an ensemble for graphics cards: one thread takes one path, with the operations of the loop over lanes.

A block of threads is a node of the dyadic tree of path numbers and combines its leaves by the same pairs in shared
memory. Everything that a path carries between two launches lies in global memory, so that a run may be cut into
stretches of steps at will. Threads whose path has ended wait for the others at the records.
"""

from __future__ import annotations

from dynamics.core.errors import InputError
from dynamics.core.random import BLOCKS
from dynamics.ensemble.kernel import events
from dynamics.ensemble.kernel.lines import bound, indented, names, output, unpacked
from dynamics.ensemble.kernel.loop import CELL, MAXIMA_FROM, made_words, used_names
from dynamics.ensemble.kernel.parts import DIVERGED, FINISHED, MISSING, STOPPED, UNFINISHED, Parts
from dynamics.ensemble.trace import Code
from dynamics.games.codegen import draws
from dynamics.games.codegen.device import DEVICE, device_statement, unfused
from dynamics.games.codegen.render import function, text

#: Threads of a block at most.
MOST_THREADS = 256
#: Bytes of shared memory that every card gives to a block.
_SHARED = 48 * 1024

# As dynamics.ensemble.tree.combine, on columns of shared memory.
_COMBINE = """@njit(**INNER)
def combine(leaves, one, other):
    n1, n2 = leaves[0, one], leaves[0, other]
    share = n2 / max(n1 + n2, 1.0)
    weight = n1 * share
    entry = 1 + OBSERVED
    for i in range(OBSERVED):
        di = leaves[1 + i, other] - leaves[1 + i, one]
        for j in range(i, OBSERVED):
            dj = leaves[1 + j, other] - leaves[1 + j, one]
            leaves[entry, one] = leaves[entry, one] + leaves[entry, other] + di * dj * weight
            entry += 1
    for i in range(OBSERVED):
        leaves[1 + i, one] = leaves[1 + i, one] + (leaves[1 + i, other] - leaves[1 + i, one]) * share
    leaves[0, one] = n1 + n2"""


def length(parts: Parts) -> int:
    """Return the length of a row of counts, means and products."""
    observed = len(parts.observables.outputs)
    return 1 + observed + observed * (observed + 1) // 2


def threads(parts: Parts) -> int:
    """Return how many threads make up a block at most: a power of two whose rows fit into shared memory.

    Raises
    ------
    InputError
        If there is no room for a single one.
    """
    room = _SHARED // (8 * length(parts))
    if not room:
        raise InputError(
            f"The covariances of {len(parts.observables.outputs)} quantities do not fit into the memory that the "
            "threads of a graphics card share: observe fewer, or take device 'cpu'."
        )
    return min(MOST_THREADS, 1 << (room.bit_length() - 1))


def source(parts: Parts, width: int) -> str:
    """Return the source of a module with ``run`` for blocks of up to ``width`` threads, for ``numba.cuda``."""
    observed = len(parts.observables.outputs)
    sizes = f"OBSERVED, LENGTH, THREADS = {observed}, {length(parts)}, {width}"
    texts = [DEVICE.prelude.rstrip(), draws.functions().rstrip(), f"{names(parts)}\n{sizes}", unfused(_COMBINE)]
    if parts.stops:
        texts += [*map(unfused, events.probes(parts, _body)), unfused(_meet(parts))]
    if made_words(parts):
        texts.append(unfused(_draw(parts)))
    return "\n\n\n".join([*texts, CELL, unfused(_run(parts))]) + "\n"


def _body(code: Code) -> list[str]:
    return [line for s in code.statements for line in device_statement(s, "nodes", "node_weights")]


def _at(parts: Parts, code: Code, state: str) -> list[str]:
    """Return the lines that evaluate code at the state ``{state}0, {state}1, ..``."""
    return unpacked(code, "m", f"{state}{{i}}", len(parts.step.outputs)) + _body(code)


def _each(template: str, count: int) -> list[str]:
    return [template.format(i=i) for i in range(count)]


def _draw(parts: Parts) -> str:
    """Return the function that draws the increments of a step."""
    rows = [f"w{i}" for i in range(parts.increments.rows)]
    lines = [f"{row} = 0.0" for row in rows]
    lines += ["for part in range(refine):", f"    counter = np.uint64(k * refine + part) * np.uint64({BLOCKS})"]
    for word in made_words(parts):
        lines.append(f"    x0, x1 = threefry(path, counter + np.uint64({word // 2}), seed, stream)")
        lines += indented(parts.increments.lane_lines(word, "w{i}"))
    lines.append(f"return ({', '.join(rows)},)")
    return function("@njit(**INNER)\ndef draw(path, k, refine, seed, stream, fine, root):", lines)


def _meet(parts: Parts) -> str:
    """Return the function that notes what a path met in a step and returns when it ended, in units of h, or 2."""
    places = {name: f"{name}[c]" for name in ("old", "new", "active", "var", "met")}
    places |= {"state": "state[i]", "next": "after_step[i]", "most": "most[e]"}
    local = {name: len(parts.stops) for name in ("values", "times")} | dict.fromkeys(("y0", "y1", "place"), parts.dim)
    local |= {"slopes": len(parts.stops) * (1 + parts.dim) + parts.dim * parts.noise_dim}
    if parts.maxima.outputs:
        local["tops"] = len(parts.maxima.outputs)
    lines = [f"{name} = cuda.local.array({size}, np.float64)" for name, size in local.items()]
    lines += [*events.met(parts, places), "return first"]
    head = (
        "def meet(path, row, time, step, g, h, seed, bridge, "
        f"{events.NUMBERS}, old, new, active, var, met, state, after_step, most, event, final):"
    )
    return function(f"@njit(**INNER)\n{head}", lines)


def _run(parts: Parts) -> str:
    size, conditions, maxima = len(parts.step.outputs), len(parts.stops), len(parts.maxima.outputs)
    kept = [f"state[row, {i}] = y_{i}" for i in range(size)] + [f"most[row, {e}] = top_{e}" for e in range(maxima)]
    lines = [
        *bound(parts, used_names(parts)),
        # The sums over quadrature nodes need no scratch here, unlike those over lanes.
        "terms = node_weights",
        "leaves = cuda.shared.array((LENGTH, THREADS), np.float64)",
        *(_arrays(parts) if conditions else []),
        "block, lane = cuda.blockIdx.x, cuda.threadIdx.x",
        "offset, whole = blocks[block, 0], blocks[block, 1]",
        "row, path, alive = offset + lane, np.uint64(0), False",
        *_each("y_{i} = 0.0", size),
        *(f"old_{c}, active_{c} = 0.0, 0.0" for c in range(conditions)),
        *(f"top_{e} = 0.0" for e in range(maxima)),
        "if lane < whole:",
        f"    alive = status[row] == {UNFINISHED}",
        "if alive:",
        "    path = ids[row]",
        *_each("    y_{i} = state[row, {i}]", size),
        *indented(_beginning(parts)),
        "fine = h / refine",
        "root = math.sqrt(fine)",
        "r = first_record",
        "for k in range(begin, end + 1):",
        "    while r < last_record and records[r] == k:",
        *indented(_recording(parts), 2),
        "    if k == end:",
        "        break",
        "    if alive:",
        *indented(_stepping(parts), 2),
        "if alive:",
        *indented(kept),
        "    if closing:",
        f"        status[row] = {FINISHED}",
        *_each("        final[row, {i}] = y_{i}", parts.dim),
    ]
    head = (
        "@cuda.jit\n"
        "def run(ids, blocks, state, begin, end, opening, closing, origin, seed, stream, bridge, h, root_h, refine, p, "
        "constants, columns, nodes, node_weights, bound, records, first_record, last_record, histogram_at, "
        "histograms, edges, status, final, most, event, trail, counts, block_nodes, wanted, counted, "
        "trailed):"
    )
    return function(head, lines)


def _arrays(parts: Parts) -> list[str]:
    """Return the lines that make the arrays through which the kernel speaks to ``meet``."""
    # Arrays of no element are not allowed.
    most = max(len(parts.maxima.outputs), 1)
    return [
        *(f"{name} = cuda.local.array(CONDITIONS, np.float64)" for name in ("old", "new", "active", "var", "met")),
        *(f"{name} = cuda.local.array(DIM, np.float64)" for name in ("before_step", "after_step")),
        f"tops = cuda.local.array({most}, np.float64)",
    ]


def _meeting(parts: Parts, time: str, step: str, strength: str, h: str, after: str) -> list[str]:
    """Return the lines that hand a step to ``meet`` and take back what it changed."""
    conditions, maxima = len(parts.stops), len(parts.maxima.outputs)
    lines = [f"before_step[{i}], after_step[{i}] = y_{i}, {after}{i}" for i in range(parts.dim)]
    lines += [
        f"old[{c}], new[{c}], active[{c}], var[{c}], met[{c}] = old_{c}, new_{c}, active_{c}, var_{c}, met_{c}"
        for c in range(conditions)
    ]
    lines += [f"tops[{e}] = top_{e}" for e in range(maxima)]
    lines += [
        f"first = meet(path, row, {time}, {step}, {strength}, {h}, seed, bridge, {events.NUMBERS}, "
        "old, new, active, var, met, before_step, after_step, tops, event, final)",
        *(f"active_{c} = active[{c}]" for c in range(conditions)),
        *(f"top_{e} = tops[{e}]" for e in range(maxima)),
        "if first <= 1.0:",
        "    alive = False",
        f"    status[row] = {STOPPED}",
        *(f"    most[row, {e}] = top_{e}" for e in range(maxima)),
    ]
    return lines


def _beginning(parts: Parts) -> list[str]:
    """Return the lines that take conditions and largest values of a path, at the start or where a launch goes on."""
    conditions, maxima = len(parts.stops), len(parts.maxima.outputs)
    lines = _at(parts, parts.conditions, "y_") if conditions else []
    for c in range(conditions):
        lines += [
            f"old_{c} = {output(parts.conditions, c)}",
            f"active_{c} = 1.0 if event[row, {c}, 0] != event[row, {c}, 0] else 0.0",
        ]
    if maxima:
        lines += [
            "if opening:",
            *indented(_at(parts, parts.maxima, "y_")),
            *(f"    top_{e} = {output(parts.maxima, e)}" for e in range(maxima)),
            "else:",
            *(f"    top_{e} = most[row, {e}]" for e in range(maxima)),
        ]
    if conditions:
        inside = " or ".join(f"old_{c} >= 0.0" for c in range(conditions))
        lines.append(f"if begin == 0 and ({inside}):")
        lines += [f"    new_{c}, var_{c} = old_{c}, 0.0" for c in range(conditions)]
        lines += [f"    met_{c} = 1.0 if old_{c} >= 0.0 else 0.0" for c in range(conditions)]
        lines += indented(_meeting(parts, "0.0", "np.uint64(0)", "1.0", "0.0", "y_"))
    return lines


def _recording(parts: Parts) -> list[str]:
    """Return the lines that take the statistics of a block after k steps."""
    observed = len(parts.observables.outputs)
    return [
        "for entry in range(LENGTH):",
        "    leaves[entry, lane] = 0.0",
        "if alive:",
        *indented(_at(parts, parts.observables, "y_")),
        "    leaves[0, lane] = 1.0",
        *(f"    leaves[{1 + o}, lane] = {output(parts.observables, o)}" for o in range(observed)),
        "    if counted and histogram_at[r] >= 0:",
        "        for q in range(histograms.shape[0]):",
        "            cell = cell_of(leaves, 1, lane, q, histograms, edges)",
        "            cuda.atomic.add(counts, (histogram_at[r], cell), 1)",
        "    if trailed:",
        *_each("        trail[row, r, {i}] = y_{i}", parts.dim),
        "if wanted:",
        "    stride = 1",
        "    cuda.syncthreads()",
        "    while stride < whole:",
        "        if lane < whole and lane % (stride + stride) == 0:",
        "            combine(leaves, lane, lane + stride)",
        "        stride += stride",
        "        cuda.syncthreads()",
        "    for entry in range(lane, LENGTH, cuda.blockDim.x):",
        "        block_nodes[block, r, entry] = leaves[entry, 0]",
        "    cuda.syncthreads()",
        "r += 1",
    ]


def _stepping(parts: Parts) -> list[str]:
    """Return the lines that take a step and look at what it met."""
    size, used = len(parts.step.outputs), used_names(parts)
    first = parts.strengths
    strength = "columns[k - origin, 0]" if parts.strengths else "1.0"
    lines = [f"g{i} = columns[k - origin, {i}]" for i in range(parts.strengths) if f"g{i}" in used]
    lines += [f"q{i} = columns[k - origin, {first + i}]" for i in range(parts.columns) if f"q{i}" in used]
    if made_words(parts):
        rows = ", ".join(f"w{i}" for i in range(parts.increments.rows))
        lines.append(f"{rows}, = draw(path, k, refine, seed, stream, fine, root)")
    lines += _at(parts, parts.step, "y_")
    lines += [f"n{i} = {text(operand)}" for i, operand in enumerate(parts.step.outputs)]
    within = " and ".join(f"abs(n{i}) <= bound" for i in range(parts.dim))
    missing = " or ".join(f"n{i} != n{i}" for i in range(parts.dim))
    return [
        *lines,
        # Written so that NaN fails the test too. A path that is lost has met nothing on its way.
        f"if not ({within}):",
        "    alive = False",
        f"    status[row] = {MISSING} if {missing} else {DIVERGED}",
        *_each("    final[row, {i}] = y_{i}", parts.dim),
        *(f"    most[row, {e}] = top_{e}" for e in range(len(parts.maxima.outputs))),
        *(["if alive:", *indented(_watching(parts, strength))] if parts.stops else []),
        "if alive:",
        *indented(_enlarging(parts, strength)),
        *_each("    y_{i} = n{i}", size),
        *(f"    old_{c} = new_{c}" for c in range(len(parts.stops))),
    ]


def _watching(parts: Parts, strength: str) -> list[str]:
    """Return the lines that find the conditions which are met, at the step or by a bridge before it."""
    conditions = range(len(parts.stops))
    if not conditions:
        return []
    lines = _at(parts, parts.conditions, "n")
    lines += [f"new_{c} = {output(parts.conditions, c)}" for c in conditions]
    lines += [f"met_{c} = 1.0 if new_{c} >= 0.0 and active_{c} > 0.0 else 0.0" for c in conditions]
    if parts.slopes is not None:
        lines += _at(parts, parts.slopes, "y_")
    for c in conditions:
        rate = "0.0" if parts.slopes is None else output(parts.slopes, c * (1 + parts.dim))
        lines.append(f"var_{c} = {strength} * {strength} * {rate}")
        if parts.slopes is None:
            continue
        lines += [
            f"if active_{c} > 0.0 and new_{c} < 0.0 and old_{c} * new_{c} < NEAR * h * var_{c}:",
            f"    counter = np.uint64(k) * np.uint64({BLOCKS}) + np.uint64({c} * (2 + NOISE))",
            "    chosen, _ = threefry(path, counter, seed, bridge)",
            f"    if unit(chosen) < exp(-2.0 * old_{c} * new_{c} / (h * var_{c})):",
            f"        met_{c} = 1.0",
        ]
    lines.append(f"if {' or '.join(f'met_{c} > 0.0' for c in conditions)}:")
    return lines + indented(_meeting(parts, "k * h", "np.uint64(k)", strength, "h", "n"))


def _enlarging(parts: Parts, strength: str) -> list[str]:
    """Return the lines that keep the largest values; see the loop over lanes for the bridge between the steps."""
    lines: list[str] = []
    for e in range(len(parts.maxima.outputs)):
        code = Code(parts.maxima.statements, (parts.maxima.outputs[e],))
        after = [*_at(parts, code, "n"), f"b1 = {output(code, 0)}"]
        if parts.variances is None:
            lines += [*after, f"top_{e} = max(top_{e}, b1)"]
            continue
        spread = Code(parts.variances.statements, (parts.variances.outputs[e],))
        lines += [
            *_at(parts, code, "y_"),
            f"b0 = {output(code, 0)}",
            *_at(parts, spread, "y_"),
            f"spread = {strength} * {strength} * {output(spread, 0)}",
            *after,
            f"counter = np.uint64(k) * np.uint64({BLOCKS}) + np.uint64({MAXIMA_FROM + e})",
            "chosen, _ = threefry(path, counter, seed, bridge)",
            "jump = b1 - b0",
            "reach = jump * jump - 2.0 * h * spread * log_positive(unit(chosen))",
            f"top_{e} = max(top_{e}, 0.5 * (b0 + b1 + math.sqrt(reach)))",
        ]
    return lines
