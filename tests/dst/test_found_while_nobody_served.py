"""What simulation has found: the time of what was finished while no engine served."""

import asyncio

from dagnats.compiler.pipeline import compile_workflow
from dagnats.engine.partition import LEASE_MS
from dagnats.ir import codec
from dagnats.machine import inputs as i
from dagnats.machine.advance import advance, start
from dagnats.machine.prepared import prepare
from dagnats.machine.ticking import next_due_ms
from dagnats.wire import tasks
from tests.engine.cluster import REPEAT_S, Cluster, play, result_of

TIMEOUT_MS = 300_000
LIMITED = """\
dagnats: 1
name: limited
steps: [{id: a, task: work.do, timeout: 5m}]
output: ${{ steps.a.output }}
"""


def test_a_result_of_the_time_in_which_nobody_served_comes_in_time() -> None:
    async def main() -> None:
        taken: list[tasks.Task] = []
        cluster = Cluster(LIMITED, taken.append)
        _, _, running = cluster.engine()
        cluster.start_worker()
        await cluster.register()
        await cluster.start("r1", 1)
        while not taken:
            await asyncio.sleep(REPEAT_S)
        running.cancel()
        assert cluster.working is not None
        cluster.working.cancel()
        (task,) = taken
        key = (task.run_id, task.step, task.attempt, task.iteration)
        cluster.worker.unanswered[key] = result_of(task, output="done")
        cluster.clock.at_ms += 2 * TIMEOUT_MS
        cluster.engine()
        # It serves before it hears of the result.
        assert (await cluster.call("run.get", run_id="r1"))["status"] == "running"
        cluster.start_worker()
        found = await cluster.ended("r1")
        assert (found["status"], found["output"]) == ("completed", "done")
        await cluster.close()

    play(main)


def test_what_a_worker_holds_is_over_when_its_lease_after_a_takeover_is() -> None:
    compiled = compile_workflow(LIMITED).program
    assert compiled is not None
    program = prepare(compiled, codec.digest(compiled))
    state = start(program, i.StartRun(0, "r1", program.digest, 1)).state
    state = advance(program, state, i.Deliver(10, "a", "w1")).state
    taken_over = 10 * TIMEOUT_MS
    until = taken_over + LEASE_MS
    assert next_due_ms(program, state) == 10 + TIMEOUT_MS
    assert next_due_ms(program, state, until) == until
    waits = advance(program, state, i.Tick(taken_over, held_until=until))
    assert waits.events == []
    over = advance(program, waits.state, i.Tick(until, held_until=until)).state
    assert (over.status, (over.error or {})["code"]) == ("failed", "timeout")
