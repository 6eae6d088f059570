"""`dagnats run cancel-all`, `retry-all`, `bulk`: the same for all runs that fit filters."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from dagnats.cli import output
from dagnats.cli.asking import confirm
from dagnats.cli.options import AsJson, DataDir, Server, connected, group, wait
from dagnats.cli.run.change import Exhausted, Reason
from dagnats.cli.run.runs import (
    Filter,
    OfLabels,
    OfStatus,
    OfWorkflow,
    Since,
    Until,
    chosen,
    rows,
)
from dagnats.errors import RefusedError

if TYPE_CHECKING:
    from dagnats.jetstream.client import Client

Action = Literal["cancel", "pause", "resume", "retry"]
DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Say which runs it would be, and change nothing.")
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask before.")]

AT_ONCE = 50
"""How many requests are under way at a time."""
EXPECTED = {"conflict", "not_found"}
"""Refusals of runs that have gone another way meanwhile."""

app = group("")


@dataclass(frozen=True)
class Asked:
    """What is to be done to which runs."""

    action: str
    filter: Filter
    reason: str = ""
    exhausted: str = "complete"
    dry_run: bool = False
    yes: bool = False
    as_json: bool = False

    def statuses(self) -> tuple[str, ...]:
        """Return the statuses of runs that this can be done to, or the one that was asked for."""
        if self.filter.status:
            return (self.filter.status,)
        match self.action:
            case "cancel":
                return ("pending", "paused", "running")
            case "pause":
                return ("running",)
            case "resume":
                return ("paused",)
            case _:
                return ("failed",)

    def parameters(self, run_id: str) -> dict[str, Any]:
        """Return the request about one run."""
        match self.action:
            case "cancel" | "pause":
                return {"run_id": run_id, "reason": self.reason}
            case "resume":
                return {"run_id": run_id, "exhausted": self.exhausted}
            case _:
                return {"run_id": run_id}


@app.command("cancel-all", epilog="Example: dagnats run cancel-all --workflow hello --dry-run")
def cancel_all(
    workflow: OfWorkflow = "",
    status: OfStatus = None,
    labels: OfLabels = None,
    since: Since = None,
    until: Until = None,
    reason: Reason = "",
    dry_run: DryRun = False,
    yes: Yes = False,
    as_json: AsJson = False,
    server: Server = None,
    data_dir: DataDir = None,
) -> None:
    """Cancel all runs that fit and have not ended."""
    wanted = chosen(workflow, status, labels, since, until)
    asked = Asked("cancel", wanted, reason, dry_run=dry_run, yes=yes, as_json=as_json)
    _do(asked, server, data_dir)


@app.command("retry-all", epilog="Example: dagnats run retry-all --workflow hello --since 1d")
def retry_all(
    workflow: OfWorkflow = "",
    labels: OfLabels = None,
    since: Since = None,
    until: Until = None,
    dry_run: DryRun = False,
    yes: Yes = False,
    as_json: AsJson = False,
    server: Server = None,
    data_dir: DataDir = None,
) -> None:
    """Retry all runs that fit and have failed."""
    wanted = chosen(workflow, None, labels, since, until)
    _do(Asked("retry", wanted, dry_run=dry_run, yes=yes, as_json=as_json), server, data_dir)


@app.command("bulk", epilog="Example: dagnats run bulk pause --label team=ops --dry-run")
def bulk(
    action: Annotated[Action, typer.Argument(help="What to do to each of them.")],
    workflow: OfWorkflow = "",
    status: OfStatus = None,
    labels: OfLabels = None,
    since: Since = None,
    until: Until = None,
    reason: Reason = "",
    exhausted: Exhausted = "complete",
    dry_run: DryRun = False,
    yes: Yes = False,
    as_json: AsJson = False,
    server: Server = None,
    data_dir: DataDir = None,
) -> None:
    """Do the same to all runs that fit; with `--json`, a line for each as it is done.

    Without `--status` it is about the runs that it can be done to: for `cancel` all that have not
    ended, for `pause` running ones, for `resume` paused ones, for `retry` failed ones.
    """
    wanted = chosen(workflow, status, labels, since, until)
    asked = Asked(action, wanted, reason, exhausted, dry_run=dry_run, yes=yes, as_json=as_json)
    _do(asked, server, data_dir)


def _do(asked: Asked, server: str | None, data_dir: Path | None) -> None:
    async def look() -> list[dict[str, Any]]:
        async with connected(server, data_dir) as client:
            return [row async for row in _fitting(client, asked)]

    found = wait(look)
    if asked.dry_run:
        for row in found:
            _tell(row["run_id"], row, as_json=asked.as_json)
        output.say(f"would {asked.action} {_counted(len(found))}")
        return
    if not found:
        output.say(f"there is no run to {asked.action}")
        return
    confirm(f"{asked.action} {_counted(len(found))}?", yes=asked.yes)

    async def act() -> int:
        async with connected(server, data_dir) as client:
            return await _act(client, asked, [row["run_id"] for row in found])

    raise typer.Exit(wait(act))


async def _fitting(client: "Client", asked: Asked) -> AsyncIterator[dict[str, Any]]:
    """Yield the rows of the runs that are meant, each once though it may change its status."""
    seen = set()
    for status in asked.statuses():
        async for row in rows(client, replace(asked.filter, status=status)):
            if row["run_id"] not in seen:
                seen.add(row["run_id"])
                yield row


async def _act(client: "Client", asked: Asked, run_ids: list[str]) -> int:
    """Do it to each, and tell of each at once. Returns the exit code."""
    done, worst = 0, 0

    async def one(run_id: str) -> dict[str, Any] | RefusedError:
        try:
            answer = await client.call(f"run.{asked.action}", asked.parameters(run_id))
        except RefusedError as no:
            return no
        return dict(answer)

    for begin in range(0, len(run_ids), AT_ONCE):
        some = run_ids[begin : begin + AT_ONCE]
        for run_id, answer in zip(some, await asyncio.gather(*map(one, some)), strict=True):
            if isinstance(answer, RefusedError) and answer.code not in EXPECTED:
                worst = RefusedError.exit_code
            done += isinstance(answer, dict)
            _tell(run_id, answer, as_json=asked.as_json)
    refused = len(run_ids) - done
    besides = f"; {refused} refused" if refused else ""
    output.say(f"{_DONE[asked.action]} {_counted(done)}{besides}")
    return worst


_DONE = {"cancel": "cancelled", "pause": "paused", "resume": "resumed", "retry": "retried"}


def _tell(run_id: str, answer: dict[str, Any] | RefusedError, *, as_json: bool) -> None:
    if isinstance(answer, RefusedError):
        if as_json:
            error = {"code": answer.code, "message": str(answer)}
            output.result_line({"run_id": run_id, "error": error})
        else:
            output.complain(f"{run_id}: {answer}")
    elif as_json:
        output.result_line({"run_id": run_id, "status": answer.get("status")})
    else:
        output.result_now(f"{run_id} {answer.get('status', '')}".rstrip())


def _counted(number: int) -> str:
    return f"{number} run" if number == 1 else f"{number} runs"
