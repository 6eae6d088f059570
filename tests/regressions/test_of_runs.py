"""What the Go dagnats gets wrong in the course of a run, tried on the machine."""

import json
from typing import Any

import pytest

from dagnats.compiler.pipeline import compile_workflow
from dagnats.ir import codec
from dagnats.machine.commands import Enqueue
from dagnats.machine.prepared import prepare
from tests.machine.behaviour.case import end_of
from tests.machine.world import (
    Again,
    Fails,
    Fate,
    Plans,
    Sleeps,
    World,
    decides,
    event,
    passes,
    taken_up,
)

BAD = Fails(retryable=False)
HOUR = "timeout: 1h"

# What fails by itself there: without a retry, a handler, an undoing, a dead letter, a lock let go.
FAILING: dict[str, tuple[str, dict[str, Fate], list[Any], str]] = {
    "an approval that is rejected": (
        f"type: approval, config: {{{HOUR}}}", {}, [decides("f", "reject")], "rejected"
    ),
    "an approval that nobody decides": (f"type: approval, config: {{{HOUR}}}", {}, [], "timeout"),
    "an agent loop at its bound": (
        "type: agent_loop, task: t, config: {max_iterations: 2}", {"f": Again()}, [], "exhausted"
    ),
    "a child that fails": (
        f"type: sub_workflow, {HOUR}, config: {{workflow: other}}", {"f": BAD}, [], "boom"
    ),
    "an item that fails": (
        "type: map, task: t, config: {over: '[1, 2]', max_items: 2}", {"f[0]": BAD}, [],
        "items_failed",
    ),
    "a list that is none": (
        "type: map, task: t, config: {over: input, max_items: 2}", {}, [], "type"
    ),
    "a plan that is refused": (
        "type: planner, task: t, config: {max_steps: 2, allowed_tasks: [t], max_replans: 0}",
        {"f": Plans(problems=("no",))}, [], "plan_refused",
    ),
    "a wait that is over": (
        f"type: wait_for_event, config: {{event: x, {HOUR}, on_timeout: fail}}", {}, [], "timeout"
    ),
    "a time that is none": (
        "type: sleep, config: {until: input.when, max_duration: 1h}", {}, [], "expression"
    ),
}  # fmt: skip
kinds = pytest.mark.parametrize("kind", FAILING)


def world_of(kind: str, more: str, policy: str = "") -> World:
    """Return a run with something done before, and then a step `f` that fails for good."""
    written, fates, idle, _ = FAILING[kind]
    document = (
        "steps:\n"
        "  - {id: before, task: t, compensate: undo}\n"
        f"  - {{id: f, depends_on: [before]{policy}, {written}}}\n"
        f"  - {{id: undo, task: t}}\n{more}"
    )
    return World(document, fates, idle=idle).start({"when": "soon"})


@kinds
def test_whatever_fails_has_its_handler(kind: str) -> None:
    more = "  - {id: h, task: t}\n  - {id: after, task: t, depends_on: [f]}\n"
    world = world_of(kind, more, ", on_failure: h").run()
    assert world.state.status == "completed", world.lines
    assert "completed f.h" in world.lines
    assert "completed after" in world.lines


@kinds
def test_whatever_fails_undoes_what_was_done(kind: str) -> None:
    world = world_of(kind, "").run()
    assert end_of(world) == f"failed {FAILING[kind][3]}", world.lines
    assert "completed before.undo" in world.lines


@kinds
def test_whatever_fails_does_so_wherever_the_engine_dies(kind: str) -> None:
    whole = world_of(kind, "").run()
    for cut in range(1, len(whole.history) + 1):
        assert end_of(taken_up(whole, cut).run()) == end_of(whole), cut


HANDLERS = {
    "dagnats": 1,
    "name": "test",
    "steps": [
        {"id": "fetch", "task": "fetch", "on_failure": "report"},
        {"id": "charge", "task": "pay", "depends_on": ["fetch"], "compensate": "refund"},
        {"id": "report", "task": "report"},
        {"id": "refund", "task": "refund"},
    ],
}


@pytest.mark.parametrize("version", [{}, {"dagnats": 1}])
def test_handlers_of_a_json_document_wait_until_they_are_needed(version: dict[str, int]) -> None:
    document = json.dumps(version | {k: v for k, v in HANDLERS.items() if k != "dagnats"})
    found = compile_workflow(document, "w.json")
    assert found.program is not None, found.diagnostics
    world = World(prepare(codec.load(codec.encode(found.program)), "sha256:test")).start().run()
    assert world.lines == [
        "run started", "queued fetch", "completed fetch", "queued charge", "completed charge",
        "run completed",
    ]  # fmt: skip


@pytest.mark.parametrize("count", [2, 3, 5])
def test_the_last_is_undone_first_however_many_there_are(count: int) -> None:
    # Side by side and written in another order than they end: neither tells the order.
    steps = [
        f"  - {{id: s{n}, task: t, compensate: u{n}"
        + (f", depends_on: [s{n + 1}]}}" if n + 1 < count else "}")
        for n in range(count)
    ]
    undo = [f"  - {{id: u{n}, task: t}}" for n in range(count)]
    last = "  - {id: no, type: fail, depends_on: [s0], config: {code: no}}"
    world = World("\n".join(["steps:", *steps, *undo, last])).start().run()
    undone = [line for line in world.lines if line.startswith("completed") and ".u" in line]
    assert undone == [f"completed s{n}.u{n}" for n in range(count)]


def test_a_match_that_has_no_value_is_no_match() -> None:
    document = (
        "steps: [{id: w, type: wait_for_event, "
        "config: {event: x, match: event.data.deep.n == input.n, timeout: 1h}}]"
    )
    idle = [event("x", {"n": 1}), event("x", None, "e2"), event("x", {"deep": {"n": 1}}, "e3")]
    world = World(document, idle=idle).start({"n": 1}).run()
    assert world.state.status == "completed"
    assert world.state.output["data"] == {"deep": {"n": 1}}


def test_a_worker_that_never_answers_ends_nothing_but_its_time() -> None:
    document = "steps: [{id: a, task: t, timeout: 1m, retry: {max_retries: 1}}]"
    world = World(document, {"a": Sleeps()}).start().run()
    assert end_of(world) == "failed timeout"
    assert world.lines.count("queued a") + world.lines.count("queued a #2") == 2


def test_a_run_past_its_time_ends_although_nothing_happens_in_it() -> None:
    document = "timeout: 1h\nsteps: [{id: a, type: approval, config: {timeout: 2d}}]"
    world = World(document, idle=[passes(3_600_000)]).start()
    world.turn()
    assert end_of(world) == "failed timeout"


def test_a_retry_is_offered_as_the_first_attempt_was() -> None:
    document = (
        "defaults: {retry: {max_retries: 2}}\n"
        "steps: [{id: a, task: t, with: {n: 1}, worker_group: gpu, required_capabilities: [cuda], "
        "keyed_rate_limit: {key: input.k, limit: 5, period: 1s}}]"
    )
    offered: list[Enqueue] = []

    def fate(command: Any) -> Fate:
        offered.append(command)
        return Fails() if command.attempt < 3 else "ok"

    world = World(document, fate).start({"k": "ann"}).run()
    assert world.state.status == "completed"
    assert [one.attempt for one in offered] == [1, 2, 3]
    for one in offered:
        assert one.node.worker_group == "gpu"
        assert one.node.required_capabilities == ("cuda",)
        assert (one.input, one.rate_key) == ({"n": 1}, offered[0].rate_key)


def test_a_join_after_a_plan_waits_for_what_was_planned() -> None:
    document = (
        "steps:\n"
        "  - {id: plan, type: planner, task: t, config: {max_steps: 2, allowed_tasks: [t]}}\n"
        "  - {id: after, task: t, depends_on: [plan], with: '${{ steps.plan.output }}'}\n"
    )
    planned = Plans("  - {id: one, task: t}\n  - {id: two, task: t, depends_on: [one]}\n")
    fates = {"plan": planned, "plan.one": 1, "plan.two": 2, "after": lambda task: task.input}
    world = World(document, fates).start().run()
    assert world.state.output == {"one": 1, "two": 2}
    assert world.lines.index("completed plan.two") < world.lines.index("queued after")


@pytest.mark.parametrize("status", ["failed", "skipped"])
def test_what_is_satisfied_is_told_by_the_edge_and_not_by_chance(status: str) -> None:
    # There, dependents of a recovered step are skipped, and theirs run.
    first = "type: fail, config: {code: no}" if status == "failed" else "task: t, when: 'false'"
    document = (
        f"steps:\n  - {{id: a, {first}}}\n"
        "  - {id: b, task: t, depends_on: [a]}\n"
        "  - {id: c, task: t, depends_on: [b]}\n"
    )
    world = World(document).start().run()
    assert not any(line in world.lines for line in ("queued b", "queued c"))
