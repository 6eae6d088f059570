"""Who serves which partition: pure decisions over what every engine can read.

Each engine keeps a sign of life and holds leases on partitions. A lease that nobody renews for
LEASE_TTL_MS, by the clock of whoever looks, is free. Each engine wants its share, takes one free
partition at a time, and gives one back when it has more than its share and somebody else has less.
Safety does not rest on this: two owners of a log can never both write to it (ADR 0003).
"""

from collections.abc import Mapping
from typing import NamedTuple

LOOK_MS = 500
RENEW_MS = 1_000
LEASE_TTL_MS = 5_000


class Seen(NamedTuple):
    """An entry as an engine sees it: whose it is, and since when it has not changed (ms)."""

    holder: str
    revision: int
    since: int


class Step(NamedTuple):
    """What an engine does next about its partitions: take one, give one back, or nothing."""

    take: int | None = None
    give_back: int | None = None


def alive(members: Mapping[str, Seen], now: int) -> set[str]:
    """Return the engines that have given a sign of life."""
    return {name for name, seen in members.items() if now - seen.since < LEASE_TTL_MS}


def next_step(
    me: str,
    partitions: int,
    leases: Mapping[int, Seen],
    members: Mapping[str, Seen],
    now: int,
) -> Step:
    """Return what `me` does next. `leases` has what is held, by partition."""
    living = alive(members, now) | {me}
    held: dict[str, int] = dict.fromkeys(living, 0)
    free = []
    for number in range(partitions):
        seen = leases.get(number)
        holder = seen.holder if seen is not None else ""
        is_live = seen is not None and now - seen.since < LEASE_TTL_MS
        if holder and is_live:
            held[holder] = held.get(holder, 0) + 1
        else:
            free.append(number)
    mine = held[me]
    most = -(-partitions // len(living))
    if free and mine < most:
        return Step(take=free[_place(me, living) % len(free)])
    least = partitions // len(living)
    poorer = min(held[name] for name in living)
    if mine > most or (mine == most and mine > least and poorer < least):
        own = [number for number, seen in leases.items() if seen.holder == me]
        return Step(give_back=max(own)) if own else Step()
    return Step()


def _place(me: str, living: set[str]) -> int:
    """Return a different number for each engine, so that they reach for different partitions."""
    return sorted(living).index(me)
