"""Where a step has expressions, and what each of them sees.

`outside` ones see what the step sees; `inside` ones stand in the step's config and see its body.
"""

from collections.abc import Iterator

from msgspec import Struct, field
from msgspec.structs import replace

from dagnats.compiler.remembered import same
from dagnats.lang.tree import (
    AgentLoop,
    Approval,
    ContinueAsNew,
    Embedded,
    Emit,
    Fail,
    GoMatch,
    Loop,
    Map,
    Respond,
    Sleep,
    Step,
    Switch,
    Transform,
    WaitForEvent,
    Workflow,
)


class Spot(Struct, frozen=True):
    """An expression: the key it stands at, and the roots that exist only there.

    `body` names the body whose steps it sees, `*` all of them; `returns` is what it has to give:
    `bool`, `list`, `timestamp`, `duration`, `scalar`, `choice`, `text`, or nothing in particular.
    """

    key: str
    embedded: Embedded
    returns: str = ""
    roots: tuple[str, ...] = field(default=())
    body: str | None = None


def spots(step: Step) -> tuple[Spot, ...]:
    """Return the expressions of a step in the order in which a run evaluates them."""
    return tuple([_known(spot) for part in (_common, _config) for spot in part(step)])


def _known(spot: Spot) -> Spot:
    """Return the spot with the tree that it had before, if it had one."""
    expr = same(spot.embedded.expr)
    if expr is spot.embedded.expr:
        return spot
    return replace(spot, embedded=replace(spot.embedded, expr=expr))


def _common(step: Step) -> Iterator[Spot]:
    if step.when is not None:
        yield Spot("when", step.when, "bool")
    if step.keyed_rate_limit is not None:
        key, roots = step.keyed_rate_limit.key, _roots_of_task(step)
        yield from _some("keyed_rate_limit.key", key, "scalar", roots)
    if step.with_ is not None:
        yield Spot("with", step.with_, roots=_roots_of_task(step))


def _roots_of_task(step: Step) -> tuple[str, ...]:
    """Return what the input and the key of a task see that is done again and again."""
    match step.config:
        case AgentLoop(steps=()):
            return ("loop",)
        case Map(steps=()):
            return ("item", "index")
        case _:
            return ()


def _config(step: Step) -> Iterator[Spot]:  # noqa: C901, PLR0912 (one case a type)
    match step.config:
        case AgentLoop() as loop:
            yield from _some("initial_state", loop.initial_state)
            body = "steps" if loop.steps else None
            yield from _some("until", loop.until, "bool", ("loop", "result"), body)
        case Loop() as loop:
            yield from _some("initial_state", loop.initial_state)
            yield from _some("while", loop.while_, "bool", ("loop",))
            yield from _some("until", loop.until, "bool", ("loop",), "steps")
            yield from _some("state", loop.state, "", ("loop",), "steps")
            yield from _some("output", loop.output, "", ("loop",), "steps")
        case Map() as each:
            yield from _some("over", each.over, "list")
            yield from _some("output", each.output, "", ("item", "index"), "steps")
        case Switch() as switch:
            yield from _some("on", switch.on, "choice")
            for number, case in enumerate(switch.cases):
                yield from _some(f"cases[{number}].when", case.when, "bool")
                for value in case.values:
                    yield Spot(f"cases[{number}].values", value)
            yield from _some("output", switch.output, "", (), "*")
        case Approval() as approval:
            yield from _some("description", approval.description, "text")
            for name, value in approval.metadata.items():
                yield Spot(f"metadata.{name}", value, "text")
        case WaitForEvent(match=match) if match is not None and not isinstance(match, GoMatch):
            yield Spot("match", match, "bool", ("event",))
        case Sleep() as sleep:
            yield from _some("duration", sleep.duration, "duration")
            yield from _some("until", sleep.until, "timestamp")
        case Transform(value=value):
            yield Spot("value", value)
        case Emit(data=data):
            yield from _some("data", data)
        case Respond() as respond:
            for name, value in respond.headers.items():
                yield Spot(f"headers.{name}", value, "text")
            yield from _some("body", respond.body)
        case ContinueAsNew(input=value):
            yield Spot("input", value)
        case Fail() as fail:
            yield from _some("message", fail.message, "text")
            yield from _some("details", fail.details)
        case _:
            return


def document_spots(workflow: Workflow) -> Iterator[Spot]:
    """Yield the expressions of the document itself; `roots` are all that exist there."""
    return map(_known, _document(workflow))


def _document(workflow: Workflow) -> Iterator[Spot]:
    start = ("input", "run", "trigger", "vars")
    for name, value in workflow.vars.items():
        yield Spot(f"vars.{name}", value, roots=start)
    for name, value in workflow.labels.items():
        yield Spot(f"labels.{name}", value, "text", start)
    given = ("input",)
    if (concurrency := workflow.concurrency) is not None:
        yield from _some("concurrency.key", concurrency.key, "scalar", given)
    if (singleton := workflow.singleton) is not None:
        yield from _some("singleton.key", singleton.key, "scalar", given)
    yield from _some("idempotency_key", workflow.idempotency_key, "scalar", given)
    if (priority := workflow.priority) is not None:
        yield from _some("priority.key", priority.key, "scalar", given)
    for number, cancel in enumerate(workflow.cancel_on):
        match = None if isinstance(cancel.match, GoMatch) else cancel.match
        yield from _some(f"cancel_on[{number}].match", match, "bool", ("event", "input"))
    for number, trigger in enumerate(workflow.triggers):
        key = f"triggers[{number}]"
        if (event := trigger.event) is not None:
            yield from _some(f"{key}.event.match", event.match, "bool", ("event",))
        yield from _some(f"{key}.input", trigger.input, "", ("trigger",))
        if (debounce := trigger.debounce) is not None:
            yield from _some(f"{key}.debounce.key", debounce.key, "scalar", ("trigger",))
    yield from _some("output", workflow.output, "", (*start, "steps"))


def _some(
    key: str,
    embedded: Embedded | None,
    returns: str = "",
    roots: tuple[str, ...] = (),
    body: str | None = None,
) -> Iterator[Spot]:
    if embedded is not None:
        yield Spot(key, embedded, returns, roots, body)
