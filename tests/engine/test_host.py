"""Engines that share partitions, over leases in memory: who serves what, and when."""

import asyncio
from collections.abc import Awaitable, Callable
from itertools import chain
from typing import Any

import pytest

from dagnats.engine.host import Host
from dagnats.engine.sharing import LEASE_TTL_MS
from dagnats.errors import BrokenError, UnavailableError
from dagnats.testing.memory import ManualClock


class MemoryLeases:
    """`ports.Leases` in memory; `silent` lets nobody through, `lossy` loses answers to writes."""

    def __init__(self) -> None:
        self.kept: dict[str, tuple[str, int]] = {}
        self.silent = False
        self.lossy = False
        self._revision = 0

    async def read(self) -> dict[str, tuple[str, int]]:
        self._check()
        return dict(self.kept)

    async def put(self, key: str, value: str, revision: int) -> int | None:
        self._check()
        if self.kept.get(key, ("", 0))[1] != revision:
            return None
        self._revision += 1
        self.kept[key] = (value, self._revision)
        if self.lossy:
            raise UnavailableError("no answer")
        return self._revision

    async def drop(self, key: str) -> None:
        self._check()
        self.kept.pop(key, None)

    def _check(self) -> None:
        if self.silent:
            raise UnavailableError("no answer")


class FakeEngine:
    """Serves until it is told to stop, or fails."""

    def __init__(self, failure: Exception | None = None) -> None:
        self.serving = asyncio.Event()
        self._over = asyncio.Event()
        self._failure = failure

    def status(self) -> dict[str, Any]:
        return {"status": "serving", "recoveries": 1}

    def stop(self) -> None:
        self._over.set()

    async def run(self) -> None:
        if self._failure is not None:
            raise self._failure
        self.serving.set()
        await self._over.wait()
        self.serving.clear()


class Group:
    """Hosts, and the time that they all see."""

    def __init__(self) -> None:
        self.leases = MemoryLeases()
        self.clock = ManualClock(0)
        self.hosts: dict[str, Host] = {}
        self.said: list[str] = []
        self.failure: Exception | None = None
        self._opened = 0

    def host(self, name: str, partitions: int = 2) -> Host:
        async def open_engine(number: int) -> Any:
            self._opened += 1

            async def close() -> None:
                return

            return FakeEngine(self.failure), close

        host = self.hosts[name] = Host(
            name=name,
            partitions=partitions,
            leases=self.leases,
            clock=self.clock,
            open_engine=open_engine,
            say=self.said.append,
        )
        return host

    async def turns(self, count: int = 1, *names: str) -> None:
        """Let hosts look, half a second apart."""
        for _ in range(count):
            for name in names or tuple(self.hosts):
                try:
                    await self.hosts[name]._turn()
                except UnavailableError:
                    self.hosts[name]._seen = {}
            self.clock.at_ms += 500
            for _ in range(5):
                await asyncio.sleep(0)

    def served(self) -> dict[str, list[int]]:
        return {name: sorted(host.served) for name, host in self.hosts.items()}

    async def close(self) -> None:
        self.leases.silent = self.leases.lossy = False
        for host in self.hosts.values():
            await asyncio.gather(*(one.cut() for one in host.served.values()))


def played(test: Callable[[Group], Awaitable[None]]) -> None:
    async def play() -> None:
        group = Group()
        try:
            await test(group)
        finally:
            await group.close()

    asyncio.run(play())


async def shared(group: Group) -> None:
    group.host("a")
    group.host("b")
    await group.turns(4)
    assert sorted(map(len, group.served().values())) == [1, 1]


def test_each_gets_its_share() -> None:
    async def test(group: Group) -> None:
        group.host("a", 5)
        await group.turns(6)
        assert group.served() == {"a": [0, 1, 2, 3, 4]}
        assert group.hosts["a"].serving.is_set()
        group.host("b", 5)
        await group.turns(12)
        assert sorted(map(len, group.served().values())) == [2, 3]
        assert sorted(chain.from_iterable(group.served().values())) == [0, 1, 2, 3, 4]

    played(test)


def test_what_a_dead_engine_served_is_taken_when_its_lease_is_over() -> None:
    async def test(group: Group) -> None:
        await shared(group)
        await group.turns((LEASE_TTL_MS - 1_500) // 500, "a")
        assert len(group.served()["a"]) == 1
        await group.turns(6, "a")
        assert group.served()["a"] == [0, 1]

    played(test)


def test_an_outage_of_nats_lets_no_lease_run_out() -> None:
    async def test(group: Group) -> None:
        await shared(group)
        before = group.served()
        group.leases.silent = True
        await group.turns(30)
        group.leases.silent = False
        await group.turns(10)
        assert group.served() == before
        assert not [line for line in group.said if "another engine" in line]

    played(test)


def test_a_renewal_without_an_answer_costs_nothing() -> None:
    async def test(group: Group) -> None:
        await shared(group)
        before = group.served()
        group.leases.lossy = True
        await group.turns(3)
        group.leases.lossy = False
        await group.turns(20)
        assert group.served() == before
        assert not [line for line in group.said if "another engine" in line]

    played(test)


def test_an_engine_that_slept_finds_that_it_was_replaced() -> None:
    async def test(group: Group) -> None:
        await shared(group)
        await group.turns(14, "a")
        assert group.served()["a"] == [0, 1]
        await group.turns(1, "b")
        assert group.served()["b"] == []
        await group.turns(6)
        assert sorted(map(len, group.served().values())) == [1, 1]

    played(test)


def test_one_that_is_started_again_under_its_name_takes_its_partitions_up_at_once() -> None:
    async def test(group: Group) -> None:
        await shared(group)
        before = group.served()["b"]
        old = group.hosts["b"]
        await asyncio.gather(*(one.cut() for one in old.served.values()))
        group.host("b")
        await group.turns(1)
        assert group.served()["b"] == before

    played(test)


def test_one_that_leaves_hands_over_within_a_look() -> None:
    async def test(group: Group) -> None:
        await shared(group)
        await group.hosts["b"]._leave()
        assert group.served()["b"] == []
        await group.turns(1, "a")
        assert group.served()["a"] == [0, 1]

    played(test)


@pytest.mark.parametrize("others", [0, 1])
def test_what_cannot_be_served_here_is_left_to_others(others: int) -> None:
    async def test(group: Group) -> None:
        group.failure = BrokenError("the log cannot be read")
        group.host("a", 1)
        await group.turns(3)
        assert group.served() == {"a": []}
        assert group.said[-1] == "partition 0 cannot be served here: the log cannot be read"
        group.failure = None
        if others:
            group.host("b", 1)
            await group.turns(3)
            assert group.served() == {"a": [], "b": [0]}
        else:
            await group.turns(30)
            assert group.served() == {"a": [0]}

    played(test)
