"""The worker of the benchmark: a task that does nothing, so that all time is the engine's."""

from typing import Any

from dagnats import task


@task("noop", inline=True)
def noop(value: Any) -> Any:
    """Return what was given."""
    return value
