"""Every kind of step through the whole shell, on storage in memory; and what people do to runs."""

import asyncio
from typing import Any

import msgspec
import pytest

from dagnats.compiler.pipeline import compile_workflow
from dagnats.errors import DagnatsError
from dagnats.ir import codec
from dagnats.machine.events import rfc3339
from dagnats.wire import subjects, tasks
from tests.engine.cluster import Cluster, echo, play, result_of

CHILD = """
dagnats: 1
name: child
steps:
  - {id: only, task: t, with: {n: "${{ input.n + 1 }}"}}
"""
GATE = """
dagnats: 1
name: gate
steps:
  - {id: ask, type: approval, config: {timeout: 1h, approvers: [ann, bob], quorum: 2}}
  - {id: after, task: t, depends_on: [ask], with: "${{ steps.ask.output.by }}"}
"""
WAIT = """
dagnats: 1
name: wait
steps:
  - id: paid
    type: wait_for_event
    config: {event: order.paid, timeout: 1h, match: event.data.n == input}
output: "${{ steps.paid.output.data }}"
"""


async def serving(cluster: Cluster, *others: str) -> None:
    cluster.engine()
    await cluster.register()
    for other in others:
        compiled = compile_workflow(other, "other.yaml")
        assert compiled.program is not None, compiled.diagnostics
        await cluster.call("workflow.register", program=msgspec.Raw(codec.encode(compiled.program)))
    cluster.start_worker()


async def crash(cluster: Cluster) -> None:
    _, bus, running = cluster.newest
    bus.kill()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    cluster.engine()


async def until(cluster: Cluster, run_id: str, step: str, status: str) -> dict[str, Any]:
    async with asyncio.timeout(20):
        while True:
            found = await cluster.call("run.get", run_id=run_id)
            if any(one["id"] == step and one["status"] == status for one in found["steps"]):
                return dict(found)
            await asyncio.sleep(0.01)


async def refusal(cluster: Cluster, operation: str, **params: Any) -> str:
    with pytest.raises(DagnatsError) as no:
        await cluster.call(operation, **params)
    return str(no.value)


PARENT = """
dagnats: 1
name: parent
steps:
  - {id: call, type: sub_workflow, with: {n: 1}, timeout: 1h, config: {workflow: child}}
output: "${{ steps.call.output }}"
"""


@pytest.mark.slow
@pytest.mark.parametrize("crashes", [False, True])
def test_a_child_is_a_run_of_its_own_and_its_output_the_steps(crashes: bool) -> None:
    async def test() -> None:
        held: list[tasks.Task] = []

        def work(task: tasks.Task) -> tasks.Result | None:
            held.append(task)
            return None if crashes and len(held) == 1 else echo(task)

        cluster = Cluster(PARENT, work)
        await serving(cluster, CHILD)
        cluster.worker.names.append("t")
        await cluster.start("p1")
        if crashes:
            async with asyncio.timeout(20):
                while not held:
                    await asyncio.sleep(0.01)
            await crash(cluster)
            cluster.clock.at_ms += 11_000
        found = await cluster.ended("p1")
        assert (found["status"], found["output"]) == ("completed", {"n": 2})
        rows = await cluster.call("run.list", workflow="child")
        assert len(rows) == 1
        child = await cluster.call("run.get", run_id=rows[0]["run_id"])
        assert child["parent"]["run_id"] == "p1"
        await cluster.close()
        cluster.check_history()

    play(test)


def test_a_child_that_cannot_start_fails_its_step() -> None:
    async def test() -> None:
        cluster = Cluster(PARENT)
        await serving(cluster)
        await cluster.start("p1")
        found = await cluster.ended("p1")
        assert found["status"] == "failed"
        assert found["error"]["code"] == "child_not_found"
        await cluster.close()

    play(test)


def test_a_parent_that_is_cancelled_ends_its_child() -> None:
    async def test() -> None:
        cluster = Cluster(PARENT, lambda _: None)
        await serving(cluster, CHILD)
        await cluster.start("p1")
        async with asyncio.timeout(20):
            while not (rows := await cluster.call("run.list", workflow="child")):
                await asyncio.sleep(0.01)
        await cluster.call("run.cancel", run_id="p1")
        assert (await cluster.ended("p1"))["status"] == "cancelled"
        assert (await cluster.ended(rows[0]["run_id"]))["status"] == "cancelled"
        await cluster.close()

    play(test)


@pytest.mark.parametrize("crashes", [False, True])
def test_an_approval_takes_a_quorum_of_its_approvers(crashes: bool) -> None:
    async def test() -> None:
        cluster = Cluster(GATE)
        await serving(cluster)
        await cluster.start("r1")
        await until(cluster, "r1", "ask", "waiting")
        (row,) = await cluster.call("approval.list")
        assert (row["run_id"], row["step"], row["quorum"]) == ("r1", "ask", 2)
        decide = {"run_id": "r1", "step": "ask", "decision": "approve"}
        assert "none of the approvers" in await refusal(
            cluster, "approval.decide", **decide, by="eve"
        )
        await cluster.call("approval.decide", **decide, by="ann")
        assert "has approved already" in await refusal(
            cluster, "approval.decide", **decide, by="ann"
        )
        if crashes:
            await crash(cluster)
        (row,) = await cluster.call("approval.list")
        assert row["approved_by"] == ["ann"]
        done = await cluster.call("approval.decide", **decide, by="bob")
        assert done["status"] == "completed"
        found = await cluster.ended("r1")
        assert found["output"] == "bob"
        assert await cluster.call("approval.list") == []
        await cluster.close()
        cluster.check_history()

    play(test)


def test_a_token_decides_its_round_once_and_no_other_does() -> None:
    async def test() -> None:
        cluster = Cluster(GATE.replace(", quorum: 2", ""))
        told: list[dict[str, Any]] = []

        async def hear(payload: bytes, _reply: str) -> None:
            told.append(msgspec.json.decode(payload))

        cluster.network.listen(subjects.approval("r1"), hear)
        await serving(cluster)
        await cluster.start("r1")
        await until(cluster, "r1", "ask", "waiting")
        async with asyncio.timeout(20):
            while not told:
                await asyncio.sleep(0.01)
        decide = {"run_id": "r1", "step": "ask", "decision": "reject"}
        assert "does not decide" in await refusal(
            cluster, "approval.decide", **decide, token="0" * 64
        )
        await cluster.call("approval.decide", **decide, token=told[0]["token"], comment="no")
        found = await cluster.ended("r1")
        assert (found["status"], found["error"]["code"]) == ("failed", "rejected")
        assert told[0]["token"] not in str(cluster.history("r1"))
        assert "has ended" in await refusal(
            cluster, "approval.decide", **decide, token=told[0]["token"]
        )
        await cluster.close()

    play(test)


@pytest.mark.parametrize("crashes", [False, True])
def test_an_event_reaches_those_that_wait_for_it(crashes: bool) -> None:
    async def test() -> None:
        cluster = Cluster(WAIT)
        await serving(cluster)
        for n in (1, 2):
            await cluster.start(f"r{n}", n)
            await until(cluster, f"r{n}", "paid", "waiting")
        if crashes:
            await crash(cluster)
        event = {"type": "order.paid", "id": "e1", "data": {"n": 2}}
        assert (await cluster.call("event.publish", **event))["created"]
        assert not (await cluster.call("event.publish", **event))["created"]
        assert (await cluster.ended("r2"))["output"] == {"n": 2}
        assert (await cluster.call("run.get", run_id="r1"))["status"] == "running"
        await cluster.call("run.signal", run_id="r1", name="order.paid", id="s1", data={"n": 1})
        assert (await cluster.ended("r1"))["output"] == {"n": 1}
        await cluster.close()
        cluster.check_history()

    play(test)


def test_an_event_of_before_the_crash_is_not_lost() -> None:
    async def test() -> None:
        text = WAIT.replace("timeout: 1h,", "timeout: 1h, look_back: 1h,")
        cluster = Cluster(text)
        await serving(cluster)
        await cluster.call("event.publish", type="order.paid", id="e1", data={"n": 7})
        await crash(cluster)
        await cluster.start("r7", 7)
        assert (await cluster.ended("r7"))["output"] == {"n": 7}
        await cluster.close()

    play(test)


def test_an_emitted_event_wakes_another_run() -> None:
    emitter = """
dagnats: 1
name: emitter
steps:
  - {id: say, type: emit, config: {event: order.paid, data: {n: "${{ input }}"}}}
"""

    async def test() -> None:
        cluster = Cluster(WAIT)
        await serving(cluster, emitter)
        await cluster.start("r5", 5)
        await until(cluster, "r5", "paid", "waiting")
        await cluster.call("run.start", workflow="emitter", run_id="e", input=5)
        assert (await cluster.ended("r5"))["output"] == {"n": 5}
        await cluster.close()
        cluster.check_history()

    play(test)


SAGA = """
dagnats: 1
name: saga
steps:
  - {id: a, task: t, with: 1}
  - {id: b, task: t, depends_on: [a], with: 2}
"""


def failing(names: set[str]) -> Any:
    def work(task: tasks.Task) -> tasks.Result:
        if task.step in names:
            error = tasks.TaskError("boom", "it failed", retryable=False)
            return result_of(task, error=error)
        return echo(task)

    return work


@pytest.mark.parametrize("crashes", [False, True])
def test_a_dead_letter_replays_into_its_run(crashes: bool) -> None:
    async def test() -> None:
        broken = {"b"}
        cluster = Cluster(SAGA, failing(broken))
        await serving(cluster)
        await cluster.start("r1")
        assert (await cluster.ended("r1"))["status"] == "failed"
        (letter,) = await cluster.call("dlq.list")
        assert (letter["run_id"], letter["step"], letter["code"]) == ("r1", "b", "boom")
        if crashes:
            await crash(cluster)
            assert len(await cluster.call("dlq.list")) == 1
        broken.clear()
        replayed = await cluster.call("dlq.replay", id=letter["id"])
        assert replayed["reset"] == ["b"]
        if crashes:
            await crash(cluster)
        found = await cluster.ended("r1")
        assert (found["status"], found["output"]) == ("completed", 2)
        assert await cluster.call("dlq.list") == []
        events = [one["type"] for one in cluster.history("r1")]
        assert events.count("workflow.retried") == 1
        assert cluster.worker.executed.count("r1/a/1/1") == 1
        await crash(cluster)
        assert (await cluster.ended("r1"))["status"] == "completed"
        await cluster.close()
        cluster.check_history()

    play(test)


def test_a_dead_letter_can_be_discarded() -> None:
    async def test() -> None:
        cluster = Cluster(SAGA, failing({"a"}))
        await serving(cluster)
        await cluster.start("r1")
        await cluster.ended("r1")
        await cluster.call("dlq.discard", id="r1")
        await crash(cluster)
        assert await cluster.call("dlq.list") == []
        assert "no dead letter" in await refusal(cluster, "dlq.show", id="r1")
        await cluster.close()

    play(test)


def test_a_message_nobody_can_read_is_a_dead_letter() -> None:
    async def test() -> None:
        cluster = Cluster(SAGA)
        await serving(cluster)
        await cluster.network.send(subjects.engine(0, "results"), b"not json")
        (letter,) = await cluster.call("dlq.list")
        whole = await cluster.call("dlq.show", id=letter["id"])
        assert (whole["reason"], whole["payload"]) == ("undecodable", "not json")
        await cluster.close()

    play(test)


def test_a_fork_takes_over_what_came_before() -> None:
    async def test() -> None:
        broken = {"b"}
        cluster = Cluster(SAGA, failing(broken))
        await serving(cluster)
        await cluster.start("r1")
        await cluster.ended("r1")
        broken.clear()
        await cluster.call("run.fork", run_id="r1", new_run_id="r2", step="b")
        found = await cluster.ended("r2")
        assert found["output"] == 2
        assert [one for one in cluster.worker.executed if one.startswith("r2")] == ["r2/b/1/1"]
        assert "is no step" in await refusal(
            cluster, "run.fork", run_id="r1", new_run_id="r3", step="x"
        )
        await cluster.close()
        cluster.check_history()

    play(test)


@pytest.mark.parametrize("crashes", [False, True])
def test_a_paused_run_starts_nothing_until_it_is_resumed(crashes: bool) -> None:
    async def test() -> None:
        held: list[tasks.Task] = []

        def work(task: tasks.Task) -> tasks.Result | None:
            held.append(task)
            return None if task.step == "a" else echo(task)

        cluster = Cluster(SAGA, work)
        await serving(cluster)
        await cluster.start("r1")
        await until(cluster, "r1", "a", "running")
        assert (await cluster.call("run.pause", run_id="r1"))["status"] == "paused"
        paused = rfc3339(cluster.clock.now_ms())
        cluster.clock.at_ms += 5_000
        done = echo(held[0])
        cluster.worker.unanswered[done.run_id, done.step, done.attempt, done.iteration] = done
        await until(cluster, "r1", "a", "completed")
        if crashes:
            await crash(cluster)
        found = await cluster.call("run.get", run_id="r1")
        assert found["status"] == "paused"
        assert [one["status"] for one in found["steps"]] == ["completed", "pending"]
        why = await cluster.call("run.explain", run_id="r1")
        assert [cause["kind"] for cause in why["causes"]] == ["paused"]
        assert why["causes"][0]["since"] <= paused
        await cluster.call("run.resume", run_id="r1")
        assert (await cluster.ended("r1"))["output"] == 2
        await cluster.close()
        cluster.check_history()

    play(test)


LATER = """
dagnats: 1
name: later
steps:
  - {id: nap, type: sleep, config: {duration: 1h}}
  - {id: again, task: t, retry: {max_retries: 1, strategy: fixed, initial_delay: 1h}}
"""


@pytest.mark.parametrize("crashes", [False, True])
def test_what_waits_for_time_says_since_when(crashes: bool) -> None:
    def work(task: tasks.Task) -> tasks.Result:
        return result_of(task, error=tasks.TaskError("boom", "it failed"))

    async def test() -> None:
        cluster = Cluster(LATER, work)
        await serving(cluster)
        before = rfc3339(cluster.clock.now_ms())
        await cluster.start("r1")
        await until(cluster, "r1", "again", "waiting")
        after = rfc3339(cluster.clock.now_ms())
        if crashes:
            await crash(cluster)
        causes = (await cluster.call("run.explain", run_id="r1"))["causes"]
        assert sorted(cause["kind"] for cause in causes) == ["retry", "timer"]
        assert all(before <= cause["since"] <= after < cause["until"] for cause in causes)
        await cluster.close()

    play(test)


@pytest.mark.slow
@pytest.mark.parametrize("crashes", [False, True])
def test_a_scheduled_run_waits_for_its_time(crashes: bool) -> None:
    async def test() -> None:
        cluster = Cluster(SAGA)
        await serving(cluster)
        at = cluster.clock.now_ms() + 3_600_000
        await cluster.call("run.start", workflow="saga", run_id="r1", at=at)
        if crashes:
            await crash(cluster)
        found = await cluster.call("run.get", run_id="r1")
        assert found["status"] == "pending"
        why = await cluster.call("run.explain", run_id="r1")
        assert [cause["kind"] for cause in why["causes"]] == ["timer"]
        cluster.clock.at_ms += 3_600_000
        await cluster.start("r2")  # wakes the engine up, whose clock has jumped
        assert (await cluster.ended("r1"))["status"] == "completed"
        await cluster.close()
        cluster.check_history()

    play(test)


def test_a_pending_run_can_be_cancelled() -> None:
    async def test() -> None:
        cluster = Cluster(SAGA)
        await serving(cluster)
        at = cluster.clock.now_ms() + 3_600_000
        await cluster.call("run.start", workflow="saga", run_id="r1", at=at)
        assert (await cluster.call("run.cancel", run_id="r1"))["status"] == "cancelled"
        assert (await cluster.ended("r1"))["error"]["code"] == "cancelled"
        await cluster.close()

    play(test)


def test_the_same_idempotency_key_is_the_same_run() -> None:
    async def test() -> None:
        cluster = Cluster(SAGA.replace("steps:", "idempotency_key: string(input.order)\nsteps:"))
        await serving(cluster)
        first = await cluster.start("r1", {"order": 7})
        again = await cluster.start("r2", {"order": 7})
        other = await cluster.start("r3", {"order": 8})
        assert [one["run_id"] for one in (first, again, other)] == ["r1", "r1", "r3"]
        await crash(cluster)
        assert (await cluster.start("r4", {"order": 7}))["run_id"] == "r1"
        await cluster.ended("r1")
        assert (await cluster.start("r5", {"order": 7}))["run_id"] == "r1"
        await cluster.close()

    play(test)


PLANNED = """
dagnats: 1
name: planned
tasks:
  think: {output: {}}
  look: {output: {type: integer}}
steps:
  - id: plan
    type: planner
    task: think
    config: {max_steps: 3, allowed_tasks: [look], max_replans: 1}
output: "${{ steps.plan.output }}"
"""


@pytest.mark.slow
@pytest.mark.parametrize("crashes", [False, True])
def test_a_plan_is_compiled_and_run_and_a_bad_one_asked_for_again(crashes: bool) -> None:
    async def test() -> None:
        asked: list[Any] = []
        looked = asyncio.Event()

        def work(task: tasks.Task) -> tasks.Result | None:
            if task.task == "think":
                asked.append(task.state)
                steps = [{"id": "one", "task": "look", "with": 1}]
                if len(asked) == 1:
                    steps.append({"id": "two", "task": "steal"})
                else:
                    steps.append({"id": "two", "task": "look", "depends_on": ["one"]})
                return result_of(task, output={"steps": steps})
            if crashes and not looked.is_set():
                looked.set()
                return None
            return result_of(task, output=41)

        cluster = Cluster(PLANNED, work)
        await serving(cluster)
        cluster.worker.names.append("look")
        await cluster.start("r1")
        if crashes:
            async with asyncio.timeout(20):
                await looked.wait()
            await crash(cluster)
            cluster.clock.at_ms += 11_000
        found = await cluster.ended("r1")
        assert (found["status"], found["output"]) == ("completed", {"one": 41, "two": 41})
        assert asked[0] is None
        assert "`steal` is not allowed" in str(asked[1])
        await cluster.close()
        cluster.check_history()

    play(test)


def test_a_checkpoint_is_found_again_until_the_run_has_ended() -> None:
    async def test() -> None:
        cluster = Cluster(SAGA, lambda _: None)
        await serving(cluster)
        await cluster.start("r1")
        await until(cluster, "r1", "a", "running")
        _, bus, _ = cluster.newest
        subject = subjects.engine(0, "checkpoint")

        async def ask(**params: Any) -> Any:
            payload = msgspec.json.encode({"run_id": "r1", "step": "a", **params})
            return msgspec.json.decode(await bus.request(subject, payload, 1.0))

        assert await ask() == {"data": None}
        assert await ask(store=True, data={"page": 3}) == {"data": {"page": 3}}
        assert await ask() == {"data": {"page": 3}}
        await cluster.call("run.cancel", run_id="r1")
        async with asyncio.timeout(20):
            while cluster.storage.checkpoints:
                await asyncio.sleep(0.01)
        await cluster.close()

    play(test)
