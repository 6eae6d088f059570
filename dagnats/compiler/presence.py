"""No output is read that may not be there: definite assignment, through `&&`, `||`, `!` and `? :`.

    output: ${{ steps.a.output }}                        →  DN5001 where `a` may be skipped
    output: ${{ has(steps.a.output) ? steps.a.output : 0 }}    fine

What is known at a place of an expression is how each step may have ended (`Known`). A test of
`status`, and `has()` of an output or error, narrows it on both of its sides; a `when` that holds
narrows what the rest of its step, and the steps of its body, may find.
"""

from collections import ChainMap
from collections.abc import Iterable, Mapping

from msgspec import Struct

from dagnats.compiler.deduce import body_view
from dagnats.compiler.edges import COMPLETED, FAILED, SKIPPED
from dagnats.compiler.endings import PENDING, Endings
from dagnats.compiler.naming import Reference
from dagnats.compiler.outline import Outline
from dagnats.compiler.remembered import Heard, active
from dagnats.compiler.spots import Spot
from dagnats.compiler.tables import Tables
from dagnats.diagnostics.diagnostic import NOWHERE, Diagnostic, Sink, Span
from dagnats.expr.ast import Call, Comprehension, Expr, Ident, Literal, Select, children
from dagnats.expr.checking.access import escaped
from dagnats.expr.checking.check import STEPS

_NEEDS = {"output": COMPLETED, "error": FAILED}
_WORDS = {
    SKIPPED: "be skipped",
    FAILED: "fail",
    COMPLETED: "complete",
    PENDING: "not have ended",
}
_ORDER = (SKIPPED, FAILED, COMPLETED, PENDING)


class Known(Struct, frozen=True):
    """How steps may have ended: as it was before the expression, and what it has found out."""

    before: Endings
    found: Mapping[int, frozenset[str]]

    def of(self, step: int) -> frozenset[str]:
        """Return how a step may have ended; nothing is known of one that nobody waits for."""
        ends = self.found.get(step)
        return self.before.get(step, frozenset()) if ends is None else ends

    def only(self, step: int, ends: Iterable[str]) -> "Known":
        """Return what is known when a step has ended in one of these ways."""
        return Known(self.before, {**self.found, step: frozenset(ends)})


def check_presence(tables: Tables, sink: Sink) -> None:
    """Report DN5001 for each output or error that is read where it may not exist."""
    outline, views = tables.outline, tables.views
    inside: dict[int, Endings] = {}
    for number in range(len(outline.steps)):
        container = outline.scopes[outline.scope_of[number]].container
        around = inside.get(outline.scope_of[number])
        own = views.own[number]
        before: Endings = own if container is None or around is None else ChainMap(own, around)  # type: ignore[arg-type]
        known = _step(tables, number, Known(before, {}), inside, sink)
        for scope in outline.bodies.get(number, ()):
            inside.setdefault(scope, _together(known))
    if (output := tables.workflow.output) is not None:
        targets = _targets(tables.names.by_output)
        _Reader(targets, output.spans, sink).read(output.expr, Known(views.of_output, {}))


def _step(
    tables: Tables, number: int, known: Known, inside: dict[int, Endings], sink: Sink
) -> Known:
    """Read the expressions of a step; returns what is known where its `when` holds."""
    outline, names = tables.outline, tables.names
    for at, spot in enumerate(outline.spots(number)):
        targets, seen = _targets(names.mentioned[number][at]), known
        if spot.body is not None:
            own = body_view(outline, tables.views, number, spot)
            # What the condition has found out about the steps outside still holds.
            seen = Known(ChainMap(dict(known.found), own), {})  # type: ignore[arg-type]
        sides = _read(spot, targets, seen, sink)
        if spot.key == "when":
            known = sides.when_true
        elif (scope := _case(outline, number, spot)) is not None:
            inside[scope] = _together(sides.when_true)
    return known


def _read(spot: Spot, targets: dict[str, int], known: Known, sink: Sink) -> "_Sides":
    """Read an expression, unless it is known that nothing is to be reported of it."""
    expr, spans, notes = spot.embedded.expr, spot.embedded.spans, active()
    if not targets:
        return _Sides(known, known)
    if notes is None or known.found:
        return _Reader(targets, spans, sink).read(expr, known)
    ends = tuple([(name, step, known.of(step)) for name, step in targets.items()])
    key = (_read, id(expr), ends)
    told = notes.recall(key)
    if told is None:
        heard = Heard(to=sink)
        sides = _Reader(targets, spans, heard).read(expr, known)
        if heard.is_silent:
            notes.keep(key, expr, (sides.when_true.found, sides.when_false.found))
        return sides
    # What was known before the expression is of today, what it tells follows from the key.
    return _Sides(Known(known.before, told[0]), Known(known.before, told[1]))


def _case(outline: Outline, number: int, spot: Spot) -> int | None:
    """Return the body that runs when the condition of a case holds."""
    if not spot.key.startswith("cases[") or not spot.key.endswith("].when"):
        return None
    name = spot.key.removeprefix("cases[").removesuffix("].when")
    scopes = outline.scopes
    return next((at for at in outline.bodies[number] if scopes[at].name == name), None)


def _together(known: Known) -> Endings:
    return ChainMap(dict(known.found), known.before) if known.found else known.before  # type: ignore[arg-type]


def _targets(mentioned: tuple[Reference, ...]) -> dict[str, int]:
    return {r.name: r.target for r in mentioned if r.target is not None}


class _Sides(Struct, frozen=True):
    """What is known where an expression held, and where it did not."""

    when_true: Known
    when_false: Known


class _Reader(Struct, frozen=True):
    targets: Mapping[str, int]
    spans: Mapping[int, Span]
    sink: Sink

    def read(self, expr: Expr, known: Known) -> _Sides:
        match expr:
            case Literal():
                return _Sides(known, known)
            case Select():
                return self._field(expr, expr.operand, expr.field, known)
            case Call():
                return self._call(expr, known)
            case Comprehension():
                return self._comprehension(expr, known)
            case _:
                return self._parts(expr, known)

    def _call(self, call: Call, known: Known) -> _Sides:
        match call:
            case Call(function="_[_]", args=(owner, Literal(value=str() as field))):
                return self._field(call, owner, field, known)
            case Call(function="!_", args=(inner,)):
                sides = self.read(inner, known)
                return _Sides(sides.when_false, sides.when_true)
            case Call(function="_&&_" | "_||_" as function, args=args):
                return self._chain(args, known, stops_at=function == "_||_")
            case Call(function="_?_:_", args=(condition, one, other)):
                sides = self.read(condition, known)
                self.read(one, sides.when_true)
                self.read(other, sides.when_false)
                return _Sides(known, known)
            case Call(function="_==_" | "_!=_" | "@in"):
                return self._comparison(call, known)
            case Call(function="hasValue", target=Select(optional=True) as asked, args=()):
                self.read(asked, known)
                return self._has(asked.operand, asked.field, known)
            case _:
                return self._parts(call, known)

    def _parts(self, expr: Expr, known: Known) -> _Sides:
        for part in children(expr):
            self.read(part, known)
        return _Sides(known, known)

    def _field(self, node: Expr, owner: Expr, field: str, known: Known) -> _Sides:
        step = self._step(owner)
        if step is None or field not in _NEEDS:
            return self._parts(node, known)
        if isinstance(node, Select) and node.test:
            return self._has(owner, field, known)
        otherwise = known.of(step) - {_NEEDS[field]}
        optional = isinstance(node, Select) and node.optional
        if not optional and otherwise:
            self._report(node, owner, field, otherwise)
        return _Sides(known, known)

    def _has(self, owner: Expr, field: str, known: Known) -> _Sides:
        step = self._step(owner)
        if step is None or field not in _NEEDS:
            return _Sides(known, known)
        needed = _NEEDS[field]
        return _Sides(known.only(step, {needed}), known.only(step, known.of(step) - {needed}))

    def _step(self, node: Expr) -> int | None:
        match node:
            case Select(operand=Ident(name="steps"), field=name, optional=False, test=False):
                return self.targets.get(name)
            case Call(function="_[_]", args=(Ident(name="steps"), Literal(value=str() as name))):
                return self.targets.get(name)
            case _:
                return None

    def _report(self, node: Expr, owner: Expr, field: str, otherwise: frozenset[str]) -> None:
        name = owner.field if isinstance(owner, Select) else owner.args[1].value  # type: ignore[union-attr]
        may = " or ".join(_WORDS[end] for end in _ORDER if end in otherwise)
        message = f"`{name}` may {may}, and then it has no `{field}`"
        step = f"steps.{escaped(name)}"
        help_ = f"write `{step}.?{field}.orValue(…)`, or ask `has({step}.{field})` first"
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
        decided = _either(known, stopped)
        return _Sides(decided, going_on) if stops_at else _Sides(going_on, decided)

    def _comparison(self, node: Call, known: Known) -> _Sides:
        self._parts(node, known)
        one, other = node.args
        if isinstance(one, Literal) and node.function != "@in":
            one, other = other, one
        match one:
            case Select(operand=owner, field="status", optional=False, test=False):
                step = self._step(owner)
            case _:
                step = None
        ends = _constants(other, listed=node.function == "@in")
        if step is None or ends is None or not known.of(step):
            return _Sides(known, known)
        same = known.only(step, known.of(step) & ends)
        different = known.only(step, known.of(step) - ends)
        return _Sides(different, same) if node.function == "_!=_" else _Sides(same, different)

    def _comprehension(self, node: Comprehension, known: Known) -> _Sides:
        self.read(node.over, known)
        if STEPS not in {node.variable, node.second}:
            inside = known if node.guard is None else self.read(node.guard, known).when_true
            self.read(node.body, inside)
        return _Sides(known, known)


def _constants(node: Expr, *, listed: bool) -> frozenset[str] | None:
    """Return the words that a status is compared with, where they are constants."""
    if not listed:
        value = node.value if isinstance(node, Literal) else None
        return frozenset({value}) if isinstance(value, str) else None
    parts = children(node)
    words = [part.value for part in parts if isinstance(part, Literal)]
    if isinstance(node, Literal) and isinstance(node.value, list):
        words = node.value
    elif not parts or len(words) < len(parts):
        return None
    return frozenset(word for word in words if isinstance(word, str))


def _either(known: Known, sides: list[Known]) -> Known:
    """Return what is known when one of several was the case; a step without ends never was."""
    told = dict.fromkeys(step for side in sides for step in side.found)
    joined = {step: frozenset().union(*(side.of(step) for side in sides)) for step in told}
    return Known(known.before, joined)
