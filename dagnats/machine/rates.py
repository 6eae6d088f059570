"""How much has started of late, exactly.

Every start of the last period is remembered, so no stretch of time of the length of a period ever
has more units than the limit. (A bucket that refills as time goes by would let twice as many go
around the moment it is full.)
"""

from collections import deque

from dagnats.ir.program import RateLimit

GRAINS = 1_024
"""Starts closer together than this part of a period are remembered as one, as of the last one."""


class Starts:
    """The starts of the longest period asked for: grains of [first, last, units]."""

    __slots__ = ("grains", "longest", "total")

    def __init__(self) -> None:
        self.grains: deque[list[int]] = deque()
        self.total = 0
        self.longest = 0

    def free_at(self, now: int, rate: RateLimit) -> int:
        """Return when an attempt may start: `now`, or the time at which enough has gone by.

        One that takes more than the limit takes all of it. What has started later than now, by the
        clock of an owner before, has started now: nobody waits longer than a period for it.
        """
        period = rate.period_ms
        if self.grains and self.grains[-1][1] > now:
            for grain in self.grains:
                grain[:2] = min(grain[0], now), min(grain[1], now)
        self.longest = max(self.longest, period)
        over = min(rate.units, rate.limit) - rate.limit
        grains = self.grains
        self._forget(now)
        if period == self.longest:
            over += self.total
            counted = iter(grains)
        else:
            young = [grain for grain in grains if grain[1] > now - period]
            over += sum(units for _, _, units in young)
            counted = iter(young)
        if over <= 0:
            return now
        for _, last, units in counted:
            over -= units
            if over <= 0:
                return last + period
        raise AssertionError(over)

    def take(self, at: int, rate: RateLimit) -> None:
        """Count a start; one that comes late counts as of the last one."""
        units = min(rate.units, rate.limit)
        grains = self.grains
        if grains:
            at = max(at, grains[-1][1])
        self.longest = max(self.longest, rate.period_ms)
        self.total += units
        if grains and at - grains[-1][0] <= self.longest // GRAINS:
            grains[-1][1] = at
            grains[-1][2] += units
        else:
            grains.append([at, at, units])

    @property
    def over_at(self) -> int:
        """Return when all of it is past."""
        return self.grains[-1][1] + self.longest if self.grains else 0

    def _forget(self, now: int) -> None:
        grains = self.grains
        while grains and grains[0][1] + self.longest <= now:
            self.total -= grains.popleft()[2]
