"""What a value has to be where it stands, by contract, by schema, or by what is done with it.

with: {cents: "ten"}        →  DN5003 task `pay`: `cents` must be an int, not "ten"
config: {over: input.name}  →  DN5005 `over` wants a list, and this is a string
"""

from typing import Any

from msgspec import Struct

from dagnats.compiler.edges import COMPLETED
from dagnats.compiler.endings import Endings
from dagnats.compiler.fit import Part, leaving, misfits
from dagnats.compiler.outputs import Lookup, Outputs
from dagnats.compiler.registry import is_told
from dagnats.compiler.roots import Schemas
from dagnats.compiler.spots import Spot
from dagnats.compiler.tables import Tables
from dagnats.diagnostics.diagnostic import Diagnostic, Severity, Sink, Span
from dagnats.expr.ast import Expr, Literal
from dagnats.expr.checking.advice import named
from dagnats.expr.checking.check import Checked
from dagnats.expr.schema import from_json_schema
from dagnats.expr.types import (
    DYN,
    NULL,
    Bool,
    Double,
    Dyn,
    Enum,
    Int,
    List,
    Null,
    Object,
    Param,
    Poison,
    String,
    Type,
    Union,
    base,
    union,
)
from dagnats.lang import tree
from dagnats.source.complaints import dotted
from dagnats.source.document import locate
from dagnats.source.shape import check_schema, value_problems

MISFITS_SHOWN_MAX = 10
"""Findings about one value."""

_SCALARS: tuple[type, ...] = (Bool, Double, Int, String)
_TAKEN: dict[str, tuple[str, tuple[type, ...]]] = {
    "list": ("a list", (List,)),
    "timestamp": ("a timestamp or its text", (String,)),
    "duration": ("a duration or its text", (String, Int)),
    "scalar": ("a string, a number or a bool", _SCALARS),
    "choice": ("a string, a number or a bool", (*_SCALARS, Null)),
    "text": ("a text", _SCALARS),
}


class _Demand(Struct, frozen=True):
    """A schema that a value has to fit, the code of what does not, and how messages begin."""

    code: str
    schema: Any
    wanted: Type
    where: str
    whole: str = "the input"


class Demands:
    """Judges values of known types; findings go to the sink that is passed."""

    def __init__(
        self, tables: Tables, outputs: Outputs, schemas: Schemas, workflows: Lookup | None
    ) -> None:
        self._workflow = tables.workflow
        self._outline = tables.outline
        self._graph = tables.graph
        self._outputs = outputs
        self._schemas = schemas
        self._workflows = workflows
        self._demands: dict[tuple[str, str, str], _Demand | None] = {}
        self.input = schemas.type(tables.workflow.input, "input")

    def document(self, spot: Spot, checked: Checked, sink: Sink) -> None:
        """Judge a value of the document itself."""
        if spot.returns:
            self._kind(spot, checked, sink)
        if spot.key == "output":
            self._fits(self._of("DN5004", ""), spot, checked, sink)
        elif spot.key.startswith("triggers[") and spot.key.endswith("].input"):
            self._fits(self._of("DN5008", ""), spot, checked, sink)

    def spot(self, step: tree.Step, spot: Spot, checked: Checked, sink: Sink) -> None:
        """Judge a value of a step, by itself."""
        if spot.returns and spot.returns != "bool":
            self._kind(spot, checked, sink)
        match step.config:
            case tree.Emit(event=event) if spot.key == "data":
                self._fits(self._of("DN5007", event), spot, checked, sink)
            case tree.ContinueAsNew() if spot.key == "input":
                self._fits(self._of("DN5009", ""), spot, checked, sink)
            case _ if spot.key == "with":
                self._fits(self._of_input(step), spot, checked, sink)

    def implied(self, number: int, view: Endings, item: Type | None, sink: Sink) -> None:
        """Judge the input of a step that says nothing of it: Go's rule, or the item of a map."""
        step = self._outline.steps[number]
        if "with" in step.keys or self._outline.in_handler(number):
            return
        demand = self._of_input(step)
        if demand is None or (isinstance(step.config, tree.AgentLoop) and not step.config.steps):
            return
        given, what = self._given(number, view) if item is None else (item, "the item")
        first = next(iter(misfits(Literal(None), given, demand.wanted)), None)
        if first is not None:
            message = f"{demand.where} gets {what}: {first.message}"
            help_ = "write `with:` to say what it gets"
            sink.add(Diagnostic(demand.code, message, step.place("id"), help=help_))

    def over(self, number: int, view: Endings, sink: Sink) -> Type:
        """Return the type of the list that a map without `over` goes through; reports DN5005."""
        given, what = self._given(number, view)
        _, problem = _judged(leaving(given), (List,))
        if problem is not None:
            step = self._outline.steps[number]
            message = f"the map goes through {what}, which {_is(problem)}"
            help_ = "write `over:`, an expression that gives a list"
            sink.add(Diagnostic("DN5005", message, step.place("id"), help=help_))
        return given

    def triggered(self, trigger: tree.Trigger, given: Type, sink: Sink) -> None:
        """Judge the input of runs that a trigger without `input` starts."""
        if "input" in trigger.keys or (demand := self._of("DN5008", "")) is None:
            return
        found = list(misfits(Literal(None), given, demand.wanted))
        if found:
            # What is missing tells more than what is there besides.
            first = next((misfit for misfit in found if " lacks " in misfit.message), found[0])
            message = f"runs of this trigger get `trigger` itself: {first.message}"
            help_ = "write `input:`, as `${{ trigger.data }}`"
            span = trigger.place("id")
            sink.add(Diagnostic("DN5008", message, span, Severity.WARNING, help=help_))

    def _given(self, number: int, view: Endings) -> tuple[Type, str]:
        """Return the input that Go's rule gives, and what it is."""
        steps = self._outline.steps
        outputs = {
            steps[edge.source].id: self._left(edge.source, view)
            for edge in self._graph.edges[number]
        }
        if not outputs:
            return self.input, "the input of the run"
        if len(outputs) == 1:
            name, given = next(iter(outputs.items()))
            return given, f"the output of `{name}`"
        whole = Object({name: (type_, True) for name, type_ in outputs.items()})
        return whole, "an object of outputs by step id"

    def _left(self, source: int, view: Endings) -> Type:
        """Return the type of an output as a dependent gets it: null where it does not exist."""
        output = self._outputs.types[source] or DYN
        return output if view.get(source, frozenset()) == {COMPLETED} else union((output, NULL))

    def _of_input(self, step: tree.Step) -> _Demand | None:
        match step.config:
            case tree.SubWorkflow(workflow=name):
                return self._of("DN5003", name, "workflow")
            case tree.Emit(event=event, data=None) if "data" not in step.config.keys:
                return self._of("DN5007", event)
            case _:
                return None if step.task is None else self._of("DN5003", step.task)

    def _of(self, code: str, name: str, kind: str = "task") -> _Demand | None:
        key = (code, kind, name)
        if key not in self._demands:
            schema, where, whole = self._schema(code, name, kind)
            if schema is not None:
                schema = self._schemas.whole(schema)
            self._demands[key] = (
                None
                if schema is None
                else _Demand(code, schema, from_json_schema(schema), where, whole)
            )
        return self._demands[key]

    def _schema(self, code: str, name: str, kind: str) -> tuple[Any, str, str]:
        workflow = self._workflow
        match code:
            case "DN5003" if kind == "workflow":
                program = None if self._workflows is None else self._workflows(name)
                return (program and program.input_schema), f"workflow `{name}`", "the input"
            case "DN5003":
                contract = workflow.tasks.get(name)
                if contract is None:
                    return None, "", ""
                where = f"task `{name}`{' as registered' if is_told(contract) else ''}"
                return contract.input, where, "the input"
            case "DN5004":
                return workflow.output_schema, "`output_schema`", "the output"
            case "DN5007":
                return workflow.events.get(name), f"event `{name}`", "the data"
            case "DN5009":
                return workflow.input, "the next generation", "the input"
            case _:
                return workflow.input, "the workflow", "the input"

    def _fits(self, demand: _Demand | None, spot: Spot, checked: Checked, sink: Sink) -> None:
        if demand is None:
            return
        expr, spans = spot.embedded.expr, spot.embedded.spans
        found = list(misfits(expr, checked.type, demand.wanted, demand.whole))
        for misfit in found[:MISFITS_SHOWN_MAX]:
            span = _place(misfit.node, spot) or spans.get(misfit.node.id, spot.embedded.span)
            message = f"{demand.where}: {misfit.message}"
            sink.add(Diagnostic(demand.code, message, span, help=misfit.help))
        if not found and isinstance(expr, Literal) and check_schema(demand.schema) is None:
            held = spot.embedded.constants.get(expr.id)
            for path, wrong in value_problems(demand.schema, expr.value)[:MISFITS_SHOWN_MAX]:
                message = f"{demand.where}: {demand.whole} does not fit at {dotted(path)}: {wrong}"
                span = spot.embedded.span if held is None else locate(held, path)[0].span
                sink.add(Diagnostic(demand.code, message, span))

    def _kind(self, spot: Spot, checked: Checked, sink: Sink) -> None:
        """Judge a value by what is done with it."""
        wanted, kinds = _TAKEN.get(spot.returns, ("", ()))
        if not kinds:
            return
        code = "DN5005" if spot.returns == "list" else "DN5010"
        _, problem = _judged(leaving(checked.type), kinds)
        if problem is not None:
            message = f"`{spot.key}` wants {wanted}, and this {_is(problem)}"
            sink.add(Diagnostic(code, message, _whole(spot)))


def _place(node: Expr, spot: Spot) -> Span | None:
    """Return where a part of a constant stands, None for what is none."""
    held = spot.embedded.constants.get(node.id) if isinstance(node, Part) else None
    if held is None or not isinstance(node, Part):
        return None
    found, entry = locate(held, list(node.keys))
    return entry.key_span if node.is_key and entry is not None else found.span


def _whole(spot: Spot) -> Span:
    return spot.embedded.spans.get(spot.embedded.expr.id, spot.embedded.span)


def _is(problem: Type) -> str:
    return "may be null" if problem is NULL else f"is {named(problem)}"


def _judged(type_: Type, kinds: tuple[type, ...]) -> tuple[bool, Type | None]:
    """Return whether a value can be of one of these kinds, and what keeps it from that."""
    if isinstance(type_, Dyn | Poison | Param):
        return True, None
    if isinstance(type_, Union):
        if NULL in type_.members and Null not in kinds:
            return False, NULL
        any_ = any(_judged(member, kinds)[0] for member in type_.members)
        return any_, None if any_ else type_
    kind = base(type_) if isinstance(type_, Enum) else type_
    fits = isinstance(kind, kinds)
    return fits, None if fits else type_
