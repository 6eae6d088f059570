"""Every command as typer sees it; bodies live in the other modules and are imported when run."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from dagnats import __version__
from dagnats.cli import output, run, worker, workflow
from dagnats.cli.options import SETTINGS, AsJson, DataDir, Server
from dagnats.errors import UsageError

app = typer.Typer(
    help="A workflow language with a compiler, and a durable engine on NATS.",
    no_args_is_help=True,
    rich_markup_mode=None,
    context_settings=SETTINGS,
    pretty_exceptions_enable=False,
)
app.add_typer(workflow.app, name="workflow")
app.add_typer(run.app, name="run")
app.add_typer(worker.app, name="worker")

Files = Annotated[list[str], typer.Argument(metavar="FILE...", help="Documents; `-` is stdin.")]


def _version(asked: bool) -> None:
    if asked:
        output.result(f"dagnats {__version__}")
        raise typer.Exit


@app.callback()
def root(
    _version: Annotated[
        bool,
        typer.Option("--version", is_eager=True, callback=_version, help="Print the version."),
    ] = False,
) -> None:
    """Declare, compile and durably run workflows; NATS is all the infrastructure."""


@app.command("lint", epilog="Example: dagnats lint examples/*/workflow.yaml")
def lint(
    files: Files,
    chosen: Annotated[
        Literal["full", "concise", "json"],
        typer.Option("--format", help="How findings are printed."),
    ] = "full",
    as_json: Annotated[bool, typer.Option("--json", help="The same as `--format json`.")] = False,
) -> None:
    """Check documents; the exit code is 1 when there is an error or a warning."""
    from dagnats.cli import offline

    raise typer.Exit(offline.lint(files, "json" if as_json else chosen))


@app.command("compile", epilog="Example: dagnats compile hello.json -o hello.ir.json")
def compile_(
    file: Annotated[str, typer.Argument(metavar="FILE", help="A document; `-` is stdin.")],
    target: Annotated[
        str | None, typer.Option("-o", "--output", metavar="FILE", help="Write the IR there.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print findings as JSON too.")] = False,
) -> None:
    """Print the compiled program of a document: its IR, with its digest."""
    from dagnats.cli import offline

    raise typer.Exit(offline.compile_file(file, target, as_json=as_json))


@app.command("serve", epilog="Example: dagnats serve --data-dir /var/lib/dagnats")
def serve(
    data_dir: Annotated[
        Path | None,
        typer.Option(metavar="DIR", envvar="DAGNATS_DATA_DIR", help="Where everything is kept."),
    ] = None,
    http: Annotated[
        str,
        typer.Option(metavar="HOST:PORT", envvar="DAGNATS_HTTP", help="Health endpoint; 0: any."),
    ] = "127.0.0.1:0",
    nats_port: Annotated[
        int,
        typer.Option(min=0, max=65535, envvar="DAGNATS_NATS_PORT", help="NATS port; 0: any."),
    ] = 0,
    nats_url: Annotated[
        str | None, typer.Option(metavar="URL", help="Use this NATS server instead of an own one.")
    ] = None,
    fsync: Annotated[
        Literal["always", "interval"],
        typer.Option(envvar="DAGNATS_FSYNC", help="`interval` is faster and may lose seconds."),
    ] = "always",
) -> None:
    """Run the embedded NATS server and the engine until stopped."""
    from dagnats.cli.serve import serve as serve_until_stopped
    from dagnats.jetstream.datadir import data_dir_of

    code = serve_until_stopped(
        data_dir_of(data_dir),
        http=http,
        nats_port=nats_port,
        nats_url=nats_url,
        fsync=fsync,
    )
    raise typer.Exit(code)


@app.command("demo", epilog="Example: dagnats demo")
def demo(
    data_dir: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Keep everything here instead of a temporary directory."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Start a server and workers, run every example live to its end, and clean up."""
    from dagnats.cli.demo import demonstrate

    data_dir = data_dir and data_dir.expanduser()
    if data_dir is not None and data_dir.exists() and not data_dir.is_dir():
        raise UsageError(f"`{data_dir}` is not a directory")
    raise typer.Exit(demonstrate(data_dir and data_dir.resolve(), as_json=as_json))


@app.command("doctor", epilog="Example: dagnats doctor --json")
def doctor(as_json: AsJson = False, server: Server = None, data_dir: DataDir = None) -> None:
    """Say what is installed, where each setting comes from, and whether a server answers."""
    from dagnats.cli.doctor import examine

    raise typer.Exit(examine(server, data_dir, as_json=as_json))
