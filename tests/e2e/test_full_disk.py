"""A disk that is full, and one that has room again; on a small one of our own, where we may."""

import asyncio
import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from dagnats.jetstream import setup
from dagnats.jetstream.connection import connect
from dagnats.jetstream.devserver import DevServer
from dagnats.wire import subjects
from tests.e2e.harness import DAGNATS, dagnats, environment, eventually, served, show, worker

HERE = Path(__file__).parent
DISK_BYTES = 24_000_000
MESSAGE_BYTES = 100_000
LONG = """
dagnats: 1
name: long
steps:
  - {id: s0, task: slow}
""" + "".join(f"  - {{id: s{n}, task: slow, depends_on: [s{n - 1}]}}\n" for n in range(1, 10))

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("servers")]


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A directory on a disk of DISK_BYTES."""
    mounted = tmp_path / "disk"
    mounted.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "tmpfs", str(mounted)]
    try:
        done = subprocess.run(mount, capture_output=True, text=True, check=False)
    except OSError as missing:
        pytest.skip(f"needs `mount`: {missing}")
    if done.returncode:
        pytest.skip(f"may not mount a small disk: {done.stderr.strip()}")
    yield mounted
    subprocess.run(["umount", "--lazy", str(mounted)], check=True)


def fill(disk: Path, leave: int = 0) -> Path:
    """Write until nothing more, or only `leave` bytes more, can be written."""
    ballast = disk / "ballast"
    free = os.statvfs(disk)
    size = free.f_bavail * free.f_frsize - leave
    ballast.write_bytes(bytes(max(0, size)))
    return ballast


def start(data_dir: Path, run_id: str, *more: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [*DAGNATS, "run", "start", "long", "--id", run_id, *more],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(data_dir),
    )


def register(data_dir: Path, tmp_path: Path) -> None:
    (tmp_path / "long.yaml").write_text(LONG)
    done = dagnats("workflow", "register", str(tmp_path / "long.yaml"), data_dir=data_dir)
    assert done.returncode == 0, done.stderr


def test_it_goes_on_once_there_is_room_again(
    disk: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRACE", str(tmp_path / "trace"))
    slow, log = HERE / "slow_worker.py", tmp_path / "worker.log"
    with served(disk, log=tmp_path / "log") as server, worker(disk, slow, log_file=log):
        register(disk, tmp_path)
        watching = start(disk, "before", "--watch")
        trace = tmp_path / "trace"
        eventually(lambda: trace.exists() and len(trace.read_text().splitlines()) >= 2)
        ballast = fill(disk)
        eventually(lambda: "is full: nothing can be stored" in server.said(), why="nothing told")
        assert server.said().count("is full: nothing can be stored") == 1
        asking = start(disk, "meanwhile")
        ballast.unlink()
        eventually(lambda: "starting it again" in server.said(), why=server.said())
        assert asking.wait(60) == 0, asking.communicate()
        for one in ("before", "meanwhile"):
            eventually(lambda one=one: show(disk, one)["status"] == "completed", why=server.said())
        assert watching.wait(60) == 0, watching.communicate()
        told = dagnats("run", "events", "before", "--json", data_dir=disk).stdout
    for process in (asking, watching):
        process.communicate()
    events = [json.loads(line) for line in told.splitlines()]
    assert [event["seq"] for event in events] == list(range(1, len(events) + 1))


def test_what_is_stored_does_not_count_as_missing_room(disk: Path) -> None:
    """Two thirds of the disk are stored; after a start the last third takes more."""

    async def store(messages: int) -> None:
        server = await DevServer.start(disk, fsync="interval")
        connection = await connect(server.url, credentials=server.credentials, name="test")
        await setup.ensure(connection)
        js = connection.jetstream()
        for _ in range(messages):
            await js.publish(subjects.history("r1"), bytes(MESSAGE_BYTES))
        await connection.close()
        await server.stop()

    asyncio.run(store(2 * DISK_BYTES // 3 // MESSAGE_BYTES))
    asyncio.run(store(DISK_BYTES // 6 // MESSAGE_BYTES))


def test_serving_on_a_full_disk_is_told_in_one_line(disk: Path, tmp_path: Path) -> None:
    fill(disk)
    done = subprocess.run(
        [*DAGNATS, "serve"],
        capture_output=True,
        text=True,
        check=False,
        env=environment(disk),
        timeout=30,
    )
    assert done.returncode == 2, done.stderr
    assert "No space left on device" in done.stderr
    assert len(done.stderr.splitlines()) == 1
