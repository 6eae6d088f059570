"""The certificate against a plain walk over the program, and polynomials against numbers."""

import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dagnats.ir import costs
from dagnats.ir import program as p
from dagnats.ir.costs import Writes
from tests.compiler.proving import program_of

pytestmark = pytest.mark.slow

DEPTH_MAX = 3


@st.composite
def workflows(draw: st.DrawFn) -> str:
    """Draw a workflow of tasks, maps, loops and switches in each other, with handlers."""
    counter = iter(range(10_000))

    def step(depth: int, handlers: list[str]) -> str:
        name = f"s{next(counter)}"
        kinds = ["task", "map", "agent_loop", "transform"]
        kind = draw(st.sampled_from([*kinds, *(["loop", "body", "switch"] if depth else [])]))
        count = draw(st.integers(1, 4))
        retries = draw(st.integers(0, 2))
        work = f"task: t, retry: {{max_retries: {retries}}}"
        handled = ""
        if handlers and draw(st.booleans()):
            handler = draw(st.sampled_from(handlers))
            handled = f", {'on_failure' if handler == 'h0' else 'compensate'}: {handler}"
        match kind:
            case "task":
                rest = work
            case "map":
                window = draw(st.integers(1, 4))
                rest = f"type: map, {work}, config: {{over: '[1]', max_items: {count}, "
                rest += f"max_concurrency: {window}}}"
            case "agent_loop":
                rest = f"type: agent_loop, {work}, config: {{max_iterations: {count}}}"
            case "transform":
                rest = "type: transform, config: {value: 1}"
            case "loop":
                rest = f"type: loop, config: {{max_iterations: {count}, "
                rest += f"steps: {steps(depth, [])}}}"
            case "body":
                rest = f"type: map, config: {{over: '[1]', max_items: {count}, "
                rest += f"steps: {steps(depth, [])}}}"
            case _:
                cases = ", ".join(
                    f"{{values: [v{n}], steps: {steps(depth, [])}}}" for n in range(1, 1 + count)
                )
                rest = f"type: switch, config: {{on: run.id, cases: [{cases}], default: []}}"
        return f"{{id: {name}, {rest}{handled}}}"

    def steps(depth: int, handlers: list[str]) -> str:
        found = [step(depth - 1, handlers) for _ in range(draw(st.integers(1, 3)))]
        return f"[{', '.join(found)}]"

    named = [f"h{n}" for n in range(draw(st.integers(0, 2)))]
    body = steps(DEPTH_MAX, named)
    used = [name for name in named if re.search(rf": {name}[}},]", body)]
    handlers = "".join(f", {{id: {name}, task: t, retry: {{max_retries: 1}}}}" for name in used)
    last = f"\nfinally: {steps(2, [])}" if draw(st.booleans()) else ""
    return f"name: w\ntimeout: 10000h\nsteps: {body[:-1]}{handlers}]{last}\n"


class Walk:
    """Counts by walking what could run, execution by execution."""

    def __init__(self, program: p.Program) -> None:
        self.program = program
        self.handlers = {
            at
            for node in program.nodes
            for at in (node.on_failure, node.compensate)
            if at is not None
        }

    def attempts(self, within: int | None) -> int:
        return sum(self.node(node, self.attempts, attempts_only) for node in self.body(within))

    def events(self, within: int | None) -> int:
        return sum(self.node(node, self.events, costs.events) for node in self.body(within))

    def body(self, within: int | None) -> list[p.Node]:
        return [
            node
            for at, node in enumerate(self.program.nodes)
            if node.within == within and at not in self.handlers
        ]

    def node(self, node: p.Node, inside: Any, count: Any) -> int:
        total = self.own(node, inside, count)
        begins = (node.on_failure, costs.RECOVERY), (node.compensate, costs.COMPENSATION)
        for at, writes in begins:
            if at is not None:
                total += self.node(self.program.nodes[at], inside, count) + count(writes)
        return total

    def own(self, node: p.Node, inside: Any, count: Any) -> int:
        match node:
            case p.AgentLoopNode():
                return node.max_iterations * count(costs.attempts(1 + node.retry.max_retries, 5))
            case p.TaskNode():
                return count(costs.attempts(1 + node.retry.max_retries, 5))
            case p.LoopNode():
                passes = [count(costs.PASS) + inside(node.body)] * node.max_iterations
                return count(costs.LOOP) + sum(passes)
            case p.MapNode():
                item = inside(node.body) + (0 if node.single else count(costs.ITEM))
                return count(costs.MAP) + sum([item] * node.max_items)
            case p.SwitchNode():
                return count(costs.CHOICE) + max(inside(case.body) for case in node.cases)
            case _:
                return count(costs.AT_ONCE)


def attempts_only(writes: Writes) -> int:
    return sum(write.times for write in writes if write.event == "step.queued")


def sizes_of(program: p.Program) -> dict[str, int]:
    """Return the sizes that polynomials name."""
    found: dict[str, int] = {}
    for node in program.nodes:
        for key in ("max_iterations", "max_items", "max_concurrency"):
            value = getattr(node, key, None)
            if value is not None:
                found[f"{node.id}.{key}"] = value
    return found


def value_of(symbolic: str, sizes: dict[str, int]) -> int:
    """Work out a polynomial."""
    total = 0
    for term in symbolic.split(" + "):
        product = 1
        for factor in term.split("·"):
            ratio = re.fullmatch(r"⌈(.+)/(.+)⌉", factor)
            if ratio is not None:
                product *= -(-sizes[ratio[1]] // sizes[ratio[2]])
            else:
                product *= sizes[factor] if factor in sizes else int(factor)
        total += product
    return total


@settings(max_examples=150, deadline=None, derandomize=True)
@given(workflows())
def test_the_certificate_counts_what_a_walk_counts(text: str) -> None:
    program = program_of(text)
    walk, found = Walk(program), program.certificate
    last = program.finally_body
    attempts = walk.attempts(None) + (0 if last is None else walk.attempts(last))
    assert found.attempts.max == attempts
    fixed: Writes = costs.RUN
    if last is not None:
        fixed += costs.LAST
    events = walk.events(None) + (0 if last is None else walk.events(last))
    assert found.events.max == costs.events(fixed) + events


@settings(max_examples=150, deadline=None, derandomize=True)
@given(workflows())
def test_polynomials_come_to_their_numbers(text: str) -> None:
    program = program_of(text)
    sizes = sizes_of(program)
    for field in program.certificate.__struct_fields__:
        bound = getattr(program.certificate, field)
        if bound.max is None or "timeout" in bound.symbolic:
            continue
        assert value_of(bound.symbolic, sizes) == bound.max, (field, bound)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(workflows())
def test_what_dominates_is_a_step_that_runs(text: str) -> None:
    program = program_of(text)
    ids = {node.id for node in program.nodes}
    for field in program.certificate.__struct_fields__:
        bound = getattr(program.certificate, field)
        assert bound.dominant_step is None or bound.dominant_step in ids
