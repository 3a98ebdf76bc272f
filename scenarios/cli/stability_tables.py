"""What ``gandyn stability`` prints for a person: equilibria, methods, cycles, added points, region maps."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from scenarios.cli import output

#: Settings that say nothing when they are what anyone would expect: one step each, the discriminator first, no variant.
PLAIN = {
    "d_steps": 1,
    "g_steps": 1,
    "first": "discriminator",
    "extrapolation": 1.0,
    "sample": "same",
    "align": False,
    "detached": False,
    "newton_steps": 12,
}


def print_equilibria(console: Any, name: str, result: Mapping[str, Any], rate: Any) -> None:
    """Print every equilibrium with its methods, and what was searched."""
    equilibria = result["equilibria"]
    count = f"{len(equilibria)} equilibrium" if len(equilibria) == 1 else f"{len(equilibria)} equilibria"
    box_text = ", ".join(f"{name}={low:g}:{high:g}" for name, (low, high) in result["searched"]["box"].items())
    console.print(f"{name}: {count} in {box_text}", style="bold", markup=False)
    for number, equilibrium in enumerate(equilibria, start=1):
        _print_equilibrium(console, number, equilibrium, rate)
    if equilibria:
        _print_settings(console, equilibria[0]["methods"])
    if result["not_applicable"]:
        console.print("\nnot for this game", style="dim", markup=False)
    for line in _by_reason(result["not_applicable"]):
        console.print(line, markup=False)
    console.print(f"\n{_searched(result['searched'])}", markup=False)


def _searched(counts: Mapping[str, Any]) -> str:
    """Return how thorough the search was, in a sentence."""
    met = f"; each equilibrium was met at least {counts['hits']} times" if counts["hits"] else ""
    more = "the last starts found nothing new" if counts["exhausted"] else "stopped at the cap: there may be more"
    return (
        f"searched from {counts['starts']} starts (seed {counts['seed']}): {counts['converged']} ended at a zero of "
        f"the field in the box, {counts['left_box']} outside, {counts['stalled']} nowhere{met}; {more}"
    )


def _print_equilibrium(console: Any, number: int, equilibrium: dict[str, Any], rate: Any) -> None:
    """Print one equilibrium: facts, then the table of methods."""
    from scenarios.typography import sentences, typeset

    console.print(f"\n{number}. {output.point(equilibrium['at'])}", style="bold", markup=False)
    facts = output.table("", "")
    facts.show_header = False
    facts.add_row("eigenvalues", "\n".join(output.number(value, 7) for value in equilibrium["eigenvalues"]) or "none")
    for key in ("flow", "verdict", "solution"):
        facts.add_row(key, str(equilibrium[key]))
    timescales = ", ".join(output.number(value) for value in equilibrium["critical_timescales"])
    facts.add_row("critical time scales", timescales or "none")
    if equilibrium["continuum"]:
        facts.add_row("continuum", "\n".join(map(_direction, equilibrium["continuum"])))
    if equilibrium.get("duality_gap") is not None:
        gap = output.number(equilibrium["duality_gap"], 4)
        facts.add_row("duality gap", f"{gap} (what players could gain by moving in the box)")
    facts.add_row("evidence", typeset(sentences(equilibrium["evidence"])))
    console.print(facts)
    decided = [row for row in equilibrium["methods"] if row["stable"] is not None]
    if decided:
        console.print(_methods(decided, rate))
        for remark in _remarks(rate, bool(equilibrium["continuum"]), any("(order" in row["reason"] for row in decided)):
            console.print(remark, markup=False, style="dim")
    for line in _without_multipliers([row for row in equilibrium["methods"] if row["stable"] is None]):
        console.print(line, markup=False)


def _methods(rows: Sequence[Mapping[str, Any]], rate: Any) -> Any:
    """Return the table of methods that have multipliers."""
    radius = () if rate is None else ("spectral radius", "stable")
    best = ("best lr", "radius") if rate is None else ()
    table = output.table("method", *radius, "critical lr", *best, "remark", numbers=(*radius, "critical lr", *best))
    for column in table.columns[:-1]:
        column.no_wrap = True
    for row in rows:
        cells = [] if rate is None else [output.number(row["spectral_radius"]), _stable(row)]
        # Null means unbounded for a method that is stable at small rates.
        unbounded = row["critical_lr"] is None
        cells.append("unbounded" if unbounded else output.number(row["critical_lr"]))
        # a radius within rounding of zero is zero
        optimum = [output.number(row["optimal_lr"], 4), output.number(_rounded(row["optimal_radius"]), 4)]
        remarks = [(row["reason"] or "").replace(" at small rates", "")] if rate is None else []
        further = [interval for interval in row["intervals"] if interval[0] > 0]
        if further:
            also = "also " if len(further) < len(row["intervals"]) else ""
            remarks.append(f"{also}stable on {', '.join(map(_interval, further))}")
        if rate is None:
            cells += optimum
        elif row["optimal_lr"] is not None:
            remarks.append(f"best {optimum[0]} ({optimum[1]})")
        remark = "; ".join(remarks) or (row["reason"] or "").replace(" at small rates", "")
        table.add_row(row["method"], *cells, remark)
    return table


def _stable(row: Mapping[str, Any]) -> str:
    """Return the verdict at the rate asked for; a radius that is one to rounding neither contracts nor grows."""
    radius = row["spectral_radius"]
    marginal = row["stable"] and radius is not None and radius >= 1 - 1e-12
    return "marginal" if marginal else output.number(row["stable"])


def _print_settings(console: Any, rows: Sequence[Mapping[str, Any]]) -> None:
    """Print at which settings the methods are, of those that have some beside the order of turns."""
    told = [(row["method"], _told(row["settings"])) for row in rows]
    told = [(name, text) for name, text in told if text]
    if not told:
        return
    console.print("\nsettings of these rows; --method NAME --method-set K=V changes them", style="dim", markup=False)
    table = output.table("", "")
    table.show_header = False
    table.columns[0].no_wrap = True
    for name, text in told:
        table.add_row(name, text)
    console.print(table)


def _told(settings: Mapping[str, Any]) -> str:
    """Return the settings of a method beyond the plain ones."""
    shown = {key: value for key, value in settings.items() if PLAIN.get(key) != value}
    return output.described(shown)


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 12)


def _interval(ends: Sequence[float | None]) -> str:
    return (
        f"[{output.number(ends[0], 5)}, ∞)" if ends[1] is None else f"[{', '.join(output.number(e, 5) for e in ends)}]"
    )


def _remarks(rate: float | Mapping[str, float] | None, continuum: bool, orders: bool) -> Iterator[str]:
    """Yield what the columns of the methods mean here."""
    yield "critical lr: stable from 0 up to there; 0 if small rates are unstable"
    best = "best" if rate is not None else "best lr"
    yield f"{best}: the rate at which the spectral radius is least, and that radius"
    if orders:
        yield "(order n): at small rates the radius departs from 1 like lr^n"
    if rate is not None:
        players = rate.items() if isinstance(rate, Mapping) else [("every player", rate)]
        yield "spectral radius at lr: " + ", ".join(f"{output.number(value)} of {name}" for name, value in players)
    if isinstance(rate, Mapping) and len(set(rate.values())) > 1:
        largest = max(rate, key=lambda player: rate[player])
        yield f"critical lr: the rate of {largest}, the larger one, with the ratio of the rates kept"
    if continuum:
        yield "critical lr: at this representative of the continuum"


def _without_multipliers(rows: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Yield why methods have no multipliers, and what they were seen to do instead."""
    yield from _by_reason({row["method"]: row["reason"] for row in rows})
    measured = [row for row in rows if row["attractor"]]
    if measured:
        yield "measured next to this equilibrium:"
    for row in measured:
        yield f"  {row['method']}: {row['attractor']['text']}"


def _by_reason(reasons: Mapping[str, str]) -> Iterator[str]:
    """Yield methods with the reason that they share."""
    names: dict[str, list[str]] = {}
    for name, reason in reasons.items():
        names.setdefault(reason, []).append(name)
    for reason, shared in names.items():
        yield f"{', '.join(shared)}: {reason}"


def print_added(console: Any, spurious: Mapping[str, Sequence[Mapping[str, Any]]]) -> None:
    """Print the fixed points that methods add to the equilibria."""
    for name, points in spurious.items():
        console.print(f"\n{name} also rests where the field does not vanish:", style="bold", markup=False)
        table = output.table("at", "attracts", "critical lr", "|field|", numbers=("critical lr", "|field|"))
        for point in points:
            at = output.point(point["at"]) + (" (one of a continuum)" if point["continuum"] else "")
            critical = "unbounded" if point["attracts"] and point["critical_lr"] is None else point["critical_lr"]
            table.add_row(
                at, output.number(point["attracts"]), output.number(critical), output.number(point["field"], 4)
            )
        console.print(table)


def print_cycles(console: Any, result: Mapping[str, Any]) -> None:
    """Print the cycles of the flow, continua of them, and what limits the search."""
    cycles = result["cycles"]
    count = "1 cycle" if len(cycles) == 1 else f"{len(cycles) or 'no'} cycles"
    console.print(f"\n{count} of the flow", style="bold", markup=False)
    if cycles:
        table = output.table("period", "attracts", "multipliers", "range", numbers=("period",))
        for cycle in cycles:
            sides = "\n".join(f"{n} {output.number(a)} to {output.number(b)}" for n, (a, b) in cycle["range"].items())
            values = "\n".join(output.number(value, 5) for value in cycle["multipliers"])
            table.add_row(output.number(cycle["period"], 8), output.number(cycle["stable"]), values, sides)
        console.print(table)
    for family in result["cycle_families"]:
        low, high = (output.number(value) for value in family["period"])
        console.print(f"a continuum of periodic orbits, periods {low} to {high}: {family['evidence']}", markup=False)
    if result["cycles_searched"]["note"]:
        console.print(result["cycles_searched"]["note"], markup=False, style="dim")


def print_region(console: Any, region: Mapping[str, Any]) -> None:
    """Print a summary of a region map."""
    x, y = region["x"], region["y"]
    sides = " and ".join(
        f"{axis['name']} from {axis['values'][0]:g} to {axis['values'][-1]:g}"
        f"{' (logarithmic)' if axis['spacing'] == 'log' else ''}"
        for axis in (x, y)
        if axis["values"]
    )
    console.print(f"\n{region['method']['method']} over {sides}", style="bold", markup=False)
    share = "–" if region["stable_share"] is None else f"{100 * region['stable_share']:.1f} %"
    console.print(
        f"stable on {share} of {len(x['values'])}×{len(y['values'])} cells: {region['evidence']}", markup=False
    )


def _direction(row: Mapping[str, float]) -> str:
    """Return a null direction as ``direction (1, 0) in (theta, psi)``."""
    return f"direction ({', '.join(output.number(value, 4) for value in row.values())}) in ({', '.join(row)})"
