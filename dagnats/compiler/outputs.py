"""What each type of step gives.

fan: {type: map, task: t, config: {tolerance: 1, …}}     →  list(output of t or null)
"""

from collections.abc import Callable, Mapping

from dagnats.compiler.edges import COMPLETED
from dagnats.compiler.remembered import once
from dagnats.compiler.roots import Schemas, approval_output, called, event_root
from dagnats.compiler.settle import settled
from dagnats.compiler.tables import Tables
from dagnats.expr.types import (
    BOOL,
    DYN,
    NULL,
    STRING,
    List,
    Map,
    Object,
    Type,
    union,
)
from dagnats.ir.program import Program
from dagnats.lang import tree

Lookup = Callable[[str], Program | None]
"""The program that is registered under a name."""

CHILD = Object({"child_run_id": (STRING, True)})
EMITTED = Object({"event_id": (STRING, True)})
TIMED_OUT = Object({"timeout": (BOOL, True)})


class Outputs:
    """The types of outputs by step, as far as they are known."""

    def __init__(self, tables: Tables, schemas: Schemas, workflows: Lookup | None) -> None:
        self._workflow = tables.workflow
        self._outline = tables.outline
        self._views = tables.views
        self._schemas = schemas
        self._workflows = workflows
        self._tasks: dict[str, Type] = {}
        self.types: list[Type | None] = [None] * len(tables.outline.steps)

    def task(self, name: str | None) -> Type:
        """Return what a task gives by its contract."""
        if name is None:
            return DYN
        known = self._tasks.get(name)
        if known is None:
            contract = self._workflow.tasks.get(name)
            declared = None if contract is None else contract.output
            known = self._tasks[name] = self._schemas.type(declared)
        return known

    def body(self, scope: int) -> Type:
        """Return the object of the outputs of a body; what may not exist may not be there."""
        steps, ends = self._outline.steps, self._views.of_body[scope]
        fields: dict[str, tuple[Type, bool]] = {}
        for number in self._outline.scopes[scope].steps:
            if number not in self._outline.handlers:
                output = self.types[number] or DYN
                always = ends[number] == {COMPLETED}
                fields[steps[number].id] = (output, always)
        return Object(fields)

    def bodies(self, number: int) -> list[Type]:
        """Return what the bodies of a step give, each by itself."""
        return [self.body(scope) for scope in self._outline.bodies.get(number, ())]

    def settle(self, number: int, spots: Mapping[str, Type], exhaustive: bool) -> None:
        """Keep what a step gives; `spots` are the types of its expressions, by their key."""
        step = self._outline.steps[number]
        own = self._own(number, step, spots, exhaustive)
        handler = step.on_failure and self._outline.index.get(step.on_failure)
        if isinstance(handler, int) and handler != number:
            own = union((own, self.types[handler] or DYN))
        self.types[number] = own

    def _own(
        self, number: int, step: tree.Step, spots: Mapping[str, Type], exhaustive: bool
    ) -> Type:
        match step.config:
            case tree.Map() as config:
                return self._map(number, step, config, spots)
            case tree.Switch():
                if "output" in spots:
                    return once(settled, spots["output"])
                ways = self.bodies(number)
                return union(ways if exhaustive else [*ways, Object({})])
            case tree.Loop() | tree.AgentLoop(steps=(_, *_)):
                if "output" in spots:
                    return once(settled, spots["output"])
                return union(self.bodies(number))
            case tree.Transform():
                return once(settled, spots.get("value", DYN))
            case tree.AgentLoop():
                return self.task(step.task)
            case None:
                return self.task(step.task) if step.type in {None, "normal", "agent"} else DYN
            case _:
                return self._plain(step.config)

    def _map(
        self, number: int, step: tree.Step, config: tree.Map, spots: Mapping[str, Type]
    ) -> Type:
        if "output" in spots:
            item = once(settled, spots["output"])
        elif config.steps:
            item = union(self.bodies(number))
        else:
            item = self.task(step.task)
        if config.tolerance not in {None, 0, "0%"}:
            item = union((item, NULL))
        return List(item, config.max_items)

    def _plain(self, config: tree.Config) -> Type:
        match config:
            case tree.Planner():
                return Map(DYN)
            case tree.Approval():
                return approval_output(config, self._schemas.type(config.form))
            case tree.WaitForEvent():
                return self._event(config)
            case tree.SubWorkflow(workflow=name):
                return CHILD if config.detach else self._child(name)
            case tree.Emit():
                return EMITTED
            case tree.Sleep() | tree.Respond():
                return NULL
            case _:
                return DYN

    def _event(self, config: tree.WaitForEvent) -> Type:
        data = self._schemas.type(self._workflow.events.get(config.event))
        event: Type = called(event_root(data, ""), "")
        if config.count is not None and config.count > 1:
            event = List(event, config.count)
        return union((event, TIMED_OUT)) if config.on_timeout == "complete" else event

    def _child(self, name: str) -> Type:
        program = None if self._workflows is None else self._workflows(name)
        return DYN if program is None else Schemas.alone(program.output_schema)
