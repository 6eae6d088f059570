"""`dagnats serve` as an operator meets it: refusals at the start, and every way to end it."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.e2e.harness import (
    DAGNATS,
    dagnats,
    environment,
    eventually,
    nats_server,
    processes_of,
    served,
)

WAIT_S = 30.0
ROOT = Path(__file__).resolve().parents[2]
HELLO = ROOT / "examples" / "hello" / "hello.json"

pytestmark = pytest.mark.slow


def serve(data_dir: Path, *arguments: str, **more: str) -> "subprocess.CompletedProcess[str]":
    """Serve where that ends at once."""
    return subprocess.run(
        [*DAGNATS, "serve", *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=WAIT_S,
        env=environment(data_dir) | more,
    )


@contextmanager
def taken_port() -> Iterator[int]:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        yield other.getsockname()[1]


# ── refusals ─────────────────────────────────────────────────────────────────────────────────────


def test_a_second_one_on_the_same_directory_is_refused(tmp_path: Path) -> None:
    with served(tmp_path):
        done = serve(tmp_path)
    assert (done.returncode, done.stdout) == (4, "")
    (line,) = done.stderr.splitlines()
    assert "is served already by process" in line


@pytest.mark.parametrize(
    ("option", "said"), [("--nats-port={}", "is taken"), ("--http=127.0.0.1:{}", "cannot listen")]
)
def test_a_taken_port_is_told(tmp_path: Path, option: str, said: str) -> None:
    with taken_port() as port:
        done = serve(tmp_path, option.format(port))
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert said in line
    assert str(port) in line
    eventually(lambda: not processes_of(tmp_path), why="a process is left")


@pytest.mark.parametrize("http", ["8080", "127.0.0.1:99999", "127.0.0.1:-1", "127.0.0.1:http"])
def test_a_wrong_address_is_told_before_anything_starts(tmp_path: Path, http: str) -> None:
    done = serve(tmp_path / "data", "--http", http)
    assert done.returncode == 2
    assert "is not HOST:PORT" in done.stderr
    assert not (tmp_path / "data").exists()


def test_a_directory_that_cannot_be_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for place in ("file", "file/below"):
        done = serve(tmp_path / place)
        assert done.returncode == 2
        (line,) = done.stderr.splitlines()
        assert "cannot use data directory" in line


def test_garbage_in_the_directory_is_no_matter(tmp_path: Path) -> None:
    for name in ("serve.json", "port", "nats-server.pid", "nats-server.conf", "lock", "other"):
        (tmp_path / name).write_bytes(b"\xff{garbage")
    with served(tmp_path):
        assert dagnats("run", "list", data_dir=tmp_path).returncode == 0


def test_a_server_that_ends_says_why(tmp_path: Path) -> None:
    (tmp_path / "jetstream").touch()
    done = serve(tmp_path)
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert "nats-server ended with code 1: " in line
    assert "not a directory" in line


# ── where it is ──────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "name",
    ["größe-é-日本", "a b  c", "it's", 'a "quoted" one', "back\\slash\\", "$HOME #no {1}", "tab\t"],
)
def test_a_directory_may_have_any_name(tmp_path: Path, name: str) -> None:
    data_dir = tmp_path / name
    data_dir.mkdir()
    with served(data_dir):
        assert (data_dir / "jetstream").is_dir()
        assert dagnats("run", "list", data_dir=data_dir).returncode == 0


def test_a_relative_directory_holds_everywhere(tmp_path: Path, monkeypatch: object) -> None:
    """Served by a relative path, and found from another place by `~`."""
    (tmp_path / "data").mkdir()
    monkeypatch.chdir(tmp_path)  # type: ignore[attr-defined]
    home = environment(Path("~/data")) | {"HOME": str(tmp_path)}
    with served(Path("data")):
        where = json.loads(Path("data/serve.json").read_text())
        assert where["credentials"] == str(tmp_path / "data" / "credentials.json")
        done = subprocess.run(
            [*DAGNATS, "run", "list"], cwd="/", capture_output=True, check=False, env=home
        )
    assert done.returncode == 0, done.stderr
    assert not (tmp_path / "~").exists()


# ── the end ──────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("name", "code"), [(signal.SIGTERM, 0), (signal.SIGHUP, 0), (signal.SIGINT, 130)]
)
def test_a_signal_ends_it(tmp_path: Path, name: signal.Signals, code: int) -> None:
    with served(tmp_path) as server:
        server.signal(name)
        assert server.ended() == code, server.said()
    assert not (tmp_path / "serve.json").exists()
    assert server.said() == ""
    eventually(lambda: not processes_of(tmp_path / "nats-server.conf"), why="a process is left")


@pytest.mark.parametrize("name", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_it_ends_while_nats_is_away(tmp_path: Path, name: signal.Signals) -> None:
    with nats_server(tmp_path / "nats") as nats, served(tmp_path, "--nats-url", nats.url) as server:
        nats.process.kill()
        nats.process.wait()
        server.signal(name)
        assert server.ended() == (130 if name == signal.SIGINT else 0), server.said()
    assert not (tmp_path / "serve.json").exists()


def test_the_second_signal_ends_it_at_once(tmp_path: Path) -> None:
    with nats_server(tmp_path / "nats") as nats, served(tmp_path, "--nats-url", nats.url) as server:
        # So that there is something to store at the end, and nobody who stores it.
        assert dagnats("workflow", "register", str(HELLO), data_dir=tmp_path).returncode == 0
        assert dagnats("run", "start", "hello", '"Ada"', data_dir=tmp_path).returncode == 0
        nats.process.send_signal(signal.SIGSTOP)
        server.signal(signal.SIGTERM)
        with pytest.raises(subprocess.TimeoutExpired):
            server.process.wait(1)
        server.signal(signal.SIGTERM)
        assert server.ended() == 130, server.said()
        nats.process.send_signal(signal.SIGCONT)
    assert not (tmp_path / "serve.json").exists()


def test_it_ends_when_its_server_cannot_be_kept(tmp_path: Path) -> None:
    with served(tmp_path) as server:
        (tmp_path / "credentials.json").write_text("garbage")
        os.kill(int((tmp_path / "nats-server.pid").read_text()), signal.SIGKILL)
        assert server.ended() == 1, server.said()
    assert "the NATS server cannot be kept running: cannot read the credentials" in server.said()
    assert "Traceback" not in server.said()


def test_a_killed_nats_server_is_started_again(tmp_path: Path) -> None:
    with served(tmp_path) as server:
        os.kill(int((tmp_path / "nats-server.pid").read_text()), signal.SIGKILL)
        eventually(lambda: "starting it again" in server.said())
        assert dagnats("run", "list", data_dir=tmp_path).returncode == 0


@pytest.mark.skipif(sys.platform != "linux", reason="needs PR_SET_PDEATHSIG")
def test_a_killed_one_leaves_no_nats_server(tmp_path: Path) -> None:
    with served(tmp_path) as server:
        server.signal(signal.SIGKILL)
        server.ended()
    eventually(lambda: not processes_of(tmp_path / "nats-server.conf"), why="a process is left")


# ── somebody else's NATS server ──────────────────────────────────────────────────────────────────


def test_several_servers_may_be_named(tmp_path: Path) -> None:
    with taken_port() as nobody:
        pass
    with nats_server(tmp_path / "nats") as nats:
        both = f"nats://127.0.0.1:{nobody},{nats.url}"
        with served(tmp_path, "--nats-url", both):
            assert dagnats("run", "list", data_dir=tmp_path).returncode == 0
            assert dagnats("run", "list", "--server", both, data_dir=tmp_path).returncode == 0


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ("", "has no JetStream"),
        ("max_payload: 64KB\njetstream: {{store_dir: {store}}}", "takes messages of 65536 bytes"),
    ],
)
def test_a_server_that_does_not_serve_is_told(tmp_path: Path, config: str, said: str) -> None:
    with nats_server(tmp_path / "nats", config) as nats:
        done = serve(tmp_path, "--nats-url", nats.url)
    assert done.returncode == 4, done.stderr
    assert said in done.stderr
    assert "help: " in done.stderr
    assert "Traceback" not in done.stderr


def test_nobody_there_is_3(tmp_path: Path) -> None:
    with taken_port() as port:
        pass
    done = serve(tmp_path, "--nats-url", f"nats://who:secret@127.0.0.1:{port}")
    assert done.returncode == 3
    assert f"no NATS server answers at nats://127.0.0.1:{port}" in done.stderr
    assert "secret" not in done.stderr


def test_what_is_no_address_is_2_and_tells_no_password(tmp_path: Path) -> None:
    done = serve(tmp_path, "--nats-url", "nats://who:secret@[::1:4222")
    assert done.returncode == 2
    assert "is not a NATS address" in done.stderr
    assert "secret" not in done.stderr
