"""What `setup` does to the streams of a NATS server that others run too."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import pytest
from nats.aio.client import Client
from nats.js.api import DiscardPolicy, StorageType, StreamConfig, StreamSource

from dagnats.errors import DagnatsError, NoServerError, RefusedError
from dagnats.jetstream import client, connection, setup
from dagnats.jetstream.connection import Target, connect
from dagnats.jetstream.devserver import DevServer
from dagnats.wire import subjects
from tests.e2e.harness import nats_server

pytestmark = pytest.mark.slow


def on_a_server(tmp_path: Path, work: Callable[[Client], Awaitable[None]]) -> None:
    async def main(url: str) -> None:
        connected = await connect(url, name="test")
        try:
            await work(connected)
        finally:
            await connected.close()

    with nats_server(tmp_path / "nats") as nats:
        asyncio.run(main(nats.url))


def test_what_an_operator_chose_stays(tmp_path: Path) -> None:
    async def work(connected: Client) -> None:
        js = connected.jetstream()
        chosen = StreamConfig(
            name=subjects.HISTORY_STREAM,
            subjects=[subjects.HISTORY_ALL],
            storage=StorageType.FILE,
            max_age=3600,
            allow_direct=True,
            description="mine",
        )
        await js.add_stream(chosen)
        before = (await js.stream_info(subjects.HISTORY_STREAM)).config
        await setup.ensure(connected)
        after = (await js.stream_info(subjects.HISTORY_STREAM)).config
        needed = [subjects.HISTORY_ALL, subjects.HISTORY_MARKS]
        assert after == replace(before, subjects=needed)
        assert before.persist_mode != setup.STREAMS[2].config.persist_mode

    on_a_server(tmp_path, work)


def test_what_is_needed_is_put_right_and_nothing_else(tmp_path: Path) -> None:
    async def work(connected: Client) -> None:
        await setup.ensure(connected)
        js = connected.jetstream()
        made = (await js.stream_info(subjects.LOG_STREAM)).config
        spoilt = replace(made, discard=DiscardPolicy.OLD, description="mine")
        await js.update_stream(spoilt)
        await setup.ensure(connected)
        found = (await js.stream_info(subjects.LOG_STREAM)).config
        assert found == replace(made, description="mine")

    on_a_server(tmp_path, work)


def test_a_stream_that_takes_our_subjects_is_told(tmp_path: Path) -> None:
    async def work(connected: Client) -> None:
        await connected.jetstream().add_stream(name="OTHER", subjects=["history.>"])
        with pytest.raises(RefusedError, match="takes its subjects") as refused:
            await setup.ensure(connected)
        assert refused.value.exit_code == 4

    on_a_server(tmp_path, work)


def test_a_refused_update_is_told(tmp_path: Path) -> None:
    async def work(connected: Client) -> None:
        js = connected.jetstream()
        await js.add_stream(name="ORIGIN", subjects=["origin"])
        await js.add_stream(name=subjects.LOG_STREAM, mirror=StreamSource(name="ORIGIN"))
        with pytest.raises(RefusedError, match="`DAGNATS_LOG` cannot be set up: ") as refused:
            await setup.ensure(connected)
        assert refused.value.exit_code == 4

    on_a_server(tmp_path, work)


# ── connections ──────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("url", "servers", "user"),
    [
        ("localhost", ("nats://localhost:4222",), None),
        ("nats://u:p%40@h:1", ("nats://h:1",), "u"),
        ("nats://[::1]:4222", ("nats://[::1]:4222",), None),
        ("nats://a:1, tls://u:p@b:2", ("nats://a:1", "tls://b:2"), "u"),
    ],
)
def test_addresses(url: str, servers: tuple[str, ...], user: str | None) -> None:
    address = connection.parse_url(url)
    assert (address.servers, address.user) == (servers, user)
    assert address.public == ",".join(servers)


@pytest.mark.parametrize(
    "url", ["", "nats://", "nats://[::1:4222", "nats://h:x", "nats://h:99999", "http://h", "a,,b"]
)
def test_what_is_no_address(url: str) -> None:
    with pytest.raises(DagnatsError, match="is not a NATS address") as refused:
        connection.parse_url(url.replace("//", "//u:secret@"))
    assert refused.value.exit_code == 2
    assert "secret" not in str(refused.value)


def test_what_every_partition_answers_is_waited_for_while_there_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "PATIENCE_S", 0.5)

    async def main() -> None:
        server = await DevServer.start(tmp_path, fsync="interval")
        async with client.Client.open(Target(server.url, server.credentials)) as asking:
            with pytest.raises(NoServerError, match="no dagnats engine answers"):
                await asking.call("run.list", {})
        await server.stop()

    asyncio.run(main())


def test_a_closed_connection_stays_closed_though_its_cancellation_is_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    connecting = asyncio.Event()

    async def refused_when_cancelled(_client: Client, _server: object) -> None:
        # As `asyncio.wait_for` of Python 3.11 has it when both come at the same time.
        first = not connecting.is_set()
        connecting.set()
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            if not first:
                raise
            raise ConnectionRefusedError from None

    async def main() -> None:
        server = await DevServer.start(tmp_path, fsync="interval")
        connected = await connect(server.url, credentials=server.credentials, name="test")
        monkeypatch.setattr(Client, "_connect_to_server", refused_when_cancelled)
        await server.stop()
        await connecting.wait()
        await connected.close()
        left = asyncio.all_tasks() - {asyncio.current_task()}
        assert not [task for task in left if "reconnect" in repr(task)]

    asyncio.run(main())


def test_who_closes_a_connection_that_has_just_been_lost_is_not_cancelled(tmp_path: Path) -> None:
    async def main() -> None:
        server = await DevServer.start(tmp_path, fsync="interval")
        # It is between two turns of the event loop that closing comes in the way of reconnecting.
        for turns in range(5):
            connected = await connect(server.url, credentials=server.credentials, name="test")
            await connected._process_op_err(ConnectionResetError())
            for _ in range(turns):
                await asyncio.sleep(0)
            await connected.close()
            assert connected.is_closed
        await server.stop()

    asyncio.run(main())


def test_a_follower_says_that_the_server_is_gone_and_gives_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "LOST_S", 0.5)
    said: list[str] = []

    async def main() -> None:
        server = await DevServer.start(tmp_path, fsync="interval")
        target = Target(server.url, server.credentials)
        async with client.Client.open(target, said.append) as asking:
            following = asyncio.ensure_future(anext(asking.events("r1", follow=True)))
            await server.stop()
            with pytest.raises(NoServerError, match="has been gone for"):
                await following

    asyncio.run(main())
    assert said == ["the server is gone; waiting for it, at most 0 s"]


def test_a_follower_says_that_the_server_is_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "QUIET_S", 0.1)
    said: list[str] = []

    async def main() -> None:
        server = await DevServer.start(tmp_path, fsync="interval")
        engine = await connect(server.url, credentials=server.credentials, name="engine")
        await setup.ensure(engine)
        target = Target(server.url, server.credentials)

        async def answer(message: object) -> None:
            await message.respond(b"{}")  # type: ignore[attr-defined]

        async with client.Client.open(target, said.append) as asking:
            following = asyncio.ensure_future(anext(asking.events("r1", follow=True)))
            async with asyncio.timeout(20):
                while not said:  # nobody answers for the engine
                    await asyncio.sleep(0.05)
                await engine.subscribe(subjects.api("status"), cb=answer)
                while len(said) < 2:
                    await asyncio.sleep(0.05)
                await server.restart()
                await engine.jetstream().publish(
                    subjects.history("r1"), b'{"id":"0-0","seq":1,"type":"workflow.completed"}'
                )
                assert (await following)["seq"] == 1
        await engine.close()
        await server.stop()

    asyncio.run(main())
    assert said[:2] == ["the server is gone; waiting for it, at most 60 s", "the server is back"]


def test_events_that_cannot_be_read_to_the_end_are_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def main() -> None:
        server = await DevServer.start(tmp_path, fsync="interval")
        async with client.Client.open(Target(server.url, server.credentials)) as asking:
            await server.stop()
            with pytest.raises(NoServerError, match="stopped answering"):
                await anext(asking.events("r1", follow=False))

    asyncio.run(main())
