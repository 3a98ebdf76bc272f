"""Throughput as ratios to peers, both measured in the same run.

A ratio is the peer's time over ours: above 1 we are faster. Each row has a floor below which something is wrong; it
leaves room for a busy machine. Seconds are the best of several, which says what the program needs; a mean would also
say what else the machine was doing.

``common``  the row of the table, and how times are taken
``peers``   what ensembles are measured against
the rest    one group of rows each
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from dynamics.core.errors import unknown
from scenarios.bench import basins, batches, compilation, ensemble, iterations, start_up, training
from scenarios.bench.common import Row

__all__ = ["GROUPS", "Group", "Row", "measure", "select"]


@dataclass(frozen=True)
class Group:
    """Rows that are measured together.

    Attributes
    ----------
    rows : callable
        Measures and yields them; takes the size, if there is one.
    size : str, optional
        What its size is called among the arguments of :func:`measure`.
    least : int
        The least size.
    """

    rows: Callable[..., Iterator[Row]]
    size: str | None = None
    least: int = 1


#: In the order of the table.
GROUPS: Mapping[str, Group] = {
    "start-up": Group(start_up.rows),
    "compilation": Group(compilation.rows),
    "batches": Group(batches.rows, "starts"),
    "iterations": Group(iterations.rows, "starts"),
    "basins": Group(basins.rows, "starts"),
    "training": Group(training.rows),
    "ensemble": Group(ensemble.rows, "paths", ensemble.LEAST),
}


def select(names: Sequence[str] | None) -> list[str]:
    """Return the groups of these names in the order of the table, all of them for none, or refuse an unknown one."""
    for name in names or ():
        if name not in GROUPS:
            raise unknown("group of rows", name, GROUPS)
    return [name for name in GROUPS if not names or name in names]


def measure(
    starts: int = 10_000,
    advance: Callable[[str], None] = lambda text: None,
    *,
    paths: int = 1_000_000,
    groups: Sequence[str] | None = None,
) -> list[Row]:
    """Return all rows, or those of some groups.

    Parameters
    ----------
    starts : int
        Size of the batch of initial states.
    advance : callable
        Called with the name of each row that is done.
    paths : int
        Size of the ensemble; its memory is measured with ten times as many.
    groups : sequence of str, optional
        Of :data:`GROUPS`.
    """
    sizes = {"starts": starts, "paths": paths}
    found = []
    for name in select(groups):
        group = GROUPS[name]
        for row in group.rows() if group.size is None else group.rows(sizes[group.size]):
            found.append(row)
            advance(row.name)
    return found
