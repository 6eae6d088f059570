"""What workers say to a partition: hello, beat, results, checkpoints, bye."""

import asyncio

import msgspec

from dagnats.engine import desk, ingress, shop
from dagnats.engine.book import Live
from dagnats.engine.ingress import decoded
from dagnats.engine.letters import PAYLOAD_BYTES_KEPT_MAX, Letter
from dagnats.engine.partition import LEASE_MS
from dagnats.engine.service import Operation, Service
from dagnats.errors import RefusedError
from dagnats.machine.state import Running, locate
from dagnats.wire import subjects, tasks

RESULTS_AT_ONCE = 100
"""Of a larger message, so many results are decided before an append of them may begin."""
TURNS_TO_APPEND = 4
"""Turns of the event loop from a decision to the append that stores it."""

_encode = msgspec.json.Encoder().encode
_decode_beat = msgspec.json.Decoder(tasks.Beat).decode
_decode_hello = msgspec.json.Decoder(tasks.Hello).decode
_decode_bye = msgspec.json.Decoder(tasks.Bye).decode
_decode_checkpoint = msgspec.json.Decoder(tasks.Checkpoint).decode


async def meet(service: Service, payload: bytes, reply: str) -> None:
    """Let a worker take part; where there are several partitions, only tell it how many.

    It then says hello to each of them, with its share of what it can do at once.
    """
    if service.partitions == 1:
        await hello(service, payload, reply)
    elif service.partition is not None and reply:
        head = (service.partition.number, service.epoch, LEASE_MS)
        welcome = tasks.Welcome(*head, partitions=service.partitions)
        await service.bus.publish(reply, _encode(welcome))


async def hello(service: Service, payload: bytes, reply: str) -> None:
    """Let a worker take part."""
    partition = service.partition
    if partition is None or not reply:
        return  # the worker asks again
    number, epoch = partition.number, service.epoch
    try:
        message = decoded(_decode_hello, payload)
        problem = ingress.hello_problem(message)
    except RefusedError as wrong:
        problem = str(wrong)
    if problem:
        refusal = tasks.Welcome(number, epoch, LEASE_MS, problem)
        await service.bus.publish(reply, _encode(refusal))
        return
    concurrency = max(1, min(message.concurrency, tasks.CREDIT_MAX))
    # The answer first: nothing may be delivered to a worker that does not know the epoch yet.
    welcome = tasks.Welcome(number, epoch, LEASE_MS, partitions=service.partitions)
    await service.bus.publish(reply, _encode(welcome))
    shop.say_hello(partition, message, concurrency, service.clock.now_ms())


async def results(service: Service, payload: bytes, _reply: str) -> None:
    """Take what a worker returns."""
    if service.partition is None:
        return  # the worker sends them again
    message = ingress.decode_results(payload)
    if message is None:
        _keep(service, payload)
        return  # what it speaks of will be delivered again
    for begin in range(0, len(message.results), RESULTS_AT_ONCE):
        if begin:
            await _let_append_begin()
        _take(service, message.worker_id, message.results[begin : begin + RESULTS_AT_ONCE])


def _take(service: Service, worker_id: str, part: list[tasks.Result]) -> None:
    partition = service.partition
    if partition is not None:  # otherwise the worker sends them again
        now = service.clock.now_ms()
        shop.take_results(partition, worker_id, part, now, service.planning)


def _keep(service: Service, payload: bytes) -> None:
    """Keep a message that nobody can read as a dead letter."""
    partition = service.partition
    assert partition is not None
    now = service.clock.now_ms()
    text = payload[:PAYLOAD_BYTES_KEPT_MAX].decode("utf-8", "replace")
    subject = subjects.engine(partition.number, "results")
    letter_id = f"message-{ingress.digest(payload)}"
    error = {"code": "undecodable", "message": "no worker of dagnats writes such results"}
    letter = Letter(letter_id, "undecodable", now, error=error, payload=text, subject=subject)
    desk.add_letter(partition, letter, now)


async def beat(service: Service, payload: bytes, _reply: str) -> None:
    """Extend the leases that a worker names."""
    partition = service.partition
    if partition is None:
        return
    message = decoded(_decode_beat, payload)
    if not ingress.is_subject(message.worker_id):
        return
    if not shop.beat(partition, message.worker_id, message.held, service.clock.now_ms()):
        ask = tasks.Deliver(partition.number, service.epoch, hello=True)
        await service.bus.publish(subjects.worker(message.worker_id), _encode(ask))


async def checkpoint(service: Service, payload: bytes, reply: str) -> None:
    """Store, or find, what a worker keeps for the next attempt or iteration of a step."""
    message = decoded(_decode_checkpoint, payload)
    partition = service.owned()
    live = partition.runs.get(message.run_id)
    if live is None:
        raise RefusedError("not_found", f"no run `{message.run_id}` is alive")
    if message.attempt and not _is_current(live, message):
        raise RefusedError("conflict", f"this attempt of step `{message.step}` is over")
    if message.store:
        ingress.check_value("the checkpoint", message.data)
        data = _encode(message.data)
        await service.checkpoints.save(message.run_id, message.step, data)
        live.keeps_checkpoints = True
        await service.bus.publish(reply, _encode({"data": message.data}))
        return
    found = await service.checkpoints.load(message.run_id, message.step)
    await service.bus.publish(reply, b'{"data":%s}' % (found or b"null"))


def _is_current(live: Live, message: tasks.Checkpoint) -> bool:
    """Whether a worker speaks of the delivery that is under way: it may have been given up."""
    found = locate(live.program, live.state, message.step)
    if found is None:
        return False
    step = found[0].steps[found[1]]
    return (
        isinstance(step, Running)
        and live.state.life == message.life
        and (step.attempt, step.iteration) == (message.attempt, message.iteration)
        and message.delivery in {0, step.delivery}
    )


async def bye(service: Service, payload: bytes, _reply: str) -> None:
    """Send a worker nothing more."""
    message = decoded(_decode_bye, payload)
    if service.partition is not None:
        service.partition.dispatcher.unseat(message.worker_id)


async def _let_append_begin() -> None:
    """Let what is decided so far be on its way to the log while the rest is decided.

    Otherwise many runs in step would take turns with the disk instead of sharing their time: 13 %
    more runs per second at 200 in flight (benchmarks/README.md).
    """
    for _ in range(TURNS_TO_APPEND):
        await asyncio.sleep(0)


def operations(number: int) -> list[tuple[str, Operation, bool]]:
    """Return the operations of a partition."""
    return [
        (subjects.engine(number, "results"), results, True),
        (subjects.engine(number, "beat"), beat, True),
        (subjects.engine(number, "checkpoint"), checkpoint, False),
        (subjects.engine(number, "bye"), bye, True),
        (subjects.engine(number, "hello"), hello, True),
        (subjects.HELLO, meet, True),
    ]
