"""Programs to draw: one with every construct, and scopes made out of chance."""

from random import Random
from typing import Any

from dagnats.diagnostics.diagnostic import NOWHERE, Position, Sink
from dagnats.drawing.model import Link, Scope, Vertex
from dagnats.expr.ast import Expr, Ident, Literal, Select
from dagnats.expr.syntax.parser import Origin, parse_expression
from dagnats.ir import program as p

NOTHING = p.Bound(None, "")
CERTIFICATE = p.Certificate(*[NOTHING] * 9)
TIMES: dict[str, Any] = {"timeout_ms": 60_000, "queue_timeout_ms": 3_600_000}
CRON = {
    "expression": "0 3 * * *", "timezone": "Europe/Berlin", "backfill": "none", "backfill_max": 1,
    "overlap": "skip",
}  # fmt: skip
NASTY = """a"b`c\\d <b>&amp; ${{x}} %% ]]}}); -->|x| end\n\x07 é 漢 # ; \\"""


def cel(text: str) -> Expr:
    sink = Sink()
    parsed = parse_expression(text, Origin(Position(0, 1, 1), NOWHERE, verbatim=True), sink)
    assert parsed is not None
    return parsed.expr


def edges(*sources: int) -> tuple[p.Edge, ...]:
    return tuple(p.Edge(source) for source in sources)


def task(name: str, *sources: int, **more: Any) -> p.TaskNode:
    return p.TaskNode(
        **({"id": name, "task": f"do.{name}", "edges": edges(*sources)} | TIMES | more)
    )


def program(*nodes: p.Node, **more: Any) -> p.Program:
    head = {"name": "test", "certificate": CERTIFICATE, "timeout_ms": 86_400_000}
    return p.Program(nodes=nodes, **(head | more))


WHOLE = program(
    task("load"),  # 0
    p.MapNode(id="fan", edges=edges(0), body=0, max_items=10, over=cel("steps.load.output.files")),
    task("get", within=0),  # 2
    p.TransformNode(id="cut", within=0, edges=edges(2), value=cel("steps.get.output.size() > 2")),
    p.SwitchNode(  # 4
        id="pick",
        edges=edges(1),
        on=cel("input.risk"),
        cases=(p.Case(1, values=("low", "none")), p.Case(2, values=("high",))),
        default=3,
    ),
    task("quick", within=1),  # 5
    task("slow", within=2, agent=True),  # 6
    p.FailNode(id="stop", within=3, code="unknown_risk"),  # 7
    p.AgentLoopNode(  # 8
        id="review", task="agent.review", edges=edges(0), max_iterations=5,
        until=cel("result.done"), when=cel("size(steps.load.output.files) > 0"), on_failure=9,
        **TIMES,
    ),
    task("repair"),  # 9
    p.LoopNode(id="poll", edges=edges(0), body=4, max_iterations=3, until=cel("loop.state.ok")),
    p.SleepNode(id="nap", within=4, max_duration_ms=5_000, duration=Literal("5s")),  # 11
    task("ask", 11, within=4),  # 12
    p.ApprovalNode(  # 13
        id="gate", edges=edges(4, 8), timeout_ms=86_400_000, approvers=("team",),
        on_timeout="reject", join="all_done",
    ),
    p.WaitForEventNode(  # 14
        id="paid", edges=(p.Edge(10, ("completed", "skipped")),), event="order.paid",
        timeout_ms=5_400_000,
    ),
    task("post", compensate=16, edges=(*edges(0), p.Edge(13, ("completed", "failed")), *edges(14))),
    task("unpost"),  # 16
    p.SubWorkflowNode(id="child", edges=edges(15), workflow="archive", timeout_ms=60_000),
    p.EmitNode(id="tell", edges=edges(15), event="pr.reviewed"),
    p.RespondNode(id="answer", edges=edges(18), status=201),
    p.PlannerNode(id="plan", task="agent.plan", edges=edges(17), max_steps=7, **TIMES),
    p.ContinueAsNewNode(id="again", edges=edges(20), next_input=Literal(1), max_generations=9),
    task("sweep", within=5),  # 22
    bodies=(
        p.Body(1, 2, 2), p.Body(4, 5, 1), p.Body(4, 6, 1), p.Body(4, 7, 1), p.Body(10, 11, 2),
        p.Body(None, 22, 1),
    ),
    finally_body=5,
    name="whole",
    triggers=(
        p.Trigger("nightly", "cron", CRON),
        p.Trigger("push", "event", {"event": "git.push"}, match=cel("event.ok"), enabled=False),
    ),
)  # fmt: skip


def with_step(name: str, field: str) -> Expr:
    return Select(Select(Select(Ident("steps"), name), "output"), field)


def chance_scope(seed: int, depth: int = 2) -> Scope:
    """A scope of any shape: forks, joins, long and labelled links, bodies in bodies."""
    rng = Random(seed)
    count = rng.randint(1, 14)
    vertices = []
    for at in range(count):
        name = f"s{seed}-{at}"
        bodies: tuple[Scope, ...] = ()
        kind = rng.choice(["task", "approval", "transform", "fail"])
        if depth and rng.random() < 0.15:
            kind = rng.choice(["map", "switch"])
            titles = [""] if kind == "map" else ["one", "two", "漢 three"][: rng.randint(1, 3)]
            bodies = tuple(
                Scope(
                    title,
                    (inner := chance_scope(rng.randrange(10**6), depth - 1)).vertices,
                    inner.links,
                )
                for title in titles
            )
        notes = tuple("x" * rng.randint(1, 24) for _ in range(rng.randint(0, 3)))
        vertices.append(Vertex(name, kind, name, notes, bodies))
    pairs: dict[tuple[int, int], Link] = {}
    for target in range(1, count):
        for _ in range(rng.choice([0, 1, 1, 1, 2, 3])):
            source = rng.randrange(max(0, target - 5), target)
            label = rng.choice(["", "", "", "or skipped", "漢"])
            kind_ = rng.choice(["needs", "needs", "needs", "on_failure"])
            pairs[source, target] = Link(source, target, kind_, label)  # type: ignore[arg-type]
    return Scope("", tuple(vertices), tuple(pairs.values()))
