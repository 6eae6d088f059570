"""`dagnats run inspect`: everything about a run, as a tree of the instances of its steps."""

import json
import sys
from collections.abc import Iterator
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dagnats.cli import output, progress
from dagnats.cli.options import AsJson, DataDir, Server, connected, group, wait
from dagnats.cli.run import causes, look, stored, whole
from dagnats.cli.run.history import history
from dagnats.cli.run.instances import Attempt, Instance, instances
from dagnats.cli.run.runs import ENDED, RunId
from dagnats.errors import BrokenError, UsageError
from dagnats.timespec import format_duration

if TYPE_CHECKING:
    from dagnats.jetstream.client import Client

app = group("")


@app.command("inspect", epilog="Example: dagnats run inspect 01k9 --full")
def inspect(
    run: RunId,
    full: Annotated[bool, typer.Option("--full", help="Print values whole.")] = False,
    generation: Annotated[
        int | None, typer.Option(min=1, help="Which generation; default: the last.")
    ] = None,
    raw: stored.Raw = False,
    as_json: AsJson = False,
    server: Server = None,
    data_dir: DataDir = None,
) -> None:
    """Print everything about a run: each step's inputs, attempts, output and errors, as a tree."""

    async def work() -> dict[str, Any]:
        async with connected(server, data_dir) as client:
            found = await _everything(client, run, generation)
            return found if raw else await _resolved(client, found)

    found = wait(work)
    if as_json:
        trees = [_document(instance) for instance in found.pop("trees")]
        output.result_json(found | {"instances": trees})
    else:
        _tell(found, full=full)


async def _everything(client: "Client", run: str, generation: int | None) -> dict[str, Any]:
    """Return the run's document, with its trees, and what it waits for if it has not ended."""
    found = await whole.get(client, run)
    program = await client.call("workflow.show", {"name": found["digest"]})
    events = await history(client, found)
    newest = found.get("generation", 1)
    shown = generation or newest
    if shown > newest:
        raise UsageError(f"run `{found['run_id']}` is at generation {newest}")
    inside = [event for event in events if event["generation"] == shown]
    trees = instances(inside, found["steps"] if shown == newest else [])
    give_inputs(trees, shown, program["program"], events)
    waits: list[Any] = []
    if found["status"] not in ENDED:
        waits = (await client.call("run.explain", {"run_id": found["run_id"]}))["causes"]
    return found | {"shown_generation": shown, "causes": waits, "trees": trees}


async def _resolved(client: "Client", found: dict[str, Any]) -> dict[str, Any]:
    """Return everything with the large values themselves."""
    trees = found.pop("trees")
    parts: list[Instance | Attempt] = []
    for tree in _all(trees):
        parts += [tree, *tree.attempts]
    values = [[part.input, part.output] for part in parts]
    found, values = await stored.resolved(client, [found, values])
    for part, (given, gave) in zip(parts, values, strict=True):
        part.input, part.output = given, gave
    return found | {"trees": trees}


def give_inputs(
    trees: list[Instance], generation: int, program: dict[str, Any], events: list[dict[str, Any]]
) -> None:
    """Put into each attempt what it was given; says so when that cannot be worked out."""
    from dagnats.cli.run.inputs import inputs_of

    try:
        inputs = inputs_of(program, events)
    except BrokenError as wrong:
        output.say(f"left out the inputs of steps: {wrong}")
        return
    for instance in _all(trees):
        for attempt in instance.attempts:
            key = (generation, instance.id, attempt.iteration, attempt.number)
            attempt.input = inputs.get(key)
        if instance.attempts:
            instance.input = instance.attempts[-1].input


def _all(trees: list[Instance]) -> Iterator[Instance]:
    for tree in trees:
        yield tree
        yield from _all(tree.below)


def _document(instance: Instance) -> dict[str, Any]:
    return asdict(instance)


# ── for people ───────────────────────────────────────────────────────────────────────────────────


def _tell(run: dict[str, Any], *, full: bool) -> None:
    lines = look.head(run)
    lines.extend(_value("input", run["input"], "", full=full))
    if run["shown_generation"] != run.get("generation", 1):
        lines.append(f"\ngeneration {run['shown_generation']}")
    elif run["shown_generation"] > 1:
        lines.append("earlier   see `--generation N`")
    lines.append("")
    for tree in run["trees"]:
        lines.extend(branch(tree, "", "", full=full))
    if run["causes"]:
        lines.append("")
        lines.extend(causes.sentence(cause) for cause in run["causes"])
    if run["error"]:
        lines.append(f"\nerror     {progress.explain(run['error'])}")
        lines.extend(_value("details", run["error"].get("details"), "          ", full=full))
    elif run["status"] == "completed":
        lines.append("")
        lines.extend(_value("output", run["output"], "", full=full))
    output.result("\n".join(lines))


def branch(instance: Instance, first: str, rest: str, *, full: bool) -> Iterator[str]:
    """Yield the lines of an instance and of what is in it; `first` and `rest` lead them."""
    status = output.paint_status(instance.status, sys.stdout)
    facts = [
        fact for fact in (instance.type, _lasted(instance.began_at, instance.ended_at)) if fact
    ]
    yield f"{first}{instance.id}  {status}  {' · '.join(facts)}".rstrip()
    inner = rest + ("│ " if instance.below else "  ")
    for fact in _facts(instance, full=full):
        yield f"{inner}  {fact}"
    for number, below in enumerate(instance.below, 1):
        last = number == len(instance.below)
        lead = rest + ("└─ " if last else "├─ ")
        yield from branch(below, lead, rest + ("   " if last else "│  "), full=full)


def _facts(instance: Instance, *, full: bool) -> Iterator[str]:
    if len(instance.attempts) > 1:
        for attempt in instance.attempts:
            yield _attempt(instance.id, attempt)
    elif instance.attempts and instance.attempts[0].worker_id:
        yield f"by {instance.attempts[0].worker_id}"
    yield from _value("input", instance.input, "", full=full)
    if instance.error:
        yield f"error     {progress.explain(instance.error, at=instance.id)}"
        yield from _value("details", instance.error.get("details"), "", full=full)
    if instance.status == "completed":
        yield from _value("output", instance.output, "", full=full)


def _attempt(address: str, attempt: Attempt) -> str:
    name = f"attempt {attempt.number}"
    if attempt.iteration:
        name = f"iteration {attempt.iteration}, {name}"
    said = [f"{name} {attempt.status}", _lasted(attempt.started_at, attempt.ended_at)]
    if attempt.worker_id:
        again = f", delivery {attempt.deliveries}" if attempt.deliveries > 1 else ""
        said.append(f"by {attempt.worker_id}{again}")
    if attempt.error:
        said.append(progress.explain(attempt.error, at=address))
    elif attempt.output is not None:
        said.append(progress.brief(attempt.output))
    return " · ".join(part for part in said if part)


def _value(name: str, value: Any, lead: str, *, full: bool) -> Iterator[str]:
    if value is None:
        return
    if not full:
        yield f"{lead}{name:<9} {progress.brief(value)}"
        return
    first, *rest = json.dumps(value, ensure_ascii=False, indent=2).splitlines()
    yield f"{lead}{name:<9} {first}"
    for line in rest:
        yield f"{lead}{line}"


def _lasted(began_at: str | None, ended_at: str | None) -> str:
    if not began_at or not ended_at:
        return ""
    length = datetime.fromisoformat(ended_at) - datetime.fromisoformat(began_at)
    return format_duration(round(length.total_seconds() * 1000))
