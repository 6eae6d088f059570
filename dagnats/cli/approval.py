"""`dagnats approval …`: what waits for a decision of people, and their decisions."""

import getpass
from pathlib import Path
from typing import Annotated, Any

import typer

from dagnats.cli import output
from dagnats.cli.given import read_json
from dagnats.cli.options import AsJson, DataDir, Server, connected, group, wait
from dagnats.cli.run.runs import RunId, named
from dagnats.errors import RefusedError, UsageError

app = group("List what waits for a decision, and decide it.")

Step = Annotated[
    str | None,
    typer.Argument(metavar="[STEP]", help="The step; may be left out where only one waits."),
]
By = Annotated[
    str | None, typer.Option(metavar="NAME", help="Who decides; default: your login name.")
]
Groups = Annotated[
    list[str] | None, typer.Option("--group", metavar="NAME", help="A group that they are in.")
]
Comment = Annotated[str, typer.Option(help="Why; stands in the run's history.")]
Form = Annotated[
    str | None, typer.Option(metavar="JSON|@FILE", help="What the form asks for, filled in.")
]
Token = Annotated[
    str, typer.Option(help="The token that was sent with the request: decide as its receiver.")
]


@app.command("list", epilog="Example: dagnats approval list")
def list_(
    run: Annotated[
        str | None, typer.Option(metavar="RUN", help="Only what this run waits for.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="At most so many.")] = 100,
    as_json: AsJson = False,
    server: Server = None,
    data_dir: DataDir = None,
) -> None:
    """List what waits for a decision, oldest first."""

    async def work() -> Any:
        async with connected(server, data_dir) as client:
            of = {} if run is None else {"run_id": await named(client, run)}
            return await client.call("approval.list", {"limit": limit} | of)

    rows = wait(work)
    if as_json:
        output.result_json(rows)
    else:
        output.result(output.table(_TITLES, [_cells(row) for row in rows]))


_TITLES = ("RUN", "STEP", "WORKFLOW", "SINCE", "UNTIL", "APPROVERS", "APPROVED", "DESCRIPTION")


def _cells(row: dict[str, Any]) -> tuple[str, ...]:
    approved = row.get("approved_by") or []
    quorum = row.get("quorum", 1)
    return (
        row["run_id"],
        row["step"],
        row["workflow"],
        row.get("since") or "-",
        row.get("until") or "-",
        ", ".join(row.get("approvers") or ()) or "anybody",
        f"{len(approved)} of {quorum}",
        row.get("description") or "-",
    )


@app.command("approve", epilog="Example: dagnats approval approve 01k9 publish --by ada")
def approve(
    run: RunId,
    step: Step = None,
    by: By = None,
    groups: Groups = None,
    comment: Comment = "",
    form: Form = None,
    token: Token = "",
    as_json: AsJson = False,
    server: Server = None,
    data_dir: DataDir = None,
) -> None:
    """Approve what a run asks for."""
    decision = _decision("approve", by, groups, comment, form, token)
    _decide(server, data_dir, run, step, decision, as_json=as_json)


@app.command("reject", epilog="Example: dagnats approval reject 01k9 publish --comment 'too long'")
def reject(
    run: RunId,
    step: Step = None,
    by: By = None,
    groups: Groups = None,
    comment: Comment = "",
    form: Form = None,
    token: Token = "",
    as_json: AsJson = False,
    server: Server = None,
    data_dir: DataDir = None,
) -> None:
    """Reject what a run asks for."""
    decision = _decision("reject", by, groups, comment, form, token)
    _decide(server, data_dir, run, step, decision, as_json=as_json)


def _decision(
    decision: str,
    by: str | None,
    groups: list[str] | None,
    comment: str,
    form: str | None,
    token: str,
) -> dict[str, Any]:
    """Return what of `approval.decide` the options say. Raises UsageError."""
    if token and groups:
        raise UsageError("`--token` says who may decide: leave out `--group`")
    found: dict[str, Any] = {"decision": decision, "comment": comment}
    if form is not None:
        found["form"] = read_json(form, "the form")
    if token:
        return found | {"token": token, "by": by or ""}
    return found | {"by": _login() if by is None else by, "groups": groups or []}


def _login() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError) as nobody:
        raise UsageError("say who decides: `--by NAME`") from nobody


def _decide(
    server: str | None,
    data_dir: Path | None,
    run: str,
    step: str | None,
    decision: dict[str, Any],
    *,
    as_json: bool,
) -> None:
    async def work() -> Any:
        async with connected(server, data_dir) as client:
            run_id = await named(client, run)
            which = step
            if which is None:
                which = _only(run_id, await client.call("approval.list", {"run_id": run_id}))
            params = decision | {"run_id": run_id, "step": which}
            return await client.call("approval.decide", params)

    answer = wait(work)
    if as_json:
        output.result_json(answer)
    else:
        output.result(f"{answer['run_id']} {answer['step']} {answer['status']}")


def _only(run_id: str, waiting: list[dict[str, Any]]) -> str:
    """Return the one step that waits for a decision."""
    steps = [row["step"] for row in waiting]
    if not steps:
        raise RefusedError("not_found", f"run `{run_id}` waits for no decision")
    if len(steps) > 1:
        raise UsageError(f"say which step of `{run_id}` it is about: {', '.join(steps)}")
    return str(steps[0])
