"""Every command as typer sees it; bodies live in the other modules and are imported when run."""

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from dagnats import __version__
from dagnats.cli import approval, dlq, event, output, replay, simulate, worker, workflow
from dagnats.cli.options import (
    SETTINGS,
    Against,
    AsJson,
    DataDir,
    Server,
    WithRegistry,
    connected,
    finish,
)
from dagnats.cli.run import app as run
from dagnats.errors import UsageError

if TYPE_CHECKING:
    from dagnats.compiler.registry import Registry

StdinName = Annotated[
    str | None,
    typer.Option("--stdin-filename", metavar="FILE", help="What to call the document `-`."),
]

PARTITIONS_MAX = 64
"""Each is served on a connection of its own."""

app = typer.Typer(
    help="A workflow language with a compiler, and a durable engine on NATS.",
    no_args_is_help=True,
    rich_markup_mode=None,
    context_settings=SETTINGS,
    pretty_exceptions_enable=False,
)
app.add_typer(workflow.app, name="workflow")
app.add_typer(run.app, name="run")
app.add_typer(approval.app, name="approval")
app.add_typer(dlq.app, name="dlq")
app.add_typer(event.app, name="event")
app.add_typer(worker.app, name="worker")
app.command("simulate", epilog=simulate.EXAMPLE)(simulate.simulate)
app.command("replay", epilog=replay.EXAMPLE)(replay.replay)


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


@app.command("lint", epilog="Example: dagnats lint workflows/ --fix")
def lint(
    files: Annotated[
        list[str],
        typer.Argument(metavar="FILE|DIR...", help="Documents, or folders of them; `-` is stdin."),
    ],
    chosen: Annotated[
        Literal["full", "concise", "json", "sarif", "github", "junit"],
        typer.Option("--format", help="How findings are printed."),
    ] = "full",
    as_json: Annotated[bool, typer.Option("--json", help="The same as `--format json`.")] = False,
    fix: Annotated[bool, typer.Option("--fix", help="Apply the safe fixes.")] = False,
    unsafe: Annotated[
        bool, typer.Option("--unsafe-fixes", help="Apply all fixes; without `--diff`, as `--fix`.")
    ] = False,
    diff: Annotated[
        bool, typer.Option("--diff", help="Print what fixes would change, and write nothing.")
    ] = False,
    select: Annotated[
        list[str] | None,
        typer.Option(metavar="CODE|PREFIX", help="Report these warnings and hints only."),
    ] = None,
    ignore: Annotated[
        list[str] | None,
        typer.Option(metavar="CODE|PREFIX", help="Leave these warnings and hints out."),
    ] = None,
    strict: Annotated[
        bool | None, typer.Option("--strict/--no-strict", help="Take warnings for errors.")
    ] = None,
    config: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="Settings, instead of the nearest `dagnats.toml`."),
    ] = None,
    stdin_name: StdinName = None,
    watch: Annotated[bool, typer.Option("--watch", help="Check again on every change.")] = False,
    registry: WithRegistry = False,
    against: Against = None,
    server: Server = None,
    data_dir: DataDir = None,
) -> None:
    """Check documents; the exit code is 1 when there is an error."""
    from dagnats.cli import lint as linting
    from dagnats.cli.versions import certificate

    asked = linting.Asked(
        tuple(files),
        form="json" if as_json else chosen,
        fix=fix,
        unsafe=unsafe,
        diff=diff,
        strict=strict,
        select=_codes(select),
        ignore=_codes(ignore),
        config=config,
        stdin_name=stdin_name,
        watch=watch,
        registry=partial(_registry, server, data_dir) if registry else None,
        against=certificate(against, files, server, data_dir),
    )
    raise typer.Exit(linting.lint(asked))


def _registry(server: str | None, data_dir: Path | None) -> "Registry":
    from dagnats.cli.registry import ServerRegistry

    return ServerRegistry(server, data_dir)


def _codes(written: list[str] | None) -> tuple[str, ...] | None:
    """Return the codes of an option that may be repeated and may list several."""
    if not written:
        return None
    return tuple(code.strip() for words in written for code in words.split(",") if code.strip())


@app.command("fmt", epilog="Example: dagnats fmt workflows/ --check")
def fmt(
    files: Annotated[
        list[str],
        typer.Argument(metavar="FILE|DIR...", help="Documents, or folders of them; `-` is stdin."),
    ],
    check: Annotated[
        bool, typer.Option("--check", help="Name what would change, and write nothing.")
    ] = False,
    diff: Annotated[
        bool, typer.Option("--diff", help="Print what would change, and write nothing.")
    ] = False,
    sort_keys: Annotated[
        bool, typer.Option("--sort-keys", help="Bring the keys of the language into one order.")
    ] = False,
    stdin_name: StdinName = None,
    as_json: AsJson = False,
) -> None:
    """Format documents in place, their comments kept; 1 when one cannot be read or would change."""
    from dagnats.cli import fmt as formatting

    asked = formatting.Asked(
        tuple(files),
        check=check,
        diff=diff,
        as_json=as_json,
        sort_keys=sort_keys,
        stdin_name=stdin_name,
    )
    raise typer.Exit(formatting.fmt(asked))


@app.command("graph", epilog="Example: dagnats graph hello.yaml -o hello.svg")
def graph(
    file: Annotated[
        str, typer.Argument(metavar="FILE|NAME", help="A document or compiled IR; `-` is stdin.")
    ],
    form: Annotated[
        Literal["text", "mermaid", "dot", "svg"] | None,
        typer.Option("--format", help="What to draw; by default what the name after `-o` says."),
    ] = None,
    target: Annotated[
        str | None, typer.Option("-o", "--output", metavar="FILE", help="Write the drawing there.")
    ] = None,
    direction: Annotated[
        Literal["TB", "LR"] | None,
        typer.Option(help="Down, or to the right; text takes what fits."),
    ] = None,
    critical: Annotated[
        bool, typer.Option("--critical", help="Mark the steps that take longest at the worst.")
    ] = False,
    width: Annotated[
        int | None,
        typer.Option(min=1, metavar="COLUMNS", help="Draw text so wide, terminal or not."),
    ] = None,
    ascii_only: Annotated[
        bool, typer.Option("--ascii", help="List the steps in plain ASCII.")
    ] = False,
    is_registered: Annotated[
        bool, typer.Option("--registered", help="FILE is the name of a registered workflow.")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the drawing, or findings, as JSON.")
    ] = False,
    server: Server = None,
    data_dir: DataDir = None,
) -> None:
    """Draw a workflow: in the terminal, or as Mermaid, DOT or SVG."""
    from dagnats.cli import graph as drawing

    asked = drawing.Asked(form, target, direction, width, ascii_only, critical, as_json)
    if not is_registered:
        raise typer.Exit(drawing.graph(file, asked))

    async def work() -> int:
        from dagnats.cli.diff import registered

        async with connected(server, data_dir) as client:
            drawing.show(await registered(client, file), asked)
        return 0

    finish(work)


@app.command("explain", epilog="Example: dagnats explain DN3002")
def explain(
    codes: Annotated[
        list[str] | None, typer.Argument(metavar="CODE...", help="Codes of findings, or names.")
    ] = None,
    everything: Annotated[
        bool, typer.Option("--list", help="List all codes, or those that begin with CODE.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Say what a finding means, with an example of it, and the same mended."""
    from dagnats.cli import explain as explaining

    raise typer.Exit(explaining.explain(codes or (), everything=everything, as_json=as_json))


@app.command("compile", epilog="Example: dagnats compile hello.json -o hello.ir.json")
def compile_(
    file: Annotated[str, typer.Argument(metavar="FILE", help="A document; `-` is stdin.")],
    target: Annotated[
        str | None, typer.Option("-o", "--output", metavar="FILE", help="Write the IR there.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print findings as JSON too.")] = False,
    registry: WithRegistry = False,
    server: Server = None,
    data_dir: DataDir = None,
) -> None:
    """Print the compiled program of a document: its IR, with its digest."""
    from dagnats.cli import offline

    asked = _registry(server, data_dir) if registry else None
    raise typer.Exit(offline.compile_file(file, target, as_json=as_json, registry=asked))


@app.command("bounds", epilog="Example: dagnats bounds hello.yaml --against hello")
def bounds(
    file: Annotated[
        str, typer.Argument(metavar="FILE", help="A document or compiled IR; `-` is stdin.")
    ],
    against: Against = None,
    as_json: AsJson = False,
    server: Server = None,
    data_dir: DataDir = None,
) -> None:
    """Say what a run can take at the worst: attempts, events, bytes, time, tokens, money."""
    from dagnats.cli import bounds as certificate
    from dagnats.cli.versions import version

    other = version(against, server, data_dir)
    raise typer.Exit(certificate.bounds(file, other, as_json=as_json))


@app.command(
    "eval",
    epilog="Example: dagnats eval 'input.items.filter(x, x.price > 50).size()' --input @order.json",
)
def eval_(
    expression: Annotated[
        str, typer.Argument(metavar="EXPRESSION", help="An expression; `-` reads it from stdin.")
    ],
    input_: Annotated[
        str | None,
        typer.Option(
            "--input",
            metavar="JSON|@FILE|@-",
            help="What `input` is; the keys of an object are variables, too.",
        ),
    ] = None,
    schema: Annotated[
        str | None,
        typer.Option(metavar="JSON|@FILE", help="JSON Schema of `input`, to check types against."),
    ] = None,
    variables: Annotated[
        list[str] | None,
        typer.Option("--var", "--vars", metavar="NAME=JSON", help="A further variable."),
    ] = None,
    show_type: Annotated[bool, typer.Option("--type", help="Say the deduced type.")] = False,
    show_cost: Annotated[bool, typer.Option("--cost", help="Say the bounds and the cost.")] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print value, type and cost, or findings, as JSON.")
    ] = False,
    strict: Annotated[
        bool, typer.Option("--strict", help="CEL without promotion of int to double.")
    ] = False,
) -> None:
    """Evaluate an expression and print its value as JSON; 1 when it does not compile or fails."""
    from dagnats.cli import eval as evaluation

    asked = evaluation.Asked(
        expression,
        input=input_,
        schema=schema,
        variables=variables or (),
        show_type=show_type,
        show_cost=show_cost,
        as_json=as_json,
        strict=strict,
    )
    raise typer.Exit(evaluation.evaluate(asked))


@app.command("schema", epilog="Example: dagnats schema -o workflow.schema.json")
def schema_(
    name: Annotated[
        Literal["workflow", "library", "ir"],
        typer.Argument(help="Of workflow documents, of files to import, or of compiled programs."),
    ] = "workflow",
    draft: Annotated[
        Literal["2020-12", "7"], typer.Option(help="Which draft of JSON Schema it is written in.")
    ] = "2020-12",
    target: Annotated[
        str | None, typer.Option("-o", "--output", metavar="FILE", help="Write it there.")
    ] = None,
    registry: Annotated[
        bool,
        typer.Option("--registry", help="Suggest the tasks and workflows that a server knows."),
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Say what was written as JSON; a schema is JSON anyway.")
    ] = False,
    server: Server = None,
    data_dir: DataDir = None,
) -> None:
    """Print the JSON Schema that lets editors complete, explain and check documents."""
    from dagnats.cli import schema

    if not registry:
        raise typer.Exit(schema.write(schema.schema_of(name, draft), target, as_json=as_json))
    if name != "workflow":
        raise UsageError("`--registry` has a schema of workflow documents only")

    async def work() -> int:
        from dagnats.cli.registry import registered

        async with connected(server, data_dir) as client:
            programs = await registered(client)
        return schema.write(schema.registered(programs, draft), target, as_json=as_json)

    finish(work)


@app.command("lsp", epilog="Example: dagnats lsp")
def lsp(
    tcp: Annotated[
        str | None,
        typer.Option(metavar="HOST:PORT", help="Wait for one client there, instead of stdio."),
    ] = None,
) -> None:
    """Serve an editor with findings, completion and more, by the language server protocol."""
    from dagnats.cli import lsp as server

    raise typer.Exit(server.serve(tcp))


@app.command("init", epilog="Example: dagnats init reviews --template agent")
def init(
    directory: Annotated[
        Path, typer.Argument(metavar="DIR", help="Where the project goes; made if need be.")
    ] = Path(),
    template: Annotated[
        str, typer.Option("--template", "-t", metavar="NAME", help="What to start from.")
    ] = "hello",
    name: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Name of the workflow; default: that of the folder."),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite files that are there.")] = False,
    listing: Annotated[bool, typer.Option("--list", help="List the templates.")] = False,
    as_json: AsJson = False,
) -> None:
    """Create a small project that runs: a workflow, its worker, and the schema for editors."""
    from dagnats.cli import init as beginning

    if listing:
        raise typer.Exit(beginning.show_templates(as_json=as_json))
    asked = beginning.Asked(directory, template, name=name, force=force, as_json=as_json)
    raise typer.Exit(beginning.create(asked))


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
    partitions: Annotated[
        int | None,
        typer.Option(min=1, max=PARTITIONS_MAX, help="Of a new installation; fixed from then on."),
    ] = None,
    replicas: Annotated[
        int,
        typer.Option(min=1, max=5, help="Of new streams: 3 or 5 in a cluster of NATS servers."),
    ] = 1,
    keep_history: Annotated[
        str | None,
        typer.Option(
            metavar="DURATION",
            envvar="DAGNATS_KEEP_HISTORY",
            help="Remove runs that ended longer ago, as in `30d`; default: never.",
        ),
    ] = None,
) -> None:
    """Run the embedded NATS server and the engine until stopped."""
    from dagnats.cli import moments
    from dagnats.cli.serve import serve as serve_until_stopped
    from dagnats.jetstream.datadir import data_dir_of

    code = serve_until_stopped(
        data_dir_of(data_dir),
        http=http,
        nats_port=nats_port,
        nats_url=nats_url,
        fsync=fsync,
        partitions=partitions,
        replicas=replicas,
        keep_ms=moments.length(keep_history, "--keep-history"),
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
