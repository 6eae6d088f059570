"""`dagnats simulate`: what can become of a workflow, tried in a world that does its worst."""

import json
import time
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dagnats.cli import output, programs
from dagnats.cli.options import AsJson
from dagnats.errors import UsageError

if TYPE_CHECKING:
    from dagnats.ir.program import Program
    from dagnats.machine.prepared import Prepared
    from dagnats.simulation.explore import Counterexample, Exploration

EXAMPLE = "Example: dagnats simulate hello.yaml --budget 10"
INPUT_CHARS = 60
TRACE_SHOWN_MAX = 40


def simulate(
    file: Annotated[
        str, typer.Argument(metavar="FILE", help="A document or compiled IR; `-` is stdin.")
    ],
    runs: Annotated[int, typer.Option(min=0, help="Runs that are drawn at random.")] = 300,
    budget: Annotated[
        float, typer.Option(min=0.1, metavar="SECONDS", help="How long it may take.")
    ] = 30.0,
    seed: Annotated[int, typer.Option(help="What chance is drawn from.")] = 0,
    given: Annotated[
        str | None,
        typer.Option("--input", metavar="JSON|@FILE", help="The one input of all runs."),
    ] = None,
    others: Annotated[
        list[str] | None,
        typer.Option("--with", metavar="FILE", help="A workflow that it runs as a step."),
    ] = None,
    exhaustive: Annotated[
        bool, typer.Option("--exhaustive", help="Try every outcome, as long as time allows.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Try what can become of a workflow; 1 when a run goes wrong, or none completes."""
    from random import Random

    from dagnats.simulation.explore import Budget, explore

    program = programs.load(file, as_json=as_json)
    if program is None:
        raise typer.Exit(1)
    inputs = None if given is None else [_input(program, given)]
    children = {}
    for other in others or ():
        child = programs.load(other, as_json=as_json)
        if child is None:
            raise typer.Exit(1)
        children[child.name] = _prepared(child)
    until = time.monotonic() + budget
    limits = Budget(runs=runs, over=lambda: time.monotonic() >= until)
    found = explore(
        _prepared(program),
        rng=Random(seed),  # noqa: S311 (which runs are tried, no secret)
        inputs=inputs,
        children=children,
        budget=limits,
        exhaustive=exhaustive,
    )
    if as_json:
        output.result_json(as_document(program, found))
    else:
        output.result("\n".join(report(program, found)))
    if found.counterexample is not None or not found.completes:
        raise typer.Exit(1)


def _prepared(program: "Program") -> "Prepared":
    from dagnats.ir.codec import digest
    from dagnats.machine.prepared import prepare

    return prepare(program, digest(program))


def _input(program: "Program", text: str) -> Any:
    """Return the input that is asked for. Raises UsageError for one that no run begins with."""
    from dagnats.cli.given import read_input
    from dagnats.source.shape import check_value

    value = read_input(None, text)
    schema = program.input_schema
    wrong = [] if schema in (None, True, {}) else check_value(schema, value)
    if wrong:
        raise UsageError(f"input of `{program.name}`: {'; '.join(wrong)}")
    return value


# ── what is said ─────────────────────────────────────────────────────────────────────────────────


def report(program: "Program", found: "Exploration") -> list[str]:
    """Return the lines of a report for people."""
    lines = [f"{program.name}: {_tried(found)}", ""]
    rows = [
        (ending.status, ending.code or "", f"{ending.runs:,}", _short(ending.input))
        for ending in sorted(found.endings.values(), key=lambda one: (one.status, one.code or ""))
    ]
    if rows:
        lines += [output.table(("END", "CODE", "RUNS", "FIRST WITH INPUT"), rows), ""]
    lines += _measures(program, found)
    lines += ["", *_covered(found)]
    if found.counterexample is not None:
        lines += ["", *_counterexample(found.counterexample)]
    elif not found.completes:
        lines += ["", "No run completes: every way that was tried ends badly."]
    return lines


def _tried(found: "Exploration") -> str:
    tried = f"{found.runs:,} runs, {found.states:,} states"
    if found.counterexample is not None:
        return f"{tried}, and one that goes wrong"
    if found.is_exhaustive:
        return f"{tried}; every outcome of every step was tried"
    return f"{tried}; there are more than were tried"


def _measures(program: "Program", found: "Exploration") -> list[str]:
    """Return what was observed beside what is certified, in the words of `dagnats bounds`."""
    from dagnats.cli.bounds import ROWS
    from dagnats.simulation.measures import MEASURES

    rows = []
    for row in ROWS:
        if row.name not in MEASURES:
            continue
        seen = getattr(found.observed, row.name)
        proven = getattr(program.certificate, row.name).max
        certified = "-" if proven is None else row.show(proven)
        rows.append(
            (row.title, row.show(seen), certified, f"{seen / proven:.0%}" if proven else "")
        )
    return [output.table(("AT THE MOST", "OBSERVED", "CERTIFIED", ""), rows)]


def _covered(found: "Exploration") -> list[str]:
    coverage = found.coverage
    all_of = f"{coverage.reached} of {len(coverage.seen)} steps and branches were reached"
    if not coverage.missing:
        return [f"{all_of}."]
    never = "never, whatever happens" if found.is_exhaustive else "not reached"
    return [f"{all_of}; {never}:", *[f"  {place}" for place in coverage.missing]]


def _counterexample(found: "Counterexample") -> list[str]:
    lines = [f"A run goes wrong: {found.wrong}", f"  input: {_short(found.input)}"]
    shown = found.trace[-TRACE_SHOWN_MAX:]
    if len(shown) < len(found.trace):
        lines.append(f"  … {len(found.trace) - len(shown)} requests before")
    return [*lines, *[f"  {words}" for words in shown]]


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= INPUT_CHARS else f"{text[: INPUT_CHARS - 1]}…"


def as_document(program: "Program", found: "Exploration") -> dict[str, Any]:
    """Return a report for programs."""
    from dagnats.simulation.measures import MEASURES

    wrong = found.counterexample
    return {
        "workflow": program.name,
        "runs": found.runs,
        "states": found.states,
        "exhaustive": found.is_exhaustive,
        "endings": [
            {
                "status": ending.status,
                "code": ending.code,
                "runs": ending.runs,
                "input": ending.input,
            }
            for ending in found.endings.values()
        ],
        "measures": {
            name: {
                "observed": getattr(found.observed, name),
                "certified": getattr(program.certificate, name).max,
            }
            for name in MEASURES
        },
        "reached": [place for place, count in found.coverage.seen.items() if count],
        "not_reached": found.coverage.missing,
        "counterexample": wrong
        and {"wrong": wrong.wrong, "input": wrong.input, "trace": list(wrong.trace)},
    }
