"""Nothing acknowledged and nothing shown is lost when the power goes: see `chaos.power`."""

import asyncio
import json
import os
import random
import signal
import subprocess
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from dagnats.jetstream.client import Client
from dagnats.jetstream.connection import connect, locate
from tests.chaos import checks
from tests.chaos.load import Load, publish
from tests.chaos.power import NoDiskError, make_image, mounted, photograph
from tests.chaos.run import register
from tests.chaos.town import HANDLERS
from tests.e2e.harness import Served, served, worker

RATE = 40.0
CUTS = 3
SETTLE_S = 60.0

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("servers"), pytest.mark.timeout(300)]


async def under_load(server: Served, load: Load, seconds: float, chance: random.Random) -> Any:
    """Let load flow, and cut the power; returns the ids of all events that were shown.

    In between, everything is written once, so that of what is not synced some is on the disk and
    some is not.
    """
    shown: dict[str, bytes] = {}
    target = locate(None, server.data_dir)
    async with Client.open(target) as client:
        await register(client)
        connection = await connect(target.url, credentials=target.credentials, name="test")

        async def on_event(message: Any) -> None:
            shown[json.loads(message.data)["id"]] = message.data

        await connection.subscribe("history.>", cb=on_event)
        loading = asyncio.create_task(load.run(client, RATE, 600))
        await asyncio.sleep(seconds * chance.uniform(0.2, 0.8))
        await asyncio.to_thread(subprocess.run, ["sync"], check=True)
        await asyncio.sleep(seconds * chance.uniform(0.3, 1.0))
        assert server.process is not None
        os.killpg(server.process.pid, signal.SIGSTOP)
        accepted = dict(load.accepted)
        await asyncio.sleep(0.2)  # what had been sent before arrives
        accepted = dict(load.accepted)
        loading.cancel()
        with suppress(asyncio.CancelledError, BaseExceptionGroup):
            await loading
        await connection.close()
    return accepted, shown


async def examine(data_dir: Path, accepted: Any, shown: dict[str, bytes]) -> list[str]:
    """Wait until everything has ended, and return what is wrong."""
    target = locate(None, data_dir)
    async with Client.open(target) as client:
        # What some wait for was to be published when the power was gone; twice is once.
        for name, n in accepted.values():
            if name == "waits":
                await publish(client, n)
        status = await checks.settle(client, len(accepted), SETTLE_S)
    connection = await connect(target.url, credentials=target.credentials, name="test")
    try:
        seen = await checks.read(connection, 1)
    finally:
        await connection.close()
    problems = checks.check(seen, accepted)
    there = {event["id"]: event for event in seen.history}
    gone = [one for one, data in shown.items() if there.get(one) != json.loads(data)]
    if gone:
        problems.append(f"{len(gone)} events were shown and are not there: {gone[:3]}")
    left = {key: status[key] for key in checks.LEFT if status.get(key)}
    return problems + ([f"left: {left}"] if left else [])


def test_power_is_cut_again_and_again(tmp_path: Path) -> None:
    chance = random.Random(os.environ.get("DAGNATS_SEED", "power"))
    accepted: dict[str, tuple[str, int]] = {}
    shown: dict[str, bytes] = {}
    image = tmp_path / "disk0.img"
    try:
        make_image(image)
        with mounted(image, tmp_path / "disk0"):
            pass
    except NoDiskError as missing:
        pytest.skip(str(missing))
    kinds = ("chain", "fan", "pages", "waits", "gated", "limited", "saga", "naps", "parent")
    for cut in range(CUTS):
        copy = tmp_path / f"disk{cut + 1}.img"
        load = Load(cut, kinds=kinds, asked=cut * 100_000)
        with mounted(image, tmp_path / f"disk{cut}") as disk:
            server = Served(disk / "data", log=tmp_path / "serve.log")
            (disk / "data").mkdir(exist_ok=True)
            server.start()
            try:
                with worker(disk / "data", HANDLERS, log_file=tmp_path / "worker.log") as hand:
                    more, seen = asyncio.run(under_load(server, load, 6.0, chance))
                    photograph(image, copy)
                    server.kill_group()
                    hand.kill()
            finally:
                if server.process is not None and server.process.poll() is None:
                    server.kill_group()
        accepted |= more
        shown |= seen
        image.unlink()
        image = copy
    with (
        mounted(image, tmp_path / "last") as disk,
        served(disk / "data", log=tmp_path / "serve.log") as server,
        worker(disk / "data", HANDLERS, log_file=tmp_path / "worker.log"),
    ):
        problems = asyncio.run(examine(disk / "data", accepted, shown))
        said = server.said()
    print(f"{len(accepted)} runs accepted, {len(shown)} events shown, {CUTS} cuts")
    print(*(line for line in said.splitlines() if "recovered" in line), sep="\n")
    assert not problems, f"{problems[:10]}\n{said[-2000:]}"
