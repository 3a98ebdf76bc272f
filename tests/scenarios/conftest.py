from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from scenarios.cli.app import app


@pytest.fixture
def gandyn(tmp_path, monkeypatch) -> Callable[..., Result]:
    """Return a function that runs the command line in an empty folder."""
    monkeypatch.chdir(tmp_path)
    return lambda *arguments, **environment: CliRunner().invoke(app, list(arguments), env=environment)


@pytest.fixture
def answer(gandyn) -> Callable[..., dict[str, Any]]:
    """Return a function that runs a verb with --json, checks the envelope and returns the object."""

    def run(*arguments: str, exit_code: int = 0) -> dict[str, Any]:
        result = gandyn(*arguments, "--json")
        assert result.exit_code == exit_code, result.output
        assert result.stderr == ""
        payload = json.loads(result.stdout, parse_constant=pytest.fail)
        assert set(payload) == {"schema", "command", "game", "status", "result", "seconds"}
        assert payload["schema"] == 1
        assert payload["command"] == arguments[0]
        assert payload["seconds"] >= 0
        return payload

    return run
