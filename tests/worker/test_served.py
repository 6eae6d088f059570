"""The worker's promises against a real server: checkpoints, secrets, usage, groups, beats."""

import json
import textwrap
from pathlib import Path

import pytest

from tests.e2e.harness import dagnats, served, show, worker

WORKFLOW = """
dagnats: 1
name: w
secrets: [TOKEN]
steps:
  - id: a
    task: a
    worker_group: eu
    required_capabilities: [gpu]
    heartbeat_timeout: 500ms
    retry: {max_retries: 3, initial_delay: 10ms}
    with: {token: "Bearer ${{ secrets.TOKEN }}"}
output: "${{ steps.a.output }}"
"""
HANDLERS = """
    import time
    from dagnats import Context, task

    @task("a", capabilities=["gpu"])
    def a(value: dict, ctx: Context):
        ctx.report_usage(tokens=10)
        assert value["token"] == "Bearer t0ps3cret", "not the value"
        count = ctx.checkpoint(0) + 1
        ctx.save_checkpoint(count)
        if count < 3:
            raise RuntimeError(value["token"])
        time.sleep(1.2)  # longer than its heartbeat timeout: the worker beats
        return {"count": count, "attempt": ctx.attempt, "echo": value["token"]}
"""


@pytest.mark.slow
def test_a_run_with_everything(tmp_path: Path) -> None:
    (tmp_path / "w.yaml").write_text(WORKFLOW)
    handlers, secrets = tmp_path / "handlers.py", tmp_path / "secrets.json"
    handlers.write_text(textwrap.dedent(HANDLERS))
    secrets.touch(mode=0o600)
    secrets.write_text(json.dumps({"TOKEN": "t0ps3cret"}))
    other = tmp_path / "other.log"
    with (
        served(tmp_path),
        worker(tmp_path, handlers, log_file=other),  # of no group: it is given nothing
        worker(tmp_path, handlers, "--group", "eu", "--secrets-file", str(secrets)),
    ):
        done = dagnats("workflow", "register", str(tmp_path / "w.yaml"), data_dir=tmp_path)
        assert done.returncode == 0, done.stderr
        done = dagnats("run", "start", "w", "--id", "r1", "--watch", data_dir=tmp_path)
        told = dagnats("run", "events", "r1", "--json", data_dir=tmp_path).stdout
        assert done.returncode == 0, done.stderr + told
        run = show(tmp_path, "r1")
        assert run["output"] == {"count": 3, "attempt": 3, "echo": "Bearer ***"}
        assert "t0ps3cret" not in told
        failed = [json.loads(line) for line in told.splitlines() if "step.failed" in line]
        assert [event["payload"]["code"] for event in failed] == ["RuntimeError"] * 2
