"""`dagnats run signal`, `cancel`, `pause`, `resume`, `retry`, `fork`: change how a run goes on."""

from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from dagnats.cli import output
from dagnats.cli.given import Part, assigned, assignment, read_json
from dagnats.cli.options import AsJson, DataDir, Server, connected, group, wait
from dagnats.cli.run import whole
from dagnats.cli.run.runs import RunId, ask, named
from dagnats.errors import RefusedError, UsageError

Reason = Annotated[str, typer.Option(help="Why; stands in the run's history.")]
Exhausted = Annotated[
    Literal["complete", "fail"],
    typer.Option(help="What becomes of loops that are at their bound."),
]

app = group("")


@app.command("signal", epilog="Example: dagnats run signal 01k9 payment.received '{\"paid\": 42}'")
def signal(
    run: RunId,
    name: Annotated[str, typer.Argument(metavar="NAME", help="What the run waits for.")],
    data: Annotated[
        str | None, typer.Argument(metavar="[DATA]", help="JSON, @FILE, or @- for stdin.")
    ] = None,
    event_id: Annotated[
        str | None, typer.Option("--id", help="Id of the signal; sending it again changes nothing.")
    ] = None,
    as_json: AsJson = False,
    server: Server = None,
    data_dir: DataDir = None,
) -> None:
    """Send an event to one run; it is kept until a step waits for it."""
    from dagnats.wire.ids import new_run_id

    value = None if data is None else read_json(data, "the data")
    known = event_id or new_run_id()
    answer = ask(server, data_dir, "run.signal", run, name=name, id=known, data=value)
    if as_json:
        output.result_json(answer)
    else:
        output.result(f"{answer['run_id']} signalled {answer['event_id']}")


@app.command("cancel", epilog="Example: dagnats run cancel 01k9 --reason 'wrong input'")
def cancel(
    run: RunId,
    reason: Reason = "",
    as_json: AsJson = False,
    server: Server = None,
    data_dir: DataDir = None,
) -> None:
    """End a run: nothing new starts, running attempts are told to stop."""
    answer = ask(server, data_dir, "run.cancel", run, reason=reason)
    if answer["status"] in {"completed", "failed"}:
        raise RefusedError("conflict", f"run `{answer['run_id']}` is {answer['status']} already")
    _tell(answer, as_json=as_json)


@app.command("pause", epilog="Example: dagnats run pause 01k9 --reason 'database is down'")
def pause(
    run: RunId,
    reason: Reason = "",
    as_json: AsJson = False,
    server: Server = None,
    data_dir: DataDir = None,
) -> None:
    """Let a run start nothing new until it is resumed; what runs goes on to its end."""
    _tell(ask(server, data_dir, "run.pause", run, reason=reason), as_json=as_json)


@app.command("resume", epilog="Example: dagnats run resume 01k9 --exhausted fail")
def resume(
    run: RunId,
    exhausted: Exhausted = "complete",
    as_json: AsJson = False,
    server: Server = None,
    data_dir: DataDir = None,
) -> None:
    """Let a paused run go on."""
    _tell(ask(server, data_dir, "run.resume", run, exhausted=exhausted), as_json=as_json)


@app.command("retry", epilog="Example: dagnats run retry 01k9")
def retry(
    run: RunId, as_json: AsJson = False, server: Server = None, data_dir: DataDir = None
) -> None:
    """Let a failed run go on at the steps that failed; what has completed stays."""
    _tell(ask(server, data_dir, "run.retry", run), as_json=as_json)


def _tell(answer: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        output.result_json(answer)
    else:
        output.result(f"{answer['run_id']} {answer.get('status', '')}".rstrip())


@app.command(
    "fork", epilog="Example: dagnats run fork 01k9 --from review --set 'steps.fetch.output=\"new\"'"
)
def fork(
    run: RunId,
    step: Annotated[
        str, typer.Option("--from", metavar="STEP", help="The first step to be done again.")
    ],
    changes: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="PATH=VALUE",
            help="Another value (JSON, @FILE) at `input…` or `steps.NAME.output…`.",
        ),
    ] = None,
    version: Annotated[
        str, typer.Option(metavar="LABEL|DIGEST", help="Which version; default: the same.")
    ] = "",
    new_id: Annotated[
        str | None,
        typer.Option("--id", help="Id of the new run; forking to it again changes nothing."),
    ] = None,
    as_json: AsJson = False,
    server: Server = None,
    data_dir: DataDir = None,
) -> None:
    """Start a new run that takes over from another one all that came before a step."""
    assignments = [assignment(change) for change in changes or ()]
    for parts, _ in assignments:
        _check_place(parts)
    answer = _fork(server, data_dir, run, assignments, {"step": step, "version": version}, new_id)
    if as_json:
        output.result_json(answer)
    else:
        output.result(answer["run_id"])


def _fork(
    server: str | None,
    data_dir: Path | None,
    run: str,
    assignments: list[tuple[list[Part], Any]],
    parameters: dict[str, Any],
    new_id: str | None,
) -> Any:
    from dagnats.wire.ids import new_run_id

    async def work() -> Any:
        async with connected(server, data_dir) as client:
            parameters["new_run_id"] = new_id or new_run_id()
            parameters["run_id"] = await named(client, run)
            if assignments:
                old = await whole.get(client, parameters["run_id"])
                parameters.update(changed(old, assignments))
            return await client.call("run.fork", parameters)

    return wait(work)


def _check_place(parts: list[Part]) -> None:
    match parts:
        case ["input", *_] | ["steps", str(), "output", *_]:
            return
        case _:
            written = "".join(f"[{p}]" if isinstance(p, int) else f".{p}" for p in parts)
            raise UsageError(
                f"`--set {written[1:]}`: only `input…` and `steps.NAME.output…` can be set"
            )


def changed(run: dict[str, Any], assignments: list[tuple[list[Part], Any]]) -> dict[str, Any]:
    """Return what of `run.fork` says how the new run differs. Raises UsageError."""
    old = {step["id"]: step.get("output") for step in run["steps"]}
    outputs: dict[str, Any] = {}
    found: dict[str, Any] = {}
    for parts, value in assignments:
        match parts:
            case ["steps", str(name), "output", *rest]:
                if name not in old:
                    raise UsageError(f"run `{run['run_id']}` has no step `{name}`")
                before = outputs.get(name, old[name])
                outputs[name] = assigned(before, rest, value, f"steps.{name}.output")
            case _:
                rest = parts[1:]
                before = found.get("input", run["input"])
                found |= {"set_input": True, "input": assigned(before, rest, value, "input")}
    return found | ({"outputs": outputs} if outputs else {})
