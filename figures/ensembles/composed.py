"""The picture of an ensemble that suits it: exit times where conditions end paths, else cloud and moments."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from numpy.typing import ArrayLike

from dynamics.ensemble import SDE, Ensemble
from figures import labels, layout, style
from figures.ensembles.captions import run_caption
from figures.ensembles.clouds import cloud_of, draw_cloud
from figures.ensembles.exits import exit_picture
from figures.ensembles.marginals import compute_marginal, draw_marginal
from figures.ensembles.moments import compute_moments, draw_covariances, draw_means, reference_entry

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.figure import Figure


def ensemble_picture(sde: SDE, ensemble: Ensemble, states: ArrayLike | None = None, title: str = "") -> Figure:
    """Return the sensible picture of an ensemble.

    With conditions that end paths it shows the exit times if any path met one; otherwise the final states over the
    portrait of the flow beside means and variances in time. Of games with one coordinate the law at the end takes the
    place of the cloud.

    Parameters
    ----------
    sde : SDE
        The equation of the ensemble.
    ensemble : Ensemble
        With moments at two times at least.
    states : array_like, shape (paths, coordinates), optional
        Last states of some paths, where the ensemble kept none.
    title : str
    """
    stops = [event for event in ensemble.events if event.stop]
    if any(event.count for event in stops):
        return exit_picture(sde, ensemble, title)
    moments = compute_moments(sde, ensemble)
    with style.context():
        figure = style.new_figure(9.4, 5.4)
        grid = figure.add_gridspec(2, 2, width_ratios=(1.25, 1.0))
        large = figure.add_subplot(grid[:, 0])
        upper = figure.add_subplot(grid[0, 1])
        lower = figure.add_subplot(grid[1, 1], sharex=upper)
        if sde.motion.dim > 1:
            cloud = cloud_of(sde, ensemble, states)
            entries: list[Artist] = draw_cloud(large, cloud)
            caption: Any = cloud.caption
        else:
            marginal = compute_marginal(sde, ensemble, sde.motion.names[0])
            entries, caption = draw_marginal(large, marginal), marginal.caption
        entries += draw_means(upper, moments) + draw_covariances(lower, moments) + reference_entry(moments)
        upper.set(xlabel="")
        upper.tick_params(labelbottom=False)
        figure.suptitle(title)
        layout.legend_above(figure, entries, [str(entry.get_label()) for entry in entries])
        labels.add_caption(figure, caption + moments.caption.removeprefix(run_caption(ensemble, sde)))
    return figure
