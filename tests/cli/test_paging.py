"""Pages of runs: each run once, newest first, whatever happens between two pages."""

import asyncio
from typing import Any

import pytest

from dagnats.cli.run.runs import Filter, rows
from dagnats.machine.events import milliseconds, rfc3339

BEGIN_MS = 1_800_000_000_000


class Engine:
    """Answers `run.list` as the wire says; between two pages, `meanwhile` happens."""

    def __init__(self, begun: list[int]) -> None:
        self.runs = [
            {"run_id": f"r{number:05}", "started_at": rfc3339(BEGIN_MS + at), "status": "running"}
            for number, at in enumerate(begun)
        ]
        self.asked = 0

    def meanwhile(self) -> None:
        self.runs.append(
            {
                "run_id": f"new{self.asked}",
                "started_at": rfc3339(BEGIN_MS + 10**6 + self.asked),
                "status": "running",
            }
        )

    async def call(self, operation: str, params: dict[str, Any]) -> Any:
        if operation == "run.get":
            return next(run for run in self.runs if run["run_id"] == params["run_id"])
        self.asked += 1
        until = params.get("until")
        found = [r for r in self.runs if until is None or milliseconds(r["started_at"]) <= until]
        found.sort(key=lambda row: row["started_at"], reverse=True)
        if self.asked > 1:
            self.meanwhile()
        return found[: min(params["limit"], 1_000)]


def listed(engine: Engine, **more: Any) -> list[str]:
    async def all_rows() -> list[str]:
        return [row["run_id"] async for row in rows(engine, Filter(), **more)]  # type: ignore[arg-type]

    return asyncio.run(all_rows())


@pytest.mark.parametrize("apart_ms", [0, 1, 1000])
@pytest.mark.parametrize("count", [0, 1, 499, 500, 501, 999])
def test_each_run_is_there_once(count: int, apart_ms: int) -> None:
    engine = Engine([number * apart_ms for number in range(count)])
    assert listed(engine) == [f"r{number:05}" for number in reversed(range(count))]


def test_there_may_be_very_many() -> None:
    engine = Engine([number // 7 for number in range(4_000)])
    assert listed(engine) == [f"r{number:05}" for number in reversed(range(4_000))]


@pytest.mark.parametrize("limit", [1, 2, 500, 501, 600])
def test_no_more_than_asked_for(limit: int) -> None:
    engine = Engine([number // 3 for number in range(700)])
    everything = listed(engine)
    assert listed(Engine([number // 3 for number in range(700)]), limit=limit) == everything[:limit]


def test_a_page_comes_after_the_run_that_is_named() -> None:
    begun = [number // 3 for number in range(20)]
    everything = listed(Engine(begun))
    for at, run_id in enumerate(everything):
        assert listed(Engine(begun), before=run_id, limit=5) == everything[at + 1 : at + 6]
