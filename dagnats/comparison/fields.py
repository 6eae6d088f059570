"""Parts of a program as flat fields, by the names and in the spelling that authors use.

Retry(max_retries=3, initial_delay_ms=1000)   →  retry.max_retries: 3, retry.initial_delay: 1s
"""

from collections.abc import Iterator, Mapping
from typing import Any, get_args

from msgspec import Struct
from msgspec.structs import replace

from dagnats.expr.ast import Expr, Ident, Select
from dagnats.expr.rewriting import rewritten
from dagnats.expr.syntax.unparse import unparse, unparse_template
from dagnats.ir import program as p
from dagnats.timespec import format_duration

Fields = dict[str, Any]
"""JSON values by path; what is not set is not there."""

_EXPRESSIONS = get_args(Expr)
_BARE = frozenset({
    "when", "until", "while_", "over", "on", "match", "key", "debounce_key", "idempotency_key",
})  # fmt: skip
"""Fields that hold an expression without `${{ … }}`."""

_NAMES = {"while_": "while", "next_input": "input"}
_LEFT_OUT = frozenset({
    "id", "within", "edges", "on_failure", "compensate", "body", "default", "cases",
})  # fmt: skip
"""Fields of a node that are told apart from the others: they refer to other nodes."""


class Reader:
    """Reads the fields of one program; `renamed` are new names of steps, to be read as such."""

    def __init__(self, program: p.Program, renamed: Mapping[str, str] | None = None) -> None:
        self._program = program
        self._renamed = renamed or {}

    def name(self, id_: str) -> str:
        """Return what a step is called in the end."""
        return self._renamed.get(id_, id_)

    def node(self, node: p.Node) -> Fields:
        """Return the fields of a node, its place and what it depends on included."""
        found: Fields = {"type": kind_of(node)}
        if node.within is not None:
            found["inside"] = self._inside(node.within)
        nodes = self._program.nodes
        for edge in node.edges:
            source = self.name(nodes[edge.source].id)
            found[f"depends_on.{source}"] = " or ".join(edge.accepts)
        for key in ("on_failure", "compensate"):
            handler = getattr(node, key)
            if handler is not None:
                found[key] = self.name(nodes[handler].id)
        if isinstance(node, p.SwitchNode):
            self._cases(node, found)
        for field in node.__struct_fields__:
            if field not in _LEFT_OUT:
                name = "with" if field == "input" else field
                self._read(name, getattr(node, field), found, bare=field in _BARE)
        return found

    def part(self, part: Any, *, without: frozenset[str] = frozenset()) -> Fields:
        """Return the fields of any other part of a program."""
        found: Fields = {}
        for name in part.__struct_fields__:
            if name not in without:
                self._read(name, getattr(part, name), found, bare=name in _BARE)
        return found

    def expressions(self, pairs: tuple[tuple[str, Expr], ...], prefix: str) -> Fields:
        """Return named values, such as variables."""
        found: Fields = {}
        for name, value in pairs:
            self._flat(f"{prefix}.{name}", self._template(value), found)
        return found

    def data(self, path: str, value: Any) -> Fields:
        """Return plain JSON, such as a schema, as fields below a path."""
        found: Fields = {}
        self._flat(path, value, found)
        return found

    def _cases(self, node: p.SwitchNode, found: Fields) -> None:
        for number, case in enumerate(node.cases):
            if case.when is not None:
                found[f"cases[{number}].when"] = self._bare(case.when)
            else:
                found[f"cases[{number}].values"] = list(case.values)
        found["default"] = node.default is not None

    def _inside(self, body: int) -> str:
        container = self._program.bodies[body].container
        if container is None:
            return "finally"
        node = self._program.nodes[container]
        name = self.name(node.id)
        if isinstance(node, p.SwitchNode):
            if body == node.default:
                return f"{name} (default)"
            bodies = [case.body for case in node.cases]
            return f"{name} (case {bodies.index(body) + 1})"
        return name

    def _read(self, name: str, value: Any, found: Fields, *, bare: bool) -> None:
        path = _NAMES.get(name, name)
        if value is None:
            return
        if isinstance(value, _EXPRESSIONS):
            if bare:
                found[path] = self._bare(value)
            else:
                self._flat(path, self._template(value), found)
        elif name.endswith("_ms"):
            found[path.removesuffix("_ms")] = _times(value)
        elif isinstance(value, Struct):
            inner = self.part(value)
            found |= {f"{path}.{key}": inner[key] for key in inner}
        elif isinstance(value, tuple):
            self._many(path, value, found)
        elif value != {}:
            self._flat(path, value, found)

    def _many(self, path: str, values: tuple[Any, ...], found: Fields) -> None:
        if values and all(_is_named(value) for value in values):
            for name, value in values:
                inner = self.part(value)
                found |= {f"{path}.{name}.{key}": inner[key] for key in inner}
        elif values and isinstance(values[0], Struct):
            for number, value in enumerate(values):
                inner = self.part(value)
                found |= {f"{path}[{number}].{key}": inner[key] for key in inner}
        elif values:
            found[path] = [list(v) if isinstance(v, tuple) else v for v in values]

    def _flat(self, path: str, value: Any, found: Fields) -> None:
        """Put each entry of an object at a path of its own."""
        if isinstance(value, Mapping) and value:
            for key, inner in value.items():
                self._flat(f"{path}.{key}", inner, found)
        else:
            found[path] = value

    def _bare(self, expr: Expr) -> str:
        return unparse(self._told(expr))

    def _template(self, expr: Expr) -> Any:
        return unparse_template(self._told(expr))

    def _told(self, expr: Expr) -> Expr:
        return rewritten(expr, self._new_name) if self._renamed else expr

    def _new_name(self, expr: Expr) -> Expr:
        match expr:
            case Select(operand=Ident(name="steps"), field=name) if name in self._renamed:
                return replace(expr, field=self._renamed[name])
            case _:
                return expr


def kind_of(node: p.Node) -> str:
    """Return the type of a step, as a document calls it."""
    if type(node) is p.TaskNode:
        return "agent" if node.agent else "normal"
    if isinstance(node, p.LoopNode) and node.result:
        return "agent_loop"
    name = type(node).__name__.removesuffix("Node")
    return "".join(f"_{c.lower()}" if c.isupper() else c for c in name).lstrip("_")


def _is_named(value: Any) -> bool:
    return (
        isinstance(value, tuple)
        and len(value) == 2
        and isinstance(value[0], str)
        and isinstance(value[1], Struct)
    )


def _times(value: Any) -> Any:
    """Return milliseconds as authors write them, also in lists and by name."""
    if isinstance(value, tuple):
        return [[v[0], _times(v[1])] if isinstance(v, tuple) else _times(v) for v in value]
    return f"-{format_duration(-value)}" if value < 0 else format_duration(value)


def changes(old: Fields, new: Fields) -> Iterator[tuple[str, Any, Any]]:
    """Yield path, old and new value of each field that differs; MISSING where there is none."""
    for path in [*old, *(path for path in new if path not in old)]:
        before, after = old.get(path, MISSING), new.get(path, MISSING)
        if not same(before, after):
            yield path, before, after


HIDDEN = "********"
"""What stands for the value of a field that is for nobody to see."""


class _Missing:
    def __repr__(self) -> str:
        return "MISSING"


MISSING = _Missing()
"""What stands for the value of a field that is not there."""


def same(one: Any, other: Any) -> bool:
    """Whether two JSON values are the same; Python takes `True` for 1."""
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    return isinstance(one, bool) == isinstance(other, bool) and bool(one == other)


def hide_secrets(document: dict[str, Any]) -> None:
    """Take the secrets that stand in the document of a program out of it."""
    for trigger in document.get("triggers", ()):
        if "secret_value" in trigger["config"]:
            trigger["config"]["secret_value"] = HIDDEN
