"""The options of ``gandyn ensemble``, in panels."""

from __future__ import annotations

from typing import Annotated

import typer

from scenarios.cli.options import OUTPUT_PANEL

NOISE, SCHEME, MEASURED, RUNNING = "Noise", "Scheme", "What is measured", "How it is run"

Paths = Annotated[
    float,
    typer.Option("--paths", metavar="N", help="How many paths; 1e6 is understood.", show_default="100,000"),
]
Step = Annotated[float, typer.Option("--dt", metavar="H", help="Length of a step.")]
Time = Annotated[float, typer.Option("--time", metavar="T", help="Time of the run, a multiple of the step.")]
Spread = Annotated[
    str | None,
    typer.Option(
        "--spread",
        metavar="S",
        help="Standard deviation of the start, one number or x=0.1,y=0.",
        show_default="0",
    ),
]
Seed = Annotated[int, typer.Option("--seed", metavar="N", help="Seed of all random numbers.")]
First = Annotated[
    int | None,
    typer.Option(
        "--first",
        metavar="N",
        help="Number of the first path: runs over neighbouring ranges are parts of one ensemble.",
        show_default="0",
    ),
]

Strength = Annotated[
    str | None,
    typer.Option(
        "--noise",
        metavar="S",
        help="B of dY = v dt + B dW: one strength, 0.1; one for each coordinate, x=0.1,y=0; or formulas of the state, "
        "x=0.1*x.",
        rich_help_panel=NOISE,
        show_default=False,
    ),
]
Matrix = Annotated[
    str | None,
    typer.Option(
        "--noise-matrix",
        metavar="JSON",
        help='A row for each coordinate: [[0.1,0.05],[0,0.2]], or formulas [["0.1*y"],["-0.1*x"]].',
        rich_help_panel=NOISE,
        show_default=False,
    ),
]
File = Annotated[
    str | None,
    typer.Option(
        "--noise-file",
        metavar="FILE",
        help="A matrix as .npy, .csv or .json; any noise model with its settings as .toml or .json.",
        rich_help_panel=NOISE,
        show_default=False,
    ),
]
Kind = Annotated[
    str | None,
    typer.Option(
        "--noise-kind",
        metavar="KIND",
        help="What that matrix is: the matrix B, or the covariance Sigma of stochastic gradients, B = sqrt(lr) "
        "Sigma^(1/2).",
        rich_help_panel=NOISE,
        show_default="matrix",
    ),
]
Lr = Annotated[
    float | None,
    typer.Option(
        "--noise-lr",
        metavar="LR",
        help="Learning rate that goes with a covariance.",
        rich_help_panel=NOISE,
        show_default=False,
    ),
]
Interpretation = Annotated[
    str | None,
    typer.Option(
        "--interpretation",
        metavar="NAME",
        help="How formulas are read: ito or stratonovich.",
        rich_help_panel=NOISE,
        show_default="ito",
    ),
]
Memory = Annotated[
    float | None,
    typer.Option(
        "--noise-memory",
        metavar="TAU",
        help="Coloured noise of this correlation time instead of white noise.",
        rich_help_panel=NOISE,
        show_default="white",
    ),
]
Schedule = Annotated[
    str | None,
    typer.Option(
        "--noise-schedule",
        metavar="NAME:K=V,...",
        help="How the strength changes in time, such as exponential:half_life=10; see 'gandyn list noise-schedules'.",
        rich_help_panel=NOISE,
        show_default="constant",
    ),
]

Scheme = Annotated[
    str,
    typer.Option(
        "--scheme",
        metavar="NAME",
        help="One of 'gandyn list schemes', or a training algorithm of 'gandyn list methods' with noisy gradients.",
        rich_help_panel=SCHEME,
    ),
]
SchemeSettings = Annotated[
    list[str] | None,
    typer.Option(
        "--scheme-set",
        metavar="K=V,...",
        help="Settings of the scheme, such as increments_of=two-point; 'gandyn show SCHEME' lists them.",
        rich_help_panel=SCHEME,
        show_default=False,
    ),
]
Rate = Annotated[
    list[str] | None,
    typer.Option(
        "--lr",
        metavar="RATE",
        help="Learning rate of a training algorithm, or generator=0.1,discriminator=0.4.",
        rich_help_panel=SCHEME,
        show_default="the step",
    ),
]
MethodSettings = Annotated[
    list[str] | None,
    typer.Option(
        "--method-set",
        metavar="K=V,...",
        help="Settings of a training algorithm, such as beta=0.5.",
        rich_help_panel=SCHEME,
        show_default=False,
    ),
]
BrownianStep = Annotated[
    float | None,
    typer.Option(
        "--brownian-dt",
        metavar="H",
        help="Compose increments of steps of this length: runs with other steps then see the same Brownian paths.",
        rich_help_panel=SCHEME,
        show_default="the step",
    ),
]

Until = Annotated[
    list[str] | None,
    typer.Option(
        "--until",
        metavar="COND",
        help='Ends a path where it holds: "abs(x) > 1", "x > 1 and y < 0"; may be repeated.',
        rich_help_panel=MEASURED,
        show_default=False,
    ),
]
Watch = Annotated[
    list[str] | None,
    typer.Option(
        "--watch",
        metavar="COND",
        help="Notes when it first holds and ends nothing; may be repeated.",
        rich_help_panel=MEASURED,
        show_default=False,
    ),
]
Passage = Annotated[
    float | None,
    typer.Option(
        "--passage",
        metavar="R",
        help="First passage into balls of this radius around the equilibria.",
        rich_help_panel=MEASURED,
        show_default=False,
    ),
]
NoBridge = Annotated[
    bool,
    typer.Option(
        "--no-bridge",
        help="See exits and largest values at the steps only, late by an error of order sqrt(dt).",
        rich_help_panel=MEASURED,
    ),
]
Observe = Annotated[
    list[str] | None,
    typer.Option(
        "--observe",
        metavar="EXPR",
        help='A further quantity, such as "x**2+y**2"; may be repeated.',
        rich_help_panel=MEASURED,
        show_default=False,
    ),
]
Maximum = Annotated[
    list[str] | None,
    typer.Option(
        "--maximum",
        metavar="EXPR",
        help="The largest value along a path; may be repeated.",
        rich_help_panel=MEASURED,
        show_default=False,
    ),
]
Quantiles = Annotated[
    str | None,
    typer.Option(
        "--quantiles",
        metavar="P,...",
        help="Quantiles at the end, such as 0.05,0.5,0.95.",
        rich_help_panel=MEASURED,
        show_default=False,
    ),
]
Expect = Annotated[
    str | None,
    typer.Option(
        "--expect",
        metavar="EXPR",
        help="Its expectation at the end by multilevel Monte Carlo, to --standard-error; --dt is the coarsest step.",
        rich_help_panel=MEASURED,
        show_default=False,
    ),
]
StandardError = Annotated[
    float | None,
    typer.Option(
        "--standard-error",
        metavar="E",
        help="Root mean squared error asked of --expect.",
        rich_help_panel=MEASURED,
        show_default=False,
    ),
]
Records = Annotated[
    int | None,
    typer.Option(
        "--records",
        metavar="K",
        help="Give the moments at K times from start to end.",
        rich_help_panel=MEASURED,
        show_default=False,
    ),
]

Threads = Annotated[
    int | None,
    typer.Option(
        "--threads",
        metavar="N",
        help="Threads; no bit of the result depends on them.",
        rich_help_panel=RUNNING,
        show_default="all cores",
    ),
]
Chunk = Annotated[
    int | None,
    typer.Option(
        "--chunk",
        metavar="N",
        help="Paths that a thread takes at a time; no bit of the result depends on it.",
        rich_help_panel=RUNNING,
        show_default=False,
    ),
]
Device = Annotated[
    str,
    typer.Option(
        "--device",
        metavar="NAME",
        help="cpu, or cuda for an NVIDIA card (the extra 'cuda' installs what it needs).",
        rich_help_panel=RUNNING,
    ),
]
Out = Annotated[
    str | None,
    typer.Option(
        "--out",
        metavar="F.zarr|F.png|F.svg|F.gif",
        help="Store the result, one that exists is refused; draw it: exit times with --until, else the cloud of final "
        "states and the moments in time; or animate the cloud.",
        rich_help_panel=OUTPUT_PANEL,
        show_default=False,
    ),
]
Store = Annotated[
    int | None,
    typer.Option(
        "--store",
        metavar="N",
        help="With --out F.zarr: store the states of the first N paths too, as F-paths.zarr.",
        rich_help_panel=OUTPUT_PANEL,
        show_default=False,
    ),
]
Every = Annotated[
    int | None,
    typer.Option(
        "--every",
        metavar="K",
        help="Every K-th state of these paths.",
        rich_help_panel=OUTPUT_PANEL,
        show_default="1",
    ),
]
