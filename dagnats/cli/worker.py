"""`dagnats worker …`: processes that do the tasks."""

import os
import sys
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from dagnats.cli.options import DataDir, Server, finish, group

CONCURRENCY = 10

app = group("Run workers: processes that do the tasks.")


@app.callback()
def workers() -> None:
    """Run workers: processes that do the tasks."""


@app.command("run", epilog="Example: dagnats worker run examples/hello/worker.py")
def run(
    handlers: Annotated[
        str, typer.Argument(metavar="FILE_OR_MODULE", help="Where the `@task` handlers are.")
    ],
    concurrency: Annotated[
        int, typer.Option(min=1, max=10_000, help="How many tasks at once.")
    ] = CONCURRENCY,
    groups: Annotated[
        list[str] | None,
        typer.Option("--group", metavar="NAME", help="A group of workers it is in; repeatable."),
    ] = None,
    capabilities: Annotated[
        list[str] | None,
        typer.Option("--capability", metavar="NAME", help="What it can do besides; repeatable."),
    ] = None,
    secrets_file: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Values of secrets: JSON or `NAME=value` lines, of mode 0600.",
        ),
    ] = None,
    server: Server = None,
    data_dir: DataDir = None,
) -> None:
    """Import handlers registered with `@task("name")` and serve them until stopped.

    A secret that workflows name is taken from `--secrets-file`, else from `DAGNATS_SECRET_<NAME>`.
    """
    from dagnats.cli.signals import Stop
    from dagnats.jetstream.connection import locate
    from dagnats.worker.registry import load
    from dagnats.worker.vault import from_environment, from_file
    from dagnats.worker.worker import Worker

    secrets = from_environment if secrets_file is None else from_file(secrets_file)
    registry = load(handlers)

    async def work() -> int:
        stop = Stop()
        stop.listen()
        worker = Worker(
            registry,
            concurrency=concurrency,
            groups=groups or (),
            capabilities=capabilities or (),
            secrets=secrets,
        )
        await worker.run(locate(server, data_dir), stop.asked)
        if worker.stuck:
            _leave(stop.code)
        return stop.code

    finish(work)


def _leave(code: int) -> NoReturn:
    """End the process although handlers hang: the interpreter would wait for an async one."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
