"""What the report shows beside the claims: phase portraits with their verdicts, and a real GAN beside its flow."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from xarray import Dataset

#: The games whose portraits open the report: title, settings of the Dirac-GAN.
PORTRAITS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("Dirac-GAN, minimax loss", {"loss": "minimax"}),
    ("Dirac-GAN, non-saturating loss", {"loss": "non-saturating"}),
    ("Dirac-GAN, minimax loss with R1, gamma = 0.3", {"loss": "minimax", "penalty": "r1", "gamma": 0.3}),
)


@dataclass(frozen=True)
class Exhibit:
    """A picture with facts.

    Attributes
    ----------
    id, title : str
        Anchor in the page, and heading.
    facts : tuple of (str, str)
        Label and text, in order.
    picture : Path
        The file drawn.
    """

    id: str
    title: str
    facts: tuple[tuple[str, str], ...]
    picture: Path


def portraits(folder: Path) -> list[Exhibit]:
    """Return the phase portraits of :data:`PORTRAITS` with their stability verdicts, drawn into ``folder``."""
    import figures
    from dynamics import games
    from dynamics.stability import analyse
    from scenarios.cli.output import number

    exhibits = []
    for i, (title, settings) in enumerate(PORTRAITS, start=1):
        game = games.get("dirac-gan", **settings)
        (equilibrium,) = analyse(game).equilibria
        drawn = figures.portrait(game, methods=["alternating", "simultaneous"], start={"theta": 1.0, "psi": 1.0})
        picture = figures.save(drawn, folder / f"portrait-{i}.png")
        eigenvalues = ", ".join(number(complex(value), 6) for value in equilibrium.eigenvalues)
        options = ",".join(f"{key}={value}" for key, value in settings.items())
        facts = (
            ("Equilibrium", ", ".join(f"{n} = {number(v)}" for n, v in zip(game.names, equilibrium.at, strict=True))),
            ("Eigenvalues", eigenvalues),
            ("Flow", f"{equilibrium.flow}; the nonlinear system: {equilibrium.verdict}"),
            ("Evidence", equilibrium.evidence),
            ("Repeat with", f"gandyn stability dirac-gan --set {options}"),
        )
        exhibits.append(Exhibit(f"portrait-{i}", title, facts, picture))
    return exhibits


def comparison(dataset: Dataset, folder: Path) -> Exhibit:
    """Return the exhibit of a comparison stored by ``gandyn compare --out FILE.zarr``, drawn into ``folder``."""
    import figures
    from scenarios.cli.output import number

    attributes = dataset.attrs
    distances, travelled = dataset["distance"].values, dataset["travelled"].values
    picture = figures.save(
        draw_comparison(dataset["time"].values, dataset["rate"].values, distances, attributes["method"]),
        folder / "comparison.png",
    )
    orders: Mapping[str, float] = attributes["orders"]
    errors: Mapping[str, float] = attributes["standard_errors"]
    facts = (
        ("Compared", attributes["compared"]),
        (
            "Fitted order",
            "; ".join(f"{name}: {number(value, 4)} ± {number(errors[name], 1)}" for name, value in orders.items()),
        ),
        ("At the end", f"{number(distances[0, -1], 3)} from the flow, which travelled {number(travelled[-1], 3)}"),
    )
    return Exhibit("comparison", "A real GAN beside its gradient flow", facts, picture)


def draw_comparison(times: Any, rates: Any, distances: Any, method: str) -> Figure:
    """Return a figure of distances to the flow, shape (rate, time): over time at every rate, and their order."""
    import figures
    from figures import style

    with style.context():
        figure = style.new_figure(10.4, 4.0)
        left, right = figure.subplots(1, 2)
    labels = {f"rate {rate:.4g}": row for rate, row in zip(rates, distances, strict=True)}
    figures.distance_over_time(times, labels, ylabel="distance to the flow", title="Over time", axes=left)
    figures.order_plot(
        rates, {method: distances[:, -1]}, ylabel="distance at the end", title="Against the rate", axes=right
    )
    return figure
