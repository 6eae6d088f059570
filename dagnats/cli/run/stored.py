"""Large values of a run: what stands for them is replaced by the values themselves."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from dagnats.claims import Claim, filled, found_in
from dagnats.cli import output
from dagnats.errors import RefusedError

if TYPE_CHECKING:
    from dagnats.jetstream.client import Client

SHOWN_BYTES_MAX = 1_000_000
"""Who looks on gets the values of an event as long as they have no more bytes, all in all."""

Raw = Annotated[
    bool,
    typer.Option("--raw", help="Leave references to large values as they are: do not fetch them."),
]


async def fetched(client: "Client", value: Any) -> dict[Claim, Any]:
    """Return the values that a value refers to, wherever in it; those that are there."""
    return await _those_there(client, dict.fromkeys(found_in(value)))


async def resolved(client: "Client", value: Any, *, raw: bool = False) -> Any:
    """Return a value with those that it refers to; says how many are not there any more."""
    if raw:
        return value
    values = await fetched(client, value)
    missing = len(set(found_in(value)) - set(values))
    if missing:
        output.say(f"{missing} stored values are not there any more: their references stay")
    return filled(value, values)


async def whole(client: "Client", value: Any) -> Any:
    """Return a value with all that it refers to. Raises RefusedError for what is not there."""
    wanted = dict.fromkeys(found_in(value))
    return filled(value, {one: await client.payload(one) for one in wanted})


class Shown:
    """What somebody who looks on is shown: values up to `SHOWN_BYTES_MAX`, else references.

    What was left out is told once, at the end, by `tell_rest`.
    """

    def __init__(self, client: "Client", run_id: str, *, raw: bool = False) -> None:
        self._client = client
        self._run_id = run_id
        self._raw = raw
        self._left_out = 0

    async def of(self, value: Any) -> Any:
        """Return a value with those that it refers to, as far as they are shown and there."""
        wanted = [] if self._raw else list(dict.fromkeys(found_in(value)))
        if not wanted:
            return value
        room, fitting = SHOWN_BYTES_MAX, []
        for one in wanted:
            if one.bytes <= room:
                room -= one.bytes
                fitting.append(one)
        self._left_out += len(wanted) - len(fitting)
        return filled(value, await _those_there(self._client, fitting))

    async def event(self, event: dict[str, Any]) -> dict[str, Any]:
        """Return an event whose payload is shown."""
        payload = event.get("payload")
        shown = await self.of(payload)
        return event if shown is payload else event | {"payload": shown}

    def tell_rest(self) -> None:
        """Say that values were left out, if any were, and who prints them."""
        if self._left_out:
            output.say(
                f"left out {self._left_out} values of more than {SHOWN_BYTES_MAX:,} bytes: "
                f"`dagnats run inspect {self._run_id} --full` prints them"
            )


async def _those_there(client: "Client", wanted: Any) -> dict[Claim, Any]:
    found: dict[Claim, Any] = {}
    for one in wanted:
        try:
            found[one] = await client.payload(one)
        except RefusedError:
            continue
    return found
