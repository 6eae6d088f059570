"""The findings of the checker: each mistake in an author's words, with what to do about it."""

import difflib
from collections.abc import Iterable, Mapping

from dagnats.diagnostics.diagnostic import (
    NOWHERE,
    Diagnostic,
    Edit,
    Fix,
    Severity,
    Sink,
    Span,
)
from dagnats.expr.ast import Call, Expr, Literal, Select
from dagnats.expr.checking.access import escaped, owner_and_key, path_of, spelled
from dagnats.expr.checking.advice import advice, as_condition, foreign, named, near, stand_in
from dagnats.expr.signatures import Function
from dagnats.expr.types import (
    NULL,
    POISON,
    Enum,
    Null,
    Object,
    Poison,
    Type,
    Union,
    display,
)

_SHOWN = {"@in": "in", "_[_]": "[ ]", "_[?_]": "[? ]", "_?_:_": "? :"}


def symbol(function: str) -> str:
    """Return how a function or operator is written."""
    return _SHOWN.get(function) or function.strip("_")


class Reporter:
    """Adds findings to a sink, each at the place of a node; what they return is `Poison`."""

    __slots__ = ("_sink", "_spans", "_where")

    def __init__(self, spans: Mapping[int, Span], sink: Sink, where: str) -> None:
        self._spans = spans
        self._sink = sink
        self._where = where

    def add(  # noqa: PLR0913 (what a finding is made of)
        self,
        code: str,
        node: Expr,
        message: str,
        help_: str | None = None,
        *,
        severity: Severity = Severity.ERROR,
        fixes: tuple[Fix, ...] = (),
    ) -> Poison:
        """Record a finding."""
        span = self._spans.get(node.id, NOWHERE)
        self._sink.add(Diagnostic(code, message, span, severity, help=help_, fixes=fixes))
        return POISON

    def unknown_name(self, node: Expr, name: str, known: Iterable[str]) -> Poison:
        """Report a root that does not exist."""
        place = f" {self._where}" if self._where else ""
        help_ = near(name, known, "here exist")
        return self.add("DN4002", node, f"`{name}` does not exist{place}", help_)

    def steps_alone(self, node: Expr) -> Poison:
        """Report `steps` as a value."""
        help_ = "name a step, as `steps.first.output`"
        return self.add("DN4002", node, "`steps` alone is no value", help_)

    def computed_step(self, node: Expr) -> Poison:
        """Report a step that is named by an expression."""
        message = "a step is named by a constant, so that what depends on it is known"
        return self.add("DN4002", node, message, 'write `steps.id` or `steps["id"]`')

    def unknown_function(self, node: Expr, name: str, functions: Iterable[str]) -> Poison:
        """Report a function that does not exist."""
        public = [known for known in functions if known[0].isalpha()]
        help_ = foreign(name)
        if help_ is None and (close := difflib.get_close_matches(name, [*public, "has"], 1)):
            help_ = f"did you mean `{close[0]}`?"
        return self.add("DN4003", node, f"there is no function `{name}`", help_)

    def no_overload(
        self, node: Call, types: tuple[Type, ...], function: Function | None, *, method: bool
    ) -> Poison:
        """Report arguments that a function or operator does not take."""
        shown = symbol(function.name if function else node.function)
        given = " and ".join(named(type_) for type_ in types) or "nothing"
        message = f"`{shown}` does not take {given}"
        help_ = advice(function, types, method=method)
        return self.add("DN4004", node, message, help_)

    def may_be_null(self, node: Expr, wanted: str) -> Poison:
        """Report a value that may be null where null is not taken."""
        place = spelled(node) if path_of(node) else None
        shown = "this value" if place is None else f"`{place}`"
        help_ = f"compare it with null first, as `{place or 'value'} != null && …`"
        return self.add("DN4004", node, f"{shown} may be null, and {wanted}", help_)

    def no_bool(self, node: Expr, type_: Type, what: str) -> Poison:
        """Report a condition that is none."""
        if isinstance(type_, Union) and NULL in type_.members:
            return self.may_be_null(node, f"`{what}` wants a bool")
        message = f"`{what}` wants a bool, and this is {named(type_)}"
        return self.add("DN4004", node, message, as_condition(type_))

    def no_field(self, node: Expr, owner: Type, name: str) -> Poison:
        """Report a field that no value of the owner has."""
        if isinstance(owner, Object):
            whose = self._called(node, owner.name)
            help_ = near(name, owner.fields, "it has")
            return self.add("DN5002", node, f"{whose} has no field `{name}`", help_)
        if isinstance(owner, Union):
            members = [m for m in owner.members if not isinstance(m, Null)]
            holding = [m for m in members if isinstance(m, Object)]
            if len(holding) == 1:
                return self.no_field(node, holding[0], name)
            if holding:
                known = dict.fromkeys(field for m in holding for field in m.fields)
                help_ = near(name, known, "it has")
                return self.add(
                    "DN5002", node, f"{self._called(node, '')} has no field `{name}`", help_
                )
            message = f"`{name}` is read from {display(owner)}, none of which has fields"
            return self.add("DN5002", node, message)
        shown = display(owner)
        message = f"`{name}` is read from a value of type {shown}, which has no fields"
        return self.add("DN5002", node, message)

    @staticmethod
    def _called(node: Expr, name: str) -> str:
        """Return what messages call the owner of a field."""
        place = owner_and_key(node)
        if name or place is None or path_of(place[0]) is None:
            return f"`{name}`" if name else "the object"
        return f"`{spelled(place[0])}`"

    def maybe_missing(
        self, node: Expr, owner: Type, name: str, type_: Type, *, alone: bool
    ) -> None:
        """Report a field that may not be there; its value is used by itself when `alone`."""
        place = owner_and_key(node)
        assert place is not None, "only fields may be missing"
        holder = spelled(place[0])
        indexed = isinstance(node, Call)
        key = f'[?"{name}"]' if indexed else f".?{escaped(name)}"
        asked = f"has({holder}.{escaped(name)})"
        help_ = f"write `{holder}{key}.orValue(…)`, or ask `{asked}` first"
        fixes = self._defaulted(node, place[0], owner, name, type_) if alone else ()
        message = f"`{spelled(node)}` may not be there"
        self.add("DN4006", node, message, help_, severity=Severity.WARNING, fixes=fixes)

    def _defaulted(
        self, node: Expr, holder: Expr, owner: Type, name: str, type_: Type
    ) -> tuple[Fix, ...]:
        """Return the change to `.?x.orValue(…)`, where the text is surely as it is spelled."""
        defaults = (owner.defaults if isinstance(owner, Object) else None) or {}
        value = stand_in(type_, defaults.get(name), declared=name in defaults)
        whole, before = self._spans.get(node.id), self._spans.get(holder.id)
        if value is None or whole is None or before is None:
            return ()
        if isinstance(node, Select):
            length = whole.end.offset - before.end.offset
            if length != len(name) + 1 or whole.end.line != before.end.line:
                return ()
            # The dot itself is replaced: it stands right after the owner.
            dot = _after(before, 1)
            mark = Edit(dot, ".?")
        else:
            key = node.args[1] if isinstance(node, Call) else node
            start = self._spans.get(key.id)
            if start is None or start.start.offset <= before.end.offset:
                return ()
            mark = Edit(Span(start.start, start.start), "?")
        tail = Edit(Span(whole.end, whole.end), f".orValue({value})")
        kind = "safe" if name in defaults else "unsafe"
        return (Fix(f"use {value} where it is missing", (mark, tail), kind),)

    def never(self, node: Literal, allowed: Enum) -> None:
        """Report a comparison with a constant that a declared value cannot be."""
        shown = display(Enum((node.value,)))
        help_ = (
            near(node.value, [v for v in allowed.values if isinstance(v, str)], "it is one of")
            if isinstance(node.value, str)
            else f"it is one of {display(allowed)}"
        )
        self.add("DN4004", node, f"this is never {shown}", help_)

    def undecided(self, node: Expr, message: str, help_: str | None = None) -> None:
        """Warn of a comparison that has one outcome only."""
        self.add("DN4008", node, message, help_, severity=Severity.WARNING)

    def always(self, node: Expr, value: bool) -> None:
        """Warn of a condition that is decided before anything is read."""
        message = f"this condition is always {'true' if value else 'false'}"
        help_ = "compare it with what may change, or leave it out"
        self.add("DN4007", node, message, help_, severity=Severity.WARNING)

    def whole_division(self, node: Expr) -> None:
        """Tell that a quotient of integers lost its fraction before it met a double."""
        message = "this divides integers, which cuts the fraction off, and then meets a double"
        help_ = "write `double(a) / b` for the exact quotient"
        self.add("DN4009", node, message, help_, severity=Severity.INFO)

    def hidden(self, node: Expr, name: str) -> None:
        """Warn of a variable that hides another name."""
        message = f"the variable `{name}` hides another `{name}`"
        help_ = "choose another name for it"
        self.add("DN4010", node, message, help_, severity=Severity.WARNING)

    def unused(self, node: Expr, name: str) -> None:
        """Warn of a `cel.bind` whose variable nobody reads."""
        message = f"the variable `{name}` is never read"
        help_ = "leave `cel.bind` out, or read the variable"
        self.add("DN4011", node, message, help_, severity=Severity.WARNING)

    def mistaken(self, node: Expr, function: str, reason: str) -> Poison:
        """Report a constant that its function always refuses."""
        return self.add("DN4012", node, f"`{symbol(function)}` refuses this constant: {reason}")


def _after(span: Span, length: int) -> Span:
    end = span.end
    return Span(end, type(end)(end.offset + length, end.line, end.column + length))
