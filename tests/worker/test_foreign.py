"""A worker in 40 lines of another client, written from docs/wire-protocol.md alone."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.harness import dagnats, served, show

HELLO = Path(__file__).resolve().parents[2] / "examples" / "hello"

FOREIGN = """
import asyncio, json, sys
import nats

HELD = ("run_id", "step", "attempt", "delivery", "iteration", "life")

async def main(serve_file):
    where = json.load(open(serve_file))
    secret = json.load(open(where["credentials"]))
    nc = await nats.connect(
        where["nats_url"], user=secret["user"], password=secret["password"],
        inbox_prefix="_INBOX.dagnats",
    )
    me, epoch, unaccepted = "foreign-1", 0, {}

    def key(one):
        return tuple(one.get(name) for name in HELD if name != "delivery")

    async def on_message(message):
        nonlocal epoch
        heard = json.loads(message.data)
        if heard["epoch"] < epoch:
            return
        epoch = heard["epoch"]
        for one in heard.get("accepted", []):
            unaccepted.pop(key(one), None)
        for task in heard.get("tasks", []):
            result = {name: task[name] for name in HELD if name in task}
            result["output"] = f"Hello, {task['input']['name']}!"
            unaccepted[key(task)] = result
        await send()

    async def send():
        if unaccepted:
            message = {"worker_id": me, "results": list(unaccepted.values())}
            await nc.publish(f"dagnats.engine.{partition}.results", json.dumps(message).encode())

    await nc.subscribe(f"dagnats.worker.{me}", cb=on_message)
    hello = {"worker_id": me, "tasks": ["hello.greet"], "concurrency": 1, "held": []}
    answer = await nc.request("dagnats.workers.hello", json.dumps(hello).encode(), timeout=5)
    partition = json.loads(answer.data)["partition"]
    print("ready", flush=True)
    while True:
        await asyncio.sleep(1)
        await send()
        held = [{k: v for k, v in r.items() if k != "output"} for r in unaccepted.values()]
        beat = json.dumps({"worker_id": me, "held": held}).encode()
        await nc.publish(f"dagnats.engine.{partition}.beat", beat)

asyncio.run(main(sys.argv[1]))
"""


@pytest.mark.slow
def test_a_foreign_worker_completes_a_run(tmp_path: Path) -> None:
    assert "import dagnats" not in FOREIGN
    script = tmp_path / "foreign.py"
    script.write_text(FOREIGN)
    with served(tmp_path):
        document = str(HELLO / "hello.json")
        done = dagnats("workflow", "register", document, data_dir=tmp_path)
        assert done.returncode == 0, done.stderr
        foreign = subprocess.Popen(
            [sys.executable, script, tmp_path / "serve.json"], stdout=subprocess.PIPE, text=True
        )
        try:
            assert foreign.stdout is not None
            assert foreign.stdout.readline() == "ready\n"
            done = dagnats(
                "run", "start", "hello", '"Ada"', "--id", "r1", "--watch", data_dir=tmp_path
            )
            assert (done.returncode, done.stdout) == (0, "Hello, Ada!\n"), done.stderr
            assert show(tmp_path, "r1")["status"] == "completed"
            told = dagnats("run", "events", "r1", "--json", data_dir=tmp_path).stdout
            started = [json.loads(line) for line in told.splitlines() if "step.started" in line]
            assert [event["worker_id"] for event in started] == ["foreign-1"]
        finally:
            foreign.kill()
            foreign.wait()
            foreign.stdout.close()
