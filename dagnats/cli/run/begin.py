"""`dagnats run start`, `watch`: begin a run, and follow it to its end."""

from typing import Annotated

import typer

from dagnats.cli import moments, output
from dagnats.cli.given import read_input
from dagnats.cli.options import AsJson, DataDir, Server, connected, finish, group
from dagnats.cli.run import stored, whole
from dagnats.cli.run.follow import follow
from dagnats.cli.run.runs import RunId

app = group("")


@app.command("start", epilog="Example: dagnats run start hello '\"Ada\"' --watch")
def start(
    name: Annotated[str, typer.Argument(help="Name or digest of the workflow.")],
    text: Annotated[
        str | None, typer.Argument(metavar="[INPUT]", help="The run's input, as JSON.")
    ] = None,
    input_: Annotated[
        str | None,
        typer.Option("--input", metavar="JSON|@FILE|@-", help="The input, or its file, or stdin."),
    ] = None,
    run_id: Annotated[
        str | None, typer.Option("--id", help="Id of the run; starting it again changes nothing.")
    ] = None,
    version: Annotated[
        str, typer.Option(metavar="LABEL|DIGEST", help="Which version; default: the newest.")
    ] = "",
    at: Annotated[
        str | None,
        typer.Option(metavar="WHEN", help="Begin then: `2h` from now on, or RFC 3339."),
    ] = None,
    watch_it: Annotated[
        bool, typer.Option("--watch", help="Follow to the end; the exit code is the outcome.")
    ] = False,
    raw: stored.Raw = False,
    as_json: AsJson = False,
    server: Server = None,
    data_dir: DataDir = None,
) -> None:
    """Start a run; with `--watch`, follow it: progress on stderr, its output on stdout."""
    parameters = {"workflow": name, "input": read_input(text, input_)}
    begins_at = moments.ahead(at, "--at")
    if version:
        parameters["version"] = version
    if begins_at is not None:
        parameters["at"] = begins_at

    async def work() -> int:
        from dagnats.wire.ids import new_run_id

        parameters["run_id"] = run_id or new_run_id()
        async with connected(server, data_dir) as client:
            answer = await client.call("run.start", parameters)
            if watch_it:
                known = 0
                if not answer["created"]:
                    run = await whole.get(client, answer["run_id"])
                    known = run["counters"]["events"]
                return await follow(client, answer["run_id"], known=known, as_json=as_json, raw=raw)
        if as_json:
            output.result_json({"run_id": answer["run_id"], "status": answer.get("status")})
        else:
            output.result(answer["run_id"])
        return 0

    finish(work)


@app.command("watch", epilog="Example: dagnats run watch 01k9")
def watch(
    run: RunId,
    raw: stored.Raw = False,
    as_json: AsJson = False,
    server: Server = None,
    data_dir: DataDir = None,
) -> None:
    """Follow a run from its first event to its end; the exit code is the outcome."""

    async def work() -> int:
        async with connected(server, data_dir) as client:
            found = await whole.get(client, run)
            known = found["counters"]["events"]
            return await follow(client, found["run_id"], known=known, as_json=as_json, raw=raw)

    finish(work)
