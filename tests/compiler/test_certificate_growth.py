"""Twice the steps are twice the work of a certificate, whatever the graph; and limits hold."""

import sys
from collections.abc import Callable
from typing import Any

import pytest

from dagnats.compiler.certify import certify
from dagnats.diagnostics.diagnostic import Sink
from dagnats.ir.costs import PAYLOAD_BYTES_MAX
from tests.compiler.proving import proven

RATIO_MAX = 2.2


def layers(size: int) -> list[str]:
    return [f"{{id: s{n}, task: t, depends_on: [{near(n, (10, 11, 13))}]}}" for n in range(size)]


def near(number: int, back: tuple[int, ...]) -> str:
    return ", ".join(f"s{number - b}" for b in back if number >= b)


def tangle(size: int) -> list[str]:
    return [
        f"{{id: s{n}, task: t, depends_on: [{near(n, (1 + n % 7, 9 + n % 5, 17 + n % 11))}]}}"
        for n in range(size)
    ]


def knots(size: int) -> list[str]:
    """Bodies whose width is looked for exactly, until that has taken enough work."""
    inner = [
        f"{{id: s@-{n}, task: t, depends_on: [{', '.join(f's@-{n - b}' for b in back if n >= b)}]}}"
        for n, back in enumerate([(1 + n % 4, 3 + n % 3) for n in range(25)])
    ]
    body = ", ".join(inner)
    return [
        f"{{id: l{n}, type: loop, config: {{max_iterations: 2, steps: [{body}]}}}}".replace(
            "@", str(n)
        )
        for n in range(size // 25)
    ]


def calls(work: Callable[[], Any]) -> int:
    count = 0

    def tell(_frame: Any, event: str, _arg: Any) -> None:
        nonlocal count
        count += event == "call"

    before = sys.getprofile()
    sys.setprofile(tell)
    try:
        work()
    finally:
        sys.setprofile(before)
    return count


@pytest.mark.slow
@pytest.mark.parametrize("shape", [layers, tangle, knots])
def test_work_grows_with_the_steps(shape: Callable[[int], list[str]]) -> None:
    def counted(size: int) -> int:
        steps = "\n".join(f"  - {step}" for step in shape(size))
        ground = proven(f"name: w\nsteps:\n{steps}\n").ground
        return calls(lambda: certify(ground, Sink()))

    assert counted(1600) <= RATIO_MAX * counted(800)


VALUES = ", ".join(f"{{id: v{n}, type: transform, config: {{value: 1}}}}" for n in range(11))
TOO_MUCH = {
    "RUN_EVENTS_MAX": "{id: l, type: agent_loop, task: t, config: {max_iterations: 100000}}",
    "RUN_BYTES_MAX": f"{{id: l, type: loop, config: {{max_iterations: 50000, steps: [{VALUES}]}}}}",
    "INSTANCES_MAX": (
        f"{{id: m, type: map, config: {{over: '[1]', max_items: 10000, steps: [{VALUES}]}}}}"
    ),
}


@pytest.mark.parametrize("limit", TOO_MUCH)
def test_what_an_engine_does_not_take_is_refused(limit: str) -> None:
    found = proven(f"name: w\nsteps: [{TOO_MUCH[limit]}]")
    assert found.certificate is None
    wrong = [finding for finding in found.findings if finding.code == "DN6002"]
    assert len(wrong) == 1
    assert f"(limit {limit})" in wrong[0].message


@pytest.mark.slow
def test_a_value_that_no_message_carries_is_refused() -> None:
    large = "x" * (PAYLOAD_BYTES_MAX + 1)
    text = f"name: w\nsteps:\n  - {{id: a, type: transform, config: {{value: {large}}}}}\n"
    found = proven(text)
    assert found.certificate is None
    assert [finding.code for finding in found.findings] == ["DN6002"]
    assert "(limit PAYLOAD_BYTES_MAX)" in found.findings[0].message


LOOPS = (
    "{id: a, type: agent_loop, task: t, config: {max_iterations: 3, budget: {tokens: 500}}}, "
    "{id: m, type: map, config: {over: '[1]', max_items: 2, steps: [{id: b, type: agent_loop, "
    "task: t, config: {max_iterations: 3, budget: {tokens: 300}}}]}}"
)


@pytest.mark.parametrize(
    ("tokens", "said"),
    [
        (1_100, []),
        (1_099, ["the loops may spend 1,100 `tokens` together, and the run 1,099"]),
        (400, ["`a` may spend more `tokens` than the whole run: 500"]),
    ],
)
def test_budgets_are_held_against_that_of_the_run(tokens: int, said: list[str]) -> None:
    found = proven(f"name: w\nbudget: {{tokens: {tokens}}}\nsteps: [{LOOPS}]")
    assert [finding.message for finding in found.findings] == said
    assert found.certificate is not None
    assert found.certificate.tokens.max == tokens
