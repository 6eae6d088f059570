"""Goes over an expression once: gives each node its type and reports what cannot be.

What a place of the data is may be known better than it was declared: `Facts` go along with the
names in scope, and die where a variable hides the root that they are about.
"""

from collections.abc import Callable, Mapping
from typing import Any

from dagnats.diagnostics.diagnostic import Sink, Span
from dagnats.expr.ast import (
    Call,
    Expr,
    Ident,
    ListOf,
    Literal,
    MapOf,
    Select,
)
from dagnats.expr.checking.access import dotted, look, path_of
from dagnats.expr.checking.advice import named
from dagnats.expr.checking.narrow import Facts, Narrowing
from dagnats.expr.checking.report import Reporter
from dagnats.expr.checking.unify import comparable, joined
from dagnats.expr.signatures import Function
from dagnats.expr.type_text import VALUES
from dagnats.expr.types import (
    BOOL,
    DOUBLE,
    DYN,
    FREE,
    NULL,
    POISON,
    STRING,
    Bool,
    Dyn,
    Enum,
    Int,
    List,
    Map,
    Object,
    Optional,
    Param,
    Poison,
    String,
    Type,
    TypeOf,
    Uint,
    Union,
    base,
    join,
    literal_type,
    without_null,
)

STEPS = "steps"
Names = Mapping[str, Type]

NOTHING_KNOWN: Facts = {}
_TYPE_VALUES: dict[str, Type] = {name: TypeOf(type_) for name, type_ in VALUES.items()}
_TYPE_ROOTS = frozenset(name.split(".")[0] for name in VALUES if "." in name)
_KEYS = (Bool, Int, String, Uint)


class Checker:
    """Types one expression; `visit` its root once.

    `types` has the type of every node, `coerced` the nodes that are declared doubles and may be
    integers, `renamed` what stands for a node after names are resolved, and `truths` the nodes
    that are no literals and yet always true or false, until a condition has reported them. One
    that is `quiet` only wants to know a type.
    """

    __slots__ = (
        "coerced",
        "functions",
        "narrowing",
        "quiet",
        "renamed",
        "report",
        "roots",
        "spans",
        "strict",
        "truths",
        "types",
    )

    def __init__(
        self,
        spans: Mapping[int, Span],
        report: Reporter,
        roots: Names,
        functions: Mapping[str, Function],
        *,
        strict: bool,
    ) -> None:
        self.spans = spans
        self.report = report
        self.roots = roots
        self.functions = functions
        self.strict = strict
        self.types: dict[int, Type] = {}
        self.narrowing = Narrowing(self.types)
        self.coerced: set[int] = set()
        self.renamed: dict[int, Expr] = {}
        self.truths: dict[int, bool] = {}
        self.quiet = False

    def visit(self, node: Expr, names: Names, facts: Facts) -> Type:
        """Return the type of a node, where `names` mean and `facts` are known so much."""
        type_ = VISITS[type(node)](self, node, names, facts)
        self.types[node.id] = type_
        return type_

    def quietly(self, node: Expr, names: Names) -> Type:
        """Return what was declared of a node, narrowed by nothing."""
        report = Reporter({}, Sink(), "")
        other = Checker({}, report, self.roots, self.functions, strict=self.strict)
        other.quiet = True
        return other.visit(node, names, NOTHING_KNOWN)

    def condition(self, node: Expr, names: Names, facts: Facts, what: str) -> Type:
        """Visit a node that has to be a bool."""
        type_ = self.visit(node, names, facts)
        if type_ is not BOOL and not _is_bool(type_):
            self.report.no_bool(node, type_, what)
        return type_

    def decided(self, node: Expr) -> bool | None:
        """Return what a condition always is; None when that depends."""
        if type(node) is Literal:
            return node.value if isinstance(node.value, bool) else None
        return self.truths.get(node.id) if self.truths else None

    def conclude(self, *conditions: Expr) -> None:
        """Report those that are decided: nothing around them will say it of a greater whole."""
        for node in conditions:
            truth = self.truths.pop(node.id, None) if self.truths else None
            if truth is not None:
                self.report.always(node, truth)

    def after(self, node: Expr, facts: Facts, holds: bool) -> Facts:
        """Return what is known after a condition; where nothing can be, what was known before."""
        known = self.narrowing.after(node, facts, holds)
        return facts if known is None else known

    def number(self, node: Expr, type_: Type) -> Type:
        """Mark a node that is declared a double: JSON may have written an integer."""
        if type_ is DOUBLE or (type(type_) is Union and _is_double_or_null(type_)):
            self.coerced.add(node.id)
        return type_

    # What follows is one function a kind of node.

    def literal(self, node: Literal, _names: Names, _facts: Facts) -> Type:
        """Return the type of a constant."""
        return literal_type(node.value)

    def ident(self, node: Ident, names: Names, facts: Facts) -> Type:
        """Return the type of a root or variable, or of the type that a name stands for."""
        name = node.name
        type_ = names.get(name)
        if type_ is None:
            return self._no_variable(node, name, names)
        if facts:
            type_ = facts.get((name,), type_)
        if name == STEPS and self.is_steps(type_) and type_ is self.roots.get(name):
            return self.report.steps_alone(node)
        return self.number(node, type_)

    def _no_variable(self, node: Ident, name: str, names: Names) -> Type:
        bare = name.removeprefix(".")
        if bare is not name and (type_ := self.roots.get(bare)) is not None:
            if bare not in names or names[bare] is not type_:
                return self.number(node, type_)
            return self.report.steps_alone(node) if self.is_steps(type_) else type_
        if (known := _TYPE_VALUES.get(bare)) is not None:
            return known
        return self.report.unknown_name(node, name, names)

    @staticmethod
    def is_steps(type_: Type) -> bool:
        """Whether this is the root `steps` of a workflow, which is read by constant ids only."""
        return type(type_) is Object and type_.name == STEPS

    def owner(self, node: Expr, names: Names, facts: Facts) -> Type:
        """Visit what a field is read from, which alone may be `steps` itself."""
        if type(node) is Ident and node.name in {STEPS, ".steps"}:
            type_ = self.roots.get(STEPS)
            if type_ is not None and self.is_steps(type_) and names.get(node.name, type_) is type_:
                self.types[node.id] = type_
                return type_
        return self.visit(node, names, facts)

    def select(self, node: Select, names: Names, facts: Facts) -> Type:
        """Return the type of a field, a test for one, or an optional field."""
        operand = node.operand
        if type(operand) is Select or (type(operand) is Ident and operand.name not in names):
            known = self._type_name(node, names)
            if known is not None:
                return known
        return self.field(node, self.owner(operand, names, facts), node.field, facts)

    def _type_name(self, node: Select, names: Names) -> Type | None:
        """Return what `google.protobuf.Timestamp` and its like stand for."""
        root: Expr = node
        while type(root) is Select:
            root = root.operand
        if type(root) is not Ident or root.name in names:
            return None
        if root.name.removeprefix(".") not in _TYPE_ROOTS:
            return None
        name = (dotted(node) or "").removeprefix(".")
        type_ = _TYPE_VALUES.get(name)
        if type_ is not None:
            self.renamed[node.id] = Ident(name, node.id)
        return type_

    def field(self, node: Select | Call, owner: Type, name: str, facts: Facts) -> Type:
        """Return the type of the field `name` of `owner`, which `node` reads or asks for."""
        test = type(node) is Select and node.test
        asks = node.optional if type(node) is Select else node.function == "_[?_]"  # type: ignore[union-attr]
        if facts and not test and not asks:
            path = path_of(node)
            known = None if path is None else facts.get(path)
            if known is not None:
                return self.number(node, known)
        kind = type(owner)
        if kind is Object and (found := owner.fields.get(name)) is not None and found[1]:  # type: ignore[union-attr]
            if not test and not asks:
                return self.number(node, found[0])
            return BOOL if test else _optional(found[0])
        if kind is Optional:
            inner = owner.of  # type: ignore[union-attr]
            type_ = self._in_optional(node, inner, name)
            return type_ if type(type_) is Poison else BOOL if test else _optional(type_)
        if test:
            return self._test(node, owner, name)
        if asks:
            return self._ask(node, owner, name)
        return self.number(node, self._read(node, owner, name))

    def _in_optional(self, node: Expr, owner: Type, name: str) -> Type:
        while type(owner) is Optional:
            owner = owner.of
        found = look(owner, name)
        if found.type is None and owner is not NULL and not _is_made(owner):
            return self.report.no_field(node, owner, name)
        return FREE if found.type is None else found.type

    def _test(self, node: Expr, owner: Type, name: str) -> Type:
        found = look(owner, name)
        if found.null:
            return self.report.may_be_null(_owner_of(node), f"null has no field `{name}`")
        if found.type is None and not _is_made(owner):
            return self.report.no_field(node, owner, name)
        return POISON if type(found.type) is Poison else BOOL

    def _ask(self, node: Expr, owner: Type, name: str) -> Type:
        found = look(owner, name)
        if found.type is None:
            if owner is NULL or _is_made(owner):
                return Optional(FREE)
            return self.report.no_field(node, owner, name)
        return found.type if type(found.type) is Poison else _optional(found.type)

    def _read(self, node: Expr, owner: Type, name: str) -> Type:
        found = look(owner, name)
        type_ = found.type
        if found.null:
            return self.report.may_be_null(_owner_of(node), f"null has no field `{name}`")
        if type_ is None:
            return self.report.no_field(node, owner, name)
        known = found.sure or type(type_) is Poison or _is_made(owner)
        if not known and not self._judged_elsewhere(node):
            path = path_of(node)
            self.report.maybe_missing(node, owner, name, type_, alone=path is not None)
            # What to write instead takes care of null, too.
            return without_null(type_)
        return type_

    def _judged_elsewhere(self, node: Expr) -> bool:
        """Whether this is the output or error of a step: `assignment` knows how steps end."""
        path = path_of(node)
        if path is None or len(path) != 3 or path[0] != STEPS:
            return False
        return self.is_steps(self.roots.get(STEPS, DYN))

    def list_of(self, node: ListOf, names: Names, facts: Facts) -> Type:
        """Return the type of a list display."""
        types = [self.visit(item, names, facts) for item in node.items]
        for at in node.optional:
            types[at] = self._held(node.items[at], types[at])
        return List(joined(types), len(types))

    def _held(self, node: Expr, type_: Type) -> Type:
        """Return what an optional part holds."""
        if type(type_) is Optional:
            return type_.of
        if isinstance(type_, Dyn | Poison | Param):
            return type_
        message = "after `?` stands an optional, as `value.?field`"
        return self.report.add("DN4004", node, message)

    def map_of(self, node: MapOf, names: Names, facts: Facts) -> Type:
        """Return the type of a map display: an object if its keys are constant texts."""
        if not node.entries:
            return Map(FREE, FREE, 0)
        fields: dict[str, tuple[Type, bool]] = {}
        keys: Type = FREE
        others = False
        for index, (key, part) in enumerate(node.entries):
            key_type = self.visit(key, names, facts)
            type_ = self.visit(part, names, facts)
            optional = index in node.optional
            if optional:
                type_ = self._held(part, type_)
            if type(key) is Literal and type(key.value) is str:
                fields[key.value] = (type_, not optional)
                keys = join(keys, STRING)
                continue
            others = True
            wide = base(key_type) if type(key_type) is Enum else key_type
            if not _is_key(wide):
                message = "a key is a string, a bool, an int or a uint"
                self.report.add("DN4004", key, f"{message}, not {named(wide)}")
                wide = DYN
            keys = join(keys, wide)
            fields[f"\0{index}"] = (type_, True)
        if not others:
            return Object(fields, made=True)
        return Map(joined([type_ for type_, _ in fields.values()]), keys, len(node.entries))

    def chain(self, node: Call, names: Names, facts: Facts, *, stops_at: bool) -> Type:
        """Visit the operands of `&&` or `||`; each counts where those before did not decide."""
        what = "||" if stops_at else "&&"
        args = node.args
        last = args[-1]
        known = facts
        for arg in args:
            self.condition(arg, names, known, what)
            if arg is not last:
                known = self.after(arg, known, not stops_at)
        decided = [self.decided(arg) for arg in args]
        if stops_at in decided:
            self._settle(node, stops_at)
        elif None not in decided:
            self._settle(node, not stops_at)
        elif self.truths:
            self.conclude(*args)
        return BOOL

    def _settle(self, node: Call, value: bool) -> None:
        for arg in node.args:
            self.truths.pop(arg.id, None)
        self.truths[node.id] = value

    def both(self, node: Call, names: Names, facts: Facts) -> Type:
        """Visit `&&`."""
        return self.chain(node, names, facts, stops_at=False)

    def any(self, node: Call, names: Names, facts: Facts) -> Type:
        """Visit `||`."""
        return self.chain(node, names, facts, stops_at=True)

    def invert(self, node: Call, names: Names, facts: Facts) -> Type:
        """Visit `!`."""
        (inner,) = node.args
        self.condition(inner, names, facts, "!")
        truth = self.truths.pop(inner.id, None) if self.truths else None
        if truth is not None:
            self.truths[node.id] = not truth
        return BOOL

    def conditional(self, node: Call, names: Names, facts: Facts) -> Type:
        """Visit `condition ? one : other`."""
        condition, one, other = node.args
        self.condition(condition, names, facts, "? :")
        decided = self.decided(condition)
        if decided is not None:
            self.truths.pop(condition.id, None)
            self.report.always(condition, decided)
        left = self.visit(one, names, self.after(condition, facts, True))
        right = self.visit(other, names, self.after(condition, facts, False))
        self.conclude(one, other)
        if self.strict and not comparable(left, right, strict=True):
            return self.report.no_overload(node, (BOOL, left, right), None, method=False)
        return join(left, right)


def _is_double_or_null(type_: Union) -> bool:
    return len(type_.members) == 2 and DOUBLE in type_.members and NULL in type_.members


def _is_bool(type_: Type) -> bool:
    """Whether a value can be a bool and is not null: for a union, one member is enough."""
    match type_:
        case Bool() | Dyn() | Poison() | Param():
            return True
        case Enum():
            return isinstance(base(type_), Bool)
        case Union(members=members):
            return NULL not in members and any(map(_is_bool, members))
        case _:
            return False


def _is_key(type_: Type) -> bool:
    if isinstance(type_, Union):
        return any(map(_is_key, type_.members))
    return isinstance(type_, (*_KEYS, Dyn, Poison, Param, Enum))


def _is_made(owner: Type) -> bool:
    if isinstance(owner, Union):
        return any(map(_is_made, owner.members))
    return isinstance(owner, Object) and owner.made


def _optional(type_: Type) -> Type:
    return Optional(type_)


def _owner_of(node: Expr) -> Expr:
    if isinstance(node, Select):
        return node.operand
    return node.args[0] if isinstance(node, Call) else node


Visit = Callable[[Checker, Any, Names, Facts], Type]
VISITS: dict[type, Visit] = {
    Ident: Checker.ident,
    ListOf: Checker.list_of,
    Literal: Checker.literal,
    MapOf: Checker.map_of,
    Select: Checker.select,
}
"""By kind of node; those of calls and comprehensions come from their modules."""
