"""On which partition a run lives, and how an engine finds out whether it is asked about its own.

Runs are spread by their ids. Those whose workflow has gates live together, by its name, and those
with tasks that have limits over all runs live on the first partition, so that gates and limits are
decided exactly, in one place, and nothing about them has to cross.
"""

import zlib

import msgspec

from dagnats.engine import finding
from dagnats.engine.errands import request
from dagnats.engine.faults import ElsewhereError
from dagnats.engine.partition import Partition
from dagnats.engine.service import Service
from dagnats.errors import RefusedError, UncertainError
from dagnats.ir.program import Program, TaskNode
from dagnats.wire import api, subjects

_decode_answer = msgspec.json.Decoder(api.Answer).decode


def partition_of(text: str, partitions: int) -> int:
    """Return the number of a partition for a text: a run id, an event id, a name."""
    return zlib.crc32(text.encode()) % partitions


def home_of(program: Program, run_id: str, partitions: int) -> int:
    """Return the partition that a run of a program lives on."""
    if partitions == 1:
        return 0
    if any(_is_limited(node) for node in program.nodes if isinstance(node, TaskNode)):
        return 0
    admission = program.admission
    gated = admission.concurrency is not None and admission.concurrency.max_runs is not None
    if gated or admission.singleton is not None or admission.idempotency_key is not None:
        return partition_of(program.name, partitions)
    return partition_of(run_id, partitions)


def _is_limited(node: TaskNode) -> bool:
    limits = (node.rate_limit, node.keyed_rate_limit, node.max_task_concurrency)
    return any(limit is not None for limit in limits)


def require_home(service: Service, program: Program, run_id: str) -> None:
    """Raise ElsewhereError unless a run of this program lives here."""
    here = service.owned().number
    if home_of(program, run_id, service.partitions) != here:
        raise ElsewhereError


def require_first(service: Service, name: str = "") -> None:
    """Raise ElsewhereError unless this partition answers for all, or for all about a name."""
    number = partition_of(name, service.partitions) if name else 0
    if service.owned().number != number:
        raise ElsewhereError


async def find_here(service: Service, prefix: str) -> tuple[Partition, str]:
    """Return the partition and the id of the run that is meant, if it is asked about here.

    Raises ElsewhereError when it is not, RefusedError `busy`, `invalid` when several begin so. A
    run that nobody knows is this partition's when its id says so: then whoever asks goes on, and
    finds nothing, or history.
    """
    partition = service.open()
    if finding.is_listed(partition, prefix):
        return partition, prefix
    here, there = finding.beginning(partition, prefix), list[str]()
    if service.partitions > 1:
        if not here and partition_of(prefix, service.partitions) != partition.number:
            raise ElsewhereError
        for number in range(service.partitions):
            if number != partition.number:
                there += await _like(service, number, prefix)
    if there and not here:
        raise ElsewhereError
    if len(here) + len(there) > 1:
        raise RefusedError("invalid", f"{len(here) + len(there)} runs begin with `{prefix}`")
    return service.open(), here[0] if here else prefix


async def _like(service: Service, number: int, run_id: str) -> list[str]:
    """Return the runs of another partition that begin so.

    Raises ElsewhereError when it knows this very run, RefusedError `busy` when it does not say.
    """
    try:
        answer = _decode_answer(
            await request(service.bus, subjects.engine(number, "knows"), {"run_id": run_id})
        )
    except UncertainError:
        raise RefusedError("busy", f"partition {number} does not answer") from None
    if answer.error is not None:
        raise RefusedError("busy", f"partition {number}: {answer.error.message}")
    if answer.ok["known"]:
        raise ElsewhereError
    return list(answer.ok["like"])
