"""A worker's seats: at each partition of an installation, as if that were all there is.

Theory. To a partition a worker is one that can do its share of what it can do at once. So a seat
has its own epoch, its own results and beats, and its own task that asks until an engine answers: a
partition whose engine has died keeps nobody from working for the others. How many partitions there
are says the first answer on `subjects.HELLO`. With one, that is all; with several, each is then
told its share on a subject of its own.
"""

import asyncio
import time
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import msgspec

from dagnats.errors import RefusedError
from dagnats.wire import subjects
from dagnats.wire.tasks import TASKS_PER_MESSAGE_MAX, Deliver, Held, Hello, Result, Task, Welcome
from dagnats.worker.beating import Beating
from dagnats.worker.context import BaseContext
from dagnats.worker.desk import Desk
from dagnats.worker.sending import Connection, Key, Sending, Spawn, held_of
from dagnats.worker.store import Store
from dagnats.worker.threads import Job

HELLO_S = 1.0
HELLO_PAUSE_S = 0.1
SILENCE_S = 1.0
"""How long no engine may answer before the operator is told."""
RESEND_S = 2.0

_encode = msgspec.json.Encoder().encode
_decode_welcome = msgspec.json.Decoder(Welcome).decode


@dataclass(slots=True, eq=False)
class Execution:
    """A task being done: by a coroutine, or by a thread."""

    task: Task
    context: BaseContext
    doing: asyncio.Task[None] | None = None
    job: Job[Result] | None = None


@dataclass(slots=True, frozen=True)
class Member:
    """The worker whose seats these are: how it introduces itself, and what it does beside that.

    `room` returns how many tasks it can do at once now; `tell_room` is called with it before it is
    announced.
    """

    worker_id: str
    tasks: list[str]
    groups: list[str]
    capabilities: list[str]
    room: Callable[[], int]
    tell_room: Callable[[int], None]
    say: Callable[[str], None]
    spawn: Spawn
    store: Store


class Seat:
    """A worker's place at one partition: what it does for it, and what it has told it.

    `running` and `sending.finished` are what it holds. `announced` is the room it was welcomed
    with, None before that, 0 after a `bye`.
    """

    def __init__(self, seats: "Seats", number: int) -> None:
        self.number = number
        self.running: dict[Key, Execution] = {}
        self.sending = Sending(seats.member.worker_id, seats.member.spawn, seats.link, number)
        self.desk = Desk(self.sending, seats.member.spawn, seats.member.store)
        self.beating = Beating()
        self.epoch = 0
        self.lease_s = 10.0
        self.announced: int | None = None
        self._seats = seats
        self._greeting: asyncio.Future[None] | None = None

    def is_current(self, message: Deliver) -> bool:
        """Tell whether a message counts: not if an engine sent it that has been replaced."""
        if message.epoch < self.epoch:
            return False
        self.epoch = message.epoch
        return True

    @property
    def is_crowded(self) -> bool:
        """Tell whether the engine gives more than it was told: it has not heard us right."""
        room = self.announced
        return self._seats.partitions > 1 and room is not None and len(self.running) > room

    def holding(self) -> list[Held]:
        """Return what runs and what is done and not accepted."""
        held = [held_of(execution.task) for execution in self.running.values()]
        return held + [held_of(one.result) for one in self.sending.finished.values()]

    def forget(self, key: Key) -> None:
        """Keep a result no longer: it is committed, or nobody wants it."""
        self.sending.finished.pop(key, None)
        self.beating.end(key)

    def greet(self) -> "asyncio.Future[None]":
        """Announce ourselves here, unless we are about to."""
        if self._greeting is None or self._greeting.done():
            self._greeting = self._seats.member.spawn(self._hello())
        return self._greeting

    async def leave(self) -> None:
        """Say that we take nothing more."""
        if self._greeting is not None:
            self._greeting.cancel()  # or an engine that comes now would count on us
        await self.sending.bye()

    async def again(self) -> None:
        """After a gap: say what we hold, and everything that was not accepted."""
        if not self._seats.leaving:
            await self.greet()
        await self.sending.repeat()

    def settle(self, welcome: Welcome, room: int) -> None:
        """Take in what an engine has answered to so much room. Raises RefusedError."""
        if welcome.error:
            raise RefusedError("invalid", f"the engine refuses us: {welcome.error}")
        self.epoch = max(self.epoch, welcome.epoch)
        self.lease_s = welcome.lease_ms / 1000
        self.announced = room

    async def attend(self) -> None:
        """Be here for good: announced, with beats, and with results until they are accepted."""
        if self.announced is None:
            await self.greet()
        beat_at = time.monotonic()
        while True:
            await self.beating.sleep(min(RESEND_S / 2, self.lease_s / 3))
            now = time.monotonic()
            await self.sending.repeat(RESEND_S)
            if now - beat_at >= self.lease_s / 3 - RESEND_S / 2:
                beat_at = now
                self.beating.beaten()
                await self.sending.beat(self.holding())
            elif self.beating.is_due():
                self.beating.beaten()
                await self.sending.beat(self.beating.held)
            if self._seats.share(self.number) != self.announced and not self._seats.leaving:
                self.greet()

    async def _hello(self) -> None:
        """Announce ourselves until an engine answers."""
        seats = self._seats
        seats.member.tell_room(seats.member.room())
        room = seats.share(self.number)
        if not room:
            self.announced = 0
            await self.sending.bye()
            return
        if seats.partitions > 1:
            subject = subjects.engine(self.number, "hello")
            silent = f"partition {self.number} does not answer yet at {seats.where}; waiting"
            again = f"partition {self.number} answers"
        else:
            subject, silent, again = subjects.HELLO, seats.silent, "an engine answers again"
        welcome, more = await seats.ask(subject, room, self.holding, silent, again)
        self.settle(welcome, room)
        if more:
            # Before the next look at leases, for which those that we did not name are over.
            await self.sending.beat(more)


class Seats:
    """The seats of a worker. `partitions` is 0 until an engine has said how many there are.

    Nobody is greeted any more once `leaving`.
    """

    def __init__(self, member: Member, link: Connection, where: str) -> None:
        self.member = member
        self.link = link
        self.where = where
        self.partitions = 0
        self.leaving = False
        self.silent = f"no engine answers yet at {where}; waiting"
        self._seats: dict[int, Seat] = {}
        self._first = zlib.crc32(member.worker_id.encode())

    def __iter__(self) -> Iterator[Seat]:
        return iter(list(self._seats.values()))

    @property
    def running(self) -> int:
        """Return how many tasks run."""
        return sum(len(seat.running) for seat in self)

    @property
    def finished(self) -> int:
        """Return how many results are not accepted."""
        return sum(len(seat.sending.finished) for seat in self)

    def at(self, number: int) -> Seat:
        """Return the seat at a partition; tasks may come from it before its welcome."""
        seat = self._seats.get(number)
        if seat is None:
            seat = self._seats[number] = Seat(self, number)
            seat.desk.open()
        return seat

    async def open(self) -> None:
        """Find an engine, and how many partitions there are. Raises RefusedError."""
        room = self.member.room()
        welcome, more = await self.ask(subjects.HELLO, room, self.holding, self.silent)
        seat = self.at(welcome.partition)
        self.partitions = max(1, welcome.partitions)
        if self.partitions > 1 and not welcome.error:
            return  # to each its share: that was for everybody
        seat.settle(welcome, room)
        if more:
            await seat.sending.beat(more)

    def attend(self) -> None:
        """Be at every partition from now on."""
        for number in range(self.partitions) if self.partitions > 1 else list(self._seats):
            self.member.spawn(self.at(number).attend())

    def greet(self, seat: Seat) -> None:
        """Announce ourselves to a partition that asks, unless we are about to leave, or to come."""
        if self.partitions and not self.leaving:
            seat.greet()

    def again(self) -> None:
        """After a gap: say everything again, everywhere."""
        for seat in self:
            if self.partitions:
                self.member.spawn(seat.again())

    def holding(self) -> list[Held]:
        """Return what is held for all partitions."""
        return [held for seat in self for held in seat.holding()]

    def share(self, number: int) -> int:
        """Return the room that a partition is told: its share, and at least 1 if there is any."""
        return share(self.member.room(), number + self._first, self.partitions)

    async def ask(
        self,
        subject: str,
        room: int,
        holding: Callable[[], list[Held]],
        silent: str,
        again: str = "",
    ) -> tuple[Welcome, list[Held]]:
        """Say hello until an engine answers; the operator is told once that none does, and of it.

        Returns the answer, and what is held and did not fit.
        """
        asked_at, told = time.monotonic(), False
        me = self.member
        while True:
            held = holding()
            some, more = held[:TASKS_PER_MESSAGE_MAX], held[TASKS_PER_MESSAGE_MAX:]
            hello = Hello(me.worker_id, me.tasks, room, some, me.groups, me.capabilities)
            answer = await self.link.request(subject, _encode(hello), HELLO_S)
            if answer is not None:
                if told and again:
                    me.say(again)
                return _decode_welcome(answer), more
            if not told and time.monotonic() - asked_at >= SILENCE_S:
                told = True
                me.say(silent)
            await asyncio.sleep(HELLO_PAUSE_S)


def share(room: int, turn: int, partitions: int) -> int:
    """Return what one of several partitions gets of some room.

    Shares differ by 1 at most and are the room together, but for those that would be 0: a partition
    that gets nothing might wait for ever.
    """
    if partitions <= 1 or room <= 0:
        return max(0, room)
    return max(1, room // partitions + (turn % partitions < room % partitions))
