"""Asking whoever sits at the terminal before much is done at once."""

import sys

import typer

from dagnats.cli import output
from dagnats.cli.signals import INTERRUPTED


def asks() -> bool:
    """Whether there is somebody to ask."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def confirm(question: str, *, yes: bool) -> None:
    """Return when `question` is answered with yes, or `yes` says so; else the command ends with 1.

    Without a terminal there is nobody to ask: whoever wrote the script meant it.
    """
    if yes or not asks():
        return
    print(f"{question} [y/N] ", end="", file=sys.stderr, flush=True)
    try:
        answer = sys.stdin.readline()
    except KeyboardInterrupt:
        raise typer.Exit(INTERRUPTED) from None
    if answer.strip().lower() not in {"y", "yes"}:
        output.say("nothing was done")
        raise typer.Exit(1)
