"""`dagnats event …`: events that runs wait for, or begin with."""

from typing import Annotated

import typer

from dagnats.cli import output
from dagnats.cli.given import read_json
from dagnats.cli.options import AsJson, DataDir, Server, ask, group

app = group("Publish events that runs wait for.")


@app.callback()
def events() -> None:
    """Publish events that runs wait for."""


@app.command("publish", epilog="Example: dagnats event publish order.paid '{\"order\": 7}'")
def publish(
    type_: Annotated[str, typer.Argument(metavar="TYPE", help="What has happened.")],
    data: Annotated[
        str | None, typer.Argument(metavar="[DATA]", help="JSON, @FILE, or @- for stdin.")
    ] = None,
    event_id: Annotated[
        str | None,
        typer.Option("--id", help="Id of the event; publishing it again changes nothing."),
    ] = None,
    as_json: AsJson = False,
    server: Server = None,
    data_dir: DataDir = None,
) -> None:
    """Publish an event; prints its id."""
    from dagnats.wire.ids import new_run_id

    value = None if data is None else read_json(data, "the data")
    params = {"type": type_, "id": event_id or new_run_id(), "data": value}
    answer = ask(server, data_dir, "event.publish", params)
    if as_json:
        output.result_json(answer)
        return
    if not answer["created"]:
        output.say(f"the event `{answer['id']}` was published before")
    output.result(answer["id"])
