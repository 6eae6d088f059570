"""Large values and old runs against a real server: stored, resolved, and removed together."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.harness import Served, dagnats, eventually, served, worker

pytestmark = pytest.mark.slow

CHARS = 3_000_000
WORKER = """
from dagnats import task


@task("big.make")
def make(n):
    return {"text": "x" * n, "n": n}


@task("big.read")
def read(made):
    return len(made["text"])


@task("big.fail")
def fail(made):
    raise ValueError(len(made["text"]))
"""
WORKFLOWS = {
    "whole": """
steps:
  - {id: make, task: big.make}
  - {id: read, task: big.read, depends_on: [make]}
output: "${{ {'made': steps.make.output, 'chars': steps.read.output} }}"
""",
    "looks": """
steps:
  - {id: make, task: big.make}
  - {id: read, task: big.read, depends_on: [make], with: {text: "${{ steps.make.output.text }}"}}
""",
    "parent": """
steps:
  - {id: call, type: sub_workflow, config: {workflow: whole}}
  - {id: read, task: big.read, depends_on: [call], with: "${{ steps.call.output.made }}"}
""",
    "waits": """
steps:
  - {id: call, type: sub_workflow, config: {workflow: whole}}
  - {id: ok, type: approval, config: {timeout: 1h}, depends_on: [call]}
  - {id: read, task: big.read, depends_on: [ok], with: "${{ steps.call.output.made }}"}
""",
}


@dataclass(frozen=True)
class Live:
    """A server with a worker, and the workflows above."""

    data_dir: Path

    def run(self, *words: str) -> tuple[int, str, str]:
        done = dagnats(*words, data_dir=self.data_dir)
        return done.returncode, done.stdout, done.stderr

    def fine(self, *words: str) -> str:
        code, out, err = self.run(*words)
        assert code == 0, err
        return out

    def json(self, *words: str) -> Any:
        return json.loads(self.fine(*words, "--json"))

    def begin(self, workflow: str, run_id: str, chars: int = CHARS) -> None:
        self.fine("run", "start", workflow, str(chars), "--id", run_id)

    def play(self, workflow: str, run_id: str, chars: int = CHARS) -> str:
        """Start a run and return the status that it ends with."""
        words = ("run", "start", workflow, str(chars), "--id", run_id, "--watch", "--raw", "--json")
        _, out, err = self.run(*words)
        assert out, err
        return str(json.loads(out.splitlines()[-1])["status"])

    def ended(self, run_id: str) -> str:
        ends = {"completed", "failed", "cancelled"}
        eventually(lambda: self._status(run_id) in ends, why=f"{run_id} never ended")
        return self._status(run_id)

    def _status(self, run_id: str) -> str:
        return str(self.json("run", "show", run_id, "--raw")["status"])


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    data_dir = tmp_path_factory.mktemp("large")
    handlers = data_dir / "handlers.py"
    handlers.write_text(WORKER)
    live = Live(data_dir)
    with served(data_dir), worker(data_dir, handlers):
        for name, text in WORKFLOWS.items():
            file = data_dir / f"{name}.yaml"
            file.write_text(f"dagnats: 1\nname: {name}\n{text}")
            live.fine("workflow", "register", str(file))
        yield live


def test_a_large_output_goes_through_a_run_and_is_printed_whole(live: Live) -> None:
    assert live.play("whole", "w1") == "completed"
    made = {"text": "x" * CHARS, "n": CHARS}
    assert live.json("run", "output", "w1") == {"made": made, "chars": CHARS}
    raw = live.json("run", "output", "w1", "--raw")
    assert raw["made"]["$payload"]["run_id"] == "w1"
    assert raw["made"]["$payload"]["bytes"] > CHARS
    shown = live.json("run", "show", "w1")
    assert [step["output"] for step in shown["steps"]] == [made, CHARS]
    inspected = live.json("run", "inspect", "w1")
    assert [one["input"] for one in inspected["instances"]] == [CHARS, made]
    assert len(live.fine("run", "inspect", "w1", "--raw")) < 10_000
    code, events, err = live.run("run", "events", "w1", "--json")
    assert (code, len(events) < 10_000) == (0, True)
    assert "`dagnats run inspect w1 --full` prints them" in err
    assert "a stored value of 3,000," in live.fine("run", "show", "w1")


def test_who_watches_sees_values_up_to_a_limit_and_the_output_whole(live: Live) -> None:
    """`SHOWN_BYTES_MAX`: 300,000 characters are shown, 3,000,000 are left out and told of."""
    for run_id, chars in (("seen", 300_000), ("unseen", CHARS)):
        made = {"text": "x" * chars, "n": chars}
        words = ("run", "start", "whole", str(chars), "--id", run_id, "--watch")
        code, out, err = live.run(*words, "--json")
        assert code == 0, err
        *events, end = map(json.loads, out.splitlines())
        assert end["output"] == {"made": made, "chars": chars}
        completed = [event for event in events if event["type"] == "step.completed"]
        assert (completed[0]["payload"] == made) is (run_id == "seen")
        assert ("$payload" in completed[0]["payload"]) is (run_id == "unseen")
        told = f"`dagnats run inspect {run_id} --full` prints them"
        assert (told in err) is (run_id == "unseen")
        code, out, err = live.run("run", "watch", run_id)
        assert (code, json.loads(out)) == (0, {"made": made, "chars": chars})
        assert ("a stored value of 3,000," in err) is (run_id == "unseen")
        assert ('completed   {"text": "xxx' in err) is (run_id == "seen")
    code, out, err = live.run("run", "watch", "seen", "--raw", "--json")
    assert len(out) < 10_000
    assert json.loads(out.splitlines()[-1])["output"]["made"]["$payload"]["run_id"] == "seen"


def test_events_and_what_a_run_shows_have_values_up_to_a_limit(live: Live) -> None:
    live.play("whole", "small", 300_000)
    made = {"text": "x" * 300_000, "n": 300_000}
    told = live.fine("run", "events", "small", "--type", "step.completed", "--json").splitlines()
    assert json.loads(told[0])["payload"] == made
    raw = live.fine("run", "events", "small", "--raw", "--json")
    assert len(raw) < 10_000
    shown = live.fine("run", "show", "small")
    assert '"text": "xxx' in shown


def test_an_export_has_what_its_events_refer_to(live: Live) -> None:
    live.play("whole", "w2")
    bundle = json.loads(live.fine("run", "export", "w2"))
    (value,) = bundle["payloads"].values()
    assert value == {"text": "x" * CHARS, "n": CHARS}
    file = live.data_dir / "w2.json"
    file.write_text(json.dumps(bundle))
    assert "all decided the same" in live.fine("run", "replay", str(file))
    assert "payloads" not in json.loads(live.fine("run", "export", "w2", "--raw"))


def test_an_expression_that_looks_into_it_says_what_to_do(live: Live) -> None:
    assert live.play("looks", "l1") == "failed"
    message = live.json("run", "show", "l1")["error"]["message"]
    assert "the output of step `make` is a stored value of 3,0" in message


def test_a_child_hands_its_large_output_to_its_parent(live: Live) -> None:
    assert live.play("parent", "p1") == "completed"
    assert live.json("run", "output", "p1") == CHARS


def test_an_input_that_is_too_large_or_reserved_is_refused(live: Live) -> None:
    file = live.data_dir / "input.json"
    for text, why in [
        (json.dumps("x" * 1_500_000), "PAYLOAD_BYTES_MAX"),
        (json.dumps("x" * 10_000_000), "larger than a message"),
        ('{"a": {"$payload": 1}}', "`$payload`"),
        ('{"a": {"\\u0024payload": 1}}', "`$payload`"),
    ]:
        file.write_text(text)
        code, _, err = live.run("run", "start", "whole", "--input", f"@{file}")
        assert code == 4
        assert why in err


def test_purging_removes_values_with_their_runs_and_keeps_what_is_needed(live: Live) -> None:
    live.play("whole", "gone")
    live.begin("waits", "alive")
    eventually(lambda: bool(live.json("approval", "list")), why="nobody was asked")
    rows = live.fine("run", "purge", "--dry-run", "--workflow", "whole", "--json").splitlines()
    would = {json.loads(row)["run_id"] for row in rows}
    there = {row["run_id"] for row in live.json("run", "list", "--workflow", "whole")}
    assert "gone" in would
    events = live.fine("run", "events", "alive", "--type", "workflow.spawn", "--json")
    child = json.loads(events)["payload"]["child_run_id"]
    assert child not in would
    code, out, err = live.run("run", "purge", "--workflow", "whole", "--yes")
    assert (code, len(out.splitlines())) == (0, len(would))
    assert f"removed {len(would)} run" in err
    stay = there - would
    told = "1 run stays" if len(stay) == 1 else f"{len(stay)} runs stay"
    assert f"{told}: needed by another run that is kept" in err
    assert live.run("run", "show", "gone")[0] == 4
    listed = {row["run_id"] for row in live.json("run", "list", "--workflow", "whole")}
    assert child in listed
    assert listed == stay
    live.fine("approval", "approve", "alive", "ok")
    assert live.ended("alive") == "completed"
    assert live.json("run", "output", "alive") == CHARS


def test_every_partition_removes_its_own(tmp_path: Path) -> None:
    handlers = tmp_path / "handlers.py"
    handlers.write_text(WORKER)
    file = tmp_path / "whole.yaml"
    file.write_text(f"dagnats: 1\nname: whole\n{WORKFLOWS['whole']}")
    live = Live(tmp_path)
    server = Served(tmp_path, "--partitions", "3")
    server.start()
    ids = {f"r{number}" for number in range(7)}
    try:
        with worker(tmp_path, handlers):
            live.fine("workflow", "register", str(file))
            for run_id in sorted(ids):
                assert live.play("whole", run_id, 10) == "completed"
            rows = live.fine("run", "purge", "--dry-run", "--json").splitlines()
            assert sorted(json.loads(row)["run_id"] for row in rows) == sorted(ids)
            assert len(live.fine("run", "purge", "--yes").splitlines()) == len(ids)
            server.kill_group()
            server.start()
            assert live.json("run", "list") == []
            assert live.fine("run", "purge", "--dry-run") == ""
            assert live.play("whole", "r0", 10) == "completed"
            events = live.fine("run", "events", "r0", "--json").splitlines()
            seqs = [json.loads(event)["seq"] for event in events]
            assert seqs == list(range(1, len(seqs) + 1))
    finally:
        server.stop()


def test_history_survives_a_purge_and_a_restart(tmp_path: Path) -> None:
    handlers = tmp_path / "handlers.py"
    handlers.write_text(WORKER)
    file = tmp_path / "whole.yaml"
    file.write_text(f"dagnats: 1\nname: whole\n{WORKFLOWS['whole']}")
    live = Live(tmp_path)
    server = Served(tmp_path, "--keep-history", "2s")
    server.start()
    try:
        with worker(tmp_path, handlers):
            live.fine("workflow", "register", str(file))
            live.play("whole", "old")
            gone = "old is still there"
            eventually(lambda: live.run("run", "show", "old")[0] == 4, why=gone, every_s=1)
            server.kill_group()
            server.start()
            assert live.json("run", "list") == []
            assert live.play("whole", "old", 10) == "completed"
            events = live.fine("run", "events", "old", "--json").splitlines()
            assert json.loads(events[0])["type"] == "workflow.started"
    finally:
        server.stop()
