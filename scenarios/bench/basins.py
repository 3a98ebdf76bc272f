"""Pictures of basins of attraction."""

from __future__ import annotations

from collections.abc import Iterator

from scenarios.bench.common import Row, best


def rows(starts: int) -> Iterator[Row]:
    """Measure a picture of basins, 512 x 512 cells for 10,000 starts."""
    from dynamics import games
    from dynamics.stability.basins import find_basins

    game, asked = games.get("forsaken"), 15.0
    cells = max(2, round(512 * (starts / 10_000) ** 0.5))
    find_basins(game, cells=4)  # compiles
    value = best(lambda: find_basins(game, cells=cells), 2)
    yield Row(
        f"basins of the forsaken game, {cells} x {cells} cells", value, asked * (cells / 512) ** 2, "s", 1.0,
        "attractors found first, every start its own steps; peer: 15 s for 512 x 512 cells, as asked for; best of 2",
    )  # fmt: skip
