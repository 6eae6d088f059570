"""The widest set of steps that can be there at once: none of them waits for another.

Theory. The steps of a body are ordered by who waits for whom; what is there at once has no two of
which one comes before the other: an antichain. The heaviest is found in three tries. Chains that
cover all steps bound it from above, steps as deep as each other from below; where both are the
same, as for chains, fans and layers, that is it. Otherwise it is the complement of a least cut
(Dilworth's theorem with weights), as long as that takes no more than EXACT_WORK_MAX; beyond, the
chains are the bound. So the work is linear in the steps and their edges, and a constant more.

    a → b, a → c, b → d         →  2: {b, c}, or {c, d}
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import Final

EXACT_STEPS_MAX: Final = 128
"""Steps of a body whose order is looked at as a whole."""
EXACT_WORK_MAX: Final = 50_000
"""Pairs of steps that are looked at in a document to find widths exactly."""


class Widths:
    """Finds widths of the bodies of one document, of whose steps it has what each waits for.

    Those are told by number, as are their `joins`.
    """

    def __init__(self, sources: Sequence[Sequence[int]], joins: Sequence[str | None]) -> None:
        self._sources = sources
        self._joins = joins
        self.work = 0

    def widest(self, numbers: Sequence[int], weights: Sequence[int]) -> list[int]:
        """Return positions in `numbers`, which stand in the order of the graph.

        What they weigh together is the most that can be there at once, or a bound of it.
        """
        if not any(weights):
            return []
        place = {number: at for at, number in enumerate(numbers)}
        before = [self._before(number, place) for number in numbers]
        hard = [sources if every else [] for every, sources in before]
        chains, level = _chains(hard, weights), _level(hard, weights)
        # What goes on after any of several may still come after all that is before those.
        if all(every for every, _ in before) and _weight(level, weights) == _weight(
            chains, weights
        ):
            return level
        if len(numbers) <= EXACT_STEPS_MAX and self.work < EXACT_WORK_MAX:
            found = self._exact(before, weights)
            if found is not None:
                return found
        return chains

    def _before(self, number: int, place: dict[int, int]) -> tuple[bool, list[int]]:
        """Return the steps that one waits for, by position, and whether for every one of them."""
        sources = [place[source] for source in self._sources[number]]
        return len(sources) < 2 or self._joins[number] != "any_success", sources

    def _exact(
        self, before: Sequence[tuple[bool, list[int]]], weights: Sequence[int]
    ) -> list[int] | None:
        """Return the heaviest antichain; None when finding it takes too long."""
        earlier = _closure(before)
        heavy = [at for at, weight in enumerate(weights) if weight]
        pairs = {at: [other for other in heavy if earlier[at] >> other & 1] for at in heavy}
        self.work += len(heavy) * len(heavy)
        flow = _Flow(pairs, {at: weights[at] for at in heavy}, EXACT_WORK_MAX - self.work)
        found = flow.antichain()
        self.work += flow.work
        return found


def _weight(positions: Sequence[int], weights: Sequence[int]) -> int:
    return sum(weights[at] for at in positions)


def _chains(hard: Sequence[Sequence[int]], weights: Sequence[int]) -> list[int]:
    """Return the heaviest step of each chain, of chains laid greedily."""
    chain_of: dict[int, int] = {}
    tails: set[int] = set()
    heaviest: list[int] = []
    for at, sources in enumerate(hard):
        before = next((source for source in sources if source in tails), None)
        if before is None:
            chain_of[at] = len(heaviest)
            heaviest.append(at)
        else:
            chain = chain_of[at] = chain_of[before]
            tails.discard(before)
            if weights[at] > weights[heaviest[chain]]:
                heaviest[chain] = at
        tails.add(at)
    return [at for at in heaviest if weights[at]]


def _level(hard: Sequence[Sequence[int]], weights: Sequence[int]) -> list[int]:
    """Return the heaviest set of steps with as many before each of them."""
    depth: list[int] = []
    levels: dict[int, list[int]] = {}
    for at, sources in enumerate(hard):
        depth.append(1 + max((depth[source] for source in sources), default=0))
        if weights[at]:
            levels.setdefault(depth[at], []).append(at)
    return max(levels.values(), key=lambda level: _weight(level, weights))


def _closure(before: Sequence[tuple[bool, list[int]]]) -> list[int]:
    """Return for each step the set of those that are over when it begins, as bits.

    A step that goes on after any of several comes after what all of those come after.
    """
    earlier: list[int] = []
    for every, sources in before:
        sets = [earlier[source] | 1 << source for source in sources]
        found = sets[0] if sets else 0
        for one in sets[1:]:
            found = found | one if every else found & one
        earlier.append(found)
    return earlier


class _Flow:
    """The most that goes from steps to earlier ones, each of them giving and taking its weight.

    What a step takes it has in common with a later one: both can be in one chain. So the weight of
    all less the flow is that of the chains, and of the heaviest antichain.
    """

    def __init__(self, pairs: dict[int, list[int]], weights: dict[int, int], most: int) -> None:
        self._pairs = pairs
        self._gives = dict(weights)
        self._takes = dict(weights)
        self._flow: dict[int, dict[int, int]] = {at: {} for at in pairs}
        self._most = most
        self.work = 0

    def antichain(self) -> list[int] | None:
        """Return the steps of the heaviest antichain; None when it takes too long."""
        for at in self._pairs:
            for other in self._pairs[at]:
                self._push(at, other, min(self._gives[at], self._takes[other]))
        while True:
            reached, came_from, end = self._search()
            if self.work > self._most:
                return None
            if end is None:
                return [at for at in self._pairs if at in reached and at not in came_from]
            self._augment(reached, came_from, end)

    def _push(self, at: int, other: int, amount: int) -> None:
        if amount:
            taken = self._flow[other]
            taken[at] = taken.get(at, 0) + amount
            self._gives[at] -= amount
            self._takes[other] -= amount

    def _search(self) -> tuple[dict[int, int | None], dict[int, int], int | None]:
        """Go from steps that can still give: `reached` as givers, `came_from` as takers.

        The third is a taker with room, None if none is reached.
        """
        reached: dict[int, int | None] = {at: None for at, left in self._gives.items() if left}
        came_from: dict[int, int] = {}
        front = list(reached)
        for at in front:
            for other in self._pairs[at]:
                self.work += 1
                if other in came_from:
                    continue
                came_from[other] = at
                if self._takes[other]:
                    return reached, came_from, other
                for giver, amount in self._flow[other].items():
                    self.work += 1
                    if amount and giver not in reached:
                        reached[giver] = other
                        front.append(giver)
        return reached, came_from, None

    def _augment(self, reached: dict[int, int | None], came_from: dict[int, int], end: int) -> None:
        """Send as much as the way found has room for."""
        way: list[tuple[int, int]] = []
        taker: int | None = end
        while taker is not None:
            giver = came_from[taker]
            way.append((giver, taker))
            taker = reached[giver]
        first = way[-1][0]
        room = min(self._gives[first], self._takes[end])
        # On the way back a giver is freed of what it gave to the taker behind it.
        for (giver, _), (_, behind) in pairwise(way):
            room = min(room, self._flow[behind][giver])
        for giver, taken_by in way:
            flow = self._flow[taken_by]
            flow[giver] = flow.get(giver, 0) + room
        for (giver, _), (_, behind) in pairwise(way):
            self._flow[behind][giver] -= room
        self._gives[first] -= room
        self._takes[end] -= room
