"""Samples of image GANs as a grid of small grey pictures."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dynamics.core.errors import InputError, check_count
from figures import labels, style

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def tile(images: ArrayLike, columns: int, side: int = 8) -> NDArray[np.float64]:
    """Return images as one array with a row and column of NaN between them.

    Parameters
    ----------
    images : array_like, shape (n, side, side) or (n, side * side)
    columns : int
    side : int
        Height and width of an image in pixels.

    Returns
    -------
    ndarray, shape (rows * (side + 1) - 1, columns * (side + 1) - 1)
        Places without an image are NaN too.
    """
    stack = np.asarray(images, dtype=np.float64)
    if not stack.size or stack.shape[1:] not in ((side, side), (side * side,)):
        raise InputError(f"Images must have the shape (n, {side}, {side}) or (n, {side * side}), got {stack.shape}.")
    stack = stack.reshape(-1, side, side)
    rows = -(-len(stack) // columns)
    sheet = np.full((rows * (side + 1) - 1, columns * (side + 1) - 1), np.nan)
    for position, image in enumerate(stack):
        row, column = divmod(position, columns)
        top, left = row * (side + 1), column * (side + 1)
        sheet[top : top + side, left : left + side] = image
    return sheet


def samples_grid(
    images: ArrayLike,
    *,
    columns: int | None = None,
    side: int = 8,
    low: float = 0.0,
    high: float = 1.0,
    title: str = "",
    caption: str = "",
) -> Figure:
    """Draw images on one grey scale, so that their brightness can be compared.

    Parameters
    ----------
    images : array_like, shape (n, side, side) or (n, side * side)
    columns : int, optional
        About as many as rows by default.
    side : int
    low, high : float
        Values drawn black and white; what lies outside is cut to them.
    title, caption : str
    """
    if not low < high:
        raise InputError(f"The grey scale needs low < high, got {low:g} and {high:g}.")
    count = len(np.asarray(images))
    chosen = check_count("columns", columns) if columns is not None else max(1, int(np.ceil(np.sqrt(count))))
    sheet = tile(images, min(chosen, max(count, 1)), side)
    with style.context():
        import matplotlib

        height, width = sheet.shape
        words = 0.3 * bool(title) + 0.25 * bool(caption)
        figure = style.new_figure(max(2.5, width * 0.055), max(1.5, height * 0.055) + words)
        axes = figure.subplots()
        # NaN, the space between images, stays white like the page.
        axes.imshow(sheet, cmap=matplotlib.colormaps["gray"].with_extremes(bad="white"), vmin=low, vmax=high)
        axes.set_axis_off()
        axes.set_title(title)
        labels.add_caption(figure, caption)
    return figure
