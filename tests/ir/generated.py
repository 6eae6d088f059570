"""Any number of sound programs, of every kind of node, with bodies inside bodies."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from hypothesis import strategies as st

from dagnats.expr.ast import Comprehension, Expr, Ident, ListOf, Literal, MapOf, Select
from dagnats.expr.kinds import Uint
from dagnats.ir import program as p
from tests.ir.samples import call, program
from tests.ir.samples import expressions as any_expressions
from tests.ir.samples import field as path

LEVELS = 3
NODES_MAX = 10
BASE = ("input", "run", "trigger", "vars")
CONTAINERS = ("loop", "map", "single", "switch")
PLAIN = (
    "task",
    "agent_loop",
    "planner",
    "approval",
    "wait_for_event",
    "sleep",
    "sub_workflow",
    "transform",
    "emit",
    "fail",
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
_maybe_ms = st.none() | _ms
_words = st.lists(st.sampled_from(["a", "b", "c-1"]), unique=True, max_size=2).map(tuple)
_plain_retries = {
    "max_retries": st.integers(0, 100_000),
    "strategy": st.sampled_from(["fixed", "linear", "exponential"]),
    "initial_delay_ms": st.integers(0, 10**9),
    "max_delay_ms": st.integers(0, 10**9),
    "multiplier": st.floats(0, 1e6),
    "jitter": st.floats(0, 1),
}
_code_retries = st.builds(p.CodeRetry, **_plain_retries)
_by_code = st.dictionaries(st.text(max_size=3), _code_retries, max_size=2).map(
    lambda found: tuple(sorted(found.items()))
)
_retries = st.builds(p.Retry, **_plain_retries, non_retryable=_words, by_code=_by_code) | st.builds(
    p.Retry, strategy=st.just("listed"), delays_ms=st.lists(_ms, min_size=1, max_size=2).map(tuple)
)
_budgets = st.builds(
    p.Budget,
    tokens=st.none() | st.integers(1, 9),
    usd=st.none() | st.floats(0, 9),
    tool_calls=st.none() | st.integers(1, 9),
)


_NUMBERS = st.integers(0, 999)
CONSTANTS = [None, True, 0, -1.5, 2**63 - 1, "", "é\U0001f600", [1, {"b": 1.0, "a": []}], {}]
_WAYS: list[Callable[[Expr, Expr], Expr]] = [
    lambda a, _: a,
    lambda a, b: call("_==_", a, b),
    lambda a, b: ListOf((a, b), (1,)),
    lambda a, b: MapOf(((Literal("k"), a), (Literal("l"), b)), (0,)),
    lambda a, b: Comprehension("map", a, "input", b, Ident("input")),
    lambda a, b: Comprehension("all", a, "k", call("@in", Ident("k"), b), second="v"),
    lambda a, b: call("@double", call("_[_]", a, b)),
    lambda a, b: call("math.greatest", a, b),
    lambda a, b: call("greatest", a, b, on=Ident("math")),
    lambda a, b: call("_&&_", call("_!=_", a, Ident("net.IP")), call("size", on=b)),
    lambda a, b: ListOf((Literal(Uint(7)), Literal(b"\x00"), a, b)),
]
"""Around two leaves, one expression of each kind that verification looks at differently."""


@dataclass
class _Place:
    """Where a node stands: its body, how deep that is, what is seen there, and where it may go."""

    within: int | None
    level: int
    seen: tuple[str, ...] = ()
    roots: tuple[str, ...] = BASE
    once: bool = True
    ends: bool = False


@dataclass
class _Table:
    """Draws a table from front to back; nodes are made when everything is known of them."""

    draw: Any
    parts: list[tuple[type, dict[str, Any]]] = field(default_factory=list)
    bodies: list[p.Body | None] = field(default_factory=list)

    def block(self, place: _Place, count: int) -> tuple[str, ...]:
        """Put nodes, perhaps a handler of one of them behind; return the ids of the others."""
        local: list[int] = []
        for _ in range(count):
            if not local or len(self.parts) < NODES_MAX:
                local.append(self.node(place, local))
        ids = tuple(self.parts[i][1]["id"] for i in local)
        if self.draw(st.booleans()) and len(self.parts) < NODES_MAX:
            inside = replace(place, seen=(*place.seen, *ids), roots=(*place.roots, "error"))
            handler = self.node(inside, [])
            key = self.draw(st.sampled_from(["on_failure", "compensate"]))
            for i in self.draw(st.lists(st.sampled_from(local), min_size=1, unique=True)):
                self.parts[i][1][key] = handler
        return ids

    def node(self, place: _Place, before: list[int]) -> int:
        at = len(self.parts)
        kinds = PLAIN + (CONTAINERS if place.level < LEVELS else ())
        kinds += ("respond",) if place.once else ()
        kinds += ("continue_as_new",) if place.once and not place.ends else ()
        kind = self.draw(st.sampled_from(kinds))
        sources = sorted(self.draw(st.sets(st.sampled_from(before), max_size=2))) if before else []
        seen = (*place.seen, *(self.parts[i][1]["id"] for i in sources))
        keys: dict[str, Any] = {
            "id": f"n{at}",
            "within": place.within,
            "edges": tuple(p.Edge(source, self.draw(_accepts)) for source in sources),
            "join": self.draw(st.sampled_from(["all_success", "all_done", "any_success"])),
            "metadata": self.draw(st.sampled_from([{}, {"k": CONSTANTS}])),
        }
        self.parts.append((p.TaskNode, keys))
        sight = _Sight(self, seen, place)
        keys["when"] = sight.maybe()
        make = getattr(self, f"_{kind}", None)
        self.parts[at] = (make or _PLAIN[kind])(*(() if make is None else (at,)), sight, keys)
        return at

    def number(self, count: int) -> int:
        """Take numbers for the bodies of a node, before any body inside has one."""
        self.bodies += [None] * count
        return len(self.bodies) - count

    def body(
        self, at: int, index: int, sight: "_Sight", roots: tuple[str, ...] | None
    ) -> tuple[str, ...]:
        """Put the nodes of a body of the node `at`, of a switch without roots; return their ids."""
        place, first = sight.place, len(self.parts)
        inside = _Place(
            index,
            place.level + 1,
            sight.seen,
            (*place.roots, *(roots or ())),
            place.once and roots is None,
            place.ends,
        )
        count = self.draw(st.integers(0 if roots is None else 1, 2))
        ids = self.block(inside, count) if count else ()
        self.bodies[index] = p.Body(at, first, len(self.parts) - first)
        return ids

    def _loop(self, at: int, sight: "_Sight", keys: dict[str, Any]) -> Any:
        keys |= {"input": sight.maybe(), "initial_state": sight.maybe()}
        keys["while_"] = sight.maybe("loop")
        keys["result"] = self.draw(st.booleans())
        keys["body"] = self.number(1)
        ids = self.body(at, keys["body"], sight, ("loop",))
        more = ("loop", "result") if keys["result"] else ("loop",)
        keys |= {"until": sight.maybe(*more, ids=ids), "state": sight.maybe("loop", ids=ids)}
        keys |= {"output": sight.maybe("loop", ids=ids), **_repeated(self.draw)}
        return p.LoopNode, keys

    def _map(self, at: int, sight: "_Sight", keys: dict[str, Any]) -> Any:
        keys |= {"input": sight.maybe(), "over": sight.maybe(), **_mapped(self.draw)}
        keys["body"] = self.number(1)
        ids = self.body(at, keys["body"], sight, ("item", "index"))
        keys["output"] = sight.maybe("item", "index", ids=ids)
        return p.MapNode, keys

    def _single(self, at: int, sight: "_Sight", keys: dict[str, Any]) -> Any:
        index = len(self.bodies)
        self.bodies.append(p.Body(at, at + 1, 1))
        keys |= {"body": index, "single": True, "over": sight.maybe(), **_mapped(self.draw)}
        task = {"id": f"n{at}.each", "within": index, **_work(sight)}
        self.parts.append((p.TaskNode, task | {"input": sight.maybe("item", "secrets")}))
        return p.MapNode, keys

    def _switch(self, at: int, sight: "_Sight", keys: dict[str, Any]) -> Any:
        count, has_default = self.draw(st.integers(1, 2)), self.draw(st.booleans())
        by_value = self.draw(st.booleans())
        keys |= {"input": sight.maybe(), "on": sight.some() if by_value else None}
        ways = [
            {"values": tuple(CONSTANTS[: sight.one(st.integers(1, 5))])}
            if by_value
            else {"when": sight.some()}
            for _ in range(count)
        ]
        first = self.number(count + has_default)
        ids: tuple[str, ...] = ()
        for index in range(first, first + count + has_default):
            ids += self.body(at, index, sight, None)
        keys["cases"] = tuple(p.Case(first + n, **way) for n, way in enumerate(ways))
        keys["default"] = first + count if has_default else None
        keys["output"] = sight.maybe(ids=ids)
        return p.SwitchNode, keys


@dataclass
class _Sight:
    """Draws expressions of one node."""

    table: _Table
    seen: tuple[str, ...]
    place: _Place

    def some(self, *roots: str, ids: tuple[str, ...] = ()) -> Expr:
        seen, roots = (*self.seen, *ids), (*self.place.roots, *roots)
        leaves: list[Expr] = []
        for _ in range(2):
            n = self.one(_NUMBERS)
            if n % 3 == 0:
                leaves.append(Literal(CONSTANTS[n % len(CONSTANTS)]))
            elif n % 3 == 1 and seen:
                leaves.append(path("steps", seen[n % len(seen)], "output"))
            else:
                leaves.append(Ident(roots[n % len(roots)]))
        return _WAYS[self.one(_NUMBERS) % len(_WAYS)](*leaves)

    def maybe(self, *roots: str, ids: tuple[str, ...] = ()) -> Expr | None:
        return self.some(*roots, ids=ids) if self.table.draw(st.integers(0, 2)) == 0 else None

    def one(self, strategy: Any) -> Any:
        return self.table.draw(strategy)


def _repeated(draw: Any) -> dict[str, Any]:
    return {
        "max_iterations": draw(st.integers(1, 100_000)),
        "on_exhausted": draw(st.sampled_from(["fail", "complete", "pause"])),
        "max_duration_ms": draw(_maybe_ms),
        "delay_ms": draw(st.integers(0, 9)),
        "budget": draw(st.none() | _budgets),
    }


def _mapped(draw: Any) -> dict[str, Any]:
    return {
        "max_items": draw(st.integers(1, 10_000)),
        "max_concurrency": draw(st.none() | st.integers(1, 10_000)),
        "tolerance": draw(st.integers(0, 10_000)),
        "tolerance_percent": draw(st.none() | st.floats(0, 100)),
    }


def _work(s: _Sight) -> dict[str, Any]:
    limit = p.RateLimit(s.one(st.integers(1, 99)), s.one(_ms))
    keyed = p.RateLimit(1, 1, s.some(), s.one(st.integers(1, 9))) if s.one(st.booleans()) else None
    return {
        "task": s.one(st.sampled_from(["t", "a.b-c", "x_1.y.z"])),
        "timeout_ms": s.one(_ms),
        "queue_timeout_ms": s.one(_ms),
        "heartbeat_timeout_ms": s.one(_maybe_ms),
        "retry": s.one(_retries),
        "max_deliveries": s.one(st.integers(1, 9)),
        "agent": s.one(st.booleans()),
        "worker_group": s.one(st.none() | st.just("gpu")),
        "rate_limit": s.one(st.none() | st.just(limit)),
        "keyed_rate_limit": keyed,
        "max_task_concurrency": s.one(st.none() | st.integers(1, 9)),
        "required_capabilities": s.one(_words),
    }


def _task(s: _Sight, keys: dict[str, Any]) -> Any:
    return p.TaskNode, keys | _work(s) | {"input": s.maybe("secrets")}


def _agent_loop(s: _Sight, keys: dict[str, Any]) -> Any:
    own = {"input": s.maybe("loop", "secrets"), "until": s.maybe("loop", "result")}
    return p.AgentLoopNode, keys | _work(s) | _repeated(s.one) | own | {"initial_state": s.maybe()}


def _planner(s: _Sight, keys: dict[str, Any]) -> Any:
    own = {
        "max_steps": s.one(st.integers(1, 100)),
        "max_depth": s.one(st.none() | st.integers(1, 10)),
        "allowed_tasks": s.one(_words),
        "allowed_types": s.one(st.sampled_from([("normal",), ("normal", "map"), ()])),
        "max_replans": s.one(st.integers(0, 10)),
    }
    return p.PlannerNode, keys | _work(s) | own


def _approval(s: _Sight, keys: dict[str, Any]) -> Any:
    second = s.one(st.booleans())
    own = {
        "timeout_ms": s.one(_ms),
        "approvers": s.one(_words),
        "quorum": s.one(st.integers(1, 100)),
        "on_timeout": s.one(st.sampled_from(["fail", "reject", "approve"])),
        "on_reject": s.one(st.sampled_from(["fail", "complete"])),
        "remind_every_ms": s.one(_maybe_ms),
        "escalation_approvers": ("managers",) if second else (),
        "escalation_timeout_ms": 5 if second else None,
        "form": s.one(st.sampled_from([None, True, {"type": "object"}])),
        "description": s.maybe(),
        "subject": s.one(st.none() | st.text(max_size=4)),
        "details": s.maybe(),
    }
    return p.ApprovalNode, keys | own


def _wait_for_event(s: _Sight, keys: dict[str, Any]) -> Any:
    own = {
        "event": "order.paid",
        "timeout_ms": s.one(_ms),
        "match": s.maybe("event"),
        "on_timeout": s.one(st.sampled_from(["fail", "skip", "complete"])),
        "count": s.one(st.integers(1, 1_000)),
        "look_back_ms": s.one(_maybe_ms),
    }
    return p.WaitForEventNode, keys | own


def _sleep(s: _Sight, keys: dict[str, Any]) -> Any:
    way = s.one(st.sampled_from(["duration", "until", "cron"]))
    how = "0 9 * * *" if way == "cron" else s.some()
    return p.SleepNode, keys | {"max_duration_ms": s.one(_ms), way: how}


def _sub_workflow(s: _Sight, keys: dict[str, Any]) -> Any:
    own = {
        "input": s.maybe(),
        "workflow": "payment",
        "timeout_ms": s.one(_ms),
        "version": s.one(st.none() | st.text(max_size=3)),
        "detach": s.one(st.booleans()),
        "on_parent_close": s.one(st.sampled_from(["cancel", "abandon"])),
        "retry": s.one(_retries),
    }
    return p.SubWorkflowNode, keys | own


def _respond(s: _Sight, keys: dict[str, Any]) -> Any:
    own = {"status": s.one(st.integers(100, 599)), "headers": s.maybe(), "body": s.maybe()}
    return p.RespondNode, keys | own


_PLAIN = {
    "task": _task,
    "agent_loop": _agent_loop,
    "planner": _planner,
    "approval": _approval,
    "wait_for_event": _wait_for_event,
    "sleep": _sleep,
    "sub_workflow": _sub_workflow,
    "respond": _respond,
    "transform": lambda s, keys: (p.TransformNode, keys | {"value": s.some()}),
    "emit": lambda s, keys: (p.EmitNode, keys | {"event": "sum.made", "data": s.maybe()}),
    "fail": lambda s, keys: (p.FailNode, keys | {"code": "no_stock", "message": s.maybe()}),
    "continue_as_new": lambda s, keys: (
        p.ContinueAsNewNode,
        keys | {"next_input": s.some(), "max_generations": s.one(st.integers(1, 100_000))},
    ),
}


_AT_START = any_expressions(("input", "trigger"), ())
_OF_EVENT = any_expressions(("event", "input"), ())
_OF_VARS = any_expressions(("input", "vars"), ())
_AT_TOP = any_expressions(BASE, ())


@st.composite
def _admissions(draw: Any) -> p.Admission:
    key = _AT_START
    rules = st.dictionaries(st.text(max_size=3), st.integers(-600_000, 600_000), max_size=2)
    cancel = p.CancelOn("order.lost", draw(st.none() | _OF_EVENT))
    parts = {
        "concurrency": p.Concurrency(3, draw(st.none() | key), draw(st.none() | st.just(2))),
        "singleton": p.Singleton(draw(st.sampled_from(["skip", "cancel"])), draw(st.none() | key)),
        "priority": p.Priority(draw(key), tuple(sorted(draw(rules).items())), 7),
        "idempotency_key": draw(key),
        "sticky": draw(st.sampled_from(["soft", "hard"])),
        "cancel_on": (cancel,),
        "budget": draw(_budgets),
    }
    chosen = draw(st.sets(st.sampled_from(sorted(parts)), max_size=3))
    return p.Admission(**{name: parts[name] for name in chosen})


@st.composite
def _around(draw: Any, ids: tuple[str, ...], top: tuple[str, ...]) -> dict[str, Any]:
    bounds = st.builds(
        p.Bound, st.none() | st.integers(0), st.text(max_size=6), st.none() | st.sampled_from(ids)
    )
    trigger = p.Trigger("t", "cron", dict.fromkeys(_CRON, "x"), draw(st.booleans()))
    both = (("v", Literal(1)), ("w", Select(Ident("vars"), "v")))
    variables = both if draw(st.booleans()) else ()
    schemas = [None, True, False, {}, {"type": "object", "default": 1.0}]
    return {
        "name": draw(st.from_regex(r"[A-Za-z0-9_-]{1,64}", fullmatch=True)),
        "certificate": p.Certificate(*[draw(bounds) for _ in range(9)]),
        "timeout_ms": draw(_ms),
        "label": draw(st.none() | st.text()),
        "description": draw(st.none() | st.text()),
        "input_schema": draw(st.sampled_from(schemas)),
        "output_schema": draw(st.sampled_from(schemas)),
        "output": draw(st.none() | _AT_TOP) or path("steps", top[0]),
        "variables": variables,
        # Labels read variables that are there.
        "labels": (("l", draw(_OF_VARS)),) if variables and draw(st.booleans()) else (),
        "secrets": draw(_words),
        "task_inputs": (("a.b", True),) if draw(st.booleans()) else (),
        "task_outputs": (("a.b", {}), ("t", True)) if draw(st.booleans()) else (),
        "admission": draw(_admissions()),
        "triggers": (trigger,) if draw(st.booleans()) else (),
        "limits": p.ValueLimits(*draw(st.sampled_from([(10_000, 65_536), (1, 1), (50_000, 9)]))),
        "source_map": draw(
            st.none() | st.dictionaries(st.sampled_from(ids), st.tuples(_ms, _ms), max_size=2)
        ),
    }


_CRON = ("expression", "timezone", "backfill", "backfill_max", "overlap")


@st.composite
def programs(draw: Any) -> p.Program:
    """Any sound program of a few nodes, bodies up to three deep."""
    table = _Table(draw)
    top = table.block(_Place(None, 0), draw(st.integers(1, 3)))
    last = None
    if draw(st.booleans()):
        last, first = len(table.bodies), len(table.parts)
        table.bodies.append(None)
        table.block(_Place(last, 0, top, (*BASE, "error"), ends=True), draw(st.integers(1, 2)))
        # Bodies inside of it come before it: it is the last one.
        inner = table.bodies[last + 1 :]
        table.bodies[last:] = [*inner, p.Body(None, first, len(table.parts) - first)]
        _renumber(table, first, last)
        last = len(table.bodies) - 1
    nodes = tuple(kind(**keys) for kind, keys in table.parts)
    ids = tuple(node.id for node in nodes)
    around = draw(_around(ids, top))
    return program(*nodes, bodies=tuple(table.bodies), finally_body=last, **around)


def _renumber(table: _Table, first: int, last: int) -> None:
    """Give `finally` the last number, and those of its bodies one less each."""

    def new(body: int | None) -> Any:
        if body is None or body < last:
            return body
        return len(table.bodies) - 1 if body == last else body - 1

    for _, keys in table.parts[first:]:
        keys["within"] = new(keys["within"])
        if "body" in keys and type(keys["body"]) is int:
            keys["body"] = new(keys["body"])
        if "cases" in keys:
            keys["cases"] = tuple(
                p.Case(new(case.body), case.values, case.when) for case in keys["cases"]
            )
            keys["default"] = new(keys["default"])
