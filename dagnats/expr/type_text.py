"""CEL's own spelling of types, read and written.

map(string, list(int))    →  Map(List(INT))
"low" | "high"            →  string: CEL has no unions, enums or records
"""

import re

from dagnats.expr.types import (
    BOOL,
    BYTES,
    CIDR,
    DOUBLE,
    DURATION,
    DYN,
    INT,
    IP,
    NULL,
    STRING,
    TIMESTAMP,
    UINT,
    Abstract,
    Dyn,
    Enum,
    List,
    Map,
    Object,
    Optional,
    Param,
    Poison,
    Type,
    TypeOf,
    Union,
    base,
)

NAMES: dict[str, Type] = {
    "bool": BOOL,
    "bytes": BYTES,
    "double": DOUBLE,
    "duration": DURATION,
    "dyn": DYN,
    "google.protobuf.Duration": DURATION,
    "google.protobuf.Timestamp": TIMESTAMP,
    "int": INT,
    "net.CIDR": CIDR,
    "net.IP": IP,
    "null": NULL,
    "null_type": NULL,
    "string": STRING,
    "timestamp": TIMESTAMP,
    "uint": UINT,
}
"""Types without parameters, by every name they have."""

VALUES: dict[str, Type] = {
    **{name: type_ for name, type_ in NAMES.items() if name not in {"dyn", "null"}},
    "list": List(DYN),
    "map": Map(DYN, DYN),
    "optional_type": Optional(DYN),
    "type": TypeOf(DYN),
}
"""Names that stand for a type as a value, where no variable has the name."""

_WRITTEN: dict[Type, str] = {
    BOOL: "bool",
    BYTES: "bytes",
    DOUBLE: "double",
    DURATION: "duration",
    DYN: "dyn",
    INT: "int",
    NULL: "null_type",
    STRING: "string",
    TIMESTAMP: "timestamp",
    UINT: "uint",
}
_TOKEN = re.compile(r"\s*([A-Za-z_][A-Za-z0-9_.]*|[(),])")
_PARAM = re.compile(r"[A-Z][A-Z0-9]?")
_DEPTH_MAX = 64


class TypeTextError(ValueError):
    """A text that is no type; the message is for its author."""


def parse_type(text: str) -> Type:
    """Return the type that a CEL type expression means; raises TypeTextError.

    One capital letter is a type parameter, and an unknown name is a type that functions know.
    """
    tokens: list[str] = []
    at = 0
    stripped = text.rstrip()
    while at < len(stripped):
        token = _TOKEN.match(stripped, at)
        if token is None:
            raise TypeTextError(f"`{text}` is no type: `{stripped[at]}` has no place in one")
        tokens.append(token[1])
        at = token.end()
    type_, end = _parse(tokens, 0, text, 0)
    if end != len(tokens):
        raise TypeTextError(f"`{text}` is no type: something follows its end")
    return type_


def _parse(tokens: list[str], at: int, text: str, depth: int) -> tuple[Type, int]:
    if at >= len(tokens) or tokens[at] in "(),":
        raise TypeTextError(f"`{text}` is no type: a name is missing")
    if depth > _DEPTH_MAX:
        raise TypeTextError("the type is nested too deep")
    name, at = tokens[at], at + 1
    params: list[Type] = []
    if at < len(tokens) and tokens[at] == "(":
        while True:
            param, at = _parse(tokens, at + 1, text, depth + 1)
            params.append(param)
            if at >= len(tokens) or tokens[at] not in {",", ")"}:
                raise TypeTextError(f"`{text}` is no type: a parenthesis is not closed")
            if tokens[at] == ")":
                at += 1
                break
    return _named(name, tuple(params), text), at


def _named(name: str, params: tuple[Type, ...], text: str) -> Type:
    match name, params:
        case "list", (elem,):
            return List(elem)
        case "map", (key, value):
            return Map(value, key)
        case "optional_type" | "optional", (of,):
            return Optional(of)
        case "type", (of,):
            return TypeOf(of)
        case (("list" | "map" | "optional_type" | "type"), ()):
            return VALUES[name]
        case (("list" | "map" | "optional_type" | "optional" | "type"), _):
            raise TypeTextError(f"`{text}` is no type: `{name}` has other parameters")
        case _, ():
            known = NAMES.get(name)
            if known is not None:
                return known
            return Param(name) if _PARAM.fullmatch(name) else Abstract(name)
        case _:
            return Abstract(name, params)


def cel_name(type_: Type) -> str:
    """Return CEL's name of a type; what CEL has no type for is `dyn`."""
    return _written(cel_type(type_))


def cel_type(type_: Type) -> Type:  # noqa: C901 (one case a kind)
    """Return the type as CEL's own checker would call it."""
    match type_:
        case Enum():
            return base(type_)
        case Poison() | Param(name=""):
            return DYN
        case List(elem=elem):
            return List(cel_type(elem))
        case Map(value=value, key=key):
            return Map(cel_type(value), cel_type(key))
        case Object(fields=fields, made=made):
            if not fields:
                return Map(DYN, DYN if made else STRING)
            return Map(_common([part for part, _ in fields.values()]) if made else DYN)
        case Optional(of=of):
            return Optional(cel_type(of))
        case TypeOf(of=of):
            return TypeOf(cel_type(of))
        case Abstract(name=name, params=params):
            return Abstract(name, tuple(map(cel_type, params)))
        case Union(members=members):
            return _common(list(members))
        case _:
            return type_


def _common(types: list[Type]) -> Type:
    result: Type | None = None
    for type_ in types:
        lowered = cel_type(type_)
        result = lowered if result is None else _unified(result, lowered)
        if result is None:
            return DYN
    return DYN if result is None else result


def _unified(left: Type, right: Type) -> Type | None:
    """Return the more general of two types of CEL; None when neither is."""
    if left == right or isinstance(left, Dyn):
        return left
    match left, right:
        case _, Dyn():
            return right
        case List(elem=a), List(elem=b):
            elem = _unified(a, b)
            return None if elem is None else List(elem)
        case Map(value=a, key=c), Map(value=b, key=d):
            value, key = _unified(a, b), _unified(c, d)
            return None if value is None or key is None else Map(value, key)
        case Optional(of=a), Optional(of=b):
            of = _unified(a, b)
            return None if of is None else Optional(of)
        case TypeOf(), TypeOf():
            return TypeOf(DYN)
        case _:
            if left is NULL:
                return right if _takes_null(right) else None
            return left if right is NULL and _takes_null(left) else None


def _takes_null(type_: Type) -> bool:
    """Whether CEL's checker, for old reasons, lets null be one of these."""
    return isinstance(type_, Optional | Abstract) or type_ in {TIMESTAMP, DURATION}


def _written(type_: Type) -> str:
    match type_:
        case List(elem=elem):
            return f"list({_written(elem)})"
        case Map(value=value, key=key):
            return f"map({_written(key)}, {_written(value)})"
        case Optional(of=of):
            return f"optional_type({_written(of)})"
        case TypeOf(of=of):
            return "type" if isinstance(of, Dyn) else f"type({_written(of)})"
        case Abstract(name=name, params=params):
            inside = ", ".join(map(_written, params))
            return f"{name}({inside})" if params else name
        case Param(name=name):
            return name
        case _:
            return _WRITTEN[type_]
