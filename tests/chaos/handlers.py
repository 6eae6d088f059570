"""The handlers of the chaos: honest, most of them quick, some slow enough to be killed at work."""

import asyncio
from typing import Any

from dagnats import AsyncContext, task
from dagnats.worker.signals import Retryable

SLOW_S = 0.05


@task("chaos.add", inline=True)
def add(value: dict[str, Any]) -> int:
    """Add one."""
    return int(value["n"]) + 1


@task("chaos.limited", inline=True)
def limited(value: dict[str, Any]) -> int:
    """Add one; the engine says how often."""
    return int(value["n"]) + 1


@task("chaos.slow")
async def slow(value: dict[str, Any]) -> int:
    """Take a moment, and add one."""
    await asyncio.sleep(SLOW_S)
    return int(value["n"]) + 1


@task("chaos.flaky")
async def flaky(value: dict[str, Any], ctx: AsyncContext) -> int:
    """Fail the first attempt."""
    if ctx.attempt == 1:
        raise Retryable("the first attempt fails", code="flaky")
    return int(value["n"]) + 1
