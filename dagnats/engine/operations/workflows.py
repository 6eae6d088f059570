"""Operations on workflows: register, list, show, versions, delete."""

import contextlib
from typing import Any

import msgspec

from dagnats.engine import errands, homes
from dagnats.engine.ingress import decoded
from dagnats.engine.service import Operation, Service
from dagnats.errors import RefusedError, UncertainError
from dagnats.wire import api, subjects

_decode_register = msgspec.json.Decoder(api.RegisterWorkflow).decode
_decode_show = msgspec.json.Decoder(api.ShowWorkflow).decode
_decode_delete = msgspec.json.Decoder(api.DeleteWorkflow).decode


async def register(service: Service, payload: bytes, reply: str) -> None:
    """Store a program and point its name at it."""
    homes.require_first(service)
    request = decoded(_decode_register, payload)
    now = service.clock.now_ms()
    alias, created = await service.programs.register(bytes(request.program), now)
    await _tell_others(service)
    await service.say(reply, {"name": alias.name, "digest": alias.digest, "created": created})


async def list_all(service: Service, _payload: bytes, reply: str) -> None:
    """Give all names with what they stand for."""
    homes.require_first(service)
    await service.say(reply, [_row(alias) for alias in service.programs.aliases()])


def _row(alias: Any) -> dict[str, Any]:
    row = msgspec.to_builtins(alias)
    del row["versions"]
    return dict(row)


async def show(service: Service, payload: bytes, reply: str) -> None:
    """Give a program, by name or digest."""
    homes.require_first(service)
    request = decoded(_decode_show, payload)
    loaded = await service.programs.find(request.name, request.version)
    program = loaded.prepared
    await service.say(
        reply,
        {
            "name": program.program.name,
            "digest": program.digest,
            "program": msgspec.Raw(loaded.data),
        },
    )


async def versions(service: Service, payload: bytes, reply: str) -> None:
    """Give what a name has stood for, newest first."""
    homes.require_first(service)
    request = decoded(_decode_show, payload)
    found = service.programs.versions(request.name)
    await service.say(
        reply,
        [{**msgspec.to_builtins(one), "current": number == 0} for number, one in enumerate(found)],
    )


async def delete(service: Service, payload: bytes, reply: str) -> None:
    """Forget a name."""
    homes.require_first(service)
    request = decoded(_decode_delete, payload)
    alive = sum(live.program.program.name == request.name for live in service.owned().runs.values())
    if alive and not request.force:
        raise RefusedError(
            "conflict", f"{alive} runs of `{request.name}` are alive; with `force` they go on"
        )
    await service.programs.delete(request.name)
    await _tell_others(service)
    await service.say(reply, {"name": request.name, "alive": alive})


async def _tell_others(service: Service) -> None:
    """Let the other partitions read the names again; one that is silent reads them when it is up.

    So a start after the answer finds what was registered, wherever it goes.
    """
    for number in range(1, service.partitions):
        with contextlib.suppress(UncertainError, TimeoutError):
            await errands.request(service.bus, subjects.engine(number, "names"), {})


async def read_names(service: Service, _payload: bytes, reply: str) -> None:
    """Read the names again."""
    await service.programs.open()
    await service.say(reply, {})


OPERATIONS: list[tuple[str, Operation, bool]] = [
    (subjects.api("workflow.register"), register, False),
    (subjects.api("workflow.list"), list_all, False),
    (subjects.api("workflow.show"), show, False),
    (subjects.api("workflow.versions"), versions, False),
    (subjects.api("workflow.delete"), delete, False),
]
