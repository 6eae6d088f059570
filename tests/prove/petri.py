"""Soundness of the control skeleton, by brute force: tokens, and who waits for whom.

It shares nothing with compiler and machine: a *scope* is steps with edges, joins, handlers and
bodies; a marking says of each step whether it is pending, open, handled, or how it has ended. A
scope is sound when in each marking that can be reached, unless it is an end, something can happen
(the end stays reachable); when nothing happens for ever (no circle of markings); when at its end
no step is open (it completes properly), and it has ended in one way. Bodies are played by
themselves: a step can end as its bodies can.

    a: [b], b: [a]    →  deadlock: nothing begins
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from dagnats.ir import program as p

MARKINGS_MAX = 60_000

PENDING, OPEN, COMPLETED, FAILED, SKIPPED = "pending", "open", "completed", "failed", "skipped"
SETTLED = {COMPLETED, FAILED, SKIPPED}

Marking = tuple[str, ...]


class TooLargeError(Exception):
    """There are more markings than are worth playing."""


@dataclass
class Step:
    """A step: what it waits for, and how it may end; `is_bounded` says that it ends at all."""

    name: str
    edges: list[tuple[int, frozenset[str]]] = field(default_factory=list)
    join: str = "all_success"
    is_conditional: bool = False
    ends: frozenset[str] = frozenset({COMPLETED, FAILED})
    bodies: list["Scope"] = field(default_factory=list)
    may_pass_over: bool = False
    is_bounded: bool = True
    handler: str | None = None
    continues: bool = False


@dataclass
class Scope:
    """What is played as one; `repeats` says that it is a body of a loop or a map."""

    steps: list[Step]
    handlers: dict[str, Step] = field(default_factory=dict)
    repeats: bool = False
    is_last: bool = False


def problems(scope: Scope, *, inside: bool = False) -> list[str]:
    """Return why a scope is unsound; nothing if it is sound. Raises TooLargeError."""
    found: list[str] = []
    repeating = inside or scope.repeats or scope.is_last
    for step in [*scope.steps, *scope.handlers.values()]:
        for body in step.bodies:
            found += problems(body, inside=repeating)
        if step.continues and repeating:
            found.append(f"`{step.name}` ends the whole while its container is open")
    found += [f"`{name}` handles itself" for name in scope.handlers if _returns(scope, name)]
    return found or list(_play(scope)[1])


def _returns(scope: Scope, name: str) -> bool:
    """Whether the failure of a handler leads back to it."""
    seen: set[str] = set()
    at = scope.handlers[name].handler
    while at is not None and at not in seen:
        if at == name:
            return True
        seen.add(at)
        at = scope.handlers[at].handler if at in scope.handlers else None
    return False


def endings(scope: Scope) -> frozenset[str]:
    """Return how a sound scope may end: completed, failed, or both."""
    return _play(scope)[0]


def _play(scope: Scope) -> tuple[frozenset[str], list[str]]:
    ends = {step.name: _ends(step) for step in [*scope.steps, *scope.handlers.values()]}
    tolerated = _tolerated(scope)
    start: Marking = (PENDING,) * len(scope.steps)
    following: dict[Marking, list[Marking]] = {}
    results: set[str] = set()
    wrong: list[str] = []
    stack = [start]
    while stack:
        marking = stack.pop()
        if marking in following:
            continue
        following[marking] = []
        if len(following) > MARKINGS_MAX:
            raise TooLargeError
        result = _result(marking, tolerated)
        if result is not None:
            results.add(result)
            continue
        following[marking] = list(_next(scope, marking, ends))
        if not following[marking]:
            stuck = [s.name for s, at in zip(scope.steps, marking, strict=True) if at == PENDING]
            wrong.append(f"deadlock: {', '.join(stuck)}")
        stack += following[marking]
    if _has_circle(following, start):
        wrong.append("it may go on for ever")
    return frozenset(results), wrong


def _ends(step: Step) -> frozenset[str]:
    if not step.bodies:
        return step.ends
    found = {end for body in step.bodies for end in endings(body)}
    return frozenset(found | ({COMPLETED} if step.may_pass_over else set()) | {FAILED})


def _tolerated(scope: Scope) -> list[bool]:
    found = [False] * len(scope.steps)
    for step in scope.steps:
        for source, accepts in step.edges:
            if source != NOBODY:
                found[source] |= FAILED in accepts or step.join != "all_success"
    return found


def _result(marking: Marking, tolerated: list[bool]) -> str | None:
    """Return how a scope has ended, None while it has not; what is open is cancelled then."""
    if any(at == FAILED and not fine for at, fine in zip(marking, tolerated, strict=True)):
        return FAILED
    return COMPLETED if all(at in SETTLED for at in marking) else None


def _next(scope: Scope, marking: Marking, ends: Mapping[str, frozenset[str]]) -> Iterator[Marking]:
    """Yield the markings one token further."""
    for number, (step, at) in enumerate(zip(scope.steps, marking, strict=True)):
        for new in _moved(scope, step, at, marking, ends):
            yield (*marking[:number], new, *marking[number + 1 :])


def _moved(
    scope: Scope, step: Step, at: str, marking: Marking, ends: Mapping[str, frozenset[str]]
) -> Iterator[str]:
    if at == PENDING:
        begins = _joined(step, marking)
        if begins:
            yield OPEN
        if begins is False or (begins and step.is_conditional):
            yield SKIPPED
        return
    running = step if at == OPEN else scope.handlers.get(at)
    if at in SETTLED or running is None:
        return
    if not running.is_bounded:
        yield at
    for end in ends[running.name]:
        if end == FAILED and running.handler is not None:
            yield running.handler
        else:
            yield end


def _joined(step: Step, marking: Marking) -> bool | None:
    """Whether a step begins (True), is skipped (False), or waits (None)."""
    if not step.edges:
        return True
    if any(source == NOBODY for source, _ in step.edges):
        return None
    settled = all(marking[source] in SETTLED for source, _ in step.edges)
    if step.join == "any_success":
        if any(marking[source] == COMPLETED for source, _ in step.edges):
            return True
        return False if settled else None
    if not settled:
        return None
    return step.join == "all_done" or all(marking[s] in accepts for s, accepts in step.edges)


def _has_circle(following: Mapping[Marking, list[Marking]], start: Marking) -> bool:
    state: dict[Marking, int] = {start: 1}
    stack = [(start, iter(following[start]))]
    while stack:
        marking, rest = stack[-1]
        step = next(rest, None)
        if step is None:
            state[marking] = 2
            stack.pop()
        elif state.get(step) == 1:
            return True
        elif step not in state:
            state[step] = 1
            stack.append((step, iter(following[step])))
    return False


# ── of programs ──────────────────────────────────────────────────────────────────────────────────


def skeletons(program: p.Program) -> list[Scope]:
    """Return what a program's steps and its `finally` are as scopes."""
    top = _scope(program, None)
    if program.finally_body is None:
        return [top]
    last = _scope(program, program.finally_body)
    last.is_last = True
    return [top, last]


def _scope(program: p.Program, body: int | None) -> Scope:
    nodes = program.nodes
    handlers = {n.on_failure for n in nodes} | {n.compensate for n in nodes}
    inside = [at for at, node in enumerate(nodes) if node.within == body and at not in handlers]
    where = {at: number for number, at in enumerate(inside)}
    steps = [_step(program, at, where) for at in inside]
    failing = {h for h in handlers if h is not None}
    return Scope(steps, {nodes[at].id: _step(program, at, {}) for at in failing})


def _step(program: p.Program, at: int, where: Mapping[int, int]) -> Step:
    node = program.nodes[at]
    step = Step(node.id, join=node.join, is_conditional=node.when is not None)
    step.edges = [(where[e.source], frozenset(e.accepts)) for e in node.edges if e.source in where]
    step.handler = None if node.on_failure is None else program.nodes[node.on_failure].id
    match node:
        case p.LoopNode(body=body) | p.MapNode(body=body):
            inner = _scope(program, body)
            inner.repeats = True
            step.bodies, step.may_pass_over = [inner], True
        case p.SwitchNode(cases=cases, default=default):
            bodies = [case.body for case in cases] + ([default] if default is not None else [])
            step.bodies = [_scope(program, body) for body in bodies]
            step.may_pass_over = default is None
        case p.FailNode():
            step.ends = frozenset({FAILED})
        case p.WaitForEventNode(on_timeout="skip"):
            step.ends = frozenset({COMPLETED, FAILED, SKIPPED})
        case p.ContinueAsNewNode():
            step.continues = True
        case _:
            pass
    return step


# ── of documents, also those that the compiler refuses ───────────────────────────────────────────


def skeleton_of(document: Mapping[str, Any]) -> Scope:
    """Return what the steps of a document are as a scope."""
    return _read(document["steps"], document.get("defaults", {}))


NOBODY = -1
"""The source of an edge to what is no step of the scope: it never settles."""
_BOUNDS = {
    "loop": "max_iterations",
    "agent_loop": "max_iterations",
    "map": "max_items",
    "planner": "max_steps",
    "continue_as_new": "max_generations",
    "wait_for_event": "timeout",
    "approval": "timeout",
}
_NAMED = re.compile(r"\bsteps\.(\w+)")


def _read(steps: list[dict[str, Any]], defaults: Mapping[str, Any]) -> Scope:
    handled = {step.get(key) for step in steps for key in ("on_failure", "compensate")}
    inside = [step for step in steps if step["id"] not in handled]
    where = {step["id"]: NOBODY for step in steps if step["id"] in handled}
    where |= {step["id"]: number for number, step in enumerate(inside)}
    found = [_read_step(step, where, defaults) for step in inside]
    others = {s["id"]: _read_step(s, where, defaults) for s in steps if s["id"] in handled}
    return Scope(found, others)


def _read_step(
    written: dict[str, Any], where: Mapping[str, int], defaults: Mapping[str, Any]
) -> Step:
    config = written.get("config") or {}
    step = Step(written["id"], join=written.get("join", "all_success"))
    step.is_conditional = "when" in written
    for edge in written.get("depends_on", ()):
        name, allow = (edge, None) if isinstance(edge, str) else (edge["step"], edge.get("allow"))
        accepts = frozenset({COMPLETED} | ({allow} if allow else set()))
        # Who waits for what never ends waits for ever.
        step.edges.append((where.get(name, NOBODY), accepts))
    # What a step reads, or something inside of it, it waits for.
    read = set(_NAMED.findall(str(written)))
    step.edges += [(where[name], frozenset(SETTLED)) for name in sorted(read & set(where))]
    step.handler = written.get("on_failure")
    kind = written.get("type", "normal")
    bound = _BOUNDS.get(kind)
    usual = "wait_timeout" if bound == "timeout" else bound
    step.is_bounded = bound is None or bound in config or usual in defaults
    bodies = [config.get("steps"), *(case["steps"] for case in config.get("cases", ()))]
    step.bodies = [_read(body, defaults) for body in [*bodies, config.get("default")] if body]
    step.may_pass_over = kind == "switch"
    for body in step.bodies:
        body.repeats = kind != "switch"
    step.continues = kind == "continue_as_new"
    return step
