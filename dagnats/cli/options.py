"""Options that several commands share, and the connection that they lead to."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from dagnats.cli import output
from dagnats.cli.signals import INTERRUPTED, interruptible

if TYPE_CHECKING:
    from dagnats.jetstream.client import Client

T = TypeVar("T")

SETTINGS = {"help_option_names": ["-h", "--help"]}

Server = Annotated[
    str | None,
    typer.Option("--server", metavar="URL", help="NATS URL of the server (DAGNATS_NATS_URL)."),
]
DataDir = Annotated[
    Path | None,
    typer.Option(
        "--data-dir", metavar="DIR", help="Data directory of a local server (DAGNATS_DATA_DIR)."
    ),
]
WithRegistry = Annotated[
    bool,
    typer.Option(
        "--registry", help="Check also against the tasks and workflows that the server knows."
    ),
]
Against = Annotated[
    str | None,
    typer.Option(
        metavar="FILE|DIGEST|NAME",
        help="Report what may take more than another version: a file, or what is registered.",
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def group(help_text: str) -> typer.Typer:
    """Return an empty group of commands."""
    return typer.Typer(
        help=help_text,
        no_args_is_help=True,
        rich_markup_mode=None,
        context_settings=SETTINGS,
        pretty_exceptions_enable=False,
        add_completion=False,
    )


@contextlib.asynccontextmanager
async def connected(server: str | None, data_dir: Path | None) -> AsyncIterator["Client"]:
    """Connect to the server that flags, environment or data directory name."""
    from dagnats.jetstream.client import Client
    from dagnats.jetstream.connection import locate

    async with Client.open(locate(server, data_dir), output.say) as client:
        yield client


def wait(work: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Return what a coroutine returns; an interrupt ends the process with 130."""
    try:
        return asyncio.run(interruptible(work()))
    except KeyboardInterrupt:  # which typer takes for a failure in some versions
        raise typer.Exit(INTERRUPTED) from None


def finish(work: Callable[[], Coroutine[Any, Any, int]]) -> None:
    """Run a command's coroutine and end the process with the exit code that it returns."""
    raise typer.Exit(wait(work))


def ask(server: str | None, data_dir: Path | None, operation: str, params: Any) -> Any:
    """Ask the server for one operation and return its document."""

    async def work() -> Any:
        async with connected(server, data_dir) as client:
            return await client.call(operation, params)

    return wait(work)
