"""The one place that defines options used by more than one verb.

Every option also reads ``GANDYN_<NAME>`` from the environment (:func:`scenarios.cli.verb.verb` adds that) and the
table of its verb in the file of ``--config``: flags win over the environment, that over the file, that over defaults.
"""

from __future__ import annotations

from typing import Annotated

import typer

GAME_PANEL = "Game"
OUTPUT_PANEL = "Output"

Game = Annotated[
    str | None,
    typer.Argument(metavar="GAME", help="Catalogue name or TOML file; leave out with --minimax.", show_default=False),
]
Set = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="K=V,...",
        help="Typed settings, such as loss=hinge,gamma=0.3 or matrix=[[0,1],[1,0]].",
        rich_help_panel=GAME_PANEL,
        show_default=False,
    ),
]
Minimax = Annotated[
    str | None,
    typer.Option(
        "--minimax",
        metavar="EXPR",
        help="Inline zero-sum game: the value that --min lowers.",
        rich_help_panel=GAME_PANEL,
    ),
]
Minimise = Annotated[
    str | None,
    typer.Option("--min", metavar="X,...", help="Coordinates of the generator (inline).", rich_help_panel=GAME_PANEL),
]
Maximise = Annotated[
    str | None,
    typer.Option(
        "--max", metavar="Y,...", help="Coordinates of the discriminator (inline).", rich_help_panel=GAME_PANEL
    ),
]
Timescale = Annotated[
    str | None,
    typer.Option(
        "--timescale",
        metavar="TAU",
        help="Factor of the discriminator's part of the field, or player=factor,...",
        rich_help_panel=GAME_PANEL,
    ),
]
Start = Annotated[
    str | None,
    typer.Option("--start", metavar="X=V,...", help="Initial state, such as theta=1,psi=1 (default: the game's)."),
]
Box = Annotated[
    str | None,
    typer.Option("--box", metavar="X=A:B,...", help="Region, such as x=-3:3,y=-3:3 (default: the game's)."),
]
Rate = Annotated[
    list[str] | None,
    typer.Option("--lr", metavar="RATE", help="Learning rate, or generator=0.1,discriminator=0.4.", show_default=False),
]
MethodSettings = Annotated[
    list[str] | None,
    typer.Option("--method-set", metavar="K=V,...", help="Settings of the method, such as beta=0.5."),
]
Out = Annotated[
    str | None,
    typer.Option(
        "--out",
        metavar="PATH",
        help="Where to write the result; a .zarr store that exists is refused, a picture is replaced.",
        rich_help_panel=OUTPUT_PANEL,
    ),
]
Store = Annotated[
    str | None,
    typer.Option(
        "--out", metavar="F.zarr", help="Store the result; one that exists is refused.", rich_help_panel=OUTPUT_PANEL
    ),
]
Quick = Annotated[bool, typer.Option("--quick", help="Smaller samples and shorter runs; the same verdicts.")]
Json = Annotated[
    bool, typer.Option("--json", help="Print one JSON object instead of tables.", rich_help_panel=OUTPUT_PANEL)
]
Debug = Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.", rich_help_panel=OUTPUT_PANEL)]

#: Options in front of and behind a verb's own ones; the decorator of :mod:`scenarios.cli.verb` adds them.
GAME_OPTIONS = {
    "settings": Set,
    "minimax": Minimax,
    "minimise": Minimise,
    "maximise": Maximise,
    "timescale": Timescale,
}
COMMON_OPTIONS = {"as_json": Json, "debug": Debug}
