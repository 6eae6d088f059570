"""Twice the steps are twice the work: calls of functions are counted, not time."""

import sys
from collections.abc import Callable
from typing import Any

import pytest

from dagnats.compiler.lowering import lower
from dagnats.compiler.proof import prove
from dagnats.diagnostics.diagnostic import Sink
from tests.compiler.proving import proven

RATIO_MAX = 2.2


def chain(size: int) -> list[str]:
    return [
        f'{{id: s{n}, task: t, with: {{x: "${{{{ steps.s{n - 1}.output }}}}"}}}}'
        if n
        else "{id: s0, task: t}"
        for n in range(size)
    ]


def fan(size: int) -> list[str]:
    ends = [f"{{id: s{n}, task: t, depends_on: [s0]}}" for n in range(1, size)]
    sources = ", ".join(f"s{n}" for n in range(1, size))
    return ["{id: s0, task: t}", *ends, f"{{id: last, task: t, depends_on: [{sources}]}}"]


def maps(size: int) -> list[str]:
    return [
        f"{{id: s{n}, type: map, task: t, config: {{over: '[1]', max_items: 3}}}}"
        for n in range(size)
    ]


def loops(size: int) -> list[str]:
    return [
        f"{{id: s{n}, type: loop, config: {{max_iterations: 2, steps: [{{id: t{n}, task: t}}]}}}}"
        for n in range(size)
    ]


def wide_body(size: int) -> list[str]:
    inner = ", ".join(loops(size))
    return [f"{{id: m, type: map, config: {{over: '[1]', max_items: 2, steps: [{inner}]}}}}"]


def handlers(size: int) -> list[str]:
    return [
        f"{{id: s{n}, task: t{f', on_failure: s{n + 1}' if n < size - 1 else ''}}}"
        for n in range(size)
    ]


def shared_handler(size: int) -> list[str]:
    return [
        *[f"{{id: s{n}, task: t, on_failure: sorry}}" for n in range(size)],
        "{id: sorry, task: t}",
    ]


def sleeps(size: int) -> list[str]:
    return [
        f"{{id: s{n}, type: sleep, config: {{duration: 1s}}, "
        f"depends_on: [{f's{n - 1}' if n else ''}]}}"
        for n in range(size)
    ]


def calls(work: Callable[[], Any]) -> int:
    """Count the calls of Python functions."""
    count = 0

    def profile(_frame: Any, event: str, _arg: Any) -> None:
        nonlocal count
        count += event == "call"

    before = sys.getprofile()
    sys.setprofile(profile)
    try:
        work()
    finally:
        sys.setprofile(before)
    return count


@pytest.mark.slow
@pytest.mark.parametrize(
    "shape", [chain, fan, maps, loops, wide_body, handlers, shared_handler, sleeps]
)
def test_work_grows_with_the_steps(shape: Callable[[int], list[str]]) -> None:
    def counted(size: int) -> int:
        steps = "\n".join(f"  - {step}" for step in shape(size))
        found = proven(f"name: w\ntimeout: 100h\nsteps:\n{steps}\n")
        assert found.program is not None, found.findings

        def again() -> None:
            certificate = prove(found.ground, Sink())
            assert certificate is not None
            lower(found.ground, certificate)

        return calls(again)

    assert counted(400) <= RATIO_MAX * counted(200)
