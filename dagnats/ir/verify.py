"""What must hold of a program, restated: the compiler promises it, and the engine checks it.

Whatever passes can be prepared and run: every index is in range, every name means something, and
every run ends. Linear in the size of the program.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Final

from dagnats.ir.addresses import addresses
from dagnats.ir.costs import STEPS_MAX, VALUE_CHARS_MAX, VALUE_ITEMS_MAX
from dagnats.ir.expression_rules import Place, expression
from dagnats.ir.macros import MACROS
from dagnats.ir.node_rules import node_faults, spots
from dagnats.ir.policy_rules import admission, named_values, outer_spots, triggers
from dagnats.ir.program import IR_VERSION, LoopNode, MapNode, Node, Program
from dagnats.ir.rules import (
    DOTTED_ID,
    ID,
    ID_CHARS,
    JOINS,
    ON_EXHAUSTED,
    OUTCOMES,
    REPEATS_MAX,
    STRATEGIES,
    VALUE_LEVELS_MAX,
    is_text,
    not_json,
    shown,
    within,
)
from dagnats.ir.structure import EACH, Table, structure, table
from dagnats.source.shape import check_schema
from dagnats.timespec import DURATION_MS_MAX

__all__ = [
    "DURATION_MS_MAX",
    "EVERYWHERE",
    "JOINS",
    "MACROS",
    "ON_EXHAUSTED",
    "OUTCOMES",
    "REPEATS_MAX",
    "STRATEGIES",
    "VALUE_LEVELS_MAX",
    "verify",
]

EVERYWHERE: Final = frozenset({"input", "run", "steps", "trigger", "vars"})
"""The roots of every expression of a node."""


def verify(program: Program) -> list[str]:
    """Return what is wrong with a program, in words and in its order; nothing when it is sound."""
    return list(_violations(program))


def _violations(program: Program) -> Iterator[str]:
    index = {node.id: i for i, node in enumerate(program.nodes)}
    yield from _head(program)
    yield from _identities(program)
    for i, node in enumerate(program.nodes):
        for fault in node_faults(node):
            yield f"node {i} `{node.id}`: {fault}"
    faults = list(structure(program))
    yield from faults or addresses(program)
    yield from admission(program.admission)
    yield from triggers(program.triggers)
    # Who sees whom is a question to a sound table only.
    sight = None if faults else table(program, index)
    yield from _expressions(program, index, sight)
    yield from _certificate(program, index)
    yield from _source_map(program.source_map or {}, index)


def _head(program: Program) -> Iterator[str]:
    if program.version != IR_VERSION:
        yield f"the version is {program.version}, not {IR_VERSION}"
    if not ID.fullmatch(program.name):
        yield f"`name` is {shown(program.name)}: {ID_CHARS}"
    if not 1 <= len(program.nodes) <= STEPS_MAX:
        yield f"it has {len(program.nodes)} steps, not 1 to {STEPS_MAX} (STEPS_MAX)"
    yield from within("timeout_ms", program.timeout_ms, 1, DURATION_MS_MAX)
    limits = program.limits
    yield from within("limits.list_items_max", limits.list_items_max, 1, VALUE_ITEMS_MAX)
    yield from within("limits.string_chars_max", limits.string_chars_max, 1, VALUE_CHARS_MAX)
    yield from named_values(program)
    schemas = [("input_schema", program.input_schema), ("output_schema", program.output_schema)]
    schemas += [(f"task_inputs.{task}", schema) for task, schema in program.task_inputs]
    schemas += [(f"task_outputs.{task}", schema) for task, schema in program.task_outputs]
    for key, schema in schemas:
        if schema is not None:
            wrong = not_json(schema) or check_schema(schema)
            if wrong is not None:
                yield f"`{key}` is no JSON Schema: {wrong}"


def _identities(program: Program) -> Iterator[str]:
    seen: set[str] = set()
    nodes = program.nodes
    for i, node in enumerate(nodes):
        is_id = ID.fullmatch(node.id) or (node.within is None and DOTTED_ID.fullmatch(node.id))
        if not is_id and not _is_each(nodes, i):
            yield f"node {i}: the id is {shown(node.id)}: {ID_CHARS}"
        if node.id in seen:
            yield f"node {i}: the id {shown(node.id)} stands twice"
        seen.add(node.id)


def _is_each(nodes: tuple[Node, ...], at: int) -> bool:
    """Whether a node is the only task of the map before it: that one has a dot in its id."""
    before = nodes[at - 1] if at else None
    return isinstance(before, MapNode) and before.single and nodes[at].id == f"{before.id}.{EACH}"


def _expressions(program: Program, index: Mapping[str, int], sight: Table | None) -> Iterator[str]:
    names = frozenset(name for name, _ in program.variables)
    declared = {"vars": names, "secrets": frozenset(program.secrets)}
    roots = _Roots(program, sight)
    for i, node in enumerate(program.nodes):
        base = roots.of(i)
        for spot in spots(node):
            place = Place(base | spot.roots, _seen(index, sight, i, spot.bodies), declared)
            for fault in expression(spot.expr, place):
                yield f"node {i} `{node.id}`: `{spot.key}`: {fault}"
    at_top = _seen(index, sight, None, ())
    if program.output is not None:
        for fault in expression(program.output, Place(EVERYWHERE, at_top, declared)):
            yield f"`output`: {fault}"
    known: set[str] = set()
    for key, expr, seen in outer_spots(program):
        what, _, name = key.partition(".")
        fields_ = declared | {"vars": frozenset(known)} if what == "variables" else declared
        for fault in expression(expr, Place(seen, at_top, fields_)):
            yield f"`{key}`: {fault}"
        if what == "variables":
            known.add(name)


class _Roots:
    """The roots that nodes see by where they stand, worked out once for each body."""

    def __init__(self, program: Program, sight: Table | None) -> None:
        self._nodes, self._sight = program.nodes, sight
        self._of_body: dict[int | None, frozenset[str]] = {None: EVERYWHERE}

    def of(self, at: int) -> frozenset[str]:
        """Return the roots of a node; without a sound table, all that there may be."""
        if self._sight is None:
            return EVERYWHERE | {"loop", "item", "index", "error"}
        found = self._in_body(self._sight, self._nodes[at].within)
        return found | {"error"} if at in self._sight.handlers else found

    def _in_body(self, sight: Table, body: int | None) -> frozenset[str]:
        found = self._of_body.get(body)
        if found is None:
            assert body is not None, "the top is known from the beginning"
            container = sight.bodies[body].container
            if container is None:
                found = EVERYWHERE | {"error"}
            else:
                found = self.of(container)
                match self._nodes[container]:
                    case LoopNode():
                        found |= {"loop"}
                    case MapNode():
                        found |= {"item", "index"}
                    case _:
                        pass
            self._of_body[body] = found
        return found


def _seen(
    index: Mapping[str, int], sight: Table | None, at: int | None, bodies: tuple[int, ...]
) -> Callable[[str], str | None]:
    """Return what judges the reading of a step by the node `at`, or at the top of the program."""

    def fault(step: str) -> str | None:
        target = index.get(step)
        if target is None:
            return f"reads {shown(step)}, which is no step"
        if sight is None:
            return None
        if at is not None:
            return sight.reading_fault(at, bodies, target)
        outside = sight.nodes[target].within is not None
        return f"reads {shown(step)}, which is not seen from here" if outside else None

    return fault


def _certificate(program: Program, index: Mapping[str, int]) -> Iterator[str]:
    for name in program.certificate.__struct_fields__:
        bound = getattr(program.certificate, name)
        if bound.max is not None:
            yield from within(f"certificate.{name}", bound.max, 0, None)
        if not is_text(bound.symbolic):
            yield f"`certificate.{name}.symbolic` is no Unicode text"
        if bound.dominant_step is not None and bound.dominant_step not in index:
            step = shown(bound.dominant_step)
            yield f"`certificate.{name}` names {step}, which is no step"


def _source_map(places: Mapping[str, tuple[int, int]], index: Mapping[str, int]) -> Iterator[str]:
    for name, (line, column) in places.items():
        if name not in index:
            yield f"`source_map` names {shown(name)}, which is no step"
        if line < 1 or column < 1:
            yield f"`source_map` places {shown(name)} at {line}:{column}; both count from 1"
