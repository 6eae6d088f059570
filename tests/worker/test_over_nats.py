"""`dagnats worker run` over a real NATS server, with an engine that a test plays."""

import asyncio
import json
import os
import subprocess
import textwrap
from pathlib import Path
from typing import Any

import nats
import pytest
from nats.aio.client import Client
from nats.aio.msg import Msg

from tests.e2e.harness import DAGNATS, environment, nats_server

HANDLERS = """
    from dagnats import AsyncContext, Context, task

    @task("plain", capabilities=["of the handler"])
    def plain(value: dict, ctx: Context):
        ctx.report_usage(tokens=3)
        before = ctx.checkpoint()
        ctx.save_checkpoint({"token": value["token"]})
        ctx.stream({"token": value["token"]})
        ctx.heartbeat()
        return [before, len(value["token"]), ctx.budget]

    @task("async")
    async def awaited(value: dict, ctx: AsyncContext):
        before = await ctx.checkpoint()
        await ctx.save_checkpoint(ctx.attempt)
        raise ValueError(value["token"])
"""
STEP = "fan[3].loop[2].fetch"


class Engine:
    """Answers one worker, and writes down what it says."""

    def __init__(self, connection: Client) -> None:
        self.connection = connection
        self.heard: dict[str, asyncio.Queue[Any]] = {}
        self.stored: Any = None

    async def listen(self) -> None:
        await self._hear("hello", "dagnats.workers.hello", self._welcome)
        await self._hear("results", "dagnats.engine.7.results")
        await self._hear("beat", "dagnats.engine.7.beat")
        await self._hear("checkpoint", "dagnats.engine.7.checkpoint", self._checkpoint)
        await self._hear("stream", "stream.r1.>")
        await self.connection.flush()

    async def _hear(self, name: str, subject: str, answer: Any = None) -> None:
        queue = self.heard[name] = asyncio.Queue()

        async def hear(message: Msg) -> None:
            said = json.loads(message.data)
            queue.put_nowait((message.subject, said))
            if answer is not None:
                await message.respond(json.dumps(answer(said)).encode())

        await self.connection.subscribe(subject, cb=hear)

    def _welcome(self, _said: Any) -> Any:
        return {"partition": 7, "epoch": 1, "lease_ms": 60_000}

    def _checkpoint(self, said: Any) -> Any:
        if said.get("store"):
            self.stored = said["data"]
        return {"data": self.stored}

    async def next(self, name: str) -> Any:
        async with asyncio.timeout(20):
            return await self.heard[name].get()

    async def give(self, worker_id: str, **task: Any) -> Any:
        task = {"run_id": "r1", "step": STEP, "workflow": "w", "timeout_ms": 10_000} | task
        message = json.dumps({"partition": 7, "epoch": 1, "tasks": [task]})
        await self.connection.publish(f"dagnats.worker.{worker_id}", message.encode())
        (result,) = (await self.next("results"))[1]["results"]
        await self.connection.publish(
            f"dagnats.worker.{worker_id}",
            json.dumps({"partition": 7, "epoch": 1, "accepted": [result]}).encode(),
        )
        await self.connection.flush()
        return result


async def conversation(engine: Engine) -> None:
    hello = (await engine.next("hello"))[1]
    assert hello["groups"] == ["batch", "eu"]
    assert hello["capabilities"] == ["gpu", "of the handler"]
    given = {"input": {"token": "<t>"}, "secrets": {"TOKEN": "<t>"}, "budget": {"tokens": 5}}
    result = await engine.give(hello["worker_id"], task="plain", attempt=1, **given)
    assert result["output"] == [None, len("t0ps3cret"), {"tokens": 2}]
    assert result["usage"] == {"tokens": 3}
    subject, piece = await engine.next("stream")
    assert subject == f"stream.r1.{STEP}"
    assert piece == {"seq": 1, "data": {"token": "***"}}
    assert (await engine.next("beat"))[1]["held"][0]["step"] == STEP
    assert engine.stored == {"token": "***"}
    failed = await engine.give(hello["worker_id"], task="async", attempt=2, **given)
    assert (failed["error"]["code"], failed["error"]["message"]) == (
        "ValueError",
        "***",
    )
    assert engine.stored == 2


@pytest.mark.slow
def test_flags_secrets_checkpoints_and_streams(tmp_path: Path) -> None:
    (tmp_path / "handlers.py").write_text(textwrap.dedent(HANDLERS))
    secrets = tmp_path / "secrets.env"
    secrets.touch(mode=0o600)
    secrets.write_text("TOKEN=t0ps3cret\n")

    async def test(url: str) -> None:
        connection = await nats.connect(url)
        engine = Engine(connection)
        await engine.listen()
        command = [*DAGNATS, "worker", "run", str(tmp_path / "handlers.py"), "--server", url]
        flags = ["--group", "eu", "--group", "batch", "--capability", "gpu"]
        process = subprocess.Popen(
            [*command, *flags, "--secrets-file", str(secrets)],
            env=environment(tmp_path) | {"PYTHONPATH": os.getcwd()},
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            await conversation(engine)
        finally:
            process.terminate()
            _, said = process.communicate(timeout=30)
            await connection.close()
        assert process.returncode == 0, said
        assert "Traceback" not in said

    with nats_server(tmp_path / "nats") as server:
        asyncio.run(test(server.url))
