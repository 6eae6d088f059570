"""What must hold of a program, restated: the compiler promises it, and the engine checks it.

Whatever passes can be prepared and run: every index is in range, every name means something, and
every run ends. Linear in the size of the program.
"""

import math
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, fields
from typing import Any, Final, assert_never

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
from dagnats.expr.check import references
from dagnats.expr.functions import FUNCTIONS, NAMESPACES
from dagnats.ir.costs import STEPS_MAX
from dagnats.ir.expressions import EXPRESSION_LEVELS_MAX
from dagnats.ir.program import IR_VERSION, AgentLoopNode, Edge, Node, Program, Retry
from dagnats.source.shape import check_schema
from dagnats.timespec import DURATION_MS_MAX

REPEATS_MAX = 100_000
"""Retries, iterations and deliveries, each."""

TASK_CHARS_MAX = 128
VALUE_LEVELS_MAX = 100
OUTCOMES: Final = ("completed", "skipped", "failed")
STRATEGIES: Final = ("fixed", "linear", "exponential")
ON_EXHAUSTED: Final = ("fail", "complete")
MACROS: Final = ("all", "exists", "exists_one", "map", "filter")
EVERYWHERE: Final = frozenset({"input", "steps", "run"})
IN_LOOP: Final = EVERYWHERE | {"loop"}
IN_UNTIL: Final = IN_LOOP | {"result"}

_INT_MIN, _INT_MAX = -(2**63), 2**63 - 1
_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_ID_CHARS = "letters, digits, `_` and `-`, at most 64"
_TASK = re.compile(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_OPERANDS = {"_&&_": (2, None), "_||_": (2, None), "_?_:_": (3, 3), INTERPOLATE: (1, None)}
"""What the evaluator knows by itself: fewest and most operands."""


def verify(program: Program) -> list[str]:
    """Return what is wrong with a program, in words and in its order; nothing when it is sound."""
    return list(_violations(program))


def _violations(program: Program) -> Iterator[str]:
    index = {node.id: i for i, node in enumerate(program.nodes)}
    yield from _head(program)
    yield from _identities(program.nodes)
    for i, node in enumerate(program.nodes):
        for fault in _node(node, i, len(program.nodes), index):
            yield f"node {i} `{node.id}`: {fault}"
    yield from _cycles(program.nodes)
    if program.output is not None:
        for fault in _expression(program.output, EVERYWHERE, index, None):
            yield f"`output`: {fault}"
    yield from _certificate(program, index)
    yield from _source_map(program.source_map or {}, index)


def _head(program: Program) -> Iterator[str]:
    if program.version != IR_VERSION:
        yield f"the version is {program.version}, not {IR_VERSION}"
    if not _ID.fullmatch(program.name):
        yield f"`name` is {_shown(program.name)}: {_ID_CHARS}"
    if not 1 <= len(program.nodes) <= STEPS_MAX:
        yield f"it has {len(program.nodes)} steps, not 1 to {STEPS_MAX} (STEPS_MAX)"
    yield from _within("timeout_ms", program.timeout_ms, 1, DURATION_MS_MAX)
    for key, text in (("label", program.label), ("description", program.description)):
        if text is not None and not _is_text(text):
            yield f"`{key}` is no Unicode text"
    if program.input_schema is not None:
        wrong = _not_json(program.input_schema) or check_schema(program.input_schema)
        if wrong is not None:
            yield f"`input_schema` is no JSON Schema: {wrong}"


def _identities(nodes: tuple[Node, ...]) -> Iterator[str]:
    seen: set[str] = set()
    for i, node in enumerate(nodes):
        if not _ID.fullmatch(node.id):
            yield f"node {i}: the id is {_shown(node.id)}: {_ID_CHARS}"
        if node.id in seen:
            yield f"node {i}: the id `{node.id}` stands twice"
        seen.add(node.id)


def _node(node: Node, at: int, count: int, index: Mapping[str, int]) -> Iterator[str]:
    if len(node.task) > TASK_CHARS_MAX or not _TASK.fullmatch(node.task):
        yield f"{_shown(node.task)} is no name of a task"
    yield from _within("timeout_ms", node.timeout_ms, 1, DURATION_MS_MAX)
    yield from _within("queue_timeout_ms", node.queue_timeout_ms, 1, DURATION_MS_MAX)
    yield from _within("max_deliveries", node.max_deliveries, 1, REPEATS_MAX)
    yield from _retry(node.retry)
    yield from _edges(node.edges, at, count)
    in_input = EVERYWHERE
    if isinstance(node, AgentLoopNode):
        in_input = IN_LOOP
        yield from _loop(node)
    sources = {edge.source for edge in node.edges}
    places = [("when", node.when, EVERYWHERE), ("input", node.input, in_input)]
    if isinstance(node, AgentLoopNode):
        places.append(("until", node.until, IN_UNTIL))
    for key, expr, roots in places:
        if expr is not None:
            for fault in _expression(expr, roots, index, sources):
                yield f"`{key}`: {fault}"


def _retry(retry: Retry) -> Iterator[str]:
    yield from _within("max_retries", retry.max_retries, 0, REPEATS_MAX)
    yield from _one_of("strategy", retry.strategy, STRATEGIES)
    yield from _within("initial_delay_ms", retry.initial_delay_ms, 0, DURATION_MS_MAX)
    yield from _within("max_delay_ms", retry.max_delay_ms, 0, DURATION_MS_MAX)
    if not (math.isfinite(retry.multiplier) and retry.multiplier >= 0):
        yield f"`multiplier` is {retry.multiplier}, not finite and at least 0"


def _loop(node: AgentLoopNode) -> Iterator[str]:
    yield from _within("max_iterations", node.max_iterations, 1, REPEATS_MAX)
    yield from _one_of("on_exhausted", node.on_exhausted, ON_EXHAUSTED)
    if node.max_duration_ms is not None:
        yield from _within("max_duration_ms", node.max_duration_ms, 1, DURATION_MS_MAX)
    wrong = _not_json(node.initial_state)
    if wrong is not None:
        yield f"`initial_state` {wrong}"


def _edges(edges: tuple[Edge, ...], at: int, count: int) -> Iterator[str]:
    before = -1
    for edge in edges:
        if not 0 <= edge.source < count or edge.source == at:
            yield f"an edge from {edge.source}, which is no other node"
        elif edge.source <= before:
            yield f"the edge from {edge.source} is not in ascending order"
        before = max(before, edge.source)
        # One order only: the same set must not have two digests.
        wanted = tuple(outcome for outcome in OUTCOMES if outcome in edge.accepts)
        if "completed" not in edge.accepts or edge.accepts != wanted:
            shown = ", ".join(edge.accepts) or "nothing"
            yield f"the edge from {edge.source} accepts {shown}: {_ACCEPTS}"


_ACCEPTS = f"`completed` and any of the others, each once, in the order {', '.join(OUTCOMES)}"


def _cycles(nodes: tuple[Node, ...]) -> Iterator[str]:
    """Settle nodes whose sources are settled; what remains goes in circles."""
    count = len(nodes)
    sources = [{e.source for e in node.edges if 0 <= e.source < count} for node in nodes]
    dependents: list[list[int]] = [[] for _ in nodes]
    for i, before in enumerate(sources):
        for source in before:
            dependents[source].append(i)
    unmet = [len(before) for before in sources]
    settled = [i for i, number in enumerate(unmet) if number == 0]
    for i in settled:
        for dependent in dependents[i]:
            unmet[dependent] -= 1
            if unmet[dependent] == 0:
                settled.append(dependent)
    if len(settled) < count:
        first = next(node.id for node, number in zip(nodes, unmet, strict=True) if number)
        yield f"{count - len(settled)} steps can never start: a cycle, with or before `{first}`"


def _certificate(program: Program, index: Mapping[str, int]) -> Iterator[str]:
    for field in fields(program.certificate):
        bound = getattr(program.certificate, field.name)
        if bound.max is not None:
            yield from _within(f"certificate.{field.name}", bound.max, 0, None)
        if not _is_text(bound.symbolic):
            yield f"`certificate.{field.name}.symbolic` is no Unicode text"
        if bound.dominant_step is not None and bound.dominant_step not in index:
            named = _shown(bound.dominant_step)
            yield f"`certificate.{field.name}` names {named}, which is no step"


def _source_map(places: Mapping[str, tuple[int, int]], index: Mapping[str, int]) -> Iterator[str]:
    for name, (line, column) in places.items():
        if name not in index:
            yield f"`source_map` names {_shown(name)}, which is no step"
        if line < 1 or column < 1:
            yield f"`source_map` places {_shown(name)} at {line}:{column}; both count from 1"


@dataclass(frozen=True, slots=True)
class _Scope:
    """What names mean at one place of an expression."""

    roots: frozenset[str]
    variables: frozenset[str] = frozenset()

    def bind(self, name: str) -> "_Scope":
        return _Scope(self.roots - {name}, self.variables | {name})

    def has(self, name: str) -> bool:
        return name in self.roots or name in self.variables


def _expression(
    expr: Expr, roots: frozenset[str], index: Mapping[str, int], sources: set[int] | None
) -> Iterator[str]:
    """Judge an expression; it may read the steps at `sources` alone, or all when that is None."""
    reading = set()
    for step, node in references(expr):
        reading.add(id(node))
        if step not in index:
            yield f"reads {_shown(step)}, which is no step"
        elif sources is not None and index[step] not in sources:
            yield f"reads `{step}` without an edge from it"
    stack = [(expr, _Scope(roots), 1)]
    while stack:
        node, scope, level = stack.pop()
        if level > EXPRESSION_LEVELS_MAX:
            yield f"more than {EXPRESSION_LEVELS_MAX} levels (EXPRESSION_LEVELS_MAX)"
            return
        fault = _fault(node, scope)
        if fault is not None:
            yield fault
        if id(node) not in reading:
            stack.extend((part, inner, level + 1) for part, inner in _parts(node, scope))


def _parts(node: Expr, scope: _Scope) -> list[tuple[Expr, _Scope]]:
    """Return what is below a node, last first, with what names mean there."""
    if isinstance(node, Comprehension):
        inside = scope.bind(node.variable)
        guard = [] if node.guard is None else [(node.guard, inside)]
        return [(node.body, inside), *guard, (node.over, scope)]
    below = node.args if isinstance(node, Call) and _namespace(node, scope) else children(node)
    return [(part, scope) for part in reversed(below)]


def _fault(node: Expr, scope: _Scope) -> str | None:
    """Return what is wrong with a node itself."""
    match node:
        case Literal(value=value):
            wrong = _not_json(value)
            return None if wrong is None else f"a literal {wrong}"
        case Ident(name="steps") if "steps" in scope.roots:
            return "`steps` is no value by itself: a step is read by its constant id"
        case Ident(name=name):
            return None if scope.has(name) else f"{_shown(name)} does not exist here"
        case Select(field=name):
            if not _is_text(name):
                return "a field's name is no Unicode text"
            return "a `select` both optional and test" if node.optional and node.test else None
        case Call():
            return _call_fault(node, scope)
        case ListOf(items=parts, optional=optional) | MapOf(entries=parts, optional=optional):
            return None if _indexes(optional, len(parts)) else _OPTIONAL
        case Comprehension():
            return _macro_fault(node)
        case _:
            assert_never(node)


_OPTIONAL = "`optional` is not ascending indexes of its parts"


def _indexes(optional: tuple[int, ...], count: int) -> bool:
    return list(optional) == sorted(set(optional)) and all(0 <= i < count for i in optional)


def _namespace(node: Call, scope: _Scope) -> str | None:
    """Return the namespace that a call names where others have a receiver."""
    name = node.target.name if isinstance(node.target, Ident) else ""
    return name if name in NAMESPACES and not scope.has(name) else None


def _call_fault(node: Call, scope: _Scope) -> str | None:
    name, count, method = node.function, len(node.args), node.target is not None
    if name in _OPERANDS:
        fewest, most = _OPERANDS[name]
        fits = not method and fewest <= count and (most is None or count <= most)
        return None if fits else f"`{name}` does not take {count} operands"
    if namespace := _namespace(node, scope):
        name, method = f"{namespace}.{name}", False
    elif "." in name:
        return f"{_shown(name)} is no function: a namespace stands in `target`"
    function = FUNCTIONS.get(name)
    if function is None:
        return f"there is no function {_shown(name)}"
    takes = [len(o.params) - method for o in function.overloads if o.method == method]
    if count in takes or (function.variadic and takes and count):
        return None
    as_what = "as a method " if method else ""
    return f"`{name}` does not take {count} arguments {as_what}".rstrip()


def _macro_fault(node: Comprehension) -> str | None:
    if node.macro not in MACROS:
        return f"there is no macro {_shown(node.macro)}"
    if node.guard is not None and node.macro != "map":
        return f"`{node.macro}` has no guard"
    if not _VARIABLE.fullmatch(node.variable):
        return f"{_shown(node.variable)} is no name of a variable"
    return None


def _not_json(value: Any) -> str | None:
    """Return why something is no JSON value that dagnats carries, or None."""
    level, depth = [value], 0
    while level:
        depth += 1
        if depth > VALUE_LEVELS_MAX:
            return f"has more than {VALUE_LEVELS_MAX} levels (VALUE_LEVELS_MAX)"
        below: list[Any] = []
        for part in level:
            wrong = _not_json_itself(part)
            if wrong is not None:
                return wrong
            if type(part) is list:
                below.extend(part)
            elif type(part) is dict:
                below.extend(part.values())
        level = below
    return None


def _not_json_itself(value: Any) -> str | None:
    kind = type(value)
    if value is None or kind is bool or kind is list:
        return None
    if kind is str:
        return None if _is_text(value) else "holds a text that is not Unicode"
    if kind is int:
        return None if _INT_MIN <= value <= _INT_MAX else "holds an integer of more than 64 bits"
    if kind is float:
        return None if math.isfinite(value) else "holds a number that is not finite"
    if kind is dict:
        fits = all(type(key) is str and _is_text(key) for key in value)
        return None if fits else "holds a key that is no text"
    return f"holds a value of type {kind.__name__}"


def _is_text(text: str) -> bool:
    """Whether a text can be written as UTF-8: half a surrogate pair cannot."""
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _within(what: str, value: Any, least: int, most: int | None) -> Iterator[str]:
    if type(value) is not int or value < least or (most is not None and value > most):
        upto = "or more" if most is None else f"to {most}"
        yield f"`{what}` is {value}, not {least} {upto}"


def _one_of(what: str, value: str, known: Iterable[str]) -> Iterator[str]:
    if value not in known:
        yield f"`{what}` is {_shown(value)}, not one of {', '.join(known)}"


def _shown(text: str) -> str:
    """Return a name of any length and content so that it can stand in a message."""
    return f"`{ascii(text[:40])[1:-1]}`"
