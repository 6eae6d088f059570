"""Large values of a run: what stands for them is replaced by the values themselves."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from dagnats.claims import Claim, filled, found_in
from dagnats.cli import output
from dagnats.errors import RefusedError

if TYPE_CHECKING:
    from dagnats.jetstream.client import Client

Raw = Annotated[
    bool,
    typer.Option("--raw", help="Leave references to large values as they are: do not fetch them."),
]


async def fetched(client: "Client", value: Any) -> dict[Claim, Any]:
    """Return the values that a value refers to, wherever in it; those that are there."""
    found: dict[Claim, Any] = {}
    for wanted in dict.fromkeys(found_in(value)):
        try:
            found[wanted] = await client.payload(wanted)
        except RefusedError:
            continue
    return found


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
