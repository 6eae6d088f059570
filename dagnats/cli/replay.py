"""`dagnats replay`: a recorded run decided again, by the program it had, or by another one."""

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dagnats.cli import output, programs
from dagnats.cli.documents import read
from dagnats.cli.options import AsJson
from dagnats.errors import BrokenError, UsageError

if TYPE_CHECKING:
    from dagnats.ir.program import Program
    from dagnats.machine.events import Event
    from dagnats.simulation.replaying import Difference

EXAMPLE = "Example: dagnats replay run.json --version hello.yaml"
BUNDLE_VERSION = 1


def replay(
    bundle: Annotated[
        str, typer.Argument(metavar="BUNDLE", help="What `dagnats run export` wrote.")
    ],
    version: Annotated[
        str | None,
        typer.Option(
            "--version", metavar="FILE", help="Another version of the workflow to decide it by."
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Decide a recorded run again; 1 when that comes to other decisions."""
    from dagnats.ir.codec import digest
    from dagnats.machine.prepared import prepare
    from dagnats.simulation.replaying import replay as decide

    program, events = opened(bundle)
    other = None
    if version is not None:
        another = programs.load(version, as_json=as_json)
        if another is None:
            raise typer.Exit(1)
        other = prepare(another, digest(another))
    try:
        found = decide(prepare(program, digest(program)), events, other)
    except BrokenError as wrong:
        raise UsageError(f"`{bundle}`: {wrong}") from wrong
    if as_json:
        output.result_json({"events": len(events), "differences": [_data(one) for one in found]})
    elif not found:
        output.result(f"{len(events):,} events, all decided the same.")
    else:
        output.result("\n".join(_told(found, len(events))))
    if found:
        raise typer.Exit(1)


def opened(bundle: str) -> "tuple[Program, list[Event]]":
    """Return the program and the events of a bundle. Raises UsageError."""
    from dagnats.ir.codec import load
    from dagnats.machine.events import decode

    try:
        document = json.loads(read(bundle).text)
    except ValueError as wrong:
        raise UsageError(f"`{bundle}` is no JSON: {wrong}") from wrong
    if not isinstance(document, dict) or document.get("dagnats_bundle") != BUNDLE_VERSION:
        raise UsageError(f"`{bundle}` is no bundle of a run: `dagnats run export RUN` writes one")
    try:
        program = load(json.dumps(document["program"]).encode())
        events = [decode(json.dumps(event).encode()) for event in document["events"]]
    except (BrokenError, KeyError, ValueError, TypeError) as wrong:
        raise UsageError(f"`{bundle}` is no bundle of a run: {wrong}") from wrong
    return program, events


def _told(found: "list[Difference]", count: int) -> list[str]:
    first = found[0]
    lines = [f"The first {first.seq - 1:,} of {count:,} events were decided the same.", ""]
    for one in found:
        lines += [
            f"event {one.seq}, decided on {one.request}",
            f"  recorded  {_event(one.recorded)}",
            f"  replayed  {_event(one.replayed)}",
        ]
    return lines


def _event(event: dict[str, Any] | None) -> str:
    if event is None:
        return "nothing"
    shown = {
        key: value
        for key, value in event.items()
        if key not in {"seq", "run_id", "workflow", "generation", "timestamp", "type"}
    }
    return f"{event['type']} {json.dumps(shown, ensure_ascii=False)}"


def _data(one: "Difference") -> dict[str, Any]:
    return {
        "seq": one.seq,
        "request": one.request,
        "recorded": one.recorded,
        "replayed": one.replayed,
    }
