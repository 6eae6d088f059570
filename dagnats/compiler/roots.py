"""Which roots exist where, and what is known of those that dagnats itself fills.

with: "${{ item }}"     →  DN4002 `item` does not exist here: it exists only in a `map`
"""

from collections.abc import Iterable, Mapping
from typing import Any

from msgspec.structs import replace

from dagnats.compiler.reads import Read
from dagnats.compiler.remembered import active
from dagnats.diagnostics.diagnostic import NOWHERE, Diagnostic, Sink, Span
from dagnats.expr.schema import from_json_schema
from dagnats.expr.types import (
    BOOL,
    DYN,
    INT,
    NULL,
    POISON,
    STRING,
    Enum,
    Map,
    Object,
    Type,
    union,
)
from dagnats.lang.tree import Approval, RunTerminalTrigger, Trigger, Workflow

Scope = Mapping[str, Type]

RUN = Object(
    {
        "id": (STRING, True),
        "workflow": (STRING, True),
        "generation": (INT, True),
        "started_at": (STRING, True),
        "labels": (Map(STRING), True),
    },
    name="run",
)
ERROR = Object(
    {
        "code": (STRING, True),
        "message": (STRING, True),
        "step": (union((STRING, NULL)), True),
        "attempt": (union((INT, NULL)), True),
        "retryable": (BOOL, True),
        "details": (DYN, True),
    },
    name="error",
)
STATUSES = ("completed", "failed", "cancelled")
"""The ends of a run, in the order in which a program has them."""

TRIGGER_KINDS = ("cron", "subject", "event", "webhook", "http", "external", "run_terminal")

WHERE = {
    "error": "in a step that `on_failure` or `compensate` of another names",
    "event": "in a `match`",
    "index": "in a `map`",
    "item": "in a `map`",
    "loop": "in a `loop` or an `agent_loop`",
    "result": "in the `until` of an `agent_loop`",
    "steps": "in steps and in `output`",
    "trigger": "where the workflow has `triggers`",
    "run": "when the run has begun",
    "vars": "where the workflow has `vars`, when the run has begun",
    "input": "when the run has its input",
}
"""Where each root exists, as a finding says it."""


class Schemas:
    """Types of the JSON Schemas of a document, which may refer to its `schemas`."""

    def __init__(self, workflow: Workflow) -> None:
        self._shared = workflow.schemas

    def whole(self, schema: Any) -> Any:
        """Return the schema with what it may refer to."""
        if not self._shared or not isinstance(schema, dict) or "schemas" in schema:
            return schema
        return {**schema, "schemas": dict(self._shared)} if _refers(schema) else schema

    def type(self, schema: Any, name: str = "") -> Type:
        """Return the type; `dyn` where there is no schema. `name` is how messages call it."""
        if schema is None:
            return DYN
        return _type(self.whole(schema), name)

    @staticmethod
    def alone(schema: Any) -> Type:
        """Return the type of a schema of another document."""
        return DYN if schema is None else from_json_schema(schema)


def _type(schema: Any, name: str) -> Type:
    """Return the type of a schema that stands by itself."""
    notes = active()
    if notes is None:
        return called(from_json_schema(schema), name)
    # Equal is not the same: 1, 1.0 and true are equal.
    key = (_type, repr(schema), name)
    found: Type | None = notes.recall(key)
    if found is None:
        found = called(from_json_schema(schema), name)
        notes.keep(key, None, found)
    return found


def _refers(schema: Any) -> bool:
    stack = [schema]
    while stack:
        part = stack.pop()
        if isinstance(part, dict):
            reference = part.get("$ref")
            if isinstance(reference, str) and reference.startswith("#/schemas/"):
                return True
            stack.extend(part.values())
        elif isinstance(part, list):
            stack.extend(part)
    return False


def called(type_: Type, name: str) -> Type:
    """Return the type as messages call it here."""
    return replace(type_, name=name) if name and isinstance(type_, Object) else type_


def loop_root(state: Type) -> Object:
    """Return the type of `loop`."""
    return Object({"iteration": (INT, True), "state": (state, True)}, name="loop")


def event_root(data: Type, name: str = "event") -> Object:
    """Return the type of an event with such data."""
    fields = {"id": STRING, "type": STRING, "data": called(data, f"{name}.data"), "at": STRING}
    return Object({key: (type_, True) for key, type_ in fields.items()}, name=name)


def trigger_root(trigger: Trigger, workflow: Workflow, schemas: Schemas) -> Object:
    """Return the type of `trigger` for runs that this one starts."""
    kind = next((kind for kind in TRIGGER_KINDS if getattr(trigger, kind) is not None), None)
    data: Type = DYN
    if trigger.event is not None:
        data = schemas.type(workflow.events.get(trigger.event.event), "trigger.data")
    elif kind == "cron":
        # A schedule carries nothing.
        data = NULL
    elif trigger.run_terminal is not None:
        # Go passes it on as it is, whatever else there is in it, and so does what is left out here.
        is_read = trigger.key_place("input") != trigger.run_terminal.span
        data = _ended_run(trigger.run_terminal, closed=is_read)
    return Object(
        {
            "trigger": (Enum((trigger.id,)), True),
            "source": (STRING if kind is None else Enum((kind,)), True),
            "workflow_id": (STRING, True),
            "timestamp": (STRING, True),
            "data": (data, True),
        },
        name="trigger",
    )


def _ended_run(ended: RunTerminalTrigger, *, closed: bool) -> Object:
    """Return the type of what is known of a run that has ended."""
    return Object(
        {
            "run_id": (STRING, True),
            "workflow_id": (Enum((ended.workflow,)), True),
            "status": (Enum(ended.statuses or STATUSES), True),
            "labels": (Map(STRING), True),
        },
        name="trigger.data",
        closed=closed,
    )


def approval_output(approval: Approval, form: Type) -> Object:
    """Return the type of what an approval gives."""
    words = ("approved", "rejected") if approval.on_reject == "complete" else ("approved",)
    return Object(
        {
            "decision": (Enum(words), True),
            "by": (DYN, True),
            "at": (STRING, True),
            "comment": (union((STRING, NULL)), True),
            "form": (form, True),
        }
    )


def report_absent(
    read: Iterable[Read], scope: Scope, spans: Mapping[int, Span], sink: Sink, key: str
) -> dict[str, Type]:
    """Report DN4002 for roots that exist elsewhere only; return them as what is reported."""
    absent: dict[str, Type] = {}
    for one in read:
        if one.root in scope or one.root not in WHERE:
            continue
        absent[one.root] = POISON
        message = f"`{one.root}` does not exist in `{key}`"
        help_ = f"it exists only {WHERE[one.root]}"
        sink.add(Diagnostic("DN4002", message, _start(spans, one.node), help=help_))
    return absent


def _start(spans: Mapping[int, Span], node: Any) -> Span:
    """Return where the root of a chain of selections stands."""
    while True:
        inner = getattr(node, "operand", None)
        if inner is None and getattr(node, "function", "") in {"_[_]", "_[?_]"}:
            inner = node.args[0]
        if inner is None:
            return spans.get(node.id, NOWHERE)
        node = inner
