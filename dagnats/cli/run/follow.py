"""Following a run: its events as they come, then what became of it."""

import asyncio
import contextlib
import sys
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

from dagnats.cli import output, progress
from dagnats.cli.run import causes, stored
from dagnats.errors import DagnatsError

if TYPE_CHECKING:
    from dagnats.jetstream.client import Client

PAUSES = {"workflow.paused", "step.exhausted"}
"""The event types after which a run is paused."""


async def all_events(
    client: "Client", run_id: str, *, known: int
) -> AsyncGenerator[dict[str, Any], None]:
    """Yield the events of a run until it has ended.

    An end before the event `known` is none: the run was retried since.
    """
    seq = 0
    while True:
        events = client.events(run_id, follow=True, start_seq=seq + 1)
        async with aclosing(events):
            async for event in events:
                seq = event["seq"]
                yield event
        if seq >= known:
            return


async def follow(
    client: "Client", run_id: str, *, known: int, as_json: bool, raw: bool = False
) -> int:
    """Tell a run's events as they come; then its output, or its error. Returns the exit code.

    `known` is the number of an event that it has had already. The output is whole, unless `raw`;
    of the values of events the large ones are left out.
    """
    last: dict[str, Any] = {}
    shown = stored.Shown(client, run_id, raw=raw)
    try:
        async with aclosing(all_events(client, run_id, known=known)) as events:
            async for event in events:
                last = event
                if as_json:
                    output.result_line(await shown.event(event))
                    continue
                output.say(progress.line(await shown.event(event), sys.stderr))
                if event["type"] in PAUSES and event["seq"] >= known:
                    await _tell_pause(client, run_id)
    except asyncio.CancelledError:
        output.say(f"the run goes on: `dagnats run watch {run_id}` follows it again")
        raise
    shown.tell_rest()
    value = await stored.resolved(client, last.get("payload"), raw=raw)
    return _tell_end(run_id, last.get("type", ""), value, as_json=as_json)


async def _tell_pause(client: "Client", run_id: str) -> None:
    """Say what a paused run waits for; a comment, so nothing depends on it."""
    with contextlib.suppress(DagnatsError):
        why = await client.call("run.explain", {"run_id": run_id})
        if why["status"] != "paused":
            return
        for cause in why["causes"]:
            output.say(f"  {causes.sentence(cause)}")


def _tell_end(run_id: str, how: str, value: Any, *, as_json: bool) -> int:
    status = progress.ENDS.get(how, "running")
    completed = status == "completed"
    if as_json:
        end = {"run_id": run_id, "status": status, "output": None, "error": None}
        output.result_line(end | {"output" if completed else "error": value})
    elif completed:
        output.result_value(value)
    else:
        output.complain(f"run `{run_id}` {status}: {progress.explain(value)}")
    return 0 if completed else 1
