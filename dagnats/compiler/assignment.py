"""No output is read that may not be there: definite assignment, through `&&`, `||`, `!` and `? :`.

    output: ${{ steps.a.output }}                        →  DN5001 where `a` may be skipped
    output: ${{ has(steps.a.output) ? steps.a.output : 0 }}    fine

What is known at a place of an expression is how each step may have ended (`Known`). A test of
`status`, and `has()` of an output or error, narrows it on both of its sides; a `when` that holds
narrows what the rest of its step may find.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from dagnats.compiler.names import Names, expressions
from dagnats.compiler.outcomes import COMPLETED, FAILED, SKIPPED, Views
from dagnats.diagnostics.diagnostic import NOWHERE, Diagnostic, Sink, Span
from dagnats.expr.ast import Call, Comprehension, Expr, Ident, Literal, Select, children
from dagnats.expr.check import STEPS
from dagnats.lang.ast import Workflow

Known = Mapping[int, frozenset[str]]
_NEEDS = {"output": COMPLETED, "error": FAILED}
_WORDS = {SKIPPED: "be skipped", FAILED: "fail", COMPLETED: "complete"}


def check_assignment(workflow: Workflow, names: Names, views: Views, sink: Sink) -> None:
    """Report DN5001 for each output or error that is read where it may not exist."""
    for step, view in zip(workflow.steps, views.of_step, strict=True):
        known: Known = view
        for key, embedded in expressions(step):
            sides = _Reader(names.index, embedded.spans, sink).read(embedded.expr, known)
            if key == "when":
                known = sides.when_true
    if (output := workflow.output) is not None:
        _Reader(names.index, output.spans, sink).read(output.expr, views.of_output)


@dataclass(frozen=True, slots=True)
class _Sides:
    """What is known where an expression held, and where it did not."""

    when_true: Known
    when_false: Known


@dataclass(frozen=True, slots=True)
class _Reader:
    index: Mapping[str, int]
    spans: Mapping[int, Span]
    sink: Sink

    def read(self, expr: Expr, known: Known) -> _Sides:
        match expr:
            case Select():
                return self._field(expr, expr.operand, expr.field, known)
            case Call(function="_[_]", args=(owner, Literal(value=str() as field))):
                return self._field(expr, owner, field, known)
            case Call(function="!_", args=(inner,)):
                sides = self.read(inner, known)
                return _Sides(sides.when_false, sides.when_true)
            case Call(function="_&&_", args=args):
                return self._chain(args, known, stops_at=False)
            case Call(function="_||_", args=args):
                return self._chain(args, known, stops_at=True)
            case Call(function="_?_:_", args=(condition, one, other)):
                sides = self.read(condition, known)
                self.read(one, sides.when_true)
                self.read(other, sides.when_false)
                return _Sides(known, known)
            case Call(function="_==_" | "_!=_"):
                return self._comparison(expr, known)
            case Comprehension():
                return self._comprehension(expr, known)
            case _:
                return self._parts(expr, known)

    def _parts(self, expr: Expr, known: Known) -> _Sides:
        for part in children(expr):
            self.read(part, known)
        return _Sides(known, known)

    def _field(self, node: Expr, owner: Expr, field: str, known: Known) -> _Sides:
        step = self._step(owner)
        if step is None or field not in _NEEDS:
            return self._parts(node, known)
        needed = _NEEDS[field]
        ends = known.get(step, frozenset())
        if isinstance(node, Select) and node.test:
            return _Sides(_only(known, step, {needed}), _only(known, step, ends - {needed}))
        optional = isinstance(node, Select) and node.optional
        if not optional and ends - {needed}:
            self._report(node, owner, field, ends - {needed})
        return _Sides(known, known)

    def _step(self, node: Expr) -> int | None:
        match node:
            case Select(operand=Ident(name="steps"), field=name, optional=False, test=False):
                return self.index.get(name)
            case Call(function="_[_]", args=(Ident(name="steps"), Literal(value=str() as name))):
                return self.index.get(name)
            case _:
                return None

    def _report(self, node: Expr, owner: Expr, field: str, otherwise: frozenset[str]) -> None:
        name = owner.field if isinstance(owner, Select) else owner.args[1].value  # type: ignore[union-attr]
        may = " or ".join(_WORDS[end] for end in sorted(otherwise, reverse=True))
        message = f"`{name}` may {may}, and then it has no `{field}`"
        help_ = (
            f"write `steps.{name}.?{field}.orValue(…)`, or ask `has(steps.{name}.{field})` first"
        )
        span = self.spans.get(node.id, NOWHERE)
        self.sink.add(Diagnostic("DN5001", message, span, help=help_))

    def _chain(self, args: tuple[Expr, ...], known: Known, *, stops_at: bool) -> _Sides:
        """Read operands in turn: the next one counts only where those before did not decide."""
        going_on = known
        stopped: list[Known] = []
        for arg in args:
            sides = self.read(arg, going_on)
            stopped.append(sides.when_true if stops_at else sides.when_false)
            going_on = sides.when_false if stops_at else sides.when_true
        decided = _either(stopped)
        return _Sides(decided, going_on) if stops_at else _Sides(going_on, decided)

    def _comparison(self, node: Call, known: Known) -> _Sides:
        self._parts(node, known)
        one, other = node.args
        if isinstance(one, Literal):
            one, other = other, one
        match one, other:
            case Select(operand=owner, field="status", optional=False), Literal(value=str() as end):
                step = self._step(owner)
            case _:
                step, end = None, ""
        if step is None or step not in known:
            return _Sides(known, known)
        same = _only(known, step, known[step] & {end})
        different = _only(known, step, known[step] - {end})
        return _Sides(same, different) if node.function == "_==_" else _Sides(different, same)

    def _comprehension(self, node: Comprehension, known: Known) -> _Sides:
        self.read(node.over, known)
        if node.variable != STEPS:
            inside = known if node.guard is None else self.read(node.guard, known).when_true
            self.read(node.body, inside)
        return _Sides(known, known)


def _only(known: Known, step: int, ends: frozenset[str] | set[str]) -> Known:
    return {**known, step: frozenset(ends)}


def _either(sides: list[Known]) -> Known:
    """Return what is known when one of several was the case; a step without ends never was."""
    joined: dict[int, frozenset[str]] = {}
    for step in sides[0]:
        joined[step] = frozenset().union(*(side.get(step, frozenset()) for side in sides))
    return joined
