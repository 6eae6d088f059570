"""One program serves any number of threads at once."""

import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest

from dagnats.expr.evaluation.evaluator import EvaluationError, Evaluator
from dagnats.expr.limits import Limits
from tests.expr.trees import parse

THREADS = 8
ROUNDS = 60


@pytest.fixture(autouse=True)
def hurried() -> Iterator[None]:
    """Make threads change as often as they can."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


def roots(number: int) -> dict[str, Any]:
    items = [{"id": i, "n": i * number} for i in range(number % 30)]
    return {"number": number, "items": items, "odd": [] if number % 3 else "none"}


TEXTS = [
    "items.filter(x, x.n > number).map(x, x.id + number)",
    "items.exists(x, items.exists(y, x.n == y.n + number))",
    "items.transformMap(i, x, string(i) + string(number))",
    "cel.bind(n, number * 2, items.map(x, cel.bind(m, n + x.id, m * n)))",
    "odd.map(x, x) == [] ? number : -number",
    "items.sortBy(x, -x.n).map(x, x.n)[0]",
    "items.size() > 3 && items[3].n == number * 3 || items[number].id == 0",
]


def outcome(evaluator: Evaluator, number: int) -> Any:
    try:
        return evaluator.evaluate(roots(number))
    except EvaluationError as error:
        return error.code, error.node, str(error)


@pytest.mark.parametrize("text", TEXTS)
def test_threads_do_not_disturb_each_other(text: str) -> None:
    alone = [outcome(Evaluator(parse(text)), number) for number in range(ROUNDS)]
    shared = Evaluator(parse(text))
    start = Barrier(THREADS)

    def work(first: int) -> list[tuple[int, Any]]:
        start.wait()
        order = [(first * 7 + step) % ROUNDS for step in range(ROUNDS)]
        return [(number, outcome(shared, number)) for number in order]

    with ThreadPoolExecutor(THREADS) as pool:
        for found in pool.map(work, range(THREADS)):
            assert found == [(number, alone[number]) for number, _ in found]


@pytest.mark.slow
def test_costs_are_counted_for_each_evaluation_alone() -> None:
    text = "items.map(x, items.map(y, x.n + y.n))"
    costs = [Evaluator(parse(text)).counted(roots(number))[1] for number in range(ROUNDS)]
    shared = Evaluator(parse(text), limits=Limits(cost_max=max(costs)))

    def work(first: int) -> list[int]:
        return [shared.counted(roots((first + n) % ROUNDS))[1] for n in range(ROUNDS)]

    with ThreadPoolExecutor(THREADS) as pool:
        for first, found in enumerate(pool.map(work, range(THREADS))):
            assert found == [costs[(first + n) % ROUNDS] for n in range(ROUNDS)]
