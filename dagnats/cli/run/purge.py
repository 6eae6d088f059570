"""`dagnats run purge`: forget runs that have ended, with all that is stored of them."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from dagnats.cli import moments, output
from dagnats.cli.asking import asks, confirm
from dagnats.cli.options import AsJson, DataDir, Server, connected, group, wait
from dagnats.cli.run.many import DryRun, Yes
from dagnats.cli.run.runs import OfWorkflow

if TYPE_CHECKING:
    from dagnats.jetstream.client import Client

Row = dict[str, Any]

app = group("")


@dataclass(frozen=True)
class Wanted:
    """Which runs are to be forgotten."""

    before: int
    workflow: str
    status: str

    def parameters(self, after: int, *, dry_run: bool) -> dict[str, Any]:
        """Return the request for one batch."""
        return {
            "before": self.before,
            "workflow": self.workflow,
            "status": self.status,
            "after": after,
            "dry_run": dry_run,
        }


@app.command("purge", epilog="Example: dagnats run purge --older-than 30d --dry-run")
def purge(
    older_than: Annotated[
        str | None,
        typer.Option(metavar="WHEN", help="Only runs that ended before: `30d` ago, or RFC 3339."),
    ] = None,
    workflow: OfWorkflow = "",
    status: Annotated[
        Literal["completed", "failed", "cancelled"] | None,
        typer.Option("--status", help="Only runs that ended so."),
    ] = None,
    dry_run: DryRun = False,
    yes: Yes = False,
    as_json: AsJson = False,
    server: Server = None,
    data_dir: DataDir = None,
) -> None:
    """Remove runs that have ended: history, checkpoints, stored values, dead letters.

    What is alive, or has been retried, stays; so does what another run that is kept refers to.
    """
    before = moments.ago(older_than, "--older-than") or moments.now_ms()
    wanted = Wanted(before, workflow, status or "")
    # Whoever gives `--yes`, or has no terminal, is not asked, and waits for one look only.
    if not dry_run and not yes and asks():
        count = wait(lambda: _all(server, data_dir, wanted, dry_run=True, show=None))
        if not count:
            output.say("there is no run to remove")
            return
        confirm(f"remove {_counted(count)} for good?", yes=yes)
    count = wait(lambda: _all(server, data_dir, wanted, dry_run=dry_run, show=as_json))
    output.say(f"would remove {_counted(count)}" if dry_run else f"removed {_counted(count)}")


async def _all(
    server: str | None, data_dir: Path | None, wanted: Wanted, *, dry_run: bool, show: bool | None
) -> int:
    """Go through all batches; tell of each run unless `show` is None, as JSON if it is True."""
    seen: set[str] = set()
    kept: set[str] = set()
    async with connected(server, data_dir) as client:
        async for batch in _batches(client, wanted, dry_run=dry_run):
            kept.update(batch["kept"])
            for row in batch["runs"]:
                if row["run_id"] not in seen and show is not None:
                    _tell(row, as_json=show)
                seen.add(row["run_id"])
    needed = len(kept - seen)
    if needed and show is not None:
        stay = "stays" if needed == 1 else "stay"
        output.say(f"{_counted(needed)} {stay}: needed by another run that is kept")
    return len(seen)


async def _batches(client: "Client", wanted: Wanted, *, dry_run: bool) -> AsyncIterator[Any]:
    after: int | None = 0
    while after is not None:
        batch = await client.call("run.purge", wanted.parameters(after, dry_run=dry_run))
        yield batch
        after = batch["next"]


def _tell(row: Row, *, as_json: bool) -> None:
    if as_json:
        output.result_line(row)
    else:
        output.result_now(f"{row['run_id']} {row['workflow']} {row['status']} {row['ended_at']}")


def _counted(number: int) -> str:
    return f"{number} run" if number == 1 else f"{number} runs"
