"""`dagnats run …`: start runs, watch them, look at them, end them."""

import json
import re
import sys
from contextlib import aclosing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dagnats.cli import output, progress
from dagnats.cli.options import AsJson, DataDir, Server, connected, finish, group
from dagnats.errors import RefusedError, UsageError

if TYPE_CHECKING:
    from dagnats.jetstream.client import Client

LIST_LIMIT = 50
WORD = re.compile(r"[\w ,.!?-]+")

app = group("Start runs, watch them, look at them, end them.")

RunId = Annotated[str, typer.Argument(help="Id of the run, or a prefix that only it has.")]


def read_input(text: str | None, option: str | None) -> Any:
    """Return a run's input from its argument (JSON) or from `--input` (JSON or `@FILE`).

    Raises UsageError when both are given, or when what is given is not JSON.
    """
    if text is not None and option is not None:
        raise UsageError("the input is given twice: as an argument and with `--input`")
    given = text if text is not None else option
    if given is None:
        return None
    if given.startswith("@"):
        return _parsed(_read_file(given[1:]), f"`{given[1:]}`", hint="")
    return _parsed(given, f"the input `{progress.brief(given)[1:-1]}`", hint=_hint(given))


def _read_file(file: str) -> str:
    try:
        return Path(file).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as wrong:
        raise UsageError(f"cannot read `{file}`: {wrong}") from wrong


def _parsed(text: str, what: str, *, hint: str) -> Any:
    try:
        return json.loads(text, parse_constant=_refuse_constant)
    except ValueError as wrong:
        raise UsageError(f"{what} is not JSON: {wrong}{hint}") from wrong


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} has no place in JSON")


def _hint(given: str) -> str:
    """Say how to quote a string for the shell, when that is what was meant."""
    if WORD.fullmatch(given):
        return f"\n  help: a JSON string keeps its quotes inside the shell's: '\"{given}\"'"
    return "\n  help: put single quotes around it, or use `--input @FILE`"


@app.command("start", epilog="Example: dagnats run start hello '\"Ada\"' --watch")
def start(
    name: Annotated[str, typer.Argument(help="Name or digest of the workflow.")],
    text: Annotated[
        str | None, typer.Argument(metavar="[INPUT]", help="The run's input, as JSON.")
    ] = None,
    input_: Annotated[
        str | None, typer.Option("--input", metavar="JSON|@FILE", help="The input, or its file.")
    ] = None,
    run_id: Annotated[
        str | None, typer.Option("--id", help="Id of the run; starting it again changes nothing.")
    ] = None,
    watch_it: Annotated[
        bool, typer.Option("--watch", help="Follow to the end; the exit code is the outcome.")
    ] = False,
    as_json: AsJson = False,
    server: Server = None,
    data_dir: DataDir = None,
) -> None:
    """Start a run; with `--watch`, follow it: progress on stderr, its output on stdout."""
    value = read_input(text, input_)

    async def work() -> int:
        from dagnats.wire.ids import new_run_id

        parameters = {"workflow": name, "run_id": run_id or new_run_id(), "input": value}
        async with connected(server, data_dir) as client:
            answer = await client.call("run.start", parameters)
            if watch_it:
                return await follow(client, answer["run_id"], as_json=as_json)
        if as_json:
            output.result_json({"run_id": answer["run_id"], "status": answer["status"]})
        else:
            output.result(answer["run_id"])
        return 0

    finish(work)


async def follow(client: "Client", run_id: str, *, as_json: bool) -> int:
    """Tell a run's events as they come; then its output, or its error. Returns the exit code."""
    last: dict[str, Any] = {}
    async with aclosing(client.events(run_id, follow=True)) as events:
        async for event in events:
            last = event
            if as_json:
                output.result_line(event)
            else:
                output.say(progress.line(event, sys.stderr))
    status = progress.ENDS.get(last.get("type", ""), "running")
    value = last.get("payload")
    completed = status == "completed"
    if as_json:
        end = {"run_id": run_id, "status": status, "output": None, "error": None}
        output.result_line(end | {"output" if completed else "error": value})
    elif completed:
        output.result_value(value)
    else:
        output.complain(f"run `{run_id}` {status}: {progress.explain(value)}")
    return 0 if completed else 1


@app.command("watch", epilog="Example: dagnats run watch 01k9")
def watch(
    run_id: RunId, as_json: AsJson = False, server: Server = None, data_dir: DataDir = None
) -> None:
    """Follow a run from its first event to its end; the exit code is the outcome."""

    async def work() -> int:
        async with connected(server, data_dir) as client:
            run = await client.call("run.get", {"run_id": run_id})
            return await follow(client, run["run_id"], as_json=as_json)

    finish(work)


@app.command("list", epilog="Example: dagnats run list --status running")
def list_(
    workflow: Annotated[str, typer.Option(help="Only runs of this workflow.")] = "",
    status: Annotated[str, typer.Option(help="Only runs with this status.")] = "",
    limit: Annotated[int, typer.Option(min=1, max=1000, help="At most so many.")] = LIST_LIMIT,
    as_json: AsJson = False,
    server: Server = None,
    data_dir: DataDir = None,
) -> None:
    """List runs, newest first."""

    async def work() -> int:
        parameters = {"workflow": workflow, "status": status, "limit": limit}
        async with connected(server, data_dir) as client:
            rows = await client.call("run.list", parameters)
        if as_json:
            output.result_json(rows)
        else:
            titles = ("RUN", "WORKFLOW", "STATUS", "STARTED", "ENDED")
            keys = ("run_id", "workflow", "status", "started_at", "ended_at")
            cells = [tuple(str(row[key] or "-") for key in keys) for row in rows]
            output.result(output.table(titles, cells))
        return 0

    finish(work)


@app.command("show", epilog="Example: dagnats run show 01k9 --json")
@app.command("status", hidden=True)
def show(
    run_id: RunId, as_json: AsJson = False, server: Server = None, data_dir: DataDir = None
) -> None:
    """Show a run: its steps, what they wait for, its output or error."""

    async def work() -> int:
        async with connected(server, data_dir) as client:
            run = await client.call("run.get", {"run_id": run_id})
        if as_json:
            output.result_json(run)
        else:
            _tell(run)
        return 0

    finish(work)


def _tell(run: dict[str, Any]) -> None:
    output.result(f"run       {run['run_id']}")
    output.result(f"workflow  {run['workflow']} {run['digest']}")
    output.result(f"status    {run['status']}")
    output.result(f"started   {run['started_at']}")
    if run["ended_at"]:
        output.result(f"ended     {run['ended_at']}")
    output.result("")
    output.result(output.table(("STEP", "STATUS", "DETAILS"), [_step(s) for s in run["steps"]]))
    if run["error"]:
        output.result(f"\nerror     {progress.explain(run['error'])}")
    elif run["status"] == "completed":
        output.result(f"\noutput    {progress.brief(run['output'])}")


def _step(step: dict[str, Any]) -> tuple[str, str, str]:
    said = []
    if step.get("iteration"):
        said.append(f"iteration {step['iteration']}")
    if step.get("attempt", 0) > 1:
        said.append(f"attempt {step['attempt']}")
    if step.get("waits_for"):
        said.append(f"waits for {step['waits_for']}")
    if step.get("error"):
        said.append(progress.explain(step["error"]))
    return step["id"], step["status"], " · ".join(said)


@app.command("events", epilog="Example: dagnats run events 01k9 --json")
def events(
    run_id: RunId,
    follow_it: Annotated[
        bool, typer.Option("--follow", "-f", help="Wait for further events until the run ends.")
    ] = False,
    as_json: AsJson = False,
    server: Server = None,
    data_dir: DataDir = None,
) -> None:
    """Print what has happened to a run, one event a line."""

    async def work() -> int:
        async with connected(server, data_dir) as client:
            run = await client.call("run.get", {"run_id": run_id})
            async with aclosing(client.events(run["run_id"], follow=follow_it)) as events:
                async for event in events:
                    if as_json:
                        output.result_line(event)
                    else:
                        output.result(progress.line(event, sys.stdout))
        return 0

    finish(work)


@app.command("output", epilog="Example: dagnats run output 01k9 > review.md")
def output_(
    run_id: RunId, as_json: AsJson = False, server: Server = None, data_dir: DataDir = None
) -> None:
    """Print the output of a completed run: a string as it is, anything else as JSON."""

    async def work() -> int:
        async with connected(server, data_dir) as client:
            run = await client.call("run.get", {"run_id": run_id})
        if run["status"] != "completed":
            error = f": {progress.explain(run['error'])}" if run["error"] else ""
            output.complain(f"run `{run['run_id']}` is {run['status']}{error}")
            return 1
        if as_json:
            output.result_json(run["output"])
        else:
            output.result_value(run["output"])
        return 0

    finish(work)


@app.command("cancel", epilog="Example: dagnats run cancel 01k9 --reason 'wrong input'")
def cancel(
    run_id: RunId,
    reason: Annotated[str, typer.Option(help="Why; stands in the run's history.")] = "",
    as_json: AsJson = False,
    server: Server = None,
    data_dir: DataDir = None,
) -> None:
    """End a run: nothing new starts, running attempts are told to stop."""

    async def work() -> int:
        async with connected(server, data_dir) as client:
            parameters = {"run_id": run_id, "reason": reason}
            answer = await client.call("run.cancel", parameters)
        if answer["status"] in ("completed", "failed"):
            raise RefusedError(
                "conflict", f"run `{answer['run_id']}` is {answer['status']} already"
            )
        if as_json:
            output.result_json(answer)
        else:
            output.result(f"{answer['run_id']} {answer['status']}")
        return 0

    finish(work)
