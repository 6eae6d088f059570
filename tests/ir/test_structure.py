"""Bodies, edges and handlers: every way to get the table wrong is refused with a sentence."""

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from dagnats.expr.ast import Expr, Ident, Literal, Select
from dagnats.expr.checking.check import references
from dagnats.ir.costs import BODIES_DEPTH_MAX
from dagnats.ir.expression_rules import Place, expression
from dagnats.ir.node_rules import spots
from dagnats.ir.program import (
    Body,
    Case,
    ContinueAsNewNode,
    Edge,
    LoopNode,
    MapNode,
    Node,
    PlannerNode,
    Program,
    RateLimit,
    RespondNode,
    SwitchNode,
)
from dagnats.ir.structure import bodies_of, handlers_of
from dagnats.ir.verify import verify
from tests.ir.generated import programs
from tests.ir.samples import TIMES, WHOLE, field, program, step
from tests.ir.samples import loop as agent_loop

pytestmark = pytest.mark.slow

GENERATED = settings(
    max_examples=80, deadline=None, derandomize=True, database=None, phases=[Phase.generate]
)


def loop(name: str, body: int, *sources: int, **more: Any) -> LoopNode:
    edges = tuple(Edge(source) for source in sources)
    return LoopNode(**({"id": name, "edges": edges, "body": body, "max_iterations": 2} | more))


def each(name: str, body: int, **more: Any) -> MapNode:
    return MapNode(**({"id": name, "body": body, "max_items": 2} | more))


def switch(name: str, *bodies: int, **more: Any) -> SwitchNode:
    cases = tuple(Case(body, when=Literal(True)) for body in bodies)
    return SwitchNode(**({"id": name, "cases": cases} | more))


def output(name: str) -> Expr:
    return field("steps", name, "output")


NEXT = ContinueAsNewNode(id="next", within=0, next_input=Literal(1), max_generations=2)
ANSWER = RespondNode(id="answer", within=0)


def nested(levels: int) -> Program:
    nodes = [loop(f"l{i}", i, within=i - 1 if i else None) for i in range(levels)]
    bodies = [Body(i, i + 1, levels - i) for i in range(levels)]
    return program(*nodes, step("last", within=levels - 1), bodies=tuple(bodies))


SOUND = {
    "deepest": nested(BODIES_DEPTH_MAX),
    "empty case": program(switch("a", 0, 1), step("b"), bodies=(Body(0, 1, 0), Body(0, 1, 0))),
    "finally sees all at the top": program(
        step("a"),
        step("b", within=0, input=output("a")),
        bodies=(Body(None, 1, 1),),
        finally_body=0,
    ),
    "a loop in finally comes before it": program(
        step("a"),
        loop("l", 0, within=1),
        step("b", within=0, input=field("error", "code")),
        bodies=(Body(1, 2, 1), Body(None, 1, 2)),
        finally_body=1,
    ),
    "a body sees what its container waits for": program(
        step("a"), loop("l", 0, 0), step("b", within=0, input=output("a")), bodies=(Body(1, 2, 1),)
    ),
    "until sees the body": program(
        loop("l", 0, until=output("b")), step("b", within=0), bodies=(Body(0, 1, 1),)
    ),
    "a handler sees without an edge": program(
        step("a"), step("b", on_failure=2), step("h", input=output("a"))
    ),
    "a handler's body sees without an edge": program(
        step("a"),
        step("b", compensate=2),
        loop("h", 0),
        step("in", within=0, input=output("a"), when=field("error", "code")),
        bodies=(Body(2, 3, 1),),
    ),
    "a handler of two, from inside": program(
        step("a", on_failure=3),
        loop("l", 0),
        step("b", within=0, on_failure=3),
        step("h"),
        bodies=(Body(1, 2, 1),),
    ),
    "a handler of a handler": program(step("a", on_failure=1), step("b", on_failure=2), step("c")),
    "the last generation in a switch": program(switch("a", 0), NEXT, bodies=(Body(0, 1, 1),)),
    "an answer in finally": program(step("a"), ANSWER, bodies=(Body(None, 1, 1),), finally_body=0),
}


@pytest.mark.parametrize("name", SOUND)
def test_what_may_stand(name: str) -> None:
    assert verify(SOUND[name]) == []


def one_body(*nodes: Node, first: int = 1, count: int = 1, container: int = 0) -> Program:
    return program(*nodes, bodies=(Body(container, first, count),))


IN = step("b", within=0)
UNSOUND = {
    "deeper": (nested(BODIES_DEPTH_MAX + 1), "bodies of more than 8 levels"),
    "no such body": (one_body(loop("a", 1), IN), "its body is 1, and the next one is 0 of 1"),
    "negative body": (one_body(loop("a", -1), IN), "its body is -1"),
    "another's body": (one_body(loop("a", 0), IN, container=1), "its body 0 is at 1 and of 1"),
    "body that begins late": (one_body(loop("a", 0), IN, first=2), "its body 0 is at 2"),
    "body beyond the end": (one_body(loop("a", 0), IN, count=2), "there is room for 1"),
    "negative count": (one_body(loop("a", 0), IN, count=-1), "its body 0 has -1 nodes"),
    "within too much": (one_body(loop("a", 0), IN, step("c", within=0)), "`within` is 0"),
    "within too little": (one_body(loop("a", 0), step("b")), "`within` is None, it is in 0"),
    "empty loop": (program(loop("a", 0), bodies=(Body(0, 1, 0),)), "its body is empty"),
    "empty map": (program(each("a", 0), bodies=(Body(0, 1, 0),)), "its body is empty"),
    "body of nobody": (one_body(step("a"), step("b")), "1 bodies, and 0 of them belong somewhere"),
    "body out of its container's": (
        program(
            loop("a", 0),
            loop("b", 1, within=0),
            step("c", within=1),
            step("d", within=1),
            bodies=(Body(0, 1, 2), Body(1, 2, 2)),
        ),
        "its body 1 has 2 nodes, and there is room for 1",
    ),
    "bodies in disorder": (
        program(switch("a", 1, 0), bodies=(Body(0, 1, 0), Body(0, 1, 0))),
        "its body is 1, and the next one is 0 of 2",
    ),
    "a body twice": (program(switch("a", 0, 0), bodies=(Body(0, 1, 0),)), "its body is 0, and"),
    "finally before the end": (
        program(
            step("a"), step("b", within=0), step("c"), bodies=(Body(None, 1, 1),), finally_body=0
        ),
        "`within` is 0, it is in None",
    ),
    "finally of nothing": (program(step("a"), finally_body=-1), "`finally_body` is -1"),
    "finally of a loop": (
        replace(one_body(loop("a", 0), IN), finally_body=0),
        "belong somewhere",
    ),
    "finally that nobody names": (
        program(step("a"), step("b", within=0), bodies=(Body(None, 1, 1),)),
        "`within` is 0, it is in None",
    ),
    "edge across bodies": (
        one_body(loop("a", 0), IN, step("c", 1)),
        "node 2 `c`: the edge from 1 comes from another body",
    ),
    "edge into a body": (
        one_body(step("x"), loop("a", 0), step("b", 0, within=0), first=2, container=1),
        "node 2 `b`: the edge from 0 comes from another body",
    ),
    "circle in a body": (
        one_body(loop("a", 0), step("b", 2, within=0), step("c", 1, within=0), count=2),
        "2 steps can never start: a cycle, with or before `b`",
    ),
    "sees into a body": (
        one_body(loop("a", 0), IN, step("c", 0, input=output("b"))),
        "`input`: reads `b`, which is not seen from here",
    ),
    "output sees into a body": (
        replace(one_body(loop("a", 0), IN), output=output("b")),
        "`output`: reads `b`, which is not seen from here",
    ),
    "a body sees what its container does not wait for": (
        one_body(
            step("x"), loop("a", 0), step("b", within=0, input=output("x")), first=2, container=1
        ),
        "node 2 `b`: `input`: reads `x` without an edge from it",
    ),
    "a body sees its container": (
        one_body(loop("a", 0), step("b", within=0, input=output("a"))),
        "reads `a` without an edge from it",
    ),
    "while sees the body": (
        one_body(loop("a", 0, while_=output("b")), IN),
        "`while`: reads `b`, which is not seen from here",
    ),
    "the top sees finally": (
        replace(
            program(step("a"), step("b", within=0), bodies=(Body(None, 1, 1),), finally_body=0),
            output=output("b"),
        ),
        "`output`: reads `b`, which is not seen from here",
    ),
    "no such handler": (program(step("a", on_failure=1)), "`on_failure` is 1, which is no other"),
    "handler of itself": (program(step("a", compensate=0)), "`compensate` is 0, which is no other"),
    "handler with an edge": (
        program(step("a", on_failure=1), step("h", 0)),
        "`on_failure` is `h`, which has edges",
    ),
    "a handler as a source": (
        program(step("a", on_failure=1), step("h"), step("c", 1)),
        "`on_failure` is `h`, which has edges",
    ),
    "handlers in a circle": (
        program(step("x"), step("a", on_failure=2), step("b", on_failure=1)),
        "`a` is a handler of itself, or of what is around it",
    ),
    "a handler around": (
        program(
            step("x", on_failure=1),
            loop("l", 0),
            step("b", within=0, on_failure=1),
            bodies=(Body(1, 2, 1),),
        ),
        "`l` is a handler of itself, or of what is around it",
    ),
    "a handler inside of a body": (
        one_body(loop("l", 0, on_failure=1), IN),
        "`on_failure` is `b`, which is not seen from here",
    ),
    "one handler for both": (
        program(step("a", on_failure=1, compensate=1), step("h")),
        "`on_failure` and `compensate` are the same node",
    ),
    "nothing to begin with": (
        program(step("a", within=0), bodies=(Body(None, 0, 1),), finally_body=0),
        "no step begins a run",
    ),
    "the last generation in a loop": (one_body(loop("a", 0), NEXT), "which may come to it many"),
    "the last generation in finally": (
        program(step("a"), NEXT, bodies=(Body(None, 1, 1),), finally_body=0),
        "it continues the run in `finally`",
    ),
    "an answer in a map": (
        one_body(each("a", 0), ANSWER),
        "it stands in `a`, which may come to it",
    ),
    "single of two": (
        one_body(each("a", 0, single=True), step("a.each", within=0, task="t"), IN, count=2),
        "its body is not one plain task",
    ),
    "single with a condition": (
        one_body(each("a", 0, single=True), step("a.each", within=0, task="t", when=Literal(True))),
        "its body is not one plain task",
    ),
    "single of another name": (
        one_body(each("a", 0, single=True), IN),
        "its only task is called `b`, not `a.each`",
    ),
    "the id of a handler": (
        program(step("a", on_failure=1), step("h"), step("a.h")),
        "node 2 `a.h`: a run calls `h` so",
    ),
    "the id of a handler's handler": (
        program(step("a", on_failure=1), step("h", compensate=2), step("i"), step("a.h.i")),
        "node 3 `a.h.i`: a run calls `i` so",
    ),
    "the id of what is in a switch": (
        program(
            SwitchNode(id="a", cases=(Case(0, (1,)),), on=Ident("input")),
            step("b", within=0),
            step("a.b"),
            bodies=(Body(0, 1, 1),),
        ),
        "node 2 `a.b`: a run calls `b` so",
    ),
    "the id of what is planned": (
        program(PlannerNode(id="a", task="t", **TIMES, max_steps=2), step("a.b")),
        "node 1 `a.b`: a run calls `a` so",
    ),
    "the id of the only task of a map": (
        program(
            each("a", 0, single=True),
            step("a.each", within=0, task="t"),
            step("a.each"),
            bodies=(Body(0, 1, 1),),
        ),
        "node 2: the id `a.each` stands twice",
    ),
    "a dot in an id": (
        one_body(each("a", 0), step("a.each", within=0, task="t")),
        "node 1: the id is `a.each`",
    ),
}


def test_ids_at_the_top_may_have_dots() -> None:
    sound = program(
        step("a", on_failure=1),
        step("h"),
        step("a.b"),
        step("h.a", 2),
        each("m.n", 0, single=True),
        step("m.n.each", within=0, task="t"),
        step("m.each", 3),
        bodies=(Body(4, 5, 1),),
    )
    assert verify(sound) == []


@pytest.mark.parametrize("name", UNSOUND)
def test_what_may_not_stand_is_reported_once(name: str) -> None:
    unsound, expected = UNSOUND[name]
    (found,) = verify(unsound)
    assert expected in found


ROOTS = {
    "loop": (one_body(loop("a", 0), step("b", within=0, input=Ident("loop"))), True),
    "loop outside": (one_body(loop("a", 0, initial_state=Ident("loop")), IN), False),
    "loop in the key of a limit": (
        program(agent_loop("a", keyed_rate_limit=RateLimit(1, 1, Ident("loop")))),
        True,
    ),
    "loop in the key of a task's limit": (
        program(step("a", keyed_rate_limit=RateLimit(1, 1, Ident("loop")))),
        False,
    ),
    "item": (one_body(each("a", 0), step("b", within=0, input=Ident("item"))), True),
    "index in output": (one_body(each("a", 0, output=Ident("index")), IN), True),
    "item in over": (one_body(each("a", 0, over=Ident("item")), IN), False),
    "result": (one_body(loop("a", 0, until=Ident("result"), result=True), IN), True),
    "result without": (one_body(loop("a", 0, until=Ident("result")), IN), False),
    "item in a loop": (one_body(loop("a", 0), step("b", within=0, input=Ident("item"))), False),
    "error": (program(step("a", on_failure=1), step("h", when=Ident("error"))), True),
    "error elsewhere": (program(step("a", on_failure=1, input=Ident("error")), step("h")), False),
    "secrets": (program(step("a", input=field("secrets", "T")), secrets=("T",)), True),
    "a secret that is not there": (program(step("a", input=field("secrets", "T"))), False),
    "secrets in when": (program(step("a", when=field("secrets", "T")), secrets=("T",)), False),
    "vars": (program(step("a", input=field("vars", "v")), variables=(("v", Literal(1)),)), True),
    "a variable that is not there": (program(step("a", input=field("vars", "v"))), False),
    "has one": (program(step("a", input=Select(Ident("vars"), "v", test=True))), True),
    "a variable before": (
        program(step("a"), variables=(("v", Literal(1)), ("w", field("vars", "v")))),
        True,
    ),
    "a variable behind": (
        program(step("a"), variables=(("v", field("vars", "w")), ("w", Literal(1)))),
        False,
    ),
    "steps in a label": (program(step("a"), labels=(("l", output("a")),)), False),
    "a hidden root with a dot": (program(step("a", input=Ident(".input"))), True),
    "a type": (program(step("a", input=field("google", "protobuf", "Timestamp"))), True),
    "half of a type": (program(step("a", input=field("google", "protobuf"))), False),
}


@pytest.mark.parametrize("name", ROOTS)
def test_which_roots_are_where(name: str) -> None:
    sample, is_sound = ROOTS[name]
    found = verify(sample)
    assert (found == []) is is_sound, found


def _changed(nodes: tuple[Node, ...], at: int, **more: Any) -> tuple[Node, ...]:
    return (*nodes[:at], replace(nodes[at], **more), *nodes[at + 1 :])


def _with_edge(p: Program, at: int, source: int) -> Program:
    kept = [edge for edge in p.nodes[at].edges if edge.source != source]
    edges = tuple(sorted([*kept, Edge(source)], key=lambda edge: edge.source))
    return replace(p, nodes=_changed(p.nodes, at, edges=edges))


def mutants(p: Program) -> Iterator[tuple[str, Program]]:
    """Yield a program broken in every way that it has a place for."""
    nodes, bodies, count = p.nodes, p.bodies, len(p.nodes)
    handlers = {handler for node in nodes for handler in handlers_of(node)}
    for i, node in enumerate(nodes):
        yield "edge out of range", _with_edge(p, i, count)
        yield "edge from itself", _with_edge(p, i, i)
        yield "handler out of range", replace(p, nodes=_changed(nodes, i, on_failure=count))
        yield "within", replace(p, nodes=_changed(nodes, i, within=len(bodies)))
        yield "root", replace(p, nodes=_changed(nodes, i, when=Ident("nobody")))
        yield "step", replace(p, nodes=_changed(nodes, i, when=output("nobody")))
        yield "itself", replace(p, nodes=_changed(nodes, i, when=output(node.id)))
        yield "join", replace(p, nodes=_changed(nodes, i, join="some"))
        if i:
            yield "id twice", replace(p, nodes=_changed(nodes, i, id=nodes[0].id))
        for key in BOUNDS:
            if getattr(node, key, None) is not None:
                yield key, replace(p, nodes=_changed(nodes, i, **{key: 0}))
                yield key, replace(p, nodes=_changed(nodes, i, **{key: 10**15}))
        for other in range(i):
            if nodes[other].within != node.within:
                yield "edge across bodies", _with_edge(p, i, other)
                yield "edge across bodies", _with_edge(p, other, i)
            elif not {i, other} & handlers:
                yield "cycle", _with_edge(_with_edge(p, i, other), other, i)
        if bodies_of(node) and i + 1 < count and nodes[i + 1].within in bodies_of(node):
            yield "handler around", replace(p, nodes=_changed(nodes, i + 1, on_failure=i))
    for b, body in enumerate(bodies):
        for more in ({"first": body.first + 1}, {"count": body.count + 1}, {"container": count}):
            yield "body", replace(p, bodies=(*bodies[:b], replace(body, **more), *bodies[b + 1 :]))
        if body.count:
            smaller = replace(body, count=body.count - 1)
            yield "body", replace(p, bodies=(*bodies[:b], smaller, *bodies[b + 1 :]))
        yield "body gone", replace(p, bodies=(*bodies[:b], *bodies[b + 1 :]))
    yield "body of nobody", replace(p, bodies=(*bodies, Body(0, 1, 0)))
    yield "finally", replace(p, finally_body=len(bodies))


BOUNDS = (
    "timeout_ms",
    "queue_timeout_ms",
    "max_deliveries",
    "max_iterations",
    "max_items",
    "max_steps",
    "max_generations",
    "max_duration_ms",
    "quorum",
    "count",
)


@GENERATED
@given(programs(), st.data())
def test_a_broken_program_is_refused_with_a_sentence(sound: Program, data: Any) -> None:
    assert verify(sound) == []
    broken = list(mutants(sound))
    for what, mutant in data.draw(st.lists(st.sampled_from(broken), min_size=5, max_size=20)):
        found = verify(mutant)
        assert found, what
        assert all("`" in sentence or "bodies" in sentence for sentence in found)


def test_every_mutant_of_the_whole_is_refused() -> None:
    missed = [what for what, mutant in mutants(WHOLE) if not verify(mutant)]
    assert missed == []


@GENERATED
@given(programs())
def test_verification_and_checker_find_the_same_steps(sound: Program) -> None:
    exprs = [spot.expr for node in sound.nodes for spot in spots(node)]
    for expr in exprs:
        seen: list[str] = []
        place = Place(frozenset({"steps"}), lambda step, seen=seen: seen.append(step), {})
        list(expression(expr, place))
        assert sorted(seen) == sorted(step for step, _ in references(expr))
