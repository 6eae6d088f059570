"""What the writers of the fast tier share: the text so far, the rules, variables and charges."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any, Final

from msgspec import Struct

from dagnats.expr.ast import Expr, Literal
from dagnats.expr.costing import costs
from dagnats.expr.evaluation.charges import Check, Rules
from dagnats.expr.evaluation.emit import Emitter
from dagnats.expr.types import Bool, Bytes, Double, Enum, Int, List, Map, Object, String, Type

PYTHON: Final[Mapping[str, type]] = {
    "bool": bool, "int": int, "float": float, "str": str, "bytes": bytes, "list": list,
    "dict": dict,
}  # fmt: skip
"""Kinds that guards know, and what `type` says of their values."""

KIND_OF: Final[Mapping[type, str]] = {python: kind for kind, python in PYTHON.items()}


class Abandoned(Exception):  # noqa: N818 (a signal between the tiers)
    """The fast tier gives up."""


class Operand(Struct, frozen=True):
    """A value as the text knows it: its name, its kind, and how large it may be."""

    name: str
    kind: str | None
    node: Expr
    bound: tuple[int, int] | None

    @property
    def literal(self) -> bool:
        """Whether it is a constant."""
        return isinstance(self.node, Literal)


class Writing(ABC):
    """Writes nodes as lines; what `value` returns is the name that holds a node's value.

    `cost` is the most that what has been written so far can cost, loops and measured calls aside:
    those charge `k` when they run.
    """

    def __init__(self, rules: Rules, miss: object, *, counts: bool) -> None:
        self.out = Emitter()
        self.rules = rules
        self.counts = counts
        self.variables: dict[str, str] = {}
        self.cost = 0
        self.charges = False
        bind = self.out.bind
        self.miss = bind(miss)
        self.type = bind(type)
        self.len = bind(len)
        self.python = {kind: bind(python) for kind, python in PYTHON.items()}

    @abstractmethod
    def value(self, node: Expr) -> str:
        """Write a node."""

    def give_up_unless(self, condition: str) -> None:
        """Write a guard."""
        self.out.line(f"if not ({condition}): return {self.miss}")

    def give_up(self) -> str:
        """Write that there is no value here, and return a name for it."""
        self.out.line(f"return {self.miss}")
        return self.miss

    def is_kind(self, name: str, kind: str) -> str:
        """Return the test of a value's kind."""
        return f"{self.type}({name}) is {self.python[kind]}"

    def expect(self, name: str, kind: str) -> None:
        """Write a guard for the kind of a value, unless it is known."""
        if self.out.kind(name) != kind:
            self.out.line(f"if {self.type}({name}) is not {self.python[kind]}: return {self.miss}")
            self.out.learn(name, kind)

    def operand(self, node: Expr) -> Operand:
        """Write a node; one with a declared kind is guarded, once."""
        name = self.value(node)
        hint = kind_of(self.rules.types.get(node.id))
        if hint is not None and self.out.kind(name) is None:
            self.expect(name, hint)
        return Operand(name, self.out.kind(name), node, self.rules.bound(node))


class Application(Struct, frozen=True):
    """How to write calls of a function: for nothing, or with checks and charges as they are due."""

    writing: Writing
    name: str
    function: Callable[..., Any]
    check: Check | None
    measure: costs.Measure | None

    @property
    def raw(self) -> str:
        """Return the name of the function itself."""
        return self.writing.out.bind(self.function)

    def full(self, *names: str) -> str:
        """Return a call that checks its arguments, and charges for them if anything is counted."""
        out, listed = self.writing.out, ", ".join(names)
        if self.measure is not None and self.writing.counts:
            self.writing.charges = True
            most = self.writing.rules.limits.cost_max
            charged = charging(self.function, self.check, self.measure, most)
            return f"{out.bind(charged)}(k, {listed})"
        function = self.function if self.check is None else checking(self.function, self.check)
        return f"{out.bind(function)}({listed})"

    def spend(self, cost: int) -> None:
        """Count what a call costs that is written without charges."""
        if self.measure is not None:
            self.writing.cost += cost


def kind_of(type_: Type | None) -> str | None:
    """Return the kind of a type's values, if they are of one kind that guards know."""
    match type_:
        case Bool():
            return "bool"
        case Int():
            return "int"
        case Double():
            return "float"
        case String():
            return "str"
        case Enum(values=members):
            kinds = {KIND_OF.get(type(member)) for member in members}
            return kinds.pop() if len(kinds) == 1 else None
        case Bytes():
            return "bytes"
        case List():
            return "list"
        case Map() | Object():
            return "dict"
        case _:
            return None


def checking(function: Callable[..., Any], check: Check) -> Callable[..., Any]:
    """Return the function, refusing arguments that are too large."""

    def checked(*args: Any) -> Any:
        check(args)
        return function(*args)

    return checked


def charging(
    function: Callable[..., Any], check: Check | None, measure: costs.Measure, most: int
) -> Callable[..., Any]:
    """Return the function with a first argument that is charged; it gives up past `most`."""

    def charged(charges: list[int], *args: Any) -> Any:
        if check is not None:
            check(args)
        charges[0] += measure(args)
        if charges[0] > most:
            raise Abandoned
        return function(*args)

    return charged
