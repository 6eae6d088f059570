"""Registered programs: names to digests, digests to programs ready to run. Runs pin a digest."""

from dataclasses import dataclass
from typing import Any

import msgspec

from dagnats.errors import BrokenError, RefusedError
from dagnats.ir import codec
from dagnats.machine.events import rfc3339
from dagnats.machine.prepared import Prepared, prepare
from dagnats.ports import ProgramStore
from dagnats.source.shape import check_value


class Alias(msgspec.Struct, frozen=True):
    """What a workflow's name stands for now."""

    name: str
    digest: str
    label: str | None
    registered_at: str
    steps: int


@dataclass(frozen=True, slots=True)
class Loaded:
    """A program in memory: ready to run, and as its canonical bytes."""

    prepared: Prepared
    data: bytes

    def complaints(self, value: Any) -> list[str]:
        """Return what is wrong with a run's input, in words; nothing if it fits."""
        schema = self.prepared.program.input_schema
        return check_value(schema, value) if schema not in (None, True, {}) else []


_encode_alias = msgspec.json.Encoder().encode
_decode_alias = msgspec.json.Decoder(Alias).decode


class Programs:
    """The registry as the engine sees it; everything loaded stays, programs are small and few."""

    def __init__(self, store: ProgramStore) -> None:
        self._store = store
        self._loaded: dict[str, Loaded] = {}
        self._aliases: dict[str, Alias] = {}

    async def open(self) -> None:
        """Read all names."""
        stored = await self._store.load_aliases()
        self._aliases = {name: _decode_alias(data) for name, data in stored.items()}

    async def register(self, data: bytes, now: int) -> tuple[Alias, bool]:
        """Verify and store a program and point its name at it; returns whether that is news.

        Raises RefusedError `invalid` when the program is not one.
        """
        try:
            program = codec.load(data)
        except BrokenError as wrong:
            raise RefusedError("invalid", f"not a program this engine can run: {wrong}") from None
        digest = codec.digest(program)
        known = self._aliases.get(program.name)
        if known is not None and known.digest == digest:
            return known, False
        canonical = codec.encode(program)
        await self._store.save_program(digest, canonical)
        alias = Alias(program.name, digest, program.label, rfc3339(now), len(program.nodes))
        await self._store.save_alias(program.name, _encode_alias(alias))
        self._aliases[program.name] = alias
        self._loaded[digest] = Loaded(prepare(program, digest), canonical)
        return alias, True

    def aliases(self) -> list[Alias]:
        """Return all names with what they stand for, in alphabetical order."""
        return [self._aliases[name] for name in sorted(self._aliases)]

    def known(self, name: str) -> Loaded | None:
        """Return a named program if it is in memory."""
        alias = self._aliases.get(name)
        return self._loaded.get(alias.digest) if alias is not None else None

    async def find(self, name: str) -> Loaded:
        """Return a program by name or digest. Raises RefusedError `not_found`."""
        alias = self._aliases.get(name)
        if alias is None and not name.startswith("sha256:"):
            await self.open()
            alias = self._aliases.get(name)
        found = await self._load(alias.digest if alias is not None else name)
        if found is None:
            raise RefusedError("not_found", f"no workflow `{name}` is registered")
        return found

    async def pinned(self, digest: str) -> Prepared:
        """Return the program of a run. Raises BrokenError when it is gone."""
        found = await self._load(digest)
        if found is None:
            raise BrokenError(f"the program {digest} of a stored run is missing")
        return found.prepared

    async def _load(self, digest: str) -> Loaded | None:
        found = self._loaded.get(digest)
        if found is None:
            data = await self._store.load_program(digest)
            if data is None:
                return None
            found = Loaded(prepare(codec.load(data), digest), data)
            self._loaded[digest] = found
        return found
