"""``gandyn show``: what a game is, in symbols, and what may be set on it; methods, schemes and others likewise."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from scenarios.cli import output
from scenarios.cli.verb import Answer, Request, verb


@verb(game=True)
def show(
    request: Request, latex: Annotated[bool, typer.Option("--latex", help="LaTeX instead of Unicode.")] = False
) -> Answer:
    """Show the losses, field, Jacobian and settings of a game; or a method, scheme, noise model or preset with its."""
    from dynamics import games, gan, methods
    from dynamics.core.errors import unknown
    from dynamics.ensemble import schemes
    from dynamics.methods.registry import SHORT_NAMES
    from scenarios.cli import noise

    name = request.name
    if request.minimax is None and name is not None and not name.endswith(".toml"):
        if name in gan.presets():
            return _preset(request, name, latex)
        if name in methods.names():
            return _method(request, name, latex)
        if name in methods.schedule_names():
            return _schedule(request, name, latex)
        if name in schemes.names():
            place = "gandyn ensemble GAME --scheme-set name=value,..."
            return _part(request, f"scheme {name}", schemes.find(name), latex, place)
        if name in noise.models():
            return _part(request, f"noise model {name}", noise.models()[name], latex, "in a file of --noise-file")
        known = [*games.names(), *methods.names(), *methods.schedule_names(), *gan.presets(), *schemes.names()]
        known += noise.models()
        if name not in known:
            kinds = "game, method, schedule, scheme, noise model or preset"
            raise unknown(kinds, name, known, SHORT_NAMES.get(name.lower()))
    game: Any = request.game()
    shown = game.show(latex=latex)
    result = {key: shown[key] for key in ("losses", "field", "jacobian", "parameters")}
    result |= {"settings": {}, "about": None, "source": None}
    if request.minimax is None and request.name in games.names():
        from scenarios.cli import describe

        result["settings"] = describe.game_settings(game.name, game.settings)
        result["about"], result["source"] = describe.about(game.name)

    def render(console: Any) -> None:
        players = "; ".join(f"{name}: {', '.join(game.coordinates(name))}" for name in game.players)
        console.print(f"{game.name}  ({players})", style="bold", markup=False)
        if result["about"]:
            console.print(result["about"], markup=False)
        entries = {
            "losses": result["losses"],
            "field": {f"d{name}/dt": text for name, text in result["field"].items()},
            "jacobian": {
                f"J[{row}, {column}]": result["jacobian"][i][j]
                for i, row in enumerate(game.names)
                for j, column in enumerate(game.names)
            },
            "parameters": {name: output.number(value) for name, value in result["parameters"].items()},
        }
        for key, block in entries.items():
            if block:
                console.print(f"\n{key}", style="bold")
            for name, text in block.items():
                console.print(f"  {name} = {text}", markup=False, soft_wrap=True)
        if result["settings"]:
            console.print("\nsettings (--set name=value,...)", style="bold", markup=False)
            console.print(_settings_table(result["settings"]))

    return Answer(result, render, game=game.name)


def _preset(request: Request, name: str, latex: bool) -> Answer:
    """Return the answer about a preset of ``train``, which has settings but no formulas."""
    from dynamics import gan
    from scenarios.cli import describe

    _refuse({"--latex": latex or None}, request, f"the preset '{name}'")
    result = {"settings": describe.preset_settings(name, request.options()), "about": gan.presets()[name]}

    def render(console: Any) -> None:
        console.print(f"{name}: {result['about']}", style="bold", markup=False)
        console.print("\nsettings (gandyn train --set name=value,...)", style="bold", markup=False)
        console.print(_settings_table(result["settings"]))

    return Answer(result, render, game=name)


def _method(request: Request, name: str, latex: bool) -> Answer:
    """Return the answer about a training algorithm: its map, its source, and its settings."""
    from dynamics import methods
    from scenarios.cli import describe

    _refuse({"--latex": latex or None, "--set": request.settings}, request, f"the method '{name}'")
    text, source = describe.about_method(name)
    summary = methods.summary(name)
    result = {"settings": describe.method_settings(name), "summary": summary, "about": text, "source": source}

    def render(console: Any) -> None:
        console.print(f"{name}: {summary}", style="bold", markup=False)
        console.print(f"\n{text}", markup=False)
        console.print("\nsettings (gandyn iterate GAME --method-set name=value,...)", style="bold", markup=False)
        console.print(_meanings_table(result["settings"]))

    return Answer(result, render, game=name)


def _schedule(request: Request, name: str, latex: bool) -> Answer:
    """Return the answer about a learning-rate schedule: its factor, its source, and its settings."""
    from scenarios.cli import describe

    _refuse({"--latex": latex or None, "--set": request.settings}, request, f"the schedule '{name}'")
    text, source = describe.about_schedule(name)
    result = {"settings": describe.schedule_settings(name), "about": text, "source": source}

    def render(console: Any) -> None:
        console.print(name, style="bold", markup=False)
        console.print(text, markup=False)
        if result["settings"]:
            console.print(
                f"\nsettings (gandyn iterate GAME --schedule {name}:name=value,...)", style="bold", markup=False
            )
            console.print(_meanings_table(result["settings"]))

    return Answer(result, render, game=name)


def _part(request: Request, title: str, kind: Any, latex: bool, place: str) -> Answer:
    """Return the answer about a scheme or noise model: its equation, its source, and its settings."""
    from scenarios.cli import describe

    _refuse({"--latex": latex or None, "--set": request.settings}, request, f"the {title}")
    text, source = describe.about_class(kind)
    result = {"settings": describe.class_settings(kind), "about": text, "source": source}

    def render(console: Any) -> None:
        console.print(title, style="bold", markup=False)
        console.print(text, markup=False)
        if result["settings"]:
            console.print(f"\nsettings ({place})", style="bold", markup=False)
            console.print(_meanings_table(result["settings"]))

    return Answer(result, render, game=kind.name)


def _meanings_table(settings: Mapping[str, Mapping[str, Any]]) -> Any:
    """Return a row per setting of a method or schedule: default, and what it means."""
    rows = output.table("setting", "default", "meaning")
    for key, entry in settings.items():
        needed = entry.get("required", key == "lr")
        default = "required" if needed else _text(entry["default"])
        rows.add_row(key, default, entry["meaning"] or entry["kind"])
    return rows


def _refuse(given: Mapping[str, Any], request: Request, what: str) -> None:
    """Refuse options that belong to games."""
    from dynamics.core.errors import InputError

    others = {"--min": request.minimise, "--max": request.maximise, "--timescale": request.timescale}
    for option, value in {**given, **others}.items():
        if value is not None:
            raise InputError(f"{option} has no effect on {what}: leave it out, or show a game.")


def _settings_table(settings: Mapping[str, Mapping[str, Any]]) -> Any:
    """Return a row per setting: present value, default where it differs, and what is allowed."""
    rows = output.table("setting", "value", "default", "allowed")
    for name, entry in settings.items():
        changed = entry["value"] != entry["default"]
        rows.add_row(
            name,
            _text(entry["value"]),
            _text(entry["default"]) if changed else "",
            ", ".join(entry["choices"]) if entry["choices"] else entry["kind"],
        )
    return rows


def _text(value: Any) -> str:
    """Return a value as ``--set`` takes it."""
    if value is None or isinstance(value, bool):
        return {None: "none", True: "true", False: "false"}[value]
    if isinstance(value, list | tuple):
        return "x".join(map(str, value)) if all(isinstance(v, int) for v in value) else str(value).replace(" ", "")
    if isinstance(value, Mapping):
        return ", ".join(f"{key}={_text(entry)}" for key, entry in value.items()) or "none"
    return output.number(value) if isinstance(value, float) else str(value)
