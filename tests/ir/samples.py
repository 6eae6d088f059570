"""Programs to encode: one for the documentation, one with everything, and any number of others."""

from typing import Any

from hypothesis import strategies as st
from msgspec.structs import replace

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
    Admission,
    AgentLoopNode,
    ApprovalNode,
    Body,
    Bound,
    Budget,
    CancelOn,
    Case,
    Certificate,
    CodeRetry,
    Concurrency,
    ContinueAsNewNode,
    Edge,
    EmitNode,
    FailNode,
    LoopNode,
    MapNode,
    Node,
    PlannerNode,
    Priority,
    Program,
    RateLimit,
    RespondNode,
    Retry,
    Singleton,
    SleepNode,
    SubWorkflowNode,
    SwitchNode,
    TaskNode,
    TransformNode,
    Trigger,
    ValueLimits,
    WaitForEventNode,
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
        initial_state=Literal([None, 2**63 - 1, -(2**63)]),
        on_exhausted="complete",
        max_duration_ms=1,
    ),
    name="everything-1_A",
    description='All there is, with "quotes" and \x1f',
    input_schema=True,
    output=Literal({}),
    source_map={},
)

WHOLE = program(
    step(
        "start",
        agent=True,
        heartbeat_timeout_ms=30_000,
        worker_group="gpu",
        rate_limit=RateLimit(100, 60_000),
        keyed_rate_limit=RateLimit(10, 1_000, field("input", "customer"), 2),
        max_task_concurrency=5,
        required_capabilities=("docker",),
        retry=Retry(
            max_retries=3,
            strategy="listed",
            delays_ms=(1_000, 10_000),
            jitter=0.5,
            non_retryable=("invalid_input",),
            by_code=(("rate_limited", CodeRetry(max_retries=9)),),
        ),
        input=MapOf(((Literal("key"), field("secrets", "TOKEN")),)),
        on_failure=19,
        compensate=20,
        metadata={"team": "payments"},
    ),
    LoopNode(
        id="pages",
        edges=(Edge(0),),
        body=0,
        max_iterations=5,
        until=field("steps", "page", "output", "last"),
        while_=call("_<_", field("loop", "iteration"), Literal(9)),
        initial_state=field("vars", "first"),
        state=field("steps", "page", "output"),
        output=field("loop", "state"),
        on_exhausted="pause",
        max_duration_ms=60_000,
        delay_ms=1_000,
    ),
    step("page", within=0, input=field("loop", "state"), when=field("steps", "start", "output")),
    MapNode(
        id="fan",
        edges=(Edge(1),),
        join="all_done",
        body=1,
        max_items=100,
        over=field("steps", "pages", "output"),
        max_concurrency=8,
        tolerance_percent=10.0,
        single=True,
    ),
    step("fan.each", within=1, task="fan", input=field("item", "url")),
    SwitchNode(
        id="route",
        edges=(Edge(1), Edge(3)),
        join="any_success",
        cases=(Case(2, ("bug", 1, 1.5, None, True)), Case(3, ("none",))),
        on=field("input", "kind"),
        default=4,
        output=Select(field("steps", "gate"), "output", optional=True),
    ),
    ApprovalNode(
        id="gate",
        within=2,
        timeout_ms=1_000,
        approvers=("release-team",),
        quorum=2,
        on_timeout="escalate",
        on_reject="complete",
        remind_every_ms=100,
        escalation_approvers=("managers",),
        escalation_timeout_ms=500,
        form={"type": "object"},
        description=Literal("Release?"),
        subject="approvals.release",
        details=Literal({"channel": "releases"}),
    ),
    MapNode(id="inner", within=4, body=5, max_items=2, over=field("steps", "fan", "output")),
    SleepNode(id="nap", within=5, max_duration_ms=9, duration=Literal("9ms")),
    LoopNode(
        id="think",
        within=5,
        edges=(Edge(8),),
        body=6,
        max_iterations=2,
        until=field("result", "done"),
        result=True,
        budget=Budget(1_000, 2.0, 3),
    ),
    PlannerNode(
        id="plan",
        task="agent.plan",
        within=6,
        **TIMES,
        max_steps=10,
        max_depth=3,
        allowed_tasks=("code.edit",),
        allowed_types=("normal", "map"),
        max_replans=2,
        input=ListOf((Ident("item"), Ident("index"), field("loop", "state"))),
    ),
    SubWorkflowNode(
        id="pay",
        edges=(Edge(5),),
        workflow="payment",
        timeout_ms=5,
        version="1.4.0",
        detach=True,
        on_parent_close="abandon",
    ),
    WaitForEventNode(
        id="paid",
        edges=(Edge(11, ("completed", "failed")),),
        event="order.paid",
        timeout_ms=5,
        match=call("_==_", field("event", "data", "id"), field("steps", "pay", "output", "id")),
        on_timeout="skip",
        count=2,
        look_back_ms=7,
    ),
    TransformNode(id="sum", value=call("@double", field("input", "cents"))),
    EmitNode(id="tell", edges=(Edge(13),), event="sum.made", data=field("steps", "sum", "output")),
    RespondNode(
        id="answer",
        edges=(Edge(13),),
        status=201,
        headers=Literal({"cache-control": "no-store"}),
        body=field("trigger", "data"),
    ),
    loop(
        "agent",
        initial_state=field("input", "state"),
        delay_ms=5,
        budget=Budget(tokens=1),
        until=Ident(".result"),
    ),
    ContinueAsNewNode(
        id="next",
        edges=(Edge(16),),
        next_input=call("math.abs", Literal(-1)),
        max_generations=100,
    ),
    FailNode(
        id="stop",
        when=call("_==_", call("type", Literal(1)), Ident("google.protobuf.Timestamp")),
        code="out_of_stock",
        message=Literal("none"),
        details=Ident("input"),
    ),
    step("report", input=field("error", "code")),
    step("undo", input=Literal(1)),
    step("clean", within=7, when=Select(field("steps", "start"), "output", test=True)),
    SleepNode(id="night", within=7, max_duration_ms=9, cron="0 9 * * *", timezone="Europe/Berlin"),
    bodies=(
        Body(1, 2, 1),
        Body(3, 4, 1),
        Body(5, 6, 1),
        Body(5, 7, 0),
        Body(5, 7, 4),
        Body(7, 8, 3),
        Body(9, 10, 1),
        Body(None, 21, 2),
    ),
    finally_body=7,
    name="whole",
    output_schema={"type": "object"},
    variables=(("first", field("input", "first")), ("second", field("vars", "first"))),
    labels=(("team", Literal("payments")),),
    secrets=("TOKEN",),
    task_inputs=(("a.b", {"type": "object"}),),
    task_outputs=(("a.b", {"type": "string"}), ("c", True)),
    admission=Admission(
        concurrency=Concurrency(10, field("input", "customer"), 4),
        singleton=Singleton("cancel", field("input", "repo")),
        priority=Priority(field("input", "plan"), (("free", -1_000), ("paid", 300_000)), 5),
        idempotency_key=field("input", "order_id"),
        sticky="hard",
        cancel_on=(
            CancelOn("order.cancelled", field("event", "data"), 60_000),
            CancelOn("order.lost"),
        ),
        budget=Budget(usd=5.0),
    ),
    triggers=(
        Trigger("on_paid", "event", {"event": "order.paid"}, match=field("event", "data")),
        Trigger(
            "hook",
            "webhook",
            {"path": "github", "secret": "GITHUB"},
            enabled=False,
            input=field("trigger", "data"),
            debounce_ms=10_000,
            debounce_timeout_ms=60_000,
            debounce_key=field("trigger", "data", "repo"),
        ),
    ),
    limits=ValueLimits(50_000, 65_536),
)
"""Every kind of node, every policy, every key."""

SAMPLES = {"whole": WHOLE, "example": EXAMPLE, "everything": EVERYTHING, "one": program(step("a"))}

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
    """Any sound expression over these roots and steps; `vars` has no field of any name."""
    bare = [Ident(root) for root in roots if root != "vars"]
    leaves = st.builds(Literal, values) | st.sampled_from(bare)
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
