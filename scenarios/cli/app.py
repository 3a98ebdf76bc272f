"""The Typer application: verbs, version, configuration file and the one way in which errors leave."""

from __future__ import annotations

import importlib
import keyword
import os
import sys
import warnings
from collections.abc import Sequence
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from scenarios.cli import output
from scenarios.cli.command import Verb, given, place, plain
from scenarios.cli.verb import FAILURE, USAGE
from scenarios.cli.verbs import VERBS

EPILOG = (
    "Settings: flags win over the environment (GANDYN_LR for --lr, GANDYN_SOLVER for --solver, ...; GANDYN_SEED is "
    "the seed of train too), that over the TOML file of --config, that over defaults. Exit codes: 0 ok, 1 the answer "
    "is no, 2 bad input, 3 numerical failure."
)


#: What shells report for a program whose reader went away.
BROKEN_PIPE = 141


class Application(TyperGroup):
    """The group of verbs; turns every error into one sentence, or one JSON object, and an exit code."""

    def main(self, args: Sequence[str] | None = None, prog_name: str | None = None, **extra: Any) -> Any:
        """Parse, run and leave with the exit code; ``standalone_mode=False`` returns it instead."""
        arguments = list(sys.argv[1:] if args is None else args)
        standalone = extra.pop("standalone_mode", True)
        code = self._run(arguments, prog_name or "gandyn", extra)
        if standalone:
            sys.exit(code)
        return code

    def _run(self, arguments: list[str], prog_name: str, extra: dict[str, Any]) -> int:
        as_json = "--json" in arguments or output.environment_flag("GANDYN_JSON")
        debug = "--debug" in arguments or output.environment_flag("GANDYN_DEBUG")
        try:
            with warnings.catch_warnings():
                # A warning is a note in one line for the person at the terminal, without its place in the code.
                warnings.showwarning = lambda message, *place, **rest: output.note(f"Note: {message}")
                code = super().main(args=arguments, prog_name=prog_name, standalone_mode=False, **extra)
            return code if isinstance(code, int) else 0
        except typer.TyperException as error:
            if debug:
                raise
            output.print_error(_usage_sentence(error, arguments), "usage", as_json)
            return USAGE
        except (KeyboardInterrupt, typer.Abort):
            output.print_error("Interrupted.", "interrupted", as_json)
            return 130
        except BrokenPipeError:
            # The reader (head, less) went away: say nothing more, as other tools do.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return BROKEN_PIPE
        except Exception as error:
            if debug:
                raise
            return _report(error, as_json)

    def get_help_option(self, ctx: Any) -> Any:
        """Return the option ``--help`` without a type behind it."""
        return plain(super().get_help_option(ctx))

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Return the verb named by the first argument, or refuse it naming the nearest one."""
        if args and args[0] not in self.commands and not args[0].startswith("-"):
            from dynamics.core.errors import unknown

            raise unknown("verb", args[0], self.commands)
        return super().resolve_command(ctx, args)


def _report(error: Exception, as_json: bool) -> int:
    """Print an error that reached the top and return its exit code."""
    from dynamics.core.errors import GanDynamicsError

    if isinstance(error, GanDynamicsError):
        output.print_error(str(error), error.kind, as_json)
        return error.exit_code
    if isinstance(error, OSError):
        output.print_error(f"{error.strerror or error}: {error.filename or 'no file named'}.", "file", as_json)
        return USAGE
    first_line = (str(error).splitlines() or [""])[0]
    output.print_error(
        f"Internal error ({type(error).__name__}: {first_line}): run again with --debug and report the traceback.",
        "internal",
        as_json,
    )
    return FAILURE


def _usage_sentence(error: Any, arguments: Sequence[str]) -> str:
    """Return what Typer says about the arguments as one sentence: got, expected, nearest valid option."""
    context = getattr(error, "ctx", None)
    message = " ".join(str(error.format_message() if hasattr(error, "format_message") else error).split())
    help_hint = f" See '{context.command_path} --help'." if context is not None else ""
    if message.startswith("No such option") and context is not None:
        from dynamics.core.errors import unknown

        if error.option_name == "--config":
            return f"--config must come before the verb: write gandyn --config FILE.toml {context.info_name} ..."
        known = [name for parameter in context.command.params for name in parameter.opts if name.startswith("--")]
        place_for_it = _setting(error.option_name, context.info_name, known, arguments)
        if place_for_it:
            return f"There is no option {error.option_name}; it is a setting: write {place_for_it}."
        return str(unknown("option", error.option_name, [*known, "--help"]))
    if message.startswith("Got unexpected extra argument"):
        parameters = context.command.params if context is not None else []
        valued = {name for p in parameters if not getattr(p, "is_flag", False) for name in p.opts}
        extra = message.rpartition("(")[2].rstrip(").").split()
        for option, key, value in zip(arguments, arguments[1:], arguments[2:], strict=False):
            if option in valued and key.isidentifier() and value in extra:
                return f"{option} got '{key} {value}', expected an equals sign: write {option} {key}={value}."
    parameter = getattr(error, "param", None)
    if parameter is not None and message.startswith("Invalid value"):
        name = place(parameter, context) if context is not None else parameter.opts[0]
        kind = {int: "a whole number", float: "a number"}.get(parameter.type_descriptor.annotation, "another value")
        value = given(parameter.opts, arguments) or os.environ.get(parameter.envvar or "")
        got = f", got '{value}'" if value is not None else ""
        return f"{name} must be {kind}{got}." + help_hint
    return message.rstrip(".") + "." + help_hint


def _setting(option: str, verb: str | None, known: Sequence[str], arguments: Sequence[str]) -> str:
    """Return where a setting that was given as an option of its own belongs, empty if it is none."""
    from dataclasses import fields

    from dynamics import games, gan, methods
    from dynamics.ensemble import schemes

    key = option.lstrip("-").partition("=")[0].replace("-", "_")
    value = option.partition("=")[2] or given([option], arguments) or "VALUE"
    played = [gan.settings(name) for name in gan.presets()] if verb == "train" else map(games.settings, games.names())
    taken = [{entry.name for entry in fields(schemes.find(name))} for name in schemes.names()]
    places = {"--set": played, "--method-set": map(methods.settings, methods.names()), "--scheme-set": taken}
    for place_for_it, settings in places.items():
        if place_for_it in known and any(key in entry for entry in settings):
            return f"{place_for_it} {key}={value}"
    return ""


app = typer.Typer(
    name="gandyn",
    cls=Application,
    no_args_is_help=False,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    epilog=EPILOG,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(asked: bool) -> None:
    if asked:
        from dynamics import __version__

        typer.echo(f"gandyn {__version__}")
        raise typer.Exit()


@app.callback(invoke_without_command=True)
def gandyn(
    context: typer.Context,
    config: Annotated[
        str | None,
        typer.Option("--config", metavar="FILE.toml", envvar="GANDYN_CONFIG", help="TOML file with a table per verb."),
    ] = None,
    version: Annotated[
        bool,
        typer.Option("--version", metavar="", callback=_version, is_eager=True, help="Print the version and leave."),
    ] = False,
) -> None:
    """GAN training as a dynamical system: flows, training algorithms, stability and the audit of claims."""
    if config is not None:
        from scenarios.cli.configuration import load

        context.default_map = load(config, context.command)
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


for _name in VERBS:
    _module = importlib.import_module(f"scenarios.cli.verbs.{_name}{'_' if keyword.iskeyword(_name) else ''}")
    app.command(_name, cls=Verb)(getattr(_module, _name, None) or getattr(_module, f"{_name}_"))
