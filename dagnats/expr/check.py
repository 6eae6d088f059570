"""Judges an expression against the types in scope, and finds which steps it refers to."""

import difflib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import assert_never

from dagnats.diagnostics.diagnostic import NOWHERE, Diagnostic, Sink, Span
from dagnats.expr.advice import advice, as_condition, foreign, named, near
from dagnats.expr.ast import (
    INTERPOLATE,
    Call,
    Comprehension,
    Expr,
    Ident,
    ListOf,
    Literal,
    MapOf,
    Select,
    children,
)
from dagnats.expr.functions import FUNCTIONS, NAMESPACES, Function, Overload
from dagnats.expr.types import (
    BOOL,
    DYN,
    POISON,
    STRING,
    Bool,
    Double,
    Dyn,
    Enum,
    Int,
    List,
    Map,
    Null,
    Object,
    Optional,
    Poison,
    String,
    Type,
    Union,
    assignable,
    display,
    join,
    literal_type,
    union,
    widened,
)

STEPS = "steps"
_SHOWN = {"@in": "in", "_[_]": "[ ]", "_[?_]": "[? ]", "_?_:_": "? :"}


def check(
    expr: Expr, spans: Mapping[int, Span], scope: Mapping[str, Type], sink: Sink, *, where: str
) -> Type:
    """Return the type of an expression; a part that has none is reported once and is `Poison`.

    `scope` maps the roots that exist here to their types, and `where` says where that is, as
    ``in `when` ``. Codes: DN4002 unknown root or step by computed name, DN4003 unknown function,
    DN4004 a function or operator that takes no such types, DN5002 a field that cannot be there.
    """
    return _Checker(spans, sink, where, scope).type_of(expr, scope)


def check_condition(
    expr: Expr, spans: Mapping[int, Span], scope: Mapping[str, Type], sink: Sink, *, key: str
) -> None:
    """Judge the condition that stands at `key`: as `check`, and DN4004 when it cannot be a bool."""
    where = f"in `{key}`"
    _Checker(spans, sink, where, scope).condition(expr, scope, key)


def references(expr: Expr) -> Iterator[tuple[str, Expr]]:
    """Yield every step that is referred to by its id, with the node that does, in written order.

    `steps.a`, `steps.?a`, `steps["a"]` and `steps[?"a"]` are references; a variable of a macro
    that is called `steps` hides them.
    """
    stack: list[tuple[Expr, bool]] = [(expr, False)]
    while stack:
        node, hidden = stack.pop()
        if not hidden and (step := _step(node)) is not None:
            yield step, node
        if isinstance(node, Comprehension):
            inside = hidden or node.variable == STEPS
            stack.append((node.body, inside))
            if node.guard is not None:
                stack.append((node.guard, inside))
            stack.append((node.over, hidden))
        else:
            stack.extend((child, hidden) for child in reversed(children(node)))


def _step(node: Expr) -> str | None:
    match node:
        case Select(operand=Ident(name="steps"), field=name):
            return name
        case Call(
            function="_[_]" | "_[?_]", args=(Ident(name="steps"), Literal(value=str() as name))
        ):
            return name
        case _:
            return None


@dataclass(frozen=True, slots=True)
class _Checker:
    spans: Mapping[int, Span]
    sink: Sink
    where: str
    roots: Mapping[str, Type]

    def type_of(self, expr: Expr, scope: Mapping[str, Type]) -> Type:
        match expr:
            case Literal(value=value):
                return literal_type(value)
            case Ident():
                return self._ident(expr, scope)
            case Select():
                return self._select(expr, scope)
            case Call():
                return self._call(expr, scope)
            case ListOf(items=items, optional=optional):
                types = [self.type_of(item, scope) for item in items]
                held = (_held(t) if i in optional else t for i, t in enumerate(types))
                return List(_joined(held))
            case MapOf():
                return self._map(expr, scope)
            case Comprehension():
                return self._comprehension(expr, scope)
            case _:
                assert_never(expr)

    def _report(self, code: str, node: Expr, message: str, help_: str | None = None) -> Poison:
        span = self.spans.get(node.id, NOWHERE)
        self.sink.add(Diagnostic(code, message, span, help=help_))
        return POISON

    def _ident(self, node: Ident, scope: Mapping[str, Type]) -> Type:
        name = node.name
        if name == STEPS and scope.get(name) is self.roots.get(name) and name in scope:
            message = "`steps` alone is no value"
            return self._report("DN4002", node, message, "name a step, as `steps.first.output`")
        if name in scope:
            return scope[name]
        place = f" {self.where}" if self.where else ""
        return self._report(
            "DN4002", node, f"`{name}` does not exist{place}", near(name, scope, "here exist")
        )

    def _select(self, node: Select, scope: Mapping[str, Type]) -> Type:
        operand = self._operand(node.operand, scope)
        found = self._field(node, operand, node.field)
        if node.test:
            return POISON if isinstance(found, Poison) else BOOL
        if node.optional and not isinstance(found, Poison):
            return found if isinstance(found, Optional) else Optional(found)
        return found

    def _operand(self, node: Expr, scope: Mapping[str, Type]) -> Type:
        """Return the type of what a field is read from, which alone may be `steps` itself."""
        if isinstance(node, Ident) and node.name == STEPS and STEPS in scope:
            return scope[STEPS]
        return self.type_of(node, scope)

    def _field(self, node: Expr, operand: Type, name: str) -> Type:
        match operand:
            case Dyn() | Poison():
                return operand
            case Map(value=value):
                return value
            case Object(fields=fields, closed=closed):
                if name in fields:
                    return fields[name][0]
                return self._no_field(node, operand, name) if closed else DYN
            case Optional(of=of):
                found = self._field(node, of, name)
                return found if isinstance(found, Poison | Optional) else Optional(found)
            case Union(members=members):
                return self._field_of_union(node, operand, members, name)
            case Null() | Bool() | Int() | Double() | String() | Enum() | List():
                shown = display(operand)
                message = f"`{name}` is read from a value of type {shown}, which has no fields"
                return self._report("DN5002", node, message)
            case _:
                assert_never(operand)

    def _field_of_union(
        self, node: Expr, operand: Union, members: tuple[Type, ...], name: str
    ) -> Type:
        holding = [m for m in members if isinstance(m, Object | Map)]
        if not holding:
            message = f"`{name}` is read from {display(operand)}, none of which has fields"
            return self._report("DN5002", node, message)
        quiet = _Checker(self.spans, Sink(), self.where, self.roots)
        found = [quiet._field(node, m, name) for m in holding]
        known = [t for t in found if not isinstance(t, Poison)]
        return union(known) if known else self._field(node, holding[0], name)

    def _no_field(self, node: Expr, owner: Object, name: str) -> Poison:
        whose = f"`{owner.name}`" if owner.name else "the object"
        help_ = near(name, owner.fields, "it has")
        return self._report("DN5002", node, f"{whose} has no field `{name}`", help_)

    def _map(self, node: MapOf, scope: Mapping[str, Type]) -> Type:
        fields: dict[str, tuple[Type, bool]] = {}
        others: list[Type] = []
        for index, (key, part) in enumerate(node.entries):
            key_type = self.type_of(key, scope)
            type_ = self.type_of(part, scope)
            optional = index in node.optional
            type_ = _held(type_) if optional else type_
            if isinstance(key, Literal) and isinstance(key.value, str):
                fields[key.value] = (type_, not optional)
                continue
            if not assignable(key_type, STRING):
                self._report("DN4004", key, f"a key is a string, not {named(key_type)}")
            others.append(type_)
        if others:
            return Map(union([*others, *(type_ for type_, _ in fields.values())]))
        return Object(fields, closed=True)

    def _comprehension(self, node: Comprehension, scope: Mapping[str, Type]) -> Type:
        over = self.type_of(node.over, scope)
        element = self._element(node, over)
        inside = {**scope, node.variable: element}
        if node.guard is not None:
            self.condition(node.guard, inside, node.macro)
        if node.macro == "map":
            return List(widened(self.type_of(node.body, inside)))
        self.condition(node.body, inside, node.macro)
        return List(element) if node.macro == "filter" else BOOL

    def _element(self, node: Comprehension, over: Type) -> Type:
        match over:
            case List(elem=elem):
                return elem
            case Map() | Object():
                return STRING
            case Dyn() | Poison():
                return over
            case Union(members=members) if any(isinstance(m, List | Map | Object) for m in members):
                return union(
                    m.elem if isinstance(m, List) else STRING
                    for m in members
                    if isinstance(m, List | Map | Object)
                )
            case _:
                message = f"`{node.macro}` goes over a list or a map, not over {named(over)}"
                return self._report("DN4004", node.over, message)

    def condition(self, node: Expr, scope: Mapping[str, Type], what: str) -> None:
        type_ = self.type_of(node, scope)
        if not _fits(type_, BOOL):
            message = f"`{what}` wants a bool, and this is {named(type_)}"
            self._report("DN4004", node, message, as_condition(type_))

    def _call(self, node: Call, scope: Mapping[str, Type]) -> Type:
        match node.function:
            case "_&&_" | "_||_":
                for arg in node.args:
                    self.condition(arg, scope, node.function.strip("_"))
                return BOOL
            case "_?_:_":
                condition, one, other = node.args
                self.condition(condition, scope, "? :")
                return join(self.type_of(one, scope), self.type_of(other, scope))
            case "_[_]" | "_[?_]":
                return self._index(node, scope)
            case name if name == INTERPOLATE:
                return self._interpolate(node, scope)
            case _:
                return self._function(node, scope)

    def _index(self, node: Call, scope: Mapping[str, Type]) -> Type:
        owner, key = node.args
        optional = node.function == "_[?_]"
        of_steps = isinstance(owner, Ident) and owner.name == STEPS
        owner_type = self._operand(owner, scope)
        key_type = self.type_of(key, scope)
        if isinstance(key, Literal) and isinstance(key.value, str):
            if isinstance(owner_type, Object | Map | Optional):
                found = self._field(node, owner_type, key.value)
                wrap = optional and not isinstance(found, Poison | Optional)
                return Optional(found) if wrap else found
        elif of_steps and owner_type is self.roots.get(STEPS):
            message = "a step is named by a constant, so that what depends on it is known"
            return self._report("DN4002", key, message, 'write `steps.id` or `steps["id"]`')
        if isinstance(owner_type, Object):
            if not _fits(key_type, STRING):
                return self._no_overload(node, (owner_type, key_type))
            return Optional(DYN) if optional else DYN
        if isinstance(owner_type, Optional):
            return owner_type
        return self._resolve(node, FUNCTIONS[node.function], (owner_type, key_type))

    def _interpolate(self, node: Call, scope: Mapping[str, Type]) -> Type:
        for part in node.args:
            type_ = self.type_of(part, scope)
            if isinstance(type_, List | Map | Object):
                message = f"{named(type_)} cannot stand inside a text"
                help_ = "write `json.encode(…)` for its JSON, or let the expression stand alone"
                self._report("DN4004", part, message, help_)
        return STRING

    def _function(self, node: Call, scope: Mapping[str, Type]) -> Type:
        target, name = node.target, node.function
        if isinstance(target, Ident) and target.name not in scope and target.name in NAMESPACES:
            name = f"{target.name}.{name}"
            target = None
        receiver = () if target is None else (self.type_of(target, scope),)
        types = (*receiver, *(self.type_of(arg, scope) for arg in node.args))
        function = FUNCTIONS.get(name)
        if function is None:
            return self._unknown_function(node, name)
        if any(isinstance(type_, Poison) for type_ in types):
            return POISON
        return self._resolve(node, function, types, method=target is not None)

    def _unknown_function(self, node: Call, name: str) -> Poison:
        public = [known for known in FUNCTIONS if known[0].isalpha()]
        help_ = foreign(name)
        if help_ is None and (close := difflib.get_close_matches(name, [*public, "has"], 1)):
            help_ = f"did you mean `{close[0]}`?"
        return self._report("DN4003", node, f"there is no function `{name}`", help_)

    def _resolve(
        self, node: Call, function: Function, types: tuple[Type, ...], *, method: bool = False
    ) -> Type:
        if any(isinstance(type_, Poison) for type_ in types):
            return POISON
        results = [
            overload.result(types) if callable(overload.result) else overload.result
            for overload in function.overloads
            if _takes(function, overload, types, method)
        ]
        if not results:
            return self._no_overload(node, types, function)
        if function.name in {"_==_", "_!=_"}:
            if not _comparable(*types):
                return self._no_overload(node, types, function)
            self._enumerated(node, types)
        certain = all(not isinstance(type_, Dyn | Union) for type_ in types)
        return results[0] if certain else union(results)

    def _enumerated(self, node: Call, types: tuple[Type, ...]) -> None:
        """Report a comparison of one of a few texts with a constant that is none of them."""
        for literal, other in ((0, 1), (1, 0)):
            constant, allowed = node.args[literal], types[other]
            if isinstance(node.args[other], Literal) or not isinstance(allowed, Enum):
                continue
            text = constant.value if isinstance(constant, Literal) else None
            if isinstance(text, str) and text not in allowed.values:
                help_ = near(text, allowed.values, "it is one of")
                self._report("DN4004", constant, f'this is never "{text}"', help_)

    def _no_overload(
        self, node: Call, types: tuple[Type, ...], function: Function | None = None
    ) -> Poison:
        name = function.name if function else node.function
        shown = _SHOWN.get(name, name.strip("_"))
        given = " and ".join(named(type_) for type_ in types) or "nothing"
        message = f"`{shown}` does not take {given}"
        return self._report("DN4004", node, message, advice(function, types))


def _takes(function: Function, overload: Overload, types: tuple[Type, ...], method: bool) -> bool:
    if overload.method != method:
        return False
    params = overload.params
    if function.variadic and params and len(types) > 1:
        params = params[:1] * len(types)
    return len(params) == len(types) and all(map(_fits, types, params))


def _fits(source: Type, target: Type) -> bool:
    """Whether a value of `source` can be one of `target`: for a union, any member is enough."""
    if isinstance(source, Union):
        return any(_fits(member, target) for member in source.members)
    if isinstance(source, Object) and isinstance(target, Map):
        return True
    return assignable(source, target)


def _comparable(left: Type, right: Type) -> bool:
    """Whether two values may ever be equal."""
    if isinstance(left, Union):
        return any(_comparable(member, right) for member in left.members)
    if isinstance(right, Union):
        return any(_comparable(left, member) for member in right.members)
    if isinstance(left, Dyn | Null) or isinstance(right, Dyn | Null):
        return True
    return _kind(left) is _kind(right)


def _kind(type_: Type) -> type:
    match type_:
        case Enum():
            return String
        case Int() | Double():
            return Double
        case Object():
            return Map
        case _:
            return type(type_)


def _joined(types: Iterable[Type]) -> Type:
    result: Type | None = None
    for type_ in types:
        result = widened(type_) if result is None else join(result, widened(type_))
    return DYN if result is None else result


def _held(type_: Type) -> Type:
    return type_.of if isinstance(type_, Optional) else type_
