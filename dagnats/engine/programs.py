"""Registered programs: names to digests, digests to programs ready to run. Runs pin a digest."""

from dataclasses import dataclass
from typing import Any

import msgspec

from dagnats.engine.faults import in_words
from dagnats.errors import BrokenError, RefusedError
from dagnats.ir import codec
from dagnats.ir.program import Program
from dagnats.machine.admission import Door
from dagnats.machine.events import rfc3339
from dagnats.machine.prepared import Prepared, prepare
from dagnats.ports import ProgramStore
from dagnats.source.shape import check_value

PROGRAMS_MAX = 1_000
"""Programs kept in memory besides those of live runs; the oldest is read again when asked for."""


VERSIONS_MAX = 100
"""Of each name so many versions are known by label, the last ones; digests are known for ever."""


class Version(msgspec.Struct, frozen=True):
    """One program that a name has stood for."""

    digest: str
    label: str | None
    registered_at: str


class Alias(msgspec.Struct, frozen=True):
    """What a workflow's name stands for now."""

    name: str
    digest: str
    label: str | None
    registered_at: str
    steps: int
    versions: tuple[Version, ...] = ()


@dataclass(frozen=True, slots=True)
class Loaded:
    """A program in memory: ready to run, and as its canonical bytes."""

    prepared: Prepared
    data: bytes
    door: Door

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
        if any(trigger.enabled for trigger in program.triggers):
            raise RefusedError(
                "invalid", f"`{program.name}` has triggers, which this engine does not serve yet"
            )
        digest = codec.digest(program)
        known = self._aliases.get(program.name)
        if known is not None and known.digest == digest and await self._is_stored(digest):
            return known, False
        canonical = codec.encode(program)
        await self._store.save_program(digest, canonical)
        version = Version(digest, program.label, rfc3339(now))
        before = [one for one in (known.versions if known else ()) if one.digest != digest]
        alias = Alias(
            program.name,
            digest,
            program.label,
            version.registered_at,
            len(program.nodes),
            (version, *before)[:VERSIONS_MAX],
        )
        await self._store.save_alias(program.name, _encode_alias(alias))
        self._aliases[program.name] = alias
        self._keep(digest, _loaded(program, digest, canonical))
        return alias, True

    def aliases(self) -> list[Alias]:
        """Return all names with what they stand for, in alphabetical order."""
        return [self._aliases[name] for name in sorted(self._aliases)]

    def versions(self, name: str) -> tuple[Version, ...]:
        """Return what a name has stood for, newest first. Raises RefusedError `not_found`."""
        alias = self._aliases.get(name)
        if alias is None:
            raise RefusedError("not_found", f"no workflow `{name}` is registered")
        return alias.versions or (Version(alias.digest, alias.label, alias.registered_at),)

    async def delete(self, name: str) -> None:
        """Forget a name; runs go on with their programs. Raises RefusedError `not_found`."""
        if name not in self._aliases:
            raise RefusedError("not_found", f"no workflow `{name}` is registered")
        await self._store.delete_alias(name)
        del self._aliases[name]

    def known(self, name: str, version: str = "") -> Loaded | None:
        """Return a named program if it is in memory."""
        if version:
            return None
        alias = self._aliases.get(name)
        return self._loaded.get(alias.digest) if alias is not None else None

    async def find(self, name: str, version: str = "") -> Loaded:
        """Return a program by name or digest, or a version of a name by label or digest.

        Raises RefusedError `not_found`; BrokenError when what was registered is gone or damaged.
        """
        alias = self._aliases.get(name)
        if alias is None and not name.startswith("sha256:"):
            await self.open()
            alias = self._aliases.get(name)
        digest = alias.digest if alias is not None else name
        if version:
            digest = _digest_of(alias, name, version)
        found = await self._load(digest)
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
            found = _read(data, digest)
            self._keep(digest, found)
        return found

    def _keep(self, digest: str, loaded: Loaded) -> None:
        self._loaded[digest] = loaded
        if len(self._loaded) > PROGRAMS_MAX:
            del self._loaded[next(iter(self._loaded))]


def _loaded(program: Program, digest: str, data: bytes) -> Loaded:
    return Loaded(prepare(program, digest), data, Door(program))


def _read(data: bytes, digest: str) -> Loaded:
    """Return a stored program; it keeps the digest that it was stored under, which runs pin."""
    try:
        return _loaded(codec.load(data, digest), digest, data)
    except Exception as damage:
        raise BrokenError(f"the program {digest} cannot be read: {in_words(damage)}") from damage


def _digest_of(alias: Alias | None, name: str, version: str) -> str:
    """Return the digest of a version of a name. Raises RefusedError `not_found`."""
    for one in alias.versions if alias is not None else ():
        if version in {one.digest, one.label}:
            return one.digest
    raise RefusedError("not_found", f"workflow `{name}` has no version `{version}`")


def _missing(digest: str) -> BrokenError:
    return BrokenError(
        f"the program {digest} is missing: register its workflow again, then restart the engine"
    )
