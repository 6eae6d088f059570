"""Steps of 0.2 seconds that leave a trace of every execution."""

import os
import time
from pathlib import Path
from typing import Any

from dagnats import task
from dagnats.worker.context import Context


@task("slow")
def slow(value: Any, ctx: Context) -> str:
    """Take 0.2 seconds."""
    time.sleep(0.2)
    with Path(os.environ["TRACE"]).open("a") as trace:
        trace.write(f"{ctx.idempotency_key}\n")
    return ctx.step


@task("first_sleeps")
def first_sleeps(value: Any, ctx: Context) -> str:
    """Sleep for a minute the first time; afterwards answer at once."""
    mark = Path(os.environ["TRACE"])
    if not mark.exists():
        mark.write_text(str(os.getpid()))
        time.sleep(60)
    return "done"


@task("add")
def add(value: Any) -> int:
    """Take a moment, and add one."""
    time.sleep(0.01)
    return int(value or 0) + 1
