"""How Typer's commands are bent: help without types of switches, errors that name the place a value came from."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from typer.core import TyperCommand


class Verb(TyperCommand):
    """A verb: its ``--help`` is a switch without a value, and its errors name environment variables and files."""

    def get_help_option(self, ctx: Any) -> Any:
        """Return the option ``--help`` without a type behind it."""
        return plain(super().get_help_option(ctx))

    def invoke(self, ctx: Any) -> Any:
        """Run the verb; bad input that came from the environment or a file is called by its name there."""
        from dynamics.core.errors import InputError

        try:
            return super().invoke(ctx)
        except InputError as error:
            renamed = rename(str(error), ctx)
            if renamed == str(error):
                raise
            raise type(error)(renamed) from error


def plain(option: Any) -> Any:
    """Return a switch's option with an empty metavar: it takes no value, so help shows none."""
    if option is not None:
        option.metavar = ""
    return option


def place(parameter: Any, context: Any) -> str:
    """Return where a parameter's value was given: ``--lr``, ``GANDYN_LR`` or ``lr in the file of --config``."""
    source = context.get_parameter_source(parameter.name)
    option = parameter.opts[0]
    if source is not None and source.name == "ENVIRONMENT":
        return parameter.envvar
    if source is not None and source.name == "DEFAULT_MAP":
        return f"{option.lstrip('-')} in the file of --config"
    return option


def rename(message: str, context: Any) -> str:
    """Return an error text in which options that were not given as options go by the name they were given under."""
    names = {parameter.opts[0]: place(parameter, context) for parameter in context.command.params if parameter.opts}
    # One pass, so that what was put in is not replaced again; whole names only.
    return re.sub(r"(?<![\w-])--[a-z][a-z-]*", lambda found: names.get(found[0], found[0]), message)


def given(options: Sequence[str], arguments: Sequence[str]) -> str | None:
    """Return the text that was given for an option of these names on the command line, None if it was not given."""
    for option in options:
        for position, argument in enumerate(arguments):
            if argument == option and position + 1 < len(arguments):
                return arguments[position + 1]
            if argument.startswith(f"{option}="):
                return argument.partition("=")[2]
    return None
