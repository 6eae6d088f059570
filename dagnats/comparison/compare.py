"""Two programs side by side: what was added, removed and changed, and whether callers notice."""

from collections.abc import Iterable, Mapping
from typing import Any

from msgspec import Struct, field

from dagnats.comparison.contracts import Reason, input_reasons, output_reasons
from dagnats.comparison.fields import HIDDEN, MISSING, Fields, Reader, changes, kind_of, same
from dagnats.ir import program as p

LIKENESS_MIN = 0.6
"""Share of the fields that a removed step and an added one have in common, if one is the other."""

_USUAL = ("timeout", "queue_timeout", "retry.", "max_deliveries", "join", "agent")
"""What most steps have alike, so that it makes no two of them the same."""

_PARTS = frozenset({
    "name", "nodes", "bodies", "finally_body", "certificate", "input_schema", "output_schema",
    "output", "variables", "labels", "task_inputs", "task_outputs", "triggers", "source_map",
    "version",
})  # fmt: skip
"""Fields of a program that are compared apart from the others."""

_SECRETS = frozenset({"config.secret_value"})
"""Fields of which is shown that they differ, and not what they are."""


class FieldChange(Struct, frozen=True):
    """A field that differs; MISSING stands for the side that does not have it."""

    path: str
    old: Any
    new: Any


class PartChange(Struct, frozen=True):
    """A step or trigger that differs: `added`, `removed`, `changed` or `renamed`, from `old_id`.

    `fields` of an added or removed one are all it has.
    """

    id: str
    change: str
    kind: str
    fields: tuple[FieldChange, ...]
    old_id: str | None = None


class BoundChange(Struct, frozen=True):
    """A bound of the certificate that differs."""

    bound: str
    old: p.Bound
    new: p.Bound


class Comparison(Struct, frozen=True):
    """All that differs. `reasons` say why a caller would notice: none, and it is compatible.

    `notes` are what workers and operators have to do before.
    """

    steps: tuple[PartChange, ...] = ()
    workflow: tuple[FieldChange, ...] = ()
    triggers: tuple[PartChange, ...] = ()
    bounds: tuple[BoundChange, ...] = ()
    reasons: tuple[Reason, ...] = ()
    notes: tuple[str, ...] = field(default=())

    @property
    def is_identical(self) -> bool:
        """Whether nothing differs but the texts."""
        return not (self.steps or self.workflow or self.triggers or self.bounds or self.reasons)


def compare(old: p.Program, new: p.Program) -> Comparison:
    """Return what differs from `old` to `new`."""
    names = _renamed(old, new)
    before, after = Reader(old, names), Reader(new)
    return Comparison(
        steps=tuple(_steps(old, new, names)),
        workflow=_fields(_workflow(old, before), _workflow(new, after)),
        triggers=tuple(_triggers(old, new, before, after)),
        bounds=tuple(_bounds(old.certificate, new.certificate)),
        reasons=(*input_reasons(old, new), *output_reasons(old, new)),
        notes=tuple(_notes(old, new)),
    )


def _hidden(path: str, value: Any) -> Any:
    """Return the value of a field as it may be shown."""
    return HIDDEN if path in _SECRETS and value is not MISSING else value


def _fields(old: Fields, new: Fields) -> tuple[FieldChange, ...]:
    return tuple(
        FieldChange(path, _hidden(path, before), _hidden(path, after))
        for path, before, after in changes(old, new)
    )


def _workflow(program: p.Program, reader: Reader) -> Fields:
    found = reader.part(program, without=_PARTS | {"admission"}) | reader.part(program.admission)
    if "label" in found:
        found["version"] = found.pop("label")
    found |= {"name": program.name}
    found |= reader.expressions(program.variables, "variables")
    found |= reader.expressions(program.labels, "labels")
    output = () if program.output is None else (("output", program.output),)
    found |= {
        path.removeprefix("."): value for path, value in reader.expressions(output, "").items()
    }
    schemas = [("input", program.input_schema), ("output_schema", program.output_schema)]
    schemas += [(f"tasks.{task}.input", schema) for task, schema in program.task_inputs]
    schemas += [(f"tasks.{task}.output", schema) for task, schema in program.task_outputs]
    for path, schema in schemas:
        if schema is not None:
            found |= reader.data(path, schema)
    return found


def _steps(old: p.Program, new: p.Program, names: Mapping[str, str]) -> Iterable[PartChange]:
    before, after = Reader(old, names), Reader(new)
    olds = {names.get(node.id, node.id): node for node in old.nodes}
    news = {node.id: node for node in new.nodes}
    for id_, node in news.items():
        was = olds.get(id_)
        if was is None:
            yield PartChange(id_, "added", kind_of(node), _fields({}, after.node(node)))
            continue
        found = _fields(before.node(was), after.node(node))
        if was.id != id_:
            yield PartChange(id_, "renamed", kind_of(node), found, was.id)
        elif found:
            yield PartChange(id_, "changed", kind_of(node), found)
    for id_, node in olds.items():
        if id_ not in news:
            yield PartChange(id_, "removed", kind_of(node), _fields(before.node(node), {}))


def _triggers(
    old: p.Program, new: p.Program, before: Reader, after: Reader
) -> Iterable[PartChange]:
    olds = {trigger.id: trigger for trigger in old.triggers}
    news = {trigger.id: trigger for trigger in new.triggers}
    without = frozenset({"id"})
    for id_, trigger in news.items():
        fields = after.part(trigger, without=without)
        if id_ not in olds:
            yield PartChange(id_, "added", trigger.kind, _fields({}, fields))
        elif found := _fields(before.part(olds[id_], without=without), fields):
            yield PartChange(id_, "changed", trigger.kind, found)
    for id_, trigger in olds.items():
        if id_ not in news:
            fields = before.part(trigger, without=without)
            yield PartChange(id_, "removed", trigger.kind, _fields(fields, {}))


def _bounds(old: p.Certificate, new: p.Certificate) -> Iterable[BoundChange]:
    for name in p.Certificate.__struct_fields__:
        before, after = getattr(old, name), getattr(new, name)
        if before.max != after.max:
            yield BoundChange(name, before, after)


def _notes(old: p.Program, new: p.Program) -> Iterable[str]:
    """Say what has to be there before a run of the new program can succeed."""
    for task in sorted(_tasks(new) - _tasks(old)):
        yield f"workers need the task `{task}`"
    for name in sorted(set(new.secrets) - set(old.secrets)):
        yield f"the server needs the secret `{name}`"
    for name in sorted(_children(new) - _children(old)):
        yield f"the workflow `{name}` has to be registered"


def _tasks(program: p.Program) -> set[str]:
    return {node.task for node in program.nodes if isinstance(node, p.TaskNode)}


def _children(program: p.Program) -> set[str]:
    return {node.workflow for node in program.nodes if isinstance(node, p.SubWorkflowNode)}


def _renamed(old: p.Program, new: p.Program) -> dict[str, str]:
    """Guess which removed steps are added ones under another name: the most alike, one by one."""
    olds = {node.id: node for node in old.nodes}
    news = {node.id: node for node in new.nodes}
    before, after = Reader(old), Reader(new)
    gone = {i: before.node(node) for i, node in olds.items() if i not in news}
    come = {i: after.node(node) for i, node in news.items() if i not in olds}
    pairs = sorted(
        (-_likeness(gone[one], come[two]), one, two)
        for one in gone
        for two in come
        if _may_be(olds[one], news[two])
    )
    found: dict[str, str] = {}
    for minus, one, two in pairs:
        if -minus >= LIKENESS_MIN and one not in found and two not in found.values():
            found[one] = two
    return found


def _may_be(one: p.Node, other: p.Node) -> bool:
    task = getattr(one, "task", None)
    return type(one) is type(other) and task == getattr(other, "task", None)


def _likeness(old: Fields, new: Fields) -> float:
    paths = [path for path in {*old, *new} if not path.startswith(_USUAL)]
    alike = sum(same(old.get(path, MISSING), new.get(path, MISSING)) for path in paths)
    return alike / len(paths)
