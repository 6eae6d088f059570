"""The certificate against the machine: never exceeded, and reached where nothing branches."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dagnats.ir.program import Certificate
from dagnats.machine import inputs as i
from dagnats.machine.commands import Enqueue
from tests.compiler.worst import BEGIN_MS, Worst, compiled

HEAD = "dagnats: 1\nname: w\ntimeout: 2000h\nsteps:\n"


def certificate(steps: str, head: str = HEAD) -> Certificate:
    return compiled(head + steps).certificate


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
        (CHAIN, "events", 2 + 4 * 11, "46", "a"),
        (CHAIN, "concurrent_steps", 1, "1", None),
        (CHAIN, "timers", 2, "2", None),
        (LOOP, "attempts", 8, "1 + 1·l.max_iterations", "l"),
        (LOOP, "events", 2 + 8 * 11, "13 + 11·l.max_iterations", "l"),
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


@pytest.mark.parametrize("steps", [CHAIN, LOOP, FAN])
def test_the_worst_case_is_reached(steps: str) -> None:
    world = Worst(compiled(HEAD + steps)).run()
    proven = world.certificate
    assert world.counters.events == proven.events.max
    assert world.counters.attempts == proven.attempts.max
    assert world.busiest == proven.concurrent_steps.max
    assert world.timers <= (proven.timers.max or 0)


def test_nobody_fails_and_nobody_vanishes() -> None:
    world = Easy(compiled(HEAD + CHAIN)).run()
    assert (world.counters.events, world.counters.attempts) == (2 + 2 * 3, 2)


class Easy(Worst):
    """A run in which all goes well."""

    def _end(self, command: Enqueue) -> None:
        self.do(i.Complete(self.now, command.step, command.attempt, command.iteration, "ok"))


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


class Drawn(Worst):
    """A run in which each attempt goes as it is drawn."""

    draw: Any

    def _end(self, command: Enqueue) -> None:
        head = (self.now, command.step, command.attempt, command.iteration)
        fate = self.draw(FATES)
        self.now += self.draw(WAITS)
        match fate:
            case "ok":
                self.do(i.Complete(*head, "ok"))
            case "again":
                self.do(i.Continue(*head, 1))
            case "fails" | "fails for good":
                later = self.draw(st.sampled_from([None, 10**12]))
                self.do(i.Fail(*head, "boom", "it failed", fate == "fails", later))
            case _:
                self.do(i.ExpireLease(*head, command.delivery))


FATES = st.sampled_from(["ok", "fails", "fails for good", "again", "vanishes"])
WAITS = st.sampled_from([0, 1, 1000])


@pytest.mark.slow
@settings(max_examples=80, deadline=None, derandomize=True)
@given(documents(), st.data())
def test_no_run_exceeds_its_certificate(document: str, data: st.DataObject) -> None:
    """The counters are held against the certificate at every turn."""
    Drawn.draw = staticmethod(data.draw)
    world = Drawn(compiled(HEAD + document)).run()
    proven = world.certificate
    assert sum(world.types.values()) <= (proven.events.max or 0)
    assert world.busiest <= (proven.concurrent_steps.max or 0)
    assert world.timers <= (proven.timers.max or 0)
    assert world.now - BEGIN_MS <= (proven.duration_ms.max or 0)


def test_what_a_worker_asks_for_is_bounded_too() -> None:
    class Asks(Worst):
        def _end(self, command: Enqueue) -> None:
            head = (self.now, command.step, command.attempt, command.iteration)
            self.do(i.Fail(*head, "boom", "", retry_after_ms=10**12))

    steps = "  - {id: a, task: t, retry: {max_retries: 1, max_delay: 2s}}\n"
    assert Asks(compiled(HEAD + steps)).run().now - BEGIN_MS == 2_000


@pytest.mark.parametrize("retries", [0, 3])
def test_twice_the_steps_cost_twice_as_much(retries: int) -> None:
    def events(count: int) -> int:
        steps = [
            f"  - {{id: s{n}, task: t, retry: {{max_retries: {retries}}}}}\n" for n in range(count)
        ]
        return (certificate("".join(steps)).events.max or 0) - 2

    assert events(40) == 2 * events(20) == 40 * 11 * (retries + 1)
