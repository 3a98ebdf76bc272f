"""Write figures to files that are the same bytes each time they are made from the same numbers."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dynamics.core.errors import InputError
from figures import style

if TYPE_CHECKING:
    from matplotlib.figure import Figure

#: What each format would otherwise write down: dates and versions.
FORMATS: dict[str, dict[str, Any]] = {
    ".png": {"format": "png", "metadata": {"Software": None}, "pil_kwargs": {"optimize": True}},
    ".svg": {"format": "svg", "metadata": {"Date": None, "Creator": None}},
}


def save(figure: Figure, path: str | Path) -> Path:
    """Write a figure as PNG or SVG and return the path.

    The file holds no date, no software version and no random identifier, so equal figures give equal bytes. It
    appears under its name only when it is complete; folders on the way are created.

    Parameters
    ----------
    figure : matplotlib Figure
    path : str or Path
        Ends in ``.png`` or ``.svg``.

    Raises
    ------
    InputError
        For any other ending, or a path that cannot be written.
    """
    target = Path(path)
    options = FORMATS.get(target.suffix.lower())
    if options is None:
        got = f"'{target.suffix}'" if target.suffix else "no ending"
        raise InputError(f"Pictures are written as .png or .svg, got {got} in '{target}': choose one of these endings.")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        # In the same folder, because a rename is atomic only within one file system.
        handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.stem}-", suffix=target.suffix)
    except OSError as error:
        raise InputError(f"Cannot write '{target}': {error.strerror}; give a path you may write to.") from None
    partial = Path(name)
    try:
        with os.fdopen(handle, "wb") as stream, style.context(), _layout_kept(figure):
            figure.savefig(stream, **options)
        # mkstemp makes files private to the user; a picture gets the permissions any new file would get.
        partial.chmod(0o666 & ~_umask())
        partial.replace(target)
    except IsADirectoryError:
        raise InputError(f"Cannot write '{target}': it is a folder; give the name of a file.") from None
    finally:
        partial.unlink(missing_ok=True)
    return target


@contextmanager
def _layout_kept(figure: Figure) -> Iterator[None]:
    """Put the axes back where they were: a layout starts from the last one, and a second save would differ."""
    places = [
        (axes, axes.get_position(original=True).frozen(), axes.get_position().frozen(), axes.get_in_layout())
        for axes in figure.axes
    ]
    yield
    for axes, original, active, in_layout in places:
        axes.set_position(original, which="original")
        axes.set_position(active, which="active")
        # Placing axes by hand takes them out of the layout, which is not meant here.
        axes.set_in_layout(in_layout)


def _umask() -> int:
    """Return the process's file mode mask, which can only be read by setting it."""
    mask = os.umask(0)
    os.umask(mask)
    return mask
