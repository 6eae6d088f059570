"""What must not end the engine, or lose a run: failed checkpoints, poisonous messages, bugs."""

import asyncio
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from dagnats.compiler.pipeline import compile_workflow
from dagnats.engine import book, checkpoint, desk, engine, intake, partition, shop
from dagnats.engine.outbox import Outbox
from dagnats.errors import BrokenError, DagnatsError, UnavailableError
from dagnats.ir import codec
from dagnats.machine import advance
from dagnats.testing.memory import MemoryLog
from dagnats.wire import ids, subjects, tasks
from tests.engine.cluster import Cluster, Crash, echo, play
from tests.engine.test_corners import CHAIN, check_decided_once, serving

pytestmark = pytest.mark.slow

LATER = 3_600_000


def never(_task: tasks.Task) -> tasks.Result | None:
    return None


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not holds():
            await asyncio.sleep(0.005)


async def stop(cluster: Cluster) -> None:
    """Stop the newest engine and wait for it."""
    newest, bus, running = cluster.newest
    newest.stop()
    try:
        await running
    finally:
        bus.kill()


async def crash(cluster: Cluster) -> None:
    _, bus, running = cluster.newest
    bus.kill()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def ask(cluster: Cluster, operation: str, payload: bytes) -> dict[str, Any]:
    """Ask once and return the answer, whatever it is."""
    answers: asyncio.Queue[bytes] = asyncio.Queue()

    async def hear(answer: bytes, _reply: str) -> None:
        answers.put_nowait(answer)

    inbox = cluster.network.inbox()
    cluster.network.listen(inbox, hear)
    await cluster.network.send(operation, payload, inbox)
    async with asyncio.timeout(5):
        answer: dict[str, Any] = msgspec.json.decode(await answers.get())
        return answer


async def refused(cluster: Cluster, operation: str, **params: Any) -> tuple[str, str]:
    """Ask once and return code and message of the refusal."""
    answer = await ask(cluster, subjects.api(operation), msgspec.json.encode(params))
    return answer["error"]["code"], answer["error"]["message"]


# ── checkpoints ──────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("operation", ["save_run", "save_closed", "mark"])
def test_runs_of_a_failed_checkpoint_are_in_the_next_one(
    monkeypatch: pytest.MonkeyPatch, operation: str
) -> None:
    monkeypatch.setattr(checkpoint, "CHECKPOINT_MS", 20)

    async def test() -> None:
        cluster = Cluster(CHAIN)
        failures = 0

        def fault(name: str) -> None:
            nonlocal failures
            if name == operation and failures < 3:
                failures += 1
                raise TimeoutError("no answer")

        cluster.engine(fault)
        await cluster.register()
        cluster.start_worker()
        await cluster.start("r0")
        await cluster.ended("r0")
        cluster.worker.work = never
        for name in ("r1", "r2", "r3", "r4"):
            await cluster.start(name)
            await asyncio.sleep(0.03)
        await until(lambda: failures == 3)
        marked = cluster.storage.mark
        await cluster.start("r5")
        await until(lambda: cluster.storage.mark != marked)
        cluster.storage.log[:] = cluster.storage.log[-1:]  # nothing but checkpoints is left
        await crash(cluster)
        cluster.engine()
        cluster.worker.work = echo
        for name in ("r0", "r1", "r2", "r3", "r4", "r5"):
            await cluster.ended(name)
        assert any("cannot store a checkpoint" in line for line in cluster.said)
        await cluster.close()

    play(test)


def test_a_run_that_ended_stays_so_when_a_crash_spares_its_snapshot(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(book, "CLOSED_MAX", 2)

    async def test() -> None:
        cluster = Cluster(CHAIN)

        def fault(name: str) -> None:
            if name == "forget_run":
                raise Crash

        cluster.engine()
        await cluster.register()
        await cluster.start("r0")
        await stop(cluster)
        assert "r0" in cluster.storage.snapshots
        cluster.engine(fault)
        cluster.start_worker()
        await cluster.ended("r0")
        for number in range(1, 6):
            await cluster.start(f"r{number}")
            await cluster.ended(f"r{number}")
        with pytest.raises(Crash):
            await stop(cluster)
        assert "r0" in cluster.storage.snapshots
        newest, _, _ = cluster.engine()
        assert (await cluster.ended("r0"))["status"] == "completed"
        assert newest.status()["runs"] == 0
        again = await cluster.start("r0")
        assert not again["created"]
        await cluster.start("r6")
        await stop(cluster)
        assert "r0" not in cluster.storage.snapshots
        await cluster.close()
        cluster.check_history()
        check_decided_once(cluster.history("r0"))

    play(test)


@pytest.mark.parametrize("operation", ["save_run", "save_closed", "mark", "forget_run"])
def test_a_crash_at_any_part_of_a_checkpoint_brings_nothing_back(
    monkeypatch: pytest.MonkeyPatch, operation: str
) -> None:
    monkeypatch.setattr(book, "CLOSED_MAX", 2)

    async def crash_at(nth: int) -> bool:
        cluster = Cluster(CHAIN)
        calls = 0

        def fault(name: str) -> None:
            nonlocal calls
            calls += name == operation
            if name == operation and calls == nth:
                raise Crash

        cluster.engine()
        await cluster.register()
        for name in ("r0", "r1", "r2"):
            await cluster.start(name)
        await stop(cluster)
        cluster.engine(fault)
        cluster.start_worker()
        for name in ("r0", "r1", "r2", "r3", "r4", "r5"):
            await cluster.start(name)
            await cluster.ended(name)
        newest, _, running = cluster.newest
        newest.stop()
        await asyncio.gather(running, return_exceptions=True)
        newest, _, _ = cluster.engine()
        for name in ("r0", "r1", "r2", "r3", "r4", "r5"):
            assert not (await cluster.start(name))["created"], name
            assert (await cluster.ended(name))["status"] == "completed"
        assert newest.status()["runs"] == 0
        await cluster.close()
        cluster.check_history()
        return calls >= nth

    async def test() -> None:
        nth = 1
        while await crash_at(nth):
            nth += 1
        assert nth > 1

    play(test)


def test_a_stop_while_an_append_hangs_saves_nothing_ahead_of_the_log(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(engine, "DRAIN_S", 0.1)
    hanging = asyncio.Event()

    async def test() -> None:
        cluster = Cluster(CHAIN)
        cluster.engine()
        await cluster.register()
        await cluster.start("r1")

        async def hang(_log: MemoryLog) -> None:
            hanging.set()
            await asyncio.Event().wait()

        with monkeypatch.context() as patched:
            patched.setattr(MemoryLog, "_pause", hang)
            starting = asyncio.ensure_future(cluster.start("r2"))
            await hanging.wait()
            await stop(cluster)
        last, _ = cluster.storage.log[-1]
        seq, offset = cluster.storage.mark or (0, 0)
        assert (seq, offset) <= (last.seq, last.offset + len(last.lines))
        assert "r2" not in cluster.storage.snapshots
        cluster.engine()
        cluster.start_worker()
        assert (await starting)["created"]
        for name in ("r1", "r2"):
            assert (await cluster.ended(name))["status"] == "completed"
        await cluster.close()
        cluster.check_history()
        check_decided_once(cluster.history("r2"))

    play(test)


def test_checkpoints_under_load_lose_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoint, "EVENTS_PER_CHECKPOINT", 7)
    # A start that is asked again once its run is listed no more begins another one.
    names = [f"r{number}" for number in range(30)]
    monkeypatch.setattr(book, "CLOSED_MAX", len(names))

    async def test() -> None:
        cluster = Cluster(CHAIN)
        await serving(cluster)
        starting = asyncio.gather(*(cluster.start(name) for name in names))
        for _ in range(4):
            await asyncio.sleep(0.05)
            await crash(cluster)
            cluster.engine()
        await starting
        for name in names:
            assert (await cluster.ended(name))["status"] == "completed"
        await cluster.close()
        cluster.check_history()
        for name in names:
            check_decided_once(cluster.history(name))

    play(test)


# ── poisonous messages ───────────────────────────────────────────────────────────────────────────


def retrying(step: str, policy: str) -> str:
    """Return the chain with a policy for one of its steps."""
    head = f"id: {step}, "
    return CHAIN.replace(head, f"{head}retry: {{{policy}}}, ")


def nested(levels: int) -> bytes:
    return b"[" * levels + b"]" * levels


@pytest.mark.parametrize("levels", [150, 980, 3_000])
def test_an_input_that_is_nested_too_deep_is_refused(levels: int) -> None:
    async def test() -> None:
        cluster = Cluster(CHAIN)
        await serving(cluster)
        request = b'{"workflow":"chain","run_id":"r1","input":%s}' % nested(levels)
        answer = await ask(cluster, subjects.api("run.start"), request)
        assert answer["error"]["code"] == "invalid"
        assert "nested" in answer["error"]["message"]
        assert cluster.newest[0].status()["recoveries"] == 1
        await cluster.close()

    play(test)


@pytest.mark.parametrize(
    "part", [b'"output":%s', b'"error":{"code":"e","message":"m","details":%s}']
)
@pytest.mark.parametrize("levels", [150, 980, 3_000])
def test_a_result_that_is_nested_too_deep_fails_its_step(levels: int, part: bytes) -> None:
    async def test() -> None:
        cluster = Cluster(retrying("a", "max_retries: 0"), never)
        await serving(cluster)
        await cluster.start("r1")
        await until(lambda: bool(cluster.worker.executed))
        message = b'{"worker_id":"w1","results":[{"run_id":"r1","step":"a","attempt":1,%s}]}'
        for _ in range(2):
            result = message % (part % nested(levels))
            await cluster.network.send(subjects.engine(0, "results"), result)
        found = await cluster.ended("r1")
        assert found["status"] == "failed"
        assert cluster.newest[0].status()["recoveries"] == 1
        await crash(cluster)
        cluster.engine()
        assert (await cluster.ended("r1"))["status"] == "failed"
        await cluster.close()
        cluster.check_history()

    play(test)


def test_a_result_that_is_too_large_fails_its_step() -> None:
    def large(task: tasks.Task) -> tasks.Result:
        return msgspec.structs.replace(echo(task), output="x" * 1_100_000)

    async def test() -> None:
        cluster = Cluster(CHAIN, large)
        await serving(cluster)
        await cluster.start("r1")
        found = await cluster.ended("r1")
        assert found["status"] == "failed"
        assert found["error"]["code"] == "too_large"
        assert cluster.newest[0].status()["recoveries"] == 1
        await cluster.close()

    play(test)


@pytest.mark.parametrize("value", ["x" * 1_100_000, [1e15] * 200_000])
def test_an_input_that_is_too_large_is_refused(value: Any) -> None:
    async def test() -> None:
        cluster = Cluster(CHAIN)
        await serving(cluster)
        payload = msgspec.json.encode({"workflow": "chain", "run_id": "r1", "input": value})
        payload = payload.replace(b"1000000000000000.0", b"1e15")
        answer = await ask(cluster, subjects.api("run.start"), payload)
        assert answer["error"]["code"] == "invalid"
        assert "PAYLOAD_BYTES_MAX" in answer["error"]["message"]
        await cluster.close()

    play(test)


@pytest.mark.parametrize("notify", ["bad subject", "a..b", "a.*", "x" * 300])
def test_a_notify_that_is_no_subject_is_refused(notify: str) -> None:
    async def test() -> None:
        cluster = Cluster(CHAIN)
        await serving(cluster)
        code, message = await refused(
            cluster, "run.start", workflow="chain", run_id="r1", notify=notify
        )
        assert (code, "notify" in message) == ("invalid", True)
        await cluster.close()

    play(test)


@pytest.mark.parametrize(
    ("worker_id", "names", "words"),
    [("w 1", ["t"], "worker id"), ("w.*", ["t"], "worker id"), ("w1", ["a b"], "task name")],
)
def test_a_hello_with_bad_names_is_refused(worker_id: str, names: list[str], words: str) -> None:
    async def test() -> None:
        cluster = Cluster(CHAIN)
        await serving(cluster)
        hello = msgspec.json.encode(tasks.Hello(worker_id, names, 1))
        assert words in (await ask(cluster, subjects.HELLO, hello))["error"]
        results = tasks.Results(worker_id, [tasks.Result("r1", "a", 1)])
        await cluster.network.send(subjects.engine(0, "results"), msgspec.json.encode(results))
        beat = tasks.Beat(worker_id, [])
        await cluster.network.send(subjects.engine(0, "beat"), msgspec.json.encode(beat))
        await cluster.start("r1")
        assert (await cluster.ended("r1"))["status"] == "completed"
        assert cluster.newest[0].status()["recoveries"] == 1
        await cluster.close()

    play(test)


@pytest.mark.parametrize("damage", ["gap", "foreign"])
def test_a_history_that_does_not_fold_is_told(damage: str) -> None:
    async def test() -> None:
        cluster = Cluster(CHAIN)
        await serving(cluster)
        await cluster.start("r1")
        await cluster.ended("r1")
        stored = cluster.storage.history
        if damage == "gap":
            del stored[2]
        else:
            stored[2] = ("r1", stored[2][1].partition(b",")[0] + b"}")
        code, message = await refused(cluster, "run.get", run_id="r1")
        assert (code, "history of `r1`" in message) == ("unavailable", True)
        await cluster.start("r2")
        assert cluster.newest[0].status()["recoveries"] == 1
        await cluster.close()

    play(test)


def test_an_answer_that_no_message_can_hold_is_a_refusal() -> None:
    async def test() -> None:
        cluster = Cluster(CHAIN, lambda task: msgspec.structs.replace(echo(task), output="x" * 400))
        _, bus, _ = cluster.engine()
        await cluster.register()
        cluster.start_worker()
        await cluster.start("r1")
        await cluster.ended("r1")
        bus.bytes_max = 300
        for operation, params in (
            ("run.get", {"run_id": "r1"}),
            ("workflow.show", {"name": "chain"}),
        ):
            code, message = await refused(cluster, operation, **params)
            assert (code, "300" in message) == ("invalid", True)
        await cluster.close()

    play(test)


def test_a_message_that_cannot_be_sent_does_not_stop_the_others() -> None:
    async def test() -> None:
        cluster = Cluster(CHAIN)
        _, bus, _ = cluster.engine()
        await cluster.register()
        cluster.start_worker()
        publish = bus.publish
        refusals = 0

        async def refuse_once(subject: str, payload: bytes) -> None:
            nonlocal refusals
            if subject.startswith("inbox.") and b'"created"' in payload and not refusals:
                refusals += 1
                raise BrokenError("a message is too large")
            await publish(subject, payload)

        bus.publish = refuse_once  # type: ignore[method-assign]
        await cluster.start("r1")
        assert (await cluster.ended("r1"))["status"] == "completed"
        assert refusals == 1
        assert cluster.newest[0].status()["recoveries"] == 1
        assert any("too large" in line for line in cluster.said)
        await cluster.close()

    play(test)


# ── bugs ─────────────────────────────────────────────────────────────────────────────────────────


def test_a_run_that_breaks_the_machine_is_set_aside(monkeypatch: pytest.MonkeyPatch) -> None:
    async def test() -> None:
        cluster = Cluster(CHAIN)
        real = advance.advance

        def faulty(program: Any, state: Any, request: Any) -> Any:
            done = real(program, state, request)
            assert state.run_id != "bad" or state.seq < 6, "more events than certified"
            return done

        await serving(cluster)
        with monkeypatch.context() as patched:
            patched.setattr(partition, "advance", faulty)
            await cluster.start("bad")
            await until(lambda: cluster.newest[0].status().get("aside") == 1)
            code, message = await refused(cluster, "run.get", run_id="bad")
            assert (code, "more events than certified" in message) == ("unavailable", True)
            assert (await refused(cluster, "run.cancel", run_id="bad"))[0] == "unavailable"
            assert not (await cluster.start("bad"))["created"]
            await cluster.start("good")
            assert (await cluster.ended("good"))["status"] == "completed"
            rows = await cluster.call("run.list", status="running")
            assert [row["run_id"] for row in rows] == ["bad"]
            await asyncio.sleep(0.1)  # its worker repeats what was not accepted
            assert cluster.newest[0].status()["recoveries"] <= 3
            await stop(cluster)
        cluster.engine()
        assert (await cluster.ended("bad"))["status"] == "completed"
        await cluster.close()
        cluster.check_history()
        check_decided_once(cluster.history("bad"))

    play(test)


def test_a_start_that_breaks_the_machine_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def faulty(_program: Any, _request: Any) -> Any:
        raise KeyError("nobody knows")

    async def test() -> None:
        cluster = Cluster(CHAIN)
        await serving(cluster)
        with monkeypatch.context() as patched:
            patched.setattr(intake, "start", faulty)
            code, message = await refused(cluster, "run.start", workflow="chain", run_id="r1")
        assert (code, "nobody knows" in message) == ("unavailable", True)
        await cluster.start("r1")
        assert (await cluster.ended("r1"))["status"] == "completed"
        assert cluster.newest[0].status()["recoveries"] == 1
        await cluster.close()

    play(test)


def test_a_bug_in_a_handler_is_told_and_the_log_read_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def faulty(*_: Any) -> Any:
        raise KeyError("nobody knows")

    async def test() -> None:
        cluster = Cluster(CHAIN)
        await serving(cluster)
        await cluster.start("r1")
        with monkeypatch.context() as patched:
            patched.setattr(desk, "cancel", faulty)
            code, message = await refused(cluster, "run.cancel", run_id="r2")
        assert (code, "KeyError: 'nobody knows'" in message) == ("unavailable", True)
        await until(lambda: cluster.newest[0].status()["recoveries"] == 2)
        assert any("nobody knows" in line for line in cluster.said)
        assert (await cluster.ended("r1"))["status"] == "completed"
        await cluster.close()
        cluster.check_history()

    play(test)


def test_a_bug_that_comes_again_and_again_ends_the_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "RECOVER_WAIT_MAX_S", 0.01)
    monkeypatch.setattr(engine, "FAULTS_MAX", 3)

    def faulty(*_: Any) -> Any:
        raise KeyError("nobody knows")

    async def test() -> None:
        cluster = Cluster(CHAIN)
        monkeypatch.setattr(shop, "assign", faulty)
        _, _, running = cluster.engine()
        with pytest.raises(BrokenError, match="keeps failing"):
            await running
        assert sum("nobody knows" in line for line in cluster.said) == 3

    play(test)


def test_a_run_whose_program_is_missing_waits_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoint, "CHECKPOINT_MS", 20)

    async def test() -> None:
        cluster = Cluster(CHAIN, never)
        await serving(cluster)
        await cluster.start("early", 1)
        await until(lambda: "early" in cluster.storage.snapshots)
        await cluster.start("late", 2)
        await until(lambda: len(cluster.worker.executed) == 2)
        await crash(cluster)
        programs = dict(cluster.storage.programs)
        cluster.storage.programs.clear()
        cluster.engine()
        other = compile_workflow(CHAIN.replace("name: chain", "name: other"), "other.yaml").program
        assert other is not None
        await cluster.call("workflow.register", program=msgspec.Raw(codec.encode(other)))
        for name in ("early", "late"):
            code, message = await refused(cluster, "run.get", run_id=name)
            assert (code, "is missing" in message) == ("unavailable", True)
        code, message = await refused(cluster, "run.start", workflow="chain", run_id="new")
        assert (code, "is missing" in message) == ("unavailable", True)
        cluster.worker.work = echo
        await cluster.call("run.start", workflow="other", run_id="o1")
        assert (await cluster.ended("o1"))["status"] == "completed"
        assert sum("set aside" in line for line in cluster.said) == 1
        await stop(cluster)
        cluster.storage.log[:] = cluster.storage.log[-1:]  # nothing but checkpoints is left
        newest, _, _ = cluster.engine()
        await newest.serving.wait()
        assert (await refused(cluster, "run.get", run_id="late"))[0] == "unavailable"
        await cluster.register()
        assert cluster.storage.programs.keys() >= programs.keys()
        await stop(cluster)
        cluster.engine()
        for name, value in (("early", 1), ("late", 2)):
            found = await cluster.ended(name)
            assert found["output"] == {"b": value, "c": value}
            check_decided_once(cluster.history(name))
        await cluster.close()

    play(test)


# ── limits, time, and the same run twice ─────────────────────────────────────────────────────────


def test_a_stop_does_not_wait_for_a_connection() -> None:
    async def test() -> None:
        cluster = Cluster(CHAIN)
        newest, bus, running = cluster.engine()
        await cluster.register()
        bus.stands.clear()
        bus.interrupt()
        await until(lambda: not newest.serving.is_set())
        await asyncio.sleep(0.1)
        newest.stop()
        async with asyncio.timeout(1):
            await running

    play(test)


def test_a_clock_that_steps_back_delays_nothing() -> None:
    def flaky(task: tasks.Task) -> tasks.Result:
        if task.step == "a" and task.attempt == 1:
            return msgspec.structs.replace(echo(task), error=tasks.TaskError("e", "not yet"))
        return echo(task)

    async def test() -> None:
        cluster = Cluster(retrying("a", "max_retries: 3, initial_delay: 300ms"), flaky)
        await serving(cluster)
        await cluster.start("r1")
        await until(lambda: "r1/a/1/1" in cluster.worker.executed)
        cluster.clock.at_ms -= LATER
        async with asyncio.timeout(2):
            assert (await cluster.ended("r1"))["status"] == "completed"
        await cluster.close()
        cluster.check_history()

    play(test)


def test_leases_run_out_although_the_clock_steps_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(partition, "LEASE_MS", 300)

    async def test() -> None:
        cluster = Cluster(CHAIN, never)
        await serving(cluster)
        await cluster.start("r1")
        await until(lambda: bool(cluster.worker.executed))
        cluster.clock.at_ms -= LATER
        assert cluster.working is not None
        cluster.working.cancel()
        await until(lambda: any(e["type"] == "step.lost" for e in cluster.history("r1")))
        await cluster.close()

    play(test)


async def held_up(cluster: Cluster, fault: list[bool]) -> None:
    """Start an engine whose appends are refused while `fault` holds True."""

    def refuse(name: str) -> None:
        if name == "append" and fault[0]:
            raise UnavailableError("no space left")

    cluster.engine(refuse)
    await cluster.register()


@pytest.mark.parametrize("limit", ["PENDING_EVENTS_MAX", "PENDING_BYTES_MAX"])
def test_too_much_that_waits_to_be_stored_keeps_new_runs_out(
    monkeypatch: pytest.MonkeyPatch, limit: str
) -> None:
    monkeypatch.setattr(partition, limit, 20)

    async def test() -> None:
        cluster = Cluster(CHAIN)
        full = [False]
        await held_up(cluster, full)
        full[0] = True
        starting = [asyncio.ensure_future(cluster.start(f"r{number}")) for number in range(50)]
        await asyncio.sleep(0.1)
        code, message = await refused(cluster, "run.start", workflow="chain", run_id="more")
        assert (code, limit in message) == ("busy", True)
        full[0] = False
        await asyncio.gather(*starting)
        await cluster.close()
        cluster.check_history()

    play(test)


def test_too_many_answers_that_wait_keep_queries_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(partition, "PENDING_ANSWERS_MAX", 5)

    async def test() -> None:
        cluster = Cluster(CHAIN)
        full = [False]
        await held_up(cluster, full)
        await cluster.start("r1")
        full[0] = True
        starting = asyncio.ensure_future(cluster.start("r2"))
        await asyncio.sleep(0.05)
        for _ in range(10):
            request = msgspec.json.encode({"run_id": "r1"})
            await cluster.network.send(subjects.api("run.get"), request, cluster.network.inbox())
        for operation in ("run.get", "run.cancel"):
            code, message = await refused(cluster, operation, run_id="r1")
            assert (code, "PENDING_ANSWERS_MAX" in message) == ("busy", True)
        assert (await refused(cluster, "run.list"))[0] == "busy"
        full[0] = False
        await starting
        await cluster.close()

    play(test)


def test_a_result_that_is_repeated_waits_once(monkeypatch: pytest.MonkeyPatch) -> None:
    boxes: list[Outbox] = []
    record = Outbox.record

    def remembered(self: Outbox, run_id: str, events: Any) -> None:
        boxes.append(self)
        record(self, run_id, events)

    monkeypatch.setattr(Outbox, "record", remembered)

    async def test() -> None:
        cluster = Cluster(CHAIN)
        full = [False]
        await held_up(cluster, full)
        cluster.start_worker()
        await cluster.start("r1")
        await cluster.ended("r1")
        full[0] = True
        starting = asyncio.ensure_future(cluster.start("r2"))
        await asyncio.sleep(0.05)
        results = msgspec.json.encode(tasks.Results("w1", [tasks.Result("r1", "a", 1)]))
        for _ in range(100):
            await cluster.network.send(subjects.engine(0, "results"), results)
        assert len(boxes[-1].current.accepted["w1"]) == 1
        full[0] = False
        await starting
        await cluster.close()

    play(test)


@pytest.mark.parametrize("ahead_ms", [None, -LATER, LATER])
def test_the_same_start_after_it_left_the_list_is_no_other_run(
    monkeypatch: pytest.MonkeyPatch, ahead_ms: int | None
) -> None:
    monkeypatch.setattr(book, "CLOSED_MAX", 2)

    async def test() -> None:
        cluster = Cluster(CHAIN)
        first = "by-hand"
        if ahead_ms is not None:
            monkeypatch.setattr(
                ids.time, "time", lambda: (cluster.clock.now_ms() + ahead_ms) / 1000
            )
            first = ids.new_run_id()
            monkeypatch.undo()
            monkeypatch.setattr(book, "CLOSED_MAX", 2)
        await serving(cluster)
        for name in (first, "r1", "r2", "r3"):
            await cluster.start(name)
            await cluster.ended(name)
        assert not (await cluster.start(first))["created"]
        await stop(cluster)
        cluster.engine()
        assert not (await cluster.start(first))["created"]
        assert (await cluster.start(ids.new_run_id()))["created"]
        await cluster.close()
        cluster.check_history()
        assert sum(e["type"] == "workflow.started" for e in cluster.history(first)) == 1

    play(test)


def test_a_run_id_of_another_workflow_is_a_conflict(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(book, "CLOSED_MAX", 2)

    async def test() -> None:
        cluster = Cluster(CHAIN)
        await serving(cluster)
        other = compile_workflow(CHAIN.replace("name: chain", "name: other"), "other.yaml").program
        assert other is not None
        await cluster.call("workflow.register", program=msgspec.Raw(codec.encode(other)))
        for name in ("r0", "r1", "r2", "r3"):
            await cluster.start(name)
            await cluster.ended(name)
        cluster.worker.work = never
        await cluster.start("r4")
        for name in ("r0", "r3", "r4"):  # dropped from the list, ended, alive
            code, message = await refused(cluster, "run.start", workflow="other", run_id=name)
            assert (code, "`chain`" in message) == ("conflict", True)
        await cluster.close()

    play(test)


def test_an_id_that_is_none_reads_nobodys_history() -> None:
    async def test() -> None:
        cluster = Cluster(CHAIN)
        await serving(cluster)
        with pytest.raises(DagnatsError, match="no run"):
            await cluster.call("run.get", run_id=">")
        await cluster.close()

    play(test)
