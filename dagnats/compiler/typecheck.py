"""Every expression has a type, every condition is a bool, every task gets what its contract wants.

when: input.name            →  DN4004 `when` wants a bool, and this is a string
with: {cents: "ten"}        →  DN5003 task `pay`: `cents` must be an int, not "ten"
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from dagnats.compiler.fit import leaving, misfits
from dagnats.compiler.names import Names, Reference
from dagnats.compiler.outcomes import COMPLETED, FAILED, Outcomes, Views
from dagnats.diagnostics.diagnostic import Diagnostic, Sink
from dagnats.expr.ast import Literal
from dagnats.expr.check import STEPS, check, check_condition
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
    from_json_schema,
    union,
)
from dagnats.lang.ast import AgentLoopStep, Step, TaskContract, Workflow
from dagnats.source.shape import check_schema, check_value

MISFITS_SHOWN_MAX = 10
"""Findings about the input of one step."""

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
LOOP = Object({"iteration": (INT, True), "state": (DYN, True)}, name="loop")
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


def check_types(workflow: Workflow, names: Names, views: Views, sink: Sink) -> None:
    """Report what the types of expressions and contracts tell; see `expr.check`, and DN5003."""
    checker = _Checker(workflow, names, sink)
    for number, step in enumerate(workflow.steps):
        checker.step(step, names.mentioned[number], views.of_step[number])
    checker.output(names.mentioned_by_output, views.of_output)


@dataclass(frozen=True, slots=True)
class _Contract:
    """A task's contract as types; None where nothing is declared."""

    declared: TaskContract | None
    input: Type | None
    output: Type


class _Checker:
    def __init__(self, workflow: Workflow, names: Names, sink: Sink) -> None:
        self._workflow = workflow
        self._names = names
        self._sink = sink
        self._input = _called(_typed(workflow.input_schema), "input")
        self._contracts: dict[str, _Contract] = {}

    def step(self, step: Step, mentioned: tuple[Reference, ...], view: Outcomes) -> None:
        common = step.common
        scope = self._scope(mentioned, view)
        if (when := common.when) is not None:
            check_condition(when.expr, when.spans, scope, self._sink, key="when")
        if isinstance(step, AgentLoopStep):
            scope = {**scope, "loop": LOOP}
            if (until := step.until) is not None:
                result = self._contract(step.task).output
                inside = {**scope, "result": _called(result, "result")}
                check_condition(until.expr, until.spans, inside, self._sink, key="until")
        self._input_of(step, scope, view)

    def output(self, mentioned: tuple[Reference, ...], view: Outcomes) -> None:
        if (output := self._workflow.output) is not None:
            scope = self._scope(mentioned, view)
            check(output.expr, output.spans, scope, self._sink, where="in `output`")

    def _scope(self, mentioned: tuple[Reference, ...], view: Outcomes) -> dict[str, Type]:
        steps = {
            reference.name: (self._seen(reference.target, view), True) for reference in mentioned
        }
        return {"input": self._input, STEPS: Object(steps, name=STEPS), "run": RUN}

    def _seen(self, target: int | None, view: Outcomes) -> Type:
        """Return what an expression sees of a step; whether it is there, `assignment` judges."""
        if target is None or target not in view:
            return POISON
        step, ends = self._workflow.steps[target], view[target]
        name = f"steps.{step.common.id}"
        output = _called(self._contract(step.task).output, f"{name}.output")
        return Object(
            {
                "status": (Enum(tuple(sorted(ends))), True),
                "output": (output, ends == {COMPLETED}),
                "error": (ERROR, ends == {FAILED}),
            },
            name=name,
        )

    def _contract(self, task: str) -> _Contract:
        known = self._contracts.get(task)
        if known is None:
            declared = self._workflow.tasks.get(task)
            wanted = None if declared is None or declared.input is None else declared.input
            known = _Contract(
                declared,
                None if wanted is None else from_json_schema(wanted),
                _typed(None if declared is None else declared.output),
            )
            self._contracts[task] = known
        return known

    def _input_of(self, step: Step, scope: Mapping[str, Type], view: Outcomes) -> None:
        contract = self._contract(step.task)
        with_ = step.common.with_
        if with_ is None:
            if contract.input is not None and not isinstance(step, AgentLoopStep):
                self._implied_input(step, contract.input, view)
            return
        given = check(with_.expr, with_.spans, scope, self._sink, where="in `with`")
        if contract.input is None or contract.declared is None:
            return
        found = list(misfits(with_.expr, given, contract.input))
        for misfit in found[:MISFITS_SHOWN_MAX]:
            span = with_.spans.get(misfit.node.id, with_.span)
            message = f"task `{step.task}`: {misfit.message}"
            self._sink.add(Diagnostic("DN5003", message, span, help=misfit.help))
        schema = contract.declared.input
        if not found and isinstance(with_.expr, Literal) and check_schema(schema) is None:
            for complaint in check_value(schema, with_.expr.value):
                message = f"task `{step.task}`: the input does not fit {complaint}"
                self._sink.add(Diagnostic("DN5003", message, with_.span))

    def _implied_input(self, step: Step, wanted: Type, view: Outcomes) -> None:
        """Judge the input of a step that says nothing of it: Go's rule."""
        outputs = {
            self._workflow.steps[source].common.id: self._left(source, view) for source in view
        }
        if not outputs:
            given, what = self._input, "the input of the run"
        elif len(outputs) == 1:
            given, what = next(iter(outputs.values())), f"the output of `{next(iter(outputs))}`"
        else:
            given = Object({name: (type_, True) for name, type_ in outputs.items()})
            what = "an object of outputs by step id"
        first = next(iter(misfits(Literal(None), given, wanted)), None)
        if first is not None:
            message = f"task `{step.task}` gets {what}: {first.message}"
            help_ = "write `with:` to say what the task gets"
            self._sink.add(Diagnostic("DN5003", message, step.common.id_span, help=help_))

    def _left(self, source: int, view: Outcomes) -> Type:
        """Return the type of an output as a dependent gets it: null where it does not exist."""
        output = self._contract(self._workflow.steps[source].task).output
        return leaving(output) if view[source] == {COMPLETED} else union((output, NULL))


def _typed(schema: object) -> Type:
    return DYN if schema is None else from_json_schema(schema)


def _called(type_: Type, name: str) -> Type:
    """Return the type as messages call it here."""
    return replace(type_, name=name) if isinstance(type_, Object) else type_
