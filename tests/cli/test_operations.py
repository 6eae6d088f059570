"""Operations on runs against a real server: signal, pause, retry, fork, approvals, dead letters."""

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.harness import DAGNATS, Served, dagnats, environment, eventually, worker

pytestmark = pytest.mark.slow

WAIT_S = 30

WORKER = """
from pathlib import Path

from dagnats import NonRetryable, task

MENDED = Path(__file__).with_name("mended")


@task("ops.echo")
def echo(input):
    return input


@task("ops.charge")
def charge(input):
    if not MENDED.exists():
        raise NonRetryable("the card was refused")
    return {"paid": input["n"]}
"""
WORKFLOWS = {
    "order": """
labels: {team: "${{ input.team }}"}
steps:
  - {id: fetch, task: ops.echo, with: {n: "${{ input.n }}"}}
  - {id: charge, task: ops.charge, depends_on: [fetch]}
""",
    "release": """
steps:
  - id: ok
    type: approval
    config:
      timeout: 1h
      approvers: [ada, ops]
      description: Ship it?
      form: {type: object, properties: {note: {type: string}}}
""",
    "both": """
steps:
  - {id: one, type: approval, config: {timeout: 1h}}
  - {id: two, type: approval, config: {timeout: 1h, on_reject: complete}}
""",
    "paid": """
steps: [{id: wait, type: wait_for_event, config: {event: order.paid, timeout: 1h}}]
""",
    "spin": """
steps:
  - id: turn
    type: loop
    config:
      max_iterations: 2
      until: "loop.iteration > 5"
      on_exhausted: pause
      steps: [{id: say, type: transform, config: {value: "${{ loop.iteration }}"}}]
""",
    "fan": """
steps:
  - id: each
    type: map
    config:
      over: input
      max_items: 9
      steps: [{id: read, task: ops.echo, with: {name: "${{ item }}"}}]
""",
    "idle": """
labels: {team: "${{ input }}"}
steps: [{id: nobody, task: nobody.does.this}]
""",
}


@dataclass(frozen=True)
class Live:
    """A server with a worker, and the workflows above."""

    data_dir: Path
    server: Served

    def run(self, *words: str) -> tuple[int, str, str]:
        done = dagnats(*words, data_dir=self.data_dir)
        return done.returncode, done.stdout, done.stderr

    def fine(self, *words: str) -> str:
        code, out, err = self.run(*words)
        assert code == 0, err
        return out

    def json(self, *words: str) -> Any:
        return json.loads(self.fine(*words, "--json"))

    def lines(self, *words: str) -> list[Any]:
        return [json.loads(line) for line in self.fine(*words, "--json").splitlines()]

    def start(self, workflow: str, run_id: str, run_input: Any = None) -> str:
        self.fine("run", "start", workflow, json.dumps(run_input), "--id", run_id)
        return run_id

    def reaches(self, run_id: str, status: str) -> None:
        def there() -> bool:
            return bool(self.json("run", "show", run_id)["status"] == status)

        eventually(there, why=f"{run_id} never was {status}")

    def waits(self, run_id: str, kind: str) -> None:
        def there() -> bool:
            causes = self.json("run", "explain", run_id)["causes"]
            return kind in {cause["kind"] for cause in causes}

        eventually(there, why=f"{run_id} never waited for {kind}")


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    data_dir = tmp_path_factory.mktemp("operations")
    (data_dir / "worker.py").write_text(WORKER)
    files = []
    for name, body in WORKFLOWS.items():
        files.append(data_dir / f"{name}.yaml")
        files[-1].write_text(f"dagnats: 1\nname: {name}\n{body.lstrip()}")
    server = Served(data_dir)
    server.start()
    try:
        with worker(data_dir, data_dir / "worker.py"):
            live = Live(data_dir, server)
            live.fine("workflow", "register", *map(str, files))
            yield live
    finally:
        if server.process is not None and server.process.poll() is None:
            server.stop()


@contextmanager
def watching(live: Live, *words: str) -> Iterator["subprocess.Popen[str]"]:
    """`dagnats run watch` until the end of the block."""
    with subprocess.Popen(
        [*DAGNATS, "run", "watch", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(live.data_dir),
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def test_a_failed_run_is_retried_and_its_letter_replayed(live: Live) -> None:
    mended = live.data_dir / "mended"
    mended.unlink(missing_ok=True)
    for run_id in ("bad1", "bad2", "bad3"):
        live.start("order", run_id, {"n": 7, "team": "ops"})
        live.reaches(run_id, "failed")
    letters = {row["run_id"]: row for row in live.json("dlq", "list", "--workflow", "order")}
    assert letters.keys() == {"bad1", "bad2", "bad3"}
    assert letters["bad1"]["step"] == "charge"
    assert "the card was refused" in live.fine("dlq", "list")
    letter = letters["bad2"]["id"]
    assert live.json("dlq", "show", letter)["run_id"] == "bad2"
    assert "the card was refused" in live.fine("dlq", "show", letter)
    code, out, _ = live.run("run", "watch", "bad1")
    assert (code, out) == (1, "")
    mended.touch()
    assert live.fine("run", "retry", "bad1").split()[0] == "bad1"
    code, out, err = live.run("run", "watch", "bad1")
    assert code == 0, err
    assert json.loads(out) == {"paid": 7}
    assert "retried" in err, "it was followed past its first end"
    assert live.fine("dlq", "replay", letter).startswith(f"{letter} replayed bad2")
    live.reaches("bad2", "completed")
    left = [row["id"] for row in live.json("dlq", "list")]
    assert left == [letters["bad3"]["id"]]
    assert live.lines("dlq", "discard", "--all")[0]["id"] == left[0]
    assert live.json("dlq", "list") == []
    assert live.run("dlq", "discard", "--all")[::2] == (0, "there is nothing to discard\n")
    code, out, err = live.run("dlq", "show", left[0])
    assert (code, out) == (4, "")
    assert live.fine("run", "retry-all", "--workflow", "order").startswith("bad3 ")
    live.reaches("bad3", "completed")


def test_a_run_is_forked_with_other_values(live: Live) -> None:
    (live.data_dir / "mended").touch()
    live.start("order", "first", {"n": 7, "team": "ops"})
    live.reaches("first", "completed")
    words = ["run", "fork", "first", "--from", "charge", "--id", "second"]
    assert live.fine(*words, "--set", "steps.fetch.output.n=8") == "second\n"
    live.reaches("second", "completed")
    assert json.loads(live.fine("run", "output", "second")) == {"paid": 8}
    words = ["run", "fork", "first", "--from", "fetch", "--set", "input.n=9", "--json"]
    third = json.loads(live.fine(*words))["run_id"]
    live.reaches(third, "completed")
    assert json.loads(live.fine("run", "output", third)) == {"paid": 9}
    code, _, err = live.run("run", "fork", "first", "--from", "nothing")
    assert code == 4
    assert "nothing" in err
    code, _, err = live.run("run", "fork", "first", "--from", "fetch", "--set", "steps.x.output=1")
    assert code == 2


def test_people_decide(live: Live) -> None:
    live.start("release", "ship")
    live.waits("ship", "approval")
    (row,) = live.json("approval", "list", "--run", "ship")
    assert (row["step"], row["approvers"], row["quorum"]) == ("ok", ["ada", "ops"], 1)
    assert "Ship it?" in live.fine("approval", "list")
    code, out, err = live.run("approval", "approve", "ship", "--by", "eve", "--form", "{}")
    assert (code, out) == (4, "")
    assert "`eve` is none of the approvers" in err
    words = ["approval", "approve", "ship", "ok", "--by", "bob", "--group", "ops"]
    code, _, err = live.run(*words, "--form", '{"note": 1}')
    assert code == 4
    assert "note" in err
    assert live.fine(*words, "--form", '{"note": "go"}', "--comment", "fine").startswith("ship ok")
    live.reaches("ship", "completed")
    decision = json.loads(live.fine("run", "output", "ship"))
    assert decision["by"] == "bob"
    assert decision["form"] == {"note": "go"}
    assert live.run("approval", "approve", "ship", "ok", "--by", "ada")[0] == 4


def test_people_reject_and_say_which_step(live: Live) -> None:
    live.start("both", "two-of-them")
    live.waits("two-of-them", "approval")
    code, _, err = live.run("approval", "reject", "two-of-them")
    assert code == 2
    assert "one, two" in err
    live.fine("approval", "reject", "two-of-them", "two", "--comment", "no")
    answer = live.json("approval", "reject", "two-of-them", "--by", "ada")
    assert (answer["run_id"], answer["step"]) == ("two-of-them", "one")
    code, _, err = live.run("run", "watch", "two-of-them")
    assert code == 1
    assert "rejected by ada" in err


def test_a_run_is_told_what_it_waits_for(live: Live) -> None:
    live.start("paid", "by-signal")
    live.start("paid", "by-event")
    live.waits("by-signal", "event")
    live.waits("by-event", "event")
    assert "order.paid" in live.fine("run", "explain", "by-signal")
    sent = ["run", "signal", "by-signal", "order.paid", '{"n": 1}', "--id", "s1"]
    assert live.json(*sent) == {"run_id": "by-signal", "event_id": "s1"}
    live.reaches("by-signal", "completed")
    assert json.loads(live.fine("run", "output", "by-signal"))["data"] == {"n": 1}
    assert live.json("run", "show", "by-event")["status"] == "running"
    published = ["event", "publish", "order.paid", '{"n": 2}', "--id", "e1"]
    assert live.fine(*published) == "e1\n"
    live.reaches("by-event", "completed")
    assert json.loads(live.fine("run", "output", "by-event"))["data"] == {"n": 2}
    code, out, err = live.run(*published)
    assert (code, out) == (0, "e1\n")
    assert "published before" in err


def test_a_run_that_pauses_says_so_to_who_watches(live: Live) -> None:
    live.start("spin", "spinning")
    with watching(live, "spinning") as process:
        live.reaches("spinning", "paused")
        assert process.poll() is None
        told = live.json("run", "explain", "spinning")
        assert {cause["kind"] for cause in told["causes"]} == {"paused"}
        live.fine("run", "resume", "spinning", "--exhausted", "complete")
        out, err = process.communicate(timeout=WAIT_S)
    assert process.returncode == 0, err
    assert json.loads(out) == {"say": 2}
    assert "turn.say" not in err
    assert "turn[2].say" in err
    assert "waits for somebody" in err
    assert "dagnats run resume spinning" in err


def test_a_run_is_paused_and_resumed(live: Live) -> None:
    live.start("idle", "pausing", "a")
    assert live.fine("run", "pause", "pausing", "--reason", "lunch") == "pausing paused\n"
    assert live.json("run", "list", "--status", "paused")[0]["run_id"] == "pausing"
    assert "lunch" in live.fine("run", "events", "pausing", "--type", "workflow.paused")
    assert live.json("run", "resume", "pausing")["status"] == "running"
    live.fine("run", "cancel", "pausing")
    live.reaches("pausing", "cancelled")


def test_everything_about_a_run_is_a_tree(live: Live) -> None:
    live.start("fan", "fanned", ["a", "b"])
    live.reaches("fanned", "completed")
    shown = live.fine("run", "inspect", "fanned")
    assert "└─ each[1]  completed" in shown
    assert '{"name": "b"}' in shown
    found = live.json("run", "inspect", "fanned")
    (each,) = found["instances"]
    assert [item["id"] for item in each["below"]] == ["each[0]", "each[1]"]
    read = each["below"][1]["below"][0]
    assert (read["id"], read["input"], read["output"]) == (
        "each[1].read",
        {"name": "b"},
        {"name": "b"},
    )
    live.fine("run", "inspect", "fanned", "--full")
    assert live.run("run", "inspect", "fanned", "--generation", "2")[0] == 2
    of_item = live.lines("run", "events", "fanned", "--step", "each[1]", "--type", "step.queued")
    assert [event["step_id"] for event in of_item] == ["each[1].read"]


def test_a_run_is_exported_whole(live: Live, tmp_path: Path) -> None:
    live.start("fan", "exported", ["a"])
    live.reaches("exported", "completed")
    file = tmp_path / "run.json"
    code, out, _ = live.run("run", "export", "exported", "-o", str(file))
    assert (code, out) == (0, "")
    bundle = json.loads(file.read_text())
    assert bundle.keys() == {"dagnats_bundle", "run_id", "program", "events"}
    assert bundle["program"]["name"] == "fan"
    assert bundle["events"][-1]["type"] == "workflow.completed"
    assert json.loads(live.fine("run", "export", "exported")) == bundle
    assert "all decided the same" in live.fine("run", "replay", str(file))
    assert live.json("run", "export", "exported", "-o", str(file))["events"] == len(
        bundle["events"]
    )


def test_a_run_larger_than_a_message_is_told_all_the_same(live: Live, tmp_path: Path) -> None:
    file = tmp_path / "input.json"
    file.write_text(json.dumps(["x" * 400_000]))
    live.fine("run", "start", "fan", "--input", f"@{file}", "--id", "large", "--watch")
    assert json.loads(live.fine("run", "output", "large")) == [{"read": {"name": "x" * 400_000}}]
    shown = live.json("run", "show", "large")
    assert (shown["status"], shown["input"]) == ("completed", ["x" * 400_000])
    code, out, _ = live.run("run", "watch", "large")
    assert code == 0
    assert json.loads(out) == [{"read": {"name": "x" * 400_000}}]
    assert "└─ each[0].read  completed" in live.fine("run", "inspect", "large")
    assert len(live.fine("run", "show", "large")) < 2_000


def test_runs_are_found_by_what_they_are_like(live: Live) -> None:
    for number in range(5):
        live.start("idle", f"list{number}", "red" if number % 2 else "blue")
    listed = live.json("run", "list", "--workflow", "idle", "--label", "team=red")
    assert {row["run_id"] for row in listed} == {"list1", "list3"}
    assert "team=red" in live.fine("run", "list", "--label", "team=red")
    words = ["run", "list", "--workflow", "idle", "--status", "running", "--limit", "2"]
    first = live.json(*words)
    assert len(first) == 2
    rest = live.json(*words[:-2], "--all", "--before", first[-1]["run_id"])
    assert len(rest) == 3
    code, _, err = live.run(*words)
    assert code == 0
    assert "--before" in err
    assert live.json("run", "count", "--workflow", "idle", "--status", "running")["count"] == 5
    code, out, err = live.run("run", "count", "--workflow", "idle", "--label", "team=blue")
    assert (code, out) == (0, "3\n")
    assert "3 running" in err
    assert live.json("run", "list", "--workflow", "idle", "--until", "1h") == []
    assert live.json("run", "count", "--workflow", "idle", "--since", "1h")["count"] >= 5
    assert live.json("run", "show", "@last")["run_id"] == live.json("run", "list")[0]["run_id"]
    code, out, err = live.run("run", "bulk", "cancel", "--label", "team=red", "--dry-run")
    assert (code, err) == (0, "would cancel 2 runs\n")
    assert {line.split()[0] for line in out.splitlines()} == {"list1", "list3"}
    paused = live.lines("run", "bulk", "pause", "--label", "team=red", "--reason", "x")
    assert {row["run_id"]: row["status"] for row in paused} == {
        "list1": "paused",
        "list3": "paused",
    }
    assert len(live.lines("run", "bulk", "resume", "--workflow", "idle")) == 2
    code, out, err = live.run("run", "cancel-all", "--workflow", "idle")
    assert code == 0
    assert err.endswith("cancelled 5 runs\n")
    assert live.json("run", "count", "--workflow", "idle", "--status", "running")["count"] == 0
    code, out, err = live.run("run", "cancel-all", "--workflow", "idle", "--json")
    assert (code, out, err) == (0, "", "there is no run to cancel\n")


def test_a_run_may_begin_later(live: Live) -> None:
    live.fine("run", "start", "idle", '"late"', "--id", "later", "--at", "1h")
    live.waits("later", "timer")
    assert live.json("run", "list", "--status", "pending")[0]["run_id"] == "later"
    live.fine("run", "cancel", "later")
    live.reaches("later", "cancelled")


def test_workflows_have_versions_and_can_be_deleted(live: Live, tmp_path: Path) -> None:
    file = tmp_path / "brief.yaml"
    text = "dagnats: 1\nname: brief\nsteps: [{id: a, type: transform, config: {value: %d}}]\n"
    digests = []
    for value in (1, 2):
        file.write_text(text % value)
        digests.append(live.json("workflow", "register", str(file))["digest"])
    found = live.json("workflow", "versions", "brief")
    assert [row["digest"] for row in found] == digests[::-1]
    assert [row["current"] for row in found] == [True, False]
    assert "current" in live.fine("workflow", "versions", "brief")
    words = ["run", "start", "brief", "--version", digests[0], "--watch"]
    assert live.fine(*words) == "1\n"
    live.start("idle", "keeps", "a")
    code, out, err = live.run("workflow", "delete", "idle")
    assert (code, out) == (4, "")
    assert "alive" in err
    assert live.fine("workflow", "delete", "brief") == "deleted brief\n"
    assert live.run("run", "start", "brief")[0] == 4
    assert live.run("workflow", "delete", "brief")[0] == 4
    live.fine("run", "cancel", "keeps")


@pytest.mark.parametrize(
    "words",
    [
        ("run", "explain", "nothing"),
        ("run", "inspect", "nothing"),
        ("run", "signal", "nothing", "go"),
        ("run", "pause", "nothing"),
        ("run", "resume", "nothing"),
        ("run", "retry", "nothing"),
        ("run", "fork", "nothing", "--from", "a"),
        ("run", "export", "nothing"),
        ("run", "start", "fan", "--version", "nothing"),
        ("approval", "approve", "nothing", "a"),
        ("dlq", "show", "nothing"),
        ("dlq", "replay", "nothing"),
        ("workflow", "versions", "nothing"),
        ("workflow", "delete", "nothing"),
    ],
)
def test_what_the_server_refuses_is_4(live: Live, words: tuple[str, ...]) -> None:
    code, out, err = live.run(*words)
    assert (code, out) == (4, ""), err
    assert err.startswith("error: ")


def test_watching_survives_a_restart_of_the_server(live: Live) -> None:
    live.start("paid", "survives")
    with watching(live, "survives", "--json") as process:
        assert process.stdout is not None
        assert "workflow.started" in process.stdout.readline()
        live.server.kill_group()
        live.server.start()
        live.fine("run", "signal", "survives", "order.paid", "1")
        # Not `communicate`: it would lose what came along with the first line.
        out = process.stdout.read()
        assert process.stderr is not None
        err = process.stderr.read()
        assert process.wait(60) == 0, err
    seqs = [json.loads(line).get("seq") for line in out.splitlines()][:-1]
    assert seqs == list(range(2, len(seqs) + 2))
    assert json.loads(out.splitlines()[-1])["status"] == "completed"
