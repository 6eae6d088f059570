"""The types of values, where they come from (JSON Schema, literals) and how they relate."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

SCHEMA_DEPTH_MAX = 32
"""Levels of a JSON Schema that are read; what lies deeper is `dyn`."""
ENUM_SHOWN_MAX = 6


@dataclass(frozen=True, slots=True)
class Dyn:
    """Anything: nothing is declared, so nothing is refused."""


@dataclass(frozen=True, slots=True)
class Poison:
    """The type of what has already been reported; nothing more is said about it."""


@dataclass(frozen=True, slots=True)
class Null:
    """The type of `null`."""


@dataclass(frozen=True, slots=True)
class Bool:
    """`true` or `false`."""


@dataclass(frozen=True, slots=True)
class Int:
    """An integer of 64 bits."""


@dataclass(frozen=True, slots=True)
class Double:
    """A finite IEEE 754 number."""


@dataclass(frozen=True, slots=True)
class String:
    """A text of code points."""


@dataclass(frozen=True, slots=True)
class Enum:
    """A string out of `values`."""

    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class List:
    """A list of `elem`."""

    elem: "Type"


@dataclass(frozen=True, slots=True)
class Map:
    """An object with any keys, each holding `value`."""

    value: "Type"


@dataclass(frozen=True, slots=True)
class Object:
    """An object with known fields: name to (type, whether it is always there).

    A closed one has no others; `name` is how messages call it.
    """

    fields: "Mapping[str, tuple[Type, bool]]"
    closed: bool = True
    name: str = ""


@dataclass(frozen=True, slots=True)
class Union:
    """One of several types; never nested, never of one."""

    members: "tuple[Type, ...]"


@dataclass(frozen=True, slots=True)
class Optional:
    """A value of type `of`, or none."""

    of: "Type"


_Scalar = Dyn | Poison | Null | Bool | Int | Double | String | Enum
Type = _Scalar | List | Map | Object | Union | Optional

DYN = Dyn()
POISON = Poison()
NULL = Null()
BOOL = Bool()
INT = Int()
DOUBLE = Double()
STRING = String()

_NAMES: dict[str, Type] = {
    "null": NULL,
    "boolean": BOOL,
    "integer": INT,
    "number": DOUBLE,
    "string": STRING,
}


def union(types: Iterable[Type]) -> Type:
    """Return the smallest type that holds all of `types`, without repeating any; none is `dyn`."""
    members: list[Type] = []
    for type_ in types:
        for member in type_.members if isinstance(type_, Union) else (type_,):
            if isinstance(member, Dyn | Poison):
                return member
            if member not in members:
                members.append(member)
    members = _merged(members)
    if not members:
        return DYN
    return members[0] if len(members) == 1 else Union(tuple(members))


def _merged(members: list[Type]) -> list[Type]:
    """Make one of all enums; `string` swallows them."""
    enums = [m for m in members if isinstance(m, Enum)]
    if not enums:
        return members
    rest: list[Type] = [m for m in members if not isinstance(m, Enum)]
    if STRING in rest:
        return rest
    values = dict.fromkeys(value for enum in enums for value in enum.values)
    return [Enum(tuple(values)), *rest]


def join(left: Type, right: Type) -> Type:
    """Return the type of a value that is one or the other."""
    if left == right:
        return left
    if isinstance(left, List) and isinstance(right, List):
        return List(join(left.elem, right.elem))
    if isinstance(left, Int | Double) and isinstance(right, Int | Double):
        return DOUBLE
    return union((left, right))


def nullable(type_: Type) -> bool:
    """Whether `null` is among the values."""
    return NULL in type_.members if isinstance(type_, Union) else isinstance(type_, Null | Dyn)


def assignable(source: Type, target: Type) -> bool:  # noqa: C901 (one case a pair of kinds)
    """Whether a value of `source` may be used where `target` is wanted; `dyn` fits everywhere."""
    match source, target:
        case (Dyn() | Poison(), _) | (_, Dyn() | Poison()):
            return True
        case Union(members=members), _:
            return all(assignable(member, target) for member in members)
        case _, Union(members=members):
            return any(assignable(source, member) for member in members)
        case (Enum(values=some), Enum(values=allowed)):
            return set(some) <= set(allowed)
        case (Enum(), String()) | (Int(), Double()):
            return True
        case List(elem=a), List(elem=b):
            return assignable(a, b)
        case Map(value=a), Map(value=b):
            return assignable(a, b)
        case Optional(of=a), Optional(of=b):
            return assignable(a, b)
        case Object(fields=fields), Map(value=b):
            return all(assignable(a, b) for a, _ in fields.values())
        case Map(value=a), Object(fields=fields):
            return all(not required and assignable(a, b) for b, required in fields.values())
        case Object(), Object():
            return _object_assignable(source, target)
        case _:
            return source == target


def _object_assignable(source: Object, target: Object) -> bool:
    if target.closed and source.closed and any(f not in target.fields for f in source.fields):
        return False
    for name, (wanted, required) in target.fields.items():
        given = source.fields.get(name)
        if given is None:
            if required and source.closed:
                return False
        elif not assignable(given[0], wanted) or (required and not given[1] and source.closed):
            return False
    return True


def display(type_: Type) -> str:
    """Return the name of a type as messages show it."""
    match type_:
        case Null() | Bool() | Int() | Double() | String() | Dyn():
            return type(type_).__name__.lower()
        case Poison():
            return "error"
        case Enum(values=values):
            shown = " | ".join(f'"{value}"' for value in values[:ENUM_SHOWN_MAX])
            return shown + (" | …" if len(values) > ENUM_SHOWN_MAX else "")
        case List(elem=elem):
            return f"list({display(elem)})"
        case Map(value=value):
            return f"map(string, {display(value)})"
        case Object(name=name):
            return name or "object"
        case Union(members=members):
            return " | ".join(display(member) for member in members)
        case Optional(of=of):
            return f"optional({display(of)})"


def literal_type(value: Any) -> Type:
    """Return the type of a constant JSON value; a text is an enum of itself."""
    match value:
        case None:
            return NULL
        case bool():
            return BOOL
        case int():
            return INT
        case float():
            return DOUBLE
        case str():
            return Enum((value,))
        case list():
            return List(union(literal_type(item) for item in value))
        case dict():
            fields = {str(key): (literal_type(item), True) for key, item in value.items()}
            return Object(fields, closed=True)
        case _:
            return DYN


def widened(type_: Type) -> Type:
    """Return the type without its knowledge of particular strings."""
    return STRING if isinstance(type_, Enum) else type_


def from_json_schema(schema: Any) -> Type:
    """Return the type of the values a JSON Schema allows, `dyn` where it does not say.

    Reads type, properties, required, additionalProperties, items, enum, const, anyOf, oneOf, allOf
    of one, nullable, and references inside the schema; recursion becomes `dyn`.
    """
    return _Reader(schema).read(schema, 0, ())


@dataclass(frozen=True, slots=True)
class _Reader:
    root: Any

    def read(self, schema: Any, depth: int, seen: tuple[str, ...]) -> Type:
        if not isinstance(schema, dict) or depth > SCHEMA_DEPTH_MAX:
            return DYN
        reference = schema.get("$ref")
        if isinstance(reference, str):
            if reference in seen:
                return DYN
            return self.read(self._resolve(reference), depth + 1, (*seen, reference))
        type_ = self._own(schema, depth + 1, seen)
        return union((type_, NULL)) if schema.get("nullable") is True else type_

    def _own(self, schema: dict[str, Any], depth: int, seen: tuple[str, ...]) -> Type:
        if "const" in schema:
            return literal_type(schema["const"])
        if isinstance(values := schema.get("enum"), list):
            return union(literal_type(value) for value in values)
        for word in ("anyOf", "oneOf", "allOf"):
            choices = schema.get(word)
            if isinstance(choices, list) and choices and "properties" not in schema:
                if word != "allOf":
                    return union(self.read(choice, depth, seen) for choice in choices)
                if len(choices) == 1:
                    return self.read(choices[0], depth, seen)
        kind = schema.get("type")
        if isinstance(kind, list):
            return union(self._named(str(name), schema, depth, seen) for name in kind)
        if kind is None and ("properties" in schema or "required" in schema):
            kind = "object"
        return self._named(kind, schema, depth, seen)

    def _named(self, kind: Any, schema: dict[str, Any], depth: int, seen: tuple[str, ...]) -> Type:
        if kind == "array":
            return List(self.read(schema.get("items"), depth, seen))
        if kind == "object":
            return self._object(schema, depth, seen)
        return _NAMES.get(kind, DYN) if isinstance(kind, str) else DYN

    def _object(self, schema: dict[str, Any], depth: int, seen: tuple[str, ...]) -> Type:
        properties = schema.get("properties")
        extra = schema.get("additionalProperties")
        if not isinstance(properties, dict) or not properties:
            if extra is False:
                return Object({}, closed=True)
            return Map(self.read(extra, depth, seen))
        listed = schema.get("required")
        required = listed if isinstance(listed, list) else []
        fields = {
            str(name): (self.read(part, depth, seen), name in required)
            for name, part in properties.items()
        }
        # JSON Schema leaves objects open unless told; a declared contract is meant whole, so only
        # an explicit `additionalProperties` opens it.
        return Object(fields, closed=extra is None or extra is False)

    def _resolve(self, reference: str) -> Any:
        if not reference.startswith("#"):
            return None
        node = self.root
        for part in reference.removeprefix("#").split("/")[1:]:
            name = part.replace("~1", "/").replace("~0", "~")
            node = node.get(name) if isinstance(node, dict) else None
        return node
