"""The parts of the engine that hold no I/O: outbox, timers, the book of runs."""

import asyncio
from types import SimpleNamespace
from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from dagnats.engine.book import (
    CHUNK_SIZE,
    CLOSED_MAX,
    Closed,
    Summary,
    decode_closed,
    encode_chunk,
)
from dagnats.engine.ingress import pruned
from dagnats.engine.outbox import GROUP_BYTES_MAX, Outbox
from dagnats.engine.pump import Pump, _notices
from dagnats.engine.timers import STALE_MIN, Steady, Timers
from dagnats.machine.events import StepCompleted, encode
from dagnats.runid import _encoded
from dagnats.testing.memory import ManualClock
from dagnats.wire import tasks
from dagnats.wire.api import Ended


def event(seq: int, payload: str = "") -> bytes:
    return encode(StepCompleted(seq, "run", "w", 1, "2026-01-01T00:00:00.000Z", "a", 1, 0, payload))


def summary(number: int) -> Summary:
    return Summary(f"r{number}", "w", "d", "completed", number, number + 1, 9)


def test_events_get_offsets_that_go_on_across_groups() -> None:
    outbox = Outbox(3, 17)
    outbox.record("run", [event(1), event(2)])
    first = outbox.take()
    outbox.record("run", [event(3)])
    second = outbox.take()
    assert first is not None
    assert second is not None
    ids = [msgspec.json.decode(line)["id"] for group in (first, second) for line in group.lines]
    assert ids == ["3-17", "3-18", "3-19"]
    assert (first.offset, second.offset) == (17, 19)
    assert outbox.take() is None
    assert outbox.pending_events == 0


def test_a_group_closes_before_it_grows_too_large() -> None:
    outbox = Outbox(0, 0)
    outbox.record("run", [event(n, "x" * 100_000) for n in range(1, 6)])
    sizes = []
    while (group := outbox.take()) is not None:
        sizes.append(len(group.lines))
        assert group.size_bytes <= GROUP_BYTES_MAX
    assert sizes == [2, 2, 1]


def test_one_large_event_is_a_group_of_its_own() -> None:
    outbox = Outbox(0, 0)
    outbox.record("run", [event(1), event(2, "x" * 900_000), event(3)])
    groups = []
    while (group := outbox.take()) is not None:
        groups.append(len(group.lines))
    assert groups == [1, 1, 1]


def test_what_is_said_leaves_with_the_last_event_before_it() -> None:
    outbox = Outbox(0, 0)
    outbox.record("run", [event(n, "x" * 200_000) for n in range(1, 4)])
    outbox.current.answers.append(("inbox", b"started"))
    groups = []
    while (group := outbox.take()) is not None:
        groups.append([len(group.lines), len(group.answers)])
    assert groups == [[1, 0], [1, 0], [1, 1]]


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 100)), max_size=60))
def test_timers_give_each_run_at_its_earliest_time(armed: list[tuple[int, int]]) -> None:
    timers = Timers()
    earliest: dict[str, int] = {}
    for run, due in armed:
        name = f"r{run}"
        timers.arm(name, due)
        earliest[name] = min(due, earliest.get(name, due))
    for now in range(0, 101, 7):
        expected = {name for name, due in earliest.items() if due <= now}
        assert set(timers.pop_due(now)) == expected
        for name in expected:
            del earliest[name]
    assert timers.next_due() is None or timers.next_due() == min(earliest.values())


def test_ended_runs_leave_no_timers_behind() -> None:
    timers = Timers()
    for number in range(10 * STALE_MIN):
        timers.arm(f"r{number}", 10**9 + number)
        timers.forget(f"r{number}")
    assert len(timers._heap) <= 2 * STALE_MIN


def test_ended_runs_survive_their_chunks() -> None:
    closed = Closed()
    stored: dict[int, bytes] = {}
    saved = 0
    for number in range(1_234):
        closed.add(summary(number))
        if number % 100 == 7:
            for chunk, held in closed.chunks_since(saved):
                first = max(chunk * CHUNK_SIZE, closed.first)
                stored[chunk] = encode_chunk(first, held)
            saved = closed.total
    loaded = decode_closed(stored.values())
    assert loaded.total == saved == 1_208
    assert next(loaded.newest_first()) == summary(1_207)
    assert loaded.complete


def test_only_the_newest_ended_runs_are_listed() -> None:
    closed = Closed()
    for number in range(CLOSED_MAX + 700):
        closed.add(summary(number))
    assert len(closed) == CLOSED_MAX
    assert "r699" not in closed
    assert closed.forgotten_until == summary(699).ended_at
    assert not closed.complete
    chunks = [chunk for chunk, _ in closed.chunks_since(0)]
    assert chunks[0] == 700 // CHUNK_SIZE


def test_a_missing_chunk_drops_what_is_before_it() -> None:
    closed = Closed()
    for number in range(3 * CHUNK_SIZE):
        closed.add(summary(number))
    chunks = {c: encode_chunk(c * CHUNK_SIZE, held) for c, held in closed.chunks_since(0)}
    del chunks[1]
    loaded = decode_closed(chunks.values())
    assert (loaded.first, len(loaded)) == (2 * CHUNK_SIZE, CHUNK_SIZE)
    assert not loaded.complete


def test_what_was_forgotten_is_known_from_the_chunks() -> None:
    closed = Closed()
    ahead = summary(1)
    ahead = msgspec.structs.replace(ahead, run_id=_encoded(10**12, 10) + "0" * 16)
    closed.add(ahead)
    for number in range(2, CLOSED_MAX + 2):
        closed.add(summary(number))
    assert closed.forgotten_until == 10**12  # its asker's clock was ahead of ours
    chunks = [
        encode_chunk(max(chunk * CHUNK_SIZE, closed.first), held, closed.forgotten_until)
        for chunk, held in closed.chunks_since(0)
    ]
    loaded = decode_closed(chunks)
    assert loaded.forgotten_until == 10**12
    assert not loaded.complete


def test_chunks_of_older_engines_are_read() -> None:
    old = msgspec.json.encode((3, [summary(3), summary(4)]))
    loaded = decode_closed([old])
    assert (loaded.first, loaded.total, loaded.forgotten_until) == (3, 5, summary(3).ended_at)


def test_what_is_dropped_at_a_gap_is_forgotten() -> None:
    chunks = [encode_chunk(0, [summary(900)]), encode_chunk(CHUNK_SIZE, [summary(1)])]
    loaded = decode_closed(chunks)
    assert loaded.forgotten_until == summary(900).ended_at


def test_what_waits_is_counted_until_it_is_taken() -> None:
    outbox = Outbox(0, 0)
    outbox.record("run", [event(n, "x" * 100_000) for n in range(1, 6)])
    for _ in range(3):
        outbox.answer("inbox", b"a" * 10)
    assert outbox.pending_answers == 3
    assert 500_000 < outbox.pending_bytes < 510_000
    while outbox.take() is not None:
        pass
    assert (outbox.pending_answers, outbox.pending_bytes, outbox.pending_events) == (0, 0, 0)


def test_time_goes_on_when_the_clock_steps_back() -> None:
    clock = ManualClock(1_000)
    steady = Steady(clock)
    seen = [steady.now_ms()]
    for step in (+5, -3_600_000, +5, +5, -10, +1):
        clock.at_ms += step
        seen.append(steady.now_ms())
    assert seen == [1_000, 1_005, 1_005, 1_010, 1_015, 1_015, 1_016]


def test_receipts_and_cancellations_go_before_the_tasks() -> None:
    nobody: Any = SimpleNamespace(number=0)
    pump = Pump(
        nobody,
        1,
        log=nobody,
        feed=nobody,
        bus=nobody,
        clock=nobody,
        checkpointer=nobody,
        errands=nobody,
        wake=asyncio.Event(),
        rearm=asyncio.Event(),
        say=print,
    )
    given = [tasks.Task(f"r{n}", "a", 1, "t", "w", 1, input="x" * 3_000) for n in range(400)]
    held = [tasks.Held(f"r{n}", "a", 1) for n in range(700)]
    sent = [
        msgspec.json.decode(payload, type=tasks.Deliver)
        for payload in pump._messages(given, held, held[:300])
    ]
    assert [one for message in sent for one in message.tasks] == given
    assert [one for message in sent for one in message.accepted] == held
    assert [one for message in sent for one in message.cancel] == held[:300]
    assert [bool(message.tasks) for message in sent] == sorted(bool(m.tasks) for m in sent)
    assert max(len(m.tasks) for m in sent) <= tasks.TASKS_PER_MESSAGE_MAX


def test_many_ends_for_one_asker_are_several_messages() -> None:
    ended = [Ended(f"r{n}", "completed", "x" * 400_000) for n in range(5)]
    sent = _notices(ended)
    assert [one for payload in sent for one in msgspec.json.decode(payload, type=list[Ended])] == (
        ended
    )
    assert max(map(len, sent)) <= tasks.MESSAGE_BYTES_MAX


VALUES = st.recursive(
    st.none() | st.integers(-9, 9) | st.text(alphabet='[]{}"\\ax', max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=12,
)


@given(VALUES, st.integers(1, 5))
def test_what_is_nested_too_deep_is_cut_off(value: Any, levels: int) -> None:
    def cut(part: Any, left: int) -> Any:
        if isinstance(part, dict):
            return {key: cut(inner, left - 1) for key, inner in part.items()} if left > 1 else {}
        if isinstance(part, list):
            return [cut(inner, left - 1) for inner in part] if left > 1 else []
        return part

    assert msgspec.json.decode(pruned(msgspec.json.encode(value), levels)) == cut(value, levels)


def test_a_run_that_ended_twice_is_listed_as_it_ended_last() -> None:
    first, again = summary(1), Summary("r1", "w", "d", "failed", 1, 9, 12)
    closed = decode_closed([encode_chunk(0, [first, summary(2), again])])
    assert closed.total == 3
    assert closed.get("r1") == again
    assert [one.run_id for one in closed.newest_first()] == ["r1", "r2"]
