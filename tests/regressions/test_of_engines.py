"""What the Go dagnats gets wrong around runs, tried on the whole engine, with storage in memory."""

import asyncio
from typing import Any

import msgspec
import pytest

from dagnats.compiler.pipeline import compile_workflow
from dagnats.engine import pump
from dagnats.engine.operations import peers, people, runs, workers, workflows
from dagnats.ir import codec
from dagnats.wire import tasks
from tests.engine.cluster import Cluster, echo, play, result_of
from tests.engine.test_nodes import crash, serving, until

HOUR_MS = 3_600_000
HEAD = "dagnats: 1\nname: tried\n"


def failing(task: tasks.Task) -> tasks.Result:
    if task.step.startswith("f"):
        return result_of(task, error=tasks.TaskError("boom", "it failed", retryable=False))
    return echo(task)


def going_on(task: tasks.Task) -> tasks.Result:
    return result_of(task, output=task.iteration, continued=task.iteration < 3)


async def register(cluster: Cluster, text: str) -> None:
    compiled = compile_workflow(text, "other.yaml")
    assert compiled.program is not None, compiled.diagnostics
    await cluster.call("workflow.register", program=msgspec.Raw(codec.encode(compiled.program)))


async def unplug(cluster: Cluster) -> None:
    """Let the newest engine die, and start no other."""
    _, bus, running = cluster.newest
    bus.kill()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def end_told(cluster: Cluster, *run_ids: str) -> list[dict[str, Any]]:
    """Wait for the ends of runs without asking anybody: nothing else wakes the engine up."""
    ends = [b'"workflow.completed"', b'"workflow.failed"', b'"workflow.cancelled"']
    left, found = set(run_ids), []
    async with asyncio.timeout(20):
        while left:
            found = [
                (run, line)
                for run, line in cluster.storage.history
                if run in run_ids and any(end in line for end in ends)
            ]
            left = set(run_ids) - {run for run, _ in found}
            await asyncio.sleep(0.005)
    return [msgspec.json.decode(line) for _, line in found]


# ── 11.1.2: definitions are looked up by name at every event ─────────────────────────────────────

PINNED = (
    f"{HEAD}steps:\n"
    "  - {id: wait, type: approval, config: {timeout: 1h}}\n"
    "  - {id: after, task: t, depends_on: [wait], with: 1}\n"
)


@pytest.mark.parametrize("change", ["another", "none"])
def test_a_run_keeps_the_program_it_began_with(change: str) -> None:
    async def test() -> None:
        cluster = Cluster(PINNED)
        await serving(cluster)
        await cluster.start("r1")
        await until(cluster, "r1", "wait", "waiting")
        if change == "another":
            await register(cluster, f"{HEAD}steps: [{{id: other, task: t, with: 2}}]\n")
        else:
            await cluster.call("workflow.delete", name="tried", force=True)
        await crash(cluster)
        await cluster.call("approval.decide", run_id="r1", step="wait", decision="approve", by="a")
        found = await cluster.ended("r1")
        assert (found["status"], found["output"]) == ("completed", 1)
        if change == "another":
            await cluster.start("r2")
            assert (await cluster.ended("r2"))["output"] == 2
        await cluster.close()
        cluster.check_history()

    play(test)


# ── 11.1.3: timers and waits that nobody looks at after a restart ────────────────────────────────

WAITING = {
    "a sleep": ("type: sleep, config: {duration: 1h}", "completed"),
    "an approval": ("type: approval, config: {timeout: 1h}", "failed"),
    "a wait": ("type: wait_for_event, config: {event: x, timeout: 1h, on_timeout: fail}", "failed"),
    "a child": (
        "type: sub_workflow, timeout: 1h, config: {workflow: slow}",
        "failed",
    ),
    "an attempt that nobody takes": ("task: nobody, queue_timeout: 1h", "failed"),
    "a retry": (
        "task: t, retry: {max_retries: 1, initial_delay: 1h, max_delay: 1h}",
        "completed",
    ),
    "the next iteration": (
        "type: agent_loop, task: t, config: {max_iterations: 2, delay: 1h, max_duration: 2h}",
        "completed",
    ),
}
SLOW = "dagnats: 1\nname: slow\nsteps: [{id: s, type: sleep, config: {duration: 1d}}]\n"


@pytest.mark.parametrize("passes", ["meanwhile", "afterwards"])
@pytest.mark.parametrize("kind", WAITING)
def test_time_goes_on_after_a_restart_though_nothing_happens(
    monkeypatch: pytest.MonkeyPatch, kind: str, passes: str
) -> None:
    monkeypatch.setattr(pump, "SWEEP_MS", 20)  # so soon it sees that the clock has jumped
    written, status = WAITING[kind]

    def work(task: tasks.Task) -> tasks.Result:
        if kind == "a retry" and task.attempt == 1:
            return result_of(task, error=tasks.TaskError("boom", "once"))
        return result_of(task, output=1, continued=task.iteration == 1)

    async def test() -> None:
        cluster = Cluster(f"{HEAD}steps: [{{id: a, {written}}}]\n", work)
        if "nobody" in cluster.worker.names:
            cluster.worker.names.remove("nobody")
        await serving(cluster, SLOW)
        await cluster.start("r1")
        expected = {"an attempt that nobody takes": "ready"}.get(kind, "waiting")
        await until(cluster, "r1", "a", expected)
        before = len(cluster.history("r1"))
        await unplug(cluster)
        if passes == "afterwards":
            await cluster.engine()[0].serving.wait()
            cluster.clock.at_ms += HOUR_MS + 20_000
        else:
            cluster.clock.at_ms += HOUR_MS + 20_000
            cluster.engine()
        (end,) = await end_told(cluster, "r1")
        assert end["type"] == f"workflow.{status}"
        assert len(cluster.history("r1")) > before
        await cluster.close()
        cluster.check_history()

    play(test)


def test_nothing_wakes_up_early_though_the_engine_dies_again_and_again() -> None:
    async def test() -> None:
        cluster = Cluster(f"{HEAD}steps: [{{id: a, type: sleep, config: {{duration: 1h}}}}]\n")
        await serving(cluster)
        began = cluster.clock.now_ms()
        await cluster.start("r1")
        await until(cluster, "r1", "a", "waiting")
        for _ in range(3):
            cluster.clock.at_ms += HOUR_MS // 4
            await crash(cluster)
            assert (await cluster.call("run.get", run_id="r1"))["status"] == "running"
        await unplug(cluster)
        cluster.clock.at_ms += HOUR_MS // 4
        cluster.engine()
        await end_told(cluster, "r1")
        assert cluster.clock.now_ms() - began >= HOUR_MS
        await cluster.close()

    play(test)


@pytest.mark.slow
def test_thousands_of_timers_all_fire() -> None:
    names = [f"r{n}" for n in range(1_500)]

    async def test() -> None:
        cluster = Cluster(f"{HEAD}steps: [{{id: a, type: sleep, config: {{duration: 1h}}}}]\n")
        await serving(cluster)
        await asyncio.gather(*(cluster.start(name) for name in names))
        await unplug(cluster)
        cluster.clock.at_ms += HOUR_MS
        engine, _, _ = cluster.engine()
        assert len(await end_told(cluster, *names)) == len(names)
        assert engine.status()["timers"] == 0
        await cluster.close()

    play(test)


# ── 11.1.6, 11.1.8: whatever ends a run lets its locks go, and is a dead letter ──────────────────

ENDING = {
    "an undoing": """
  - {id: a, task: t, compensate: u}
  - {id: f, type: fail, depends_on: [a], config: {code: boom}}
  - {id: u, task: t}
""",
    "an undoing that fails": """
  - {id: a, task: t, compensate: fu}
  - {id: z, type: fail, depends_on: [a], config: {code: boom}}
  - {id: fu, task: t}
""",
    "a plan": """
  - id: plan
    type: planner
    task: t
    config: {max_steps: 1, allowed_tasks: [t], max_replans: 0}
""",
    "an approval": "  - {id: f, type: approval, config: {timeout: 1h}}\n",
    "a loop": "  - {id: l, type: agent_loop, task: t, config: {max_iterations: 2}}\n",
    "a map": "  - {id: f, type: map, task: t, config: {over: '[1, 2]', max_items: 2}}\n",
    "a child": "  - {id: f, type: sub_workflow, timeout: 1h, config: {workflow: broken}}\n",
    "a success": "  - {id: a, task: t}\n",
}
BROKEN = "dagnats: 1\nname: broken\nsteps: [{id: f, type: fail, config: {code: boom}}]\n"


@pytest.mark.parametrize("lock", ["concurrency: {max_runs: 1}", "singleton: {mode: cancel}"])
@pytest.mark.parametrize("kind", ENDING)
def test_whatever_ends_a_run_lets_the_next_one_in(kind: str, lock: str) -> None:
    steps, status = ENDING[kind], "completed" if kind == "a success" else "failed"

    def work(task: tasks.Task) -> tasks.Result:
        if task.step == "l":
            return going_on(task)
        return result_of(task, output={"steps": "none"}) if task.step == "plan" else failing(task)

    async def test() -> None:
        cluster = Cluster(f"{HEAD}{lock}\nsteps:\n{steps}", work)
        engine, _, _ = cluster.engine()
        await cluster.register()
        await register(cluster, BROKEN)
        cluster.start_worker()
        for name in ("r1", "r2"):
            await cluster.start(name)
            if kind == "an approval":
                await until(cluster, name, "f", "waiting")
                decide = {"decision": "reject", "by": "ann"}
                await cluster.call("approval.decide", run_id=name, step="f", **decide)
            assert (await cluster.ended(name))["status"] == status
        letters = {row["run_id"] for row in await cluster.call("dlq.list")}
        assert {"r1", "r2"} & letters == ({"r1", "r2"} if status == "failed" else set())
        assert engine.status()["gates"] == 0
        await cluster.close()

    play(test)


# ── 11.1.13: what has ended leaves nothing behind ────────────────────────────────────────────────

EVERYTHING = f"""{HEAD}
concurrency: {{max_runs: 2}}
sticky: soft
cancel_on: [{{event: shop.closed}}]
steps:
  - {{id: a, task: t, retry: {{max_retries: 1}}, rate_limit: {{limit: 1000, period: 1s}}}}
  - {{id: w, type: wait_for_event, depends_on: [a], config: {{event: order.paid.now, timeout: 1h}}}}
  - {{id: m, type: map, task: t, depends_on: [w], config: {{over: '[1, 2]', max_items: 2}}}}
  - {{id: c, type: sub_workflow, timeout: 1h, depends_on: [m], config: {{workflow: small}}}}
"""
SMALL = "dagnats: 1\nname: small\nsteps: [{id: s, task: t}]\n"


def test_what_has_ended_leaves_nothing_behind() -> None:
    async def test() -> None:
        cluster = Cluster(EVERYTHING)
        engine, bus, _ = cluster.engine()
        await cluster.register()
        await register(cluster, SMALL)
        cluster.start_worker()
        for n in range(4):
            name = f"r{n}"
            await cluster.start(name)
            await until(cluster, name, "w", "waiting")
            payload = {"run_id": name, "step": "a", "store": True, "data": 1}
            await bus.request("dagnats.engine.0.checkpoint", msgspec.json.encode(payload), 1.0)
            if n == 3:
                await cluster.call("event.publish", type="shop.closed", id="closed")
            else:
                await cluster.call("run.signal", run_id=name, name="order.paid.now", id=f"e{n}")
            assert (await cluster.ended(name))["status"] in {"completed", "cancelled"}
        names = ["runs", "aside", "waiting", "held", "gates", "timers", "listeners", "errands"]
        async with asyncio.timeout(10):
            while any(engine.status()[name] for name in names) or cluster.storage.checkpoints:
                await asyncio.sleep(0.01)
        await cluster.close()

    play(test)


# ── 11.1.14: requests that kill the server ───────────────────────────────────────────────────────

DECIDING = [
    *workflows.OPERATIONS,
    *runs.OPERATIONS,
    *people.OPERATIONS,
    *workers.operations(0),
    *peers.operations(0),
]
GARBAGE = [b"", b"{}", b"null", b"[]", b"7", b'"x"', b"\xff", b'{"run_id": null}', b"[" * 5_000]


@pytest.mark.parametrize("subject", [subject for subject, _, _ in DECIDING])
def test_no_request_ends_the_engine(subject: str) -> None:
    async def test() -> None:
        cluster = Cluster(f"{HEAD}steps: [{{id: a, task: t}}]\n")
        engine, _, running = cluster.engine()
        await cluster.register()
        recoveries = engine.status()["recoveries"]
        for payload in GARBAGE:
            await cluster.network.send(subject, payload, cluster.network.inbox())
        cluster.start_worker()
        await cluster.start("r1")
        assert (await cluster.ended("r1"))["status"] == "completed"
        assert not running.done()
        assert engine.status()["recoveries"] == recoveries
        await cluster.close()

    play(test)


# ── 11.1.9, 11.4.7: what a worker is given ───────────────────────────────────────────────────────

GIVEN = f"""{HEAD}
secrets: [KEY]
steps:
  - id: a
    type: agent_loop
    task: t
    heartbeat_timeout: 20s
    timeout: 1m
    with: {{n: 1, key: "${{{{ secrets.KEY }}}}"}}
    retry: {{max_retries: 2, initial_delay: 1ms, max_delay: 1ms}}
    config: {{max_iterations: 2, budget: {{tokens: 100}}}}
"""


def test_a_retry_is_given_all_that_the_first_attempt_was() -> None:
    given: list[tasks.Task] = []

    def work(task: tasks.Task) -> tasks.Result:
        given.append(task)
        if task.attempt < 3:
            return result_of(task, error=tasks.TaskError("boom", "again"))
        return result_of(task, output=1)

    async def test() -> None:
        cluster = Cluster(GIVEN, work)
        await serving(cluster)
        await cluster.start("r1")
        assert (await cluster.ended("r1"))["status"] == "completed"
        await cluster.close()
        assert [task.attempt for task in given] == [1, 2, 3]
        assert all(task.secrets and task.budget for task in given)
        alike = {msgspec.json.encode(msgspec.structs.replace(one, attempt=0)) for one in given}
        assert len(alike) == 1, alike

    play(test)


# ── 11.2: a status in random order ───────────────────────────────────────────────────────────────


def test_steps_are_told_in_the_order_of_the_document() -> None:
    names = [f"s{n}" for n in (3, 1, 9, 4, 2, 8, 0)]
    steps = "".join(f"  - {{id: {name}, task: t}}\n" for name in names)

    async def test() -> None:
        cluster = Cluster(f"{HEAD}steps:\n{steps}")
        await serving(cluster)
        await cluster.start("r1")
        found = await cluster.ended("r1")
        assert [step["id"] for step in found["steps"]] == names
        await cluster.close()

    play(test)
