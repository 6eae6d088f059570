"""Random trees, mostly of fitting types, random data for them, and both tiers side by side."""

import math
from collections.abc import Mapping
from random import Random
from typing import Any

from dagnats.diagnostics.diagnostic import NOWHERE, Position, Sink
from dagnats.expr import kinds
from dagnats.expr.ast import (
    COERCE,
    INTERPOLATE,
    Call,
    Comprehension,
    Expr,
    Ident,
    ListOf,
    Literal,
    MapOf,
    Select,
)
from dagnats.expr.checking.check import check
from dagnats.expr.evaluation.evaluator import MISS, EvaluationError, Evaluator
from dagnats.expr.syntax.parser import Origin, parse_expression
from dagnats.expr.types import Type

ROOTS = ("a", "b", "c")
FIELDS = ("x", "y", "n", "__class__")
INTS = (0, 1, 2, -1, 3, 7, 50, 2**62, 2**63 - 1, -(2**63))
FLOATS = (0.0, 1.0, -0.0, 2.5, 1e300, 2.0**63, float(2**53), math.inf, math.nan)
STRANGE = (
    kinds.Uint(1),
    b"x",
    kinds.Timestamp(0),
    kinds.Duration(5),
    2**64,
    kinds.TypeValue("int"),
)
TEXTS = ("", "x", "y", "ab", "1", "é", "A b", "x" * 101)


def parse(text: str) -> Expr:
    """Parse a text that is an expression."""
    sink = Sink()
    parsed = parse_expression(text, Origin(Position(0, 1, 1), NOWHERE, verbatim=True), sink)
    assert parsed is not None, [diagnostic.message for diagnostic in sink.sorted()]
    return parsed.expr


def checked(text: str, roots: Mapping[str, Type]) -> tuple[Expr, Mapping[int, Type]]:
    """Return the tree of a text and its types, as the checker finds them."""
    sink = Sink()
    origin = Origin(Position(0, 1, 1), NOWHERE, verbatim=True)
    parsed = parse_expression(text, origin, sink)
    assert parsed is not None
    found = check(parsed.expr, parsed.spans, roots, sink, where="")
    assert not sink.has_errors, [diagnostic.message for diagnostic in sink.sorted()]
    return found.expr, found.types


def shape(value: Any) -> Any:
    """Return a value so that equal means the same, kinds of Python and NaN included."""
    kind = type(value).__name__
    match value:
        case float():
            return kind, repr(value)
        case list():
            return kind, [shape(item) for item in value]
        case dict():
            pairs = [(shape(key), shape(held)) for key, held in value.items()]
            return kind, sorted(pairs, key=repr)
        case kinds.Present():
            return kind, shape(value.value)
        case kinds.BoolKey():
            return kind, value.value
        case kinds.Timestamp() | kinds.Duration():
            return kind, value.ns
        case kinds.TypeValue():
            return kind, value.name
        case kinds.Absent():
            return kind
        case _:
            return kind, value


def exactly(evaluator: Evaluator, roots: Mapping[str, Any]) -> Any:
    """Return what the exact tier says: the shape of a value, or the code of an error."""
    try:
        return shape(evaluator.counted(roots)[0])
    except EvaluationError as error:
        return error.code if error.node is not None else f"{error.code}, nowhere"


def quickly(evaluator: Evaluator, roots: Mapping[str, Any]) -> Any:
    """Return what the fast tier says: the shape of a value, or MISS when it gives up."""
    try:
        value = evaluator.compile_fast()(roots)
    except Exception:  # noqa: BLE001 (giving up, by whatever Python raises)
        return MISS
    return MISS if value is MISS else shape(value)


class Trees:
    """Makes trees out of chance; `depth` is what is left to go down."""

    def __init__(self, chance: Random) -> None:
        self.chance = chance
        self.variables: list[str] = []
        self.count = 0

    def id(self) -> int:
        self.count += 1
        return self.count

    def call(self, name: str, *args: Expr, method: bool = False) -> Expr:
        if method:
            return Call(name, args[1:], args[0], id=self.id())
        return Call(name, args, None, id=self.id())

    def any(self, depth: int) -> Expr:
        makers = [self.number, self.number, self.text, self.truth, self.truth, self.items, self.map]
        return self.chance.choice([*makers, self.optional, self.leaf])(depth)

    def leaf(self, _: int = 0) -> Expr:
        chance = self.chance
        if self.variables and chance.random() < 0.6:
            name: Expr = Ident(chance.choice(self.variables), id=self.id())
        else:
            name = Ident(chance.choice(ROOTS), id=self.id())
        while chance.random() < 0.4:
            name = Select(name, chance.choice(FIELDS), id=self.id())
        return name

    def constant(self) -> Expr:
        pools: tuple[tuple[Any, ...], ...] = (
            INTS, FLOATS, TEXTS, (True, False, None), (kinds.Uint(1), b"x", b""),
        )  # fmt: skip
        return Literal(self.chance.choice(self.chance.choice(pools)), id=self.id())

    def number(self, depth: int) -> Expr:
        chance = self.chance
        if depth <= 0 or chance.random() < 0.3:
            return (
                Literal(chance.choice(INTS[:7]), id=self.id())
                if chance.random() < 0.5
                else self.leaf()
            )
        name = chance.choice(
            ["_+_", "_-_", "_*_", "_/_", "_%_", "-_", "size", "_?_:_", "_[_]", COERCE]
        )
        if name in {"-_", COERCE}:
            return self.call(name, self.number(depth - 1))
        if name == "size":
            return self.call(name, self.any(depth - 1), method=chance.random() < 0.5)
        if name == "_?_:_":
            return self.call(
                name, self.truth(depth - 1), self.number(depth - 1), self.number(depth - 1)
            )
        if name == "_[_]":
            return self.call(name, self.any(depth - 1), self.any(depth - 2))
        return self.call(name, self.number(depth - 1), self.number(depth - 1))

    def text(self, depth: int) -> Expr:
        chance = self.chance
        if depth <= 0 or chance.random() < 0.3:
            return (
                Literal(chance.choice(TEXTS), id=self.id())
                if chance.random() < 0.6
                else self.leaf()
            )
        name = chance.choice(["_+_", "string", INTERPOLATE, "upperAscii", "substring", "join"])
        if name == "_+_":
            return self.call(name, self.text(depth - 1), self.text(depth - 1))
        if name == INTERPOLATE:
            return self.call(name, *[self.any(depth - 1) for _ in range(chance.randint(1, 3))])
        if name == "string":
            return self.call(name, self.any(depth - 1))
        if name == "substring":
            return self.call(name, self.text(depth - 1), self.number(0), method=True)
        if name == "join":
            return self.call(name, self.items(depth - 1), method=True)
        return self.call(name, self.text(depth - 1), method=True)

    def truth(self, depth: int) -> Expr:
        chance = self.chance
        if depth <= 0 or chance.random() < 0.15:
            return (
                Literal(chance.random() < 0.5, id=self.id())
                if chance.random() < 0.5
                else self.leaf()
            )
        pick = chance.randrange(8)
        if pick < 3:
            name = chance.choice(["_==_", "_!=_", "_<_", "_<=_", "_>_", "_>=_"])
            maker = chance.choice([self.number, self.number, self.text, self.any, self.truth])
            other = self.constant() if chance.random() < 0.4 else maker(depth - 1)
            pair = [maker(depth - 1), other]
            chance.shuffle(pair)
            return self.call(name, *pair)
        if pick == 3:
            parts = [self.truth(depth - 1) for _ in range(chance.randint(2, 4))]
            return self.call(chance.choice(["_&&_", "_||_"]), *parts)
        if pick == 4:
            return self.call("!_", self.truth(depth - 1))
        if pick == 5:
            return Select(self.leaf(), chance.choice(FIELDS), False, True, id=self.id())
        if pick == 6:
            if chance.random() < 0.3:
                texts = tuple(Literal(text, id=self.id()) for text in TEXTS[:3])
                return self.call("@in", self.any(depth - 1), ListOf(texts, id=self.id()))
            return self.call("@in", self.any(depth - 1), self.any(depth - 1))
        return self.macro(chance.choice(["all", "exists", "exists_one"]), depth)

    def items(self, depth: int) -> Expr:
        chance = self.chance
        if depth <= 0 or chance.random() < 0.2:
            return self.leaf()
        if chance.random() < 0.4:
            parts = tuple(self.any(depth - 1) for _ in range(chance.randint(0, 3)))
            optional = tuple(i for i in range(len(parts)) if chance.random() < 0.15)
            return ListOf(parts, optional, id=self.id())
        if chance.random() < 0.15:
            return self.call("_+_", self.items(depth - 1), self.items(depth - 1))
        return self.macro(chance.choice(["map", "filter", "transformList", "sortBy"]), depth)

    def map(self, depth: int) -> Expr:
        chance = self.chance
        if depth <= 0:
            return self.leaf()
        if chance.random() < 0.3:
            return self.macro(chance.choice(["transformMap", "transformMapEntry"]), depth)
        keys = [*(Literal(field, id=self.id()) for field in FIELDS), self.constant(), self.leaf()]
        entries = tuple(
            (chance.choice(keys), self.any(depth - 1)) for _ in range(chance.randint(0, 3))
        )
        optional = tuple(i for i in range(len(entries)) if chance.random() < 0.15)
        return MapOf(entries, optional, id=self.id())

    def optional(self, depth: int) -> Expr:
        chance = self.chance
        pick = chance.randrange(5)
        if depth <= 0 or pick == 0:
            return Select(self.leaf(), chance.choice(FIELDS), True, id=self.id())
        if pick == 1:
            return self.call("optional.of", self.any(depth - 1))
        if pick == 2:
            return self.macro(chance.choice(["optMap", "optFlatMap"]), depth)
        held = self.optional(depth - 1)
        if pick == 3:
            other = self.optional if chance.random() < 0.3 else self.any
            name = "or" if other == self.optional else "orValue"
            return self.call(name, held, other(depth - 1), method=True)
        return Select(held, chance.choice(FIELDS), test=chance.random() < 0.3, id=self.id())

    def macro(self, name: str, depth: int) -> Expr:
        chance = self.chance
        if name not in {"optMap", "optFlatMap"} and chance.random() < 0.15:
            name = "bind"
        gathers = name not in {"bind", "optMap", "optFlatMap"}
        make = self.items if gathers else self.any if name == "bind" else self.optional
        over = make(depth - 1)
        if gathers and chance.random() < 0.2:
            over = self.map(depth - 1)
        names = chance.sample(["x", "v", "w", "a"], 2)
        two = name.startswith("transform") or (
            name in {"all", "exists", "exists_one"} and chance.random() < 0.3
        )
        outer = list(self.variables)
        self.variables += names if two else names[:1]
        guarded = name in {"map", "transformList", "transformMap", "transformMapEntry"}
        guard = self.truth(depth - 1) if guarded and chance.random() < 0.3 else None
        body = {
            "all": self.truth, "exists": self.truth, "exists_one": self.truth,
            "filter": self.truth, "sortBy": self.number, "transformMapEntry": self.map,
            "optFlatMap": self.optional,
        }.get(name, self.any)(depth - 1)  # fmt: skip
        self.variables = outer
        second = names[1] if two else None
        return Comprehension(name, over, names[0], body, guard, second, id=self.id())

    def data(self, depth: int = 3) -> Any:
        chance = self.chance
        if depth <= 0 or chance.random() < 0.25:
            pool = chance.choice([INTS, FLOATS, TEXTS, (True, False, None), INTS[:5], STRANGE])
            return chance.choice(pool)
        if chance.random() < 0.5:
            same = self.data(depth - 1)
            alike = chance.random() < 0.5
            return [same if alike else self.data(depth - 1) for _ in range(chance.randint(0, 4))]
        return {field: self.data(depth - 1) for field in FIELDS if chance.random() < 0.8}

    def roots(self) -> dict[str, Any]:
        return {name: self.data() for name in ROOTS if self.chance.random() < 0.95}
