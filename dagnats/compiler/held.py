"""A registry of programs that are at hand."""

from collections.abc import Iterable
from typing import Any

from dagnats.compiler.registry import Told
from dagnats.ir.codec import to_document
from dagnats.ir.program import Program
from dagnats.lang.registered import contracts, emitted


class Held:
    """A registry of these programs, in memory."""

    def __init__(self, programs: Iterable[Program]) -> None:
        self._programs = {program.name: program for program in programs}

    def workflow(self, name: str) -> Program | None:
        """Return the program that is registered under a name, None where there is none."""
        return self._programs.get(name)

    def task(self, name: str, asker: str) -> Told | None:
        """Return what all other programs that do a task agree about."""
        found = contracts(self._others(asker)).get(name)
        return None if found is None else Told(*found)

    def emitted(self, asker: str) -> set[str]:
        """Return the types of the events that the other programs emit."""
        return emitted(self._others(asker))

    def _others(self, asker: str) -> list[dict[str, Any]]:
        return [to_document(each) for name, each in self._programs.items() if name != asker]
