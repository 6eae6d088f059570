"""Whether a switch has a case for every value, and every case a value.

on: input.kind   cases: bug | bug | fix   →  DN5012 `bug` stands here twice
"""

import json
from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from dagnats.compiler import facts as known
from dagnats.compiler.outline import Outline
from dagnats.diagnostics.diagnostic import Diagnostic, Label, Severity, Sink, Span
from dagnats.expr.ast import Call, Expr, Literal
from dagnats.expr.checking.advice import named, near
from dagnats.expr.checking.check import Checked
from dagnats.expr.checking.narrow import Facts
from dagnats.expr.checking.unify import comparable
from dagnats.expr.types import (
    Bool,
    Enum,
    List,
    Map,
    Null,
    Object,
    Poison,
    Type,
    Union,
    literal_type,
)
from dagnats.lang.tree import Case, Switch

_HOLDING = (List, Map, Object)
SHOWN_MAX = 8
"""Values that a message lists."""


class Choice(Struct, frozen=True):
    """What is known of a switch: the type of `on`, whether some body always runs, and facts.

    `facts` are known inside of each body, by its name.
    """

    on: Type | None
    exhaustive: bool
    facts: Mapping[str, Facts]


def choice(config: Switch, checked: Mapping[str, Checked], facts: Facts) -> Choice:
    """Return what the expressions of a switch tell about its bodies."""
    on = checked.get("on")
    inside: dict[str, Facts] = {}
    for number, case in enumerate(config.cases):
        found: Facts | None = None
        if config.on is not None and on is not None and case.values:
            found = known.after(_is_one(config.on.expr, case), on, facts)
        elif case.when is not None and (when := checked.get(f"cases[{number}].when")):
            found = known.after(case.when.expr, when, facts)
        if found is not None:
            inside[str(number)] = found
    exhaustive = config.default is not None
    if not exhaustive and on is not None:
        exhaustive = _missing(_possible(on.type), _values(config)) == []
    return Choice(None if on is None else on.type, exhaustive, inside)


def _is_one(on: Expr, case: Case) -> Expr:
    values = [v.expr.value for v in case.values if isinstance(v.expr, Literal)]
    return Call("@in", (on, Literal(values, -1)), None, -2)


def check_switches(outline: Outline, choices: Mapping[int, Choice], sink: Sink) -> None:
    """Report DN5011 to DN5014."""
    for number, step in enumerate(outline.steps):
        if isinstance(step.config, Switch) and number in choices:
            _Judge(step.config, choices[number].on, sink).judge()


class _Judge:
    def __init__(self, config: Switch, on: Type | None, sink: Sink) -> None:
        self._config = config
        self._on = on
        self._sink = sink

    def judge(self) -> None:
        by_value = self._config.on is not None
        if not by_value and "on" in self._config.keys:
            return  # it could not be read
        for case in self._config.cases:
            if case.values and not by_value:
                message = "the case lists values, and the switch has no `on`"
                help_ = "write `on:`, the value that is compared, or a condition as `when:`"
                self._add("DN5014", message, case.key_place("values"), help_)
            elif by_value and "when" in case.keys and "values" not in case.keys:
                message = "the case has a condition, and the switch compares the value of `on`"
                help_ = "list the `values:` that choose it, or leave `on` out"
                self._add("DN5014", message, case.key_place("when"), help_)
        if by_value:
            self._values()
        self._conditions()

    def _values(self) -> None:
        seen: dict[object, Span] = {}
        possible = None if self._on is None else _possible(self._on)
        for case in self._config.cases:
            for value in case.values:
                if not isinstance(value.expr, Literal):
                    message = "the values of a case are constants"
                    help_ = "write the condition as `when:`"
                    self._add("DN5014", message, value.span, help_)
                else:
                    self._value(value.expr.value, value.span, seen, possible)
        self._rest(_missing(possible, _values(self._config)))

    def _value(
        self, value: Any, span: Span, seen: dict[object, Span], possible: dict[object, Any] | None
    ) -> None:
        first = seen.get(_key(value))
        if first is not None:
            message = f"the value {_shown(value)} stands here twice, and the first case has it"
            labels = (Label(first, "first here"),)
            self._warn("DN5012", message, span, "leave it out", labels)
            return
        seen[_key(value)] = span
        on = self._on
        if on is None or isinstance(on, Poison):
            return
        if possible is not None and _key(value) not in possible:
            values = list(possible.values())
            texts = [other for other in values if isinstance(other, str)]
            help_ = near(value, texts, "it is one of") if isinstance(value, str) else None
            message = f"`on` is never {_shown(value)}"
            self._add("DN5013", message, span, help_ or f"it is one of {_listed(values)}")
        elif isinstance(on, _HOLDING):
            return  # it is no scalar, which has been reported
        elif possible is None and not comparable(literal_type(value), on):
            message = f"`on` is never {_shown(value)}, for it is {named(on)}"
            self._add("DN5013", message, span, None)

    def _rest(self, missing: list[Any] | None) -> None:
        """Judge what no case has."""
        config = self._config
        if missing is None or any(case.when is not None for case in config.cases):
            return
        if missing and config.default is None and "default" not in config.keys:
            message = f"no case has {_listed(missing)}, and there is no `default`"
            help_ = "add a case, or `default: []` to do nothing"
            self._warn("DN5011", message, config.key_place("cases"), help_)
        elif not missing and config.default:
            message = "the cases have every value, so that `default` is never chosen"
            self._warn("DN5012", message, config.key_place("default"), "leave it out")

    def _conditions(self) -> None:
        """Report cases that come after one like them, or after one that always holds."""
        seen: list[tuple[Expr, Span]] = []
        always: Span | None = None
        for case in self._config.cases:
            if case.when is None:
                continue
            span = case.place("when")
            if always is not None:
                labels = (Label(always, "this one always holds"),)
                message = "the case is never chosen"
                self._warn("DN5012", message, span, "write it before, or leave it out", labels)
                continue
            first = next((place for expr, place in seen if expr == case.when.expr), None)
            if first is not None:
                message = "two cases have the same condition, and the first is chosen"
                labels = (Label(first, "first here"),)
                self._warn("DN5012", message, span, "leave one out", labels)
            seen.append((case.when.expr, span))
            if case.when.expr == Literal(True):
                always = span
        if always is not None and self._config.default:
            message = "a case always holds, so that `default` is never chosen"
            self._warn("DN5012", message, self._config.key_place("default"), "leave it out")

    def _add(self, code: str, message: str, span: Span, help_: str | None) -> None:
        self._sink.add(Diagnostic(code, message, span, help=help_))

    def _warn(
        self, code: str, message: str, span: Span, help_: str, labels: tuple[Label, ...] = ()
    ) -> None:
        self._sink.add(Diagnostic(code, message, span, Severity.WARNING, labels, help_))


def _values(config: Switch) -> list[Any]:
    return [
        value.expr.value
        for case in config.cases
        for value in case.values
        if isinstance(value.expr, Literal)
    ]


def _missing(possible: dict[object, Any] | None, values: list[Any]) -> list[Any] | None:
    """Return those of all values that no case has; None where there is no end of them."""
    if possible is None:
        return None
    had = {_key(value) for value in values}
    return [value for key, value in possible.items() if key not in had]


def _possible(type_: Type) -> dict[object, Any] | None:
    """Return all values of a type, or None where it has too many."""
    found: dict[object, Any] = {}
    for member in type_.members if isinstance(type_, Union) else (type_,):
        values = _of(member)
        if values is None:
            return None
        found.update((_key(value), value) for value in values)
    return found


def _key(value: Any) -> object:
    """Return what two values have in common when they are equal: `1.0` is 1, `true` is not."""
    if isinstance(value, list | dict):
        return json.dumps(value, sort_keys=True)
    return isinstance(value, bool), value


def _of(member: Type) -> list[Any] | None:
    match member:
        case Enum(values=values):
            return list(values)
        case Bool():
            return [True, False]
        case Null():
            return [None]
        case _:
            return None


def _shown(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _listed(values: list[Any]) -> str:
    shown = ", ".join(_shown(value) for value in values[:SHOWN_MAX])
    return shown + (", …" if len(values) > SHOWN_MAX else "")
