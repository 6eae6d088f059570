"""`dagnats run events`, `export`: what has happened to a run, to read and to keep."""

import asyncio
import json
import sys
from contextlib import aclosing
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dagnats.cli import output, programs, progress
from dagnats.cli.options import AsJson, DataDir, Server, connected, finish, group
from dagnats.cli.run import stored, whole
from dagnats.cli.run.follow import all_events
from dagnats.cli.run.runs import RunId
from dagnats.errors import NoServerError

if TYPE_CHECKING:
    from dagnats.jetstream.client import Client

SETTLE_S = 10.0
"""How long the history may take to show what the engine has decided."""
POLL_S = 0.1

app = group("")


@app.command("events", epilog="Example: dagnats run events 01k9 --json")
def events(
    run: RunId,
    follow_it: Annotated[
        bool, typer.Option("--follow", "-f", help="Wait for further events until the run ends.")
    ] = False,
    types: Annotated[
        list[str] | None,
        typer.Option("--type", metavar="TYPE", help="Only these: `step.failed`, or `step`."),
    ] = None,
    step: Annotated[
        str, typer.Option(metavar="STEP", help="Only those of this step and of what is in it.")
    ] = "",
    full: Annotated[bool, typer.Option("--full", help="Print values whole.")] = False,
    raw: stored.Raw = False,
    as_json: AsJson = False,
    server: Server = None,
    data_dir: DataDir = None,
) -> None:
    """Print what has happened to a run, one event a line."""

    async def work() -> int:
        async with connected(server, data_dir) as client:
            found = await whole.get(client, run)
            run_id = found["run_id"]
            stream = client.events(run_id, follow=False)
            if follow_it:
                stream = all_events(client, run_id, known=found["counters"]["events"])
            shown = stored.Shown(client, run_id, raw=raw)
            async with aclosing(stream) as happened:
                async for event in happened:
                    if _fits(event, types, step):
                        _tell(await shown.event(event), full=full, as_json=as_json)
            shown.tell_rest()
        return 0

    finish(work)


def _tell(event: dict[str, Any], *, full: bool, as_json: bool) -> None:
    if as_json:
        output.result_line(event)
        return
    output.result_now(progress.line(event, sys.stdout))
    if full and event.get("payload") is not None:
        output.result_json(event["payload"])


def _fits(event: dict[str, Any], types: list[str] | None, step: str) -> bool:
    if types and not any(f"{event['type']}.".startswith(f"{wanted}.") for wanted in types):
        return False
    of = event.get("step_id", "")
    return not step or of == step or of.startswith((f"{step}.", f"{step}["))


@app.command("export", epilog="Example: dagnats run export 01k9 -o run.json")
def export(
    run: RunId,
    target: Annotated[
        str | None, typer.Option("-o", "--output", metavar="FILE", help="Write it there.")
    ] = None,
    raw: stored.Raw = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Say what was written as JSON; a bundle is JSON anyway.")
    ] = False,
    server: Server = None,
    data_dir: DataDir = None,
) -> None:
    """Write a run with its program and all its events to one file, which needs no server.

    Large values that it refers to stand beside the events, unless `--raw`.
    """

    async def work() -> int:
        async with connected(server, data_dir) as client:
            found = await whole.get(client, run)
            program = await client.call("workflow.show", {"name": found["digest"]})
            happened = await history(client, found)
            values = {} if raw else await stored.fetched(client, happened)
        bundle = {
            "dagnats_bundle": 1,
            "run_id": found["run_id"],
            "program": program["program"],
            "events": happened,
        }
        if values:
            named = {f"{one.run_id}/{one.sha256}": value for one, value in values.items()}
            bundle["payloads"] = named
        programs.write(json.dumps(bundle, ensure_ascii=False, indent=1) + "\n", target)
        if target not in {None, "-"}:
            if as_json:
                facts = {"run_id": found["run_id"], "file": target, "events": len(happened)}
                output.result_json(facts)
            else:
                output.say(f"wrote {target}: {len(happened)} events of `{found['run_id']}`")
        return 0

    finish(work)


async def history(client: "Client", run: dict[str, Any]) -> list[dict[str, Any]]:
    """Return all events of a run, at least those that `run.get` knew of.

    Raises NoServerError when the history does not catch up with that.
    """
    known = run["counters"]["events"]
    deadline = asyncio.get_running_loop().time() + SETTLE_S
    while True:
        async with aclosing(client.events(run["run_id"], follow=False)) as happened:
            found = [event async for event in happened]
        if found and found[-1]["seq"] >= known:
            return found
        if asyncio.get_running_loop().time() > deadline:
            raise NoServerError(f"the history of `{run['run_id']}` is behind by more than 10 s")
        await asyncio.sleep(POLL_S)
