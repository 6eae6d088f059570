"""The parts of the engine that hold no I/O: outbox, timers, the book of runs."""

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
from dagnats.engine.outbox import GROUP_BYTES_MAX, Outbox
from dagnats.engine.timers import STALE_MIN, Timers
from dagnats.machine.events import StepCompleted


def event(seq: int, payload: str = "") -> StepCompleted:
    return StepCompleted(seq, "run", "w", 1, "2026-01-01T00:00:00.000Z", "a", 1, 0, payload)


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
