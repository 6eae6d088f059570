"""The dispatcher keeps what waits, and nothing of what no longer does."""

from dagnats.machine.dispatch import Dispatcher, Ticket


def ticket(run: int, task: str = "t", delivery: int = 1) -> Ticket:
    return Ticket(f"run{run}", 0, 0, 1, delivery, task, "x" * 1_000, None)


def kept(dispatcher: Dispatcher) -> int:
    return sum(len(line.tickets) for line in dispatcher._lines.values())


def test_what_is_withdrawn_does_not_gather_where_no_worker_is() -> None:
    dispatcher = Dispatcher(10_000)
    dispatcher.offer(ticket(-1))
    for run in range(10_000):
        dispatcher.offer(ticket(run))
        dispatcher.withdraw(ticket(run).key)
    assert dispatcher.waiting_count == 1
    assert kept(dispatcher) < 200


def test_what_is_offered_again_does_not_gather_either() -> None:
    dispatcher = Dispatcher(10_000)
    for delivery in range(10_000):
        dispatcher.offer(ticket(0, delivery=delivery))
    assert dispatcher.waiting_count == 1
    assert kept(dispatcher) < 200


def test_a_line_that_was_swept_keeps_its_order() -> None:
    dispatcher = Dispatcher(10_000)
    for run in range(1_000):
        dispatcher.offer(ticket(run))
    for run in range(1_000):
        if run % 10:
            dispatcher.withdraw(ticket(run).key)
    dispatcher.seat("w", frozenset({"t"}), 1_000, now=0)
    given = [one.run_id for _, one in dispatcher.assign(now=1, most=1_000)]
    assert given == [f"run{run}" for run in range(0, 1_000, 10)]
    assert (dispatcher.waiting_count, kept(dispatcher)) == (0, 0)


def test_workers_take_turns_up_to_what_they_can_hold() -> None:
    dispatcher = Dispatcher(10_000)
    dispatcher.seat("a", frozenset({"t"}), 3, now=0)
    dispatcher.seat("b", frozenset({"t"}), 1, now=0)
    for run in range(6):
        dispatcher.offer(ticket(run))
    assert [worker for worker, _ in dispatcher.assign(now=1, most=100)] == ["a", "b", "a", "a"]
    assert (dispatcher.waiting_count, dispatcher.held_count) == (2, 4)
    assert dispatcher.withdraw(ticket(1).key) == "b"
    assert [worker for worker, _ in dispatcher.assign(now=2, most=100)] == ["b"]
