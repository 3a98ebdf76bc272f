"""What the report shows beside the claims: phase portraits with their verdicts, and a real GAN beside its flow."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from xarray import Dataset

#: The games whose portraits open the report: title, settings of the Dirac-GAN.
PORTRAITS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("Dirac-GAN, minimax loss", {"loss": "minimax"}),
    ("Dirac-GAN, non-saturating loss", {"loss": "non-saturating"}),
    ("Dirac-GAN, minimax loss with R1, γ = 0.3", {"loss": "minimax", "penalty": "r1", "gamma": 0.3}),
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
    repeat : str
        The command that gives these facts.
    """

    id: str
    title: str
    facts: tuple[tuple[str, str], ...]
    picture: Path
    repeat: str


def portraits(folder: Path) -> list[Exhibit]:
    """Return the phase portraits of :data:`PORTRAITS` with their stability verdicts, drawn into ``folder``."""
    import figures
    from dynamics import games
    from dynamics.stability import analyse
    from scenarios.typography import number, sentences, spectrum, typeset

    exhibits = []
    for i, (title, settings) in enumerate(PORTRAITS, start=1):
        game = games.get("dirac-gan", **settings)
        (equilibrium,) = analyse(game).equilibria
        at = zip(game.names, equilibrium.at, strict=True)
        drawn = figures.portrait(game, methods=["alternating", "simultaneous"], start={"theta": 1.0, "psi": 1.0})
        picture = figures.save(drawn, folder / f"portrait-{i}.png")
        options = ",".join(f"{key}={value}" for key, value in settings.items())
        facts = (
            ("Equilibrium", ", ".join(f"{typeset(name)} = {number(value)}" for name, value in at)),
            ("Eigenvalues", spectrum(equilibrium.eigenvalues)),
            ("Flow", f"{equilibrium.flow} by its linear part; the nonlinear system: {equilibrium.verdict}"),
            ("Evidence", typeset(sentences(equilibrium.evidence))),
        )
        exhibits.append(Exhibit(f"portrait-{i}", title, facts, picture, f"gandyn stability dirac-gan --set {options}"))
    return exhibits


def comparison(dataset: Dataset, folder: Path) -> Exhibit:
    """Return the exhibit of a comparison stored by ``gandyn compare --out FILE.zarr``, drawn into ``folder``."""
    import figures
    from scenarios.typography import number, typeset

    attributes = dataset.attrs
    distances, travelled = dataset["distance"].values, dataset["travelled"].values
    picture = figures.save(draw_comparison(dataset), folder / "comparison.png")
    orders: Mapping[str, float] = attributes["orders"]
    errors: Mapping[str, float] = attributes["standard_errors"]
    facts = (
        ("Compared", typeset(attributes["compared"])),
        ("Fitted order", "; ".join(_order(name, value, errors[name]) for name, value in orders.items())),
        ("At the end", f"{number(distances[0, -1], 3)} from the flow, which travelled {number(travelled[-1], 3)}"),
    )
    return Exhibit("comparison", "A real GAN beside its gradient flow", facts, picture, "gandyn compare")


def _order(method: str, value: float, error: float) -> str:
    from scenarios.typography import number

    return f"{method}: {number(value, 4)} ± {number(error, 1)}" if value == value else f"{method}: none"


def draw_comparison(dataset: Dataset) -> Figure:
    """Return a figure of a comparison: the recorded path beside the flow, their distance over time, and its order.

    The paths are drawn on the plane of the flow's first two principal directions; the order is left out if there is
    none.

    A recorded run that is not among the rates (mini-batches, float32, not reproduced) is a curve of its own.
    """
    import numpy as np

    import figures
    from figures import style

    attributes = dataset.attrs
    distances, rates = dataset["distance"].values, dataset["rate"].values
    method = attributes["method"]
    fitted = np.isfinite(distances[:, -1]) & (distances[:, -1] > 0)
    with_order = attributes["orders"][method] == attributes["orders"][method] and fitted.sum() > 1
    with style.context():
        figure = style.new_figure(13.6 if with_order else 10.0, 4.2)
        beside, left, *right = figure.subplots(1, 3 if with_order else 2, squeeze=False)[0]
        _draw_paths(dataset, beside)
    labels = {f"rate {rate:.4g}": row for rate, row in zip(rates, distances, strict=True)}
    if attributes.get("apart"):
        labels[f"recorded, {attributes['apart']}"] = dataset["recorded"].values
    figures.distance_over_time(
        dataset["time"].values, labels, ylabel="distance to the flow", title="Over time", axes=left
    )
    for axes in right:
        ends = {method: distances[fitted, -1]}
        figures.order_plot(rates[fitted], ends, ylabel="distance at the end", title="Against the rate", axes=axes)
    return figure


def _draw_paths(dataset: Dataset, axes: Axes) -> None:
    """Draw the flow as a line and the recorded states as dots on the principal plane."""
    from figures import style

    flow, recorded = dataset["plane"].values
    shares = dataset["explained"].values
    look = style.method_style(dataset.attrs["method"])
    axes.plot(*flow.T, color=style.BLACK, lw=1.2, label="gradient flow")
    axes.plot(*recorded.T, look["marker"], ms=4, color=look["color"], label="recorded run")
    axes.plot(*recorded[0], "*", ms=11, mfc="white", color=style.BLACK, label="start")
    names = [f"principal direction {i + 1} ({share:.1%})" for i, share in enumerate(shares)]
    axes.set(xlabel=names[0], ylabel=names[1], title="The path in parameter space")
    axes.legend()
