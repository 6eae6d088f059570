"""The certificate against the machine: never exceeded, and reached where nothing branches."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dagnats.compiler.pipeline import Compiled, compile_workflow
from dagnats.ir.program import Certificate
from dagnats.machine.prepared import prepare
from dagnats.machine.state import Running
from tests.machine.world import BEGIN_MS, Again, Fails, Vanishes, World

HEAD = "dagnats: 1\nname: w\ntimeout: 2000h\nsteps:\n"


def compiled(steps: str, head: str = HEAD) -> Compiled:
    found = compile_workflow(head + steps, "w.yaml")
    assert found.program is not None, found.diagnostics
    return found


def certificate(steps: str, head: str = HEAD) -> Certificate:
    program = compiled(steps, head).program
    assert program is not None
    return program.certificate


def played(found: Compiled, work: Any) -> World:
    """Run a program to its end; the machine asserts its counters at every transition."""
    assert found.program is not None
    world = World(prepare(found.program, "sha256:test"), work).start(None)
    world.run()
    return world


CHAIN = """\
  - {id: a, task: t, retry: {max_retries: 2}}
  - {id: b, task: t, depends_on: [a]}
"""
LOOP = """\
  - {id: a, task: t}
  - {id: l, task: t, type: agent_loop, depends_on: [a], config: {max_iterations: 7}}
"""
FAN = """\
  - {id: a, task: t}
  - {id: b, task: t, depends_on: [a], retry: {max_retries: 1}}
  - {id: c, task: t, depends_on: [a]}
  - {id: d, task: t, depends_on: [a], retry: {max_retries: 1}}
  - {id: e, task: t, depends_on: [b, c, d]}
"""


@pytest.mark.parametrize(
    ("steps", "part", "most", "symbolic", "dominant"),
    [
        (CHAIN, "attempts", 4, "4", "a"),
        (CHAIN, "events", 3 + 4 * 11, "47", "a"),
        (CHAIN, "concurrent_steps", 1, "1", None),
        (CHAIN, "timers", 2, "2", None),
        (LOOP, "attempts", 8, "1 + 1·l.max_iterations", "l"),
        (LOOP, "events", 3 + 8 * 11, "14 + 11·l.max_iterations", "l"),
        (FAN, "attempts", 7, "7", "b"),
        (FAN, "concurrent_steps", 3, "3", None),
        (FAN, "timers", 3, "3", None),
        (FAN, "expression_cost", 0, "0", None),
        (FAN, "tokens", None, "not declared", None),
        (FAN, "usd", None, "not declared", None),
    ],
)
def test_numbers(
    steps: str, part: str, most: int | None, symbolic: str, dominant: str | None
) -> None:
    found = getattr(certificate(steps), part)
    assert (found.max, found.symbolic, found.dominant_step) == (most, symbolic, dominant)


def test_a_short_timeout_bounds_the_time() -> None:
    found = certificate("  - {id: a, task: t}\n", HEAD.replace("2000h", "1h")).duration_ms
    assert (found.max, found.symbolic, found.dominant_step) == (3_600_000, "timeout", None)


def test_time_is_the_longest_path_of_all_deliveries() -> None:
    steps = """\
  - {id: a, task: t, timeout: 1s, queue_timeout: 2s}
  - {id: b, task: t, timeout: 10s, queue_timeout: 20s, retry: {max_retries: 2, max_delay: 5s}}
  - {id: c, task: t, depends_on: [a, b], timeout: 1s, queue_timeout: 1s}
"""
    found = certificate(steps).duration_ms
    assert (found.max, found.dominant_step) == (3 * 5 * 30_000 + 2 * 5_000 + 5 * 2_000, "b")


def test_max_duration_bounds_a_loop() -> None:
    steps = """\
  - id: l
    task: t
    type: agent_loop
    timeout: 1s
    queue_timeout: 1s
    config: {max_iterations: 1000, max_duration: 1m}
"""
    assert certificate(steps).duration_ms.max == 60_000 + 5 * 2_000


def test_expressions_cost_what_they_go_through() -> None:
    plain = certificate('  - {id: a, task: t, when: "input.n > 1"}\n').expression_cost
    loops = certificate('  - {id: a, task: t, when: "input.ns.all(n, n > 1)"}\n').expression_cost
    nested = certificate(
        '  - {id: a, task: t, when: "input.ns.all(n, input.ns.exists(m, m == n))"}\n'
    ).expression_cost
    assert plain.max == 3
    assert loops.max == 3 + 10_000 * 5
    assert nested.max == 1_000_000


def test_many_loops_are_summed_up() -> None:
    steps = "".join(
        f"  - {{id: l{n}, task: t, type: agent_loop, config: {{max_iterations: {n}}}}}\n"
        for n in range(1, 10)
    )
    found = certificate(steps).attempts
    assert found.max == sum(range(1, 10))
    assert found.symbolic == "6 + " + " + ".join(f"1·l{n}.max_iterations" for n in range(4, 10))


@pytest.mark.parametrize(
    ("steps", "work", "events", "attempts"),
    [
        # Nobody fails, nobody vanishes: as few as can be.
        (CHAIN, lambda *_: "ok", 2 + 2 * 3, 2),
        # The worst: four of five workers vanish with every attempt, and all attempts fail but one.
        (CHAIN, "worst", 47 - 1, 4),
        (LOOP, "worst", 3 + 8 * 11 - 1, 8),
    ],
)
def test_the_worst_case_is_reached(steps: str, work: Any, events: int, attempts: int) -> None:
    found = compiled(steps)
    assert found.program is not None
    world = played(found, _worst(found) if work == "worst" else work)
    assert (world.state.seq, world.state.attempts) == (events, attempts)
    assert world.state.status == "completed"


def _worst(found: Compiled) -> Any:
    """Let workers vanish and attempts fail as often as the program allows; loops use all rounds.

    A run that is not cancelled writes one event fewer than certified.
    """
    assert found.program is not None
    nodes = {node.id: node for node in found.program.nodes}
    vanished: dict[tuple[str, int], int] = {}
    tries: dict[str, int] = {}

    def work(step: str, _value: Any, attempt: int) -> Any:
        node = nodes[step]
        tries[step] = tries.get(step, 0) + 1
        key = (step, -(-tries[step] // node.max_deliveries))
        vanished[key] = vanished.get(key, 0) + 1
        if vanished[key] < node.max_deliveries:
            return Vanishes()
        if attempt <= node.retry.max_retries:
            return Fails()
        return Again(tries[step])

    def done(step: str, value: Any, attempt: int) -> Any:
        result = work(step, value, attempt)
        is_loop = hasattr(nodes[step], "max_iterations")
        last = is_loop and tries[step] == nodes[step].max_iterations * nodes[step].max_deliveries
        return "ok" if isinstance(result, Again) and (last or not is_loop) else result

    return done


@st.composite
def documents(draw: st.DrawFn) -> str:
    lines = []
    for index in range(draw(st.integers(1, 6))):
        sources = sorted(draw(st.sets(st.integers(0, index - 1), max_size=3))) if index else []
        allow = draw(st.sampled_from(["", "skipped", "failed", "[skipped, failed]"]))
        depends = [f"{{step: s{n}, allow: {allow}}}" if allow else f"s{n}" for n in sources]
        parts = [f"id: s{index}", "task: t", f"depends_on: [{', '.join(depends)}]"]
        parts.append(f"retry: {{max_retries: {draw(st.integers(0, 2))}, initial_delay: 10ms}}")
        if draw(st.booleans()):
            parts.append(f"when: {draw(st.sampled_from(['true', 'false', 'input == null']))}")
        if draw(st.booleans()):
            rounds = draw(st.integers(1, 3))
            parts += ["type: agent_loop", f"config: {{max_iterations: {rounds}}}"]
        lines.append(f"  - {{{', '.join(parts)}}}\n")
    return "".join(lines)


@pytest.mark.slow
@settings(max_examples=80, deadline=None, derandomize=True)
@given(documents(), st.data())
def test_no_run_exceeds_its_certificate(document: str, data: st.DataObject) -> None:
    found = compiled(document)
    fates = st.sampled_from(["ok", Fails(), Fails(retryable=False), Again(1), Vanishes()])
    assert found.program is not None
    proven = found.program.certificate
    world = World(prepare(found.program, "sha256:test"), lambda *_: data.draw(fates)).start(None)
    busiest = 0
    while not world.state.ended:
        world.turn()
        running = sum(isinstance(step, Running) for step in world.state.steps)
        busiest = max(busiest, running, len(world.waiting))
    assert world.state.seq <= (proven.events.max or 0)
    assert world.state.attempts <= (proven.attempts.max or 0)
    assert busiest <= (proven.concurrent_steps.max or 0)
    assert sum(map(len, world.lines)) <= (proven.bytes.max or 0)
    assert world.now - BEGIN_MS <= (proven.duration_ms.max or 0)


def test_what_a_worker_asks_for_is_bounded_too() -> None:
    found = compiled("  - {id: a, task: t, retry: {max_retries: 1, max_delay: 2s}}\n")
    world = played(found, lambda *_: Fails(retry_after_ms=10**12))
    assert world.now - BEGIN_MS == 2_000


@pytest.mark.parametrize("retries", [0, 3])
def test_twice_the_steps_cost_twice_as_much(retries: int) -> None:
    def events(count: int) -> int:
        steps = [
            f"  - {{id: s{n}, task: t, retry: {{max_retries: {retries}}}}}\n" for n in range(count)
        ]
        return (certificate("".join(steps)).events.max or 0) - 3

    assert events(40) == 2 * events(20) == 40 * 11 * (retries + 1)
