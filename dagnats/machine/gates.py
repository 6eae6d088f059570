"""Which runs may begin. Pure; told by the runs' states alone, so `restore` rebuilds all of it.

A run that counts holds, from when it asks until it has ended, a part in up to two things. Its
*lock* (`singleton`, by workflow and key) has room for one: a run that waits there is let on when it
is alone. Its *slots* (`concurrency.max_runs`, by workflow and key) have room for so many: those
that wait go strictly by age, priority counted in, and each keeps to the limit of its own program. A
run stands in the queue for a slot only once its lock is its own: nobody waits behind it in vain.
"""

from heapq import heapify, heappop, heappush

import msgspec

Place = tuple[str, str]
"""A workflow and the value of a key."""

Turn = tuple[int, int, str]
"""When a run counts as having asked, when it has, its id. Less goes first."""

GONE_MIN = 100
"""A queue with less than this of what is gone is not swept."""


class Admitted(msgspec.Struct, frozen=True):
    """The run may begin."""


class Waits(msgspec.Struct, frozen=True):
    """The run is to wait; `leave` of another one will name it."""


class Exists(msgspec.Struct, frozen=True):
    """No run is to begin: this one is there."""

    run_id: str


class Replaces(msgspec.Struct, frozen=True):
    """The run is to wait until these have ended, which are to be cancelled."""

    run_ids: tuple[str, ...]


Verdict = Admitted | Waits | Exists | Replaces


class Guest(msgspec.Struct, gc=False):
    """A live run that counts, pending or admitted."""

    run_id: str
    asked_at: int
    offset_ms: int
    slot: Place | None
    max_runs: int
    lock: Place | None
    mode: str | None
    admitted: bool = False

    @property
    def turn(self) -> Turn:
        """Return its place in a queue."""
        return (self.asked_at - self.offset_ms, self.asked_at, self.run_id)


class Slots:
    """Runs with one limit: how many are in, who waits; `queue` may still hold some that left."""

    __slots__ = ("inside", "queue", "waiting")

    def __init__(self) -> None:
        self.inside: set[str] = set()
        self.waiting: dict[str, Guest] = {}
        self.queue: list[Turn] = []

    def join(self, guest: Guest) -> None:
        """Let a run wait for a slot."""
        if guest.run_id in self.waiting:
            return
        self.waiting[guest.run_id] = guest
        heappush(self.queue, guest.turn)
        if len(self.queue) > GONE_MIN and len(self.queue) > 2 * len(self.waiting):
            self.queue = [one.turn for one in self.waiting.values()]
            heapify(self.queue)

    def first(self) -> Guest | None:
        """Return the run whose turn it is."""
        while self.queue:
            guest = self.waiting.get(self.queue[0][2])
            if guest is not None and guest.turn == self.queue[0]:
                return guest
            heappop(self.queue)
        return None


class Gates:
    """Locks and slots of all live runs that ask for them."""

    def __init__(self) -> None:
        self._guests: dict[str, Guest] = {}
        self._slots: dict[Place, Slots] = {}
        self._locks: dict[Place, dict[str, None]] = {}
        self._admitted = 0

    @property
    def held_count(self) -> int:
        """Return how many runs are in."""
        return self._admitted

    @property
    def pending_count(self) -> int:
        """Return how many runs wait."""
        return len(self._guests) - self._admitted

    def holders(self, workflow: str, runs_key: str = "") -> int:
        """Return how many runs of a workflow and key are in, of those that `max_runs` counts."""
        slots = self._slots.get((workflow, runs_key))
        return len(slots.inside) if slots is not None else 0

    def knows(self, run_id: str) -> bool:
        """Whether a run holds or waits for anything."""
        return run_id in self._guests

    def is_open(
        self,
        workflow: str,
        *,
        max_runs: int | None,
        runs_key: str,
        singleton: str | None,
        singleton_key: str,
    ) -> bool:
        """Whether a run that asks now is let in at once, and replaces nobody."""
        slots = self._slots.get((workflow, runs_key)) if max_runs is not None else None
        full = slots is not None and len(slots.inside) + len(slots.waiting) >= (max_runs or 0)
        return not full and not (singleton is not None and (workflow, singleton_key) in self._locks)

    def ask(  # noqa: PLR0913
        self,
        run_id: str,
        workflow: str,
        now: int,
        *,
        max_runs: int | None,
        runs_key: str,
        singleton: str | None,
        singleton_key: str,
        offset_ms: int,
    ) -> Verdict:
        """Decide about a run that wants to begin. One that has asked gets what holds for it now."""
        known = self._guests.get(run_id)
        if known is not None:
            return Admitted() if known.admitted else Waits()
        if max_runs is None and singleton is None:
            return Admitted()
        guest = Guest(
            run_id,
            now,
            offset_ms,
            (workflow, runs_key) if max_runs is not None else None,
            max_runs or 0,
            (workflow, singleton_key) if singleton is not None else None,
            singleton,
        )
        others = self._others(guest)
        if others and singleton == "skip":
            return Exists(min(others, key=self._precedence))
        self._enter(guest)
        if others:
            for other in others:
                self._stand_back(self._guests[other])
            return Replaces(tuple(others))
        return Admitted() if run_id in self._let_on(guest) else Waits()

    def restore(  # noqa: PLR0913
        self,
        run_id: str,
        workflow: str,
        now: int,
        *,
        max_runs: int | None,
        runs_key: str,
        singleton: str | None,
        singleton_key: str,
        offset_ms: int,
        admitted: bool,
    ) -> None:
        """Take in a live run as its state tells, whatever the limits; `now` is when it asked.

        When all are in, `due` names those that a crash has kept from being let in.
        """
        if (max_runs is None and singleton is None) or run_id in self._guests:
            return
        guest = Guest(
            run_id,
            now,
            offset_ms,
            (workflow, runs_key) if max_runs is not None else None,
            max_runs or 0,
            (workflow, singleton_key) if singleton is not None else None,
            singleton,
        )
        others = self._others(guest)
        self._enter(guest)
        if admitted:
            self._admit(guest)
        elif not others:
            self._queue(guest)
        for other in others:
            self._stand_back(self._guests[other])

    def due(self) -> list[str]:
        """Let in all that may be, after `restore`; returns them in order."""
        found: list[str] = []
        for guest in list(self._guests.values()):
            if not guest.admitted and not self._others(guest):
                found += self._let_on(guest)
        return sorted(found, key=lambda run_id: self._guests[run_id].turn)

    def replaced(self) -> list[str]:
        """Return the runs that a later one replaces and that are still there, after `restore`."""
        return [
            run_id
            for lock in self._locks.values()
            if len(lock) > 1
            for run_id in sorted(lock, key=self._precedence)[:-1]
        ]

    def leave(self, run_id: str) -> list[str]:
        """Let a run go, admitted or not; returns the pending ones that are in now, in order."""
        guest = self._guests.pop(run_id, None)
        if guest is None:
            return []
        found: list[str] = []
        if guest.admitted:
            self._admitted -= 1
        if guest.slot is not None and guest.slot in self._slots:
            slots = self._slots[guest.slot]
            slots.inside.discard(run_id)
            slots.waiting.pop(run_id, None)
            found += self._fill(guest.slot)
        if guest.lock is not None:
            lock = self._locks[guest.lock]
            del lock[run_id]
            if not lock:
                del self._locks[guest.lock]
            elif len(lock) == 1:
                last = self._guests[next(iter(lock))]
                if not last.admitted:
                    found += self._let_on(last)
        return found

    def why(self, run_id: str) -> str:
        """Return what a pending run waits for, in words that follow "waits for"."""
        guest = self._guests.get(run_id)
        if guest is None or guest.admitted:
            return "nothing: it is let in"
        others = self._others(guest)
        if others:
            shown = ", ".join(f"`{one}`" for one in others[:3]) + (", …" if others[3:] else "")
            return f"the end of {shown}{_key(guest.lock)} (`singleton`)"
        slots = self._slots[guest.slot] if guest.slot is not None else Slots()
        before = sum(one.turn < guest.turn for one in slots.waiting.values())
        ahead = f", {before} before it" if before else ", and is the next one"
        return (
            f"one of {len(slots.inside)} active runs to end{_key(guest.slot)}: at most "
            f"{guest.max_runs} may be (`concurrency.max_runs`){ahead}"
        )

    def _precedence(self, run_id: str) -> tuple[bool, int, str]:
        """Order the runs of a lock: those that are in, then by when they came."""
        guest = self._guests[run_id]
        return (not guest.admitted, guest.asked_at, run_id)

    def _others(self, guest: Guest) -> list[str]:
        if guest.lock is None:
            return []
        lock = self._locks.get(guest.lock, {})
        return sorted((one for one in lock if one != guest.run_id), key=self._precedence)

    def _enter(self, guest: Guest) -> None:
        self._guests[guest.run_id] = guest
        if guest.lock is not None:
            self._locks.setdefault(guest.lock, {})[guest.run_id] = None

    def _admit(self, guest: Guest) -> None:
        guest.admitted = True
        self._admitted += 1
        if guest.slot is not None:
            slots = self._slots.setdefault(guest.slot, Slots())
            slots.waiting.pop(guest.run_id, None)
            slots.inside.add(guest.run_id)

    def _queue(self, guest: Guest) -> None:
        if guest.slot is not None:
            self._slots.setdefault(guest.slot, Slots()).join(guest)

    def _stand_back(self, guest: Guest) -> None:
        """Let a pending run that is replaced wait for no slot."""
        if guest.slot is not None and guest.slot in self._slots:
            self._slots[guest.slot].waiting.pop(guest.run_id, None)
            self._tidy(guest.slot)

    def _let_on(self, guest: Guest) -> list[str]:
        """Let a run whose lock is its own take a slot, or wait for one."""
        if guest.admitted:
            return []
        if guest.slot is None:
            self._admit(guest)
            return [guest.run_id]
        self._queue(guest)
        return self._fill(guest.slot)

    def _fill(self, place: Place) -> list[str]:
        """Let in those whose turn it is while there is room."""
        slots = self._slots[place]
        found = []
        while (guest := slots.first()) is not None and len(slots.inside) < guest.max_runs:
            self._admit(guest)
            found.append(guest.run_id)
        self._tidy(place)
        return found

    def _tidy(self, place: Place) -> None:
        slots = self._slots[place]
        if not slots.inside and not slots.waiting:
            del self._slots[place]


def _key(place: Place | None) -> str:
    return f" for key `{place[1]}`" if place is not None and place[1] else ""
