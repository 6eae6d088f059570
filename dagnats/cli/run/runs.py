"""Which runs a command is about: one by its id, or all that fit filters."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from dagnats.cli import moments
from dagnats.cli.options import connected, wait
from dagnats.errors import RefusedError, UsageError

if TYPE_CHECKING:
    from dagnats.jetstream.client import Client

PAGE, PAGE_MAX = 500, 1_000
SPARE = 10
"""So many more are asked for than wanted, as those of the last millisecond may not be whole."""
LAST = "@last"
ENDED = ("completed", "failed", "cancelled")

Status = Literal["pending", "running", "paused", "completed", "failed", "cancelled"]

RunId = Annotated[
    str,
    typer.Argument(
        metavar="RUN",
        help="Id of the run, `@last` for the newest, or how a made id begins (not a chosen one).",
    ),
]
OfWorkflow = Annotated[
    str, typer.Option("--workflow", metavar="NAME", help="Only runs of this workflow.")
]
OfStatus = Annotated[Status | None, typer.Option("--status", help="Only runs with this status.")]
OfLabels = Annotated[
    list[str] | None,
    typer.Option(
        "--label", metavar="KEY=VALUE", help="Only runs with this label; of several, all."
    ),
]
Since = Annotated[
    str | None,
    typer.Option(metavar="WHEN", help="Only runs that began since: `2h` ago, or RFC 3339."),
]
Until = Annotated[
    str | None,
    typer.Option(metavar="WHEN", help="Only runs that began before: `2h` ago, or RFC 3339."),
]


@dataclass(frozen=True)
class Filter:
    """What runs have to be like; without anything, all fit."""

    workflow: str = ""
    status: str = ""
    labels: dict[str, str] = field(default_factory=dict)
    since: int | None = None
    until: int | None = None

    def parameters(self) -> dict[str, Any]:
        """Return it as `run.list` and `run.count` take it."""
        found = {
            "workflow": self.workflow,
            "status": self.status,
            "labels": self.labels,
            "since": self.since,
            "until": self.until,
        }
        return {key: value for key, value in found.items() if value not in ("", None, {})}


def chosen(
    workflow: str,
    status: str | None,
    labels: list[str] | None,
    since: str | None,
    until: str | None,
) -> Filter:
    """Return the filter that the options of a command make. Raises UsageError."""
    pairs = {}
    for label in labels or ():
        key, equals, value = label.partition("=")
        if not key or not equals:
            raise UsageError(f"`--label {label}` is not KEY=VALUE")
        pairs[key] = value
    began, before = moments.ago(since, "--since"), moments.ago(until, "--until")
    return Filter(workflow, status or "", pairs, began, before)


async def rows(
    client: "Client", chosen: Filter, *, limit: int | None = None, before: str = ""
) -> AsyncIterator[dict[str, Any]]:
    """Yield the rows of runs that fit, newest first, page by page; at most `limit`.

    The next page is asked for by time, so that it stays the next one whatever ends meanwhile.
    Runs that began in the same millisecond stay together, and go by their ids. `before` is a run
    that the first page comes after.
    """
    edge = await _edge(client, before) if before else None
    until = chosen.until if edge is None else _earlier(chosen.until, edge[0])
    size = PAGE if limit is None else min(PAGE, limit + SPARE)
    left = limit
    while left is None or left > 0:
        parameters = replace(chosen, until=until).parameters() | {"limit": size}
        page = sorted(await client.call("run.list", parameters), key=_key, reverse=True)
        oldest = page[-1]["started_at"] if len(page) >= size else ""
        whole = [row for row in page if row["started_at"] != oldest]
        if oldest and not whole and size < PAGE_MAX:
            size = PAGE_MAX
            continue
        fresh = [row for row in whole or page if edge is None or _key(row) < edge]
        for row in fresh[:left]:
            yield row
        if not oldest:
            return
        # When more began at once than a page can hold, the rest of them cannot be asked for.
        until = moments.ms_of(oldest) - (0 if whole else 1)
        left = None if left is None else left - len(fresh)


Key = tuple[str, str]


def _key(row: dict[str, Any]) -> Key:
    return row["started_at"], row["run_id"]


async def _edge(client: "Client", before: str) -> Key:
    return _key(await client.call("run.get", {"run_id": before}))


def _earlier(until: int | None, timestamp: str) -> int:
    at = moments.ms_of(timestamp)
    return at if until is None else min(at, until)


async def named(client: "Client", run: str) -> str:
    """Return the id, or the prefix of one, that a command line means."""
    if run != LAST:
        return run
    newest = await client.call("run.list", {"limit": 1})
    if not newest:
        raise RefusedError("not_found", "there is no run yet")
    return str(newest[0]["run_id"])


def ask(
    server: str | None, data_dir: Path | None, operation: str, run: str, **parameters: Any
) -> Any:
    """Ask for one operation on one run and return its document."""

    async def work() -> Any:
        async with connected(server, data_dir) as client:
            parameters["run_id"] = await named(client, run)
            return await client.call(operation, parameters)

    return wait(work)
