"""Registered programs: names to digests, digests to programs ready to run. Runs pin a digest."""

from dataclasses import dataclass
from typing import Any

import msgspec

from dagnats.engine.faults import in_words
from dagnats.errors import BrokenError, RefusedError
from dagnats.ir import codec
from dagnats.machine.events import rfc3339
from dagnats.machine.prepared import Prepared, prepare
from dagnats.machine.unsupported import unsupported
from dagnats.ports import ProgramStore
from dagnats.source.shape import check_value

PROGRAMS_MAX = 1_000
"""Programs kept in memory besides those of live runs; the oldest is read again when asked for."""


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
        """Return what is wrong with a run's input, in words; nothing if it fits.

        Raises BrokenError when the check itself fails.
        """
        schema = self.prepared.program.input_schema
        if schema in (None, True, {}):
            return []
        try:
            return check_value(schema, value)
        except Exception as bug:
            raise BrokenError(f"the input cannot be checked: {in_words(bug)}") from bug


_encode_alias = msgspec.json.Encoder().encode
_decode_alias = msgspec.json.Decoder(Alias).decode


class Programs:
    """The registry as the engine sees it; up to `PROGRAMS_MAX` programs stay in memory."""

    def __init__(self, store: ProgramStore) -> None:
        self._store = store
        self._loaded: dict[str, Loaded] = {}
        self._aliases: dict[str, Alias] = {}

    async def open(self) -> None:
        """Read all names. Raises BrokenError for one that is damaged."""
        aliases: dict[str, Alias] = {}
        for name, data in (await self._store.load_aliases()).items():
            try:
                aliases[name] = _decode_alias(data)
            except msgspec.DecodeError as damage:
                raise BrokenError(
                    f"the entry of workflow `{name}` is damaged: {damage}"
                ) from damage
        self._aliases = aliases

    async def register(self, data: bytes, now: int) -> tuple[Alias, bool]:
        """Verify and store a program and point its name at it; returns whether that is news.

        Raises RefusedError `invalid` when the program is not one, or not one that this engine runs.
        Its digest is that of its form in this version of the IR, also when it came in an older one.
        """
        try:
            program = codec.load(data)
        except BrokenError as wrong:
            raise RefusedError("invalid", f"not a program this engine can run: {wrong}") from None
        what = unsupported(program)
        if what is not None:
            raise RefusedError("invalid", f"`{program.name}`: {what}")
        digest = codec.digest(program)
        known = self._aliases.get(program.name)
        if known is not None and known.digest == digest and await self._is_stored(digest):
            return known, False
        canonical = codec.encode(program)
        await self._store.save_program(digest, canonical)
        alias = Alias(program.name, digest, program.label, rfc3339(now), len(program.nodes))
        await self._store.save_alias(program.name, _encode_alias(alias))
        self._aliases[program.name] = alias
        self._keep(digest, Loaded(prepare(program, digest), canonical))
        return alias, True

    def aliases(self) -> list[Alias]:
        """Return all names with what they stand for, in alphabetical order."""
        return [self._aliases[name] for name in sorted(self._aliases)]

    def known(self, name: str) -> Loaded | None:
        """Return a named program if it is in memory."""
        alias = self._aliases.get(name)
        return self._loaded.get(alias.digest) if alias is not None else None

    async def find(self, name: str) -> Loaded:
        """Return a program by name or digest.

        Raises RefusedError `not_found`, and `invalid` for one that this engine does not run;
        BrokenError when what was registered is gone or damaged.
        """
        alias = self._aliases.get(name)
        if alias is None and not name.startswith("sha256:"):
            await self.open()
            alias = self._aliases.get(name)
        try:
            found = await self._load(alias.digest if alias is not None else name)
        except _UnsupportedError as no:
            raise RefusedError("invalid", str(no)) from None
        if found is None and alias is not None:
            raise _missing(alias.digest)
        if found is None:
            raise RefusedError("not_found", f"no workflow `{name}` is registered")
        return found

    async def pinned(self, digest: str) -> Prepared:
        """Return the program of a run. Raises BrokenError when it is gone or damaged."""
        found = await self._load(digest)
        if found is None:
            raise _missing(digest)
        return found.prepared

    async def _is_stored(self, digest: str) -> bool:
        try:
            return await self._load(digest) is not None
        except BrokenError:
            return False

    async def _load(self, digest: str) -> Loaded | None:
        found = self._loaded.get(digest)
        if found is None:
            data = await self._store.load_program(digest)
            if data is None:
                return None
            found = Loaded(_prepared(data, digest), data)
            self._keep(digest, found)
        return found

    def _keep(self, digest: str, loaded: Loaded) -> None:
        self._loaded[digest] = loaded
        if len(self._loaded) > PROGRAMS_MAX:
            del self._loaded[next(iter(self._loaded))]


class _UnsupportedError(BrokenError):
    """A stored program is sound and needs another engine."""


def _prepared(data: bytes, digest: str) -> Prepared:
    """Return a stored program; it keeps the digest that it was stored under, which runs pin."""
    try:
        program = codec.load(data, digest)
        what = unsupported(program)
        if what is None:
            return prepare(program, digest)
    except Exception as damage:
        raise BrokenError(f"the program {digest} cannot be read: {in_words(damage)}") from damage
    raise _UnsupportedError(f"`{program.name}` ({digest}): {what}")


def _missing(digest: str) -> BrokenError:
    return BrokenError(
        f"the program {digest} is missing: register its workflow again, then restart the engine"
    )
