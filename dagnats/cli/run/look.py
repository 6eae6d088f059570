"""`dagnats run list`, `count`, `show`, `output`, `explain`: what there is, and how it stands."""

from typing import Annotated, Any

import typer

from dagnats.cli import output, progress
from dagnats.cli.options import AsJson, DataDir, Server, connected, finish, group, wait
from dagnats.cli.options import ask as ask_server
from dagnats.cli.run import causes, stored, whole
from dagnats.cli.run.instances import depth
from dagnats.cli.run.runs import (
    OfLabels,
    OfStatus,
    OfWorkflow,
    RunId,
    Since,
    Until,
    ask,
    chosen,
    rows,
)

LIST_LIMIT = 50
STEPS_SHOWN_MAX = 200
"""Of a run with more, only those that say something are shown."""
QUIET = {"completed", "skipped", "pending", "cancelled"}

app = group("")


@app.command("list", epilog="Example: dagnats run list --status running --since 2h")
def list_(
    workflow: OfWorkflow = "",
    status: OfStatus = None,
    labels: OfLabels = None,
    since: Since = None,
    until: Until = None,
    limit: Annotated[int, typer.Option(min=1, help="At most so many.")] = LIST_LIMIT,
    everything: Annotated[bool, typer.Option("--all", help="However many there are.")] = False,
    before: Annotated[
        str, typer.Option(metavar="RUN", help="Go on after this run, the last of another page.")
    ] = "",
    as_json: AsJson = False,
    server: Server = None,
    data_dir: DataDir = None,
) -> None:
    """List runs, newest first."""
    wanted = chosen(workflow, status, labels, since, until)
    most = None if everything else limit

    async def work() -> int:
        async with connected(server, data_dir) as client:
            found = [row async for row in rows(client, wanted, limit=most, before=before)]
        if as_json:
            output.result_json(found)
            return 0
        labelled = any(row.get("labels") for row in found)
        titles = (*_TITLES, "LABELS") if labelled else _TITLES
        output.result(output.table(titles, [_cells(row, labelled=labelled) for row in found]))
        if len(found) == most:
            output.say(f"there may be more: `--before {found[-1]['run_id']}`, or `--all`")
        return 0

    finish(work)


_TITLES = ("RUN", "WORKFLOW", "STATUS", "STARTED", "ENDED")


def _cells(row: dict[str, Any], *, labelled: bool) -> tuple[str, ...]:
    keys = ("run_id", "workflow", "status", "started_at", "ended_at")
    cells = tuple(str(row.get(key) or "-") for key in keys)
    return (*cells, _labels(row.get("labels") or {}) or "-") if labelled else cells


def _labels(labels: dict[str, Any]) -> str:
    return " ".join(f"{key}={value}" for key, value in labels.items())


@app.command("count", epilog="Example: dagnats run count --workflow hello --since 7d")
def count(
    workflow: OfWorkflow = "",
    status: OfStatus = None,
    labels: OfLabels = None,
    since: Since = None,
    until: Until = None,
    as_json: AsJson = False,
    server: Server = None,
    data_dir: DataDir = None,
) -> None:
    """Count runs: the number on stdout, how many have which status on stderr."""
    wanted = chosen(workflow, status, labels, since, until)
    answer = ask_server(server, data_dir, "run.count", wanted.parameters())
    if as_json:
        output.result_json(answer)
        return
    output.result(str(answer["count"]))
    by_status = [f"{number} {name}" for name, number in answer["by_status"].items() if number]
    if by_status:
        output.say(" · ".join(by_status))


@app.command("show", epilog="Example: dagnats run show 01k9 --json")
@app.command("status", hidden=True)
def show(
    run: RunId,
    raw: stored.Raw = False,
    as_json: AsJson = False,
    server: Server = None,
    data_dir: DataDir = None,
) -> None:
    """Show a run: its steps, what they wait for, its output or error."""

    async def work() -> dict[str, Any]:
        async with connected(server, data_dir) as client:
            found = await whole.get(client, run)
            if as_json:
                return dict(await stored.resolved(client, found, raw=raw))
            shown = stored.Shown(client, found["run_id"], raw=raw)
            return found | {"output": await shown.of(found["output"])}

    found = wait(work)
    if as_json:
        output.result_json(found)
        return
    output.result("\n".join(head(found)))
    output.result("")
    steps = shown(found["steps"])
    cells = [("  " * depth(step["id"]) + step["id"], *_step(step)) for step in steps]
    output.result(output.table(("STEP", "STATUS", "DETAILS"), cells))
    if left_out := len(found["steps"]) - len(steps):
        output.result(f"… and {left_out} inner steps that have ended or not begun: see `inspect`")
    for line in _foot(found):
        output.result(line)


def head(run: dict[str, Any]) -> list[str]:
    """Return what a run is, as lines."""
    facts = {
        "run": run["run_id"],
        "workflow": f"{run['workflow']} {run['digest']}",
        "status": run["status"],
        "generation": run["generation"] if run.get("generation", 1) > 1 else None,
        "labels": _labels(run.get("labels") or {}),
        "parent": _parent(run.get("parent")),
        "started": run["started_at"],
        "ended": run["ended_at"],
        "usage": _labels(run.get("usage") or {}),
    }
    return [f"{name:<9} {fact}" for name, fact in facts.items() if fact]


def _parent(parent: Any) -> str:
    if not isinstance(parent, dict):
        return str(parent or "")
    return " ".join(str(parent[key]) for key in ("run_id", "step") if parent.get(key))


def shown(steps: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the steps of a run; of very many, inner ones only if they say something."""
    if len(steps) <= STEPS_SHOWN_MAX:
        return steps
    return [step for step in steps if not depth(step["id"]) or step["status"] not in QUIET]


def _step(step: dict[str, Any]) -> tuple[str, str]:
    said = []
    if step.get("iteration"):
        said.append(f"iteration {step['iteration']}")
    if step.get("attempt", 0) > 1:
        said.append(f"attempt {step['attempt']}")
    if step.get("waits_for"):
        said.append(f"waits for {step['waits_for']}")
    if step.get("error") and step["error"]["message"] not in step.get("waits_for", ""):
        said.append(progress.explain(step["error"], at=step["id"]))
    return step["status"], " · ".join(said)


def _foot(run: dict[str, Any]) -> list[str]:
    """Return what became of a run, or what people have to decide, as lines."""
    lines = []
    for approval in run.get("approvals") or ():
        said = approval.get("description") or "a decision"
        lines.append(f"\napproval  `{approval['step']}`: {said}")
        lines.append(f"          dagnats approval approve {run['run_id']} {approval['step']}")
    if run["error"]:
        lines.append(f"\nerror     {progress.explain(run['error'])}")
    elif run["status"] == "completed":
        lines.append(f"\noutput    {progress.brief(run['output'])}")
    return lines


@app.command("output", epilog="Example: dagnats run output 01k9 > review.md")
def output_(
    run: RunId,
    raw: stored.Raw = False,
    as_json: AsJson = False,
    server: Server = None,
    data_dir: DataDir = None,
) -> None:
    """Print the output of a completed run: a string as it is, anything else as JSON."""

    async def work() -> dict[str, Any]:
        async with connected(server, data_dir) as client:
            found = await whole.get(client, run)
            if raw:
                return found
            return found | {"output": await stored.whole(client, found["output"])}

    found = wait(work)
    if found["status"] != "completed":
        error = causes.explained(found["error"])
        output.complain(f"run `{found['run_id']}` is {found['status']}{error}")
        raise typer.Exit(1)
    if as_json:
        output.result_json(found["output"])
    else:
        output.result_value(found["output"])


@app.command("explain", epilog="Example: dagnats run explain 01k9")
def explain(
    run: RunId, as_json: AsJson = False, server: Server = None, data_dir: DataDir = None
) -> None:
    """Say why a run does not go on: what it waits for, since when, until when, for whom."""
    found = ask(server, data_dir, "run.explain", run)
    if as_json:
        output.result_json(found)
        return
    output.say(f"run `{found['run_id']}` is {found['status']}")
    if found["causes"]:
        cells = [causes.row(cause) for cause in found["causes"]]
        output.result(output.table(causes.TITLES, cells))
    else:
        output.result("it waits for nothing")
