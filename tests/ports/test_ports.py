"""One suite for all implementations of the engine's ports: the real server, memory, simulation.

What the tests and the simulation believe of the doubles is thereby true of JetStream.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from dagnats.errors import BrokenError, FencedError, UnavailableError, UncertainError
from dagnats.jetstream.snapshots import PART_BYTES_MAX
from dagnats.ports import EventLog
from dagnats.wire import subjects
from tests.ports.worlds import World, event, jetstream, memory, settled, simulated

TOO_LARGE = 70_000_000
"""No server takes so much in one message."""

Test = Callable[[World], Awaitable[None]]


@pytest.fixture(
    params=[pytest.param(jetstream, marks=pytest.mark.slow), memory, simulated],
    ids=["jetstream", "memory", "simulated"],
)
def play(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[Test], None]:
    """Run an async test in a world."""

    def run(test: Test) -> None:
        async def main() -> None:
            async with request.param(tmp_path) as world:
                await test(world)

        asyncio.run(main())

    return run


Play = Callable[[Test], None]


async def entries(log: EventLog, after: int = 0) -> list[tuple[int, tuple[bytes, ...]]]:
    return [(entry.offset, entry.lines) async for entry in log.read(after)]


def test_what_is_appended_is_read_in_order(play: Play) -> None:
    async def test(world: World) -> None:
        log = world.log()
        owned = await log.take_over()
        assert (owned.epoch, owned.offset) == (1, 0)
        first = await log.append(0, [event(0), event(1)])
        await log.append(2, [event(2)])
        assert await entries(log) == [(0, ()), (0, (event(0), event(1))), (2, (event(2),))]
        assert await entries(log, first) == [(2, (event(2),))]

    play(test)


def test_a_new_owner_fences_the_old_one(play: Play) -> None:
    async def test(world: World) -> None:
        old, new = world.log(), world.log()
        await old.take_over()
        await old.append(0, [event(0)])
        owned = await new.take_over()
        assert (owned.epoch, owned.offset) == (2, 1)
        with pytest.raises(FencedError):
            await old.append(1, [event(1)])
        await new.append(1, [event(1)])
        with pytest.raises(FencedError):
            await old.append(1, [event(1)])
        assert [lines for _, lines in await entries(new) if lines] == [(event(0),), (event(1),)]

    play(test)


def test_an_offset_is_found_again(play: Play) -> None:
    async def test(world: World) -> None:
        log = world.log()
        await log.take_over()
        offset = 0
        for size in (3, 1, 5, 2, 2, 7):
            await log.append(offset, [event(offset + n) for n in range(size)])
            offset += size
        for wanted in range(offset):
            after = await log.locate(wanted)
            found = await entries(log, after)
            start, lines = next(entry for entry in found if entry[1])
            assert start <= wanted < start + len(lines)

    play(test)


def test_a_trimmed_log_begins_where_it_was_cut(play: Play) -> None:
    async def test(world: World) -> None:
        log = world.log()
        await log.take_over()
        seqs = [await log.append(n, [event(n)]) for n in range(5)]
        await log.trim(seqs[3])
        assert [lines for _, lines in await entries(log)] == [(event(3),), (event(4),)]
        again = await world.log().take_over()
        assert (again.epoch, again.offset) == (2, 5)

    play(test)


@pytest.mark.slow
def test_many_entries_are_read_in_batches(play: Play) -> None:
    async def test(world: World) -> None:
        log = world.log()
        await log.take_over()
        for n in range(1_100):
            await log.append(n, [event(n)])
        assert [lines[0] for _, lines in await entries(log) if lines] == [
            event(n) for n in range(1_100)
        ]

    play(test)


def test_history_knows_how_far_it_is(play: Play) -> None:
    async def test(world: World) -> None:
        feed = world.feed()
        assert await feed.last_offset() == -1
        await feed.publish(["a", "b", "a"], [event(0, "a"), event(1, "b"), event(2, "a")])
        await settled(feed, 2)
        assert await feed.read_run("a") == [event(0, "a"), event(2, "a")]
        assert await feed.last_event("b") == event(1, "b")
        assert await feed.last_event("c") is None
        assert list(await feed.read_run("c")) == []

    play(test)


def test_a_checkpoint_is_loaded_as_it_was_saved(play: Play) -> None:
    async def test(world: World) -> None:
        assert await world.snapshots().load() is None
        snapshots = world.snapshots()
        large = b"x" * (2 * PART_BYTES_MAX + 17)
        await snapshots.save_run("small", b"one")
        await snapshots.save_run("large", large)
        await snapshots.save_closed(0, b"c0")
        await snapshots.save_closed(0, b"c0 again")
        await snapshots.mark(7, 70)
        found = await world.snapshots().load()
        assert found is not None
        assert (found.seq, found.offset) == (7, 70)
        assert found.runs == {"small": b"one", "large": large}
        assert list(found.closed) == [b"c0 again"]

    play(test)


def test_what_was_saved_before_any_mark_is_known(play: Play) -> None:
    async def test(world: World) -> None:
        await world.snapshots().save_run("early", b"one")
        found = await world.snapshots().load()
        assert found is not None
        assert (found.seq, found.offset) == (0, 0)
        assert found.runs == {"early": b"one"}

    play(test)


def test_the_newest_version_of_a_run_counts_and_ended_runs_go(play: Play) -> None:
    async def test(world: World) -> None:
        snapshots = world.snapshots()
        for version in range(5):
            await snapshots.save_run("r", b"version %d" % version)
        await snapshots.save_run("gone", b"y" * (PART_BYTES_MAX + 1))
        await snapshots.mark(1, 1)
        await snapshots.forget_runs(["gone"])
        found = await world.snapshots().load()
        assert found is not None
        assert found.runs == {"r": b"version 4"}
        # A later process goes on counting versions where this one stopped.
        later = world.snapshots()
        await later.load()
        await later.save_run("r", b"later")
        again = await world.snapshots().load()
        assert again is not None
        assert again.runs == {"r": b"later"}

    play(test)


def test_a_version_that_was_cut_short_does_not_count(tmp_path: Path) -> None:
    async def main() -> None:
        async with jetstream(tmp_path) as world:
            whole = b"w" * (PART_BYTES_MAX + 1)
            snapshots = world.snapshots()
            await snapshots.save_run("r", whole)
            await snapshots.mark(1, 1)
            for version in range(2, 6):
                await world.connection.request(
                    subjects.snapshot_run(0, "r", 0),
                    b"torn",
                    headers={"Dagnats-Part": f"{version} 2"},
                )
                found = await world.snapshots().load()
                assert found is not None
                assert found.runs == {"r": whole}

    asyncio.run(main())


def test_programs_and_names(play: Play) -> None:
    async def test(world: World) -> None:
        programs = world.programs()
        assert await programs.load_program("sha256:aa") is None
        assert await programs.load_aliases() == {}
        await programs.save_program("sha256:aa", b"one")
        await programs.save_program("sha256:aa", b"one")
        await programs.save_alias("hello", b"1")
        await programs.save_alias("world", b"1")
        await programs.save_alias("hello", b"2")
        assert await world.programs().load_program("sha256:aa") == b"one"
        assert await world.programs().load_aliases() == {"hello": b"2", "world": b"1"}

    play(test)


def test_an_older_owner_that_comes_late_stores_nothing(play: Play) -> None:
    async def test(world: World) -> None:
        logs = [world.log() for _ in range(3)]
        for epoch, log in enumerate(logs, 1):
            owned = await log.take_over()
            assert (owned.epoch, owned.offset) == (epoch, epoch - 1)
            await log.append(owned.offset, [event(owned.offset)])
        for log in logs[:-1]:
            with pytest.raises(FencedError):
                await log.append(3, [event(99)])
        lines = [line for _, lines in await entries(logs[-1]) for line in lines]
        assert lines == [event(n) for n in range(3)]

    play(test)


def test_an_owner_takes_over_from_itself(play: Play) -> None:
    async def test(world: World) -> None:
        log = world.log()
        first = await log.take_over()
        await log.append(0, [event(0)])
        again = await log.take_over()
        assert (again.epoch, again.offset) == (first.epoch + 1, 1)
        await log.append(1, [event(1)])
        assert [lines for _, lines in await entries(log) if lines] == [(event(0),), (event(1),)]

    play(test)


def test_sequences_grow_without_a_gap(play: Play) -> None:
    async def test(world: World) -> None:
        log = world.log()
        owned = await log.take_over()
        seqs = [await log.append(n, [event(n)]) for n in range(5)]
        assert seqs == list(range(owned.seq + 1, owned.seq + 6))
        assert [entry.seq async for entry in log.read(owned.seq)] == seqs

    play(test)


def test_a_commit_that_no_message_holds_is_broken_and_leaves_nothing(play: Play) -> None:
    async def test(world: World) -> None:
        log = world.log()
        await log.take_over()
        with pytest.raises(BrokenError):
            await log.append(0, [b"x" * TOO_LARGE])
        await log.append(0, [event(0)])
        assert [lines for _, lines in await entries(log) if lines] == [(event(0),)]

    play(test)


def test_chunks_of_ended_runs_come_back_and_the_newest_mark_counts(play: Play) -> None:
    async def test(world: World) -> None:
        snapshots = world.snapshots()
        for chunk in range(3):
            await snapshots.save_closed(chunk, b"c%d" % chunk)
        await snapshots.mark(1, 10)
        await snapshots.mark(2, 20)
        found = await world.snapshots().load()
        assert found is not None
        assert (found.seq, found.offset) == (2, 20)
        assert sorted(found.closed) == [b"c0", b"c1", b"c2"]

    play(test)


def test_an_owner_that_was_replaced_changes_nothing_of_a_checkpoint(play: Play) -> None:
    async def test(world: World) -> None:
        old, new = world.snapshots(), world.snapshots()
        assert await old.load(1) is None
        for run_id in ("r", "ended"):
            await old.save_run(run_id, b"old")
        await old.mark(1, 10)
        found = await new.load(3)
        assert found is not None
        assert found.runs == {"r": b"old", "ended": b"old"}
        await new.save_run("r", b"new")
        await new.save_closed(0, b"c new")
        await new.mark(2, 20)
        await new.forget_runs(["ended"])
        late = [
            old.save_run("r", b"late"),
            old.save_run("ended", b"late"),
            old.save_closed(0, b"c late"),
            old.mark(1, 10),
        ]
        for one in late:
            with pytest.raises(UnavailableError):
                await one
        with contextlib.suppress(UnavailableError):
            await old.forget_runs(["r"])
        with pytest.raises(FencedError):
            await old.load(2)
        left = await world.snapshots().load()
        assert left is not None
        assert (left.seq, left.offset) == (2, 20)
        assert left.runs == {"r": b"new"}
        assert list(left.closed) == [b"c new"]
        await new.forget_runs(["r"])
        left = await world.snapshots().load()
        assert left is not None
        assert left.runs == {}

    play(test)


def test_a_run_that_was_forgotten_can_be_saved_again(play: Play) -> None:
    async def test(world: World) -> None:
        snapshots = world.snapshots()
        await snapshots.save_run("r", b"one")
        await snapshots.forget_runs(["r", "never-there"])
        await snapshots.save_run("r", b"two")
        await snapshots.mark(1, 1)
        found = await world.snapshots().load()
        assert found is not None
        assert found.runs == {"r": b"two"}

    play(test)


def test_history_goes_on_where_another_process_stopped(play: Play) -> None:
    async def test(world: World) -> None:
        first = world.feed()
        await first.publish(["a"] * 50, [event(n, "a") for n in range(50)])
        await settled(first, 49)
        second = world.feed()
        assert await second.last_offset() == 49
        await second.publish(["a"] * 50, [event(n, "a") for n in range(50, 100)])
        await settled(second, 99)
        assert list(await second.read_run("a")) == [event(n, "a") for n in range(100)]

    play(test)


def test_an_event_is_read_once_however_often_it_was_published(play: Play) -> None:
    async def test(world: World) -> None:
        old, new = world.feed(), world.feed()
        lines = [event(n, "a") for n in range(30)]
        await old.publish(["a"] * 20, lines[:20])
        await settled(old, 19)
        await new.publish(["a"] * 20, lines[10:])
        await settled(new, 29)
        await old.publish(["a"] * 10, lines[20:])
        assert await new.last_offset() == 29
        assert list(await new.read_run("a")) == lines

    play(test)


def test_a_name_that_was_deleted_is_gone(play: Play) -> None:
    async def test(world: World) -> None:
        programs = world.programs()
        await programs.save_alias("hello", b"1")
        await programs.save_alias("world", b"1")
        await programs.delete_alias("hello")
        assert await world.programs().load_aliases() == {"world": b"1"}
        await programs.save_alias("hello", b"2")
        assert await world.programs().load_aliases() == {"hello": b"2", "world": b"1"}

    play(test)


def test_the_secret_is_always_the_same(play: Play) -> None:
    async def test(world: World) -> None:
        secret = await world.programs().secret()
        assert len(secret) >= 16
        assert await world.programs().secret() == secret

    play(test)


def test_what_steps_keep_is_found_again_until_the_run_is_forgotten(play: Play) -> None:
    async def test(world: World) -> None:
        kept = world.checkpoints()
        assert await kept.load("r1", "fan[3].fetch") is None
        await kept.save("r1", "fan[3].fetch", b"one")
        await kept.save("r1", "fan[3].fetch", b"two")
        await kept.save("r1", "other", b"x")
        await kept.save("r2", "other", b"y")
        assert await world.checkpoints().load("r1", "fan[3].fetch") == b"two"
        await kept.forget("r1")
        assert await kept.load("r1", "fan[3].fetch") is None
        assert await kept.load("r1", "other") is None
        assert await kept.load("r2", "other") == b"y"

    play(test)


def test_a_message_reaches_all_who_listen_in_order(play: Play) -> None:
    async def test(world: World) -> None:
        bus, heard = world.bus(), list[tuple[str, bytes]]()
        done = asyncio.Event()

        def listener(name: str) -> Callable[[bytes, str], Awaitable[None]]:
            async def listen(payload: bytes, _reply: str) -> None:
                heard.append((name, payload))
                if len(heard) == 20:
                    done.set()

            return listen

        await bus.subscribe("test.a", listener("one"))
        await bus.subscribe("test.a", listener("two"))
        await bus.subscribe("test.b", listener("three"))
        for n in range(10):
            await bus.publish("test.a", b"%d" % n)
        async with asyncio.timeout(5):
            await done.wait()
        for name in ("one", "two"):
            assert [p for who, p in heard if who == name] == [b"%d" % n for n in range(10)]
        assert not [who for who, _ in heard if who == "three"]

    play(test)


def test_a_request_is_answered_on_the_subject_that_came_with_it(play: Play) -> None:
    async def test(world: World) -> None:
        bus = world.bus()

        async def answer(payload: bytes, reply: str) -> None:
            await bus.publish(reply, payload.upper())

        await bus.subscribe("test.shout", answer)
        assert await world.ask("test.shout", b"hello") == b"HELLO"
        assert await world.bus().request("test.shout", b"again", 5) == b"AGAIN"

    play(test)


@pytest.mark.slow
def test_a_request_that_nobody_answers_is_uncertain(play: Play) -> None:
    async def test(world: World) -> None:
        bus = world.bus()
        with pytest.raises(UncertainError):
            await bus.request("test.nobody", b"hello", 0.2)

        async def hear(_payload: bytes, _reply: str) -> None:
            return None

        await bus.subscribe("test.silent", hear)
        with pytest.raises(UncertainError):
            await bus.request("test.silent", b"hello", 0.2)

    play(test)


def test_what_can_never_be_sent_is_broken(play: Play) -> None:
    async def test(world: World) -> None:
        bus = world.bus()
        for subject, payload in (("no subject", b""), ("", b""), ("a", b"x" * (bus.bytes_max + 1))):
            with pytest.raises(BrokenError):
                await bus.publish(subject, payload)
        with pytest.raises(BrokenError):
            await bus.request("a", b"x" * (bus.bytes_max + 1), 1)

    play(test)


def test_a_handler_that_fails_is_told_to_whoever_waits_for_the_end(play: Play) -> None:
    async def test(world: World) -> None:
        bus = world.bus()
        await bus.ready()

        async def fail(_payload: bytes, _reply: str) -> None:
            raise ValueError("as wanted")

        await bus.subscribe("test.fail", fail)
        lost = asyncio.ensure_future(bus.lost())
        await bus.publish("test.fail", b"")
        async with asyncio.timeout(5):
            with pytest.raises(ValueError, match="as wanted"):
                await lost
        await bus.ready()
        again = asyncio.ensure_future(bus.lost())
        await asyncio.sleep(0.05)
        assert not again.done()
        again.cancel()

    play(test)
