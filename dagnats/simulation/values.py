"""Values that the world may give: of a schema, or of what the expressions of a program ask for.

A condition compares what a worker gave with something: `result.done`, `steps.a.output.score > 3`,
`event.data.order == input.order`. So beside the corners of a schema, the literals that stand on the
other side of a comparison, and their neighbours, are values worth trying.
"""

from collections.abc import Callable, Iterator, Mapping
from itertools import islice, product
from typing import Any, Final

from msgspec import Struct, field

from dagnats.expr.ast import Call, Comprehension, Expr, Ident, Literal, Select, walk
from dagnats.ir.program import MapNode, Program
from dagnats.simulation.expressions import expressions

OPTIONS_MAX: Final = 8
"""Values that are tried in one place."""
DEPTH_MAX: Final = 6

_COMPARED: Final = frozenset({"_==_", "_!=_", "_<_", "_<=_", "_>_", "_>=_", "@in"})
_PARTS: Final = frozenset({"startsWith", "endsWith", "contains", "matches"})
_FIELD: Final = "[]"

Path = tuple[str, ...]


class Hints(Struct):
    """What the expressions of a program read, by path, and what they compare it with."""

    fields: dict[Path, dict[str, None]] = field(default_factory=dict)
    literals: dict[Path, list[Any]] = field(default_factory=dict)
    partners: dict[Path, list[Path]] = field(default_factory=dict)
    lists: set[Path] = field(default_factory=set)

    def options(self, schema: Any, path: Path, known: Callable[[Path], Any]) -> list[Any]:
        """Return values worth trying in a place; `known` gives what a path of the run has."""
        return _first(_Options(self, known).of(schema, path, 0))


def hints_of(program: Program) -> Hints:
    """Collect what the expressions of a program read and compare."""
    found = Hints(lists=set(_mapped(program)))
    for expr in expressions(program):
        bound: dict[str, Path] = {}
        for node in walk(expr):
            if isinstance(node, Comprehension) and node.macro not in {"bind", "optMap"}:
                over = _path(node.over, bound)
                found.lists.add(over)
                bound[node.variable] = (*over, _FIELD)
            if isinstance(node, Call) and node.function in _COMPARED and len(node.args) == 2:
                left, right = (_path(arg, bound) for arg in node.args)
                _compare(found, left, node.args[1], right)
                _compare(found, right, node.args[0], left)
            elif isinstance(node, Call) and node.function in _PARTS and node.target is not None:
                _compare(found, _path(node.target, bound), node.args[0], ())
            path = _path(node, bound)
            while len(path) > 1:
                found.fields.setdefault(path[:-1], {}).setdefault(path[-1])
                path = path[:-1]
    return found


def _mapped(program: Program) -> Iterator[Path]:
    """Yield what maps go over."""
    for node in program.nodes:
        if isinstance(node, MapNode):
            over = node.over or node.input
            if over is not None:
                yield _path(over, {})
            elif len(node.edges) == 1:
                yield ("steps", program.nodes[node.edges[0].source].id, "output")


def _compare(found: Hints, path: Path, other: Expr, other_path: Path) -> None:
    """Note what stands on the other side of a comparison of a path."""
    if not path:
        return
    if isinstance(other, Literal):
        values = other.value if isinstance(other.value, list) else [other.value]
        found.literals.setdefault(path, []).extend(values)
    elif other_path:
        found.partners.setdefault(path, []).append(other_path)


def _path(expr: Expr, bound: Mapping[str, Path]) -> Path:
    """Return `("steps", "a", "output", "score")`; nothing for what is no path."""
    names: list[str] = []
    while True:
        match expr:
            case Select(operand=operand, field=name):
                names.append(name)
                expr = operand
            case Call(function="_[_]" | "_[?_]", args=(operand, Literal(value=str(name)))):
                names.append(name)
                expr = operand
            case Call(function="orValue" | "@double", target=target, args=args):
                expr = args[0] if target is None else target
            case Ident(name=name):
                return (*bound.get(name, (name.removeprefix("."),)), *reversed(names))
            case _:
                return ()


class _Options:
    def __init__(self, hints: Hints, known: Callable[[Path], Any]) -> None:
        self._hints = hints
        self._known = known

    def of(self, schema: Any, path: Path, depth: int) -> Iterator[Any]:
        """Yield values of a schema, the most eventful ones first."""
        if not isinstance(schema, dict) or depth > DEPTH_MAX:
            yield from self._unknown(path, depth)
            return
        if "const" in schema:
            yield schema["const"]
        elif "enum" in schema:
            yield from schema["enum"]
        elif ways := schema.get("anyOf") or schema.get("oneOf"):
            for way in ways:
                yield from self.of({**schema, "anyOf": None, "oneOf": None, **way}, path, depth)
        else:
            kinds = schema.get("type")
            kinds = kinds if isinstance(kinds, list) else [kinds or _guessed(schema)]
            for kind in kinds:
                yield from self._kind(kind, schema, path, depth)

    def _kind(self, kind: str | None, schema: Any, path: Path, depth: int) -> Iterator[Any]:
        match kind:
            case "boolean":
                yield from (True, False)
            case "integer" | "number":
                yield from self._numbers(schema, path)
            case "string":
                yield from self._texts(schema, path)
            case "array":
                yield from self._lists(schema, path, depth)
            case "object":
                properties = schema.get("properties") or {}
                yield from self._objects(properties, schema.get("required") or (), path, depth)
            case "null":
                yield None
            case _:
                yield from self._unknown(path, depth)

    def _near(self, path: Path) -> list[Any]:
        partners = [self._known(other) for other in self._hints.partners.get(path, ())]
        return [*self._hints.literals.get(path, ()), *[one for one in partners if one is not None]]

    def _numbers(self, schema: Any, path: Path) -> Iterator[Any]:
        low, high = schema.get("minimum"), schema.get("maximum")
        if "exclusiveMinimum" in schema:
            low = schema["exclusiveMinimum"] + 1
        if "exclusiveMaximum" in schema:
            high = schema["exclusiveMaximum"] - 1
        near = [n for n in self._near(path) if type(n) in {int, float}]
        found = [n + d for n in near for d in (0, 1, -1)]
        found += [n for n in (high, low) if n is not None] or [1, 0]
        for number in found:
            if (low is None or number >= low) and (high is None or number <= high):
                yield number

    def _texts(self, schema: Any, path: Path) -> Iterator[str]:
        yield from (text for text in self._near(path) if isinstance(text, str))
        match schema.get("format"):
            case "date-time":
                yield "2027-01-15T08:00:00Z"
            case "date":
                yield "2027-01-15"
            case _:
                yield "text"[: schema.get("maxLength", 4)].ljust(schema.get("minLength", 0), "x")

    def _lists(self, schema: Any, path: Path, depth: int) -> Iterator[list[Any]]:
        least, most = schema.get("minItems", 0), schema.get("maxItems", 2)
        items = _first(self.of(schema.get("items"), (*path, _FIELD), depth + 1)) or [None]
        for count in dict.fromkeys([min(max(most, least), 100), least, min(least + 1, most)]):
            yield [items[at % len(items)] for at in range(count)]

    def _objects(
        self, properties: dict[str, Any], required: Any, path: Path, depth: int
    ) -> Iterator[dict[str, Any]]:
        """Yield objects: all of few fields, or each field in its turn while others stay."""
        asked = self._hints.fields.get(path, {})
        names = [*dict.fromkeys([*properties, *asked])]
        each = {n: _first(self.of(properties.get(n), (*path, n), depth + 1)) for n in names}
        count = 1
        for options in each.values():
            count *= max(1, len(options))
        if count <= OPTIONS_MAX:
            for values in product(*each.values()):
                yield dict(zip(each, values, strict=True))
            return
        base = {name: options[0] for name, options in each.items() if options}
        yield base
        # What is read in conditions comes before what is only carried along.
        for name in sorted(each, key=lambda name: (*path, name) not in self._hints.fields):
            for option in each[name][1:]:
                yield base | {name: option}
            if name not in required:
                yield {key: value for key, value in base.items() if key != name}

    def _unknown(self, path: Path, depth: int) -> Iterator[Any]:
        if path in self._hints.lists:
            yield from self._lists({}, path, depth)
            return
        if depth <= DEPTH_MAX and self._hints.fields.get(path):
            yield from self._objects({}, (), path, depth)
            return
        near = self._near(path)
        for value in near:
            yield value
            if type(value) in {int, float}:
                yield from (value + 1, value - 1)
            elif isinstance(value, str):
                yield f"{value}?"
            elif isinstance(value, bool):
                yield not value
        if not near and path and depth:
            yield from (True, False)
        elif not near:
            yield None


def _guessed(schema: Any) -> str | None:
    if "properties" in schema or "required" in schema:
        return "object"
    return "array" if "items" in schema else None


def _first(values: Iterator[Any]) -> list[Any]:
    """Return the first different values."""
    found: list[Any] = []
    for value in islice(values, OPTIONS_MAX * OPTIONS_MAX):
        if not any(type(value) is type(one) and value == one for one in found):
            found.append(value)
        if len(found) == OPTIONS_MAX:
            break
    return found
