"""The command line ``gandyn VERB GAME [options]``.

Everything heavy (NumPy, SymPy, torch, matplotlib) is imported inside the verbs, so that ``gandyn --help`` answers
at once. Data goes to stdout; progress and notes go to stderr, and only when it is a terminal.
"""

from __future__ import annotations


def main() -> None:
    """Run the command line on ``sys.argv`` and leave with its exit code."""
    from scenarios.cli.app import app

    app(prog_name="gandyn")
