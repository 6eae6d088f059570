"""Makes expressions that mostly pass the checker, and data for them, from any source of chance.

Unlike sentences of the grammar these reach the functions: each is built for a wanted type, out of
the table of builtins, the operators, the macros and variables. Now and then a part has another
type than the one wanted, which is what mistakes are like.
"""

from collections.abc import Mapping
from random import Random
from typing import Any

from dagnats.expr import types as t
from dagnats.expr.functions import FUNCTIONS
from dagnats.expr.signatures import Function, Overload

DEPTH_MAX = 4
MISTAKE = 0.03
SIMPLE: tuple[t.Type, ...] = (
    t.BOOL, t.INT, t.UINT, t.DOUBLE, t.STRING, t.BYTES, t.TIMESTAMP, t.DURATION, t.NULL,
)  # fmt: skip
WORDS = (
    "",
    "a",
    "b",
    "ab",
    "A b",
    "é",
    "😀",
    "1",
    "-7",
    "1.5",
    "true",
    "3.5s",
    "a.b",
    "%s %d",
    "x,y",
)
INTS = (0, 1, 2, 3, 7, 63, 64, 1000, 2**31, 2**53, 2**63 - 1)
DOUBLES = ("0.0", "1.0", "1.5", "0.1", "1e10", "1e308", "5e-324", "9007199254740993.0")
OPERATORS = {
    "_+_": "+", "_-_": "-", "_*_": "*", "_/_": "/", "_%_": "%", "_==_": "==", "_!=_": "!=",
    "_<_": "<", "_<=_": "<=", "_>_": ">", "_>=_": ">=", "@in": "in",
}  # fmt: skip

FIELDS: Mapping[str, tuple[t.Type, bool]] = {
    "n": (t.INT, True),
    "r": (t.DOUBLE, True),
    "s": (t.STRING, True),
    "k": (t.Enum(("red", "green", "blue")), True),
    "maybe": (t.INT, False),
    "nullable": (t.Union((t.STRING, t.NULL)), True),
    "list": (t.List(t.INT, items_max=8), True),
    "more": (t.Map(t.STRING), False),
}
OBJECT = t.Object(FIELDS)
VARIABLES: Mapping[str, t.Type] = {
    "b": t.BOOL,
    "i": t.INT,
    "r": t.DOUBLE,
    "s": t.STRING,
    "li": t.List(t.INT),
    "lr": t.List(t.DOUBLE),
    "ls": t.List(t.STRING, items_max=8),
    "mi": t.Map(t.INT),
    "o": OBJECT,
    "lo": t.List(OBJECT, items_max=8),
    "x": t.DYN,
}
UNTYPED: Mapping[str, t.Type] = dict.fromkeys(VARIABLES, t.DYN)


def data(random: Random) -> dict[str, Any]:
    """Return values for `VARIABLES`, each of its type."""
    return {name: value(random, type_) for name, type_ in VARIABLES.items()}


def value(random: Random, type_: t.Type, depth: int = 0) -> Any:
    """Return a JSON value of a type that JSON has."""
    match type_:
        case t.Null():
            return None
        case t.Bool():
            return random.random() < 0.5
        case t.Int():
            return random.choice(INTS) * random.choice((1, -1))
        case t.Double():
            # JSON does not tell 1.0 from 1.
            return random.choice((0.0, 1.5, -2.25, 1e300, 3, -4, 0))
        case t.String():
            return random.choice(WORDS)
        case t.Enum(values=values):
            return random.choice(values)
        case t.List(elem=elem):
            return [value(random, elem, depth + 1) for _ in range(random.randrange(5))]
        case t.Map(value=held):
            keys = random.sample(WORDS, random.randrange(4))
            return {key: value(random, held, depth + 1) for key in keys}
        case t.Object(fields=fields):
            return {
                name: value(random, of, depth + 1)
                for name, (of, required) in fields.items()
                if required or random.random() < 0.5
            }
        case t.Union(members=members):
            return value(random, random.choice(members), depth)
        case _:
            kinds = (*SIMPLE[:2], t.DOUBLE, t.STRING, t.NULL)
            if depth < 2 and random.random() < 0.5:
                return value(random, random.choice((t.List(t.DYN), t.Map(t.DYN))), depth + 1)
            return value(random, random.choice(kinds), depth + 1)


class Writer:
    """Writes one expression at a time, as `random` says."""

    def __init__(self, random: Random, variables: Mapping[str, t.Type]) -> None:
        self.random = random
        self.scope = dict(variables)

    def some_type(self, depth: int = 0) -> t.Type:
        """Return any type that expressions have."""
        pick = self.random.random()
        if depth > 1 or pick < 0.7:
            return self.random.choice(SIMPLE)
        of = self.some_type(depth + 1)
        return self.random.choice((t.List(of), t.Map(of), t.Optional(of), t.DYN, t.IP, t.CIDR))

    def write(self, wanted: t.Type | None = None, depth: int = 0) -> str:
        """Return an expression, mostly of the type wanted."""
        if wanted is None or self.random.random() < MISTAKE:
            wanted = self.some_type()
        if depth >= DEPTH_MAX or self.random.random() < 0.15:
            return self.leaf(wanted)
        ways = (self.leaf, self.call, self.call, self.call, self.macro, self.choice, self.access)
        way = self.random.choice(ways)
        return way(wanted) if way == self.leaf else way(wanted, depth + 1)

    def leaf(self, wanted: t.Type) -> str:
        """Return a literal or a variable."""
        fitting = [name for name, type_ in self.scope.items() if type_ == wanted]
        if fitting and self.random.random() < 0.6:
            return self.random.choice(fitting)
        return self.literal(wanted)

    def literal(self, wanted: t.Type) -> str:
        """Return a constant."""
        pick = self.random.choice
        match wanted:
            case t.Null():
                return "null"
            case t.Bool():
                return pick(("true", "false"))
            case t.Int():
                return f"{pick(('', '', '-'))}{pick(INTS)}"
            case t.Uint():
                return f"{pick((*INTS, 2**64 - 1))}u"
            case t.Double():
                return pick((*DOUBLES, "double('NaN')", "-double('inf')"))
            case t.String():
                return f"'{pick(WORDS)}'"
            case t.Bytes():
                return f"b'{pick(WORDS)}'"
            case t.Timestamp():
                return f"timestamp('{pick(('2024-02-29T12:00:00Z', '0001-01-01T00:00:00Z'))}')"
            case t.Duration():
                return f"duration('{pick(('0s', '1h30m', '-1.5s', '315576000000s'))}')"
            case t.List(elem=elem):
                return f"[{', '.join(self.leaf(elem) for _ in range(self.random.randrange(4)))}]"
            case t.Map(value=held, key=key):
                count = self.random.randrange(3)
                return (
                    f"{{{', '.join(f'{self.leaf(key)}: {self.leaf(held)}' for _ in range(count))}}}"
                )
            case t.Optional(of=of):
                return pick(("optional.none()", f"optional.of({self.leaf(of)})"))
            case t.TypeOf():
                return pick(("int", "string", "list", "type(1u)"))
            case t.Abstract(name="net.IP"):
                return f"ip('{pick(('10.0.0.1', '::1', 'fe80::2'))}')"
            case t.Abstract(name="net.CIDR"):
                return f"cidr('{pick(('10.0.0.0/8', '::/0'))}')"
            case t.Enum(values=values):
                return f"'{pick(values)}'"
            case _:
                return self.leaf(pick(SIMPLE))

    def call(self, wanted: t.Type, depth: int) -> str:
        """Return a call of a builtin whose result is what is wanted."""
        ways = [
            (f, o) for f in FUNCTIONS.values() for o in f.overloads if unify(o.result, wanted, {})
        ]
        if not ways:
            return self.leaf(wanted)
        # First the function, then how: those with many overloads would drown the others.
        function = self.random.choice(list({f.name: f for f, _ in ways}.values()))
        overload = self.random.choice([o for f, o in ways if f is function])
        bound: dict[str, t.Type] = {}
        unify(overload.result, wanted, bound)
        return self.called(function, overload, bound, depth)

    def called(
        self, function: Function, overload: Overload, bound: dict[str, t.Type], depth: int
    ) -> str:
        """Return a call with arguments that fit."""
        params = [self.bind(param, bound) for param in overload.params]
        if function.variadic:
            params *= self.random.randrange(1, 4)
        args = [self.write(param, depth) for param in params]
        name = function.name
        if name in OPERATORS and len(args) > 1:
            return f"({f' {OPERATORS[name]} '.join(args)})"
        if name in {"!_", "-_"}:
            return f"{name[0]}({args[0]})"
        if name in {"_[_]", "_[?_]"}:
            return f"({args[0]})[{'?' if '?' in name else ''}{args[1]}]"
        if name.startswith(("_", "@")) or name in OPERATORS:
            return self.leaf(self.bind(overload.result, bound))
        if overload.method:
            return f"({args[0]}).{name}({', '.join(args[1:])})"
        return f"{name}({', '.join(args)})"

    def bind(self, type_: t.Type, bound: dict[str, t.Type]) -> t.Type:
        """Return a type with its parameters filled in."""
        match type_:
            case t.Param(name=name):
                return bound.setdefault(name, self.random.choice(SIMPLE))
            case t.List(elem=elem):
                return t.List(self.bind(elem, bound))
            case t.Map(value=held, key=key):
                return t.Map(self.bind(held, bound), self.bind(key, bound))
            case t.Optional(of=of):
                return t.Optional(self.bind(of, bound))
            case _:
                return type_

    def macro(self, wanted: t.Type, depth: int) -> str:
        """Return a macro whose result is what is wanted, if there is one."""
        variable, second = self.random.sample(("v", "w", "i", "b"), 2)
        match wanted:
            case t.Bool():
                name = self.random.choice(("all", "exists", "exists_one"))
                over, elem = self.range(depth)
                if self.random.random() < 0.3:
                    body = self.under({variable: t.INT, second: elem}, t.BOOL, depth)
                    return f"{over}.{name}({variable}, {second}, {body})"
                return f"{over}.{name}({variable}, {self.under({variable: elem}, t.BOOL, depth)})"
            case t.List(elem=result):
                over, elem = self.range(depth)
                body = self.under({variable: elem}, result, depth)
                guard = self.under({variable: elem}, t.BOOL, depth)
                indexed = self.under({variable: t.INT, second: elem}, result, depth)
                return self.random.choice(
                    (
                        f"{over}.map({variable}, {body})",
                        f"{over}.map({variable}, {guard}, {body})",
                        f"({self.write(wanted, depth)}).filter({variable}, {guard})",
                        f"({self.write(wanted, depth)}).sortBy({variable}, {guard})",
                        f"{over}.transformList({variable}, {second}, {indexed})",
                    )
                )
            case t.Map(value=result):
                over = self.write(t.Map(t.INT), depth)
                body = self.under({variable: t.STRING, second: t.INT}, result, depth)
                return f"({over}).transformMap({variable}, {second}, {body})"
            case t.Optional(of=result):
                over = self.write(t.Optional(t.INT), depth)
                body = self.under({variable: t.INT}, result, depth)
                return f"({over}).optMap({variable}, {body})"
            case _:
                of = self.some_type()
                body = self.under({variable: of}, wanted, depth)
                return f"cel.bind({variable}, {self.write(of, depth)}, {body})"

    def range(self, depth: int) -> tuple[str, t.Type]:
        """Return a list in brackets and the type of its items."""
        elem = self.random.choice((t.INT, t.DOUBLE, t.STRING, OBJECT, t.BOOL))
        return f"({self.write(t.List(elem), depth)})", elem

    def under(self, names: dict[str, t.Type], wanted: t.Type, depth: int) -> str:
        """Return an expression in which names are bound."""
        outer = self.scope
        self.scope = outer | names
        try:
            return self.write(wanted, depth)
        finally:
            self.scope = outer

    def choice(self, wanted: t.Type, depth: int) -> str:
        """Return a condition with two outcomes, or a junction of two."""
        condition = self.write(t.BOOL, depth)
        if wanted == t.BOOL and self.random.random() < 0.7:
            return f"({condition} {self.random.choice(('&&', '||'))} {self.write(t.BOOL, depth)})"
        return f"({condition} ? {self.write(wanted, depth)} : {self.write(wanted, depth)})"

    def access(self, wanted: t.Type, depth: int) -> str:
        """Return a field or an item, in one of the ways to reach it."""
        objects = [name for name, type_ in self.scope.items() if type_ == OBJECT] or ["x"]
        name = self.random.choice(objects)
        fields = [field for field, (type_, _) in FIELDS.items() if type_ == wanted]
        if fields:
            field = self.random.choice(fields)
            ways = (
                f"{name}.{field}",
                f"{name}['{field}']",
                f"{name}.?{field}.orValue({self.leaf(wanted)})",
            )
            return self.random.choice(ways)
        if wanted == t.BOOL:
            return f"has({name}.{self.random.choice(list(FIELDS))})"
        if isinstance(wanted, t.Optional):
            return f"{name}.?{self.random.choice(list(FIELDS))}"
        of = self.write(t.List(wanted), depth)
        return f"({of})[{self.write(t.INT, depth)}]"


def unify(pattern: t.Type, wanted: t.Type, bound: dict[str, t.Type]) -> bool:
    """Whether a result fits what is wanted; binds the parameters that make it fit."""
    match pattern, wanted:
        case t.Param(name=name), _:
            return bound.setdefault(name, wanted) == wanted
        case t.List(elem=a), t.List(elem=b):
            return unify(a, b, bound)
        case t.Map(value=a, key=k), t.Map(value=b, key=j):
            return unify(a, b, bound) and unify(k, j, bound)
        case t.Optional(of=a), t.Optional(of=b):
            return unify(a, b, bound)
        case t.TypeOf(), t.TypeOf():
            return True
        case _:
            return pattern == wanted


def sentence(random: Random, *, typed: bool = True) -> str:
    """Return an expression over `VARIABLES`."""
    return Writer(random, VARIABLES if typed else UNTYPED).write()


TOKENS = (
    *"()[]{}.,?:!+-*/%<>=&|", "==", "&&", "||", "<=", "a", "has", "in", "true", "null", "1", "1u",
    "1.5", "0x1F", '"s"', "'", '"""', "r'", "b'x'", "`", "`a-b`", ".?", "[?", "map(x, x)", "x", " ",
    "\n", "//c\n", "\\", "\\u12", "9223372036854775808", "1e999", "é", "\x00", "😀", "${{", "}}",
    "cel.bind", "size",
)  # fmt: skip


def soup(random: Random) -> str:
    """Return tokens in no order."""
    return "".join(random.choice(TOKENS) for _ in range(random.randrange(1, 25)))


def mutated(random: Random, text: str) -> str:
    """Return an expression with a few places changed."""
    for _ in range(random.randrange(1, 4)):
        at = random.randrange(len(text) + 1)
        text = text[:at] + random.choice((*TOKENS, "")) + text[at + random.randrange(3) :]
    return text
