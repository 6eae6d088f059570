"""What a running server has registered, as the compiler asks for it."""

import asyncio
import json
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dagnats.cli import output
from dagnats.cli.options import connected
from dagnats.compiler.registry import Told
from dagnats.errors import BrokenError, RefusedError
from dagnats.ir.codec import load
from dagnats.lang.registered import Contract, contracts, emitted

if TYPE_CHECKING:
    from dagnats.ir.program import Program
    from dagnats.jetstream.client import Client


class ServerRegistry:
    """The registry of a server, fetched whole at the first question and kept.

    A document that needs nothing of it costs no connection. A question raises DagnatsError when
    no server answers.
    """

    def __init__(self, server: str | None, data_dir: Path | None) -> None:
        self._server = server
        self._data_dir = data_dir
        self._programs: dict[str, Program | None] = {}
        self._contracts: dict[str, dict[str, Contract]] = {}
        self._emitted: dict[str, set[str]] = {}

    def workflow(self, name: str) -> "Program | None":
        """Return the program of a workflow; None also for one that only another engine reads."""
        if name not in self._programs:
            document = self._documents.get(name)
            self._programs[name] = None if document is None else _program(name, document)
        return self._programs[name]

    def task(self, name: str, asker: str) -> Told | None:
        """Return what all other registered workflows that do a task agree about."""
        if asker not in self._contracts:
            others = [document for key, document in self._documents.items() if key != asker]
            self._contracts[asker] = contracts(others)
        found = self._contracts[asker].get(name)
        return None if found is None else Told(*found)

    def emitted(self, asker: str) -> set[str]:
        """Return the types of the events that the other registered workflows emit."""
        if asker not in self._emitted:
            others = (document for key, document in self._documents.items() if key != asker)
            self._emitted[asker] = emitted(others)
        return self._emitted[asker]

    @cached_property
    def _documents(self) -> dict[str, dict[str, Any]]:
        return asyncio.run(self._fetched())

    async def _fetched(self) -> dict[str, dict[str, Any]]:
        async with connected(self._server, self._data_dir) as client:
            return {program["name"]: program for program in await registered(client)}


async def registered(client: "Client") -> list[dict[str, Any]]:
    """Return the latest program of each workflow, as JSON; those that cannot be read are told."""
    programs = []
    for row in await client.call("workflow.list", {}):
        try:
            answer = await client.call("workflow.show", {"name": row["name"]})
        except RefusedError as no:  # stored by another engine, or gone meanwhile
            output.say(f"left out `{row['name']}`: {no}")
            continue
        programs.append(answer["program"])
    return programs


def _program(name: str, document: dict[str, Any]) -> "Program | None":
    try:
        return load(json.dumps(document).encode())
    except BrokenError as wrong:
        output.say(f"left out `{name}`: {wrong}")
        return None
