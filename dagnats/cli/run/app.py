"""`dagnats run …`: all its commands, in the order in which help lists them."""

from dagnats.cli.options import group
from dagnats.cli.replay import replay
from dagnats.cli.run import begin, change, history, inspect, look, many, purge

app = group("Start runs, watch them, look at them, change their course, end them.")
for part in (begin.app, look.app, inspect.app, history.app, change.app, many.app, purge.app):
    app.add_typer(part)
app.command("replay", epilog="Example: dagnats run replay run.json --version hello.yaml")(replay)
