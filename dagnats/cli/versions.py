"""The version of a workflow that `--against` names: a file, or what a server has registered."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from dagnats.cli import programs
from dagnats.cli.options import connected, wait
from dagnats.errors import UsageError

if TYPE_CHECKING:
    from dagnats.ir.program import Certificate, Program


def version(word: str | None, server: str | None, data_dir: Path | None) -> "Program | None":
    """Return the program of a file, or of what is registered by a name or digest; None for None.

    Ends the command when the file does not compile; its findings are on stderr. Raises
    DagnatsError when no server answers, or has none of that name.
    """
    if word is None:
        return None
    if programs.is_file(word):
        program = programs.load(word)
        if program is None:
            raise typer.Exit(1)
        return program
    name = word

    async def work() -> "Program":
        from dagnats.cli.diff import registered

        async with connected(server, data_dir) as client:
            return await registered(client, name)

    return wait(work)


def certificate(
    word: str | None, files: Sequence[str], server: str | None, data_dir: Path | None
) -> "Certificate | None":
    """Return the certificate that the one document of a command is held against, if it is."""
    if word is not None and len(files) > 1:
        raise UsageError(f"`--against` is for one document, and {len(files)} are named")
    program = version(word, server, data_dir)
    return None if program is None else program.certificate
