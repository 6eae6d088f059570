"""`dagnats workflow …`: what the server knows to run."""

import json
import sys
from contextlib import redirect_stdout
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dagnats.cli import offline, output
from dagnats.cli.options import Against, AsJson, DataDir, Server, ask, connected, finish, group

if TYPE_CHECKING:
    from dagnats.compiler.registry import Registry
    from dagnats.ir.program import Certificate

DIGEST_SHOWN = len("sha256:") + 12

app = group("Register workflows and look at them.")


@app.command("register", epilog="Example: dagnats workflow register hello.json")
def register(
    files: Annotated[list[str], typer.Argument(metavar="FILE...", help="Documents; `-` is stdin.")],
    against: Against = None,
    as_json: AsJson = False,
    server: Server = None,
    data_dir: DataDir = None,
) -> None:
    """Lint, compile and register documents; registering the same content again changes nothing.

    They are checked against what the server knows, too: contracts of tasks, and other workflows.
    """
    from dagnats.cli.registry import ServerRegistry
    from dagnats.cli.versions import certificate

    registry = ServerRegistry(server, data_dir)
    other = certificate(against, files, server, data_dir)
    programs = [_program(file, registry, other) for file in files]
    if any(program is None for program in programs):
        raise typer.Exit(1)

    async def work() -> int:
        from msgspec import Raw

        answers = []
        async with connected(server, data_dir) as client:
            for program in programs:
                parameters = {"program": Raw(program or b"")}
                answers.append(await client.call("workflow.register", parameters))
        if as_json:
            output.result_json(answers[0] if len(answers) == 1 else answers)
            return 0
        for answer in answers:
            what = "registered" if answer["created"] else "unchanged"
            output.result(f"{what} {answer['name']} {answer['digest'][:DIGEST_SHOWN]}")
        return 0

    finish(work)


def _program(file: str, registry: "Registry", against: "Certificate | None") -> bytes | None:
    """Return the canonical IR of a document; None, with the findings told, when it is wrong."""
    from dagnats.ir.codec import encode

    opened = offline.read(file)
    compiled = offline.compiled_of(opened)
    if compiled.program is not None:  # what is wrong by itself needs no server to say so
        compiled = offline.compiled_of(opened, registry, against)
    with redirect_stdout(sys.stderr):
        offline.show(compiled, opened.text, opened.name, concise=False)
    return None if compiled.program is None else encode(compiled.program)


@app.command("list", epilog="Example: dagnats workflow list --json")
def list_(as_json: AsJson = False, server: Server = None, data_dir: DataDir = None) -> None:
    """List the registered workflows."""

    async def work() -> int:
        async with connected(server, data_dir) as client:
            rows = await client.call("workflow.list", {})
        if as_json:
            output.result_json(rows)
        else:
            output.result(output.table(_TITLES, [_row(row) for row in rows]))
        return 0

    finish(work)


_TITLES = ("NAME", "VERSION", "STEPS", "REGISTERED", "DIGEST")


def _row(row: dict[str, Any]) -> tuple[str, ...]:
    return (
        str(row["name"]),
        str(row.get("label") or "-"),
        str(row["steps"]),
        str(row["registered_at"]),
        str(row["digest"])[:DIGEST_SHOWN],
    )


@app.command("show", epilog="Example: dagnats workflow show hello")
def show(
    name: Annotated[str, typer.Argument(help="Name or digest of the workflow.")],
    version: Annotated[
        str, typer.Option(metavar="LABEL|DIGEST", help="Which version; default: the newest.")
    ] = "",
    as_json: AsJson = False,
    server: Server = None,
    data_dir: DataDir = None,
) -> None:
    """Show a registered workflow: its digest and its program, without secrets."""
    from dagnats.comparison.fields import hide_secrets

    answer = ask(server, data_dir, "workflow.show", {"name": name, "version": version})
    hide_secrets(answer["program"])
    if as_json:
        output.result_json(answer)
    else:
        output.say(f"{answer['name']} {answer['digest']}")
        output.result(json.dumps(answer["program"], ensure_ascii=False, indent=2))


@app.command("versions", epilog="Example: dagnats workflow versions hello")
def versions(
    name: Annotated[str, typer.Argument(help="Name of the workflow.")],
    as_json: AsJson = False,
    server: Server = None,
    data_dir: DataDir = None,
) -> None:
    """List the versions of a workflow that were registered, newest first."""
    rows = ask(server, data_dir, "workflow.versions", {"name": name})
    if as_json:
        output.result_json(rows)
        return
    cells = [
        (
            str(row.get("label") or "-"),
            str(row["registered_at"]),
            "current" if row["current"] else "",
            str(row["digest"]),
        )
        for row in rows
    ]
    output.result(output.table(("VERSION", "REGISTERED", "", "DIGEST"), cells))


@app.command("delete", epilog="Example: dagnats workflow delete hello")
def delete(
    name: Annotated[str, typer.Argument(help="Name of the workflow.")],
    force: Annotated[
        bool, typer.Option("--force", help="Also while runs of it are alive; they go on.")
    ] = False,
    as_json: AsJson = False,
    server: Server = None,
    data_dir: DataDir = None,
) -> None:
    """Take a workflow from the list of those that can be started; its runs and history stay."""
    answer = ask(server, data_dir, "workflow.delete", {"name": name, "force": force})
    if as_json:
        output.result_json(answer)
    else:
        output.result(f"deleted {answer['name']}")


@app.command("diff", epilog="Example: dagnats workflow diff old.yaml new.yaml --exit-code")
def diff(
    old: Annotated[str, typer.Argument(metavar="A", help="A document, compiled IR, or a name.")],
    new: Annotated[
        str | None,
        typer.Argument(metavar="B", help="The same; without it, A and its registered version."),
    ] = None,
    exit_code: Annotated[
        bool, typer.Option("--exit-code", help="Exit with 1 when something differs.")
    ] = False,
    as_json: AsJson = False,
    server: Server = None,
    data_dir: DataDir = None,
) -> None:
    """Compare two workflows, step by step, and say whether callers would notice."""
    from dagnats.cli import diff as differing

    if new is not None and not differing.needs_server(old, new):
        code = differing.offline(old, new, as_json=as_json, exit_code=exit_code)
        raise typer.Exit(code)
    differing.needs_server(old, new)

    async def work() -> int:
        async with connected(server, data_dir) as client:
            return await differing.online(client, old, new, as_json=as_json, exit_code=exit_code)

    finish(work)
