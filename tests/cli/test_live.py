"""The commands against a real server, worker and runs, as a user types them."""

import json
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.e2e.harness import DAGNATS, dagnats, environment, served, worker

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
HELLO = ROOT / "examples" / "hello"
WAIT_S = 30
FAILING = """
dagnats: 1
name: failing
steps: [{id: greet, task: hello.greet, with: {name: 1}}]
"""
WAITING = """
dagnats: 1
name: waiting
steps: [{id: nobody, task: nobody.does.this}]
"""


@dataclass(frozen=True)
class Live:
    """A server with a worker for `hello`, and three workflows."""

    data_dir: Path

    def run(self, *words: str) -> tuple[int, str, str]:
        done = dagnats(*words, data_dir=self.data_dir)
        return done.returncode, done.stdout, done.stderr


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    data_dir = tmp_path_factory.mktemp("live")
    (data_dir / "failing.yaml").write_text(FAILING)
    (data_dir / "waiting.yaml").write_text(WAITING)
    with served(data_dir), worker(data_dir, HELLO / "worker.py"):
        live = Live(data_dir)
        files = [HELLO / "hello.json", data_dir / "failing.yaml", data_dir / "waiting.yaml"]
        code, out, err = live.run("workflow", "register", *map(str, files))
        assert code == 0, err
        assert [line.split()[:2] for line in out.splitlines()] == [
            ["registered", "hello"],
            ["registered", "failing"],
            ["registered", "waiting"],
        ]
        yield live


def test_a_watched_run_gives_its_output_and_tells_its_progress(live: Live) -> None:
    code, out, err = live.run("run", "start", "hello", '"Ada"', "--watch")
    assert (code, out) == (0, "Hello, Ada!\n")
    told = [line.split()[2] for line in err.splitlines()]
    assert told == ["started", "queued", "started", "completed", "completed"]


def test_a_watched_run_as_json_is_a_line_an_event_and_one_for_the_end(live: Live) -> None:
    code, out, err = live.run("run", "start", "hello", '"Ada"', "--watch", "--json")
    *events, end = [json.loads(line) for line in out.splitlines()]
    assert (code, err) == (0, "")
    assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
    assert set(end) == {"run_id", "status", "output", "error"}
    assert (end["status"], end["output"], end["error"]) == ("completed", "Hello, Ada!", None)


def test_a_run_that_fails_is_1_with_its_error(live: Live) -> None:
    code, out, err = live.run("run", "start", "failing", "--watch")
    assert (code, out) == (1, "")
    assert "invalid_input" in err.splitlines()[-1]


def test_starting_without_watching_prints_the_id(live: Live) -> None:
    code, out, _ = live.run("run", "start", "hello", '"Ada"', "--json", "--id", "by-hand")
    assert code == 0
    assert json.loads(out)["run_id"] == "by-hand"
    again = live.run("run", "start", "hello", '"Ada"', "--id", "by-hand")
    assert again[:2] == (0, "by-hand\n")
    code, _, err = live.run("run", "watch", "by-h")
    assert (code, err) == (4, "error: no run `by-h`\n"), "a chosen id is whole"
    assert live.run("run", "output", "by-hand")[:2] == (0, "Hello, Ada!\n")
    code, out, _ = live.run("run", "events", "by-hand", "--json")
    assert json.loads(out.splitlines()[-1])["type"] == "workflow.completed"


def test_a_made_id_may_be_shortened(live: Live) -> None:
    code, run_id, _ = live.run("run", "start", "hello", '"Ada"')
    assert code == 0
    assert live.run("run", "watch", run_id.strip()[:-1])[:2] == (0, "Hello, Ada!\n")


def test_a_run_says_what_it_waits_for_and_can_be_cancelled(live: Live) -> None:
    assert live.run("run", "start", "waiting", "--id", "stuck")[0] == 0
    code, out, _ = live.run("run", "show", "stuck")
    assert code == 0
    assert "waits for a worker for task `nobody.does.this`: none is connected" in out
    assert live.run("run", "output", "stuck")[0] == 1
    assert live.run("run", "cancel", "stuck", "--reason", "enough")[0] == 0
    code, _, err = live.run("run", "watch", "stuck")
    assert code == 1
    assert "cancelled" in err.splitlines()[-1]
    assert json.loads(live.run("run", "show", "stuck", "--json")[1])["status"] == "cancelled"


@pytest.mark.parametrize(
    "words",
    [
        ("run", "start", "nothing"),
        ("run", "start", "hello", "42"),
        ("run", "show", "nothing"),
        ("run", "watch", "nothing"),
        ("run", "cancel", "nothing"),
        ("workflow", "show", "nothing"),
    ],
)
def test_what_the_server_refuses_is_4(live: Live, words: tuple[str, ...]) -> None:
    code, out, err = live.run(*words)
    assert (code, out) == (4, "")
    assert err.startswith("error: ")


def test_registering_again_changes_nothing(live: Live) -> None:
    code, out, _ = live.run("workflow", "register", str(HELLO / "hello.json"), "--json")
    assert code == 0
    assert json.loads(out)["created"] is False


def test_workflows_are_listed_and_shown(live: Live) -> None:
    code, out, _ = live.run("workflow", "list", "--json")
    assert code == 0
    assert {row["name"] for row in json.loads(out)} == {"hello", "failing", "waiting"}
    shown = json.loads(live.run("workflow", "show", "hello", "--json")[1])
    assert shown["digest"].startswith("sha256:")
    assert json.loads(live.run("workflow", "show", "hello")[1]) == shown["program"]


def test_runs_are_listed(live: Live) -> None:
    assert live.run("run", "start", "hello", '"Ada"', "--id", "listed", "--watch")[0] == 0
    rows = json.loads(live.run("run", "list", "--workflow", "hello", "--json")[1])
    assert "listed" in {row["run_id"] for row in rows}
    assert "listed" in live.run("run", "list", "--status", "completed")[1]


def test_the_doctor_finds_the_server(live: Live) -> None:
    code, out, _ = live.run("doctor", "--json")
    checks = {check["name"]: check for check in json.loads(out)["checks"]}
    assert code == 0, out
    assert checks["server"]["value"] == "serving"
    assert checks["fsync"]["value"] == "always"
    assert checks["data directory"]["source"] == "DAGNATS_DATA_DIR"


def test_cancelling_as_json_is_one_document(live: Live) -> None:
    assert live.run("run", "start", "waiting", "--id", "unwanted")[0] == 0
    code, out, err = live.run("run", "cancel", "unwanted", "--json")
    assert (code, err) == (0, "")
    assert json.loads(out)["run_id"] == "unwanted"


def test_what_has_ended_cannot_be_cancelled(live: Live) -> None:
    assert live.run("run", "start", "hello", '"Ada"', "--id", "ended", "--watch")[0] == 0
    code, out, err = live.run("run", "cancel", "ended")
    assert (code, out) == (4, "")
    assert "is completed already" in err


@pytest.mark.parametrize("words", [("run", "watch"), ("run", "events", "--follow")])
def test_an_interrupt_is_130(live: Live, words: tuple[str, ...]) -> None:
    run_id = f"long-{words[1]}"
    assert live.run("run", "start", "waiting", "--id", run_id)[0] == 0
    with process(live, *words, run_id, "--json") as watching:
        assert watching.stdout is not None
        assert "workflow.started" in watching.stdout.readline()
        watching.send_signal(signal.SIGINT)
        _, err = watching.communicate(timeout=WAIT_S)
        assert watching.returncode == 130
        told = f"the run goes on: `dagnats run watch {run_id}` follows it again\n"
        assert err == (told if words[1] == "watch" else "")


def test_an_interrupted_worker_is_130(live: Live) -> None:
    with process(live, "worker", "run", str(HELLO / "worker.py")) as working:
        assert working.stderr is not None
        assert "does hello.greet" in working.stderr.readline()
        working.send_signal(signal.SIGINT)
        assert working.wait(WAIT_S) == 130


@contextmanager
def process(live: Live, *words: str) -> Iterator["subprocess.Popen[str]"]:
    """A command that goes on until the end of the block."""
    with subprocess.Popen(
        [*DAGNATS, *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(live.data_dir),
    ) as running:
        try:
            yield running
        finally:
            running.kill()


def test_a_closed_pipe_is_no_traceback(live: Live) -> None:
    code, out, _ = live.run("run", "start", "hello", '"Ada"', "--json", "--watch")
    run_id = json.loads(out.splitlines()[-1])["run_id"]
    assert code == 0
    script = f"{' '.join(DAGNATS)} run events {run_id} | head -n 1"
    done = subprocess.run(
        ["bash", "-c", script],
        capture_output=True,
        text=True,
        check=False,
        env=environment(live.data_dir),
    )
    assert "hello" in done.stdout
    assert done.stderr == ""
