"""`dagnats dlq …`: dead letters, which are runs and messages that nobody could bring to an end."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dagnats.cli import output, progress
from dagnats.cli.asking import confirm
from dagnats.cli.options import AsJson, DataDir, Server, ask, connected, group, wait
from dagnats.errors import RefusedError, UsageError

if TYPE_CHECKING:
    from dagnats.jetstream.client import Client

LIST_LIMIT = 100
LIST_MAX = 1_000

app = group("List dead letters, look at them, let them go on, or drop them.")

Ids = Annotated[list[str] | None, typer.Argument(metavar="[ID...]", help="Ids of dead letters.")]
All = Annotated[bool, typer.Option("--all", help="All of them, or all of `--workflow`.")]
OfWorkflow = Annotated[
    str, typer.Option("--workflow", metavar="NAME", help="Only those of this workflow.")
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask before.")]


@app.command("list", epilog="Example: dagnats dlq list --workflow hello")
def list_(
    workflow: OfWorkflow = "",
    limit: Annotated[int, typer.Option(min=1, max=LIST_MAX, help="At most so many.")] = LIST_LIMIT,
    as_json: AsJson = False,
    server: Server = None,
    data_dir: DataDir = None,
) -> None:
    """List dead letters, newest first."""
    rows = ask(server, data_dir, "dlq.list", {"workflow": workflow, "limit": limit})
    if as_json:
        output.result_json(rows)
        return
    output.result(output.table(_TITLES, [_cells(row) for row in rows]))
    if len(rows) == limit:
        output.say("there may be more: `--limit N`")


_TITLES = ("ID", "RUN", "WORKFLOW", "STEP", "AT", "REASON", "ERROR")


def _cells(row: dict[str, Any]) -> tuple[str, ...]:
    keys = ("id", "run_id", "workflow", "step", "at", "reason")
    said = ": ".join(str(row[key]) for key in ("code", "message") if row.get(key))
    return (*(str(row.get(key) or "-") for key in keys), said or "-")


@app.command("show", epilog="Example: dagnats dlq show 01k9")
def show(
    letter: Annotated[str, typer.Argument(metavar="ID", help="Id of a dead letter.")],
    as_json: AsJson = False,
    server: Server = None,
    data_dir: DataDir = None,
) -> None:
    """Show a dead letter with all that is known of it."""
    found = ask(server, data_dir, "dlq.show", {"id": letter})
    if as_json:
        output.result_json(found)
        return
    for key in ("id", "run_id", "workflow", "step", "reason", "at", "subject"):
        if found.get(key):
            output.result(f"{key:<9} {found[key]}")
    if found.get("error"):
        output.result(f"{'error':<9} {progress.explain(found['error'])}")
    if found.get("payload") is not None:
        output.result("")
        output.result_value(found["payload"])


@app.command("replay", epilog="Example: dagnats dlq replay 01k9")
def replay(
    letters: Ids = None,
    everything: All = False,
    workflow: OfWorkflow = "",
    yes: Yes = False,
    as_json: AsJson = False,
    server: Server = None,
    data_dir: DataDir = None,
) -> None:
    """Let dead letters go on: a failed run where it failed, a message as if it had just come."""
    meant = _meant(server, data_dir, letters, workflow, everything=everything)
    _do(server, data_dir, "replay", meant, ask_first=everything and not yes, as_json=as_json)


@app.command("discard", epilog="Example: dagnats dlq discard --all --workflow hello")
def discard(
    letters: Ids = None,
    everything: All = False,
    workflow: OfWorkflow = "",
    yes: Yes = False,
    as_json: AsJson = False,
    server: Server = None,
    data_dir: DataDir = None,
) -> None:
    """Drop dead letters; the runs themselves stay as they are."""
    meant = _meant(server, data_dir, letters, workflow, everything=everything)
    _do(server, data_dir, "discard", meant, ask_first=everything and not yes, as_json=as_json)


def _meant(
    server: str | None,
    data_dir: Path | None,
    letters: Sequence[str] | None,
    workflow: str,
    *,
    everything: bool,
) -> list[str]:
    """Return the ids that a command line means. Raises UsageError."""
    if bool(letters) == everything:
        raise UsageError("say which: the ids of dead letters, or `--all`")
    if letters:
        if workflow:
            raise UsageError("`--workflow` goes with `--all`")
        return list(letters)
    rows = ask(server, data_dir, "dlq.list", {"workflow": workflow, "limit": LIST_MAX})
    if len(rows) == LIST_MAX:
        output.say(f"these are the newest {LIST_MAX}: there may be more")
    return [row["id"] for row in rows]


def _do(
    server: str | None,
    data_dir: Path | None,
    action: str,
    letters: list[str],
    *,
    ask_first: bool,
    as_json: bool,
) -> None:
    if not letters:
        output.say(f"there is nothing to {action}")
        return
    confirm(f"{action} {len(letters)} dead letters?", yes=not ask_first)

    async def work() -> int:
        async with connected(server, data_dir) as client:
            return await _each(client, action, letters, as_json=as_json)

    raise typer.Exit(wait(work))


async def _each(client: "Client", action: str, letters: list[str], *, as_json: bool) -> int:
    """Do it to each, and tell of each at once; one that is refused holds up no other."""
    code = 0
    for letter in letters:
        try:
            answer = await client.call(f"dlq.{action}", {"id": letter})
        except RefusedError as no:
            code = no.exit_code
            if as_json:
                error = {"code": no.code, "message": str(no)}
                output.result_line({"id": letter, "error": error})
            else:
                output.complain(f"{letter}: {no}")
            continue
        if as_json:
            output.result_line(answer)
        else:
            done = {"replay": "replayed", "discard": "discarded"}[action]
            output.result_now(f"{letter} {done} {answer.get('run_id') or ''}".rstrip())
    return code
