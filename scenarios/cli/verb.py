"""What all verbs share: a request going in, an answer coming out, JSON or tables, and the exit code."""

from __future__ import annotations

import inspect
import os
import time
from collections.abc import Callable, Mapping
from copy import copy
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any, get_args

import typer

from scenarios.cli import options, output

if TYPE_CHECKING:
    from rich.console import Console

    from dynamics.games.field import Game

#: Environment variable of every seed: of ``--seed`` where a verb has it, and of the setting ``seed`` of a preset.
SEED = "GANDYN_SEED"
#: Exit codes of the command line (design section 7).
OK, NO, USAGE, FAILURE = 0, 1, 2, 3


@dataclass(frozen=True)
class Answer:
    """What a verb gives back.

    Attributes
    ----------
    result : mapping or list
        The JSON ``result``; its keys are the contract.
    render : callable
        Prints the same for a person on the console given.
    game : str or None
        Name of the game played.
    status : str
        Value of :class:`dynamics.core.status.Status`.
    exit_code : int
        0, or 1 when the answer is no, or 3 on numerical failure.
    """

    result: Any
    render: Callable[[Console], None]
    game: str | None = None
    status: str = "finished"
    exit_code: int = OK


@dataclass(frozen=True)
class Request:
    """The game options of one call, not yet turned into a game.

    Attributes
    ----------
    name, settings, minimax, minimise, maximise, timescale : str or None
        The texts of the options of the same meaning (:mod:`scenarios.cli.options`); settings is a list of texts.
    as_json, debug : bool
        How to answer.
    """

    name: str | None = None
    settings: list[str] | None = None
    minimax: str | None = None
    minimise: str | None = None
    maximise: str | None = None
    timescale: str | None = None
    as_json: bool = False
    debug: bool = False
    _cache: dict[str, Any] = field(default_factory=dict, repr=False)

    def game(self) -> Game:
        """Return the game that the options describe."""
        if "game" not in self._cache:
            from scenarios.cli.playing import build_game

            self._cache["game"] = build_game(
                self.name, self.settings, self.minimax, self.minimise, self.maximise, self.timescale
            )
        return self._cache["game"]

    def options(self) -> dict[str, Any]:
        """Return the typed values of ``--set``; without a seed among them, that of ``GANDYN_SEED`` is used."""
        from dynamics.core.errors import check_count
        from scenarios.cli import parse

        found = parse.settings("--set", self.settings)
        seed = os.environ.get(SEED)
        if seed is not None and "seed" not in found:
            found["seed"] = check_count(SEED, seed, least=0)
        return found


def status_answer(result: Any, render: Callable[[Console], None], status: Any, game: str | None = None) -> Answer:
    """Return an answer whose exit code follows a :class:`dynamics.core.status.Status`."""
    return Answer(result, render, game=game, status=status.value, exit_code=OK if status.ok else FAILURE)


def verb(*, game: bool = False, shared: Mapping[str, Any] | None = None) -> Callable[..., Any]:
    """Return a decorator that makes ``function(request, ...) -> Answer`` a verb of the command line.

    The verb's signature becomes: the GAME argument (with ``game``), the function's own parameters, the game options
    (with ``game``) or ``shared`` ones, then ``--json`` and ``--debug``. Every option gets its environment variable.

    Parameters
    ----------
    game : bool
        Whether the verb plays a game.
    shared : mapping of str to annotation, optional
        Fields of :class:`Request` that a verb without a game takes as options all the same.
    """
    before = {"name": options.Game} if game else {}
    after = {**(options.GAME_OPTIONS if game else shared or {}), **options.COMMON_OPTIONS}

    def decorate(function: Callable[..., Answer]) -> Callable[..., None]:
        command = function.__name__.rstrip("_")
        own = list(inspect.signature(function, eval_str=True).parameters.values())[1:]

        def run(**values: Any) -> None:
            request = Request(**{name: values.pop(name) for name in (*before, *after)})
            began = time.perf_counter()
            answer = function(request, **values)
            seconds = time.perf_counter() - began
            if request.as_json:
                output.print_json(
                    {
                        "schema": output.SCHEMA,
                        "command": command,
                        "game": answer.game,
                        "status": answer.status,
                        "result": answer.result,
                        "seconds": seconds,
                    }
                )
            else:
                answer.render(output.console())
            if answer.exit_code:
                raise typer.Exit(answer.exit_code)

        parameters = [_parameter(name, annotation) for name, annotation in before.items()]
        parameters += [_with_environment(parameter) for parameter in own]
        parameters += [_with_environment(_parameter(name, annotation)) for name, annotation in after.items()]
        vars(run)["__signature__"] = inspect.Signature(parameters)
        run.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
        run.__doc__ = function.__doc__
        return run

    return decorate


def _parameter(name: str, annotation: Any) -> inspect.Parameter:
    """Return a keyword parameter with the default that its annotation asks for."""
    default = False if get_args(annotation)[0] is bool else None
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)


def _with_environment(parameter: inspect.Parameter) -> inspect.Parameter:
    """Return the parameter with ``GANDYN_<OPTION>`` as its environment variable, where it is an option."""
    kind, info = get_args(parameter.annotation)[:2]
    parameter = parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY)
    if not hasattr(info, "prompt"):  # an argument
        return parameter
    info = copy(info)
    long_name = str(info.default if info.default is not ... else f"--{parameter.name}")
    info.envvar = "GANDYN_" + long_name.split("/")[0].lstrip("-").replace("-", "_").upper()
    info.show_envvar = False
    if kind is bool:
        info.metavar = ""  # a switch takes no value, so help shows none
    return parameter.replace(annotation=Annotated[kind, info])
