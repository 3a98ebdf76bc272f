"""Phase portraits, composed of the pieces in this folder: compute arrays first, then draw them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dynamics.core.errors import InputError, check_box, check_states, unknown
from dynamics.games.field import Field, Game
from figures import labels, layout, style
from figures.phase import equilibria, nullclines, orbits, paths, switching, vectors
from figures.phase.captions import line_caption, plane_caption
from figures.phase.line import LinePortrait, compute_line, draw_line
from figures.phase.plane import Plane, draw_bounds, make_plane
from figures.phase.slices import Slice
from figures.phase.subject import box_of, players_of, start_of
from figures.phase.tracing import SOLVER, make_tracer

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

#: Everything that can be drawn, from back to front.
LAYERS = ("speed", "field", "orbits", "nullclines", "switches", "separatrices", "equilibria", "methods")
#: What is drawn unless asked otherwise: orbits already show the directions.
DEFAULT_LAYERS = ("orbits", "nullclines", "switches", "separatrices", "equilibria", "methods")


@dataclass(frozen=True)
class Portrait:
    """Everything a phase portrait shows, as arrays; layers that were not asked for are None or empty.

    Attributes
    ----------
    plane : Plane
    players : tuple of str
    vectors, speed : Vectors or None
        Samples for arrows, and finer ones for a background.
    nullclines : tuple of Nullcline
    switches : tuple of ndarray, each of shape (points, 2)
        Lines on which the field is not smooth.
    orbits : tuple of Orbit
    separatrices : tuple of Separatrix
    marks : tuple of Mark
        Equilibria, also those outside the plane.
    paths : tuple of Path
    caption : str
    """

    plane: Plane
    players: tuple[str, ...]
    vectors: vectors.Vectors | None
    speed: vectors.Vectors | None
    nullclines: tuple[nullclines.Nullcline, ...]
    switches: tuple[NDArray[np.float64], ...]
    orbits: tuple[orbits.Orbit, ...]
    separatrices: tuple[equilibria.Separatrix, ...]
    marks: tuple[equilibria.Mark, ...]
    paths: tuple[paths.Path, ...]
    caption: str


def check_layers(layers: Sequence[str]) -> tuple[str, ...]:
    """Return the layers asked for, or refuse names that do not exist."""
    chosen = (layers,) if isinstance(layers, str) else tuple(layers)
    for layer in chosen:
        if layer not in LAYERS:
            raise unknown("layer", layer, LAYERS)
    return chosen


def compute_portrait(
    game: Field,
    box: Mapping[str, tuple[float, float]] | None = None,
    plane: Sequence[str] | None = None,
    at: Mapping[str, float] | None = None,
    methods: Sequence[Any] = (),
    start: ArrayLike | Mapping[str, float] | None = None,
    lr: float | Mapping[str, float] = 0.2,
    iterations: int = 60,
    layers: Sequence[str] = DEFAULT_LAYERS,
    seeds: NDArray[np.float64] | None = None,
    spacing: float = 0.075,
    projected: bool = False,
    solver: str = SOLVER,
) -> Portrait | LinePortrait:
    """Compute what :func:`portrait` draws; its docstring explains the arguments."""
    chosen = check_layers(layers)
    first = _start(game, start, at)
    wanted = (methods,) if isinstance(methods, str) else tuple(methods)
    if wanted and "methods" not in chosen:
        raise InputError(
            "Methods were given, but the layers do not contain 'methods': add the layer or leave them out."
        )
    runs: tuple[paths.Path, ...] = ()
    if wanted:
        if not isinstance(game, Game):
            raise InputError(
                f"Methods need a game with players, got the field {type(game).__name__}: leave them out, or give "
                "the game."
            )
        runs = paths.compute_paths(game, wanted, first, lr, iterations)
    if game.dim == 1:
        if plane is not None:
            raise InputError(f"A game with one coordinate ({game.names[0]}) has no plane: leave it out.")
        return compute_line(game, box, runs, "equilibria" in chosen)
    shown = make_plane(game, box, plane, at)
    found_at_rest = None
    held = "given"
    if set(shown.others) - set(at or {}):
        found_at_rest = equilibria.search(game, _sides(game, shown, box))
        through = equilibria.nearest(found_at_rest, start_of(game), _sides(game, shown, box))
        held = "start" if through is None else "equilibrium"
        shown = make_plane(game, box, plane, at, through)
    if projected and not shown.others:
        raise InputError("projected has no effect on a game of two coordinates: leave it out.")
    sides = _sides(game, shown, box)
    field: Field = game if projected or not shown.others else Slice(game, shown)
    tracer = make_tracer(field, shown, sides if field is game else shown.box, solver)
    needed = {"equilibria", "separatrices"} & set(chosen)
    if needed and found_at_rest is None:
        found_at_rest = equilibria.search(game, sides)
    marks = tuple(equilibria.make_mark(item, game, shown, sides) for item in found_at_rest or ()) if needed else ()
    found = Portrait(
        plane=shown,
        players=tuple(players_of(game)),
        vectors=vectors.compute_vectors(game, shown) if "field" in chosen else None,
        speed=vectors.compute_vectors(game, shown, cells=120) if "speed" in chosen else None,
        nullclines=nullclines.compute_nullclines(game, shown) if "nullclines" in chosen else (),
        switches=switching.compute_switches(game, shown) if "switches" in chosen else (),
        orbits=orbits.compute_orbits(tracer, seeds, spacing) if "orbits" in chosen else (),
        separatrices=equilibria.compute_separatrices(tracer, marks) if "separatrices" in chosen else (),
        marks=marks if "equilibria" in chosen else (),
        paths=runs,
        caption="",
    )
    return replace(found, caption=plane_caption(found, game, projected, held))


def _start(
    game: Field, start: ArrayLike | Mapping[str, float] | None, at: Mapping[str, float] | None
) -> NDArray[np.float64]:
    """Return the common start of the methods: the game's own, moved to the plane, with what was given on top."""
    first = start_of(game)
    given = {**(at or {}), **start} if isinstance(start, Mapping) else dict(at or {})
    if start is not None and not isinstance(start, Mapping):
        return check_states("start", start, game.names)
    for name, value in given.items():
        if name not in game.names:
            raise unknown("coordinate", name, game.names)
        first[game.names.index(name)] = value
    return check_states("start", first, game.names)


def _sides(game: Field, plane: Plane, box: Mapping[str, tuple[float, float]] | None) -> NDArray[np.float64]:
    """Return the box of all coordinates: given sides first, then those of the plane, then the game's own."""
    shown = {name: (float(low), float(high)) for name, (low, high) in zip(plane.names, plane.box, strict=True)}
    return check_box({**box_of(game), **shown, **dict(box or {})}, game.names)


def draw_portrait(axes: Axes, portrait: Portrait) -> list[Artist]:
    """Draw a computed portrait on existing axes and return the artists a legend should name."""
    plane = portrait.plane
    entries: list[Artist] = []
    if portrait.speed is not None:
        vectors.draw_speed(axes, portrait.speed)
    if portrait.vectors is not None:
        vectors.draw_arrows(axes, portrait.vectors)
    if portrait.orbits:
        entries.append(orbits.draw_orbits(axes, portrait.orbits, plane)[0])
    entries += nullclines.draw_nullclines(axes, portrait.nullclines, portrait.players)
    entries += switching.draw_switches(axes, portrait.switches)
    entries += equilibria.draw_separatrices(axes, portrait.separatrices)
    entries += equilibria.draw_marks(axes, portrait.marks, plane)
    entries += paths.draw_paths(axes, portrait.paths, plane)
    entries += draw_bounds(axes, plane)
    axes.set_xlim(*plane.box[0])
    axes.set_ylim(*plane.box[1])
    axes.set_xlabel(labels.symbol(plane.names[0]))
    labels.upright_ylabel(axes, plane.names[1])
    axes.set_aspect("equal" if plane.comparable else "auto")
    return entries


def portrait(
    game: Field,
    box: Mapping[str, tuple[float, float]] | None = None,
    plane: Sequence[str] | None = None,
    at: Mapping[str, float] | None = None,
    methods: Sequence[Any] = (),
    start: ArrayLike | Mapping[str, float] | None = None,
    lr: float | Mapping[str, float] = 0.2,
    iterations: int = 60,
    layers: Sequence[str] = DEFAULT_LAYERS,
    seeds: NDArray[np.float64] | None = None,
    spacing: float = 0.075,
    projected: bool = False,
    solver: str = SOLVER,
    title: str | None = None,
) -> Figure:
    """Draw the phase portrait of a game, or of another field; one coordinate gives the loss and the flow on a line.

    Orbits follow ``dy/dt = v(y)``, every player descending its own loss; they are integrated in both directions of
    time from seeds that fill the box evenly.

    Parameters
    ----------
    game : Game, or Field
        A field without players, such as a modified flow, has no methods.
    box : mapping of coordinate to (low, high), optional
        What to show, and where to search for equilibria; the field's default box otherwise, and (-3, 3) without one.
    plane : two coordinate names, optional
        The axes, for games with more coordinates; the first coordinates of the first two players by default, or the
        first two.
    at : mapping of coordinate to float, optional
        Where the other coordinates are held; by default at the equilibrium in the box that is nearest to the game's
        start, at the start itself if there is none.
    methods : sequence of str or methods
        Training algorithms whose iterates are drawn on top.
    start : mapping, or array of shape (dim,), optional
        Where the methods start; the game's start by default.
    lr : float or mapping of player to float
        Rate of methods given by name.
    iterations : int
    layers : sequence of str
        Some of :data:`LAYERS`.
    seeds : ndarray, shape (seeds, 2), optional
        Points of the plane whose orbits to draw, instead of automatic ones.
    spacing : float
        Distance between automatic orbits, in box sides.
    projected : bool
        With more than two coordinates: draw true orbits, projected (they may cross), instead of the in-plane field's.
    solver : str
        A name of :func:`dynamics.flow.solvers`; fields that cannot be compiled go with ``scipy:DOP853``.
    title : str, optional

    Returns
    -------
    Figure

    Raises
    ------
    InputError
        For unknown names, reversed boxes, wrong dimensions, and options without effect.
    """
    computed = compute_portrait(
        game, box, plane, at, methods, start, lr, iterations, layers, seeds, spacing, projected, solver
    )
    if isinstance(computed, LinePortrait):
        return _line_figure(game, computed, title)
    return portraits([computed], [title or ""])


def portraits(computed: Sequence[Portrait], titles: Sequence[str], caption: str | None = None) -> Figure:
    """Draw computed portraits side by side with one legend.

    Parameters
    ----------
    computed : sequence of Portrait
    titles : sequence of str, of the same length
    caption : str, optional
        Instead of the portraits' own captions, one line each.
    """
    with style.context():
        single = len(computed) == 1
        # Generous in height: what the aspect of the axes leaves empty is cut off below.
        tallest = max(item.plane.size[1] / item.plane.size[0] if item.plane.comparable else 0.8 for item in computed)
        side = min(5.6, 6.0 / tallest) if single else 3.5
        figure = style.new_figure(6.6 if single else 3.9 * len(computed), side * tallest + 2.6)
        entries: dict[str, Artist] = {}
        grid = figure.subplots(1, len(computed), squeeze=False)[0]
        for axes, item, title in zip(grid, computed, titles, strict=True):
            for artist in draw_portrait(axes, item):
                entries.setdefault(str(artist.get_label()), artist)
            axes.set_title(title)
            if not item.plane.comparable:
                axes.set_box_aspect(0.8)
        layout.legend_above(figure, list(entries.values()), list(entries))
        labels.add_caption(figure, caption if caption is not None else "\n".join(item.caption for item in computed))
        layout.trim_height(figure)
    return figure


def _line_figure(game: Field, computed: LinePortrait, title: str | None) -> Figure:
    """Draw a line portrait with its legend and caption."""
    with style.context():
        figure = style.new_figure(6.6, 5.6)
        upper, lower = figure.subplots(2, 1, sharex=True)
        entries = draw_line(upper, lower, computed)
        upper.set_title(title or "")
        layout.legend_above(figure, entries, [str(entry.get_label()) for entry in entries])
        labels.add_caption(figure, line_caption(computed, game))
    return figure
