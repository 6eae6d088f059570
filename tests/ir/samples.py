"""Programs to encode: one for the documentation, one with everything, and any number of others."""

from dataclasses import replace
from typing import Any

from hypothesis import strategies as st

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
)
from dagnats.ir.program import (
    AgentLoopNode,
    Bound,
    Certificate,
    Edge,
    Node,
    Program,
    Retry,
    TaskNode,
)

NOTHING = Bound(None, "")
CERTIFICATE = Certificate(*[NOTHING] * 9)
TIMES = {"timeout_ms": 300_000, "queue_timeout_ms": 86_400_000}


def field(root: str, *names: str) -> Expr:
    """`root.name.name`"""
    expr: Expr = Ident(root)
    for name in names:
        expr = Select(expr, name)
    return expr


def call(function: str, *args: Expr, on: Expr | None = None) -> Call:
    return Call(function, args, on)


def step(name: str, *sources: int, **more: Any) -> TaskNode:
    edges = tuple(Edge(source) for source in sources)
    return TaskNode(**({"id": name, "task": name, "edges": edges} | TIMES | more))


def loop(name: str, *sources: int, **more: Any) -> AgentLoopNode:
    edges = tuple(Edge(source) for source in sources)
    head = {"id": name, "task": name, "edges": edges, "max_iterations": 8}
    return AgentLoopNode(**(head | TIMES | more))


def program(*nodes: Node, **more: Any) -> Program:
    head = {"name": "test", "certificate": CERTIFICATE, "timeout_ms": 2_592_000_000}
    return Program(nodes=nodes, **(head | more))


def chain(count: int) -> Program:
    """Each step reads the one before."""
    nodes = [step("s0")]
    for i in range(1, count):
        output = field("steps", f"s{i - 1}", "output")
        nodes.append(step(f"s{i}", i - 1, input=MapOf(((Literal("n"), output),))))
    return program(*nodes)


EXAMPLE = program(
    step("fetch", task="git.fetch", when=call("_>_", field("input", "limit"), Literal(0.5))),
    loop(
        "review",
        task="agent.review",
        edges=(Edge(0, ("completed", "skipped")),),
        input=MapOf(
            (
                (
                    Literal("files"),
                    call(
                        "orValue",
                        Literal([]),
                        on=Select(field("steps", "fetch", "output"), "files", optional=True),
                    ),
                ),
                (Literal("notes"), field("loop", "state")),
            )
        ),
        retry=Retry(max_retries=3, strategy="exponential", max_delay_ms=30_000),
        until=field("result", "done"),
    ),
    name="review",
    label="1.4.0",
    input_schema={"type": "object", "properties": {"limit": {"type": "number"}}},
    output=field("steps", "review", "output"),
    certificate=replace(
        CERTIFICATE,
        attempts=Bound(33, "1 + 8 * 4", "review"),
        concurrent_steps=Bound(1, "1", "fetch"),
    ),
    source_map={"fetch": (5, 5), "review": (8, 5)},
)
"""What `docs/ir.md` shows."""

_EACH = field("x", "score")

EVERYTHING = program(
    step("a"),
    step(
        "b",
        when=call(
            "_&&_",
            Comprehension("all", field("input", "list"), "x", call("_>=_", _EACH, Literal(1.0))),
            Select(field("run"), "labels", test=True),
            call("!_", call("isNaN", Literal(-0.0), on=Ident("math"))),
        ),
        edges=(Edge(0, ("completed", "skipped", "failed")),),
        input=call(
            INTERPOLATE,
            Literal("é\u2028\U00010000: "),
            call("_[_]", Ident("steps"), Literal("a")),
            call("_?_:_", Literal(True), Literal(None), Literal(1e300)),
        ),
    ),
    loop(
        "c",
        0,
        1,
        input=ListOf(
            (
                Literal({"b": [1, 1.0, -0.0, 1e16, 5e-324], "a": {"\uffff": 1, "\U00010000": 2}}),
                MapOf(
                    ((Literal("k"), Select(field("steps", "a"), "output", optional=True)),), (0,)
                ),
                Comprehension(
                    "map",
                    field("input", "list"),
                    "steps",
                    call("_+_", Ident("steps"), Literal(1)),
                    call("_>_", Ident("steps"), field("loop", "iteration")),
                ),
            ),
            (0, 2),
        ),
        until=call("_==_", Ident("result"), field("loop", "state")),
        initial_state=[None, 2**63 - 1, -(2**63)],
        on_exhausted="complete",
        max_duration_ms=1,
    ),
    name="everything-1_A",
    description='All there is, with "quotes" and \x1f',
    input_schema=True,
    output=Literal({}),
    source_map={},
)

SAMPLES = {"example": EXAMPLE, "everything": EVERYTHING, "one": program(step("a"))}

_doubles = st.floats(allow_nan=False, allow_infinity=False)
_scalars = (
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | _doubles | st.text(max_size=8)
)
values = st.recursive(
    _scalars,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3)
    ),
    max_leaves=6,
)
"""Any JSON value."""


def _optional(count: int) -> st.SearchStrategy[tuple[int, ...]]:
    return (
        st.sets(st.integers(0, count - 1)).map(lambda s: tuple(sorted(s))) if count else st.just(())
    )


@st.composite
def _lists(draw: Any, inner: st.SearchStrategy[Expr]) -> Expr:
    items = tuple(draw(st.lists(inner, max_size=3)))
    return ListOf(items, draw(_optional(len(items))))


@st.composite
def _maps(draw: Any, inner: st.SearchStrategy[Expr]) -> Expr:
    entries = tuple(draw(st.lists(st.tuples(inner, inner), max_size=3)))
    return MapOf(entries, draw(_optional(len(entries))))


def _operators(inner: st.SearchStrategy[Expr]) -> st.SearchStrategy[Expr]:
    two = st.sampled_from(["_+_", "_==_", "_<_", "@in", "_[?_]", "sets.contains", "contains"])
    return st.one_of(
        st.builds(_binary, two, inner, inner),
        st.builds(
            lambda name, args: Call(name, tuple(args)),
            st.sampled_from(["_&&_", "_||_", INTERPOLATE]),
            st.lists(inner, min_size=2, max_size=4),
        ),
        st.builds(lambda a, b, c: call("_?_:_", a, b, c), inner, inner, inner),
        st.builds(lambda a: call("size", on=a), inner),
    )


def _binary(name: str, left: Expr, right: Expr) -> Expr:
    if "." in name:
        namespace, function = name.split(".")
        return call(function, left, right, on=Ident(namespace))
    return call(name, right, on=left) if name.isalpha() else call(name, left, right)


def _macros(inner: st.SearchStrategy[Expr]) -> st.SearchStrategy[Expr]:
    macro = st.sampled_from(["all", "exists", "exists_one", "map", "filter"])
    names = st.sampled_from(["x", "input", "steps", "math"])
    plain = st.builds(Comprehension, macro, inner, names, inner)
    return plain | st.builds(Comprehension, st.just("map"), inner, names, inner, inner)


def expressions(roots: tuple[str, ...], steps: tuple[str, ...]) -> st.SearchStrategy[Expr]:
    """Any sound expression over these roots and steps."""
    leaves = st.builds(Literal, values) | st.sampled_from([Ident(root) for root in roots])
    if steps:
        leaves |= st.sampled_from(steps).map(lambda name: field("steps", name))
    return st.recursive(
        leaves,
        lambda inner: st.one_of(
            st.builds(Select, inner, st.text(max_size=4), st.booleans()),
            st.builds(lambda of, name: Select(of, name, test=True), inner, st.text(max_size=4)),
            _operators(inner),
            _lists(inner),
            _maps(inner),
            _macros(inner),
        ),
        max_leaves=6,
    )


_accepts = st.sampled_from(
    [
        ("completed",),
        ("completed", "skipped"),
        ("completed", "failed"),
        ("completed", "skipped", "failed"),
    ]
)
_ms = st.integers(1, 10**12)
_retries = st.builds(
    Retry,
    st.integers(0, 100_000),
    st.sampled_from(["fixed", "linear", "exponential"]),
    st.integers(0, 10**9),
    st.integers(0, 10**9),
    st.floats(0, 1e6),
)


@st.composite
def nodes(draw: Any, at: int) -> Node:
    """Any sound node at this index."""
    sources = sorted(draw(st.sets(st.integers(0, at - 1), max_size=2))) if at else []
    readable = tuple(f"n{source}" for source in sources)
    plain = expressions(("input", "run"), readable)
    shared: dict[str, Any] = {
        "id": f"n{at}",
        "task": draw(st.sampled_from(["t", "a.b-c", "x_1.y.z"])),
        "timeout_ms": draw(_ms),
        "queue_timeout_ms": draw(_ms),
        "edges": tuple(Edge(source, draw(_accepts)) for source in sources),
        "when": draw(st.none() | plain),
        "retry": draw(_retries),
        "max_deliveries": draw(st.integers(1, 9)),
    }
    if draw(st.booleans()):
        return TaskNode(input=draw(st.none() | plain), **shared)
    return AgentLoopNode(
        input=draw(st.none() | expressions(("input", "run", "loop"), readable)),
        max_iterations=draw(st.integers(1, 100_000)),
        until=draw(st.none() | expressions(("input", "run", "loop", "result"), readable)),
        initial_state=draw(values),
        on_exhausted=draw(st.sampled_from(["fail", "complete"])),
        max_duration_ms=draw(st.none() | _ms),
        **shared,
    )


@st.composite
def programs(draw: Any) -> Program:
    """Any sound program of up to four steps."""
    count = draw(st.integers(1, 4))
    ids = tuple(f"n{i}" for i in range(count))
    bounds = st.builds(
        Bound, st.none() | st.integers(0), st.text(max_size=6), st.none() | st.sampled_from(ids)
    )
    places = st.dictionaries(st.sampled_from(ids), st.tuples(_ms, _ms))
    return program(
        *[draw(nodes(i)) for i in range(count)],
        name=draw(st.from_regex(r"[A-Za-z0-9_-]{1,64}", fullmatch=True)),
        certificate=Certificate(*[draw(bounds) for _ in range(9)]),
        timeout_ms=draw(_ms),
        label=draw(st.none() | st.text()),
        description=draw(st.none() | st.text()),
        input_schema=draw(
            st.sampled_from([None, True, False, {}, {"type": "object", "default": 1.0}])
        ),
        output=draw(st.none() | expressions(("input", "run"), ids)),
        source_map=draw(st.none() | places),
    )
