"""Captions of portraits: the game, its parameters, the methods, and what was left out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dynamics.games.field import Field
from figures import labels
from figures.phase.line import LinePortrait
from figures.phase.paths import Path
from figures.phase.subject import title_of

if TYPE_CHECKING:
    from figures.phase.compose import Portrait


def plane_caption(portrait: Portrait, game: Field, projected: bool, origin: str) -> str:
    """Return the caption of a portrait, which says what was drawn and what was left out.

    ``origin`` says where the values of coordinates that were not given come from: "equilibrium" or "start".
    """
    plane = portrait.plane
    sentences = [f"{title_of(game)}; {labels.box(plane.names, plane.box)}."]
    if portrait.speed is not None:
        sentences.append("Background: speed, darker is faster.")
    if plane.others:
        held = labels.state(plane.others, (plane.point[game.names.index(name)] for name in plane.others))
        held += {"equilibrium": " (as at an equilibrium)", "start": " (as at the game's start)"}.get(origin, "")
        if projected:
            sentences.append(
                f"Orbits start at {held}, move in all {game.dim} coordinates and are projected; they may cross."
            )
        elif plane.invariant:
            sentences.append(f"The plane {held} is invariant: its orbits are orbits of the game.")
        else:
            sentences.append(f"In-plane field at {held}: orbits with these frozen, not orbits of the whole game.")
        outside = sum(not mark.inside for mark in portrait.marks)
        if outside:
            sentences.append(
                f"{outside} {'equilibrium' if outside == 1 else 'equilibria'} outside this plane not drawn."
            )
        if portrait.paths:
            sentences.append("Iterates are projected.")
    sentences += [_run(path) for path in portrait.paths]
    if portrait.paths:
        sentences.append(f"Start {labels.state(game.names, portrait.paths[0].states[0])}.")
    return " ".join(sentences)


def line_caption(portrait: LinePortrait, game: Field) -> str:
    """Return the caption of a portrait of one coordinate."""
    sides = [(portrait.x[0], portrait.x[-1])]
    sentences = [f"{title_of(game)}; {labels.box([portrait.name], sides)}."]
    sentences += [_run(path) for path in portrait.paths]
    if portrait.paths:
        sentences.append(f"Start {labels.state([portrait.name], portrait.paths[0].states[0])}.")
    return " ".join(sentences)


def _run(path: Path) -> str:
    """Return the sentence about one method; how its run ended is said where it did not reach its end."""
    ending = "" if path.outcome == "finished" else f" ({path.outcome})"
    return f"{path.label[0].upper()}{path.label[1:]}: {path.iterations} iterations{ending}."
